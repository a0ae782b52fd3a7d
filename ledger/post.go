package ledger

import (
	"seyfert/fault"
	"seyfert/money"
)

// Post moves money: all legs or none, in their order. Whether balances allow it is judged after
// the last leg, so legs may pass through an account that has nothing itself.
//
// code is the caller's own word for the reason and goes to history. It is invalid with a leg of
// no amount, of another currency than its accounts or between an account and itself (fields
// "amount", "currency", "account"), too large with more than LegsMax legs (field "legs"), not
// found with an unknown account (field "account"), and refused when an account is closed or
// frozen (field "account") or does not cover it (field "amount").
func (d *Draft) Post(id TransferID, code uint16, legs []Leg) error {
	d.check()
	if err := checkTransfer(id, len(legs)); err != nil {
		return err
	}
	start := d.Savepoint()
	err := d.post(id, code, 0, legs)
	if err == nil {
		err = d.rules(start.records)
	}
	if err != nil {
		d.RollbackTo(start)
	}
	return err
}

// checkTransfer judges what no account has to be asked about.
func checkTransfer(id TransferID, legs int) error {
	switch {
	case id.IsZero():
		return invalid("transfer", "the transfer needs an id")
	case legs == 0:
		return invalid("legs", "a transfer needs at least one leg")
	case legs > LegsMax:
		return fault.New(fault.TooLarge, "legs", "a transfer has at most %d legs", LegsMax)
	}
	return nil
}

// post moves legs, numbered from first; a failure is left to the caller to roll back.
func (d *Draft) post(id TransferID, code uint16, first int, legs []Leg) error {
	for i, leg := range legs {
		s, err := d.sidesOf(leg.Debit, leg.Credit, leg.Amount)
		if err != nil {
			return err
		}
		if err := d.admits(s); err != nil {
			return err
		}
		record := Record{Kind: RecordPosted, Transfer: id, Code: code, Leg: uint16(first + i)}
		if err := d.move(s, leg.Amount, record); err != nil {
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
	case !ok || !also:
		return sides{}, fault.New(fault.NotFound, "account", "no account has this id")
	case from == to:
		return sides{}, invalid("account", "money cannot move from an account to itself")
	case amount.IsZero():
		return sides{}, invalid("amount", "the amount must be more than zero")
	case d.view(from).Currency != amount.Currency(), d.view(to).Currency != amount.Currency():
		return sides{}, invalid("currency", "amount and accounts are not of one currency")
	}
	return sides{from, to}, nil
}

// admits refuses what closed and frozen accounts do not take part in.
func (d *Draft) admits(s sides) error {
	debit, credit := d.view(s.debit), d.view(s.credit)
	if (debit.Flags|credit.Flags)&Closed != 0 {
		return refusal("account", "the account is closed")
	}
	debitStop, creditStop := FrozenOut, FrozenIn
	if debit.Kind.debitNormal() {
		debitStop = FrozenIn
	}
	if credit.Kind.debitNormal() {
		creditStop = FrozenOut
	}
	if debit.Flags&debitStop != 0 || credit.Flags&creditStop != 0 {
		return refusal("account", "the account is frozen")
	}
	return nil
}

// move posts one leg and its record, which says what kind of leg it is.
func (d *Draft) move(s sides, amount money.Amount, record Record) error {
	sum := d.sum(amount.Currency())
	total, err := sum.Add(amount)
	if err != nil {
		return refusal("amount", "the amount is larger than the ledger can count")
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
			if a := d.view(ordinal); a.Flags&NoOverdraft != 0 && !a.covered() {
				return refusal("amount", "the balance does not cover the amount")
			}
		}
	}
	return nil
}
