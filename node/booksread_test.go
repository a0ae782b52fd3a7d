package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// keeper is a company with accounts of its books.
type keeper struct {
	person
	accounts []ledger.AccountID
}

// keeper opens a company with count accounts in won, every second one an asset.
func (a *actor) keeper(name string, count int) keeper {
	t := a.scene.t
	t.Helper()
	k := keeper{person: a.shop(name)}
	accounts := make([]node.NewAccount, count)
	for i := range accounts {
		accounts[i] = node.NewAccount{
			Kind: []string{"asset", "income"}[i%2], Currency: "KRW", Code: uint16(i + 1),
		}
	}
	opened, err := a.node.OpenAccounts(context.Background(), k.caller, node.Request{}, accounts)
	must(t, err)
	for _, account := range opened {
		id, err := wire.ParseID[ledger.AccountKind](account.ID)
		must(t, err)
		k.accounts = append(k.accounts, id)
	}
	return k
}

// id makes an id of now.
func (s *scene) id() [16]byte {
	var random [10]byte
	s.random.Read(random[:])
	return wire.NewUUID(s.now.UnixMilli(), random)
}

// post carries out a batch in mode All and returns the outcomes.
func (k keeper) post(instructions ...ledger.Instruction) []ledger.Outcome {
	t := k.at.scene.t
	t.Helper()
	batch := ledger.NewBatch(ledger.All, len(instructions))
	for i := range instructions {
		batch.Add(&instructions[i])
	}
	answer, err := k.at.node.Post(context.Background(), k.caller, "", batch.Encode())
	must(t, err)
	outcomes, _, err := answer.Read(batch.Len())
	must(t, err)
	return outcomes
}

// move is a posting between two of the keeper's accounts.
func (k keeper) move(debit, credit int, won uint64) ledger.Instruction {
	return ledger.Instruction{
		ID: k.at.scene.id(), Action: ledger.ActPost, Debit: k.accounts[debit],
		Credit: k.accounts[credit], AmountLow: won, Currency: money.KRW,
	}
}

// posted is a posting as a test remembers it.
type posted struct {
	id                 string
	debit, credit      int
	won                int64
	recorded, counting time.Time
	reversed           bool
}

// effect is what a posting does to an account on its normal side.
func (p posted) effect(account int) int64 {
	sign := map[bool]int64{true: 1, false: -1}[account%2 == 0] // assets are debit-normal
	switch account {
	case p.debit:
		return sign * p.won
	case p.credit:
		return -sign * p.won
	}
	return 0
}

// played is a keeper with many postings of all times.
func played(t *testing.T, a *actor, count int) (keeper, []posted) {
	t.Helper()
	s := a.scene
	dice := rand.New(s.random)
	k := a.keeper("Kanda", 4)
	var history []posted
	for range count {
		s.now = s.now.Add(time.Duration(dice.IntN(3)) * time.Second)
		debit := dice.IntN(4)
		p := posted{
			debit: debit, credit: (debit + 1 + dice.IntN(3)) % 4, won: 1 + dice.Int64N(1000),
			recorded: s.now, counting: s.now,
		}
		i := k.move(p.debit, p.credit, uint64(p.won))
		if dice.IntN(3) == 0 {
			p.counting = s.now.Add(time.Duration(dice.IntN(200)-100) * time.Second)
			i.Effective = p.counting.UnixMilli()
		}
		p.id = ledger.TransferID(i.ID).String()
		k.post(i)
		history = append(history, p)
	}
	return k, history
}

// TestBalancesAsOfAnyTime compares balances by both times with sums over all postings.
func TestBalancesAsOfAnyTime(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	began := s.now
	k, history := played(t, a, 400)
	dice := rand.New(s.random)
	span := int(s.now.Sub(began)/time.Second) + 200
	moment := func() time.Time {
		if dice.IntN(5) == 0 {
			return time.Time{}
		}
		return began.Add(time.Duration(dice.IntN(span)-100) * time.Second)
	}
	for range 500 {
		account, at := dice.IntN(4), node.Moment{Recorded: moment(), Effective: moment()}
		want := int64(0)
		for _, p := range history {
			inTime := at.Recorded.IsZero() || !p.recorded.After(at.Recorded)
			counts := at.Effective.IsZero() || !p.counting.After(at.Effective)
			if inTime && counts {
				want += p.effect(account)
			}
		}
		past, err := a.node.BalanceAt(k.caller, k.accounts[account].String(), at)
		must(t, err)
		if got := won(past.Balance); got != want {
			t.Fatalf("account %d as of %v is %d, want %d", account, at, got, want)
		}
	}
}

