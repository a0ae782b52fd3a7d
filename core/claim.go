package core

import (
	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/payment"
	"seyfert/table"
	"seyfert/wire"
)

// Message types of a claim (protocol.md A3, A4).
const (
	TypeClaimPresent = "claim.present"
	TypeClaimResult  = "claim.result"
)

// ClaimPresent is the body of claim.present: the claim and the quote that a match takes up.
type ClaimPresent struct {
	Claim payment.Claim  `json:"claim"`
	Quote clearing.Quote `json:"quote"`
}

// ClaimResult is the body of claim.result. Code is told to the peer node only.
type ClaimResult struct {
	Claim  payment.ClaimID `json:"claimId"`
	Result string          `json:"result"`
	Code   string          `json:"code"`
}

// submitClaim takes a claim from a company of this node. The claim id is the key: the same
// claim again gives the same row, another claim under the id is a conflict.
func submitClaim(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SubmitClaim](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.company(c, body.Company); refused != nil {
		return nil, refused
	}
	if err := body.Claim.Validate(); err != nil {
		return nil, refusal(err)
	}
	content := wire.Hash("claim content", wire.MustMarshal(body.Claim))
	if old, exists := get(s, s.tables.claims, body.Claim.ID); exists {
		if old.Company != body.Company || old.Content != content {
			return nil, fault.New(fault.Conflict, "claim_id", "This id names another claim.")
		}
		return old, nil
	}
	amount, err := payment.Money(body.Claim.Amount)
	if err != nil {
		return nil, refusal(err)
	}
	row := ClaimRow{
		ID: body.Claim.ID, Company: body.Company, Payer: body.Payer, Amount: amount,
		Quote: body.Quote, Created: s.now, Content: content,
	}
	offer, hash, refused := s.readOffer(body.Claim.Offer)
	if refused != nil {
		return s.changeClaim(row, ClaimRefused), nil
	}
	row.Offer = offer.ID
	if amount.IsZero() {
		return s.changeClaim(row, ClaimRefused), nil
	}
	if s.ours(body, offer, hash) && s.taken(offer.ID) {
		return s.changeClaim(row, ClaimConflict), nil
	}
	if body.Payer == s.node.DID {
		return s.claimHere(row, body, offer, hash), nil
	}
	_, known := get(s, s.tables.peers, body.Payer)
	if !known || !s.ours(body, offer, hash) || !body.Quote.Offers(body.Claim.Amount) {
		return s.changeClaim(row, ClaimRefused), nil
	}
	row = s.changeClaim(row, ClaimPending)
	s.markOffer(offer.ID, OfferClaimed, row.ID)
	s.send(body.Payer, TypeClaimPresent, wire.UUID(row.ID),
		ClaimPresent{Claim: body.Claim, Quote: body.Quote})
	return row, nil
}

// ours checks what the payee's node can see by itself, so that it never presents a claim that
// it would be ashamed of: offer, company, key and amount.
func (s *step) ours(body SubmitClaim, offer payment.Offer, hash [32]byte) bool {
	kept, exists := get(s, s.tables.offers, offer.ID)
	return exists && kept.Hash == hash && kept.Company == body.Company &&
		body.KeySigned && body.OfferSigned && payment.WireAmount(offer.Total()) == body.Claim.Amount
}

// taken says whether an offer, which is good for one payment, is paid or has a claim under way:
// two customers of two nodes may both have ordered it.
func (s *step) taken(id payment.OfferID) bool {
	offer, _ := get(s, s.tables.offers, id)
	return offer.State != OfferOpen
}

// claimHere judges a claim on a receipt of this very node and, if it matches, captures at once.
func (s *step) claimHere(row ClaimRow, body SubmitClaim, offer payment.Offer,
	hash [32]byte,
) ClaimRow {
	if body.Local == nil || offer.Company != body.Company.String() {
		return s.changeClaim(row, ClaimRefused)
	}
	facts := *body.Local
	order, found := s.orderOf(facts)
	verdict := payment.Match(payment.Demand{
		Claim: row.ID, Digest: facts.Digest, Presenter: s.node.DID, Offer: offer,
		OfferHash: hash, Alias: body.Claim.Alias, Amount: row.Amount,
	}, facts, heldSide(order, found), s.now)
	switch verdict {
	case payment.Conflict:
		return s.changeClaim(row, ClaimConflict)
	case payment.Same:
		panic("core: a claim that is new here was matched before")
	case payment.Refused:
		return s.changeClaim(row, ClaimRefused)
	}
	transfer := newID[ledger.TransferID](s)
	if s.capture(order.Hold, transfer, CodePayLocal, order.Amount) != nil {
		return s.changeClaim(row, ClaimRefused)
	}
	order.Claim, order.Digest = row.ID, facts.Digest
	s.changeOrder(order, OrderPaid)
	s.markOffer(offer.ID, OfferPaid, row.ID)
	return s.changeClaim(row, ClaimPaid)
}

// orderOf finds the order behind an opened receipt.
func (s *step) orderOf(facts payment.Facts) (OrderRow, bool) {
	if !facts.Opened {
		return OrderRow{}, false
	}
	var order OrderRow
	var found bool
	key := table.Key{}.Fixed(facts.Receipt.Handle[:])
	check(s.tables.orders.ScanIndex(s.tx, s.tables.byHandle, key,
		func(_ []byte, row OrderRow) bool {
			order, found = row, true
			return false
		}))
	return order, found
}

