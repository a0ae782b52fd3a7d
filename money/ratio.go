package money

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Rounding names what happens to the part below one minor unit. The zero value is no rounding
// and panics when used, so that no division rounds by default.
type Rounding uint8

const (
	// Floor drops the part.
	Floor Rounding = iota + 1
	// Ceil counts any part as a whole unit.
	Ceil
	// HalfEven rounds to the nearest unit, and exactly half to the even neighbour.
	HalfEven
	// HalfUp rounds to the nearest unit, and exactly half up.
	HalfUp
)

// String returns the name of the rounding.
func (r Rounding) String() string {
	switch r {
	case Floor:
		return "floor"
	case Ceil:
		return "ceil"
	case HalfEven:
		return "half_even"
	case HalfUp:
		return "half_up"
	default:
		return fmt.Sprintf("rounding(%d)", uint8(r))
	}
}

// ParseRounding reads what String writes, or fails with ErrSyntax.
func ParseRounding(name string) (Rounding, error) {
	for r := Floor; r <= HalfUp; r++ {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("rounding %.16q: %w", name, ErrSyntax)
}

// up says whether quo, with rem/den left over, goes up by one unit.
func (r Rounding) up(quo words, rem, den uint64) bool {
	// rem is compared with den-rem instead of doubled, which could wrap.
	half := cmp.Compare(rem, den-rem)
	switch r {
	case Floor:
		return false
	case Ceil:
		return rem > 0
	case HalfEven:
		return half > 0 || half == 0 && quo.lo&1 == 1
	case HalfUp:
		return half >= 0
	default:
		panic("money: a division without a named rounding")
	}
}

// MulRatio returns a * num / den rounded by r, or ErrRatio when den is zero, or ErrOverflow.
// A fee of 2.5 % is MulRatio(25, 1000, r). It panics if r is none of the named roundings.
func (a Amount) MulRatio(num, den uint64, r Rounding) (Amount, error) {
	if den == 0 {
		return Amount{}, fmt.Errorf("multiply %v by %d/0: %w", a, num, ErrRatio)
	}
	quo, rem, ok := a.units.mulDiv(num, den)
	if ok && r.up(quo, rem, den) {
		quo, ok = quo.add(words{lo: 1})
	}
	if !ok {
		return Amount{}, fmt.Errorf("multiply %v by %d/%d: %w", a, num, den, ErrOverflow)
	}
	return Amount{units: quo, currency: a.currency}, nil
}

// SplitMax is the largest number of parts of one Split.
const SplitMax = 8192

// Split divides a in proportion to weights so that the parts add up to a exactly: each part gets
// its floor, and the units left over go one each to the largest remainders, ties to the lowest
// index (Hamilton's method). A zero weight gets nothing.
//
// It fails with ErrWeights when there are no weights, more than SplitMax, or only zeros, and
// with ErrOverflow when the weights add up to more than 64 bits.
func (a Amount) Split(weights []uint64) ([]Amount, error) {
	if len(weights) == 0 || len(weights) > SplitMax {
		return nil, fmt.Errorf("split into %d, limit %d: %w", len(weights), SplitMax, ErrWeights)
	}
	var total, carry uint64
	for _, weight := range weights {
		if total, carry = bits.Add64(total, weight, 0); carry != 0 {
			return nil, fmt.Errorf("add up weights: %w", ErrOverflow)
		}
	}
	if total == 0 {
		return nil, fmt.Errorf("split by zeros: %w", ErrWeights)
	}
	parts := make([]Amount, len(weights))
	rests := make([]rest, len(weights))
	left := a.units
	for i, weight := range weights {
		// Never overflows: a weight is at most the total.
		quo, rem, _ := a.units.mulDiv(weight, total)
		parts[i] = Amount{units: quo, currency: a.currency}
		rests[i] = rest{index: i, size: rem}
		left = left.sub(quo)
	}
	slices.SortFunc(rests, func(x, y rest) int {
		return cmp.Or(cmp.Compare(y.size, x.size), cmp.Compare(x.index, y.index))
	})
	if left.hi != 0 || left.lo >= uint64(len(weights)) {
		panic("money: a split left over as many units as it has parts")
	}
	for _, r := range rests[:left.lo] {
		parts[r.index].units, _ = parts[r.index].units.add(words{lo: 1})
	}
	return parts, nil
}

// rest is what the floor of one part of a Split left over, in units of 1/total.
type rest struct {
	index int
	size  uint64
}
