package core

import (
	"slices"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/proof"
	"seyfert/table"
	"seyfert/wire"
)

// Message types of a transfer (protocol.md B3.1).
const (
	TypePrepare = "transfer.prepare"
	TypeAccept  = "transfer.accept"
	TypeReject  = "transfer.reject"
	TypeFulfil  = "transfer.fulfil"
	TypeAck     = "transfer.ack"
)

// prepare sends the prepare that takes up a quote. From here only the transfer's own messages
// decide about the hold: CLEARED captures, VOID frees, no clock does either.
func (s *step) prepare(m wire.Message, order OrderRow, quote clearing.Quote) {
	body := quote.Prepare()
	row := TransferRow{
		ID: quote.Transfer, Direction: Outgoing, Peer: m.From, Amount: order.Amount,
		State: TransferPrepared, Prepare: body, Hold: order.Hold, Order: order.ID,
		Claim: order.Claim, Offer: order.Offer, Thread: m.Thread.String(), Created: s.now,
	}
	row.PrepareSeq = s.send(m.From, TypePrepare, m.Thread, body)
	s.putTransfer(row)
}

// onPrepare is the payee's decision (B3.3): the quote must fit, credit and height margin must
// allow it; then the room is reserved and accept and fulfil leave together, since a push
// payment's value is ready at once.
func (s *step) onPrepare(m wire.Message, preimage []byte) *fault.Error {
	var body clearing.Prepare
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	if old, exists := get(s, s.tables.transfers, body.Transfer); exists {
		return s.prepareAgain(old, m, body)
	}
	claim, quoted := s.claimOfQuote(body.Quote)
	if !quoted || claim.Payer != m.From || claim.State != ClaimPending ||
		clearing.BodyHash(claim.Quote.Prepare()) != clearing.BodyHash(body) {
		return s.reject(m, ClaimRow{}, body, clearing.CodeBad)
	}
	if code := s.prepareCode(m.From, claim.Amount, body); code != "" {
		s.changeClaim(claim, ClaimRefused)
		return s.reject(m, claim, body, code)
	}
	if len(preimage) != 32 || clearing.Condition([32]byte(preimage)) != body.Condition {
		return fault.New(fault.Invalid, "body.condition", "The condition is not ours.")
	}
	s.acceptTransfer(m, claim, body, [32]byte(preimage))
	return nil
}

// prepareAgain answers a prepare of a transfer that is decided. The first answer stands: the
// same bytes need no other, and other bytes are the payer's fault, shown with both hashes. A
// peer that names another's transfer is answered as if there were none.
func (s *step) prepareAgain(old TransferRow, m wire.Message, p clearing.Prepare) *fault.Error {
	if old.Direction != Incoming || old.Peer != m.From {
		s.sendReject(m, p, clearing.CodeBad)
		return nil
	}
	first, now := clearing.BodyHash(old.Prepare), clearing.BodyHash(p)
	if first == now {
		return nil
	}
	return fault.New(fault.Conflict, "body.transferId",
		"The transfer has another prepare: %s, not %s.", first, now)
}

// prepareCode says why a fitting prepare can't be accepted, or "".
func (s *step) prepareCode(peer string, amount money.Amount, p clearing.Prepare) string {
	if p.CommitByHeight-s.node.TipHeight < clearing.MarginPrepare {
		return clearing.CodeTime
	}
	row, _ := get(s, s.tables.peers, peer)
	for _, credit := range row.Credit {
		if credit.Limit.Currency() == amount.Currency() {
			if credit.Room(s.position(peer, amount.Currency()), amount) {
				return ""
			}
		}
	}
	return clearing.CodeCredit
}

// position is what a peer owes this node, and what is accepted from it and not yet cleared.
func (s *step) position(peer string, currency money.Currency) clearing.Position {
	p := clearing.Position{
		Owed: money.New(currency, 0), InFlight: money.New(currency, 0),
	}
	if row, exists := s.find(OwnerNode, PurposeReceivable, peer, currency); exists {
		account, _ := s.draft.Account(row.ID)
		p.Owed, _ = account.Balance()
		p.InFlight = account.DebitsPending
	}
	return p
}

