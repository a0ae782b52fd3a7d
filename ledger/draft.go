package ledger

import (
	"cmp"
	"slices"

	"seyfert/money"
)

// Draft is a batch of changes over a book, not yet in it. Reads through the draft see its own
// changes, reads through the book do not. A method that fails changes nothing. A draft belongs
// to one goroutine; after Commit or Discard every method panics.
type Draft struct {
	book *Book
	now  int64 // Unix milliseconds
	leg  int   // what FailedLeg returns
	// buffers are nil once the draft has ended.
	*buffers
}

// buffers are the parts of a draft whose memory the next draft uses again.
type buffers struct {
	// touched are the changed and opened accounts in the order of their first change.
	touched []touched
	// undo are the earlier values of touched accounts, oldest first.
	undo []accountBefore
	// limits are those of touched accounts that have any, by touched.own.
	limits     []limitRow
	limitsUndo []limitsBefore
	// opened finds the slots of accounts that the book does not have yet.
	opened *index
	// epoch counts savepoints: what was brought in or kept for undo in this epoch need not be
	// kept again. A rollback brings back values of earlier epochs, so none is needed after it.
	epoch uint32
	// holds are the changed and new holds in the order of their first change.
	holds    []heldAt
	holdUndo []holdBefore
	// held finds the slots of holds that the draft changed or made.
	held *index
	// records are what happened, in order; sides are the slots that each one names.
	// latest are those of the draft before.
	records, latest []Record
	sides           []sides
	// sums are what each currency's total will be, in the order of currency numbers, and
	// recent is the one that was asked for last.
	sums   []sum
	recent int
	// warmth is what Warm read, so that the compiler keeps the reads.
	warmth uint64
	// keys are for sorting.
	keys, moved []uint64
}

// touched is an account as the draft has it.
type touched struct {
	row
	was     sums // in the book
	ordinal uint32
	epoch   uint32
	// own is the slot of the account's limits in the draft plus one, 0 without any.
	own uint32
}

// accountBefore is what a draft may have changed of the account in a slot.
type accountBefore struct {
	sums
	slot, epoch, own uint32
	flags            Flags
}

// limitsBefore is the limits in a slot as they were.
type limitsBefore struct {
	limitRow
	slot uint32
}

// heldAt is a hold as the draft has it, and its place in the book plus one, 0 for a new one.
type heldAt struct {
	holdRow
	place uint32
	epoch uint32
}

type holdBefore struct {
	slot uint32
	heldAt
}

// sides are the slots of the two accounts of a leg or hold.
type sides struct{ debit, credit uint32 }

// sum is what one currency's total will be.
type sum struct {
	currency money.Currency
	total    wide
	change   // for Commit
}

