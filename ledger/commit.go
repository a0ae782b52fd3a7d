package ledger

import (
	"seyfert/money"
)

// Commit brings the draft into the book and ends it. index is that of the journal entry that is
// applied, number is the next free number of history, from 1. It returns what happened, in order
// and numbered; the slice is the caller's.
//
// It panics when debits and credits of the changed accounts do not agree, or do not agree with
// the legs that were posted: three counts of the same money, made apart from each other.
func (d *Draft) Commit(index, number uint64) []Record {
	d.check()
	assert(number >= 1, "history is numbered from 1")
	b := d.book
	d.number(index, number)
	d.balance()
	for _, t := range d.touched {
		if t.ordinal < b.count {
			*b.at(t.ordinal) = t.account
			continue
		}
		assert(t.ordinal == b.count, "accounts are opened out of order")
		b.add(t.account)
	}
	for _, hold := range d.holds {
		b.settle(hold)
	}
	records := d.records
	d.records = nil // The caller's from here on.
	d.end()
	return records
}

// number numbers the records and chains them to the earlier ones of their accounts.
func (d *Draft) number(index, number uint64) {
	assert(index <= numberMax && number+uint64(len(d.records)) <= numberMax,
		"more history than 48 bits can number")
	for i := range d.records {
		r := &d.records[i]
		r.Number, r.Index = number+uint64(i), index
		debit, credit := d.view(d.sides[i].debit), d.view(d.sides[i].credit)
		assert(debit.LastRecord < r.Number && credit.LastRecord < r.Number,
			"history goes backwards")
		r.PreviousDebit, r.PreviousCredit = debit.LastRecord, credit.LastRecord
		debit.LastRecord, credit.LastRecord = r.Number, r.Number
	}
}

// balance adds what changed to the totals and asserts that no money was made or lost.
func (d *Draft) balance() {
	for _, t := range d.touched {
		d.sum(t.account.Currency) // So that every currency of an account has a total.
	}
	changes := make([]change, len(d.sums))
	for i, sum := range d.sums {
		none := money.New(sum.Currency(), 0)
		changes[i] = change{debits: none, credits: none}
	}
	for _, t := range d.touched {
		was := unused(t.account.Spec)
		if t.ordinal < d.book.count {
			was = *d.book.at(t.ordinal)
		}
		at, _ := d.sumAt(t.account.Currency)
		changes[at].count(was, t.account)
	}
	for i, sum := range d.sums {
		if !changes[i].any {
			continue // A currency that only what was rolled back had.
		}
		total := d.book.total(sum.Currency())
		total.Debits = plus(total.Debits, changes[i].debits)
		total.Credits = plus(total.Credits, changes[i].credits)
		assert(total.Debits == sum && total.Credits == sum, "debits, credits and legs differ")
		assert(changes[i].pending == wide{}, "pending debits and credits differ")
	}
}

// change is what a draft changes in one currency. pending is what the pending debits changed
// less what the pending credits did.
type change struct {
	any             bool
	debits, credits money.Amount
	pending         wide
}

// count adds what changed between two values of one account. Posted sums never fall.
func (c *change) count(was, now Account) {
	c.any = true
	debits, err := now.DebitsPosted.Sub(was.DebitsPosted)
	must(err)
	credits, err := now.CreditsPosted.Sub(was.CreditsPosted)
	must(err)
	c.debits, c.credits = plus(c.debits, debits), plus(c.credits, credits)
	c.pending = c.pending.plus(wideOf(now.DebitsPending)).minus(wideOf(was.DebitsPending))
	c.pending = c.pending.minus(wideOf(now.CreditsPending)).plus(wideOf(was.CreditsPending))
}

// plus adds two amounts that cannot overflow.
func plus(a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	must(err)
	return sum
}

// settle brings a changed hold into the book: the live ones stay, the ended ones go.
func (b *Book) settle(h Hold) {
	if was, ok := b.holds[h.ID]; ok && was.expiring() {
		b.due.remove(deadline{was.Expires, was.ID})
	}
	if h.State != Held {
		delete(b.holds, h.ID)
		return
	}
	b.holds[h.ID] = h
	if h.expiring() {
		b.due.add(deadline{h.Expires, h.ID})
	}
}
