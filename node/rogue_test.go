package node_test

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"net/http"
	"strings"

	"seyfert/peer"
	"seyfert/wire"
)

// rogue is a peer without a node behind it: it signs whatever a test wants it to say.
type rogue struct {
	scene      *scene
	did        string
	key        ed25519.PrivateKey
	descriptor string
	seq        uint64
	prev       wire.Digest
	// heard is what was sent to it.
	heard []wire.Message
	ids   uint16
}

// addRogue adds a rogue that every node trusts.
func (s *scene) addRogue(credit uint64) *rogue {
	s.t.Helper()
	r := &rogue{scene: s, did: "did:web:rogue.localhost"}
	var identity, recovery, sealing [32]byte
	for _, seed := range []*[32]byte{&identity, &recovery, &sealing} {
		s.random.Read(seed[:])
	}
	r.key = ed25519.NewKeyFromSeed(identity[:])
	public := r.key.Public().(ed25519.PublicKey)
	seal, err := ecdh.X25519().NewPrivateKey(sealing[:])
	must(s.t, err)
	const end = 2524608000
	d := wire.Descriptor{
		DID: r.did, Rails: []string{}, TimeZone: "UTC", PolicyVersion: 1,
		RecoveryKeyHash: thumbprint(ed25519.NewKeyFromSeed(recovery[:])),
		Endpoints:       wire.Endpoints{SNP: "http://rogue.localhost:1"},
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(public, 0, end, end), wire.NewSealingJWK(seal.PublicKey(), 0, end, end),
		}},
		Currencies: []wire.DescriptorCurrency{{Code: "KRW"}},
		Chain:      wire.DescriptorChain{Network: "regtest", Lanes: []wire.Lane{}},
	}
	payload, err := d.Encode()
	must(s.t, err)
	r.descriptor = r.sign(wire.TypDescriptor, payload)
	for _, a := range s.actors {
		s.trust(a, r.descriptor, credit)
	}
	s.rogue = r
	return r
}

func (r *rogue) sign(typ string, payload []byte) string {
	kid := thumbprint(r.key)
	return wire.JWS{
		Typ: typ, KeyID: kid, Payload: payload,
		Signature: ed25519.Sign(r.key, wire.JWSInput(typ, kid, payload)),
	}.Compact()
}

// message is the next message in the rogue's channel; change may spoil it before it is signed.
func (r *rogue) message(to *actor, kind string, body any, change func(m *wire.Message)) string {
	t := r.scene.t
	t.Helper()
	r.ids++
	text, err := wire.JCS(body)
	must(t, err)
	now := r.scene.now.UnixMilli()
	m := wire.Message{
		Version: wire.MessageVersion, Type: kind, ID: wire.NewUUID(now, [10]byte{byte(r.ids >> 8), byte(r.ids)}),
		From: r.did, To: to.did, Thread: wire.NewUUID(now, [10]byte{200}), Seq: r.seq + 1,
		Prev: r.prev, Epoch: 1, CreatedAt: now, ExpiresAt: now + 1000, Body: text,
	}
	if change != nil {
		change(&m)
	}
	payload, err := m.Encode()
	must(t, err)
	return r.sign(wire.TypMessage, payload)
}

// say sends a message and goes on in the channel if the node took it.
func (r *rogue) say(to *actor, kind string, body any) peer.Answer {
	r.scene.t.Helper()
	text := r.message(to, kind, body, nil)
	answer := r.post(to, text)
	if answer.Status == http.StatusOK || answer.Status == http.StatusUnprocessableEntity {
		jws, err := wire.ParseJWS(text)
		must(r.scene.t, err)
		r.seq, r.prev = r.seq+1, wire.Digest(wire.MessageHash(jws.Payload))
	}
	return answer
}

func (r *rogue) post(to *actor, text string) peer.Answer {
	r.scene.t.Helper()
	answers, err := to.node.Receive(context.Background(), r.did, []string{text})
	must(r.scene.t, err)
	return answers[0]
}

// take accepts whatever a node sends.
func (r *rogue) take(jws []string) []peer.Answer {
	answers := make([]peer.Answer, len(jws))
	for i, text := range jws {
		r.heard = append(r.heard, readMessage(r.scene.t, text))
		answers[i] = peer.Answer{Status: http.StatusOK, Outcome: "accepted"}
	}
	return answers
}

// last is the newest message of a type that the rogue heard, with its body in out.
func (r *rogue) last(kind string, out any) bool {
	r.scene.t.Helper()
	for i := len(r.heard) - 1; i >= 0; i-- {
		if r.heard[i].Type == kind {
			must(r.scene.t, wire.UnmarshalJCS(r.heard[i].Body, out))
			return true
		}
	}
	return false
}

// count is how many messages of a family the rogue heard.
func (r *rogue) count(prefix string) (n int) {
	for _, m := range r.heard {
		if strings.HasPrefix(m.Type, prefix) {
			n++
		}
	}
	return n
}

func thumbprint(key ed25519.PrivateKey) string {
	return wire.Thumbprint(key.Public().(ed25519.PublicKey))
}
