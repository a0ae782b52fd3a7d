package verify_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"seyfert/clearing"
	"seyfert/money"
	"seyfert/proof"
	"seyfert/verify"
	"seyfert/wire"
)

// TestForgedNode lets a forger do everything right under other people's names: keys, journal,
// lane and anchor are its own, and the anchor is in the chain that everybody trusts.
func TestForgedNode(t *testing.T) {
	genuine, forged := newWorld(t, ""), newWorld(t, "forger")
	file, headers := forged.mustFile(t, forged.payer, 0), forged.chain.bytes()
	r := verify.Check(file, verify.Options{Headers: headers})
	if !r.OK {
		t.Fatalf("a world of its own fails:\n%s", r.Text())
	}
	has(t, r.Text(), "signed by key "+forged.payer.keyID+", whose owner was not checked",
		"signed by key "+forged.payee.keyID+", whose owner was not checked")
	if got := limits(r); !strings.HasPrefix(got, "owner peer ") {
		t.Errorf("not proven: %s", got)
	}
	for name, o := range map[string]verify.Options{
		"thumbprint":        {Pin: genuine.payer.keyID},
		"descriptor":        {Pin: genuine.payer.descriptor},
		"peer's thumbprint": {PeerPin: genuine.payee.keyID},
		"peer's descriptor": {PeerPin: genuine.payee.descriptor},
		"forger and peer":   {Pin: forged.payer.keyID, PeerPin: genuine.payee.keyID},
	} {
		o.Headers = headers
		r := verify.Check(file, o)
		if r.Failed() != verify.StepNode || len(r.Proven) != 0 || len(r.NotProven) != 0 {
			t.Errorf("%s: fails at %q:\n%s", name, r.Failed(), r.Text())
		}
	}
}

