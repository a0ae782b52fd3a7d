package verify_test

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"seyfert/clearing"
	"seyfert/proof"
	"seyfert/verify"
	"seyfert/wire"
)

// TestForgedPeer keeps a genuine node's record and replaces the other node by a stranger's, who
// signs the same bodies with keys of his own. The record names the key that the statements came
// under, so that nobody has to pin the other node to find out.
func TestForgedPeer(t *testing.T) {
	w, forged := newWorld(t, ""), newWorld(t, "forger")
	for _, by := range []*member{w.payer, w.payee} {
		stranger := forged.payer
		if by == w.payer {
			stranger = forged.payee
		}
		genuine := w.other(by)
		// What the stranger has to get past the record: a descriptor of his that also lists
		// the genuine key, as if he had rotated it out.
		heir := list(t, stranger, key(stranger.key), key(genuine.key))
		for name, c := range map[string]struct {
			descriptor string
			resigned   bool
			step       string
		}{
			"descriptor only":         {stranger.descriptor, false, verify.StepRecord},
			"signed anew":             {stranger.descriptor, true, verify.StepRecord},
			"as an heir":              {heir, false, verify.StepRecord},
			"as an heir, signed anew": {heir, true, verify.StepRecord},
			"statements only":         {genuine.descriptor, true, verify.StepStatements},
		} {
			b := w.bundle(t, by, 0)
			b.Statements.PeerDescriptor = c.descriptor
			if c.resigned {
				resignAll(t, w, genuine, stranger, &b)
			}
			for _, b := range []proof.Bundle{b, recompute(b)} {
				o := verify.Options{Headers: w.chain.bytes()}
				if r := verify.Check(mustEncode(t, b), o); r.Failed() != c.step {
					t.Errorf("%s, %s: fails at %q:\n%s", by.did, name, r.Failed(), r.Text())
				} else {
					has(t, r.Text(), genuine.keyID+" pinned", "signed by key "+stranger.keyID)
				}
				o.PeerPin = genuine.keyID
				if r := verify.Check(mustEncode(t, b), o); r.OK {
					t.Errorf("%s, %s: a pin lets it pass:\n%s", by.did, name, r.Text())
				}
			}
		}
	}
}

// TestPeerKeyInRecord lets the stranger go on and put his key into the record: then it is no
// longer the record that the node wrote into its journal.
func TestPeerKeyInRecord(t *testing.T) {
	w, forged := newWorld(t, ""), newWorld(t, "forger")
	b := w.bundle(t, w.payee, 0)
	b.Statements.PeerDescriptor = forged.payer.descriptor
	resignAll(t, w, w.payer, forged.payer, &b)
	rewrite(t, &b, forged.payer.keyID)
	for _, c := range []struct {
		bundle proof.Bundle
		step   string
	}{{b, verify.StepPosition}, {recompute(b), verify.StepCheckpoint}} {
		o := verify.Options{Headers: w.chain.bytes()}
		if r := verify.Check(mustEncode(t, c.bundle), o); r.Failed() != c.step {
			t.Errorf("fails at %q, want %q:\n%s", r.Failed(), c.step, r.Text())
		}
	}
}

// TestPeersOldKey shows that of the keys that the other node lists only the one in the record
// vouches for its statements.
func TestPeersOldKey(t *testing.T) {
	w := newWorld(t, "")
	old := *w.payee
	old.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	old.keyID = wire.Thumbprint(old.public())
	b := w.bundle(t, w.payer, 0)
	b.Statements.PeerDescriptor = list(t, w.payee, key(w.payee.key), key(old.key))
	o := verify.Options{Headers: w.chain.bytes()}
	if r := verify.Check(mustEncode(t, b), o); !r.OK {
		t.Errorf("a key that is listed and not used fails it:\n%s", r.Text())
	}
	resignAll(t, w, w.payee, &old, &b)
	r := verify.Check(mustEncode(t, b), o)
	if r.Failed() != verify.StepStatements {
		t.Errorf("fails at %q:\n%s", r.Failed(), r.Text())
	}
	has(t, r.Text(), "The fulfil does not hold", "signed by key "+old.keyID,
		w.payee.keyID+" pinned")
}

// TestPeerWords holds what is said of the other node's key, with and without a pin of it.
func TestPeerWords(t *testing.T) {
	w := newWorld(t, "")
	file, o := w.mustFile(t, w.payee, 0), verify.Options{Headers: w.chain.bytes()}
	const bound = "; its key is the one that the signer had pinned."
	r := verify.Check(file, o)
	has(t, r.Text(), "Its signer had key "+w.payer.keyID+" of "+payerDID+" pinned.",
		"Other node: "+payerDID+", signed by key "+w.payer.keyID+
			", whose owner was not checked"+bound,
		"That this is its key is the signer's word.")
	o.PeerPin = w.payer.keyID
	has(t, verify.Check(file, o).Text(), "which is the pinned one"+bound)
}

func key(secret ed25519.PrivateKey) wire.JWK {
	return wire.NewSigningJWK(secret.Public().(ed25519.PublicKey), 0, 1, 1)
}

// list is a descriptor of the node, signed by it, that lists these signing keys in this order.
func list(t *testing.T, m *member, keys ...wire.JWK) string {
	t.Helper()
	d, _, err := wire.ParseDescriptor(m.descriptor)
	if err != nil {
		t.Fatal(err)
	}
	sealing := slices.DeleteFunc(slices.Clone(d.Keys.Keys), func(k wire.JWK) bool {
		return k.Curve == wire.CurveEd25519
	})
	d.Keys.Keys = append(keys, sealing...)
	payload, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return m.sign(t, wire.TypDescriptor, payload)
}

// resignAll puts another signer's signatures under all that one node of the transfer said.
func resignAll(t *testing.T, w *world, said, signer *member, b *proof.Bundle) {
	t.Helper()
	statements := []*string{&b.Statements.Fulfil}
	if said == w.payer {
		statements = []*string{&b.Statements.Prepare, &b.Statements.Ack}
	}
	for _, jws := range statements {
		*jws = signer.sign(t, wire.TypMessage, payloadOf(t, *jws))
	}
}

// rewrite puts another key of the other node into the record.
func rewrite(t *testing.T, b *proof.Bundle, peerKey string) {
	t.Helper()
	data, err := b.Record.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	r, err := clearing.ParseCleared(data)
	if err != nil {
		t.Fatal(err)
	}
	r.PeerKey = peerKey
	b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, r.Encode())
}
