package core

import (
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// repeat answers a unit whose id was used before: as the first time if it asks for the same, and
// with a conflict that names the field if it does not.
func (p *posting) repeat(number uint64) *fault.Error {
	start := p.judged
	first := p.s.line(number)
	if first.Kind == ledger.RecordReversed {
		return p.repeatReversal(number, first)
	}
	for n := range p.unit {
		p.judged = start + n
		i := &p.unit[n]
		r := first
		if n > 0 {
			if number+uint64(n) >= p.s.nextRecord() {
				return differs("legs")
			}
			r = p.s.line(number + uint64(n))
		}
		if subject(r) != subject(first) || r.Leg != uint16(n) {
			return differs("legs")
		}
		if field := p.differs(i, r); field != "" {
			return differs(field)
		}
		p.exists(number+uint64(n), r)
	}
	if len(p.s.transferRecords(number)) != len(p.unit) {
		return differs("legs")
	}
	if p.unit[0].Action == ledger.ActVoid {
		return nil // its texts are the hold's, which may have changed since
	}
	p.judged = start
	if field := p.otherTexts(start, first); field != "" {
		return differs(field)
	}
	return nil
}

func (p *posting) exists(number uint64, r ledger.Record) {
	result := ledger.Outcome{Status: ledger.Exists, Number: number}
	result.AmountHigh, result.AmountLow = r.Amount.Words()
	p.results = append(p.results, result)
}

// repeatReversal: the legs of a reversal follow from what it reverses.
func (p *posting) repeatReversal(number uint64, first ledger.Record) *fault.Error {
	i := &p.unit[0]
	if i.Action != ledger.ActReverse {
		return differs("action")
	}
	switch {
	case ledger.TransferID(i.Related) != first.Reverses:
		return differs("transfer")
	case i.Code != first.Code:
		return differs("code")
	case i.Effective != first.Effective:
		return differs("effective_at")
	}
	if field := p.otherTexts(p.judged, first); field != "" {
		return differs(field)
	}
	p.exists(number, first)
	return nil
}

// subject is what a record is found by: the transfer, or the hold where none was posted.
func subject(r ledger.Record) [16]byte {
	if r.Transfer.IsZero() {
		return r.Hold
	}
	return r.Transfer
}

func differs(field string) *fault.Error {
	return fault.New(fault.Conflict, field, "This id was used for something else.").
		Because(fault.IDReused)
}

// kindOf is the kind of record that each action's first record has.
func kindOf(a ledger.Action) ledger.RecordKind {
	return [...]ledger.RecordKind{
		ledger.ActPost: ledger.RecordPosted, ledger.ActHold: ledger.RecordHeld,
		ledger.ActCapture: ledger.RecordCaptured, ledger.ActVoid: ledger.RecordVoided,
		ledger.ActReverse: ledger.RecordReversed,
	}[a]
}

// differs names the first field in which an instruction asks for something else than a record
// says; it is empty if there is none.
func (p *posting) differs(i *ledger.Instruction, r ledger.Record) string {
	amount := money.FromWords(i.Currency, i.AmountHigh, i.AmountLow)
	upTo := i.Options&(ledger.BalanceDebit|ledger.BalanceCredit) != 0
	all := i.Action == ledger.ActCapture && i.AmountHigh|i.AmountLow == 0
	switch {
	case r.Kind != kindOf(i.Action):
		return "action"
	case i.Action == ledger.ActVoid:
		if ledger.HoldID(i.Related) != r.Hold {
			return "hold"
		}
		return ""
	case i.Action == ledger.ActCapture && ledger.HoldID(i.Related) != r.Hold:
		return "hold"
	case i.Action == ledger.ActCapture && (i.Options&ledger.More != 0) != r.More:
		return "more"
	case i.Action != ledger.ActCapture && i.Debit != r.Debit:
		return "debit"
	case i.Action != ledger.ActCapture && i.Credit != r.Credit:
		return "credit"
	case all:
	case i.Currency != r.Amount.Currency():
		return "currency"
	case upTo && p.above(r.Amount, amount), !upTo && amount != r.Amount:
		return "amount"
	}
	switch {
	case i.Code != r.Code:
		return "code"
	case i.Action == ledger.ActHold && i.Expires != r.Effective:
		return "expires_at"
	case i.Action != ledger.ActHold && i.Effective != r.Effective:
		return "effective_at"
	}
	return ""
}

func (p *posting) above(a, b money.Amount) bool {
	less, err := b.Less(a)
	check(err)
	return less
}

func noTransfer() *fault.Error {
	return fault.New(fault.NotFound, "transfer", "There is no such transfer.").
		Because(fault.UnknownTransfer)
}

// reverse posts the counter-entry of a transfer: each leg with its sides exchanged, in reverse
// order. A transfer is reversed once, and a reversal never.
func (p *posting) reverse(i *ledger.Instruction) *fault.Error {
	transfer := ledger.TransferID(i.Related)
	number := p.s.core.ids.find(transfer, p.s.now)
	if number == 0 {
		return noTransfer()
	}
	records := p.s.transferRecords(number)
	for _, r := range records {
		if r.Transfer.IsZero() || p.mine("transfer", r.Debit) != nil ||
			p.mine("transfer", r.Credit) != nil {
			return noTransfer()
		}
		if r.Kind == ledger.RecordReversed {
			return fault.New(fault.Refused, "transfer", "A reversal can't be reversed.").
				Because(fault.NotReversible)
		}
	}
	undone := reversalOf(transfer)
	if p.s.core.ids.find(undone, p.s.now) != 0 {
		return fault.New(fault.Refused, "transfer", "The transfer is reversed already.").
			Because(fault.AlreadyReversed)
	}
	p.legs = p.legs[:0]
	for n := len(records) - 1; n >= 0; n-- {
		r := records[n]
		p.legs = append(p.legs, ledger.Leg{Debit: r.Credit, Credit: r.Debit, Amount: r.Amount})
	}
	first := p.s.nextRecord()
	refused := refusal(p.s.draft.Post(&ledger.Transfer{
		ID: ledger.TransferID(i.ID), Code: i.Code, Effective: i.Effective, Reverses: transfer,
		Legs: p.legs,
	}))
	if refused != nil {
		return refused
	}
	p.s.remember(undone, first)
	return nil
}

// nextRecord is the number that the next history record will have.
func (s *step) nextRecord() uint64 {
	return s.core.at.records + 1 + uint64(len(s.draft.Records(ledger.Savepoint{})))
}

// line reads a history record, also one of this very entry, whose number and time it has then
// but no back-pointers.
func (s *step) line(number uint64) ledger.Record {
	if number <= s.core.at.records {
		s.core.Settle()
		return readRecord(s.core.stores.History, number)
	}
	r := s.draft.Records(ledger.Savepoint{})[number-s.core.at.records-1]
	r.Number, r.Index, r.Time = number, s.index, s.now
	return r
}

// transferRecords reads the legs of the transfer whose first record has a number; of a change of
// a hold it is that record alone.
func (s *step) transferRecords(number uint64) []ledger.Record {
	records := []ledger.Record{s.line(number)}
	if records[0].Transfer.IsZero() {
		return records
	}
	for next := number + 1; next < s.nextRecord() && len(records) < ledger.LegsMax; next++ {
		r := s.line(next)
		if r.Transfer != records[0].Transfer {
			break
		}
		records = append(records, r)
	}
	return records
}

// remember makes an id known under a history number, as part of the command that is decided now.
func (s *step) remember(id [16]byte, number uint64) {
	s.core.ids.add(id, number, s.now)
	s.known = append(s.known, id)
}
