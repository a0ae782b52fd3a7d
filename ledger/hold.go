package ledger

import (
	"seyfert/fault"
	"seyfert/money"
)

// Hold reserves h.Amount: it becomes pending on both accounts and, where NoOverdraft stands, is
// no longer available to others. Of h, Captured and Bound must be zero and State 0 or Held.
//
// Errors are those of Post; besides, a hold without id or with fields that a new one cannot have
// is invalid (fields "hold", "expires"), one whose time has come already is refused (field
// "expires"), and the id of a live hold is a conflict (field "hold").
func (d *Draft) Hold(h Hold) error {
	d.check()
	if h.State == 0 {
		h.State = Held
	}
	switch {
	case h.ID.IsZero():
		return invalid("hold", "the hold needs an id")
	case h.State != Held || h.Bound || !h.Captured.IsZero():
		return invalid("hold", "a new hold is neither bound nor ended")
	case h.Expires < 0 || h.Expires > timeMax:
		return invalid("expires", "the expiry is out of range")
	case h.Expires != 0 && h.Expires <= d.now:
		return refusal("expires", "the expiry has come already", fault.ExpiryPassed)
	}
	if _, taken := d.FindHold(h.ID); taken {
		return fault.New(fault.Conflict, "hold", "a hold has this id already").
			Because(fault.IDReused)
	}
	s, err := d.sidesOf(h.Debit, h.Credit, h.Amount)
	if err != nil {
		return err
	}
	if err := d.admits(s); err != nil {
		return err
	}
	h.Captured = money.New(h.Amount.Currency(), 0)
	start := d.Savepoint()
	if err := d.reserve(s, h); err != nil {
		d.RollbackTo(start)
		return err
	}
	return nil
}

// reserve makes the amount of a new hold pending; a failure is left to the caller to roll back.
func (d *Draft) reserve(s sides, h Hold) error {
	if err := d.spend(s, h.Amount); err != nil {
		return err
	}
	d.touch(s.debit)
	d.touch(s.credit)
	debit, credit := d.view(s.debit), d.view(s.credit)
	var err, other error
	debit.DebitsPending, err = debit.DebitsPending.Add(h.Amount)
	credit.CreditsPending, other = credit.CreditsPending.Add(h.Amount)
	if err != nil || other != nil {
		return uncountable()
	}
	start := len(d.records)
	d.record(s, h.Amount, Record{
		Kind: RecordHeld, Hold: h.ID, Code: h.Code, Effective: h.Expires,
	})
	d.setHold(h)
	return d.rules(start)
}

// live finds a live hold and its accounts. One that is unknown or has ended is not found.
func (d *Draft) live(id HoldID) (Hold, sides, error) {
	hold, ok := d.FindHold(id)
	if !ok || hold.State != Held {
		return Hold{}, sides{}, notFound("hold", "no live hold has this id", fault.UnknownHold)
	}
	debit, ok := d.find(hold.Debit)
	credit, also := d.find(hold.Credit)
	assert(ok && also, "a hold names an account that is not there")
	return hold, sides{debit, credit}, nil
}

// Bind ties a live hold to a transfer to another node: it never expires after that. A hold that
// is bound already is a conflict, one that is not live is not found (field "hold").
func (d *Draft) Bind(id HoldID) error {
	d.check()
	hold, s, err := d.live(id)
	if err != nil {
		return err
	}
	if hold.Bound {
		return fault.New(fault.Conflict, "hold", "the hold is bound already")
	}
	// The accounts' sums stay, but their newest record becomes this one.
	d.touch(s.debit)
	d.touch(s.credit)
	d.record(s, hold.Left(), Record{Kind: RecordBound, Hold: id, Code: hold.Code})
	hold.Bound = true
	d.setHold(hold)
	return nil
}

