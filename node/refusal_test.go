package node_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// market is a scene with an approved order: a customer of seoul holds 15,000 won for an offer
// of a shop of tokyo. A second shop is there, one at seoul, and one at a third node.
type market struct {
	*scene
	seoul, tokyo, osaka      *actor
	customer, shop, neighbor person
	local, third             person
	offer                    node.Offer
	order                    node.Order
}

func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{scene: newScene(t, 1_000_000, "seoul", "tokyo", "osaka")}
	m.seoul, m.tokyo, m.osaka = m.actors[0], m.actors[1], m.actors[2]
	m.customer = m.seoul.customer("Kim", 100_000)
	m.shop, m.neighbor = m.tokyo.shop("Kanda Paper"), m.tokyo.shop("Next door")
	m.local, m.third = m.seoul.shop("Here"), m.osaka.shop("There")
	m.offer = m.shop.offer(15_000)
	m.order = m.customer.approve(m.offer)
	return m
}

// with lets another person of the same shop's kind hold the first shop's key.
func (p person) with(owner person) person {
	p.key = owner.key
	return p
}

// flip changes one bit of a base64url text and keeps it base64url.
func flip(text string, at int) string {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	raw[at%len(raw)] ^= 1
	return base64.RawURLEncoding.EncodeToString(raw)
}

// flipPart changes one bit in a dotted text's part.
func flipPart(text string, part, at int) string {
	parts := strings.Split(text, ".")
	parts[part] = flip(parts[part], at)
	return strings.Join(parts, ".")
}

// refusal is a way to claim that must fail, and who tries it.
type refusal struct {
	name string
	try  func(m *market) (person, node.ClaimRequest)
}

// spoil is the fair claim with one thing changed.
func spoil(change func(m *market, c *node.ClaimRequest)) func(
	m *market,
) (person, node.ClaimRequest) {
	return func(m *market) (person, node.ClaimRequest) {
		c := m.shop.claim(m.offer, m.order.Receipt)
		change(m, &c)
		return m.shop, c
	}
}

