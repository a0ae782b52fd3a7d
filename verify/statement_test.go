package verify_test

import (
	"testing"

	"seyfert/clearing"
	"seyfert/proof"
	"seyfert/verify"
	"seyfert/wire"
)

// TestStatementsThatDoNotFit has both nodes sign, and the record say, what does not belong
// together: signatures and hashes are good, and the transfer is not.
func TestStatementsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		words  string
		change func(*clearing.Prepare, *clearing.Fulfil, *clearing.Ack)
	}{
		"another preimage": {
			"preimage is wrong",
			func(_ *clearing.Prepare, f *clearing.Fulfil, _ *clearing.Ack) {
				f.Preimage = wire.Digest{9}.String()
			},
		},
		"a preimage that is none": {
			"preimage is wrong",
			func(_ *clearing.Prepare, f *clearing.Fulfil, _ *clearing.Ack) { f.Preimage = "" },
		},
		"a fulfil of another prepare": {
			"fulfil does not answer",
			func(_ *clearing.Prepare, f *clearing.Fulfil, _ *clearing.Ack) {
				f.PrepareHash = wire.Digest{9}.String()
			},
		},
		"an ack of another fulfil": {
			"ack does not answer",
			func(_ *clearing.Prepare, _ *clearing.Fulfil, a *clearing.Ack) {
				a.FulfilHash = wire.Digest{9}.String()
			},
		},
		"an ack of another date": {
			"ack does not answer",
			func(_ *clearing.Prepare, _ *clearing.Fulfil, a *clearing.Ack) { a.Due++ },
		},
		"another scale": {
			"differ in the amount",
			func(p *clearing.Prepare, f *clearing.Fulfil, a *clearing.Ack) {
				p.Amount.Scale = 2
				f.PrepareHash = clearing.BodyHash(*p)
				a.PrepareHash, a.FulfilHash = f.PrepareHash, clearing.BodyHash(*f)
			},
		},
		"an amount that is none": {
			"differ in the amount",
			func(p *clearing.Prepare, f *clearing.Fulfil, a *clearing.Ack) {
				p.Amount.Value = "015000"
				f.PrepareHash = clearing.BodyHash(*p)
				a.PrepareHash, a.FulfilHash = f.PrepareHash, clearing.BodyHash(*f)
			},
		},
	} {
		w := newWorld(t, "")
		b := w.bundle(t, w.payer, 0)
		w.state(t, &b, c.change)
		r := verify.Check(mustEncode(t, b), verify.Options{Headers: w.chain.bytes()})
		if r.Failed() != verify.StepStatements {
			t.Errorf("%s: fails at %q", name, r.Failed())
		}
		has(t, r.Text(), c.words)
	}
}

// state lets both nodes sign changed bodies and puts their hashes into the record.
func (w *world) state(t *testing.T, b *proof.Bundle,
	change func(*clearing.Prepare, *clearing.Fulfil, *clearing.Ack),
) {
	t.Helper()
	var p clearing.Prepare
	var f clearing.Fulfil
	var a clearing.Ack
	s := b.Statements
	said := []struct {
		jws  *string
		by   *member
		body any
	}{{&s.Prepare, w.payer, &p}, {&s.Fulfil, w.payee, &f}, {&s.Ack, w.payer, &a}}
	var messages []wire.Message
	for _, one := range said {
		m, err := wire.ParseMessage(payloadOf(t, *one.jws))
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.UnmarshalJCS(m.Body, one.body); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	change(&p, &f, &a)
	for i, m := range messages {
		m.Body = clearing.Canonical(said[i].body)
		payload, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		*said[i].jws = said[i].by.sign(t, wire.TypMessage, payload)
	}
	data, err := b.Record.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	r, err := clearing.ParseCleared(data)
	if err != nil {
		t.Fatal(err)
	}
	r.PrepareHash = clearing.Hash32(clearing.BodyHash(p))
	r.FulfilHash = clearing.Hash32(clearing.BodyHash(f))
	r.AckHash = clearing.Hash32(clearing.BodyHash(a))
	b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, r.Encode())
}