// TestForgedParts has what only a node with its keys can do: the genuine node contradicts
// itself, and each contradiction is found where it is.
func TestForgedParts(t *testing.T) {
	lie := func(change func(*clearing.Cleared)) func(*testing.T, *world, *proof.Bundle) {
		return func(t *testing.T, w *world, b *proof.Bundle) {
			data, err := b.Record.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			r, err := clearing.ParseCleared(data)
			if err != nil {
				t.Fatal(err)
			}
			change(&r)
			b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, r.Encode())
		}
	}
	for name, c := range map[string]struct {
		step, words string
		change      func(*testing.T, *world, *proof.Bundle)
	}{
		"another amount": {"statements", "differ in the amount", lie(func(r *clearing.Cleared) {
			r.Amount = money.New(money.KRW, 15_001)
		})},
		"another currency": {"statements", "differ in the amount", lie(func(r *clearing.Cleared) {
			r.Amount = money.New(money.JPY, 15_000)
		})},
		"beyond 64 bits": {"statements", "differ in the amount", lie(func(r *clearing.Cleared) {
			r.Amount = money.FromWords(money.KRW, 1, 15_000)
		})},
		"another date": {"statements", "differ in the due date", lie(func(r *clearing.Cleared) {
			r.Due++
		})},
		"another number": {"statements", "clearing number", lie(func(r *clearing.Cleared) {
			r.ClearSeq++
		})},
		"another transfer": {"statements", "another transfer", lie(func(r *clearing.Cleared) {
			r.Transfer[15]++
		})},
		"another prepare": {"statements", "another prepare", lie(func(r *clearing.Cleared) {
			r.PrepareHash[0]++
		})},
		"another debtor": {"record", "contradicts itself", lie(func(r *clearing.Cleared) {
			r.Payer = r.Payee
		})},
		"nobody's record": {"record", "not made by", lie(func(r *clearing.Cleared) {
			r.Self, r.Payer, r.Payee = r.Payee, r.Payee, r.Payer
		})},
		"a third node": {"record", "not of the other node", lie(func(r *clearing.Cleared) {
			r.Payee = "did:web:osaka.example"
		})},
		"no key of the other node": {"record", "names no key", lie(func(r *clearing.Cleared) {
			r.PeerKey = ""
		})},
		"another key of the other node": {"record", "pinned", lie(func(r *clearing.Cleared) {
			r.PeerKey = wire.Thumbprint(make([]byte, 32))
		})},
		"a prepare to another node": {"statements", "to did:web:osaka.example", restate(
			func(s *proof.Statements) *string { return &s.Prepare },
			func(m *wire.Message) { m.To = "did:web:osaka.example" })},
		"a prepare by another name": {"statements", "from did:web:osaka.example", restate(
			func(s *proof.Statements) *string { return &s.Prepare },
			func(m *wire.Message) { m.From = "did:web:osaka.example" })},
		"an ack of another kind": {"statements", "a transfer.accept from", restate(
			func(s *proof.Statements) *string { return &s.Ack },
			func(m *wire.Message) { m.Type = "transfer.accept" })},
		"a statement that is an offer": {"statements", "offer+jws", func(
			t *testing.T, w *world, b *proof.Bundle,
		) {
			b.Statements.Ack = w.payer.sign(t, wire.TypOffer, payloadOf(t, b.Statements.Ack))
		}},
		"a descriptor as a statement": {"statements", "node+jws", func(
			_ *testing.T, w *world, b *proof.Bundle,
		) {
			b.Statements.Ack = w.payer.descriptor
		}},
		"one node twice": {"descriptor", "of one node", func(
			_ *testing.T, _ *world, b *proof.Bundle,
		) {
			b.Statements.PeerDescriptor = b.Descriptor
		}},
		"another journal": {"checkpoint", "does not hold", func(
			_ *testing.T, w *world, b *proof.Bundle,
		) {
			b.Checkpoint = w.days[0][1].note
		}},
		"the other node's lane": {"anchor", "does not spend the lane's coin", func(
			_ *testing.T, w *world, b *proof.Bundle,
		) {
			b.Anchor.Spends = w.days[0][1].spends
		}},
		"another day": {"anchor", "something else", func(_ *testing.T, _ *world, b *proof.Bundle) {
			b.Day.Number++
		}},
		"a lane without change": {"anchor", "no output 1", cut},
	} {
		w := newWorld(t, "")
		b := w.bundle(t, w.payer, 0)
		c.change(t, w, &b)
		r := verify.Check(mustEncode(t, b), verify.Options{Headers: w.chain.bytes()})
		if r.Failed() != c.step {
			t.Errorf("%s: fails at %q, want %q", name, r.Failed(), c.step)
		}
		has(t, r.Text(), c.words, "FAILED  "+c.step, "Not reached.")
	}
}

// restate lets the payer sign a changed message.
func restate(
	which func(*proof.Statements) *string, change func(*wire.Message),
) func(*testing.T, *world, *proof.Bundle) {
	return func(t *testing.T, w *world, b *proof.Bundle) {
		jws := which(b.Statements)
		m, err := wire.ParseMessage(payloadOf(t, *jws))
		if err != nil {
			t.Fatal(err)
		}
		change(&m)
		payload, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		*jws = w.payer.sign(t, wire.TypMessage, payload)
	}
}

// cut removes the last output of the lane's first transaction.
func cut(t *testing.T, _ *world, b *proof.Bundle) {
	tx := unfoldTx(t, b.Anchor.Spends[0])
	tx["3outputs"] = tx["3outputs"].([]any)[:1]
	b.Anchor.Spends = append([]string{foldBinary(tx)}, b.Anchor.Spends[1:]...)
}

