package main_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"seyfert/client"
	"seyfert/egress"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// Sizes of TestBooksAreLinearizable.
const (
	clerks       = 6
	bookAccounts = 3
	bookFunds    = 1000
	// opsPerCycle is how long a cycle is: a kill or a pause falls into each.
	opsPerCycle = 200
	// checkMax bounds the search for an order that explains the history.
	checkMax = 2 * time.Minute
)

// bookCall is one operation on the books: a read of an account, or legs that are posted together.
type bookCall struct {
	read bool
	at   int
	legs []bookLeg
}

type bookLeg struct {
	from, to int
	amount   uint64
}

// bookAnswer is what came back: a balance, or whether the transfer was carried out.
type bookAnswer struct {
	balance uint64
	done    bool
}

// books is the sequential meaning of the operations: porcupine looks for an order of the history,
// within the times of its calls, in which each answer is what this model gives.
func booksModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			var balances [bookAccounts]uint64
			for i := range balances {
				balances[i] = bookFunds
			}
			return balances
		},
		Step: func(state, input, output any) (bool, any) {
			balances, call, answer := state.([bookAccounts]uint64), input.(bookCall),
				output.(bookAnswer)
			if call.read {
				return balances[call.at] == answer.balance, balances
			}
			after := balances
			for _, leg := range call.legs { // judged after the last leg, as sums
				after[leg.from] -= leg.amount
				after[leg.to] += leg.amount
			}
			for _, balance := range after {
				if balance > bookFunds*bookAccounts { // below zero
					return !answer.done, balances
				}
			}
			return answer.done, after
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %+v", input, output)
		},
	}
}

// clerkDesk is where clerks work: a node that is killed and paused under their hands.
type clerkDesk struct {
	at       []*client.Client // one for each clerk
	accounts [bookAccounts]string

	mu      sync.Mutex // guards history and done
	history []porcupine.Operation
	done    []string // ids of the transfers that were acknowledged
}

// TestBooksAreLinearizable lets clients post and read while the node is killed and paused. Every
// call is repeated with the same id until it is answered; the answers must fit one order, and
// history must hold each acknowledged transfer once.
func TestBooksAreLinearizable(t *testing.T) {
	t.Run("one replica", testBooksOfOne)
	t.Run("three replicas", testBooksOfThree)
}

// loneDesk is a desk at a node that is alone.
type loneDesk struct {
	*clerkDesk
	hosted
	node *process
	all  *client.Client
}

func newLoneDesk(ctx context.Context, t *testing.T) *loneDesk {
	t.Helper()
	program, dir := build(t), t.TempDir()
	out := egress.New(egress.Policy{Loopback: true, Timeout: 20 * time.Second})
	t.Cleanup(out.Close)
	_, rpc, url, token := newChain(t, program, dir)
	l := &loneDesk{hosted: initNode(t, program, dir, "seoul", url, token, nil)}
	l.write(t, url, token, fund(ctx, t, rpc, l.scripts))
	if _, err := rpc.Mine(ctx, 1, nil); err != nil {
		t.Fatal(err)
	}
	l.node = newProcess(t, filepath.Join(dir, "seoul.log"), program, "serve", "--config", l.config)
	l.all = l.actor(t, out).Operator
	l.clerkDesk = newClerkDesk(ctx, t, func(int) *client.Client { return l.all })
	return l
}

// restart kills the node and starts it again.
func (l *loneDesk) restart(t *testing.T) {
	t.Helper()
	l.node.kill()
	l.node.start(t)
}

func testBooksOfOne(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), booksMax())
	defer cancel()
	l := newLoneDesk(ctx, t)
	l.work(ctx, t, func(cycle int) {
		if cycle%3 == 2 {
			l.node.pause(200 * time.Millisecond)
			return
		}
		l.restart(t)
	})
	l.check(ctx, t)
	l.node.end(t)
}

// testBooksOfThree has each clerk begin at another replica, and read what is newest wherever he
// reads.
func testBooksOfThree(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), booksMax())
	defer cancel()
	n := newTrio(ctx, t, build(t), t.TempDir())
	d := newClerkDesk(ctx, t, func(clerk int) *client.Client {
		return n.client(clerk%len(n.members), n.newest(20*time.Second))
	})
	d.work(ctx, t, func(cycle int) {
		leader, others := n.leader(ctx, t)
		follower := others[rand.IntN(len(others))]
		switch cycle % 5 {
		case 0:
			leader.kill()
			leader.start(t)
		case 1: // another leads when it wakes up
			leader.pause(2 * time.Second)
		case 2:
			follower.kill()
			follower.start(t)
		case 3:
			follower.pause(500 * time.Millisecond)
		case 4: // as an operator does
			leader.end(t)
			leader.start(t)
		}
	})
	d.check(ctx, t)
	n.same(ctx, t)
	for _, m := range n.members {
		m.end(t)
	}
}

func booksMax() time.Duration { return time.Minute + time.Duration(*cycles)*20*time.Second }

