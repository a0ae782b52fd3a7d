package ledger_test

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"

	"seyfert/ledger"
	"seyfert/money"
)

// model is the ledger as one would explain it: every sum is counted anew from lists, every
// change is tried on a deep copy. It shares no arithmetic with the package.
type model struct {
	now      int64
	accounts map[ledger.AccountID]modelAccount
	legs     []modelLeg
	holds    map[ledger.HoldID]modelHold
	records  []ledger.Record // what happened since the last commit
}

type modelAccount struct {
	ledger.Spec
	since        int64 // of the velocity's window
	spent, times int
}

type modelLeg struct {
	debit, credit ledger.AccountID
	minor         int
}

type modelHold struct {
	debit, credit   ledger.AccountID
	minor, captured int
	code            uint16
	expires         int64
	bound           bool
	state           ledger.State
}

func newModel(now int64) *model {
	return &model{
		now: now, accounts: map[ledger.AccountID]modelAccount{},
		holds: map[ledger.HoldID]modelHold{},
	}
}

// verdict is a fault's code and field, empty for none.
type verdict string

// refuse ends a try with a verdict if a condition holds.
func refuse(condition bool, v verdict) {
	if condition {
		panic(v)
	}
}

// try applies change to a copy and keeps the copy if nothing is refused.
func (m *model) try(change func(*model)) (v verdict) {
	trial := m.clone()
	defer func() {
		if refused := recover(); refused != nil {
			v = refused.(verdict)
		}
	}()
	change(trial)
	*m = *trial
	return ""
}

func (m *model) clone() *model {
	return &model{
		m.now, maps.Clone(m.accounts), slices.Clone(m.legs), maps.Clone(m.holds),
		slices.Clone(m.records),
	}
}

func minor(a money.Amount) int {
	n, _ := a.Uint64()
	return int(n)
}

func isDebitNormal(k ledger.Kind) bool { return k == ledger.Asset || k == ledger.Expense }

// sums counts the four sums of an account.
func (m *model) sums(id ledger.AccountID) (debits, credits, debitsHeld, creditsHeld int) {
	count := func(leg modelLeg, debits, credits *int) {
		if leg.debit == id {
			*debits += leg.minor
		}
		if leg.credit == id {
			*credits += leg.minor
		}
	}
	for _, leg := range m.legs {
		count(leg, &debits, &credits)
	}
	for _, h := range m.holds {
		if h.state == ledger.Held {
			count(modelLeg{h.debit, h.credit, h.minor - h.captured}, &debitsHeld, &creditsHeld)
		}
	}
	return debits, credits, debitsHeld, creditsHeld
}

// stand counts the balance on the normal side, what is held of it and what is held for it.
func (m *model) stand(id ledger.AccountID) (balance, held, coming int) {
	debits, credits, debitsHeld, creditsHeld := m.sums(id)
	if isDebitNormal(m.accounts[id].Kind) {
		return debits - credits, creditsHeld, debitsHeld
	}
	return credits - debits, debitsHeld, creditsHeld
}

// signed returns a bound, or otherwise where there is none.
func signed(b ledger.Bound, otherwise int) int {
	switch {
	case !b.Set:
		return otherwise
	case b.Negative:
		return -minor(b.Amount)
	}
	return minor(b.Amount)
}

// judge refuses what breaks a rule of an account.
func (m *model) judge(ids ...ledger.AccountID) {
	for _, id := range ids {
		s := m.accounts[id]
		balance, held, coming := m.stand(id)
		refuse(s.Flags&ledger.NoOverdraft != 0 && balance < held, "refused amount")
		refuse(balance-held < signed(s.Limits.Floor, math.MinInt), "refused floor")
		refuse(balance+coming > signed(s.Limits.Ceiling, math.MaxInt), "refused ceiling")
	}
}

// pair judges the two accounts of a leg or hold.
func (m *model) pair(debit, credit ledger.AccountID, amount money.Amount) {
	from, ok := m.accounts[debit]
	to, also := m.accounts[credit]
	c := amount.Currency()
	refuse(!ok, "not_found debit")
	refuse(!also, "not_found credit")
	refuse(debit == credit, "invalid account")
	refuse(amount.IsZero(), "invalid amount")
	refuse(from.Currency != c || to.Currency != c, "invalid currency")
	refuse(from.Flags&ledger.Closed != 0, "refused debit")
	refuse(to.Flags&ledger.Closed != 0, "refused credit")
	stops := map[bool]ledger.Flags{true: ledger.FrozenIn, false: ledger.FrozenOut}
	refuse(from.Flags&stops[isDebitNormal(from.Kind)] != 0, "refused debit")
	refuse(to.Flags&stops[!isDebitNormal(to.Kind)] != 0, "refused credit")
}

