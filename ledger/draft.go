package ledger

import (
	"cmp"
	"slices"

	"seyfert/fault"
	"seyfert/money"
)

// Draft is a batch of changes over a book, not yet in it. Reads through the draft see its own
// changes, reads through the book do not. A method that fails changes nothing. A draft belongs
// to one goroutine; after Commit or Discard every method panics.
type Draft struct {
	book *Book
	now  int64 // Unix milliseconds
	open bool
	buffers
}

// buffers are the parts of a draft whose memory the next draft uses again.
type buffers struct {
	// touched are the changed and opened accounts in the order of their first change.
	touched []touched
	// undo are the earlier values of touched accounts, oldest first.
	undo []accountBefore
	// opened finds the ordinals of accounts that the book does not have yet.
	opened map[AccountID]uint32
	// holds are the changed and new holds in the order of their first change.
	holds    []Hold
	holdUndo []holdBefore
	holdAt   map[HoldID]int
	// records are what happened, in order; sides are the ordinals that each one names.
	records []Record
	sides   []sides
	// sums are what each currency's total will be.
	sums []money.Amount
}

type touched struct {
	ordinal uint32
	account Account
}

type accountBefore struct {
	slot    uint32 // in touched
	account Account
}

type holdBefore struct {
	at   int // in holds
	hold Hold
}

type sides struct{ debit, credit uint32 }

// Begin starts a draft at the journal's time now, in Unix milliseconds. It panics while
// another draft is open: drafts come one after another.
func (b *Book) Begin(now int64) *Draft {
	assert(!b.drafting, "a draft is open already")
	assert(now >= 0 && now <= timeMax, "the time is out of range")
	b.drafting = true
	d := &Draft{book: b, now: now, open: true, buffers: b.spare}
	b.spare = buffers{}
	if d.opened == nil {
		d.opened, d.holdAt = map[AccountID]uint32{}, map[HoldID]int{}
	}
	for _, total := range b.totals {
		assert(total.Debits == total.Credits, "debits differ from credits before a draft")
		d.sums = append(d.sums, total.Debits)
	}
	return d
}

// Discard ends the draft without a trace.
func (d *Draft) Discard() {
	d.check()
	d.RollbackTo(Savepoint{})
	d.end()
}

// check panics when the draft has ended.
func (d *Draft) check() { assert(d.open, "the draft has ended") }

// end gives the memory back to the book.
func (d *Draft) end() {
	for _, t := range d.touched {
		d.book.slots[t.ordinal] = 0
	}
	clear(d.opened)
	clear(d.holdAt)
	d.book.spare = buffers{
		touched: d.touched[:0], undo: d.undo[:0], opened: d.opened,
		holds: d.holds[:0], holdUndo: d.holdUndo[:0], holdAt: d.holdAt,
		records: d.records[:0], sides: d.sides[:0], sums: d.sums[:0],
	}
	d.book.drafting = false
	*d = Draft{}
}

// Savepoint marks how far a draft has come. The zero Savepoint is its beginning.
type Savepoint struct {
	touched, undo, holds, holdUndo, records int
}

// Savepoint returns a mark to which RollbackTo can go back.
func (d *Draft) Savepoint() Savepoint {
	d.check()
	return Savepoint{
		touched: len(d.touched), undo: len(d.undo),
		holds: len(d.holds), holdUndo: len(d.holdUndo), records: len(d.records),
	}
}

// RollbackTo takes back everything since the savepoint. A savepoint may be gone back to more
// than once; one that an earlier rollback passed is no longer there, and panics if it can be
// told.
func (d *Draft) RollbackTo(s Savepoint) {
	d.check()
	assert(s.touched <= len(d.touched) && s.undo <= len(d.undo) && s.holds <= len(d.holds) &&
		s.holdUndo <= len(d.holdUndo) && s.records <= len(d.records), "no such savepoint")
	for _, r := range d.records[s.records:] {
		if r.Kind.moves() {
			sum := d.sum(r.Amount.Currency())
			rest, err := sum.Sub(r.Amount)
			must(err)
			*sum = rest
		}
	}
	d.records, d.sides = d.records[:s.records], d.sides[:s.records]
	for i := len(d.undo) - 1; i >= s.undo; i-- {
		d.touched[d.undo[i].slot].account = d.undo[i].account
	}
	d.undo = d.undo[:s.undo]
	for i := len(d.touched) - 1; i >= s.touched; i-- {
		ordinal := d.touched[i].ordinal
		d.book.slots[ordinal] = 0
		if ordinal >= d.book.count {
			delete(d.opened, d.touched[i].account.ID)
			d.book.slots = d.book.slots[:len(d.book.slots)-1]
		}
	}
	d.touched = d.touched[:s.touched]
	for i := len(d.holdUndo) - 1; i >= s.holdUndo; i-- {
		d.holds[d.holdUndo[i].at] = d.holdUndo[i].hold
	}
	d.holdUndo = d.holdUndo[:s.holdUndo]
	for _, hold := range d.holds[s.holds:] {
		delete(d.holdAt, hold.ID)
	}
	d.holds = d.holds[:s.holds]
}

// Records returns what happened since a savepoint, in order and not numbered yet. The slice is
// good until the next change of the draft.
func (d *Draft) Records(from Savepoint) []Record {
	d.check()
	assert(from.records <= len(d.records), "no such savepoint")
	return d.records[from.records:]
}

// sum finds what the total of a currency will be.
func (d *Draft) sum(c money.Currency) *money.Amount {
	at, ok := d.sumAt(c)
	if !ok {
		d.sums = slices.Insert(d.sums, at, money.New(c, 0))
	}
	return &d.sums[at]
}

