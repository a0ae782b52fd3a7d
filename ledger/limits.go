package ledger

import (
	"math"

	"seyfert/fault"
	"seyfert/money"
)

// Limits are the amounts that bind one account, judged on its normal side. The zero value binds
// nothing.
type Limits struct {
	// Floor is the least that the balance, less what is held of it, may come down to. It
	// stands beside NoOverdraft: the higher of the two binds.
	Floor Bound
	// Ceiling is the most that the balance, with what is held for it, may come up to.
	Ceiling Bound
	// Velocity is how fast money may leave.
	Velocity Velocity
}

// Bound is a balance that may not be passed: Amount, below zero where Negative is set. The zero
// value is no bound.
type Bound struct {
	Set, Negative bool
	Amount        money.Amount
}

// Velocity bounds what legs and holds take out of an account within one window of journal time.
// Windows stand end to end from 1970 on. A hold counts once, when it is made; what it frees
// later does not count back. The zero value bounds nothing.
type Velocity struct {
	// Period is the length of a window, in milliseconds.
	Period int64
	// Amount is the most that may leave in one window; zero for any amount.
	Amount money.Amount
	// Count is the largest number of legs and holds that may take something; 0 for any.
	Count uint32
}

// Outflow is what left an account in the window of its Velocity that began at Since, in Unix
// milliseconds. Of the two sums only those that the Velocity bounds are counted.
type Outflow struct {
	Since  int64
	Amount money.Amount
	Count  uint32
}

// validate checks the form of limits of an account in c; field is what is wrong.
func (l *Limits) validate(c money.Currency) (field string, ok bool) {
	v := &l.Velocity
	bounds := !v.Amount.IsZero() || v.Count != 0
	switch {
	case !l.Floor.valid(c):
		return "floor", false
	case !l.Ceiling.valid(c):
		return "ceiling", false
	case v.Period < 0 || v.Period > timeMax || bounds != (v.Period != 0),
		v.Amount.IsZero() && v.Amount != money.Amount{},
		!v.Amount.IsZero() && v.Amount.Currency() != c:
		return "velocity", false
	}
	return "", true
}

// valid says whether b is a bound of an account in c, written in the one way there is.
func (b Bound) valid(c money.Currency) bool {
	if !b.Set {
		return b == Bound{}
	}
	return b.Amount.Currency() == c && !(b.Negative && b.Amount.IsZero())
}

// limitRow is the limits and the outflow of an account as a book keeps them. The zero value is
// no limits.
type limitRow struct {
	floor, ceiling bound
	// most and times are the velocity's bounds within a period, in milliseconds.
	most   wide
	period int64
	times  uint32
	// count and spent are what left since the start of a window.
	count uint32
	spent wide
	since int64
}

// bound is a Bound as a book keeps it.
type bound struct {
	amount wide
	form   boundForm
}

// boundForm says whether there is a bound and on which side of zero. The values are part of
// images.
type boundForm uint8

const (
	boundNone boundForm = iota
	boundAbove
	boundBelow
)

// limitRowOf returns valid limits under which nothing has left.
func limitRowOf(l *Limits) limitRow {
	return limitRow{
		floor: boundOf(l.Floor), ceiling: boundOf(l.Ceiling),
		most: wideOf(l.Velocity.Amount), period: l.Velocity.Period, times: l.Velocity.Count,
	}
}

func boundOf(b Bound) bound {
	switch {
	case !b.Set:
		return bound{}
	case b.Negative:
		return bound{wideOf(b.Amount), boundBelow}
	default:
		return bound{wideOf(b.Amount), boundAbove}
	}
}

// limits returns the row as others see it.
func (l *limitRow) limits(c money.Currency) Limits {
	v := Velocity{Period: l.period, Count: l.times}
	if !l.most.isZero() {
		v.Amount = l.most.of(c)
	}
	return Limits{l.floor.outside(c), l.ceiling.outside(c), v}
}

func (b bound) outside(c money.Currency) Bound {
	if b.form == boundNone {
		return Bound{}
	}
	return Bound{Set: true, Negative: b.form == boundBelow, Amount: b.amount.of(c)}
}

// outflow returns what left as others see it.
func (l *limitRow) outflow(c money.Currency) Outflow {
	if l.period == 0 {
		return Outflow{}
	}
	return Outflow{Since: l.since, Amount: l.spent.of(c), Count: l.count}
}

// after keeps of an earlier row's outflow what these limits still count.
func (l limitRow) after(was *limitRow) limitRow {
	if l.period == 0 || l.period != was.period {
		return l
	}
	l.since = was.since
	if !l.most.isZero() {
		l.spent = was.spent
	}
	if l.times != 0 {
		l.count = was.count
	}
	return l
}

// split returns a bound as what it adds to either side of a comparison of two sums.
func (b bound) split() (above, below wide) {
	if b.form == boundBelow {
		return wide{}, b.amount
	}
	return b.amount, wide{}
}

// judge says which bound the sums of an account are past, if any.
func (l *limitRow) judge(k Kind, s *sums) error {
	in, out := s.posted(k)
	coming, held := s.pending(k)
	if l.floor.form != boundNone {
		above, below := l.floor.split()
		have, need := tall{}.and(in).and(below), tall{}.and(out).and(held).and(above)
		if have.below(need) {
			return refusal("floor", "the balance would fall below the account's floor",
				fault.UnderFloor)
		}
	}
	if l.ceiling.form != boundNone {
		above, below := l.ceiling.split()
		most, have := tall{}.and(out).and(above), tall{}.and(in).and(coming).and(below)
		if most.below(have) {
			return refusal("ceiling", "the balance would rise above the account's ceiling",
				fault.OverCeiling)
		}
	}
	return nil
}

// spend counts an outflow at now against the velocity.
func (l *limitRow) spend(amount wide, now int64) error {
	if l.period == 0 {
		return nil
	}
	if since := now - now%l.period; since != l.since {
		l.since, l.spent, l.count = since, wide{}, 0
	}
	if !l.most.isZero() {
		sum, over := l.spent.add(amount)
		if over || l.most.less(sum) {
			return refusal("velocity", "more would leave than may within the period",
				fault.VelocityExceeded)
		}
		l.spent = sum
	}
	if l.times != 0 {
		if l.count >= l.times {
			return refusal("velocity", "money left as often as it may within the period",
				fault.VelocityExceeded)
		}
		l.count++
	}
	return nil
}

// giving returns what an account can give: its balance less what is held of it, above the floor
// if that is above zero. l may be nil.
func (l *limitRow) giving(k Kind, s *sums) wide {
	in, out := s.posted(k)
	_, held := s.pending(k)
	need := tall{}.and(out).and(held)
	if l != nil && l.floor.form == boundAbove {
		need = need.and(l.floor.amount)
	}
	return need.until(tall{}.and(in))
}

// taking returns what an account can take: the room under its ceiling. l may be nil.
func (l *limitRow) taking(k Kind, s *sums) wide {
	if l == nil || l.ceiling.form == boundNone {
		return wide{math.MaxUint64, math.MaxUint64}
	}
	in, out := s.posted(k)
	coming, _ := s.pending(k)
	above, below := l.ceiling.split()
	return tall{}.and(in).and(coming).and(below).until(tall{}.and(out).and(above))
}