// Capture takes amount, at most what is left, out of a live hold, bound or not: it posts it from
// the hold's debit to its credit account as the first leg of t, and t.Legs as further ones. With
// more the rest stays held for further captures, if there is a rest; without, it is freed and
// the hold ends. The money was promised when it was held, so neither freezing nor limits set
// since then stop the first leg; further legs are judged as in Post, whose errors these are. A
// hold that is not live is not found (field "hold"), more than it holds is refused (field
// "hold"), and so is one whose time has come (field "expires").
func (d *Draft) Capture(id HoldID, t *Transfer, amount money.Amount, more bool) error {
	d.check()
	if err := t.validate(1 + len(t.Legs)); err != nil {
		return err
	}
	if !t.Reverses.IsZero() {
		return invalid("reverses", "a capture reverses nothing")
	}
	hold, s, err := d.live(id)
	if err != nil {
		return err
	}
	over, err := hold.Left().Less(amount)
	switch {
	case err != nil:
		return invalid("currency", "the hold is of another currency", fault.MixedCurrencies)
	case amount.IsZero():
		return invalid("amount", "the amount must be more than zero", fault.ZeroAmount)
	case hold.expiring() && hold.Expires <= d.now:
		return refusal("expires", "the hold has expired", fault.HoldExpired)
	case over:
		return refusal("hold", "the hold is of less than the amount", fault.HoldExceeded)
	}
	start := d.Savepoint()
	if err = d.take(hold, s, t, amount, more); err == nil {
		err = d.post(t, 1)
	}
	if err == nil {
		err = d.rules(start.records)
	}
	if err != nil {
		d.RollbackTo(start)
	}
	return err
}

// take moves an amount out of a hold.
func (d *Draft) take(hold Hold, s sides, t *Transfer, amount money.Amount, more bool) error {
	freed := hold.Left()
	hold.Captured = plus(hold.Captured, amount)
	if more = more && hold.Captured != hold.Amount; more {
		freed = amount
	} else {
		hold.State = Captured
	}
	d.release(s, freed)
	d.setHold(hold)
	return d.move(s, amount, Record{
		Kind: RecordCaptured, Transfer: t.ID, Hold: hold.ID, Code: t.Code,
		Effective: t.Effective, More: more,
	})
}

// release takes an amount out of what is pending on both accounts.
func (d *Draft) release(s sides, amount money.Amount) {
	d.touch(s.debit)
	d.touch(s.credit)
	debit, credit := d.view(s.debit), d.view(s.credit)
	var err error
	debit.DebitsPending, err = debit.DebitsPending.Sub(amount)
	must(err)
	credit.CreditsPending, err = credit.CreditsPending.Sub(amount)
	must(err)
}

// Void ends a live hold and frees all of it. A bound hold may be voided only by a caller that
// has the verdict of its transfer (protocol.md B3.4); the ledger cannot tell. A hold that is not
// live is not found (field "hold").
func (d *Draft) Void(id HoldID) error {
	d.check()
	hold, s, err := d.live(id)
	if err != nil {
		return err
	}
	d.free(hold, s, Voided, RecordVoided)
	return nil
}

// Expire ends a live, unbound hold whose time has come at now, in Unix milliseconds. It is
// refused (field "hold") for a bound hold and for one whose time has not come; a hold that is
// not live is not found.
func (d *Draft) Expire(id HoldID, now int64) error {
	d.check()
	hold, s, err := d.live(id)
	switch {
	case err != nil:
		return err
	case hold.Bound:
		return refusal("hold", "a bound hold does not expire")
	case hold.Expires == 0 || hold.Expires > now:
		return refusal("hold", "the hold does not expire yet")
	}
	d.free(hold, s, Expired, RecordExpired)
	return nil
}

// free ends a hold without a transfer.
func (d *Draft) free(hold Hold, s sides, state State, kind RecordKind) {
	d.release(s, hold.Left())
	d.record(s, hold.Left(), Record{Kind: kind, Hold: hold.ID, Code: hold.Code})
	hold.State = state
	d.setHold(hold)
}