func won(s money.Signed) int64 {
	units, _ := s.Amount.Uint64()
	if s.Negative {
		return -int64(units)
	}
	return int64(units)
}

// TestStatements compares pages of a span of time with the postings in it.
func TestStatements(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	began := s.now
	k, history := played(t, a, 200)
	dice := rand.New(s.random)
	for range 50 {
		account := dice.IntN(4)
		from := began.Add(time.Duration(dice.IntN(100)) * time.Second)
		span := node.Span{From: from, To: from.Add(time.Duration(dice.IntN(100)) * time.Second)}
		if dice.IntN(4) == 0 {
			span = node.Span{From: span.From}
		}
		var want []string
		for _, p := range slices.Backward(history) {
			inTime := !p.recorded.Before(span.From) && (span.To.IsZero() || p.recorded.Before(span.To))
			if inTime && p.effect(account) != 0 {
				want = append(want, p.id)
			}
		}
		var got []string
		for before := uint64(0); ; {
			rows, err := a.node.Statement(k.caller, k.accounts[account].String(), span, before, 7)
			must(t, err)
			for _, row := range rows {
				got = append(got, row.Transfer)
				before = row.Number
			}
			if len(rows) < 7 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("account %d in %v: %d lines, want %d", account, span, len(got), len(want))
		}
	}
}

// TestSearches compares pages of searches with the postings that fit.
func TestSearches(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	began := s.now
	k, history := played(t, a, 150)
	other := a.keeper("Other", 2)
	for i := range history {
		if i%10 == 3 {
			id, err := wire.ParseID[ledger.TransferKind](history[i].id)
			must(t, err)
			other.post(other.move(0, 1, 5))
			k.post(ledger.Instruction{ID: s.id(), Action: ledger.ActReverse, Related: id})
			history[i].reversed = true
		}
	}
	dice := rand.New(s.random)
	for range 60 {
		account := dice.IntN(5) - 1
		q := node.Search{Limit: 1 + dice.IntN(20), From: began, State: "posted"}
		q.To = began.Add(time.Duration(dice.IntN(200)) * time.Second)
		if dice.IntN(2) == 0 {
			q.State = "reversed"
		}
		if account >= 0 {
			q.Account = k.accounts[account].String()
		}
		caller := k.caller
		if dice.IntN(2) == 0 {
			caller, q.Company = a.operator, k.id
		}
		var want []string
		for _, p := range slices.Backward(history) {
			if p.recorded.Before(q.To) && p.reversed == (q.State == "reversed") &&
				(account < 0 || p.effect(account) != 0) {
				want = append(want, p.id)
			}
		}
		if q.To.After(history[len(history)-1].recorded) {
			continue // the counter-entries and the other's are not in want
		}
		if got := searched(t, a, caller, q); !slices.Equal(got, want) {
			t.Fatalf("%+v: %d transfers, want %d", q, len(got), len(want))
		}
	}
	all := searched(t, a, other.caller, node.Search{Limit: 4})
	if len(all) != 15 {
		t.Errorf("the other company finds %d transfers", len(all))
	}
}

// searched goes through all pages of a search.
func searched(t *testing.T, a *actor, by node.Caller, q node.Search) (ids []string) {
	t.Helper()
	for {
		found, next, err := a.node.BookTransfers(by, q)
		must(t, err)
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		if q.Cursor = next; next == 0 {
			return ids
		}
	}
}