// TestWitness shows that a witness, which no hash here covers, has no place in a bundle.
func TestWitness(t *testing.T) {
	w := newWorld(t, "")
	b := w.bundle(t, w.payer, 0)
	raw := b.Anchor.Spends[1]
	// Marker and flag after the version, one empty witness item before the lock time.
	b.Anchor.Spends = []string{
		b.Anchor.Spends[0], raw[:8] + "0001" + raw[8:len(raw)-8] + "0100" + raw[len(raw)-8:],
	}
	r := verify.Check(mustEncode(t, b), verify.Options{Headers: w.chain.bytes()})
	if r.Failed() != verify.StepAnchor {
		t.Errorf("fails at %q:\n%s", r.Failed(), r.Text())
	}
	has(t, r.Text(), "it has witnesses")
}

func TestPins(t *testing.T) {
	w := newWorld(t, "")
	file := w.mustFile(t, w.payer, 0)
	later, rival := *w.payer, *w.payer
	rival.coin = wire.NewOutpoint([32]byte{9}, 0)
	d, _, err := wire.ParseDescriptor(w.payer.descriptor)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := d.Hash()
	if err != nil {
		t.Fatal(err)
	}
	d.Serial, d.PrevHash, d.PolicyVersion = 1, hash, 2
	payload, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	later.descriptor = w.payer.sign(t, wire.TypDescriptor, payload)
	rival.descriptor = w.payer.sign(t, wire.TypDescriptor, rival.describe(t, [32]byte{1}))
	for name, c := range map[string]struct{ pin, words string }{
		"a word":             {"seoul", "neither"},
		"only space":         {" \n", "neither"},
		"a short thumbprint": {w.payer.keyID[1:], "neither"},
		"idle bits":          {w.payer.keyID[:42] + idle(w.payer.keyID[42]), "neither"},
		"line break inside":  {w.payer.keyID[:20] + "\n" + w.payer.keyID[20:], "neither"},
		"the other node":     {w.payee.keyID, "the pinned key is " + w.payee.keyID},
		"its descriptor":     {w.payee.descriptor, "the pinned descriptor is of " + payeeDID},
		"its name, another key": {
			newWorld(t, "forger").payer.descriptor, "the pinned key is",
		},
		"not a descriptor":   {"a.b.c", "pinned descriptor does not hold"},
		"broken descriptor":  {w.payer.descriptor + "A", "pinned descriptor does not hold"},
		"equivocation":       {rival.descriptor, "two different descriptors with serial 0"},
		"a later descriptor": {later.descriptor, ""},
	} {
		r := verify.Check(file, verify.Options{Headers: w.chain.bytes(), Pin: c.pin})
		if c.words == "" && !r.OK || c.words != "" && r.Failed() != verify.StepNode {
			t.Errorf("%s: fails at %q", name, r.Failed())
		}
		has(t, r.Text(), c.words)
	}
}

// idle changes bits of the last character of 32 bytes in base64url that carry nothing.
func idle(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

// TestRotatedKeys shows that what a node signed with a key that it rotated out, and still
// lists, goes on being good under the descriptor of its new key.
func TestRotatedKeys(t *testing.T) {
	w := newWorld(t, "")
	old := w.payer.keyID
	d, _, err := wire.ParseDescriptor(w.payer.descriptor)
	if err != nil {
		t.Fatal(err)
	}
	w.payer.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	w.payer.keyID = wire.Thumbprint(w.payer.public())
	fresh := wire.NewSigningJWK(w.payer.public(), 0, 1, 1)
	d.Keys.Keys = append([]wire.JWK{fresh}, d.Keys.Keys...)
	payload, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.payer.descriptor = w.payer.sign(t, wire.TypDescriptor, payload)
	r := verify.Check(w.mustFile(t, w.payer, 0), verify.Options{
		Headers: w.chain.bytes(), Pin: w.payer.keyID,
	})
	if !r.OK {
		t.Error(r.Text())
	}
	has(t, r.Text(), "Signed by key "+old+": the journal")
}

func mustEncode(t testing.TB, b proof.Bundle) []byte {
	t.Helper()
	file, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func payloadOf(t testing.TB, jws string) []byte {
	t.Helper()
	_, text, _ := strings.Cut(jws, ".")
	text, _, _ = strings.Cut(text, ".")
	payload, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}