func refusals() []refusal {
	return []refusal{
		{"less than was ordered", spoil(func(m *market, c *node.ClaimRequest) {
			c.Amount = money.New(money.KRW, 14_999)
			*c = m.shop.sign(*c)
		})},
		{"more than was ordered", spoil(func(m *market, c *node.ClaimRequest) {
			c.Amount = money.New(money.KRW, 15_001)
			*c = m.shop.sign(*c)
		})},
		{"another currency", spoil(func(m *market, c *node.ClaimRequest) {
			c.Amount = money.New(money.JPY, 15_000)
			*c = m.shop.sign(*c)
		})},
		{"another shop's key", spoil(func(m *market, c *node.ClaimRequest) {
			*c = m.neighbor.sign(*c)
		})},
		{"another shop with the bound key", func(m *market) (person, node.ClaimRequest) {
			return m.neighbor, m.shop.claim(m.offer, m.order.Receipt)
		}},
		{"another shop's offer", func(m *market) (person, node.ClaimRequest) {
			offer := m.neighbor.with(m.shop).offer(15_000)
			return m.neighbor, m.shop.claim(offer, m.order.Receipt)
		}},
		{"another offer of the shop", func(m *market) (person, node.ClaimRequest) {
			return m.shop, m.shop.claim(m.shop.offer(15_000), m.order.Receipt)
		}},
		{"through the payer's node", func(m *market) (person, node.ClaimRequest) {
			return m.local, m.shop.claim(m.offer, m.order.Receipt)
		}},
		{"through a third node", func(m *market) (person, node.ClaimRequest) {
			return m.third, m.shop.claim(m.offer, m.order.Receipt)
		}},
		{"an offer of the third node", func(m *market) (person, node.ClaimRequest) {
			offer := m.third.with(m.shop).offer(15_000)
			return m.third, m.shop.claim(offer, m.order.Receipt)
		}},
		{"a bit of the sealed handle", spoil(func(m *market, c *node.ClaimRequest) {
			c.Receipt = flipPart(c.Receipt, 3, 40)
			*c = m.shop.sign(*c)
		})},
		{"a bit of the receipt's seal", spoil(func(m *market, c *node.ClaimRequest) {
			c.Receipt = flipPart(c.Receipt, 3, -1+len(c.Receipt))
			*c = m.shop.sign(*c)
		})},
		{"a bit of the receipt's key id", spoil(func(m *market, c *node.ClaimRequest) {
			c.Receipt = flipPart(c.Receipt, 2, 7)
			*c = m.shop.sign(*c)
		})},
		{"a bit of the receipt's node", spoil(func(m *market, c *node.ClaimRequest) {
			c.Receipt = flipPart(c.Receipt, 1, 9)
			*c = m.shop.sign(*c)
		})},
		{"a bit of the receipt under the old signature", spoil(
			func(_ *market, c *node.ClaimRequest) { c.Receipt = flipPart(c.Receipt, 3, 3) })},
		{"no receipt", spoil(func(m *market, c *node.ClaimRequest) {
			c.Receipt = "v1.nothing"
			*c = m.shop.sign(*c)
		})},
		{"a bit of the claim's signature", spoil(func(_ *market, c *node.ClaimRequest) {
			c.Signature = flip(c.Signature, 5)
		})},
		{"no signature", spoil(func(_ *market, c *node.ClaimRequest) { c.Signature = "" })},
		{"a bit of the offer's signature", spoil(func(_ *market, c *node.ClaimRequest) {
			c.Offer = flipPart(c.Offer, 2, 20)
		})},
		{"a bit of the offer's amount", spoil(func(m *market, c *node.ClaimRequest) {
			c.Offer = replaceOffer(m, `"value":"15000"`, `"value":"15001"`)
			c.Amount = money.New(money.KRW, 15_001)
			*c = m.shop.sign(*c)
		})},
		{"a bit of the offer's name", spoil(func(m *market, c *node.ClaimRequest) {
			c.Offer = replaceOffer(m, "Kanda", "Kanea")
			*c = m.shop.sign(*c)
		})},
		{"an expired receipt", func(m *market) (person, node.ClaimRequest) {
			c := m.shop.claim(m.offer, m.order.Receipt)
			m.later(node.OfferTerm)
			return m.shop, c
		}},
	}
}

// replaceOffer changes the offer's text under its old signature.
func replaceOffer(m *market, before, after string) string {
	jws, err := wire.ParseJWS(m.offer.JWS)
	must(m.t, err)
	payload := strings.Replace(string(jws.Payload), before, after, 1)
	if payload == string(jws.Payload) {
		m.t.Fatalf("the offer does not hold %s", before)
	}
	jws.Payload = []byte(payload)
	return jws.Compact()
}

// TestRefusals: whatever is wrong with a claim, the answer is one and the same, no money moves,
// and the fair claim is paid afterwards as if nothing had been.
func TestRefusals(t *testing.T) {
	var answers []node.Claim
	for _, r := range refusals() {
		t.Run(r.name, func(t *testing.T) {
			m := newMarket(t)
			by, c := r.try(m)
			by.submit(c)
			m.settle()
			got, err := by.at.node.Claim(by.caller, c.ID)
			must(t, err)
			if got.State != core.ClaimRefused {
				t.Fatalf("the claim is %s", got.State)
			}
			// What the claimant sees, less what it said itself.
			got.ID, got.Offer, got.Amount, got.Created, got.Changed = "", "", money.Amount{},
				time.Time{}, time.Time{}
			answers = append(answers, got)
			m.checkUntouched(t)
			if by.state(c) != core.ClaimRefused {
				t.Error("the refusal did not last")
			}
		})
	}
	for _, answer := range answers {
		if answer != answers[0] {
			t.Errorf("%+v is not %+v", answer, answers[0])
		}
	}
}

