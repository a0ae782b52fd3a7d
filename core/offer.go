package core

import (
	"encoding/hex"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/payment"
	"seyfert/wire"
)

// createOffer keeps an offer of one of the node's companies, as the node signed it.
func createOffer(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[CreateOffer](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.company(c, body.Company); refused != nil {
		return nil, refused
	}
	company, _ := get(s, s.tables.companies, body.Company)
	offer, hash, refused := s.readOffer(body.JWS)
	if refused != nil {
		return nil, refused
	}
	if offer.Issuer != s.node.DID || offer.Company != company.ID.String() ||
		offer.Alias != company.Alias {
		return nil, fault.New(fault.Invalid, "offer", "The offer is of another company or node.")
	}
	if refused := basketOf(offer, body); refused != nil {
		return nil, refused
	}
	if !s.carries(offer.Total().Currency()) {
		return nil, fault.New(fault.Invalid, "amount.currency",
			"This node does not carry the currency.")
	}
	if offer.Expires*1000 <= s.now {
		return nil, fault.New(fault.Invalid, "expires_in", "The offer has expired already.")
	}
	if _, exists := get(s, s.tables.offers, offer.ID); exists {
		return nil, fault.New(fault.Conflict, "id", "An offer with this id exists.")
	}
	row := OfferRow{
		ID: offer.ID, Company: company.ID, JWS: body.JWS, Hash: hash, Amount: offer.Total(),
		Expires: offer.Expires, State: OfferOpen, Created: s.now, Basket: body.Basket,
		Salt: body.Salt,
	}
	s.putOffer(row)
	s.event(EventRow{
		Kind: "offer", Amount: row.Amount, Subject: row.ID.String(), Offer: row.ID.String(),
		Owner: company.ID.String(),
	})
	return row, nil
}

// basketOf checks that the basket adds up and is the one that the offer was signed for. A basket
// has a salt, since lines can be guessed; where there is none, neither hash nor salt stands.
func basketOf(offer payment.Offer, body CreateOffer) *fault.Error {
	if err := payment.CheckBasket(offer.Total(), body.Basket); err != nil {
		return refusal(err)
	}
	hash, salted := "", body.Salt != [16]byte{}
	if len(body.Basket) > 0 {
		sum := payment.BasketHash(body.Salt, body.Basket)
		hash = hex.EncodeToString(sum[:])
	}
	if offer.BasketHash != hash || salted != (hash != "") {
		return fault.New(fault.Invalid, "basket", "The offer was signed for another basket.")
	}
	return nil
}

func (s *step) putOffer(row OfferRow) {
	put(s, s.tables.offers, row.ID, row)
	s.state("offer", row.ID.String(), wire.MustMarshal(row))
}

// readOffer reads the text of a signed offer; whether the signature holds is the shell's fact.
func (s *step) readOffer(text string) (payment.Offer, [32]byte, *fault.Error) {
	jws, err := wire.ParseJWS(text)
	if err != nil || jws.Typ != payment.OfferType {
		return payment.Offer{}, [32]byte{}, fault.New(fault.Invalid, "offer",
			"The offer is not a signed offer.")
	}
	offer, err := payment.ParseOffer(jws.Payload)
	if err != nil {
		return payment.Offer{}, [32]byte{}, refusal(err)
	}
	return offer, payment.OfferHash(jws.Payload), nil
}

// company checks that the principal is the company itself, with a living key.
func (s *step) company(c journal.Command, id CompanyID) *fault.Error {
	if c.Principal.Kind != journal.Company || c.Principal.ID != id.String() {
		return denied()
	}
	if refused := s.alive(c); refused != nil {
		return refused
	}
	if _, exists := get(s, s.tables.companies, id); !exists {
		return fault.New(fault.NotFound, "company", "There is no such company.")
	}
	return nil
}
