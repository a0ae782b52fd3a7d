// Package money is amounts, currencies, rates, named rounding and exact splits. It never touches
// files, networks, clocks or floating point.
//
// An Amount counts minor units (KRW 15000 is 15000, USD 1240.50 is 124050, BTC 0.1 is 10000000)
// in 128 unsigned bits, so that no sum a node can reach wraps, and it always knows its currency,
// so that two currencies never mix by accident. There is no negative amount: a direction is said
// by the side of the ledger on which an amount stands.
//
// Nothing here rounds by itself. What divides takes a Rounding, and Split hands out every unit.
package money

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. Others are wrapped around one of these, so errors.Is decides.
var (
	// ErrOverflow says that a result needs more than 128 bits.
	ErrOverflow = errors.New("money: amount too large")
	// ErrUnderflow says that a subtraction would end below zero.
	ErrUnderflow = errors.New("money: amount would be negative")
	// ErrCurrency says that two amounts differ in currency, or that a currency is not known.
	ErrCurrency = errors.New("money: currency differs or is unknown")
	// ErrSyntax says that a text is not an amount in the one form that is accepted.
	ErrSyntax = errors.New("money: not an exact decimal amount")
	// ErrRatio says that a ratio has a zero in it.
	ErrRatio = errors.New("money: ratio with a zero term")
	// ErrWeights says that a split has no weights, too many, or only zeros.
	ErrWeights = errors.New("money: weights cannot be split by")
)

// Amount is an exact, unsigned number of minor units of one currency. It is a value: comparable
// with ==, never changed in place, safe to share. The zero value is zero units of no currency
// and adds to nothing but itself.
type Amount struct {
	units    words
	currency Currency
}

// New returns minor units of c. c must be a currency of the table (or 0 with no units, the zero
// Amount); it is not checked here because c can only come from the table, and every form in
// which an Amount leaves or enters the process checks it.
func New(c Currency, minor uint64) Amount {
	return Amount{units: words{lo: minor}, currency: c}
}

// FromWords returns hi*2^64 + lo minor units of c, on the same terms as New.
func FromWords(c Currency, hi, lo uint64) Amount {
	return Amount{units: words{hi: hi, lo: lo}, currency: c}
}

// Words returns the minor units as two 64-bit words, the high one first.
func (a Amount) Words() (hi, lo uint64) { return a.units.hi, a.units.lo }

// Uint64 returns the minor units, and false if they need more than 64 bits.
func (a Amount) Uint64() (minor uint64, ok bool) { return a.units.lo, a.units.hi == 0 }

// Currency returns the currency, 0 for the zero Amount.
func (a Amount) Currency() Currency { return a.currency }

// IsZero says whether there are no units, whatever the currency. A JSON field with omitzero
// therefore disappears at zero; fields that must show a zero must not carry that option.
func (a Amount) IsZero() bool { return a.units == words{} }

// Add returns a + b, or ErrCurrency, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, mixed("add", a, b)
	}
	sum, ok := a.units.add(b.units)
	if !ok {
		return Amount{}, fmt.Errorf("add %v and %v: %w", a, b, ErrOverflow)
	}
	return Amount{units: sum, currency: a.currency}, nil
}

// Sub returns a - b, or ErrCurrency, or ErrUnderflow when b is the larger.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, mixed("subtract", a, b)
	}
	if a.units.cmp(b.units) < 0 {
		return Amount{}, fmt.Errorf("subtract %v from %v: %w", b, a, ErrUnderflow)
	}
	return Amount{units: a.units.sub(b.units), currency: a.currency}, nil
}

// Cmp returns -1, 0 or 1 as a is less than, equal to or more than b, or ErrCurrency.
func (a Amount) Cmp(b Amount) (int, error) {
	if a.currency != b.currency {
		return 0, mixed("compare", a, b)
	}
	return a.units.cmp(b.units), nil
}

// Less says whether a is less than b, or fails with ErrCurrency.
func (a Amount) Less(b Amount) (bool, error) {
	order, err := a.Cmp(b)
	return order < 0, err
}

// mixed is the error of an operation over two currencies.
func mixed(verb string, a, b Amount) error {
	return fmt.Errorf("%s %v and %v: %w", verb, a.currency, b.currency, ErrCurrency)
}
