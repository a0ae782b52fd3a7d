package simtest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/wire"
)

// claim is a claim that a shop submitted for a sale.
type claim struct {
	by      *shop
	request node.ClaimRequest
	// fair says that nothing in the claim is wrong; keyed that the bound key signed it.
	fair, keyed bool
	state       string
}

// errAnswer is a claim answered in a way that no rule allows.
var errAnswer = errors.New("a claim got a wrong answer")

// submit sends a claim to the shop's node.
func (w *world) submit(s *sale, c claim) error {
	at := len(s.claims)
	s.claims = append(s.claims, c)
	return w.ask(c.by.host, func() error {
		got, err := c.by.host.process.node.SubmitClaim(context.Background(), c.by.caller,
			c.request)
		if err != nil {
			return err
		}
		w.counts.Claims++
		s.claims[at].state = got.State
		return nil
	})
}

// demand makes the fair claim of a sale: the bound key signs what offer and receipt say.
func (w *world) demand(s *sale) claim {
	var random [10]byte
	w.source(fmt.Sprintf("claim %d", w.number())).Read(random[:])
	id := wire.NewID[claimKind](w.now, random)
	c := claim{by: s.shop, fair: true, keyed: true, request: node.ClaimRequest{
		ID: id.String(), Receipt: s.order.Receipt, Offer: s.offer.JWS, Amount: s.offer.Amount,
	}}
	c.sign(s, s.shop.key)
	return c
}

// claimKind writes claim ids as package payment reads them.
type claimKind struct{}

// Prefix implements wire.Kind.
func (claimKind) Prefix() string { return "clm" }

func (c *claim) sign(s *sale, key ed25519.PrivateKey) {
	id, err := wire.ParseID[claimKind](c.request.ID)
	if err != nil {
		panic("simtest: " + err.Error())
	}
	jws, err := wire.ParseJWS(s.offer.JWS)
	if err != nil {
		panic("simtest: " + err.Error())
	}
	digest := payment.ClaimDigest(payment.ClaimID(id), c.request.Receipt,
		payment.OfferHash(jws.Payload), s.offer.Alias, c.request.Amount)
	c.request.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, digest[:]))
}

// claimFair lets the shop claim what it was promised, or ask again about a claim it made.
func (w *world) claimFair() error {
	s := w.sale()
	if s.order.ID == "" {
		return nil
	}
	if len(s.claims) > 0 && w.random.IntN(3) > 0 {
		return w.repeat(s)
	}
	return w.submit(s, w.demand(s))
}

// repeat sends a claim again, byte for byte, and wants no other answer than a later state of
// the same claim.
func (w *world) repeat(s *sale) error {
	at := w.random.IntN(len(s.claims))
	c := s.claims[at]
	return w.ask(c.by.host, func() error {
		got, err := c.by.host.process.node.SubmitClaim(context.Background(), c.by.caller,
			c.request)
		if err != nil {
			return err
		}
		if final(c.state) && got.State != c.state {
			return fmt.Errorf("%w: %s was %s and is %s", errAnswer, got.ID, c.state, got.State)
		}
		s.claims[at].state = got.State
		return nil
	})
}

func final(state string) bool { return state != "" && state != core.ClaimPending }

// claimFoul submits a claim with one thing wrong in it.
func (w *world) claimFoul() error {
	s := w.sale()
	if s.order.ID == "" {
		return nil
	}
	c := w.demand(s)
	c.fair = false
	switch w.random.IntN(6) {
	case 0: // another amount, signed by the right key
		c.request.Amount = money.New(s.offer.Amount.Currency(), 1+w.random.Uint64N(60_000))
		if c.request.Amount == s.offer.Amount {
			return nil
		}
		c.sign(s, s.shop.key)
	case 1: // the key of another shop
		c.keyed = false
		c.sign(s, w.otherShop(s.shop).key)
	case 2: // through another company, maybe of another node
		c.by = w.otherShop(s.shop)
	case 3: // a flipped bit in the receipt's sealed part
		receipt := []byte(c.request.Receipt)
		receipt[len(receipt)-2-w.random.IntN(40)] ^= 1
		c.request.Receipt = string(receipt)
		c.sign(s, s.shop.key)
	case 4: // the receipt of another sale
		other := w.sale()
		if other == s || other.order.ID == "" {
			return nil
		}
		c.request.Receipt = other.order.Receipt
		c.sign(s, s.shop.key)
	case 5:
		return w.claimAgain(s)
	}
	return w.submit(s, c)
}

// claimAgain takes a claim that was made and lets another company send it under its own name.
func (w *world) claimAgain(s *sale) error {
	if len(s.claims) == 0 {
		return nil
	}
	c := pick(w, s.claims)
	by := w.otherShop(c.by)
	if by == s.shop {
		return nil
	}
	return w.ask(by.host, func() error {
		got, err := by.host.process.node.SubmitClaim(context.Background(), by.caller, c.request)
		if f, ok := fault.Of(err); ok && f.Code == fault.Conflict {
			return nil // the node knows the id as another company's
		}
		if err == nil && got.State != core.ClaimRefused {
			return fmt.Errorf("%w: %s is %s for another company", errAnswer, got.ID, got.State)
		}
		return err
	})
}

func (w *world) otherShop(than *shop) *shop {
	for {
		if s := pick(w, w.people.shops); s != than {
			return s
		}
	}
}
