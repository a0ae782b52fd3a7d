package node

import (
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

const (
	// DatedMax bounds the postings with an effective time of their own that one balance looks
	// at.
	DatedMax = 100_000

	// heldRecords is how many records a read looks at before it lets entries go on.
	heldRecords = 512
)

// Moment says as of when: what was recorded up to Recorded, of that what counts up to Effective.
// A zero time is no bound.
type Moment struct{ Recorded, Effective time.Time }

// PastBalance is the posted balance of an account as of a moment.
type PastBalance struct {
	Account string       `json:"account"`
	Balance money.Signed `json:"balance" doc:"posted, on the account's normal side"`
	// Recorded and Effective are what was asked for.
	Recorded  time.Time  `json:"recorded_at" doc:"up to when it was recorded"`
	Effective *time.Time `json:"effective_at,omitempty" doc:"up to when it counts"`
	LastEntry uint64     `json:"last_entry" doc:"the account's last entry up to recorded_at"`
}

// ownAccount finds an account that the caller may read.
func (n *Node) ownAccount(by Caller, account string) (ledger.AccountID, error) {
	id, err := wire.ParseID[ledger.AccountKind](account)
	if err != nil {
		return id, noAccount()
	}
	allowed := read(n.state, func(v core.View) bool {
		row, exists := v.Account(id)
		return exists && owns(by, row.Owner)
	})
	if !allowed {
		return id, noAccount()
	}
	return id, nil
}

// BalanceAt reads the balance of an account as of a moment, exactly, by both times.
func (n *Node) BalanceAt(by Caller, account string, at Moment) (PastBalance, error) {
	id, err := n.ownAccount(by, account)
	if err != nil {
		return PastBalance{}, err
	}
	var all, start uint64 // the last number that was recorded in time, and that counts if undated
	past := PastBalance{Account: account}
	n.state.Read(func(v core.View) {
		all, past.Recorded = recordedUpTo(v, at.Recorded)
		start = all
		if !at.Effective.IsZero() {
			effective := at.Effective.UTC()
			past.Effective = &effective
			counting, _ := recordedUpTo(v, at.Effective)
			start = min(all, counting)
		}
	})
	sums := n.balanceAfter(id, start)
	past.LastEntry = n.lastUpTo(id, all)
	if past.Effective != nil {
		if err := n.countDated(id, &sums, start, all, past.Effective.UnixMilli()); err != nil {
			return PastBalance{}, err
		}
	}
	past.Balance = sums.balance()
	return past, nil
}

// recordedUpTo is the number of the last record up to a time, and that time; the zero time is
// now.
func recordedUpTo(v core.View, at time.Time) (uint64, time.Time) {
	cursor := v.Cursor()
	if at.IsZero() {
		return cursor.Records, milli(cursor.Time)
	}
	return v.NumberAt(at.UnixMilli()+1) - 1, at.UTC()
}

// sums are what raised and what lowered a balance.
type sums struct{ raised, lowered money.Amount }

func (s sums) balance() money.Signed {
	if less, err := s.raised.Less(s.lowered); err == nil && less {
		owed, _ := s.lowered.Sub(s.raised)
		return money.Signed{Amount: owed, Negative: true}
	}
	rest, _ := s.raised.Sub(s.lowered)
	return money.Signed{Amount: rest}
}

// count adds a record's effect on an account, or takes it away.
func (s *sums) count(r ledger.Record, debitRaises, debit, add bool) (err error) {
	if (debit == debitRaises) == add {
		s.raised, err = s.raised.Add(r.Amount)
	} else {
		s.lowered, err = s.lowered.Add(r.Amount)
	}
	return err
}

// balanceAfter is the balance of an account after the last of its records up to a number.
func (n *Node) balanceAfter(id ledger.AccountID, number uint64) (s sums) {
	last := n.lastUpTo(id, number)
	n.state.Read(func(v core.View) {
		account, _ := v.Balance(id)
		none := money.New(account.Currency, 0)
		s = sums{none, none}
		if last == 0 {
			return
		}
		r := v.Record(last)
		balance, negative, _, _ := r.Of(id)
		if negative {
			s.lowered = balance
		} else {
			s.raised = balance
		}
	})
	return s
}

// lastUpTo finds the last record of an account up to a number, 0 if there is none. It goes back
// two ways at once: along the account's own records from its newest one, and through all history
// from the number. An account with many records is soon met on the second way, one with few has
// a short first one: of a thousand million lines since then some sixty thousand are read.
func (n *Node) lastUpTo(id ledger.AccountID, number uint64) (last uint64) {
	if number == 0 {
		return 0
	}
	own, scan, started := uint64(0), number, false
	for found := false; !found; {
		n.state.Read(func(v core.View) {
			if !started {
				account, _ := v.Balance(id)
				own, started = account.LastRecord, true
			}
			for range heldRecords / 2 {
				if own <= number {
					last, found = own, true
					return
				}
				r := v.Record(own)
				_, _, own, _ = r.Of(id)
				r = v.Record(scan)
				if _, _, _, names := r.Of(id); names {
					last, found = scan, true
					return
				}
				// The first record of all history is of an account that own leads to as well.
				scan = max(scan-1, 1)
			}
		})
	}
	return last
}

// countDated brings postings with an effective time of their own into a balance that counts all
// postings up to the number start as of when they were recorded. None beyond the number end is
// looked at.
func (n *Node) countDated(id ledger.AccountID, s *sums, start, end uint64, effective int64) error {
	var failed error
	next := uint64(0)
	for looked := 0; ; {
		if looked > DatedMax {
			return fault.New(fault.Refused, "effective_at",
				"More than %d postings of the account count from a time of their own.", DatedMax).
				Because(fault.HistoryTooLong)
		}
		held := 0
		n.state.Read(func(v core.View) {
			account, _ := v.Balance(id)
			debitRaises := account.Kind == ledger.Asset || account.Kind == ledger.Expense
			v.Dated(id, next, func(number uint64, counts int64) bool {
				held++
				next = number + 1
				isIn, belongs := number <= start, counts <= effective
				if number > end {
					held = 0 // nothing that follows is looked at
					return false
				}
				if isIn != belongs {
					r := v.Record(number)
					if err := s.count(r, debitRaises, r.Debit == id, belongs); err != nil {
						failed = err
						return false
					}
				}
				return held < heldRecords
			})
		})
		looked += held
		if failed != nil || held < heldRecords && looked <= DatedMax {
			return failed
		}
	}
}
