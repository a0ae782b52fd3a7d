package money

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Rate is an exact ratio between the minor units of two currencies: num units of the one for den
// units of the other. It is kept in lowest terms, so equal rates compare equal with ==. The zero
// value converts nothing.
//
// A Rate has no expiry; the quote that offers it has.
type Rate struct {
	from, to Currency
	num, den uint64
}

// NewRate returns the rate at which den minor units of from become num minor units of to. At
// KRW 1391.25 for USD 1, NewRate(USD, KRW, 139125, 10000) says 139125 won for 10000 cents. It
// fails with ErrRatio when either term is zero and with ErrCurrency when from equals to or one
// of them is unknown.
func NewRate(from, to Currency, num, den uint64) (Rate, error) {
	if num == 0 || den == 0 {
		return Rate{}, fmt.Errorf("rate %d/%d: %w", num, den, ErrRatio)
	}
	if from == to || !from.known() || !to.known() {
		return Rate{}, fmt.Errorf("rate from %v to %v: %w", from, to, ErrCurrency)
	}
	divisor := greatestCommonDivisor(num, den)
	return Rate{from: from, to: to, num: num / divisor, den: den / divisor}, nil
}

// ParseRate reads the rate at which one major unit of from becomes so many major units of to,
// such as "1391.25" for USD to KRW: digits with at most one point between digits, no sign, no
// exponent, no needless zero before them. Anything else, and a zero, is ErrSyntax; a rate whose
// terms need more than 64 bits is ErrOverflow; currencies are judged as in NewRate.
func ParseRate(from, to Currency, decimal string) (Rate, error) {
	if from == to || !from.known() || !to.known() {
		return Rate{}, fmt.Errorf("rate from %v to %v: %w", from, to, ErrCurrency)
	}
	whole, part, pointed := strings.Cut(decimal, ".")
	if whole == "" || pointed && part == "" || len(whole) > 1 && whole[0] == '0' ||
		strings.Trim(whole+part, "0123456789") != "" {
		return Rate{}, fmt.Errorf("rate %.48q: %w", decimal, ErrSyntax)
	}
	num, err := strconv.ParseUint(whole+part, 10, 64)
	if err != nil {
		return Rate{}, fmt.Errorf("rate %.48q: %w", decimal, ErrOverflow)
	}
	if num == 0 {
		return Rate{}, fmt.Errorf("rate %.48q: %w", decimal, ErrSyntax)
	}
	// Units of to for units of from: num / 10^decimals, times 10^digits of to, over 10^digits of
	// from.
	up, down := to.Digits(), from.Digits()+len(part)
	common := min(up, down)
	num, ok := timesTen(num, up-common)
	den, also := timesTen(1, down-common)
	if !ok || !also {
		return Rate{}, fmt.Errorf("rate %.48q: %w", decimal, ErrOverflow)
	}
	return NewRate(from, to, num, den)
}

// timesTen returns n * 10^times, and false if that needs more than 64 bits.
func timesTen(n uint64, times int) (uint64, bool) {
	for range times {
		high, low := bits.Mul64(n, 10)
		if high != 0 {
			return 0, false
		}
		n = low
	}
	return n, true
}

// From returns the currency that Convert takes.
func (r Rate) From() Currency { return r.from }

// To returns the currency that Convert gives.
func (r Rate) To() Currency { return r.to }

// Ratio returns the terms in lowest form: num minor units of To for den minor units of From.
func (r Rate) Ratio() (num, den uint64) { return r.num, r.den }

// Inverse returns the rate of the other direction, exactly. Converting there and back still
// loses what each rounding takes.
func (r Rate) Inverse() Rate {
	return Rate{from: r.to, to: r.from, num: r.den, den: r.num}
}

// Convert returns a in the currency To, rounded by rounding, or ErrCurrency when a is not in the
// currency From, or ErrOverflow.
func (r Rate) Convert(a Amount, rounding Rounding) (Amount, error) {
	if a.currency != r.from || r.den == 0 {
		return Amount{}, fmt.Errorf("convert %v at %v: %w", a, r, ErrCurrency)
	}
	out, err := a.MulRatio(r.num, r.den, rounding)
	if err != nil {
		return Amount{}, err
	}
	out.currency = r.to
	return out, nil
}

// String returns the ratio for a log, in minor units: "USD/KRW 1113/80".
func (r Rate) String() string {
	return fmt.Sprintf("%v/%v %d/%d", r.from, r.to, r.num, r.den)
}

// greatestCommonDivisor is Euclid's; neither argument is zero.
func greatestCommonDivisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
