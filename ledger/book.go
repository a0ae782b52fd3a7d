package ledger

import (
	"bytes"
	"cmp"
	"slices"
	"sync/atomic"

	"seyfert/money"
)

// Book is the accounts and live holds of a node. It is changed by Draft.Commit only; its other
// methods only read, and any number of goroutines may call them while a draft is written to,
// but none while it commits.
type Book struct {
	// accounts stand by ordinal, in the order in which they were opened.
	accounts pages[row]
	ordinals *index
	// limits are those of the few accounts that have any.
	limits pages[limitRow]
	// holds are the live ones, and live counts them.
	holds  pages[holdRow]
	places *index
	live   uint32
	due    schedule
	// tallies are in the order of currency numbers.
	tallies []tally

	// age counts freezes. images counts the images that still share pages with the book; it
	// alone is touched from other goroutines.
	age    uint32
	images atomic.Int32

	// The rest belongs to the open draft. slots says for each ordinal where in the draft's
	// touched list the account stands, plus one; 0 is not touched.
	slots    slots
	drafting bool
	spare    *buffers
}

// tally is what all accounts of one currency were debited and credited.
type tally struct {
	currency        money.Currency
	debits, credits wide
}

// NewBook returns a book without accounts.
func NewBook() *Book { return &Book{ordinals: newIndex(), places: newIndex()} }

// ordinal finds an account.
func (b *Book) ordinal(id AccountID) (ordinal uint32, ok bool) {
	search := b.ordinals.search(id)
	for {
		if ordinal, ok = search.next(); !ok || b.accounts.at(ordinal).id == id {
			return ordinal, ok
		}
	}
}

// place finds a live hold.
func (b *Book) place(id HoldID) (place uint32, ok bool) {
	search := b.places.search(id)
	for {
		if place, ok = search.next(); !ok || b.holds.at(place).id == id {
			return place, ok
		}
	}
}

// add appends an account.
func (b *Book) add(r *row) {
	ordinal := b.accounts.add(*r, b.age)
	b.ordinals.add(r.id, ordinal)
}

// limitsOf returns the limits of an account, or nil.
func (b *Book) limitsOf(r *row) *limitRow {
	if r.limits == 0 {
		return nil
	}
	return b.limits.at(r.limits - 1)
}

// account returns the account with an ordinal.
func (b *Book) account(ordinal uint32) Account {
	r := b.accounts.at(ordinal)
	return r.account(b.limitsOf(r))
}

// Account returns the account with an id as the last commit left it.
func (b *Book) Account(id AccountID) (Account, bool) {
	ordinal, ok := b.ordinal(id)
	if !ok {
		return Account{}, false
	}
	return b.account(ordinal), true
}

// Accounts calls fn with every account in the order in which they were opened, until it returns
// false.
func (b *Book) Accounts(fn func(Account) bool) {
	for ordinal := range b.accounts.count {
		if !fn(b.account(ordinal)) {
			return
		}
	}
}

// Len returns the number of accounts and of live holds.
func (b *Book) Len() (accounts, holds int) { return int(b.accounts.count), int(b.live) }

// hold returns the hold in a place.
func (b *Book) hold(place uint32) Hold {
	h := b.holds.at(place)
	return h.hold(b.accounts.at(h.debit), b.accounts.at(h.credit))
}

// Hold returns the live hold with an id as the last commit left it. Ended holds are forgotten.
func (b *Book) Hold(id HoldID) (Hold, bool) {
	place, ok := b.place(id)
	if !ok {
		return Hold{}, false
	}
	return b.hold(place), true
}

// Holds calls fn with every live hold in the order of ids, until it returns false.
func (b *Book) Holds(fn func(Hold) bool) {
	for _, place := range ordered(&b.holds, b.live) {
		if !fn(b.hold(place)) {
			return
		}
	}
}

// ordered returns the places of the live holds in the order of ids.
func ordered(holds *pages[holdRow], live uint32) []uint32 {
	places := make([]uint32, 0, live)
	for place := range holds.count {
		if holds.at(place).state == Held {
			places = append(places, place)
		}
	}
	slices.SortFunc(places, func(x, y uint32) int {
		return compareHolds(holds.at(x).id, holds.at(y).id)
	})
	return places
}

// Totals returns what was debited and credited per currency, in the order of currency numbers.
func (b *Book) Totals() []Total {
	totals := make([]Total, len(b.tallies))
	for i, t := range b.tallies {
		totals[i] = Total{t.currency, t.debits.of(t.currency), t.credits.of(t.currency)}
	}
	return totals
}

// Due returns at most limit ids of unbound holds that may expire at now, in Unix milliseconds:
// in the order of their expiry, equal ones in the order of ids.
func (b *Book) Due(now int64, limit int) []HoldID { return b.due.until(now, limit) }

// NextDue returns when the next unbound hold may expire, in Unix milliseconds.
func (b *Book) NextDue() (expires int64, ok bool) { return b.due.next() }

// tally finds the tally of a currency and makes it when the currency is new.
func (b *Book) tally(c money.Currency) *tally {
	at, ok := slices.BinarySearchFunc(b.tallies, c, func(t tally, c money.Currency) int {
		return cmp.Compare(t.currency, c)
	})
	if !ok {
		b.tallies = slices.Insert(b.tallies, at, tally{currency: c})
	}
	return &b.tallies[at]
}

// compareHolds orders hold ids by their bytes, which is by their time.
func compareHolds(x, y HoldID) int { return bytes.Compare(x[:], y[:]) }
