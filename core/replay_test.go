package core_test

import (
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/payment"
	"seyfert/wire"
)

// TestReplayNeedsALivingKey: the answer to a repeated request is for whoever could still make
// the request, and not for a key that has ended since.
func TestReplayNeedsALivingKey(t *testing.T) {
	keys := map[journal.PrincipalKind]string{
		journal.Operator: "operator", journal.Company: "Here", journal.Member: "session",
	}
	for kind, key := range keys {
		t.Run(key, func(t *testing.T) {
			s := newScript(t)
			m, c := s.seoul, s.named(kind)
			first := m.entry(c)[0]
			if first.Fault != nil {
				t.Fatal(first.Fault)
			}
			if again := m.entry(c)[0]; !again.Replayed || string(again.Body) != string(first.Body) {
				t.Fatalf("repeated: %v, replayed: %t", again.Fault, again.Replayed)
			}
			stolen := c
			stolen.Principal.Key = ""
			if got := m.entry(stolen)[0]; got.Fault == nil || got.Body != nil {
				t.Errorf("without a key: %v, replayed: %t", got.Fault, got.Replayed)
			}
			do[core.CredentialRow](m, core.KindEndCredential, c.Principal,
				core.EndCredential{Hash: secret(key)})
			got := m.entry(c)[0]
			if got.Fault == nil || got.Fault.Code != fault.Unauthenticated || got.Body != nil {
				t.Errorf("with an ended key: %v, replayed: %t", got.Fault, got.Replayed)
			}
		})
	}
}

// named is a request of a caller of a kind at seoul that carries an idempotency id.
func (s *script) named(kind journal.PrincipalKind) journal.Command {
	m := s.seoul
	here := principal(journal.Company, s.local.String(), "Here")
	offer := s.offer(m, s.local, "Here", 5)
	var c journal.Command
	switch kind {
	case journal.Operator:
		c = command(core.KindAddCompany, operator(), core.AddCompany{
			ID: core.CompanyID(id[companyKind](m)), Name: "Twice", Alias: "pay:Twice",
			KeyHash: secret("Twice"),
		})
	case journal.Company:
		jws, err := wire.ParseJWS(offer.JWS)
		if err != nil {
			s.t.Fatal(err)
		}
		o, err := payment.ParseOffer(jws.Payload)
		if err != nil {
			s.t.Fatal(err)
		}
		o.ID = payment.OfferID(id[companyKind](m))
		c = command(core.KindCreateOffer, here, core.CreateOffer{
			Company: s.local, JWS: m.sign(payment.OfferType, o.Payload()),
		})
	default:
		c = command(core.KindApproveOrder, s.customer(), s.approval(offer))
	}
	c.ID, c.RequestHash = [16]byte{7}, [32]byte{7}
	return c
}
