package ledger

import (
	"seyfert/fault"
	"seyfert/money"
)

// Post moves money: all legs of t or none, in their order. Whether balances allow it is judged
// after the last leg, so legs may pass through an account that has nothing itself. t is only
// read.
//
// Errors, by code and field:
//
//	invalid    transfer, legs, effective, reverses   t itself is not one
//	           amount                                a leg of nothing
//	           currency                              amount and accounts differ
//	           account                               from an account to itself
//	           balancing                             not known
//	not_found  debit, credit                         no account has the id
//	too_large  legs, amount                          over LegsMax; a sum over 128 bits
//	refused    debit, credit                         the account is closed or frozen
//	           amount                                not covered, or nothing to balance to
//	           floor, ceiling, velocity              a limit of an account
func (d *Draft) Post(t *Transfer) error {
	d.check()
	d.leg = 0
	if err := t.validate(len(t.Legs)); err != nil {
		return err
	}
	start := d.Savepoint()
	err := d.post(t, 0)
	if err == nil {
		err = d.rules(start.records)
	}
	if err != nil {
		d.RollbackTo(start)
	}
	return err
}

// validate judges what no account has to be asked about.
func (t *Transfer) validate(legs int) error {
	switch {
	case t.ID.IsZero():
		return invalid("transfer", "the transfer needs an id")
	case t.Effective < 0 || t.Effective > timeMax:
		return invalid("effective", "the time is out of range")
	case t.Reverses == t.ID:
		return invalid("reverses", "a transfer cannot reverse itself")
	case legs == 0:
		return invalid("legs", "a transfer needs at least one leg")
	case legs > LegsMax:
		return fault.New(fault.TooLarge, "legs", "a transfer has at most %d legs", LegsMax).
			Because(fault.TooManyLegs)
	}
	return nil
}

// FailedLeg is the place of the leg that the refusal of the last Post or Capture is about: the
// first one that names the account at fault where balances were judged after the last leg.
func (d *Draft) FailedLeg() int { return d.leg }

// post posts the legs, numbered from first; a failure is left to the caller to roll back.
func (d *Draft) post(t *Transfer, first int) error {
	kind := RecordPosted
	if !t.Reverses.IsZero() {
		kind = RecordReversed
	}
	for i := range t.Legs {
		leg := &t.Legs[i]
		d.leg = first + i
		p, err := d.pair(leg.Debit, leg.Credit, leg.Amount)
		if err != nil {
			return err
		}
		amount := wideOf(leg.Amount)
		if leg.Balancing != 0 {
			if amount, err = p.balanced(leg); err != nil {
				return err
			}
		}
		s := d.bringBoth(p)
		if err := d.spend(s, amount); err != nil {
			return err
		}
		r, err := d.move(s, amount)
		if err != nil {
			return err
		}
		r.Kind, r.Transfer, r.Reverses = kind, t.ID, t.Reverses
		r.Code, r.Leg, r.Effective = t.Code, uint16(first+i), t.Effective
	}
	return nil
}

// pair is the two accounts of a leg or hold before they are touched, to read.
type pair struct {
	from, to                  uint32 // ordinals
	debit, credit             *row
	debitLimits, creditLimits *limitRow
}

// pair finds both accounts of an amount and checks that they can be one leg or hold now.
func (d *Draft) pair(debit, credit AccountID, amount money.Amount) (p pair, err error) {
	var ok bool
	if p.from, ok = d.find(debit); !ok {
		return p, notFound("debit", "no account has this id", fault.UnknownAccount)
	}
	if p.to, ok = d.find(credit); !ok {
		return p, notFound("credit", "no account has this id", fault.UnknownAccount)
	}
	p.debit, p.debitLimits = d.view(p.from)
	p.credit, p.creditLimits = d.view(p.to)
	c := amount.Currency()
	switch {
	case p.from == p.to:
		return p, invalid("account", "money cannot move from an account to itself",
			fault.SameAccount)
	case amount.IsZero():
		return p, invalid("amount", "the amount must be more than zero", fault.ZeroAmount)
	case p.debit.currency != c || p.credit.currency != c:
		return p, invalid("currency", "amount and accounts are not of one currency",
			fault.MixedCurrencies)
	}
	if (p.debit.flags|p.credit.flags)&(Closed|FrozenIn|FrozenOut) != 0 {
		return p, p.admitted()
	}
	return p, nil
}