func (s *step) acceptTransfer(m wire.Message, claim ClaimRow, p clearing.Prepare,
	preimage [32]byte,
) {
	currency := claim.Amount.Currency()
	hold := newID[ledger.HoldID](s)
	never(s.hold(ledger.Hold{
		ID: hold, Amount: claim.Amount,
		Debit:  s.account(OwnerNode, PurposeReceivable, m.From, currency),
		Credit: s.account(OwnerNode, PurposeInFlight, m.From, currency),
	}))
	prepareHash := clearing.BodyHash(p)
	fulfil := clearing.Fulfil{
		Transfer: p.Transfer, PrepareHash: prepareHash, Preimage: wire.Digest(preimage).String(),
	}
	row := TransferRow{
		ID: p.Transfer, Direction: Incoming, Peer: m.From, Amount: claim.Amount,
		State: TransferFulfilled, Prepare: p, Fulfil: fulfil, Hold: hold, Claim: claim.ID,
		Offer: claim.Offer, Company: claim.Company, Thread: m.Thread.String(),
		PrepareSeq: m.Seq, Created: s.now,
	}
	s.send(m.From, TypeAccept, m.Thread, clearing.Accept{
		Transfer: p.Transfer, PrepareHash: prepareHash,
	})
	row.FulfilSeq = s.send(m.From, TypeFulfil, m.Thread, fulfil)
	s.putTransfer(row)
	claim.Transfer, claim.Changed = row.ID, s.now
	put(s, s.tables.claims, claim.ID, claim) // pending as before: no one needs to be told
	s.state("claim", claim.ID.String(), wire.MustMarshal(claim))
}

// reject is final and said once for a transfer, so the transfer is remembered: a second,
// differing reject would be evidence against this node.
func (s *step) reject(m wire.Message, claim ClaimRow, p clearing.Prepare,
	code string,
) *fault.Error {
	amount, err := payment.Money(p.Amount)
	if err != nil {
		return refusal(err)
	}
	s.sendReject(m, p, code)
	s.putTransfer(TransferRow{
		ID: p.Transfer, Direction: Incoming, Peer: m.From, Amount: amount,
		State: TransferRejected, Prepare: p, Claim: claim.ID, Offer: claim.Offer,
		Company: claim.Company, Thread: m.Thread.String(), PrepareSeq: m.Seq, Created: s.now,
	})
	return nil
}

func (s *step) sendReject(m wire.Message, p clearing.Prepare, code string) {
	s.send(m.From, TypeReject, m.Thread, clearing.Reject{
		Transfer: p.Transfer, PrepareHash: clearing.BodyHash(p), Code: code,
	})
}

// onAccept notes the payee's acceptance; nothing about money follows from it (B3.2).
func (s *step) onAccept(m wire.Message) *fault.Error {
	var body clearing.Accept
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	_, refused := s.outgoing(m, body.Transfer, body.PrepareHash)
	return refused
}

// onReject frees the hold of a prepare that the payee refused for good (B3.2). After the
// payer's own ack it is evidence only.
func (s *step) onReject(m wire.Message) *fault.Error {
	var body clearing.Reject
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	row, refused := s.outgoing(m, body.Transfer, body.PrepareHash)
	if refused != nil || row.State != TransferPrepared {
		return refused
	}
	s.void(row.Hold)
	row.State = TransferVoid
	s.putTransfer(row)
	order, _ := get(s, s.tables.orders, row.Order)
	s.changeOrder(order, OrderVoid)
	s.send(m.From, TypeClaimResult, m.Thread, ClaimResult{Claim: row.Claim, Result: ClaimRefused})
	return nil
}

