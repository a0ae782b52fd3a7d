package ledger

import (
	"seyfert/fault"
	"seyfert/money"
)

// Open makes an account without a balance. It is invalid (fields "account", "currency", "kind",
// "flags", "floor", "ceiling", "velocity") with a value that is out of range, refused (fields
// "floor", "ceiling") with bounds that nothing is not within, and a conflict (field "account")
// when the id is taken.
func (d *Draft) Open(s Spec) error {
	d.check()
	if s.ID.IsZero() {
		return invalid("account", "the account needs an id")
	}
	if _, err := money.CurrencyOf(uint16(s.Currency)); err != nil {
		return invalid("currency", "the currency is not known")
	}
	if !s.Kind.valid() {
		return invalid("kind", "the kind of account is not known")
	}
	if s.Flags&^flagsAll != 0 || s.Flags&Closed != 0 {
		return invalid("flags", "no account can be opened with these flags")
	}
	if field, ok := s.Limits.validate(s.Currency); !ok {
		return invalid(field, "the limit is not one of this account")
	}
	if _, taken := d.find(s.ID); taken {
		return fault.New(fault.Conflict, "account", "an account has this id already").
			Because(fault.IDReused)
	}
	t := touched{row: rowOf(&s), ordinal: d.book.slots.count, epoch: d.epoch}
	if s.Limits != (Limits{}) {
		limits := limitRowOf(&s.Limits)
		if err := limits.judge(t.kind, &t.sums); err != nil {
			return err
		}
		d.limits = append(d.limits, limits)
		t.own = uint32(len(d.limits))
	}
	d.touched = append(d.touched, t)
	d.book.slots.add(uint32(len(d.touched)))
	d.opened.add(s.ID, uint32(len(d.touched)-1))
	return nil
}

// SetFlags replaces the flags of an account. Live holds stay as they are. It is refused (field
// "flags") to change a closed account, to close one that is not empty and to forbid overdraft
// of one that is overdrawn; an unknown account is not found (field "account").
func (d *Draft) SetFlags(id AccountID, flags Flags) error {
	d.check()
	ordinal, ok := d.find(id)
	if !ok {
		return notFound("account", "no account has this id", fault.UnknownAccount)
	}
	if flags&^flagsAll != 0 {
		return invalid("flags", "a flag is not known")
	}
	account, _ := d.view(ordinal)
	switch {
	case account.flags&Closed != 0:
		return refusal("flags", "the account is closed", fault.AccountClosed)
	case flags&Closed != 0 && !account.isEmpty():
		return refusal("flags", "an account with a balance or a hold cannot be closed",
			fault.AccountInUse)
	case flags&NoOverdraft != 0 && !account.covered(account.kind):
		return refusal("flags", "the account is overdrawn", fault.InsufficientFunds)
	}
	d.touched[d.touch(ordinal)].flags = flags
	return nil
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
	account, was := d.view(ordinal)
	if account.flags&Closed != 0 {
		return refusal("account", "the account is closed", fault.AccountClosed)
	}
	if field, ok := limits.validate(account.currency); !ok {
		return invalid(field, "the limit is not one of this account")
	}
	set := limitRowOf(&limits)
	if was != nil {
		set = set.after(was)
	}
	if err := set.judge(account.kind, &account.sums); err != nil {
		return err
	}
	t := &d.touched[d.touch(ordinal)]
	if t.own == 0 {
		d.limits = append(d.limits, limitRow{})
		t.own = uint32(len(d.limits))
	}
	d.limits[t.own-1] = set
	return nil
}
