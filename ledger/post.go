package ledger

import (
	"math"

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
//	not_found  debit, credit                         no account has the id
//	too_large  legs, amount                          over LegsMax; a sum over 128 bits
//	refused    debit, credit                         the account is closed or frozen
//	           amount                                not covered, or nothing to balance to
//	           floor, ceiling, velocity              a limit of an account
func (d *Draft) Post(t *Transfer) error {
	d.check()
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

// post posts the legs, numbered from first; a failure is left to the caller to roll back.
func (d *Draft) post(t *Transfer, first int) error {
	record := Record{
		Kind: RecordPosted, Transfer: t.ID, Code: t.Code, Effective: t.Effective,
		Reverses: t.Reverses,
	}
	if !t.Reverses.IsZero() {
		record.Kind = RecordReversed
	}
	for i, leg := range t.Legs {
		s, err := d.sidesOf(leg.Debit, leg.Credit, leg.Amount)
		if err != nil {
			return err
		}
		if err := d.admits(s); err != nil {
			return err
		}
		amount, err := d.balanced(s, leg)
		if err != nil {
			return err
		}
		if err := d.spend(s, amount); err != nil {
			return err
		}
		record.Leg = uint16(first + i)
		if err := d.move(s, amount, record); err != nil {
			return err
		}
	}
	return nil
}

// balanced returns what a leg moves: its amount, or what the accounts make of it.
func (d *Draft) balanced(s sides, leg Leg) (money.Amount, error) {
	if leg.Balancing&^(UpToDebit|UpToCredit) != 0 {
		return money.Amount{}, invalid("balancing", "the balancing is not known")
	}
	most := wide{math.MaxUint64, math.MaxUint64}
	if debit := d.view(s.debit); leg.Balancing&UpToDebit != 0 {
		most = debit.give(!debit.Kind.debitNormal())
	}
	if credit := d.view(s.credit); leg.Balancing&UpToCredit != 0 {
		if other := credit.give(credit.Kind.debitNormal()); other.less(most) {
			most = other
		}
	}
	if most.isZero() {
		return money.Amount{}, refusal("amount", "there is nothing to move",
			fault.NothingToMove)
	}
	if most.less(wideOf(leg.Amount)) {
		return most.of(leg.Amount.Currency()), nil
	}
	return leg.Amount, nil
}

// spend counts an amount against the velocity of the accounts that it lowers.
func (d *Draft) spend(s sides, amount money.Amount) error {
	for _, side := range [...]struct {
		ordinal uint32
		debit   bool
	}{{s.debit, true}, {s.credit, false}} {
		account := d.view(side.ordinal)
		if account.Limits.Velocity.Period == 0 || account.Kind.debitNormal() == side.debit {
			continue
		}
		d.touch(side.ordinal)
		if err := d.view(side.ordinal).spend(amount, d.now); err != nil {
			return err
		}
	}
	return nil
}

// sidesOf finds both accounts of an amount and checks that they can be one leg or hold.
func (d *Draft) sidesOf(debit, credit AccountID, amount money.Amount) (sides, error) {
	from, ok := d.find(debit)
	to, also := d.find(credit)
	switch {
	case !ok:
		return sides{}, notFound("debit", "no account has this id", fault.UnknownAccount)
	case !also:
		return sides{}, notFound("credit", "no account has this id", fault.UnknownAccount)
	case from == to:
		return sides{}, invalid("account", "money cannot move from an account to itself",
			fault.SameAccount)
	case amount.IsZero():
		return sides{}, invalid("amount", "the amount must be more than zero", fault.ZeroAmount)
	case d.view(from).Currency != amount.Currency(), d.view(to).Currency != amount.Currency():
		return sides{}, invalid("currency", "amount and accounts are not of one currency",
			fault.MixedCurrencies)
	}
	return sides{from, to}, nil
}

// admits refuses what closed and frozen accounts do not take part in.
func (d *Draft) admits(s sides) error {
	debit, credit := d.view(s.debit), d.view(s.credit)
	debitStop, creditStop := FrozenOut, FrozenIn
	if debit.Kind.debitNormal() {
		debitStop = FrozenIn
	}
	if credit.Kind.debitNormal() {
		creditStop = FrozenOut
	}
	switch {
	case debit.Flags&Closed != 0:
		return refusal("debit", "the account is closed", fault.AccountClosed)
	case credit.Flags&Closed != 0:
		return refusal("credit", "the account is closed", fault.AccountClosed)
	case debit.Flags&debitStop != 0:
		return refusal("debit", "the account is frozen", fault.AccountFrozen)
	case credit.Flags&creditStop != 0:
		return refusal("credit", "the account is frozen", fault.AccountFrozen)
	}
	return nil
}

// move posts one leg and its record, which says what kind of leg it is.
func (d *Draft) move(s sides, amount money.Amount, record Record) error {
	sum := d.sum(amount.Currency())
	total, err := sum.Add(amount)
	if err != nil {
		return uncountable()
	}
	d.touch(s.debit)
	d.touch(s.credit)
	debit, credit := d.view(s.debit), d.view(s.credit)
	// One account is never debited more than all are, so these cannot overflow.
	debit.DebitsPosted, err = debit.DebitsPosted.Add(amount)
	must(err)
	credit.CreditsPosted, err = credit.CreditsPosted.Add(amount)
	must(err)
	*sum = total
	d.record(s, amount, record)
	return nil
}

// record notes what happened between two accounts, with their posted balances after it. Numbers
// and back-pointers follow at commit.
func (d *Draft) record(s sides, amount money.Amount, record Record) {
	debit, credit := d.view(s.debit), d.view(s.credit)
	record.Time = d.now
	record.Debit, record.Credit, record.Amount = debit.ID, credit.ID, amount
	record.DebitBalance, record.DebitNegative = debit.Balance()
	record.CreditBalance, record.CreditNegative = credit.Balance()
	d.records = append(d.records, record)
	d.sides = append(d.sides, s)
}

// rules judges the accounts of all records from a position on, as they are now.
func (d *Draft) rules(from int) error {
	for _, s := range d.sides[from:] {
		for _, ordinal := range [...]uint32{s.debit, s.credit} {
			if err := d.view(ordinal).rules(); err != nil {
				return err
			}
		}
	}
	return nil
}
