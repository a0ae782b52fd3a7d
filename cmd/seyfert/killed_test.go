package main_test

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/client"
	"seyfert/core"
	"seyfert/egress"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/node"
	"seyfert/rail/banksim"
)

// cycles is how often TestKilled kills a process; `make soak` asks for many.
var cycles = flag.Int("cycles", 5, "kills in TestKilled and TestBooksAreLinearizable; a few "+
	"less, and rounds, in the tests of replicas")

// Sizes of TestKilled.
const (
	payersPerNode = 3
	// settleMax is how long two nodes may take to settle what a kill interrupted.
	settleMax = time.Minute
)

// killed is the world of TestKilled: a chain, two nodes, payers on both.
type killed struct {
	chain  *process
	nodes  [2]*process
	hosted [2]hosted
	at     [2]*client.Client
	rpc    *chain.RPC
	payers [2][]*payer
	out    *egress.Client
}

// TestKilled kills nodes and chain at random moments while customers of both nodes pay. No
// acknowledged order or claim may be lost, no claim paid twice, and all balances must add up.
func TestKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(*cycles)*20*time.Second)
	defer cancel()
	w := newKilled(ctx, t)
	w.payWhile(ctx, t, func() { w.killOn(ctx, t) })
	if t.Failed() {
		return
	}
	w.settle(ctx, t)
	w.check(ctx, t)
	for i, p := range w.nodes {
		if said := p.said(t); len(said) > (*cycles+1)*32<<10 || strings.Contains(said, "ERROR") {
			t.Errorf("%s wrote %d bytes:\n%s", p.args, len(said), said[:min(len(said), 4<<10)])
		}
		w.endAndReplay(ctx, t, i, p)
	}
	w.chain.end(t)
}

// payWhile has all payers pay while something is done to the nodes.
func (w *killed) payWhile(ctx context.Context, t *testing.T, do func()) {
	t.Helper()
	paying, stop := context.WithCancel(ctx)
	var payers sync.WaitGroup
	for _, of := range w.payers {
		for _, p := range of {
			payers.Go(func() {
				if err := p.payOn(ctx, paying); err != nil {
					t.Errorf("a payer's call: %v", err)
				}
			})
		}
	}
	do()
	stop()
	payers.Wait()
}

func newKilled(ctx context.Context, t *testing.T) *killed {
	t.Helper()
	program, dir := build(t), t.TempDir()
	w := &killed{out: egress.New(egress.Policy{Loopback: true, Timeout: 40 * time.Second})}
	t.Cleanup(w.out.Close)
	var url, token string
	w.chain, w.rpc, url, token = newChain(t, program, dir)
	for i, name := range []string{"seoul", "tokyo"} {
		h := initNode(t, program, dir, name, url, token, nil)
		h.write(t, url, token, fund(ctx, t, w.rpc, h.scripts))
		w.hosted[i], w.at[i] = h, h.actor(t, w.out).Operator
	}
	w.mine(ctx, t)
	for i, h := range w.hosted {
		log := filepath.Join(dir, h.name+".log")
		w.nodes[i] = newProcess(t, log, program, "serve", "--config", h.config)
	}
	w.meet(ctx, t)
	return w
}

