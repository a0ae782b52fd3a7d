package journal_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/journal"
	"seyfert/wire"
)

func drawCommand(t *rapid.T) journal.Command {
	text := rapid.StringN(0, 12, -1)
	c := journal.Command{
		Kind:    rapid.Uint16Min(1).Draw(t, "kind"),
		Version: rapid.Uint16Min(1).Draw(t, "version"),
		Principal: journal.Principal{
			Kind: journal.PrincipalKind(rapid.Uint8Range(1, 7).Draw(t, "principal")),
			ID:   text.Draw(t, "id"),
			Key:  text.Draw(t, "key"),
		},
	}
	copy(c.ID[:], rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "id"))
	copy(c.RequestHash[:], rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "request"))
	if body := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body"); len(body) > 0 {
		c.Body = body
	}
	return c
}

// TestEntryRoundTrip holds what Raft relies on: the entry that was proposed is the entry that
// a replay reads.
func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := journal.Entry{
			Header: journal.Header{
				Format: journal.Format,
				Node:   rapid.StringN(1, 20, -1).Draw(t, "node"),
				Time:   rapid.Int64().Draw(t, "time"),
				Rule:   rapid.Uint16Min(1).Draw(t, "rule"),
			},
			Commands: rapid.SliceOfN(rapid.Custom(drawCommand), 1, 5).Draw(t, "commands"),
		}
		copy(e.Header.Seed[:], rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "seed"))
		got, err := journal.DecodeEntry(e.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatalf("entry differs (-want +got):\n%s", diff)
		}
	})
}

func goldenEntry() journal.Entry {
	full := command("body")
	full.ID = [16]byte{0: 1, 15: 16}
	full.RequestHash = [32]byte{0: 2, 31: 32}
	tick := journal.Command{
		Kind: 2, Version: 1, Principal: journal.Principal{Kind: journal.System},
	}
	return journal.Entry{
		Header: journal.Header{
			Format: journal.Format, Node: "did:web:seoul.example", Time: 1_790_000_000_000,
			Rule: 1, Seed: [32]byte{0: 3, 31: 33},
		},
		Commands: []journal.Command{full, tick},
	}
}

// TestGoldenEntry fails when the bytes of format 1 change: journals are kept for ever.
func TestGoldenEntry(t *testing.T) {
	text, err := os.ReadFile("testdata/entry-1.hex")
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := goldenEntry().Encode(); !bytes.Equal(got, want) {
		t.Fatalf("the golden entry encodes to\n%x", got)
	}
	got, err := journal.DecodeEntry(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(goldenEntry(), got); diff != "" {
		t.Fatalf("the golden entry differs (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	encode := func(change func(e *journal.Entry)) []byte {
		e := goldenEntry()
		change(&e)
		return rawMarshal(t, e)
	}
	cases := map[string][]byte{
		"nothing":       nil,
		"trailing byte": append(goldenEntry().Encode(), 0),
		"another format": encode(func(e *journal.Entry) {
			e.Header.Format = journal.Format + 1
		}),
		"no node":    encode(func(e *journal.Entry) { e.Header.Node = "" }),
		"no rule":    encode(func(e *journal.Entry) { e.Header.Rule = 0 }),
		"no command": encode(func(e *journal.Entry) { e.Commands = nil }),
		"bad command": encode(func(e *journal.Entry) {
			e.Commands[1].Kind = 0
		}),
		"too many commands": encode(func(e *journal.Entry) {
			e.Commands = make([]journal.Command, journal.EntryCommandsMax+1)
			for i := range e.Commands {
				e.Commands[i] = goldenEntry().Commands[1]
			}
		}),
		"too many bytes": encode(func(e *journal.Entry) {
			c := e.Commands[1]
			c.Body = make([]byte, journal.BodyBytesMax)
			e.Commands = nil
			for range journal.EntryBytesMax / journal.BodyBytesMax {
				e.Commands = append(e.Commands, c)
			}
		}),
	}
	for name, data := range cases {
		if e, err := journal.DecodeEntry(data); err == nil {
			t.Errorf("%s was read as %+v", name, e.Header)
		}
	}
	for _, at := range []int{0, 1, 5, 40} {
		if _, err := journal.DecodeEntry(goldenEntry().Encode()[:at]); err == nil {
			t.Errorf("the first %d bytes were read", at)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an entry that cannot be read was encoded")
		}
	}()
	journal.Entry{}.Encode()
}

// TestLargestCommandsFit holds the bounds on encoded sizes that batches are cut by.
func TestLargestCommandsFit(t *testing.T) {
	text := strings.Repeat("x", journal.PrincipalTextMax)
	c := journal.Command{
		Kind: 0xffff, Version: 0xffff,
		Principal: journal.Principal{Kind: journal.Public, ID: text, Key: text},
		ID:        [16]byte{1}, RequestHash: [32]byte{1},
		Body: make([]byte, journal.BodyBytesMax),
	}
	e := journal.Entry{Header: journal.Header{
		Format: journal.Format, Node: strings.Repeat("x", journal.NodeTextMax),
		Time: -1 << 63, Rule: 0xffff, Seed: [32]byte{1},
	}}
	last := 0
	for range 3 {
		e.Commands = append(e.Commands, c)
		size := len(e.Encode())
		if grown := size - last - len(c.Body) - 2*len(text); last > 0 && grown > 128 {
			t.Fatalf("a command takes %d bytes beside its texts", grown)
		} else if last == 0 && grown-len(e.Header.Node) > 128+128 {
			t.Fatalf("header and command take %d bytes beside their texts", grown)
		}
		last = size
	}
}

func FuzzDecodeEntry(f *testing.F) {
	golden := goldenEntry().Encode()
	f.Add(golden)
	f.Add(golden[:len(golden)-1])
	f.Add([]byte{0xa2})
	one := goldenEntry()
	one.Commands = one.Commands[1:]
	f.Add(one.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := journal.DecodeEntry(data)
		var other journal.Entry
		if wireErr := wire.Unmarshal(data, &other); err != nil {
			// What only the wire room reads is an entry that breaks a limit.
			if wireErr == nil && len(other.Commands) > 0 && strings.Contains(err.Error(), "form") {
				t.Fatalf("%x is refused as %v and is canonical", data, err)
			}
			return
		} else if wireErr != nil {
			t.Fatalf("%x is read and is not canonical: %v", data, wireErr)
		}
		if diff := cmp.Diff(other, e); diff != "" {
			t.Fatalf("%x reads differently (-wire +journal):\n%s", data, diff)
		}
		if again := e.Encode(); !bytes.Equal(again, data) {
			t.Fatalf("%x is read and written as %x", data, again)
		}
	})
}

// rawMarshal encodes what Encode would refuse.
func rawMarshal(tb testing.TB, e journal.Entry) []byte {
	tb.Helper()
	data, err := wire.Marshal(e)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
