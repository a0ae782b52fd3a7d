package core

import (
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// PostAnswer is the answer to a Post.
type PostAnswer = ledger.Answer

// posting is one batch on its way through a step. It is used again for every batch of the core,
// so that the usual instruction costs no memory.
type posting struct {
	s     *step
	by    journal.Principal
	owner ledger.OwnerID
	batch *ledger.Batch
	unit  []ledger.Instruction // the legs of the transfer that is decided now
	legs  []ledger.Leg
	// accounts and ids are those that the next instructions name.
	accounts []ledger.AccountID
	ids      [][16]byte
	// judged is the place of the instruction that is looked at now: a fault is about it.
	judged int
	// results and faults are the answer so far.
	results []ledger.Outcome
	faults  []ledger.Refusal
}

// post carries out a batch of instructions. Its body is a ledger.Batch.
func post(s *step, c journal.Command) (any, *fault.Error) {
	if c.Version != CommandVersion {
		return nil, fault.New(fault.Invalid, "", "Command version %d is not known.", c.Version)
	}
	owner, refused := s.bookkeeper(c)
	if refused != nil {
		return nil, refused
	}
	batch, refused := ledger.DecodeBatch(c.Body)
	if refused != nil {
		return nil, refused
	}
	p := &s.core.posting
	*p = posting{
		s: s, by: c.Principal, owner: owner, batch: batch, unit: p.unit[:0], legs: p.legs[:0],
		accounts: p.accounts, ids: p.ids, results: p.results[:0],
	}
	if refused := p.run(); refused != nil {
		return nil, refused
	}
	answer := make(ledger.Answer, 0, batch.Len()*ledger.OutcomeSize)
	for _, r := range p.results {
		answer = r.Append(answer)
	}
	if len(p.faults) > 0 {
		answer = append(answer, wire.MustMarshal(p.faults)...)
	}
	return answer, nil
}

// bookkeeper checks that a principal may keep books, and whose: a company its own, the operator
// all of the node's.
func (s *step) bookkeeper(c journal.Command) (ledger.OwnerID, *fault.Error) {
	switch c.Principal.Kind {
	case journal.System:
		return ledger.OwnerID{}, nil
	case journal.Operator:
		return ledger.OwnerID{}, s.operator(c)
	case journal.Company:
		id, err := wire.ParseID[companyKind](c.Principal.ID)
		if err != nil {
			return ledger.OwnerID{}, denied()
		}
		return ledger.OwnerID(id), s.alive(c)
	}
	return ledger.OwnerID{}, denied()
}

// run decides every instruction, group by group.
func (p *posting) run() *fault.Error {
	warm := 0
	for at := 0; at < p.batch.Len(); {
		if at >= warm {
			p.accounts = p.batch.Accounts(p.accounts[:0], at, ledger.WarmMax/2)
			p.s.draft.Warm(p.accounts)
			p.ids = p.batch.IDs(p.ids[:0], at, ledger.WarmMax/2)
			p.s.core.ids.warm(p.ids)
			warm = at + ledger.WarmMax/2
		}
		start := p.s.mark()
		next, refused := p.group(at)
		if refused == nil {
			at = next
			continue
		}
		if p.batch.Mode == ledger.All {
			return p.blame(p.judged, refused)
		}
		p.s.undo(start)
		at = p.refuse(at, p.judged, refused)
	}
	return nil
}

// blame names the instruction in the field of its fault.
func (p *posting) blame(at int, f *fault.Error) *fault.Error {
	return within("items", at, f)
}

// within names one thing of a list in the field of its fault.
func within(list string, at int, f *fault.Error) *fault.Error {
	field := fmt.Sprintf("%s[%d]", list, at)
	if f.Field != "" {
		field += "." + f.Field
	}
	return f.At(field)
}

// group carries out the instruction at a place and all that are linked to it, and returns the
// place behind them.
func (p *posting) group(at int) (next int, refused *fault.Error) {
	for {
		linked, refused := p.transfer(at)
		if refused != nil {
			return 0, refused
		}
		at = len(p.results)
		if !linked || at == p.batch.Len() {
			return at, nil
		}
	}
}

// refuse writes the outcome of a group that failed, from its first instruction to its last, and
// returns the place behind it.
func (p *posting) refuse(from, failed int, f *fault.Error) (next int) {
	p.results = p.results[:from]
	p.faults = append(p.faults, ledger.Refusal{Item: uint32(failed), Fault: f})
	var i ledger.Instruction
	for at := from; at < p.batch.Len(); at++ {
		bad := p.batch.Read(at, &i) != nil
		p.results = append(p.results, ledger.Outcome{Status: ledger.Refused})
		goesOn := i.Options&(ledger.Linked|ledger.FurtherLeg) != 0
		if !goesOn || bad && at >= failed {
			break
		}
	}
	return len(p.results)
}

// transfer decides one unit: a hold, a void, or a transfer with all its legs. On success it adds
// one result per instruction.
func (p *posting) transfer(at int) (linked bool, refused *fault.Error) {
	p.unit, p.judged = p.unit[:0], at
	for {
		var i ledger.Instruction
		if refused := p.batch.Read(at+len(p.unit), &i); refused != nil {
			return false, refused
		}
		p.unit = append(p.unit, i)
		if i.Options&ledger.FurtherLeg == 0 {
			break
		}
		if at+len(p.unit) == p.batch.Len() || len(p.unit) == ledger.LegsMax {
			return false, fault.New(fault.Invalid, "options", "A further leg does not follow.")
		}
	}
	first := &p.unit[0]
	for i := range p.unit[1:] {
		leg := &p.unit[i+1]
		if leg.ID != first.ID || leg.Action != ledger.ActPost {
			return false, fault.New(fault.Invalid, "id", "Legs of one transfer share its id.")
		}
	}
	linked = p.unit[len(p.unit)-1].Options&ledger.Linked != 0
	if number := p.s.core.ids.find(first.ID, p.s.now); number != 0 {
		return linked, p.repeat(number)
	}
	return linked, p.decide(first)
}

// decide carries out a unit whose id is new. Ids are looked up before their time is judged, so
// that a repeat finds its answer however late it comes.
func (p *posting) decide(first *ledger.Instruction) *fault.Error {
	id := wire.UUID(first.ID)
	if !id.IsVersion7() || id.UnixMilli() > p.s.now+idAhead {
		return fault.New(fault.Invalid, "id", "An id is a version 7 UUID of a time up to now.")
	}
	records := p.s.nextRecord()
	start := p.s.draft.Savepoint()
	var refused *fault.Error
	switch first.Action {
	case ledger.ActPost:
		refused = p.move()
	case ledger.ActHold:
		refused = p.hold(first)
	case ledger.ActCapture:
		refused = p.capture(first)
	case ledger.ActVoid:
		refused = p.void(first)
	case ledger.ActReverse:
		refused = p.reverse(first)
	}
	if refused != nil {
		return refused
	}
	p.s.remember(first.ID, records)
	written := p.s.draft.Records(start)
	if refused := p.annotate(records); refused != nil {
		return refused
	}
	for i := range p.unit {
		r := ledger.Outcome{Status: ledger.Created, Number: records + uint64(i)}
		r.AmountHigh, r.AmountLow = written[i].Amount.Words()
		p.results = append(p.results, r)
	}
	return nil
}

// mine checks that the principal may move money on an account.
func (p *posting) mine(field string, id ledger.AccountID) *fault.Error {
	owner, flags, exists := p.s.draft.Owner(id)
	if !exists || p.by.Kind == journal.Company && owner != p.owner {
		return fault.New(fault.NotFound, field, "There is no such account.").
			Because(fault.UnknownAccount)
	}
	if flags&ledger.Managed != 0 {
		return fault.New(fault.Forbidden, field, "Only payments move money on this account.").
			Because(fault.AccountManaged)
	}
	return nil
}

// leg turns an instruction into a leg of the ledger.
func (p *posting) leg(i *ledger.Instruction) (ledger.Leg, *fault.Error) {
	if refused := p.mine("debit", i.Debit); refused != nil {
		return ledger.Leg{}, refused
	}
	if refused := p.mine("credit", i.Credit); refused != nil {
		return ledger.Leg{}, refused
	}
	leg := ledger.Leg{
		Debit: i.Debit, Credit: i.Credit,
		Amount: money.FromWords(i.Currency, i.AmountHigh, i.AmountLow),
	}
	if i.Options&ledger.BalanceDebit != 0 {
		leg.Balancing |= ledger.UpToDebit
	}
	if i.Options&ledger.BalanceCredit != 0 {
		leg.Balancing |= ledger.UpToCredit
	}
	return leg, nil
}

// further turns the instructions of the unit from a place on into legs.
func (p *posting) further(from int) *fault.Error {
	p.legs = p.legs[:0]
	first := p.judged
	for i := from; i < len(p.unit); i++ {
		p.judged = first + i
		leg, refused := p.leg(&p.unit[i])
		if refused != nil {
			return refused
		}
		p.legs = append(p.legs, leg)
	}
	p.judged = first
	return nil
}

func (p *posting) move() *fault.Error {
	if refused := p.further(0); refused != nil {
		return refused
	}
	first := &p.unit[0]
	err := p.s.draft.Post(&ledger.Transfer{
		ID: ledger.TransferID(first.ID), Code: first.Code, Effective: first.Effective,
		Legs: p.legs,
	})
	if err != nil {
		p.judged += p.s.draft.FailedLeg()
	}
	return refusal(err)
}

func (p *posting) hold(i *ledger.Instruction) *fault.Error {
	leg, refused := p.leg(i)
	if refused != nil {
		return refused
	}
	if i.Expires != 0 && i.Expires <= p.s.now {
		return fault.New(fault.Invalid, "expires_at", "The expiry has passed.").
			Because(fault.ExpiryPassed)
	}
	return refusal(p.s.draft.Hold(ledger.Hold{
		ID: ledger.HoldID(i.ID), Debit: leg.Debit, Credit: leg.Credit, Amount: leg.Amount,
		Code: i.Code, Expires: i.Expires,
	}))
}

// ended says how a hold ended: the history record with a number ended it. That of somebody
// else's is not there.
func (p *posting) ended(number uint64) *fault.Error {
	r := p.s.line(number)
	switch {
	case p.mine("hold", r.Debit) != nil || p.mine("hold", r.Credit) != nil:
		return noHold()
	case r.Kind == ledger.RecordExpired:
		return fault.New(fault.Refused, "hold", "The hold has expired.").
			Because(fault.HoldExpired)
	}
	return fault.New(fault.Refused, "hold", "The hold has ended.").Because(fault.HoldEnded)
}

func noHold() *fault.Error {
	return fault.New(fault.NotFound, "hold", "There is no such hold.").Because(fault.UnknownHold)
}

// held finds the live hold that an instruction names.
func (p *posting) held(i *ledger.Instruction) (ledger.Hold, *fault.Error) {
	hold, exists := p.s.draft.FindHold(ledger.HoldID(i.Related))
	if !exists || hold.State != ledger.Held {
		if number := p.s.core.ids.find(endOfHold(i.Related), p.s.now); number != 0 {
			return hold, p.ended(number)
		}
		return hold, noHold()
	}
	if p.mine("hold", hold.Debit) != nil || p.mine("hold", hold.Credit) != nil {
		return hold, noHold()
	}
	return hold, nil
}

func (p *posting) capture(i *ledger.Instruction) *fault.Error {
	hold, refused := p.held(i)
	if refused != nil {
		return refused
	}
	if refused := p.further(1); refused != nil {
		return refused
	}
	amount := money.FromWords(hold.Amount.Currency(), i.AmountHigh, i.AmountLow)
	if amount.IsZero() {
		amount = hold.Left()
	} else if i.Currency != hold.Amount.Currency() {
		return fault.New(fault.Invalid, "currency", "The hold is of another currency.").
			Because(fault.MixedCurrencies)
	}
	more := i.Options&ledger.More != 0
	transfer := &ledger.Transfer{
		ID: ledger.TransferID(i.ID), Code: i.Code, Effective: i.Effective, Legs: p.legs,
	}
	number := p.s.nextRecord()
	if err := p.s.draft.Capture(hold.ID, transfer, amount, more); err != nil {
		p.judged += p.s.draft.FailedLeg()
		return refusal(err)
	}
	if ended, _ := p.s.draft.FindHold(hold.ID); ended.State != ledger.Held {
		p.s.remember(endOfHold(hold.ID), number)
	}
	return nil
}

func (p *posting) void(i *ledger.Instruction) *fault.Error {
	hold, refused := p.held(i)
	if refused != nil {
		return refused
	}
	number := p.s.nextRecord()
	if refused := refusal(p.s.draft.Void(hold.ID)); refused != nil {
		return refused
	}
	p.s.remember(endOfHold(hold.ID), number)
	return nil
}