// sumAt returns where in sums a currency stands or belongs.
func (d *Draft) sumAt(c money.Currency) (at int, ok bool) {
	return slices.BinarySearchFunc(d.sums, c, func(a money.Amount, c money.Currency) int {
		return cmp.Compare(a.Currency(), c)
	})
}

// find returns the ordinal of an account of the book or the draft.
func (d *Draft) find(id AccountID) (ordinal uint32, ok bool) {
	if ordinal, ok = d.book.ordinals[id]; !ok {
		ordinal, ok = d.opened[id]
	}
	return ordinal, ok
}

// view returns an account as the draft has it, to read. It is good until the next touch.
func (d *Draft) view(ordinal uint32) *Account {
	if slot := d.book.slots[ordinal]; slot != 0 {
		return &d.touched[slot-1].account
	}
	return d.book.at(ordinal)
}

// touch brings an account into the draft and keeps its value for a rollback; view then returns
// the copy that may be written.
func (d *Draft) touch(ordinal uint32) {
	slot := d.book.slots[ordinal]
	if slot == 0 {
		d.touched = append(d.touched, touched{ordinal, *d.book.at(ordinal)})
		d.book.slots[ordinal] = uint32(len(d.touched))
		return
	}
	d.undo = append(d.undo, accountBefore{slot - 1, d.touched[slot-1].account})
}

// Account returns the account with an id as the draft has it.
func (d *Draft) Account(id AccountID) (Account, bool) {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return Account{}, false
	}
	return *d.view(ordinal), true
}

// FindHold returns the hold with an id as the draft has it; a hold that this draft has ended is
// found in its last state.
func (d *Draft) FindHold(id HoldID) (Hold, bool) {
	d.check()
	if at, ok := d.holdAt[id]; ok {
		return d.holds[at], true
	}
	return d.book.Hold(id)
}

// Due returns what Book.Due does, as the draft has it: without the holds that this draft ended or
// bound, and with those it made.
func (d *Draft) Due(now int64, limit int) []HoldID {
	d.check()
	limit = max(0, min(limit, len(d.book.holds)+len(d.holds)))
	// Of the book's, at most as many as were changed here drop out.
	var found []deadline
	for _, id := range d.book.due.until(now, limit+len(d.holds)) {
		if _, changed := d.holdAt[id]; !changed {
			found = append(found, deadline{d.book.holds[id].Expires, id})
		}
	}
	for _, hold := range d.holds {
		if hold.expiring() && hold.Expires <= now {
			found = append(found, deadline{hold.Expires, hold.ID})
		}
	}
	slices.SortFunc(found, compareDeadlines)
	ids := make([]HoldID, 0, min(limit, len(found)))
	for _, due := range found[:cap(ids)] {
		ids = append(ids, due.id)
	}
	return ids
}

// setHold brings a hold into the draft, keeping its value there for a rollback.
func (d *Draft) setHold(h Hold) {
	at, ok := d.holdAt[h.ID]
	if !ok {
		d.holdAt[h.ID] = len(d.holds)
		d.holds = append(d.holds, h)
		return
	}
	d.holdUndo = append(d.holdUndo, holdBefore{at, d.holds[at]})
	d.holds[at] = h
}

// Open makes an account without a balance. It is invalid (fields "account", "currency", "kind",
// "flags", "floor", "ceiling", "velocity") with a value that is out of range, refused (fields
// "floor", "ceiling") with bounds that nothing is not within, and a conflict (field "account")
// when the id is taken.
func (d *Draft) Open(s Spec) error {
	d.check()
	if s.ID.IsZero() {
		return invalid("account", "the account needs an id")
	}
	if _, err := money.CurrencyOf(uint16(s.Currency)); err != nil {
		return invalid("currency", "the currency is not known")
	}
	if !s.Kind.valid() {
		return invalid("kind", "the kind of account is not known")
	}
	if s.Flags&^flagsAll != 0 || s.Flags&Closed != 0 {
		return invalid("flags", "no account can be opened with these flags")
	}
	if _, taken := d.find(s.ID); taken {
		return fault.New(fault.Conflict, "account", "an account has this id already").
			Because(fault.IDReused)
	}
	if field, ok := s.Limits.validate(s.Currency); !ok {
		return invalid(field, "the limit is not one of this account")
	}
	account := unused(s)
	if err := account.rules(); err != nil {
		return err
	}
	ordinal := uint32(len(d.book.slots))
	d.touched = append(d.touched, touched{ordinal, account})
	d.book.slots = append(d.book.slots, uint32(len(d.touched)))
	d.opened[s.ID] = ordinal
	return nil
}

// SetFlags replaces the flags of an account. Live holds stay as they are. It is refused (field
// "flags") to change a closed account, to close one that is not empty and to forbid overdraft
// of one that is overdrawn; an unknown account is not found (field "account").
func (d *Draft) SetFlags(id AccountID, flags Flags) error {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return notFound("account", "no account has this id", fault.UnknownAccount)
	}
	if flags&^flagsAll != 0 {
		return invalid("flags", "a flag is not known")
	}
	account := d.view(ordinal)
	switch {
	case account.Flags&Closed != 0:
		return refusal("flags", "the account is closed", fault.AccountClosed)
	case flags&Closed != 0 && !account.empty():
		return refusal("flags", "an account with a balance or a hold cannot be closed",
			fault.AccountInUse)
	case flags&NoOverdraft != 0 && !account.covered():
		return refusal("flags", "the account is overdrawn", fault.InsufficientFunds)
	}
	d.touch(ordinal)
	d.view(ordinal).Flags = flags
	return nil
}
