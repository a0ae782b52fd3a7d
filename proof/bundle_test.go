package proof_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/proof"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

// sample is a bundle that is well formed and proves nothing.
func sample() proof.Bundle {
	return proof.Bundle{
		Format: proof.Format, Network: "regtest", Descriptor: "a.b.c",
		Record: proof.NewRecord(proof.KindCleared, [32]byte{1}, []byte{0xa0, 0xff}),
		Statements: &proof.Statements{
			PeerDescriptor: "d.e.f", Prepare: "g.h.i", Fulfil: "j.k.l", Ack: "m.n.o",
		},
		Position:   proof.Position{Leaf: 3, Proof: []wire.Digest{{2}, {3}}},
		Checkpoint: "did:web:a.example/journal/0\n4\n",
		Day:        proof.Day{Number: 20727, Totals: wire.Digest{4}},
		Anchor: proof.Anchor{
			Lane: 1, Spends: []string{"0102", "03"}, Index: 2,
			Siblings: []string{strings.Repeat("05", 32)}, Header: strings.Repeat("06", 80),
		},
	}
}

// sampleOf is the same for another kind of record, which rests on no statements.
func sampleOf(kind uint16) proof.Bundle {
	b := sample()
	b.Record.Kind, b.Statements = kind, nil
	return b
}

func mustEncode(t testing.TB, b proof.Bundle) []byte {
	t.Helper()
	file, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBundleRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*proof.Bundle){
		"as it is":  func(*proof.Bundle) {},
		"a posting": func(b *proof.Bundle) { *b = sampleOf(proof.KindPosted) },
		"a hold":    func(b *proof.Bundle) { *b = sampleOf(proof.KindHold) },
		"empty paths": func(b *proof.Bundle) {
			b.Position.Proof, b.Anchor.Siblings = []wire.Digest{}, []string{}
		},
		"full paths": func(b *proof.Bundle) {
			b.Position.Proof = make([]wire.Digest, proof.HashesMax)
			b.Anchor.Siblings = repeat(strings.Repeat("00", 32), proof.HashesMax)
		},
		"all spends":     func(b *proof.Bundle) { b.Anchor.Spends = repeat("00", proof.SpendsMax) },
		"long statement": func(b *proof.Bundle) { b.Statements.Ack = letters(proof.StatementBytesMax) },
	} {
		want := sample()
		change(&want)
		got, err := proof.ParseBundle(mustEncode(t, want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestBundleRefused has each rule and each limit once, in Encode and in ParseBundle.
func TestBundleRefused(t *testing.T) {
	for name, c := range map[string]struct {
		field  string
		code   fault.Code
		change func(*proof.Bundle)
	}{
		"another format": {"format", fault.Invalid, func(b *proof.Bundle) {
			b.Format = "seyfert-proof/2"
		}},
		"no record": {"record.data", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Data = ""
		}},
		"no statements": {"statements", fault.Invalid, func(b *proof.Bundle) {
			b.Statements = nil
		}},
		"statements of a posting": {"statements", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Kind = proof.KindPosted
		}},
		"statements of a hold": {"statements", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Kind = proof.KindHold
		}},
		"empty statements of a posting": {"statements", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Kind, b.Statements = proof.KindPosted, &proof.Statements{}
		}},
		"long descriptor of a posting": {"statements", fault.TooLarge, func(b *proof.Bundle) {
			*b = sampleOf(proof.KindPosted)
			b.Descriptor = letters(proof.StatementBytesMax + 1)
		}},
		"padded record": {"record.data", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Data += "="
		}},
		"idle bits": {"record.data", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Data = "oP9"
		}},
		// The decoder of the standard library skips line breaks.
		"line break": {"record.data", fault.Invalid, func(b *proof.Bundle) {
			b.Record.Data = "oP\n8"
		}},
		"long path": {"position.proof", fault.TooLarge, func(b *proof.Bundle) {
			b.Position.Proof = make([]wire.Digest, proof.HashesMax+1)
		}},
		"null path": {"bundle", fault.Invalid, func(b *proof.Bundle) {
			b.Position.Proof = nil
		}},
		"null siblings": {"bundle", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Siblings = nil
		}},
		"many siblings": {"anchor.siblings", fault.TooLarge, func(b *proof.Bundle) {
			b.Anchor.Siblings = repeat(strings.Repeat("00", 32), proof.HashesMax+1)
		}},
		"short sibling": {"anchor.siblings", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Siblings[0] = "00"
		}},
		"upper case": {"anchor.spends", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Spends[0] = "0A"
		}},
		"half a byte": {"anchor.spends", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Spends[0] = "0"
		}},
		"empty spend": {"anchor.spends", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Spends[0] = ""
		}},
		"no spends": {"anchor.spends", fault.TooLarge, func(b *proof.Bundle) {
			b.Anchor.Spends = nil
		}},
		"many spends": {"anchor.spends", fault.TooLarge, func(b *proof.Bundle) {
			b.Anchor.Spends = repeat("00", proof.SpendsMax+1)
		}},
		"short header": {"anchor.header", fault.Invalid, func(b *proof.Bundle) {
			b.Anchor.Header = "00"
		}},
		"long statement": {"statements", fault.TooLarge, func(b *proof.Bundle) {
			b.Statements.Prepare = letters(proof.StatementBytesMax + 1)
		}},
		"long descriptor": {"statements", fault.TooLarge, func(b *proof.Bundle) {
			b.Descriptor = letters(proof.StatementBytesMax + 1)
		}},
	} {
		b := sample()
		c.change(&b)
		if _, err := b.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		file, err := wire.JCS(b)
		if err != nil {
			t.Fatal(err)
		}
		_, err = proof.ParseBundle(file)
		refused, ok := fault.Of(err)
		if !ok || refused.Code != c.code || refused.Field != c.field {
			t.Errorf("%s: got %v, want %s of %s", name, err, c.code, c.field)
		}
	}
}

