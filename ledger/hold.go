package ledger

import (
	"slices"

	"seyfert/fault"
	"seyfert/money"
)

// Hold reserves h.Amount: it becomes pending on both accounts and, where NoOverdraft or a floor
// stands, is no longer available to others. Of h, Captured and Bound must be zero and State 0 or
// Held.
//
// Errors are those of Post; besides, a hold without id or with fields that a new one cannot have
// is invalid (fields "hold", "expires"), one whose time has come already is refused (field
// "expires"), and the id of a live hold is a conflict (field "hold").
func (d *Draft) Hold(h Hold) error {
	d.check()
	switch {
	case h.ID.IsZero():
		return invalid("hold", "the hold needs an id")
	case h.State != 0 && h.State != Held || h.Bound || !h.Captured.IsZero():
		return invalid("hold", "a new hold is neither bound nor ended")
	case h.Expires < 0 || h.Expires > timeMax:
		return invalid("expires", "the expiry is out of range")
	case h.Expires != 0 && h.Expires <= d.now:
		return refusal("expires", "the expiry has come already", fault.ExpiryPassed)
	}
	if _, taken := d.seek(h.ID); taken {
		return fault.New(fault.Conflict, "hold", "a hold has this id already").
			Because(fault.IDReused)
	}
	p, err := d.pair(h.Debit, h.Credit, h.Amount)
	if err != nil {
		return err
	}
	start := d.Savepoint()
	err = d.reserve(p, heldAt{epoch: d.epoch, holdRow: holdRow{
		id: h.ID, amount: wideOf(h.Amount), expires: h.Expires, debit: p.from, credit: p.to,
		code: h.Code, state: Held,
	}})
	if err != nil {
		d.RollbackTo(start)
	}
	return err
}

// reserve makes the amount of a new hold pending; a failure is left to the caller to roll back.
func (d *Draft) reserve(p pair, h heldAt) error {
	s := d.bringBoth(p)
	if err := d.spend(s, h.amount); err != nil {
		return err
	}
	debit, credit := &d.touched[s.debit], &d.touched[s.credit]
	var over, also bool
	debit.debitsPending, over = debit.debitsPending.add(h.amount)
	credit.creditsPending, also = credit.creditsPending.add(h.amount)
	if over || also {
		return uncountable()
	}
	start := len(d.records)
	d.note(s, &h.holdRow, RecordHeld).Effective = h.expires
	d.holds = append(d.holds, h)
	d.held.add(h.id, uint32(len(d.holds)-1))
	return d.rules(start)
}

// note records a change of a hold that moves no money.
func (d *Draft) note(s sides, h *holdRow, kind RecordKind) *Record {
	r := d.record(s, h.left())
	r.Kind, r.Hold, r.Code = kind, h.id, h.code
	return r
}

// seek finds a hold as the draft has it.
func (d *Draft) seek(id HoldID) (h heldAt, ok bool) {
	if slot, ok := d.slotOf(id); ok {
		return d.holds[slot], true
	}
	place, ok := d.book.place(id)
	if !ok {
		return heldAt{}, false
	}
	return heldAt{holdRow: *d.book.holds.at(place), place: place + 1}, true
}

// slotOf finds a hold that the draft changed or made.
func (d *Draft) slotOf(id HoldID) (slot uint32, ok bool) {
	if len(d.holds) == 0 {
		return 0, false
	}
	search := d.held.search(id)
	for {
		if slot, ok = search.next(); !ok || d.holds[slot].id == id {
			return slot, ok
		}
	}
}

// set brings a changed hold into the draft, or keeps its value there for a rollback.
func (d *Draft) set(h heldAt) {
	was := h.epoch
	h.epoch = d.epoch
	slot, ok := d.slotOf(h.id)
	if !ok {
		d.holds = append(d.holds, h)
		d.held.add(h.id, uint32(len(d.holds)-1))
		return
	}
	if was != d.epoch {
		d.holdUndo = append(d.holdUndo, holdBefore{slot, d.holds[slot]})
	}
	d.holds[slot] = h
}

// live finds a live hold. One that is unknown or has ended is not found.
func (d *Draft) live(id HoldID) (heldAt, error) {
	h, ok := d.seek(id)
	if !ok || h.state != Held {
		return heldAt{}, notFound("hold", "no live hold has this id", fault.UnknownHold)
	}
	return h, nil
}

// both touches the accounts of a hold.
func (d *Draft) both(h *holdRow) sides { return sides{d.touch(h.debit), d.touch(h.credit)} }

// FindHold returns the hold with an id as the draft has it; a hold that this draft has ended is
// found in its last state.
func (d *Draft) FindHold(id HoldID) (Hold, bool) {
	d.check()
	h, ok := d.seek(id)
	if !ok {
		return Hold{}, false
	}
	debit, _ := d.view(h.debit)
	credit, _ := d.view(h.credit)
	return h.hold(debit, credit), true
}

