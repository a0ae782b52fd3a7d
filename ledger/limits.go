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
func (l Limits) validate(c money.Currency) (field string, ok bool) {
	if !l.Floor.valid(c) {
		return "floor", false
	}
	if !l.Ceiling.valid(c) {
		return "ceiling", false
	}
	v := l.Velocity
	bounds := !v.Amount.IsZero() || v.Count != 0
	switch {
	case v.Period < 0 || v.Period > timeMax || bounds != (v.Period != 0):
		return "velocity", false
	case v.Amount.IsZero() && v.Amount != money.Amount{}:
		return "velocity", false
	case !v.Amount.IsZero() && v.Amount.Currency() != c:
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

// split returns a bound as what it adds to either side of a comparison of two sums.
func (b Bound) split() (plus, minus wide) {
	if b.Negative {
		return wide{}, wideOf(b.Amount)
	}
	return wideOf(b.Amount), wide{}
}

// aboveFloor says whether the balance less what is held of it is not below the floor.
func (a *Account) aboveFloor() bool {
	if !a.Limits.Floor.Set {
		return true
	}
	in, out := a.posted()
	plus, minus := a.Limits.Floor.split()
	have := tall{}.and(wideOf(in)).and(minus)
	need := tall{}.and(wideOf(out)).and(wideOf(a.held())).and(plus)
	return !have.below(need)
}

// belowCeiling says whether the balance with what is held for it is not above the ceiling.
func (a *Account) belowCeiling() bool {
	if !a.Limits.Ceiling.Set {
		return true
	}
	in, out := a.posted()
	plus, minus := a.Limits.Ceiling.split()
	most := tall{}.and(wideOf(out)).and(plus)
	has := tall{}.and(wideOf(in)).and(wideOf(a.coming())).and(minus)
	return !most.below(has)
}

// rules judges everything that binds the account's sums as they are.
func (a *Account) rules() error {
	switch {
	case a.Flags&NoOverdraft != 0 && !a.covered():
		return refusal("amount", "the balance does not cover the amount",
			fault.InsufficientFunds)
	case !a.aboveFloor():
		return refusal("floor", "the balance would fall below the account's floor",
			fault.UnderFloor)
	case !a.belowCeiling():
		return refusal("ceiling", "the balance would rise above the account's ceiling",
			fault.OverCeiling)
	}
	return nil
}

// spend counts an outflow at now against the velocity of the account.
func (a *Account) spend(amount money.Amount, now int64) error {
	v := a.Limits.Velocity
	if v.Period == 0 {
		return nil
	}
	if since := now - now%v.Period; since != a.Outflow.Since {
		a.Outflow = Outflow{Since: since, Amount: money.New(a.Currency, 0)}
	}
	if !v.Amount.IsZero() {
		sum, over := wideOf(a.Outflow.Amount).add(wideOf(amount))
		if over || wideOf(v.Amount).less(sum) {
			return refusal("velocity", "more would leave than may within the period",
				fault.VelocityExceeded)
		}
		a.Outflow.Amount = sum.of(a.Currency)
	}
	if v.Count != 0 {
		if a.Outflow.Count >= v.Count {
			return refusal("velocity", "money left as often as it may within the period",
				fault.VelocityExceeded)
		}
		a.Outflow.Count++
	}
	return nil
}

// counted returns the outflow as it is kept: only what the velocity bounds.
func (a *Account) counted() Outflow {
	o, v := a.Outflow, a.Limits.Velocity
	if v.Period == 0 {
		return Outflow{}
	}
	if v.Amount.IsZero() || o.Amount.IsZero() {
		o.Amount = money.New(a.Currency, 0)
	}
	if v.Count == 0 {
		o.Count = 0
	}
	return o
}

// give returns the most that the account can give, where lowering, or take: what a leg is
// balanced to.
func (a *Account) give(lowering bool) wide {
	in, out := a.posted()
	if lowering {
		need := tall{}.and(wideOf(out)).and(wideOf(a.held()))
		if floor := a.Limits.Floor; floor.Set && !floor.Negative {
			need = need.and(wideOf(floor.Amount))
		}
		return need.until(tall{}.and(wideOf(in)))
	}
	if !a.Limits.Ceiling.Set {
		return wide{math.MaxUint64, math.MaxUint64}
	}
	plus, minus := a.Limits.Ceiling.split()
	has := tall{}.and(wideOf(in)).and(wideOf(a.coming())).and(minus)
	return has.until(tall{}.and(wideOf(out)).and(plus))
}

// until returns how much u is above t: zero if it is not, and at most what a wide holds.
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

// SetLimits replaces the limits of an account. What left in the present window still counts
// where the period stays. It is invalid (fields "floor", "ceiling", "velocity") with limits of
// another currency or written in more than one way, refused (same fields) when the account is
// past a bound already, refused (field "account") when it is closed, and not found (field
// "account") when it is unknown.
func (d *Draft) SetLimits(id AccountID, limits Limits) error {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return notFound("account", "no account has this id", fault.UnknownAccount)
	}
	account := *d.view(ordinal)
	if account.Flags&Closed != 0 {
		return refusal("account", "the account is closed", fault.AccountClosed)
	}
	if field, ok := limits.validate(account.Currency); !ok {
		return invalid(field, "the limit is not one of this account")
	}
	if limits.Velocity.Period != account.Limits.Velocity.Period {
		account.Outflow = Outflow{}
	}
	account.Limits = limits
	account.Outflow = account.counted()
	if err := account.rules(); err != nil {
		return err
	}
	d.touch(ordinal)
	*d.view(ordinal) = account
	return nil
}