// work has clerks work while they are disturbed once in each cycle.
func (d *clerkDesk) work(ctx context.Context, t *testing.T, disturb func(cycle int)) {
	t.Helper()
	began := time.Now()
	for cycle := range *cycles {
		var group sync.WaitGroup
		for clerk := range clerks {
			random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(clerk)))
			group.Go(func() {
				for range opsPerCycle / clerks {
					if err := d.act(ctx, clerk, began, random); err != nil {
						t.Errorf("clerk %d: %v", clerk, err)
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		disturb(cycle)
		group.Wait()
		if t.Failed() {
			t.Fatalf("in cycle %d", cycle)
		}
	}
}

// check looks for an order of what the clerks saw.
func (d *clerkDesk) check(ctx context.Context, t *testing.T) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(booksModel(), d.history, checkMax)
	if result != porcupine.Ok {
		path := filepath.Join(os.TempDir(), "seyfert-books-history.html")
		if err := porcupine.VisualizePath(booksModel(), info, path); err == nil {
			t.Logf("the history is drawn in %s", path)
		}
		t.Fatalf("%d operations: %v", len(d.history), result)
	}
	d.audit(ctx, t)
	t.Logf("%d operations fit one order, %d transfers acknowledged", len(d.history), len(d.done))
}

func newClerkDesk(ctx context.Context, t *testing.T, at func(clerk int) *client.Client) *clerkDesk {
	t.Helper()
	d := &clerkDesk{}
	for clerk := range clerks {
		d.at = append(d.at, at(clerk))
	}
	cash := d.open(ctx, t, "asset")
	for i := range d.accounts {
		d.accounts[i] = d.open(ctx, t, "liability", "no_overdraft")
		_, err := d.at[0].Post(ctx, client.TransferRequest{Legs: []client.Leg{{
			Debit: cash, Credit: d.accounts[i], Amount: krw(bookFunds),
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *clerkDesk) open(ctx context.Context, t *testing.T, kind string, flags ...string) string {
	t.Helper()
	account, err := d.at[0].OpenAccount(ctx, client.NewAccount{
		Kind: kind, Currency: "KRW", Flags: flags, Name: kind,
	})
	if err != nil {
		t.Fatal(err)
	}
	return account.ID
}

// act does one operation and writes down what came of it.
func (d *clerkDesk) act(ctx context.Context, clerk int, began time.Time, random *rand.Rand) error {
	call := bookCall{read: random.IntN(3) == 0, at: random.IntN(bookAccounts)}
	for range 1 + random.IntN(2) {
		from := random.IntN(bookAccounts)
		call.legs = append(call.legs, bookLeg{
			from: from, to: (from + 1 + random.IntN(bookAccounts-1)) % bookAccounts,
			amount: 1 + random.Uint64N(bookFunds),
		})
	}
	var id [10]byte
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	request := client.TransferRequest{
		ID: wire.NewID[ledger.TransferKind](time.Now().UnixMilli(), id).String(),
	}
	for _, leg := range call.legs {
		request.Legs = append(request.Legs, client.Leg{
			Debit: d.accounts[leg.from], Credit: d.accounts[leg.to], Amount: krw(leg.amount),
		})
	}
	start := time.Since(began)
	answer, err := d.ask(ctx, d.at[clerk], call, request)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history = append(d.history, porcupine.Operation{
		ClientId: clerk, Input: call, Call: int64(start), Output: answer,
		Return: int64(time.Since(began)),
	})
	if answer.done {
		d.done = append(d.done, request.ID)
	}
	return nil
}

// ask repeats one call until the node answers it.
func (d *clerkDesk) ask(ctx context.Context, at *client.Client, call bookCall,
	request client.TransferRequest,
) (answer bookAnswer, err error) {
	for {
		if call.read {
			account, err := at.BookAccount(ctx, d.accounts[call.at])
			if err == nil {
				balance, _ := account.Balance.Amount.Uint64()
				return bookAnswer{balance: balance}, nil
			}
		} else {
			_, err = at.Post(ctx, request)
			if err == nil {
				return bookAnswer{done: true}, nil
			}
		}
		problem, told := errors.AsType[*client.Problem](err)
		if told && problem.Status == http.StatusUnprocessableEntity {
			return bookAnswer{}, nil
		}
		if told && problem.Status < http.StatusInternalServerError &&
			problem.Status != http.StatusTooManyRequests {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// audit reads the books as they are in the end: each acknowledged transfer once, and no money
// made or lost.
func (d *clerkDesk) audit(ctx context.Context, t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range d.done {
		if seen[id] {
			t.Errorf("%s was acknowledged twice", id)
		}
		seen[id] = true
		if _, err := d.at[0].BookTransfer(ctx, id); err != nil {
			t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
	var total uint64
	for _, id := range d.accounts {
		account, err := d.at[0].BookAccount(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		balance, _ := account.Balance.Amount.Uint64()
		if account.Balance.Negative {
			t.Errorf("%s is overdrawn", id)
		}
		total += balance
	}
	if total != bookFunds*bookAccounts {
		t.Errorf("the accounts hold %v, want %v", money.New(money.KRW, total),
			money.New(money.KRW, bookFunds*bookAccounts))
	}
}
