package ledger

// Commit brings the draft into the book and ends it. index is that of the journal entry that is
// applied, number is the next free number of history, from 1. It returns what happened, in order
// and numbered; the slice is good until the draft after the next one begins.
//
// It panics when debits and credits of the changed accounts do not agree, or do not agree with
// the legs that were posted: three counts of the same money, made apart from each other.
func (d *Draft) Commit(index, number uint64) []Record {
	d.check()
	assert(number >= 1, "history is numbered from 1")
	b := d.book
	d.number(index, number)
	d.balance()
	age := b.writeAge()
	for i := range d.touched {
		t := &d.touched[i]
		d.settleLimits(t, age)
		if t.ordinal < b.accounts.count {
			*b.accounts.own(t.ordinal, age) = t.row
			continue
		}
		assert(t.ordinal == b.accounts.count, "accounts are opened out of order")
		d.opened.remove(t.id, uint32(i))
		b.add(&t.row)
	}
	for i := range d.holds {
		b.settle(&d.holds[i], age)
	}
	records := d.records
	d.end()
	return records
}

// writeAge returns the age that pages must have to be written in place: any, once no image
// shares them any more.
func (b *Book) writeAge() uint32 {
	if b.images.Load() == 0 {
		return 0
	}
	return b.age
}

// number numbers the records and chains them to the earlier ones of their accounts.
func (d *Draft) number(index, number uint64) {
	assert(index <= numberMax && number+uint64(len(d.records)) <= numberMax,
		"more history than 48 bits can number")
	for i := range d.records {
		r := &d.records[i]
		r.Number, r.Index = number+uint64(i), index
		debit, credit := &d.touched[d.sides[i].debit], &d.touched[d.sides[i].credit]
		assert(debit.last < r.Number && credit.last < r.Number, "history goes backwards")
		r.PreviousDebit, r.PreviousCredit = debit.last, credit.last
		debit.last, credit.last = r.Number, r.Number
	}
}

// change is what a draft changes in one currency. pending is what the pending debits changed
// less what the pending credits did.
type change struct {
	any             bool
	debits, credits wide
	pending         wide
}

// balance adds what changed to the tallies and asserts that no money was made or lost.
func (d *Draft) balance() {
	for i := range d.touched {
		t := &d.touched[i]
		d.sum(t.currency).count(&t.was, &t.sums)
	}
	for i := range d.sums {
		sum := &d.sums[i]
		if !sum.any {
			continue // A currency that only what was rolled back had.
		}
		tally := d.book.tally(sum.currency)
		tally.debits = tally.debits.plus(sum.debits)
		tally.credits = tally.credits.plus(sum.credits)
		assert(tally.debits == sum.total && tally.credits == sum.total,
			"debits, credits and legs differ")
		assert(sum.pending.isZero(), "pending debits and credits differ")
	}
}

// count adds what changed between two values of one account. Posted sums never fall.
func (c *change) count(was, now *sums) {
	c.any = true
	debits, under := now.debitsPosted.sub(was.debitsPosted)
	credits, also := now.creditsPosted.sub(was.creditsPosted)
	assert(!under && !also, "a posted sum fell")
	c.debits, c.credits = c.debits.plus(debits), c.credits.plus(credits)
	c.pending = c.pending.plus(now.debitsPending).minus(was.debitsPending)
	c.pending = c.pending.minus(now.creditsPending).plus(was.creditsPending)
}

// settleLimits brings the limits of a touched account into the book: what has none takes no
// place there.
func (d *Draft) settleLimits(t *touched, age uint32) {
	if t.own == 0 {
		return
	}
	now, b := &d.limits[t.own-1], d.book
	isNone := *now == limitRow{}
	switch {
	case t.limits != 0 && isNone:
		b.limits.remove(t.limits-1, age)
		t.limits = 0
	case t.limits != 0:
		*b.limits.own(t.limits-1, age) = *now
	case !isNone:
		t.limits = b.limits.add(*now, b.age) + 1
	}
}

// settle brings a changed hold into the book: the live ones stay, the ended ones go.
func (b *Book) settle(h *heldAt, age uint32) {
	if h.place != 0 {
		if was := b.holds.at(h.place - 1); was.expiring() {
			b.due.remove(deadline{was.expires, was.id})
		}
	}
	switch isLive := h.state == Held; {
	case isLive && h.place != 0:
		*b.holds.own(h.place-1, age) = h.holdRow
	case isLive:
		b.places.add(h.id, b.holds.add(h.holdRow, b.age))
		b.live++
	case h.place != 0:
		b.places.remove(h.id, h.place-1)
		b.holds.remove(h.place-1, age)
		b.live--
	}
	if h.expiring() {
		b.due.add(deadline{h.expires, h.id})
	}
}
