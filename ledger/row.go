package ledger

import (
	"seyfert/money"
)

// sums are the four running sums of an account, in its currency.
type sums struct {
	debitsPosted, debitsPending, creditsPosted, creditsPending wide
}

// posted returns the posted sums as what raised and what lowered the balance of a kind.
func (s *sums) posted(k Kind) (in, out wide) {
	if k.debitNormal() {
		return s.debitsPosted, s.creditsPosted
	}
	return s.creditsPosted, s.debitsPosted
}

// pending returns what is held to raise and what to lower the balance of a kind.
func (s *sums) pending(k Kind) (coming, held wide) {
	if k.debitNormal() {
		return s.debitsPending, s.creditsPending
	}
	return s.creditsPending, s.debitsPending
}

// balance returns the posted balance of a kind, and whether it is below zero.
func (s *sums) balance(k Kind) (balance wide, negative bool) {
	in, out := s.posted(k)
	if balance, negative = in.sub(out); negative {
		balance = out.minus(in)
	}
	return balance, negative
}

// covered says whether the balance covers what is held of it.
func (s *sums) covered(k Kind) bool {
	in, out := s.posted(k)
	_, held := s.pending(k)
	need, over := out.add(held)
	return !over && !in.less(need) // More than 128 bits is more than any balance.
}

// isEmpty says whether there is neither a balance nor anything pending.
func (s *sums) isEmpty() bool {
	return s.debitsPosted == s.creditsPosted &&
		s.debitsPending.isZero() && s.creditsPending.isZero()
}

// row is an account as a book keeps it: two lines of a processor's cache, the first with all
// that a leg changes but the last record, and no pointer.
type row struct {
	sums
	id    AccountID
	owner OwnerID
	last  uint64
	// limits is the place of the account's limits in the book plus one, 0 without any.
	limits   uint32
	currency money.Currency
	code     uint16
	kind     Kind
	flags    Flags
	_        [8]byte
}

// rowOf returns a row of which nothing has happened yet.
func rowOf(s *Spec) row {
	return row{
		id: s.ID, owner: s.Owner, currency: s.Currency, code: s.Code, kind: s.Kind,
		flags: s.Flags,
	}
}

// account returns the row and its limits, if it has any, as others see them.
func (r *row) account(l *limitRow) Account {
	a := Account{
		Spec: Spec{
			ID: r.id, Owner: r.owner, Currency: r.currency, Kind: r.kind, Flags: r.flags,
			Code: r.code,
		},
		DebitsPosted:   r.debitsPosted.of(r.currency),
		DebitsPending:  r.debitsPending.of(r.currency),
		CreditsPosted:  r.creditsPosted.of(r.currency),
		CreditsPending: r.creditsPending.of(r.currency),
		LastRecord:     r.last,
	}
	if l != nil {
		a.Limits, a.Outflow = l.limits(r.currency), l.outflow(r.currency)
	}
	return a
}

// holdRow is a hold as a book keeps it. The currency is that of its accounts.
type holdRow struct {
	id               HoldID
	amount, captured wide
	expires          int64
	debit, credit    uint32 // ordinals
	code             uint16
	bound            bool
	state            State
}

// left returns what is still reserved.
func (h *holdRow) left() wide {
	if h.state != Held {
		return wide{}
	}
	return h.amount.minus(h.captured)
}

// expiring says whether a clock may end the hold.
func (h *holdRow) expiring() bool { return h.state == Held && !h.bound && h.expires != 0 }

// hold returns the row as others see it, with the accounts that it names.
func (h *holdRow) hold(debit, credit *row) Hold {
	return Hold{
		ID: h.id, Debit: debit.id, Credit: credit.id, Amount: h.amount.of(debit.currency),
		Captured: h.captured.of(debit.currency), Code: h.code, Expires: h.expires,
		Bound: h.bound, State: h.state,
	}
}