// heldSide is the order as Match wants to see it.
func heldSide(order OrderRow, found bool) payment.Held {
	return payment.Held{
		Found: found, OfferHash: order.OfferHash, Amount: order.Amount,
		PayeeKey: order.PayeeKey, Alive: order.State == OrderHeld,
		Claimed: !order.Claim.IsZero(), Claim: order.Claim, Digest: order.Digest,
	}
}

// changeClaim moves a claim to a state. When a claim under way fails, its offer may be claimed
// again.
func (s *step) changeClaim(row ClaimRow, state string) ClaimRow {
	failed := state == ClaimRefused || state == ClaimConflict
	if row.State == ClaimPending && failed {
		s.markOffer(row.Offer, OfferOpen, row.ID)
	}
	row.State, row.Changed = state, s.now
	put(s, s.tables.claims, row.ID, row)
	s.state("claim", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{
		Kind: "claim " + state, Amount: row.Amount, Subject: row.ID.String(),
		Offer: row.Offer.String(), Peer: row.Payer, Owner: row.Company.String(),
	})
	return row
}

// markOffer moves an offer on. An offer that is paid stays paid.
func (s *step) markOffer(id payment.OfferID, state string, claim payment.ClaimID) {
	offer, exists := get(s, s.tables.offers, id)
	if !exists || offer.State == OfferPaid {
		return
	}
	offer.State = state
	if state == OfferPaid {
		offer.PaidBy = claim
	}
	s.putOffer(offer)
}

// onClaimPresent judges a peer's claim and, on a match, binds the hold and sends the prepare in
// the same step (protocol.md A4). Every other answer leaves hold and handle as they were.
func (s *step) onClaimPresent(m wire.Message, received Receive) *fault.Error {
	facts := received.Facts
	var body ClaimPresent
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	if !body.Quote.InTime(s.node.TipHeight) {
		s.answerClaim(m, body.Claim.ID, ClaimRefused, clearing.CodeTime)
		return nil
	}
	offer, hash, refused := s.readOffer(body.Claim.Offer)
	amount, err := payment.Money(body.Claim.Amount)
	if refused != nil || err != nil || facts == nil {
		s.answerClaim(m, body.Claim.ID, ClaimRefused, "")
		return nil
	}
	order, found := s.orderOf(*facts)
	verdict := payment.Match(payment.Demand{
		Claim: body.Claim.ID, Digest: facts.Digest, Presenter: m.From, Offer: offer,
		OfferHash: hash, Alias: body.Claim.Alias, Amount: amount,
	}, *facts, heldSide(order, found), s.now)
	switch verdict {
	case payment.Refused:
		s.answerClaim(m, body.Claim.ID, ClaimRefused, "")
	case payment.Conflict:
		s.answerClaim(m, body.Claim.ID, ClaimConflict, "")
	case payment.Same:
		s.answerClaim(m, body.Claim.ID, claimStateOf(order), "")
	case payment.Matched:
		s.matched(m, order, body, received)
	}
	return nil
}

// matched binds the hold to the transfer and ends its clock expiry.
func (s *step) matched(m wire.Message, order OrderRow, body ClaimPresent, received Receive) {
	err := clearing.CheckQuote(body.Quote, clearing.Terms{
		Amount: order.Amount, Channel: received.Channel, Tip: s.node.TipHeight,
		Today: uint32(s.now / (24 * 60 * 60 * 1000)),
	})
	if err != nil || !s.freshTransfer(body.Quote.Transfer) {
		s.answerClaim(m, body.Claim.ID, ClaimRefused, "")
		return
	}
	check(s.draft.Bind(order.Hold))
	order.Claim, order.Digest = body.Claim.ID, received.Facts.Digest
	order.Transfer = body.Quote.Transfer
	s.changeOrder(order, OrderBound)
	s.prepare(m, order, body.Quote)
}

func (s *step) answerClaim(m wire.Message, id payment.ClaimID, result, code string) {
	s.send(m.From, TypeClaimResult, m.Thread, ClaimResult{Claim: id, Result: result, Code: code})
	s.event(EventRow{
		Kind: "claim answered " + result, Subject: id.String(), Peer: m.From,
	})
}

func claimStateOf(order OrderRow) string {
	switch order.State {
	case OrderPaid:
		return ClaimPaid
	case OrderBound:
		return ClaimPending
	}
	return ClaimRefused
}

// onClaimResult ends a claim that the payer's node refused. "paid" and "pending" change
// nothing here, and neither does anything once the transfer is accepted: only the transfer's
// own messages say that money is owed.
func (s *step) onClaimResult(m wire.Message) *fault.Error {
	var body ClaimResult
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	claim, exists := get(s, s.tables.claims, body.Claim)
	if !exists || claim.Payer != m.From {
		return fault.New(fault.Invalid, "body.claimId", "There is no such claim.")
	}
	if claim.State != ClaimPending || !claim.Transfer.IsZero() {
		return nil
	}
	switch body.Result {
	case ClaimRefused, ClaimConflict:
		s.changeClaim(claim, body.Result)
	case ClaimPaid, ClaimPending:
	default:
		return fault.New(fault.Invalid, "body.result", "The result is not known.")
	}
	return nil
}
