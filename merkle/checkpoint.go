package merkle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// OriginBytesMax is the greatest length of a checkpoint's origin.
const OriginBytesMax = 512

// CheckpointBytesMax is the greatest length of a signed checkpoint: two lines with the origin,
// one with the size, one with the root, one signature.
const CheckpointBytesMax = 2*OriginBytesMax + 256

// Checkpoint commits to the first Size leaves of one tree.
type Checkpoint struct {
	// Origin names the tree, "<did>/journal/<n>". It is also the name of the key that signs,
	// so it has no white space and no plus sign (C2SP signed-note).
	Origin string
	// Size is the number of leaves, from 0 to LeavesMax.
	Size int64
	// Root is the root hash of the tree at that size.
	Root Hash
}

// Text returns what is signed: origin, size in decimal and root in base64, each on a line that
// ends in a newline (C2SP tlog-checkpoint). It does not check the checkpoint.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// check says what makes c a checkpoint that no reader would accept.
func (c Checkpoint) check() error {
	if !originValid(c.Origin) {
		return fmt.Errorf("merkle: not an origin: %q", c.Origin)
	}
	if c.Size < 0 || c.Size > LeavesMax {
		return fmt.Errorf("merkle: a checkpoint of %d leaves", c.Size)
	}
	if c.Size == 0 && c.Root != EmptyRoot() {
		return fmt.Errorf("merkle: a checkpoint of no leaves with a root")
	}
	return nil
}

// originValid says whether origin can be both a line of the text and the name of a key.
func originValid(origin string) bool {
	if origin == "" || len(origin) > OriginBytesMax || !utf8.ValidString(origin) {
		return false
	}
	return strings.IndexFunc(origin, func(r rune) bool {
		return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r)
	}) < 0
}

// KeyHash returns the first four bytes, big-endian, of SHA-256(name || 0A || 01 || key): the
// id by which a signed note names an Ed25519 key (C2SP signed-note).
func KeyHash(name string, pub ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', 1})
	h.Write(pub)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// SignCheckpoint returns c as a signed note with one signature under the name of its origin.
// The function sign makes an Ed25519 signature of its input with the private half of pub; what
// it returns is verified before it is handed on, so a note that leaves is a note that opens.
func SignCheckpoint(
	c Checkpoint, pub ed25519.PublicKey, sign func(text []byte) ([]byte, error),
) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	if len(pub) != ed25519.PublicKeySize {
		return "", fmt.Errorf("merkle: a public key of %d bytes", len(pub))
	}
	signature, err := sign([]byte(c.Text()))
	if err != nil {
		return "", fmt.Errorf("sign checkpoint of %d leaves: %w", c.Size, err)
	}
	signed := formatCheckpoint(c, pub, signature)
	if _, err := OpenCheckpoint(signed, c.Origin, pub); err != nil {
		return "", fmt.Errorf("sign checkpoint of %d leaves: %w", c.Size, err)
	}
	return signed, nil
}

// formatCheckpoint lays out the one accepted form of a signed checkpoint.
func formatCheckpoint(c Checkpoint, pub ed25519.PublicKey, signature []byte) string {
	id := binary.BigEndian.AppendUint32(nil, KeyHash(c.Origin, pub))
	line := base64.StdEncoding.EncodeToString(append(id, signature...))
	return c.Text() + "\n— " + c.Origin + " " + line + "\n"
}

// OpenCheckpoint verifies a signed checkpoint of the tree named origin under the key pub. It
// accepts exactly what SignCheckpoint writes: three lines of text, one signature line by that
// key, every number and base64 text in its one canonical spelling. Extension lines and further
// signatures, which C2SP would allow, are refused, so that no byte of the note is idle.
func OpenCheckpoint(signed, origin string, pub ed25519.PublicKey) (Checkpoint, error) {
	if len(signed) > CheckpointBytesMax {
		return Checkpoint{}, fmt.Errorf("merkle: a checkpoint of %d bytes", len(signed))
	}
	if !originValid(origin) {
		return Checkpoint{}, fmt.Errorf("merkle: not an origin: %q", origin)
	}
	if len(pub) != ed25519.PublicKeySize {
		return Checkpoint{}, fmt.Errorf("merkle: a public key of %d bytes", len(pub))
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier{origin, pub}))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	c, err := parseText(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != origin {
		return Checkpoint{}, fmt.Errorf("merkle: a checkpoint of %q, not of %q", c.Origin, origin)
	}
	signature, err := base64.StdEncoding.DecodeString(opened.Sigs[0].Base64)
	if err != nil || formatCheckpoint(c, pub, signature[4:]) != signed {
		return Checkpoint{}, fmt.Errorf("merkle: the checkpoint is not in canonical form")
	}
	return c, nil
}

// parseText reads what Checkpoint.Text writes. It lets a few other spellings of the numbers
// through; OpenCheckpoint compares the whole note.
func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("merkle: a checkpoint text of %d lines", len(lines)-1)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("merkle: a checkpoint without a size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("merkle: a checkpoint without a root hash")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	return c, c.check()
}

// verifier lets note.Open check one Ed25519 key under one name.
type verifier struct {
	name string
	pub  ed25519.PublicKey
}

// Name implements note.Verifier.
func (v verifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v verifier) KeyHash() uint32 { return KeyHash(v.name, v.pub) }

// Verify implements note.Verifier.
func (v verifier) Verify(msg, signature []byte) bool {
	return ed25519.Verify(v.pub, msg, signature)
}

// DayRoot returns the inner root of a day's anchor, H("day", origin, size, root, totals) with
// H as in section B7 of the protocol: SHA-256 over "seyfert/v1/day", a zero byte, then each
// part after its length as a big-endian uint32; size is 8 bytes big-endian. Totals is the root
// of the day's totals, or zeros. Every part stands in the input as it is, so that an
// OpenTimestamps proof can reach the anchor from the tree root by appending, prepending and
// hashing alone.
func DayRoot(origin string, size uint64, root, totals [32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("seyfert/v1/day\x00"))
	sized := binary.BigEndian.AppendUint64(nil, size)
	for _, part := range [][]byte{[]byte(origin), sized, root[:], totals[:]} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}
