package core

import (
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/payment"
	"seyfert/table"
	"seyfert/wire"
)

// approveOrder holds the member's money for an offer and keeps the sealed receipt that the shop
// will claim with. The money goes towards the shop's node's in-flight account, or, if the shop
// lives on this node, towards its wallet.
func approveOrder(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[ApproveOrder](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.member(c, body.Member); refused != nil {
		return nil, refused
	}
	if refused := s.withoutPasskey(body.Member); refused != nil {
		return nil, refused
	}
	row, refused := s.placeOrder(body, func(payment.Approval) *fault.Error { return nil })
	if refused != nil {
		return nil, refused
	}
	return row, nil
}

// placeOrder holds the money of an order once approved says that its canonical form is what the
// member approved.
func (s *step) placeOrder(body ApproveOrder, approved func(payment.Approval) *fault.Error) (
	OrderRow, *fault.Error,
) {
	offer, hash, refused := s.readOffer(body.Offer)
	if refused != nil {
		return OrderRow{}, refused
	}
	if refused := s.orderable(offer, hash); refused != nil {
		return OrderRow{}, refused
	}
	if refused := s.freshOrder(body); refused != nil {
		return OrderRow{}, refused
	}
	amount := offer.Total()
	source, exists := s.find(body.Member.String(), PurposeWallet, "", amount.Currency())
	if !exists {
		return OrderRow{}, fault.New(fault.Refused, "amount.currency",
			"You have no wallet in %s.", amount.Currency().Code())
	}
	approval, err := payment.ApprovalOf(offer, source.ID, body.Handle)
	check(err)
	if refused := approved(approval); refused != nil {
		return OrderRow{}, refused
	}
	target, refused := s.target(offer)
	if refused != nil {
		return OrderRow{}, refused
	}
	refused = s.hold(ledger.Hold{
		ID: body.Hold, Debit: source.ID, Credit: target, Amount: amount,
		Expires: offer.Expires * 1000,
	})
	if refused != nil {
		return OrderRow{}, refused
	}
	key, err := offer.Key()
	check(err)
	row := OrderRow{
		ID: body.ID, Member: body.Member, Offer: offer.ID, OfferHash: hash,
		Issuer: offer.Issuer, Payee: offer.Name, PayeeKey: key, Amount: amount,
		Expires: offer.Expires, Handle: body.Handle, Receipt: body.Receipt, Hold: body.Hold,
		Created: s.now, OfferJWS: body.Offer,
	}
	return s.changeOrder(row, OrderHeld), nil
}

// freshOrder refuses an id or a handle that names another order: both are drawn at random, and
// an order that is overwritten would leave its hold to nobody.
func (s *step) freshOrder(body ApproveOrder) *fault.Error {
	_, exists := get(s, s.tables.orders, body.ID)
	_, handled := s.orderOf(payment.Facts{
		Opened: true, Receipt: payment.Receipt{Handle: body.Handle},
	})
	if _, held := s.draft.FindHold(body.Hold); exists || handled || held {
		return fault.New(fault.Conflict, "id", "An order with this id exists.")
	}
	return nil
}

// orderable checks that an offer may be ordered here and now, once.
func (s *step) orderable(offer payment.Offer, hash [32]byte) *fault.Error {
	if err := offer.Current(s.now); err != nil {
		return refusal(err)
	}
	taken := false
	check(s.tables.orders.ScanIndex(s.tx, s.tables.byOffer, table.Key{}.Fixed(hash[:]),
		func(_ []byte, old OrderRow) bool {
			taken = old.State != OrderExpired && old.State != OrderVoid
			return !taken
		}))
	if taken {
		return fault.New(fault.Conflict, "offer", "This offer has been ordered already.")
	}
	return nil
}

// target is where the held money will go.
func (s *step) target(offer payment.Offer) (ledger.AccountID, *fault.Error) {
	currency := offer.Total().Currency()
	if offer.Issuer != s.node.DID {
		if _, known := get(s, s.tables.peers, offer.Issuer); !known {
			return ledger.AccountID{}, fault.New(fault.Refused, "offer.iss",
				"This node does not trade with the shop's node.")
		}
		return s.account(OwnerNode, PurposeInFlight, offer.Issuer, currency), nil
	}
	wallet, exists := s.find(offer.Company, PurposeWallet, "", currency)
	if !exists {
		return ledger.AccountID{}, fault.New(fault.Refused, "offer.company",
			"There is no such company here.")
	}
	return wallet.ID, nil
}

// changeOrder moves an order to a state, with its leaf and its line in the event stream.
func (s *step) changeOrder(row OrderRow, state string) OrderRow {
	row.State, row.Changed = state, s.now
	put(s, s.tables.orders, row.ID, row)
	s.state("order", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{
		Kind: "order " + state, Amount: row.Amount, Subject: row.ID.String(),
		Offer: row.Offer.String(), Peer: row.Issuer, Owner: row.Member.String(),
	})
	return row
}

// member checks that the principal is the member itself, with a living session.
func (s *step) member(c journal.Command, id MemberID) *fault.Error {
	if c.Principal.Kind != journal.Member || c.Principal.ID != id.String() {
		return denied()
	}
	if refused := s.alive(c); refused != nil {
		return refused
	}
	if _, exists := get(s, s.tables.members, id); !exists {
		return fault.New(fault.NotFound, "member", "There is no such member.")
	}
	return nil
}
