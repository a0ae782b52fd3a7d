package merkle_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"seyfert/merkle"
)

const origin = "did:web:a.example/journal/1"

// keyPair is an Ed25519 key that signs what it is given.
type keyPair struct {
	pub  ed25519.PublicKey
	priv ed25519.PrivateKey
}

func newKey(fill byte) keyPair {
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
	return keyPair{priv.Public().(ed25519.PublicKey), priv}
}

func (k keyPair) sign(text []byte) ([]byte, error) {
	return ed25519.Sign(k.priv, text), nil
}

func someCheckpoint() merkle.Checkpoint {
	return merkle.Checkpoint{Origin: origin, Size: 1000, Root: merkle.LeafHash([]byte("root"))}
}

func mustSign(tb testing.TB, c merkle.Checkpoint, k keyPair) string {
	tb.Helper()
	signed, err := merkle.SignCheckpoint(c, k.pub, k.sign)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// The example of the C2SP tlog-checkpoint document.
func TestCheckpointText(t *testing.T) {
	root, err := tlog.ParseHash("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
	if err != nil {
		t.Fatal(err)
	}
	c := merkle.Checkpoint{Origin: "example.com/behind-the-sofa", Size: 20852163, Root: root}
	const want = "example.com/behind-the-sofa\n20852163\n" +
		"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	if c.Text() != want {
		t.Errorf("text %q, want %q", c.Text(), want)
	}
}

// Key ids of published verifier keys: the Go checksum database and the note package's example.
func TestKeyHash(t *testing.T) {
	for _, c := range []struct {
		name, key string
		want      uint32
	}{
		{"sum.golang.org", "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", 0x033de0ae},
		{"PeterNeumann", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", 0xc74f20a3},
	} {
		raw, err := base64.StdEncoding.DecodeString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if got := merkle.KeyHash(c.name, raw[1:]); got != c.want {
			t.Errorf("%s has id %08x, want %08x", c.name, got, c.want)
		}
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	k := newKey(1)
	for _, c := range []merkle.Checkpoint{
		someCheckpoint(),
		{Origin: origin, Size: 0, Root: merkle.EmptyRoot()},
		{Origin: origin, Size: 1},
		{Origin: "did:web:example.com%3A3000:서울/journal/2", Size: merkle.LeavesMax},
		{Origin: strings.Repeat("o", merkle.OriginBytesMax), Size: merkle.LeavesMax},
	} {
		signed := mustSign(t, c, k)
		if len(signed) > merkle.CheckpointBytesMax {
			t.Errorf("%d bytes", len(signed))
		}
		again, err := merkle.OpenCheckpoint(signed, c.Origin, k.pub)
		if err != nil || again != c {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
		// Any reader of signed notes opens it with the key in its usual spelling.
		spelled, err := note.NewEd25519VerifierKey(c.Origin, k.pub)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(spelled)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
		if err != nil || opened.Text != c.Text() {
			t.Errorf("opened as %+v, %v", opened, err)
		}
	}
}

func TestSignCheckpointRefused(t *testing.T) {
	k := newKey(1)
	for name, c := range map[string]merkle.Checkpoint{
		"no origin":         {Size: 1},
		"space":             {Origin: "did:web:a example", Size: 1},
		"wide space":        {Origin: "did:web:a\u3000example", Size: 1},
		"newline":           {Origin: "did:web:a.example\n7", Size: 1},
		"plus":              {Origin: "did:web:a+example", Size: 1},
		"control":           {Origin: "did:web:a\x00example", Size: 1},
		"not UTF-8":         {Origin: "did:web:\xff", Size: 1},
		"long origin":       {Origin: strings.Repeat("o", merkle.OriginBytesMax+1), Size: 1},
		"negative size":     {Origin: origin, Size: -1},
		"size above limit":  {Origin: origin, Size: merkle.LeavesMax + 1},
		"empty with a root": {Origin: origin, Size: 0, Root: merkle.Hash{1}},
	} {
		if _, err := merkle.SignCheckpoint(c, k.pub, k.sign); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	c := someCheckpoint()
	if _, err := merkle.SignCheckpoint(c, k.pub[:31], k.sign); err == nil {
		t.Error("signed under half a key")
	}
	if _, err := merkle.SignCheckpoint(c, newKey(2).pub, k.sign); err == nil {
		t.Error("handed on a signature by another key")
	}
	refuse := func([]byte) ([]byte, error) { return nil, errBroken }
	if _, err := merkle.SignCheckpoint(c, k.pub, refuse); !errors.Is(err, errBroken) {
		t.Errorf("the signer's error is lost: %v", err)
	}
}

// Every byte of a signed checkpoint matters: no byte can be changed, left out or added.
func TestCheckpointHasNoIdleByte(t *testing.T) {
	k := newKey(1)
	signed := mustSign(t, someCheckpoint(), k)
	refused := func(what string, at int, changed string) {
		t.Helper()
		if changed == signed {
			return
		}
		if c, err := merkle.OpenCheckpoint(changed, origin, k.pub); err == nil {
			t.Errorf("%s at %d: %+v", what, at, c)
		}
	}
	for at := range len(signed) {
		for bit := range 8 {
			flipped := []byte(signed)
			flipped[at] ^= 1 << bit
			refused("flip", at, string(flipped))
		}
		refused("cut", at, signed[:at])
		refused("left out", at, signed[:at]+signed[at+1:])
	}
	for at := range len(signed) + 1 {
		for _, more := range []string{"\n", " ", "0", "=", "A", "\r", "+"} {
			refused("added", at, signed[:at]+more+signed[at:])
		}
	}
}

func TestOpenCheckpointRefused(t *testing.T) {
	k := newKey(1)
	c := someCheckpoint()
	signed := mustSign(t, c, k)
	if _, err := merkle.OpenCheckpoint(signed, "did:web:b.example/journal/1", k.pub); err == nil {
		t.Error("opened as another tree's")
	}
	if _, err := merkle.OpenCheckpoint(signed, origin, newKey(2).pub); err == nil {
		t.Error("opened under another key")
	}
	if _, err := merkle.OpenCheckpoint(signed, origin, k.pub[:31]); err == nil {
		t.Error("opened under half a key")
	}
	if _, err := merkle.OpenCheckpoint(signed, "not an origin", k.pub); err == nil {
		t.Error("opened as no tree's")
	}
	long := signed + strings.Repeat("x", merkle.CheckpointBytesMax)
	if _, err := merkle.OpenCheckpoint(long, origin, k.pub); err == nil {
		t.Error("opened more than CheckpointBytesMax")
	}
}

// Notes that any C2SP reader accepts, signed by the right key, and that are refused here
// because they say more, or the same in other words.
func TestOpenCheckpointIsCanonical(t *testing.T) {
	k, other := newKey(1), newKey(2)
	c := someCheckpoint()
	root := c.Root.String()
	for name, text := range map[string]string{
		"extension line":  c.Text() + "more\n",
		"no root":         origin + "\n1000\n",
		"size +":          origin + "\n+1000\n" + root + "\n",
		"size with zero":  origin + "\n01000\n" + root + "\n",
		"negative size":   origin + "\n-1000\n" + root + "\n",
		"size with space": origin + "\n1000 \n" + root + "\n",
		"size too great":  origin + "\n281474976710657\n" + root + "\n",
		"size not int64":  origin + "\n9223372036854775808\n" + root + "\n",
		"no leaves":       origin + "\n0\n" + root + "\n",
		"short root":      origin + "\n1000\n" + root[:40] + "\n",
		"bare root":       origin + "\n1000\n" + strings.TrimSuffix(root, "=") + "\n",
		"another origin":  "did:web:b.example/journal/1\n1000\n" + root + "\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, noteSigner{origin, k})
		if err != nil {
			t.Fatal(err)
		}
		if c, err := merkle.OpenCheckpoint(string(signed), origin, k.pub); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for name, signers := range map[string][]note.Signer{
		"witness after":  {noteSigner{origin, k}, noteSigner{"witness.example", other}},
		"witness before": {noteSigner{"witness.example", other}, noteSigner{origin, k}},
		"signed twice":   {noteSigner{origin, k}, noteSigner{origin, k}},
		"another name":   {noteSigner{"did:web:b.example/journal/1", k}},
	} {
		signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := merkle.OpenCheckpoint(string(signed), origin, k.pub); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, noteSigner{origin, k})
	if err != nil || string(signed) != mustSign(t, c, k) {
		t.Errorf("the note package writes %q, %v", signed, err)
	}
}

// noteSigner signs notes by way of the note package.
type noteSigner struct {
	name string
	key  keyPair
}

func (s noteSigner) Name() string                     { return s.name }
func (s noteSigner) KeyHash() uint32                  { return merkle.KeyHash(s.name, s.key.pub) }
func (s noteSigner) Sign(text []byte) ([]byte, error) { return s.key.sign(text) }

func FuzzOpenCheckpoint(f *testing.F) {
	k := newKey(1)
	f.Add(mustSign(f, someCheckpoint(), k))
	f.Add(mustSign(f, merkle.Checkpoint{Origin: origin, Root: merkle.EmptyRoot()}, k))
	f.Fuzz(func(t *testing.T, signed string) {
		c, err := merkle.OpenCheckpoint(signed, origin, k.pub)
		// Ed25519 is deterministic, so what opens is what this key writes.
		if err == nil && mustSign(t, c, k) != signed {
			t.Errorf("%q has a second spelling", signed)
		}
	})
}

// Values computed apart from this code, from the definition in section B7 of the protocol.
func TestDayRoot(t *testing.T) {
	counting := mustHash(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	for _, c := range []struct {
		size         uint64
		root, totals [32]byte
		want         string
	}{
		{
			1000, [32]byte(bytes.Repeat([]byte{0x77}, 32)),
			[32]byte{},
			"8a7f9ef2e567c963ac64fcd8ca12e512c8967b0612fdaadf31af959d9a8c960a",
		},
		{
			1<<64 - 1, counting, [32]byte(bytes.Repeat([]byte{0x88}, 32)),
			"2e59e2508ea1b74b8f1b67bd5a345b9c77a1549fe7a882c15a5df7fecc80c8fb",
		},
	} {
		got := merkle.DayRoot(origin, c.size, c.root, c.totals)
		if merkle.Hash(got) != mustHash(t, c.want) {
			t.Errorf("day root of %d leaves is %x, want %s", c.size, got, c.want)
		}
	}
}

// No two days share a root: every part counts, and no part can lend bytes to the next.
func TestDayRootPartsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type day struct {
			origin       string
			size         uint64
			root, totals [32]byte
		}
		draw := func(name string) day {
			return day{
				origin: rapid.StringN(0, 3, 12).Draw(t, name+" origin"),
				size:   rapid.Uint64Range(0, 3).Draw(t, name+" size"),
				root:   [32]byte{rapid.Byte().Draw(t, name+" root")},
				totals: [32]byte{rapid.Byte().Draw(t, name+" totals")},
			}
		}
		a, b := draw("one"), draw("other")
		same := merkle.DayRoot(a.origin, a.size, a.root, a.totals) ==
			merkle.DayRoot(b.origin, b.size, b.root, b.totals)
		if same != (a == b) {
			t.Fatalf("%+v and %+v: same root %v", a, b, same)
		}
	})
}