// room counts what an account can give, where lowered, or take.
func (m *model) room(id ledger.AccountID, lowers bool) int {
	balance, held, coming := m.stand(id)
	limits := m.accounts[id].Limits
	if lowers {
		return max(0, balance-held-max(0, signed(limits.Floor, 0)))
	}
	if !limits.Ceiling.Set {
		return math.MaxInt
	}
	return max(0, signed(limits.Ceiling, 0)-balance-coming)
}

// spend counts what leaves the accounts that are lowered.
func (m *model) spend(debit, credit ledger.AccountID, amount int) {
	for id, isDebit := range map[ledger.AccountID]bool{debit: true, credit: false} {
		a := m.accounts[id]
		v := a.Limits.Velocity
		if v.Period == 0 || isDebit == isDebitNormal(a.Kind) {
			continue
		}
		if since := m.now / v.Period * v.Period; since != a.since {
			a.since, a.spent, a.times = since, 0, 0
		}
		if !v.Amount.IsZero() {
			a.spent += amount
		}
		if v.Count != 0 {
			a.times++
		}
		refuse(a.spent > minor(v.Amount) || a.times > int(v.Count), "refused velocity")
		m.accounts[id] = a
	}
}

// note adds a record with the balances as they are.
func (m *model) note(r ledger.Record, leg modelLeg) {
	c := m.accounts[leg.debit].Currency
	r.Time, r.Debit, r.Credit = m.now, leg.debit, leg.credit
	r.Amount = money.New(c, uint64(leg.minor))
	after := func(id ledger.AccountID) (money.Amount, bool) {
		balance, _, _ := m.stand(id)
		return money.New(c, uint64(max(balance, -balance))), balance < 0
	}
	r.DebitBalance, r.DebitNegative = after(leg.debit)
	r.CreditBalance, r.CreditNegative = after(leg.credit)
	m.records = append(m.records, r)
}

// bounded judges the form of limits of an account in c.
func bounded(l ledger.Limits, c money.Currency) {
	v := l.Velocity.Amount
	refuse(l.Floor.Set && l.Floor.Amount.Currency() != c, "invalid floor")
	refuse(l.Ceiling.Set && l.Ceiling.Amount.Currency() != c, "invalid ceiling")
	refuse(!v.IsZero() && v.Currency() != c, "invalid velocity")
}

func (m *model) open(s ledger.Spec) {
	bounded(s.Limits, s.Currency)
	_, taken := m.accounts[s.ID]
	refuse(taken, "conflict account")
	m.accounts[s.ID] = modelAccount{Spec: s}
	m.judge(s.ID)
}

func (m *model) setFlags(id ledger.AccountID, flags ledger.Flags) {
	a, ok := m.accounts[id]
	refuse(!ok, "not_found account")
	balance, held, coming := m.stand(id)
	isEmpty := balance == 0 && held+coming == 0
	refuse(a.Flags&ledger.Closed != 0 || flags&ledger.Closed != 0 && !isEmpty, "refused flags")
	refuse(flags&ledger.NoOverdraft != 0 && balance < held, "refused flags")
	a.Flags = flags
	m.accounts[id] = a
}

func (m *model) setLimits(id ledger.AccountID, limits ledger.Limits) {
	a, ok := m.accounts[id]
	refuse(!ok, "not_found account")
	refuse(a.Flags&ledger.Closed != 0, "refused account")
	bounded(limits, a.Currency)
	if a.Limits.Velocity.Period != limits.Velocity.Period {
		a.since, a.spent, a.times = 0, 0, 0
	}
	if limits.Velocity.Amount.IsZero() {
		a.spent = 0
	}
	if limits.Velocity.Count == 0 {
		a.times = 0
	}
	a.Limits = limits
	m.accounts[id] = a
	m.judge(id)
}

