package ledger

import (
	"math"
	"math/bits"

	"seyfert/money"
)

// wide is an unsigned integer of 128 bits: an amount whose currency is known from elsewhere.
// plus and minus count modulo 2^128; pending sums, which fall as well as rise, may be compared
// by their differences in it.
type wide struct{ hi, lo uint64 }

// wideOf returns the minor units of an amount.
func wideOf(a money.Amount) wide {
	hi, lo := a.Words()
	return wide{hi, lo}
}

// of returns the amount of a currency.
func (w wide) of(c money.Currency) money.Amount { return money.FromWords(c, w.hi, w.lo) }

// add returns w + v and whether that needs more than 128 bits.
func (w wide) add(v wide) (sum wide, over bool) {
	low, carry := bits.Add64(w.lo, v.lo, 0)
	high, carry := bits.Add64(w.hi, v.hi, carry)
	return wide{high, low}, carry != 0
}

// sub returns w - v and whether that is below zero.
func (w wide) sub(v wide) (rest wide, under bool) {
	low, borrow := bits.Sub64(w.lo, v.lo, 0)
	high, borrow := bits.Sub64(w.hi, v.hi, borrow)
	return wide{high, low}, borrow != 0
}

func (w wide) plus(v wide) wide {
	sum, _ := w.add(v)
	return sum
}

func (w wide) minus(v wide) wide {
	rest, _ := w.sub(v)
	return rest
}

// less says whether w is less than v.
func (w wide) less(v wide) bool {
	_, under := w.sub(v)
	return under
}

// isZero says whether w is nothing.
func (w wide) isZero() bool { return w.hi|w.lo == 0 }

// tall is a sum of a few wide ones, which no longer fits into one.
type tall struct {
	top uint64
	wide
}

// and returns t + v. At most 2^64 values can be added.
func (t tall) and(v wide) tall {
	sum, over := t.add(v)
	if over {
		t.top++
	}
	return tall{t.top, sum}
}

// below says whether t is less than u.
func (t tall) below(u tall) bool {
	if t.top != u.top {
		return t.top < u.top
	}
	return t.less(u.wide)
}

// until returns how much u is above t: nothing if it is not, and at most what a wide holds.
func (t tall) until(u tall) wide {
	if u.below(t) {
		return wide{}
	}
	rest, under := u.sub(t.wide)
	top := u.top - t.top
	if under {
		top--
	}
	if top != 0 {
		return wide{math.MaxUint64, math.MaxUint64}
	}
	return rest
}