// Bind ties a live hold to a transfer to another node: it never expires after that. A hold that
// is bound already is a conflict, one that is not live is not found (field "hold").
func (d *Draft) Bind(id HoldID) error {
	d.check()
	h, err := d.live(id)
	if err != nil {
		return err
	}
	if h.bound {
		return fault.New(fault.Conflict, "hold", "the hold is bound already")
	}
	// The accounts' sums stay, but their newest record becomes this one.
	d.note(d.both(&h.holdRow), &h.holdRow, RecordBound)
	h.bound = true
	d.set(h)
	return nil
}

// Capture takes amount, at most what is left, out of a live hold, bound or not: it posts it from
// the hold's debit to its credit account as the first leg of t, and t.Legs as further ones. With
// more the rest stays held for further captures, if there is a rest; without, it is freed and
// the hold ends. The money was promised when it was held, so an account that was frozen since
// then does not stop the first leg, and it counts against no velocity again; further legs are
// judged as in Post, whose errors these are. A hold that is not live is not found (field
// "hold"), more than it holds is refused (field "hold"), and so is one whose time has come
// (field "expires").
func (d *Draft) Capture(id HoldID, t *Transfer, amount money.Amount, more bool) error {
	d.check()
	d.leg = 0
	if err := t.validate(1 + len(t.Legs)); err != nil {
		return err
	}
	if !t.Reverses.IsZero() {
		return invalid("reverses", "a capture reverses nothing")
	}
	h, err := d.live(id)
	if err != nil {
		return err
	}
	debit, _ := d.view(h.debit)
	switch {
	case debit.currency != amount.Currency():
		return invalid("currency", "the hold is of another currency", fault.MixedCurrencies)
	case amount.IsZero():
		return invalid("amount", "the amount must be more than zero", fault.ZeroAmount)
	case h.expiring() && h.expires <= d.now:
		return refusal("expires", "the hold has expired", fault.HoldExpired)
	case h.left().less(wideOf(amount)):
		return refusal("hold", "the hold is of less than the amount", fault.HoldExceeded)
	}
	start := d.Savepoint()
	if err = d.take(h, t, wideOf(amount), more); err == nil {
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
func (d *Draft) take(h heldAt, t *Transfer, amount wide, more bool) error {
	freed := h.left()
	h.captured = h.captured.plus(amount)
	if more = more && h.captured != h.amount; more {
		freed = amount
	} else {
		h.state = Captured
	}
	s := d.both(&h.holdRow)
	d.release(s, freed)
	d.set(h)
	r, err := d.move(s, amount)
	if err != nil {
		return err
	}
	r.Kind, r.Transfer, r.Hold, r.More = RecordCaptured, t.ID, h.id, more
	r.Code, r.Effective = t.Code, t.Effective
	return nil
}

// release takes an amount out of what is pending on two touched accounts.
func (d *Draft) release(s sides, amount wide) {
	debit, credit := &d.touched[s.debit], &d.touched[s.credit]
	var under, also bool
	debit.debitsPending, under = debit.debitsPending.sub(amount)
	credit.creditsPending, also = credit.creditsPending.sub(amount)
	assert(!under && !also, "less is pending than a hold holds")
}

// Void ends a live hold and frees what is left of it. A bound hold may be voided only by a
// caller that has the verdict of its transfer (protocol.md B3.4); the ledger cannot tell. A hold
// that is not live is not found (field "hold").
func (d *Draft) Void(id HoldID) error {
	d.check()
	h, err := d.live(id)
	if err != nil {
		return err
	}
	d.free(h, Voided, RecordVoided)
	return nil
}

// Expire ends a live, unbound hold whose time has come at now, in Unix milliseconds. It is
// refused (field "hold") for a bound hold and for one whose time has not come; a hold that is
// not live is not found.
func (d *Draft) Expire(id HoldID, now int64) error {
	d.check()
	h, err := d.live(id)
	switch {
	case err != nil:
		return err
	case h.bound:
		return refusal("hold", "a bound hold does not expire")
	case h.expires == 0 || h.expires > now:
		return refusal("hold", "the hold does not expire yet")
	}
	d.free(h, Expired, RecordExpired)
	return nil
}

// free ends a hold without a transfer.
func (d *Draft) free(h heldAt, state State, kind RecordKind) {
	s := d.both(&h.holdRow)
	d.release(s, h.left())
	d.note(s, &h.holdRow, kind)
	h.state = state
	d.set(h)
}

// Due returns what Book.Due does, as the draft has it: without the holds that this draft ended or
// bound, and with those it made.
func (d *Draft) Due(now int64, limit int) []HoldID {
	d.check()
	limit = max(0, min(limit, int(d.book.live)+len(d.holds)))
	// Of the book's, at most as many as were changed here drop out.
	var found []deadline
	for _, id := range d.book.due.until(now, limit+len(d.holds)) {
		if _, changed := d.slotOf(id); !changed {
			h, _ := d.seek(id)
			found = append(found, deadline{h.expires, id})
		}
	}
	for i := range d.holds {
		if h := &d.holds[i]; h.expiring() && h.expires <= now {
			found = append(found, deadline{h.expires, h.id})
		}
	}
	slices.SortFunc(found, compareDeadlines)
	ids := make([]HoldID, 0, min(limit, len(found)))
	for _, due := range found[:cap(ids)] {
		ids = append(ids, due.id)
	}
	return ids
}