// meet makes the nodes each other's peers, and gives them customers and shops.
func (w *killed) meet(ctx context.Context, t *testing.T) {
	t.Helper()
	for i := range w.nodes {
		_, err := w.at[i].AddPeer(ctx, client.PeerTerms{
			URL: w.hosted[1-i].url, Thumbprint: w.hosted[1-i].thumbprint,
			Credit: []money.Amount{krw(deposited * payersPerNode)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range w.nodes {
		w.movePayersIn(ctx, t, i)
	}
}

func (w *killed) mine(ctx context.Context, t *testing.T) {
	t.Helper()
	if _, err := w.rpc.Mine(ctx, 1, []byte{0x51}); err != nil {
		t.Fatal(err)
	}
}

// movePayersIn gives node i its customers and their money, and the other node their shops.
func (w *killed) movePayersIn(ctx context.Context, t *testing.T, i int) {
	t.Helper()
	secret, err := hex.DecodeString(w.hosted[i].secret(t, "bank.secret"))
	if err != nil {
		t.Fatal(err)
	}
	bank, err := banksim.New(banksim.Config{
		Name: "hangang", URL: w.hosted[i].url + "/rail/bank/notices", Secret: secret,
		HTTP: w.out.HTTP(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range payersPerNode {
		p := &payer{paid: map[string]client.Claim{}, open: map[string]client.Order{}}
		err := w.movePayerIn(ctx, bank, i, p)
		if err != nil {
			t.Fatalf("payer %d of %s: %v", n, w.hosted[i].name, err)
		}
		w.payers[i] = append(w.payers[i], p)
	}
	if bank.Waiting() > 0 {
		t.Fatal("a deposit was not taken")
	}
}

// killOn ends processes at random moments while payments go on: a node is killed, ended as an
// operator does, killed together with the other one, killed while it closes, and killed with the
// chain, without which it starts again.
func (w *killed) killOn(ctx context.Context, t *testing.T) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pause := func(least, most time.Duration) {
		time.Sleep(least + time.Duration(random.Int64N(int64(most-least))))
	}
	for cycle := 1; cycle <= *cycles && !t.Failed(); cycle++ {
		pause(300*time.Millisecond, 1300*time.Millisecond)
		w.mine(ctx, t)
		pause(0, 200*time.Millisecond)
		victims := []*process{w.nodes[random.IntN(2)]}
		switch cycle % 5 {
		case 2:
			victims[0].end(t)
			victims[0].start(t)
			continue
		case 3:
			victims = w.nodes[:]
		case 4:
			victims[0].signal(syscall.SIGTERM)
			pause(0, 60*time.Millisecond)
		case 0: // the node starts while the chain is away
			victims = append(victims, w.chain)
		}
		for _, victim := range victims {
			victim.kill()
		}
		pause(0, 300*time.Millisecond)
		for _, victim := range victims {
			victim.start(t)
		}
	}
	time.Sleep(time.Second)
}

// settle waits until nothing is under way: all messages are delivered, all chain rows in blocks,
// all blocks read.
func (w *killed) settle(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, settleMax)
	defer cancel()
	for {
		rest := errors.Join(w.underWay(ctx, 0), w.underWay(ctx, 1))
		if rest == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the nodes do not settle: %v", rest)
		}
		if errors.Is(rest, errRows) {
			w.mine(ctx, t)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// errRows says that chain rows wait for a block.
var errRows = errors.New("chain rows are not confirmed")

// underWay says what node i still has to do.
func (w *killed) underWay(ctx context.Context, i int) error {
	own, err := w.peer(ctx, i)
	if err != nil {
		return err
	}
	other, err := w.peer(ctx, 1-i)
	if err != nil {
		return err
	}
	if own.Sent != own.Delivered || own.Sent != other.Received {
		return fmt.Errorf("%s sent %d messages, knows %d delivered, the peer has %d",
			w.hosted[i].name, own.Sent, own.Delivered, other.Received)
	}
	rows, err := w.at[i].ChainRows(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.State != "confirmed" {
			return fmt.Errorf("%w: %s of %s is %s", errRows, row.ID, w.hosted[i].name, row.State)
		}
	}
	status, err := w.at[i].Status(ctx)
	if err != nil {
		return err
	}
	tip, _, err := w.rpc.Tip(ctx)
	if err == nil && status.TipHeight != tip {
		err = fmt.Errorf("%s has read %d of %d blocks", w.hosted[i].name, status.TipHeight, tip)
	}
	return err
}

func (w *killed) peer(ctx context.Context, i int) (client.Peer, error) {
	peers, err := w.at[i].Peers(ctx)
	if err == nil && len(peers) != 1 {
		err = fmt.Errorf("%s has %d peers", w.hosted[i].name, len(peers))
	}
	if err != nil {
		return client.Peer{}, err
	}
	return peers[0], nil
}

// endAndReplay ends node i and replays its journal from the first entry: that must lead to the
// state that the node had, after all its crashes.
func (w *killed) endAndReplay(ctx context.Context, t *testing.T, i int, p *process) {
	t.Helper()
	was, err := w.at[i].Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.end(t)
	store, c, err := node.OpenStore(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	state := node.NewState(c, nil)
	log, err := journal.Open(journal.RaftConfig{
		Dir: filepath.Join(w.hosted[i].dir, "journal"), Machine: state,
		Settings: journal.Settings{
			Node: was.DID, Rule: core.RuleVersion, Seed: func() (none [32]byte) { return none },
			Applied: state.Applied, Now: func() int64 { return time.Now().UnixMilli() },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	hash := state.StateHash()
	if state.Applied() != was.Index || hex.EncodeToString(hash[:]) != was.StateHash {
		t.Errorf("the journal of %s leads to entry %d and state %x, it was at %d and %s",
			was.DID, state.Applied(), hash, was.Index, was.StateHash)
	}
}

// check holds what the nodes say against what they acknowledged.
func (w *killed) check(ctx context.Context, t *testing.T) {
	t.Helper()
	for i, of := range w.payers {
		spent, held, payments := uint64(0), uint64(0), 0
		for n, p := range of {
			if err := p.check(ctx); err != nil {
				t.Errorf("payer %d of %s: %v", n, w.hosted[i].name, err)
			}
			spent, held, payments = spent+p.spent, held+p.held, payments+len(p.paid)
		}
		t.Logf("%s: %d payments, %d won", w.hosted[i].name, payments, spent)
		owes, err := w.peer(ctx, i)
		if err != nil {
			t.Fatal(err)
		}
		owed, err := w.peer(ctx, 1-i)
		if err != nil {
			t.Fatal(err)
		}
		a, b := booksOf(owes), booksOf(owed)
		if a.Payable != krw(spent) || b.Receivable != krw(spent) || a.InFlight != krw(held) {
			t.Errorf("%s owes %v with %v reserved, its peer is owed %v; it should be %v with %v",
				w.hosted[i].name, a.Payable, a.InFlight, b.Receivable, krw(spent), krw(held))
		}
	}
}

func booksOf(p client.Peer) client.Position {
	for _, books := range p.Books {
		if books.Currency == "KRW" {
			return books
		}
	}
	return client.Position{}
}
