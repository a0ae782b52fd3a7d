package ledger

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"

	"seyfert/money"
)

// accountsPerPage is the size of one page of accounts. Pages are never moved, so that a book
// that grows does not stop to copy what it has.
const accountsPerPage = 256

// Book is the accounts and live holds of a node. It is changed by Draft.Commit only; its other
// methods only read, and any number of goroutines may call them while a draft is written to,
// but none while it commits.
type Book struct {
	// pages hold the accounts by ordinal, in the order in which they were opened. An Account
	// has no pointer in it, so the garbage collector never looks inside.
	pages    [][]Account
	count    uint32
	ordinals map[AccountID]uint32
	// holds are the live ones.
	holds map[HoldID]Hold
	due   schedule
	// totals are in the order of currency numbers.
	totals []Total

	// The rest belongs to the open draft. slots says for each ordinal where in the draft's
	// touched list the account stands, plus one; 0 is not touched.
	slots    []uint32
	drafting bool
	spare    buffers
}

// NewBook returns a book without accounts.
func NewBook() *Book {
	return &Book{ordinals: map[AccountID]uint32{}, holds: map[HoldID]Hold{}}
}

// at returns the account with an ordinal, in place.
func (b *Book) at(ordinal uint32) *Account {
	return &b.pages[ordinal/accountsPerPage][ordinal%accountsPerPage]
}

// add appends an account.
func (b *Book) add(a Account) {
	assert(b.count < math.MaxUint32, "more accounts than ordinals")
	if b.count%accountsPerPage == 0 {
		b.pages = append(b.pages, make([]Account, 0, accountsPerPage))
	}
	last := len(b.pages) - 1
	b.pages[last] = append(b.pages[last], a)
	b.ordinals[a.ID] = b.count
	b.count++
}

// Account returns the account with an id as the last commit left it.
func (b *Book) Account(id AccountID) (Account, bool) {
	ordinal, ok := b.ordinals[id]
	if !ok {
		return Account{}, false
	}
	return *b.at(ordinal), true
}

// Accounts calls fn with every account in the order in which they were opened, until it returns
// false.
func (b *Book) Accounts(fn func(Account) bool) {
	for ordinal := range b.count {
		if !fn(*b.at(ordinal)) {
			return
		}
	}
}

// Len returns the number of accounts and of live holds.
func (b *Book) Len() (accounts, holds int) { return int(b.count), len(b.holds) }

// Hold returns the live hold with an id as the last commit left it. Ended holds are forgotten.
func (b *Book) Hold(id HoldID) (Hold, bool) {
	hold, ok := b.holds[id]
	return hold, ok
}

// Holds calls fn with every live hold in the order of ids, until it returns false.
func (b *Book) Holds(fn func(Hold) bool) {
	ids := slices.SortedFunc(maps.Keys(b.holds), compareHolds)
	for _, id := range ids {
		if !fn(b.holds[id]) {
			return
		}
	}
}

// Totals returns what was debited and credited per currency, in the order of currency numbers.
func (b *Book) Totals() []Total { return slices.Clone(b.totals) }

// Due returns at most limit ids of unbound holds that may expire at now, in Unix milliseconds:
// in the order of their expiry, equal ones in the order of ids.
func (b *Book) Due(now int64, limit int) []HoldID { return b.due.until(now, limit) }

// NextDue returns when the next unbound hold may expire, in Unix milliseconds.
func (b *Book) NextDue() (expires int64, ok bool) { return b.due.next() }

// total finds the total of a currency and makes it when the currency is new.
func (b *Book) total(c money.Currency) *Total {
	at, ok := slices.BinarySearchFunc(b.totals, c, func(t Total, c money.Currency) int {
		return cmp.Compare(t.Currency, c)
	})
	if !ok {
		none := money.New(c, 0)
		b.totals = slices.Insert(b.totals, at, Total{Currency: c, Debits: none, Credits: none})
	}
	return &b.totals[at]
}

// compareHolds orders hold ids by their bytes, which is by their time.
func compareHolds(x, y HoldID) int { return bytes.Compare(x[:], y[:]) }
