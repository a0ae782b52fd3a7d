package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// suite opens every hash and key derivation, so that nothing made for one version or purpose
// can be taken for another.
const suite = "seyfert/v1/"

// Hash is H of B7: SHA-256 over "seyfert/v1/", the tag, a zero byte and each part with its
// length as u32 big-endian before it. The lengths keep two lists of parts from having one
// text.
func Hash(tag string, parts ...[]byte) [32]byte {
	length := len(suite) + len(tag) + 1
	for _, part := range parts {
		if uint64(len(part)) > math.MaxUint32 {
			panic(fmt.Sprintf("wire: hash part of %d bytes", len(part)))
		}
		length += 4 + len(part)
	}
	// Short texts, such as every audit leaf, are hashed in one piece and without memory.
	var room [512]byte
	text := room[:0]
	if length > len(room) {
		text = make([]byte, 0, length)
	}
	text = append(append(append(text, suite...), tag...), 0)
	for _, part := range parts {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}

// Digest is a SHA-256 value in a signed JSON text: 64 lower-case hexadecimal digits. CBOR
// carries the 32 bytes. The zero Digest stands for "none" and is written like any other.
type Digest [32]byte

// ParseDigest reads 64 lower-case hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*len(d) {
		return d, errors.New("digest: want 64 hexadecimal digits")
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil || d.String() != s {
		return Digest{}, errors.New("digest: not lower-case hexadecimal")
	}
	return d, nil
}

// String is the 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero says whether d stands for "none".
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as strictly as ParseDigest.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// u16, u32 and u64 are the big-endian parts of hashes and layouts.
func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