// onFulfil clears the transfer at the payer: the hold is captured, the obligation stands, and
// the ack that says so leaves in the same step (B3.2).
//
// B3.2 takes a fulfil only below H + D, because past it the payer may have voided. This release
// has no void by the chain on either side, so a late fulfil clears too: refusing it would leave
// the money bound for ever. The guard comes together with the void.
func (s *step) onFulfil(m wire.Message) *fault.Error {
	var body clearing.Fulfil
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	row, refused := s.outgoing(m, body.Transfer, body.PrepareHash)
	if refused != nil {
		return refused
	}
	if !body.Fits(row.Prepare) {
		return fault.New(fault.Invalid, "body.preimage", "The preimage does not fit.")
	}
	if row.State != TransferPrepared {
		return nil
	}
	row.Fulfil, row.FulfilSeq = body, m.Seq
	seq := s.raise(row)
	row.Ack = clearing.Ack{
		Transfer: row.ID, PrepareHash: body.PrepareHash, FulfilHash: clearing.BodyHash(body),
		Due: row.Prepare.Due, ClearSeq: seq,
	}
	s.payOut(row)
	row.AckSeq = s.send(m.From, TypeAck, m.Thread, row.Ack)
	row = s.clear(row)
	order, _ := get(s, s.tables.orders, row.Order)
	s.changeOrder(order, OrderPaid)
	s.record(row)
	return nil
}

// payOut captures the hold: wallet to in flight, in flight to payable, as one transfer.
func (s *step) payOut(row TransferRow) {
	currency := row.Amount.Currency()
	flight := s.account(OwnerNode, PurposeInFlight, row.Peer, currency)
	payable := s.account(OwnerNode, PurposePayable, row.Peer, currency)
	s.settle(row, CodePayOut, ledger.Leg{Debit: flight, Credit: payable, Amount: row.Amount})
}

// onAck clears the transfer at the payee: the obligation stands and the shop is paid (B3.3).
func (s *step) onAck(m wire.Message) *fault.Error {
	var body clearing.Ack
	if refused := readBody(m, &body); refused != nil {
		return refused
	}
	row, exists := get(s, s.tables.transfers, body.Transfer)
	if !exists || row.Direction != Incoming || row.Peer != m.From {
		return fault.New(fault.Invalid, "body.transferId", "There is no such transfer.")
	}
	if !body.Fits(row.Prepare, row.Fulfil) {
		return fault.New(fault.Invalid, "body.fulfilHash", "The ack does not fit.")
	}
	if row.State != TransferFulfilled {
		return nil
	}
	// The payer's signed ack commits it whatever its number (B3.4 rule 1): the shop is paid, and
	// a number that is not the next one is a matter of its own.
	if next := s.raise(row); body.ClearSeq != next {
		s.event(EventRow{
			Kind: "clearing number off", Amount: row.Amount, Subject: row.ID.String(),
			Peer: row.Peer,
		})
	}
	row.Ack, row.AckSeq = body, m.Seq
	s.payIn(row)
	row = s.clear(row)
	claim, _ := get(s, s.tables.claims, row.Claim)
	s.changeClaim(claim, ClaimPaid)
	s.markOffer(claim.Offer, OfferPaid, claim.ID)
	return nil
}

// payIn captures the reservation: receivable to in flight, in flight to the shop's wallet.
func (s *step) payIn(row TransferRow) {
	currency := row.Amount.Currency()
	flight := s.account(OwnerNode, PurposeInFlight, row.Peer, currency)
	wallet := s.account(row.Company.String(), PurposeWallet, "", currency)
	s.settle(row, CodePayIn, ledger.Leg{Debit: flight, Credit: wallet, Amount: row.Amount})
}

// settle captures the hold of a transfer with a peer and passes the money on.
func (s *step) settle(row TransferRow, code uint16, further ledger.Leg) {
	transfer := newID[ledger.TransferID](s)
	never(s.capture(row.Hold, transfer, code, row.Amount, further))
}