// TestSearchOfManyLegs holds that a transfer whose legs stand on both sides of a page comes once.
func TestSearchOfManyLegs(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	k := a.keeper("Kanda", 2)
	for range 5 {
		var legs []ledger.Instruction
		for n := range 3 {
			leg := k.move(0, 1, 1)
			if n > 0 {
				leg.ID = legs[0].ID
			}
			if n < 2 {
				leg.Options = ledger.FurtherLeg
			}
			legs = append(legs, leg)
		}
		k.post(legs...)
	}
	for limit := 1; limit < 7; limit++ {
		q := node.Search{Limit: limit, Account: k.accounts[0].String()}
		if ids := searched(t, a, k.caller, q); len(ids) != 5 {
			t.Errorf("%d transfers in pages of %d", len(ids), limit)
		}
	}
}

// TestSearchMax holds that a search gives up its page where it has looked at enough, and goes on
// with the next one.
func TestSearchMax(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	k, other := a.keeper("Kanda", 2), a.keeper("Other", 2)
	k.post(k.move(0, 1, 1))
	var batch []ledger.Instruction
	for range node.SearchMax {
		batch = append(batch, other.move(0, 1, 1))
	}
	other.post(batch...)
	found, next, err := a.node.BookTransfers(k.caller, node.Search{Limit: 1})
	must(t, err)
	if len(found) != 0 || next == 0 {
		t.Fatalf("%d found, the next page is at %d", len(found), next)
	}
	if ids := searched(t, a, k.caller, node.Search{Limit: 1}); len(ids) != 1 {
		t.Errorf("%d found in all", len(ids))
	}
	if ids := searched(t, a, k.caller, node.Search{Limit: 1, Account: k.accounts[0].String()}); len(
		ids) != 1 {
		t.Errorf("%d found by account", len(ids))
	}
}

// TestDatedMax holds that a balance that would have to look at too many postings says so.
func TestDatedMax(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	k := a.keeper("Kanda", 2)
	day := s.now.Add(-24 * time.Hour)
	at := node.Moment{Effective: day}
	for done := 0; done < node.DatedMax; done += ledger.BatchItemsMax {
		batch := make([]ledger.Instruction, ledger.BatchItemsMax)
		for i := range batch {
			batch[i] = k.move(0, 1, 1)
			batch[i].Effective = day.UnixMilli()
		}
		k.post(batch...)
	}
	past, err := a.node.BalanceAt(k.caller, k.accounts[0].String(), at)
	must(t, err)
	if won(past.Balance) != node.DatedMax {
		t.Errorf("the balance is %v", past.Balance)
	}
	last := k.move(0, 1, 1)
	last.Effective = day.UnixMilli()
	k.post(last)
	_, err = a.node.BalanceAt(k.caller, k.accounts[0].String(), at)
	if f, ok := fault.Of(err); !ok || f.Reason != fault.HistoryTooLong || f.Field != "effective_at" {
		t.Errorf("the answer is %v", err)
	}
}

// TestReferences finds transfers by the caller's own text, each company its own.
func TestReferences(t *testing.T) {
	s := newScene(t, 0, "seoul")
	a := s.actors[0]
	k, other := a.keeper("Kanda", 2), a.keeper("Other", 2)
	want := map[string][]string{}
	for i := range 30 {
		for _, p := range []keeper{k, other} {
			move := p.move(0, 1, 1)
			batch := ledger.NewBatch(ledger.All, 1)
			batch.Add(&move)
			reference := fmt.Sprint("invoice ", i%3)
			batch.Attachments = []ledger.Attachment{{Reference: reference}}
			_, err := a.node.Post(t.Context(), p.caller, "", batch.Encode())
			must(t, err)
			if i%3 == 1 {
				want[p.id] = append(want[p.id], ledger.TransferID(move.ID).String())
			}
		}
	}
	for _, p := range []keeper{k, other} {
		for limit := 1; limit < 12; limit++ {
			q := node.Search{Limit: limit, Reference: "invoice 1"}
			if got := searched(t, a, p.caller, q); !slices.Equal(got, want[p.id]) {
				t.Errorf("%v, want %v", got, want[p.id])
			}
		}
	}
}