func TestBundleOneSpelling(t *testing.T) {
	file := string(mustEncode(t, sample()))
	for name, text := range map[string]string{
		"nothing":         "",
		"null":            "null",
		"a list":          "[" + file + "]",
		"space before":    " " + file,
		"line after":      file + "\n",
		"space inside":    strings.Replace(file, `":`, `": `, 1),
		"unknown member":  strings.Replace(file, `{"anchor"`, `{"a":0,"anchor"`, 1),
		"missing member":  strings.Replace(file, `"network":"regtest",`, "", 1),
		"repeated member": strings.Replace(file, `"network":`, `"network":"regtest","network":`, 1),
		"other case":      strings.Replace(file, `"network"`, `"Network"`, 1),
		"null member":     strings.Replace(file, `"regtest"`, "null", 1),
		"escaped letter":  strings.Replace(file, `"regtest"`, `"\u0072egtest"`, 1),
		"other number":    strings.Replace(file, `"leaf":3`, `"leaf":3.0`, 1),
		"a word":          strings.Replace(file, `"leaf":3`, `"leaf":"3"`, 1),
		"negative lane":   strings.Replace(file, `"lane":1`, `"lane":-1`, 1),
		"large number":    strings.Replace(file, `"leaf":3`, `"leaf":9007199254740992`, 1),
		"null digest":     strings.Replace(file, `"`+wire.Digest{4}.String()+`"`, "null", 1),
		"upper digest":    strings.Replace(file, "0400", "0A00", 1),
	} {
		if text == file {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := proof.ParseBundle([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestStatementsOneSpelling: a bundle without statements has no member of that name at all.
func TestStatementsOneSpelling(t *testing.T) {
	for _, kind := range []uint16{proof.KindPosted, proof.KindHold} {
		file := string(mustEncode(t, sampleOf(kind)))
		if strings.Contains(file, "statements") {
			t.Errorf("kind %d: the member is there: %s", kind, file)
		}
		for _, value := range []string{"null", "{}", `""`, "[]"} {
			text := strings.TrimSuffix(file, "}") + `,"statements":` + value + "}"
			if _, err := proof.ParseBundle([]byte(text)); err == nil {
				t.Errorf("kind %d: statements of %s accepted", kind, value)
			}
		}
	}
}

func TestBundleBytesMax(t *testing.T) {
	b := sample()
	// Each transaction costs its digits, two quotes and a comma.
	free := proof.BundleBytesMax - len(mustEncode(t, b))
	b.Anchor.Spends[0] += strings.Repeat("00", free/2)
	file := mustEncode(t, b)
	if len(file) < proof.BundleBytesMax-1 {
		t.Fatalf("%d bytes do not reach the limit", len(file))
	}
	if _, err := proof.ParseBundle(file); err != nil {
		t.Errorf("a bundle of %d bytes: %v", len(file), err)
	}
	b.Anchor.Spends[0] += "00"
	if _, err := b.Encode(); err == nil {
		t.Error("a bundle over the limit was encoded")
	}
	_, err := proof.ParseBundle(make([]byte, proof.BundleBytesMax+1))
	if refused, ok := fault.Of(err); !ok || refused.Code != fault.TooLarge {
		t.Errorf("a file over the limit: %v", err)
	}
}

// TestLeafData fixes the layout: the hash is part of what nodes have signed and anchored.
func TestLeafData(t *testing.T) {
	salt := [32]byte(bytes.Repeat([]byte{0xaa}, 32))
	got := proof.LeafData(proof.KindCleared, salt, []byte("record"))
	// SHA-256 of "seyfert/v1/audit", 00 and the three parts, computed by another program.
	const golden = "690a61a68e3fa0635196872748bd83be295f3dedff42164b36d541b68e8b85fa"
	if text := hex.EncodeToString(got[:]); text != golden {
		t.Errorf("leaf data is %s, want %s", text, golden)
	}
	if proof.LeafData(proof.KindPosted, salt, []byte("record")) == got {
		t.Error("the kind is not hashed")
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add(mustEncode(f, sample()))
	f.Add(mustEncode(f, sampleOf(proof.KindPosted)))
	f.Add([]byte(`{"format":"seyfert-proof/1"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		b, err := proof.ParseBundle(file)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		if again := mustEncode(t, b); !bytes.Equal(again, file) {
			t.Fatalf("read %q, writes %q", file, again)
		}
	})
}

func letters(count int) string { return strings.Repeat("a", count) }

func repeat(text string, count int) []string {
	list := make([]string, count)
	for i := range list {
		list[i] = text
	}
	return list
}
