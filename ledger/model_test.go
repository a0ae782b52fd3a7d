package ledger_test

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// model is the ledger as one would explain it: every sum is counted anew from lists, every
// change is tried on a deep copy. It shares no arithmetic with the package.
type model struct {
	accounts map[ledger.AccountID]ledger.Spec
	legs     []modelLeg
	holds    map[ledger.HoldID]modelHold
}

type modelLeg struct {
	debit, credit ledger.AccountID
	minor         int
}

type modelHold struct {
	debit, credit ledger.AccountID
	minor         int
	expires       int64
	bound         bool
	state         ledger.State
}

func newModel() *model {
	return &model{
		accounts: map[ledger.AccountID]ledger.Spec{}, holds: map[ledger.HoldID]modelHold{},
	}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.accounts), slices.Clone(m.legs), maps.Clone(m.holds)}
}

// try applies change to a copy and keeps the copy if change allows it.
func (m *model) try(change func(*model) fault.Code) fault.Code {
	trial := m.clone()
	if code := change(trial); code != "" {
		return code
	}
	*m = *trial
	return ""
}

// sums counts the four sums of an account.
func (m *model) sums(id ledger.AccountID) (debits, credits, debitsHeld, creditsHeld int) {
	for _, leg := range m.legs {
		if leg.debit == id {
			debits += leg.minor
		}
		if leg.credit == id {
			credits += leg.minor
		}
	}
	for _, h := range m.holds {
		if h.state == ledger.Held && h.debit == id {
			debitsHeld += h.minor
		}
		if h.state == ledger.Held && h.credit == id {
			creditsHeld += h.minor
		}
	}
	return debits, credits, debitsHeld, creditsHeld
}

// free counts what the account has on its normal side and nobody holds.
func (m *model) free(id ledger.AccountID) int {
	debits, credits, debitsHeld, creditsHeld := m.sums(id)
	if k := m.accounts[id].Kind; k == ledger.Asset || k == ledger.Expense {
		return debits - credits - creditsHeld
	}
	return credits - debits - debitsHeld
}

// solvent says whether all accounts keep to NoOverdraft.
func (m *model) solvent() bool {
	for id, s := range m.accounts {
		if s.Flags&ledger.NoOverdraft != 0 && m.free(id) < 0 {
			return false
		}
	}
	return true
}

// pair judges the two accounts of a leg or hold; promised ones may be frozen.
func (m *model) pair(
	debit, credit ledger.AccountID, amount money.Amount, promised bool,
) fault.Code {
	from, ok := m.accounts[debit]
	to, also := m.accounts[credit]
	if !ok || !also {
		return fault.NotFound
	}
	if debit == credit || amount.IsZero() ||
		from.Currency != amount.Currency() || to.Currency != amount.Currency() {
		return fault.Invalid
	}
	if promised {
		return ""
	}
	grows := func(s ledger.Spec, debited bool) bool {
		return debited == (s.Kind == ledger.Asset || s.Kind == ledger.Expense)
	}
	for _, side := range []struct {
		ledger.Spec
		debited bool
	}{{from, true}, {to, false}} {
		stop := ledger.Closed | ledger.FrozenOut
		if grows(side.Spec, side.debited) {
			stop = ledger.Closed | ledger.FrozenIn
		}
		if side.Flags&stop != 0 {
			return fault.Refused
		}
	}
	return ""
}

func (m *model) open(s ledger.Spec) fault.Code {
	return m.try(func(m *model) fault.Code {
		if _, taken := m.accounts[s.ID]; taken {
			return fault.Conflict
		}
		m.accounts[s.ID] = s
		return ""
	})
}

func (m *model) setFlags(id ledger.AccountID, flags ledger.Flags) fault.Code {
	return m.try(func(m *model) fault.Code {
		s, ok := m.accounts[id]
		if !ok {
			return fault.NotFound
		}
		debits, credits, debitsHeld, creditsHeld := m.sums(id)
		isEmpty := debits == credits && debitsHeld+creditsHeld == 0
		if s.Flags&ledger.Closed != 0 || flags&ledger.Closed != 0 && !isEmpty {
			return fault.Refused
		}
		s.Flags = flags
		m.accounts[id] = s
		if !m.solvent() {
			return fault.Refused
		}
		return ""
	})
}

func (m *model) post(legs []ledger.Leg) fault.Code {
	return m.try(func(m *model) fault.Code { return m.move(legs) })
}

// move posts legs and judges the balances after the last.
func (m *model) move(legs []ledger.Leg) fault.Code {
	for _, leg := range legs {
		if code := m.pair(leg.Debit, leg.Credit, leg.Amount, false); code != "" {
			return code
		}
		minor, _ := leg.Amount.Uint64()
		m.legs = append(m.legs, modelLeg{leg.Debit, leg.Credit, int(minor)})
	}
	if !m.solvent() {
		return fault.Refused
	}
	return ""
}

func (m *model) hold(h ledger.Hold, now int64) fault.Code {
	if h.Expires != 0 && h.Expires <= now {
		return fault.Refused
	}
	return m.try(func(m *model) fault.Code {
		if _, taken := m.holds[h.ID]; taken {
			return fault.Conflict
		}
		if code := m.pair(h.Debit, h.Credit, h.Amount, false); code != "" {
			return code
		}
		minor, _ := h.Amount.Uint64()
		m.holds[h.ID] = modelHold{h.Debit, h.Credit, int(minor), h.Expires, false, ledger.Held}
		if !m.solvent() {
			return fault.Refused
		}
		return ""
	})
}

// end changes a live hold.
func (m *model) end(id ledger.HoldID, change func(*modelHold) fault.Code) fault.Code {
	h, ok := m.holds[id]
	if !ok || h.state != ledger.Held {
		return fault.NotFound
	}
	code := change(&h)
	if code == "" {
		m.holds[id] = h
	}
	return code
}

func (m *model) bind(id ledger.HoldID) fault.Code {
	return m.end(id, func(h *modelHold) fault.Code {
		if h.bound {
			return fault.Conflict
		}
		h.bound = true
		return ""
	})
}

func (m *model) void(id ledger.HoldID) fault.Code {
	return m.end(id, func(h *modelHold) fault.Code {
		h.state = ledger.Voided
		return ""
	})
}

func (m *model) expire(id ledger.HoldID, now int64) fault.Code {
	return m.end(id, func(h *modelHold) fault.Code {
		if h.bound || h.expires == 0 || h.expires > now {
			return fault.Refused
		}
		h.state = ledger.Expired
		return ""
	})
}

func (m *model) capture(
	id ledger.HoldID, amount money.Amount, further []ledger.Leg, now int64,
) fault.Code {
	return m.try(func(m *model) fault.Code {
		h := m.holds[id]
		minor, _ := amount.Uint64()
		if code := m.end(id, func(h *modelHold) fault.Code {
			if code := m.pair(h.debit, h.credit, amount, true); code != "" {
				return code
			}
			if !h.bound && h.expires != 0 && h.expires <= now || int(minor) > h.minor {
				return fault.Refused
			}
			h.state = ledger.Captured
			return ""
		}); code != "" {
			return code
		}
		m.legs = append(m.legs, modelLeg{h.debit, h.credit, int(minor)})
		return m.move(further)
	})
}

// forget drops ended holds, as a commit does.
func (m *model) forget() {
	maps.DeleteFunc(m.holds, func(_ ledger.HoldID, h modelHold) bool {
		return h.state != ledger.Held
	})
}

// due lists what may expire at now, in order.
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
