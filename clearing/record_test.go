package clearing_test

import (
	"strings"
	"testing"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/money"

	"github.com/google/go-cmp/cmp"
)

func cleared() clearing.Cleared {
	p := quote().Prepare()
	f := fulfil(p)
	return clearing.Cleared{
		Payer: "did:web:seoul.example", Payee: "did:web:tokyo.example",
		Self: "did:web:seoul.example", Transfer: p.Transfer,
		Amount: money.New(money.KRW, 15_000), Due: p.Due, ClearSeq: 1, At: 1_795_000_000_000,
		PrepareHash: clearing.Hash32(clearing.BodyHash(p)),
		FulfilHash:  clearing.Hash32(clearing.BodyHash(f)),
		AckHash:     clearing.Hash32(clearing.BodyHash(ack(p, f))),
		PeerKey:     strings.Repeat("k", 43),
	}
}

func TestClearedRoundTrip(t *testing.T) {
	want := cleared()
	got, err := clearing.ParseCleared(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b money.Amount) bool {
		return a == b
	})); diff != "" {
		t.Error(diff)
	}
}

func TestParseClearedRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *clearing.Cleared)
	}{
		{"a node that owes itself", func(c *clearing.Cleared) { c.Payee = c.Payer }},
		{"the record of a third node", func(c *clearing.Cleared) { c.Self = "did:web:osaka.example" }},
		{"no amount", func(c *clearing.Cleared) { c.Amount = money.New(money.KRW, 0) }},
		{"no transfer", func(c *clearing.Cleared) { c.Transfer = clearing.TransferID{} }},
		{"no number", func(c *clearing.Cleared) { c.ClearSeq = 0 }},
		{"no key of the peer", func(c *clearing.Cleared) { c.PeerKey = "" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := cleared()
			test.change(&c)
			if _, err := clearing.ParseCleared(c.Encode()); err == nil {
				t.Error("it was read")
			}
		})
	}
	data := cleared().Encode()
	for name, bad := range map[string][]byte{
		"nothing": nil, "cut short": data[:len(data)-1],
		"a byte more": append(data[:len(data):len(data)], 0),
	} {
		if _, err := clearing.ParseCleared(bad); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestRecordHash: the record that goes on the chain names all three statements.
func TestRecordHash(t *testing.T) {
	p := quote().Prepare()
	f := fulfil(p)
	a := ack(p, f)
	first := clearing.RecordHash(p.Transfer, p, f, a)
	other := p
	other.Due++
	second := a
	second.ClearSeq++
	third := f
	third.Preimage = ""
	for name, hash := range map[string][32]byte{
		"prepare": clearing.RecordHash(p.Transfer, other, f, a),
		"fulfil":  clearing.RecordHash(p.Transfer, p, third, a),
		"ack":     clearing.RecordHash(p.Transfer, p, f, second),
	} {
		if hash == first {
			t.Errorf("the %s changes nothing", name)
		}
	}
}

func FuzzParseCleared(f *testing.F) {
	data := cleared().Encode()
	f.Add(data)
	f.Add(data[:40])
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := clearing.ParseCleared(data)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		if string(c.Encode()) != string(data) {
			t.Fatalf("%x reads as %x", data, c.Encode())
		}
	})
}