// admitted refuses what closed and frozen accounts do not take part in.
func (p *pair) admitted() error {
	debitStop, creditStop := FrozenOut, FrozenIn
	if p.debit.kind.debitNormal() {
		debitStop = FrozenIn
	}
	if p.credit.kind.debitNormal() {
		creditStop = FrozenOut
	}
	switch {
	case p.debit.flags&Closed != 0:
		return refusal("debit", "the account is closed", fault.AccountClosed)
	case p.credit.flags&Closed != 0:
		return refusal("credit", "the account is closed", fault.AccountClosed)
	case p.debit.flags&debitStop != 0:
		return refusal("debit", "the account is frozen", fault.AccountFrozen)
	case p.credit.flags&creditStop != 0:
		return refusal("credit", "the account is frozen", fault.AccountFrozen)
	}
	return nil
}

// balanced returns what a leg moves: its amount, or what the accounts make of it.
func (p *pair) balanced(leg *Leg) (wide, error) {
	if leg.Balancing&^(UpToDebit|UpToCredit) != 0 {
		return wide{}, invalid("balancing", "the balancing is not known")
	}
	most := wideOf(leg.Amount)
	if leg.Balancing&UpToDebit != 0 {
		most = least(most, room(p.debit, p.debitLimits, !p.debit.kind.debitNormal()))
	}
	if leg.Balancing&UpToCredit != 0 {
		most = least(most, room(p.credit, p.creditLimits, p.credit.kind.debitNormal()))
	}
	if most.isZero() {
		return wide{}, refusal("amount", "there is nothing to move", fault.NothingToMove)
	}
	return most, nil
}

// room returns the most that a leg can move on an account, which it lowers or raises.
func room(r *row, l *limitRow, lowers bool) wide {
	if lowers {
		return l.giving(r.kind, &r.sums)
	}
	return l.taking(r.kind, &r.sums)
}

// bringBoth touches both accounts. What the pair points to is not good after it.
func (d *Draft) bringBoth(p pair) sides { return sides{d.touch(p.from), d.touch(p.to)} }

// spend counts an amount against the velocity of the touched accounts that it lowers.
func (d *Draft) spend(s sides, amount wide) error {
	debit, credit := &d.touched[s.debit], &d.touched[s.credit]
	if debit.own != 0 && !debit.kind.debitNormal() {
		if err := d.limits[debit.own-1].spend(amount, d.now); err != nil {
			return err
		}
	}
	if credit.own != 0 && credit.kind.debitNormal() {
		return d.limits[credit.own-1].spend(amount, d.now)
	}
	return nil
}

// move posts one leg between two touched accounts. It returns the leg's record, in which the
// caller says what kind of leg it is.
func (d *Draft) move(s sides, amount wide) (*Record, error) {
	debit, credit := &d.touched[s.debit], &d.touched[s.credit]
	sum := d.sum(debit.currency)
	total, over := sum.total.add(amount)
	if over {
		return nil, uncountable()
	}
	sum.total = total
	// One account is never debited more than all are, so these cannot overflow.
	debit.debitsPosted = debit.debitsPosted.plus(amount)
	credit.creditsPosted = credit.creditsPosted.plus(amount)
	return d.record(s, amount), nil
}

// record notes what happened between two accounts, with their posted balances after it. Numbers
// and back-pointers follow at commit; the rest is filled in by the caller.
func (d *Draft) record(s sides, amount wide) *Record {
	debit, credit := &d.touched[s.debit].row, &d.touched[s.credit].row
	d.sides = append(d.sides, s)
	d.records = append(d.records, Record{})
	r := &d.records[len(d.records)-1]
	r.Time = d.now
	r.Debit, r.Credit, r.Amount = debit.id, credit.id, amount.of(debit.currency)
	balance, negative := debit.balance(debit.kind)
	r.DebitBalance, r.DebitNegative = balance.of(debit.currency), negative
	balance, negative = credit.balance(credit.kind)
	r.CreditBalance, r.CreditNegative = balance.of(debit.currency), negative
	return r
}

// rules judges the accounts of all records from a position on, as they are now.
func (d *Draft) rules(from int) error {
	for leg, s := range d.sides[from:] {
		d.leg = leg
		for _, slot := range [...]uint32{s.debit, s.credit} {
			t := &d.touched[slot]
			if t.flags&NoOverdraft != 0 && !t.covered(t.kind) {
				return refusal("amount", "the balance does not cover the amount",
					fault.InsufficientFunds)
			}
			if t.own == 0 {
				continue
			}
			if err := d.limits[t.own-1].judge(t.kind, &t.sums); err != nil {
				return err
			}
		}
	}
	return nil
}

// least returns the smaller of two.
func least(w, v wide) wide {
	if v.less(w) {
		return v
	}
	return w
}