// Begin starts a draft at the journal's time now, in Unix milliseconds. It panics while another
// draft is open: drafts come one after another.
func (b *Book) Begin(now int64) *Draft {
	assert(!b.drafting, "a draft is open already")
	assert(now >= 0 && now <= timeMax, "the time is out of range")
	b.drafting = true
	if b.spare == nil {
		b.spare = &buffers{opened: newIndex(), held: newIndex()}
	}
	d := &Draft{book: b, now: now, buffers: b.spare}
	d.epoch, d.records, d.latest = 1, d.latest[:0], d.records
	for _, t := range b.tallies {
		assert(t.debits == t.credits, "debits differ from credits before a draft")
		d.sums = append(d.sums, sum{currency: t.currency, total: t.debits})
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
func (d *Draft) check() { assert(d.buffers != nil, "the draft has ended") }

// end leaves the memory to the next draft, and the records to the one after it.
func (d *Draft) end() {
	for i := range d.touched {
		*d.book.slots.at(d.touched[i].ordinal) = 0
	}
	assert(d.book.slots.count == d.book.accounts.count, "a draft leaves accounts behind")
	for i := range d.holds {
		d.held.remove(d.holds[i].id, uint32(i))
	}
	d.touched, d.undo = d.touched[:0], d.undo[:0]
	d.limits, d.limitsUndo = d.limits[:0], d.limitsUndo[:0]
	d.holds, d.holdUndo = d.holds[:0], d.holdUndo[:0]
	d.sides, d.sums, d.recent = d.sides[:0], d.sums[:0], 0
	d.book.drafting = false
	d.buffers = nil
}

// Savepoint marks how far a draft has come. The zero Savepoint is its beginning.
type Savepoint struct {
	touched, undo, limits, limitsUndo, holds, holdUndo, records int
}

// Savepoint returns a mark to which RollbackTo can go back. It costs next to nothing.
func (d *Draft) Savepoint() Savepoint {
	d.check()
	d.epoch++
	return Savepoint{
		touched: len(d.touched), undo: len(d.undo),
		limits: len(d.limits), limitsUndo: len(d.limitsUndo),
		holds: len(d.holds), holdUndo: len(d.holdUndo), records: len(d.records),
	}
}

// RollbackTo takes back everything since the savepoint. A savepoint may be gone back to more
// than once; one that an earlier rollback passed is no longer there, and panics if it can be
// told.
func (d *Draft) RollbackTo(s Savepoint) {
	d.check()
	assert(s.touched <= len(d.touched) && s.undo <= len(d.undo) &&
		s.limits <= len(d.limits) && s.limitsUndo <= len(d.limitsUndo) &&
		s.holds <= len(d.holds) && s.holdUndo <= len(d.holdUndo) &&
		s.records <= len(d.records), "no such savepoint")
	for i := s.records; i < len(d.records); i++ {
		if r := &d.records[i]; r.Kind.Moves() {
			sum := d.sum(r.Amount.Currency())
			sum.total = sum.total.minus(wideOf(r.Amount))
		}
	}
	d.records, d.sides = d.records[:s.records], d.sides[:s.records]
	d.rollbackAccounts(s)
	for i := len(d.holdUndo) - 1; i >= s.holdUndo; i-- {
		d.holds[d.holdUndo[i].slot] = d.holdUndo[i].heldAt
	}
	for i := len(d.holds) - 1; i >= s.holds; i-- {
		d.held.remove(d.holds[i].id, uint32(i))
	}
	d.holds, d.holdUndo = d.holds[:s.holds], d.holdUndo[:s.holdUndo]
}

func (d *Draft) rollbackAccounts(s Savepoint) {
	for i := len(d.undo) - 1; i >= s.undo; i-- {
		was := &d.undo[i]
		t := &d.touched[was.slot]
		t.sums, t.flags, t.epoch, t.own = was.sums, was.flags, was.epoch, was.own
	}
	for i := len(d.limitsUndo) - 1; i >= s.limitsUndo; i-- {
		d.limits[d.limitsUndo[i].slot] = d.limitsUndo[i].limitRow
	}
	for i := len(d.touched) - 1; i >= s.touched; i-- {
		t := &d.touched[i]
		*d.book.slots.at(t.ordinal) = 0
		if t.ordinal >= d.book.accounts.count {
			d.opened.remove(t.id, uint32(i))
			d.book.slots.count--
		}
	}
	d.touched, d.undo = d.touched[:s.touched], d.undo[:s.undo]
	d.limits, d.limitsUndo = d.limits[:s.limits], d.limitsUndo[:s.limitsUndo]
}

// Records returns what happened since a savepoint, in order and not numbered yet. The slice is
// good until the next change of the draft.
func (d *Draft) Records(from Savepoint) []Record {
	d.check()
	assert(from.records <= len(d.records), "no such savepoint")
	return d.records[from.records:]
}

// sum finds what the total of a currency will be.
func (d *Draft) sum(c money.Currency) *sum {
	if d.recent < len(d.sums) && d.sums[d.recent].currency == c {
		return &d.sums[d.recent]
	}
	at, ok := slices.BinarySearchFunc(d.sums, c, func(s sum, c money.Currency) int {
		return cmp.Compare(s.currency, c)
	})
	if !ok {
		d.sums = slices.Insert(d.sums, at, sum{currency: c})
	}
	d.recent = at
	return &d.sums[at]
}

// find returns the ordinal of an account of the book or the draft.
func (d *Draft) find(id AccountID) (ordinal uint32, ok bool) {
	if ordinal, ok = d.book.ordinal(id); ok || d.book.slots.count == d.book.accounts.count {
		return ordinal, ok
	}
	search := d.opened.search(id)
	for {
		slot, ok := search.next()
		if !ok {
			return 0, false
		}
		if d.touched[slot].id == id {
			return d.touched[slot].ordinal, true
		}
	}
}

// view returns an account as the draft has it, to read, and its limits or nil. Both are good
// until the next touch.
func (d *Draft) view(ordinal uint32) (*row, *limitRow) {
	if slot := *d.book.slots.at(ordinal); slot != 0 {
		t := &d.touched[slot-1]
		return &t.row, d.limitsOf(t)
	}
	r := d.book.accounts.at(ordinal)
	return r, d.book.limitsOf(r)
}

// limitsOf returns the limits of a touched account, or nil.
func (d *Draft) limitsOf(t *touched) *limitRow {
	if t.own == 0 {
		return nil
	}
	return &d.limits[t.own-1]
}

// touch brings an account into the draft, or keeps its value there for a rollback. What stands
// in the slot may then be written until the next savepoint.
func (d *Draft) touch(ordinal uint32) (slot uint32) {
	at := d.book.slots.at(ordinal)
	if *at == 0 {
		return d.bring(ordinal, at)
	}
	slot = *at - 1
	if t := &d.touched[slot]; t.epoch != d.epoch {
		d.keep(slot, t)
	}
	return slot
}

// keep saves an account for a rollback.
func (d *Draft) keep(slot uint32, t *touched) {
	d.undo = append(d.undo, accountBefore{t.sums, slot, t.epoch, t.own, t.flags})
	if t.own != 0 {
		d.limitsUndo = append(d.limitsUndo, limitsBefore{d.limits[t.own-1], t.own - 1})
	}
	t.epoch = d.epoch
}

// bring copies an account of the book into the draft.
func (d *Draft) bring(ordinal uint32, at *uint32) (slot uint32) {
	t := touched{row: *d.book.accounts.at(ordinal), ordinal: ordinal, epoch: d.epoch}
	t.was = t.sums
	if limits := d.book.limitsOf(&t.row); limits != nil {
		d.limits = append(d.limits, *limits)
		t.own = uint32(len(d.limits))
	}
	d.touched = append(d.touched, t)
	*at = uint32(len(d.touched))
	return *at - 1
}

// Account returns the account with an id as the draft has it.
func (d *Draft) Account(id AccountID) (Account, bool) {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return Account{}, false
	}
	r, limits := d.view(ordinal)
	return r.account(limits), true
}

// Owner returns whose an account is and its flags, as the draft has them: what a caller asks
// before every leg, without the cost of the sums.
func (d *Draft) Owner(id AccountID) (owner OwnerID, flags Flags, ok bool) {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return OwnerID{}, 0, false
	}
	r, _ := d.view(ordinal)
	return r.owner, r.flags, true
}
