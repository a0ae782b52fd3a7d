package money

import "math/bits"

// words is an unsigned 128-bit integer, hi*2^64 + lo.
type words struct{ hi, lo uint64 }

// decimalDigitsMax is the number of decimal digits of 2^128 - 1.
const decimalDigitsMax = 39

// add returns w + v, and false if the sum needs more than 128 bits.
func (w words) add(v words) (words, bool) {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	hi, carry := bits.Add64(w.hi, v.hi, carry)
	return words{hi, lo}, carry == 0
}

// sub returns w - v; the caller has checked that v is not the larger.
func (w words) sub(v words) words {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	hi, borrow := bits.Sub64(w.hi, v.hi, borrow)
	if borrow != 0 {
		panic("money: unchecked subtraction below zero")
	}
	return words{hi, lo}
}

// cmp returns -1, 0 or 1 as w is less than, equal to or more than v.
func (w words) cmp(v words) int {
	switch {
	case w == v:
		return 0
	case w.hi < v.hi, w.hi == v.hi && w.lo < v.lo:
		return -1
	default:
		return 1
	}
}

// mulDiv returns the quotient and remainder of w*num / den through 192 bits, and false if the
// quotient needs more than 128. den must not be zero.
func (w words) mulDiv(num, den uint64) (quo words, rem uint64, ok bool) {
	mid, low := bits.Mul64(w.lo, num)
	high, part := bits.Mul64(w.hi, num)
	mid, carry := bits.Add64(mid, part, 0)
	high += carry // Cannot wrap: the whole product is below 2^192.
	if high >= den {
		return words{}, 0, false
	}
	quo.hi, rem = bits.Div64(high, mid, den)
	quo.lo, rem = bits.Div64(rem, low, den)
	return quo, rem, true
}

// mulAdd10 returns w*10 + digit, and false if it needs more than 128 bits.
func (w words) mulAdd10(digit byte) (words, bool) {
	product, _, ok := w.mulDiv(10, 1)
	if !ok {
		return words{}, false
	}
	return product.add(words{lo: uint64(digit)})
}

// decimal returns w in decimal digits, at least one.
func (w words) decimal() string {
	var buf [decimalDigitsMax]byte
	at := len(buf)
	for {
		quo, digit, _ := w.mulDiv(1, 10)
		at--
		buf[at] = '0' + byte(digit)
		if (quo == words{}) {
			return string(buf[at:])
		}
		w = quo
	}
}