// clear makes the one audit record that both nodes hold of an obligation.
func (s *step) clear(row TransferRow) TransferRow {
	row.State, row.Cleared = TransferCleared, s.now
	payer, payee := s.node.DID, row.Peer
	if row.Direction == Incoming {
		payer, payee = payee, payer
	}
	peer, _ := get(s, s.tables.peers, row.Peer)
	record := clearing.Cleared{
		PeerKey: peer.KeyID,
		Payer:   payer, Payee: payee, Self: s.node.DID, Transfer: row.ID, Amount: row.Amount,
		Due: row.Prepare.Due, ClearSeq: row.Ack.ClearSeq, At: s.now,
		PrepareHash: clearing.Hash32(clearing.BodyHash(row.Prepare)),
		FulfilHash:  clearing.Hash32(clearing.BodyHash(row.Fulfil)),
		AckHash:     clearing.Hash32(clearing.BodyHash(row.Ack)),
	}
	row.Leaf = s.leaf(proof.KindCleared, record.Encode())
	s.putTransfer(row)
	return row
}

// raise adds a cleared transfer to its position and returns its gapless clearSeq.
func (s *step) raise(row TransferRow) uint32 {
	key := PositionKey{row.Peer, row.Direction, row.Amount.Currency(), row.Prepare.Due}
	p, exists := get(s, s.tables.positions, key)
	if !exists {
		p = PositionRow{
			Peer: row.Peer, Direction: row.Direction, Currency: key.Currency, Due: key.Due,
			Total: money.New(key.Currency, 0),
		}
	}
	p.ClearSeq++
	p.Total = sum(p.Total, row.Amount)
	put(s, s.tables.positions, key, p)
	return p.ClearSeq
}

// outgoing finds our transfer that a message of the payee is about.
func (s *step) outgoing(m wire.Message, id clearing.TransferID,
	prepareHash string,
) (TransferRow, *fault.Error) {
	row, exists := get(s, s.tables.transfers, id)
	if !exists || row.Direction != Outgoing || row.Peer != m.From ||
		clearing.BodyHash(row.Prepare) != prepareHash {
		return TransferRow{}, fault.New(fault.Invalid, "body.transferId",
			"There is no such transfer.")
	}
	return row, nil
}

func (s *step) freshTransfer(id clearing.TransferID) bool {
	_, exists := get(s, s.tables.transfers, id)
	return !exists
}

func (s *step) claimOfQuote(id clearing.QuoteID) (ClaimRow, bool) {
	var claim ClaimRow
	var found bool
	check(s.tables.claims.ScanIndex(s.tx, s.tables.byQuote, table.Key{}.Fixed(id[:]),
		func(_ []byte, row ClaimRow) bool {
			claim, found = row, true
			return false
		}))
	return claim, found
}

func (s *step) putTransfer(row TransferRow) {
	put(s, s.tables.transfers, row.ID, row)
	s.state("transfer", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{
		Kind: "transfer " + row.State, Amount: row.Amount, Subject: row.ID.String(),
		Offer: row.Offer.String(), Peer: row.Peer,
	})
}

// record makes the chain row of a transfer at or above the threshold: a type 1 record of its
// own (protocol.md B4). Smaller ones wait for the aggregate record, which is not written yet.
func (s *step) record(row TransferRow) {
	at := slices.IndexFunc(s.node.Thresholds, func(t money.Amount) bool {
		return t.Currency() == row.Amount.Currency()
	})
	if at < 0 {
		return
	}
	if below, err := row.Amount.Less(s.node.Thresholds[at]); err != nil || below {
		return
	}
	minor, _ := row.Amount.Uint64()
	hash := clearing.RecordHash(row.ID, row.Prepare, row.Fulfil, row.Ack)
	plain, err := wire.Record{
		Type: wire.RecordTransfer, Amount: minor, Currency: uint16(row.Amount.Currency()),
		Due: row.Prepare.Due, Seq: row.Ack.ClearSeq, TransferID: row.ID,
		RecordHash: [16]byte(hash[:16]),
	}.Plain()
	check(err)
	s.chainRow(ChainRow{
		ID: "record:" + row.ID.String(), Type: wire.RecordTransfer, Plain: plain,
		Peer: row.Peer, Due: row.Prepare.Due, Transfer: row.ID,
	})
}