// post posts legs, numbered from first, and judges the balances after the last.
func (m *model) post(t *ledger.Transfer, first int) {
	r := ledger.Record{
		Kind: ledger.RecordPosted, Transfer: t.ID, Code: t.Code, Effective: t.Effective,
		Reverses: t.Reverses,
	}
	if !t.Reverses.IsZero() {
		r.Kind = ledger.RecordReversed
	}
	for i, leg := range t.Legs {
		m.pair(leg.Debit, leg.Credit, leg.Amount)
		amount := minor(leg.Amount)
		if leg.Balancing&ledger.UpToDebit != 0 {
			amount = min(amount, m.room(leg.Debit, !isDebitNormal(m.accounts[leg.Debit].Kind)))
		}
		if leg.Balancing&ledger.UpToCredit != 0 {
			amount = min(amount, m.room(leg.Credit, isDebitNormal(m.accounts[leg.Credit].Kind)))
		}
		refuse(amount == 0, "refused amount")
		m.spend(leg.Debit, leg.Credit, amount)
		m.legs = append(m.legs, modelLeg{leg.Debit, leg.Credit, amount})
		r.Leg = uint16(first + i)
		m.note(r, m.legs[len(m.legs)-1])
	}
	for _, leg := range t.Legs {
		m.judge(leg.Debit, leg.Credit)
	}
}

func (m *model) hold(h ledger.Hold) {
	refuse(h.Expires != 0 && h.Expires <= m.now, "refused expires")
	_, taken := m.holds[h.ID]
	refuse(taken, "conflict hold")
	m.pair(h.Debit, h.Credit, h.Amount)
	m.spend(h.Debit, h.Credit, minor(h.Amount))
	m.holds[h.ID] = modelHold{
		debit: h.Debit, credit: h.Credit, minor: minor(h.Amount), code: h.Code,
		expires: h.Expires, state: ledger.Held,
	}
	r := ledger.Record{Kind: ledger.RecordHeld, Hold: h.ID, Code: h.Code, Effective: h.Expires}
	m.note(r, modelLeg{h.Debit, h.Credit, minor(h.Amount)})
	m.judge(h.Debit, h.Credit)
}

// change notes a change of a live hold that moves nothing, and makes it.
func (m *model) change(id ledger.HoldID, kind ledger.RecordKind, state ledger.State) {
	h := m.holds[id]
	isDue := !h.bound && h.expires != 0 && h.expires <= m.now
	refuse(h.state != ledger.Held, "not_found hold")
	refuse(kind == ledger.RecordExpired && !isDue, "refused hold")
	refuse(kind == ledger.RecordBound && h.bound, "conflict hold")
	r := ledger.Record{Kind: kind, Hold: id, Code: h.code}
	m.note(r, modelLeg{h.debit, h.credit, h.minor - h.captured})
	h.bound, h.state = h.bound || kind == ledger.RecordBound, state
	m.holds[id] = h
}

func (m *model) capture(id ledger.HoldID, t *ledger.Transfer, amount money.Amount, more bool) {
	h := m.holds[id]
	refuse(h.state != ledger.Held, "not_found hold")
	refuse(m.accounts[h.debit].Currency != amount.Currency(), "invalid currency")
	refuse(amount.IsZero(), "invalid amount")
	refuse(!h.bound && h.expires != 0 && h.expires <= m.now, "refused expires")
	refuse(minor(amount) > h.minor-h.captured, "refused hold")
	h.captured += minor(amount)
	if more = more && h.captured < h.minor; !more {
		h.state = ledger.Captured
	}
	m.holds[id] = h
	m.legs = append(m.legs, modelLeg{h.debit, h.credit, minor(amount)})
	m.note(ledger.Record{
		Kind: ledger.RecordCaptured, Transfer: t.ID, Hold: id, Code: t.Code,
		Effective: t.Effective, More: more,
	}, m.legs[len(m.legs)-1])
	m.post(t, 1)
}

// commit forgets ended holds and what happened.
func (m *model) commit() {
	maps.DeleteFunc(m.holds, func(_ ledger.HoldID, h modelHold) bool {
		return h.state != ledger.Held
	})
	m.records = nil
}

// due lists what may expire, in order.
func (m *model) due(now int64) []ledger.HoldID {
	ids := []ledger.HoldID{}
	for id, h := range m.holds {
		if h.state == ledger.Held && !h.bound && h.expires != 0 && h.expires <= now {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y ledger.HoldID) int {
		return cmp.Or(
			cmp.Compare(m.holds[x].expires, m.holds[y].expires), bytes.Compare(x[:], y[:]),
		)
	})
	return ids
}
