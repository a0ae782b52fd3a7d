package main_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"seyfert/chain"
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
	url, key string
	node     *process
	at       *client.Client
	accounts [bookAccounts]string

	mu      sync.Mutex // guards history and done
	history []porcupine.Operation
	done    []string // ids of the transfers that were acknowledged
}

// TestBooksAreLinearizable lets clients post and read while the node is killed and paused. Every
// call is repeated with the same id until it is answered; the answers must fit one order, and
// history must hold each acknowledged transfer once.
func TestBooksAreLinearizable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(*cycles)*20*time.Second)
	defer cancel()
	d := newClerkDesk(ctx, t)
	began := time.Now()
	for cycle := range *cycles {
		var group sync.WaitGroup
		for clerk := range clerks {
			random := rand.New(rand.NewPCG(uint64(began.UnixNano()), uint64(clerk)))
			group.Go(func() {
				for range opsPerCycle / clerks {
					if err := d.work(ctx, clerk, began, random); err != nil {
						t.Errorf("clerk %d: %v", clerk, err)
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		if cycle%3 == 2 {
			d.node.signal(syscall.SIGSTOP)
			time.Sleep(200 * time.Millisecond)
			d.node.signal(syscall.SIGCONT)
		} else {
			d.node.kill()
			d.node.start(t)
		}
		group.Wait()
		if t.Failed() {
			return
		}
	}
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
	d.node.end(t)
}

func newClerkDesk(ctx context.Context, t *testing.T) *clerkDesk {
	t.Helper()
	program, dir := build(t), t.TempDir()
	out := egress.New(egress.Policy{Loopback: true, Timeout: 20 * time.Second})
	t.Cleanup(out.Close)
	port := freePort(t)
	blocks := newProcess(t, filepath.Join(dir, "chain.log"), program, "chain",
		"--listen", "127.0.0.1:"+port, "--dir", filepath.Join(dir, "chain"))
	url, token := "http://127.0.0.1:"+port, filepath.Join(dir, "chain", "rpc.token")
	text, err := os.ReadFile(token)
	if err != nil {
		t.Fatal(err)
	}
	rpc, err := chain.NewRPC(chain.RPCConfig{
		URL: url, Network: "regtest", Auth: chain.RPCAuth{Token: strings.TrimSpace(string(text))},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rpc.Close() })
	h := initNode(t, program, dir, "seoul", url, token, nil)
	h.write(t, url, token, fund(ctx, t, rpc, h.scripts))
	if _, err := rpc.Mine(ctx, 1, nil); err != nil {
		t.Fatal(err)
	}
	d := &clerkDesk{
		url: h.url, key: h.secret(t, "operator.key"), at: h.actor(t, out).Operator,
	}
	d.node = newProcess(t, filepath.Join(dir, "seoul.log"), program, "serve", "--config", h.config)
	_ = blocks
	cash := d.open(ctx, t, "asset")
	for i := range d.accounts {
		d.accounts[i] = d.open(ctx, t, "liability", "no_overdraft")
		_, err := d.at.Post(ctx, client.TransferRequest{Legs: []client.Leg{{
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
	account, err := d.at.OpenAccount(ctx, client.NewAccount{
		Kind: kind, Currency: "KRW", Flags: flags, Name: kind,
	})
	if err != nil {
		t.Fatal(err)
	}
	return account.ID
}

// work does one operation and writes down what came of it.
func (d *clerkDesk) work(ctx context.Context, clerk int, began time.Time, random *rand.Rand) error {
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
	answer, err := d.ask(ctx, call, request)
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
func (d *clerkDesk) ask(ctx context.Context, call bookCall, request client.TransferRequest,
) (answer bookAnswer, err error) {
	for {
		if call.read {
			account, err := d.at.BookAccount(ctx, d.accounts[call.at])
			if err == nil {
				balance, _ := account.Balance.Amount.Uint64()
				return bookAnswer{balance: balance}, nil
			}
		} else {
			_, err = d.at.Post(ctx, request)
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
		if _, err := d.at.BookTransfer(ctx, id); err != nil {
			t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
	var total uint64
	for _, id := range d.accounts {
		account, err := d.at.BookAccount(ctx, id)
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