// checkUntouched checks that nobody's money moved and that the order can still be claimed, or
// was given back because its time had come.
func (m *market) checkUntouched(t *testing.T) {
	t.Helper()
	for _, p := range []person{m.shop, m.neighbor, m.local, m.third} {
		if got := p.won(); got != balance(0, 0) {
			t.Errorf("a shop has %+v", got)
		}
	}
	order, err := m.seoul.node.Order(m.customer.caller, m.order.ID)
	must(t, err)
	if !m.now.Before(order.Expires) {
		if got := m.customer.won(); got != balance(100_000, 0) || order.State != core.OrderExpired {
			t.Errorf("the order is %s and the customer has %+v", order.State, got)
		}
		return
	}
	if got := m.customer.won(); got != balance(100_000, 15_000) || order.State != core.OrderHeld {
		t.Errorf("the order is %s and the customer has %+v", order.State, got)
	}
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	if state := m.shop.state(c); state != core.ClaimPaid {
		t.Errorf("the fair claim is %s", state)
	}
	if got := m.customer.won(); got != balance(85_000, 0) {
		t.Errorf("the customer has %+v", got)
	}
	if got := m.shop.won(); got != balance(15_000, 0) {
		t.Errorf("the shop has %+v", got)
	}
}

// TestRefusalsBetweenNodes: the payer's node says the same to the payee's node whatever it
// refuses, too.
func TestRefusalsBetweenNodes(t *testing.T) {
	var bodies []core.ClaimResult
	for _, r := range refusals() {
		m := newMarket(t)
		by, c := r.try(m)
		by.submit(c)
		m.settle()
		for _, message := range m.seoul.posted {
			if message.Type != core.TypeClaimResult {
				t.Errorf("%s: seoul answered with %s", r.name, message.Type)
				continue
			}
			var body core.ClaimResult
			must(t, wire.UnmarshalJCS(message.Body, &body))
			if body.Claim.String() != c.ID {
				t.Errorf("%s: the answer is about claim %s", r.name, body.Claim)
			}
			body.Claim = [16]byte{}
			bodies = append(bodies, body)
		}
	}
	if len(bodies) < 3 {
		t.Fatalf("only %d claims reached the payer's node", len(bodies))
	}
	for _, body := range bodies {
		if body != (core.ClaimResult{Result: core.ClaimRefused}) {
			t.Errorf("a refusal says %+v", body)
		}
	}
}

// TestMalformedClaims: what is no claim at all is said to be so, naming the field.
func TestMalformedClaims(t *testing.T) {
	tests := []struct {
		name, field string
		change      func(c *node.ClaimRequest)
	}{
		{"no id", "id", func(c *node.ClaimRequest) { c.ID = "" }},
		{"an id of another kind", "id", func(c *node.ClaimRequest) {
			c.ID = strings.Replace(c.ID, "clm_", "ord_", 1)
		}},
		{"no offer", "offer", func(c *node.ClaimRequest) { c.Offer = "" }},
		{"an offer that is cut short", "offer", func(c *node.ClaimRequest) {
			c.Offer = c.Offer[:len(c.Offer)/2]
		}},
		{"no amount", "amount.currency", func(c *node.ClaimRequest) { c.Amount = money.Amount{} }},
		{"more than the chain can carry", "amount.value", func(c *node.ClaimRequest) {
			c.Amount = money.New(money.KRW, 1<<63)
		}},
		{"more than 64 bits", "amount.value", func(c *node.ClaimRequest) {
			c.Amount = money.FromWords(money.KRW, 1, 0)
		}},
	}
	m := newMarket(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := m.shop.claim(m.offer, m.order.Receipt)
			test.change(&c)
			before := m.tokyo.journal.LastIndex()
			_, err := m.tokyo.node.SubmitClaim(context.Background(), m.shop.caller, c)
			f, ok := fault.Of(err)
			if !ok || f.Code != fault.Invalid || f.Field != test.field {
				t.Errorf("%v, want a fault of %s", err, test.field)
			}
			if m.tokyo.journal.LastIndex() != before {
				t.Error("it was written to the journal")
			}
		})
	}
}
