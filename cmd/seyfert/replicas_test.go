package main_test

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/ledger"
	"seyfert/wire"
)

// cashiers post one won after another to a trio until they are told to stop.
type cashiers struct {
	*trio
	pair [2]string
	// patient ones make a call again, with the same id, which the client's own tries did not
	// bring through; to others that is an error.
	patient bool
	posted  atomic.Uint64
	// at is when the last transfer was acknowledged, gap the longest time without one.
	mu      sync.Mutex
	at      time.Time
	gap     time.Duration
	stop    context.CancelFunc
	working sync.WaitGroup
}

// cashier starts so many cashiers, each of whom begins at another replica.
func (n *trio) cashier(ctx context.Context, t *testing.T, count int, patient bool) *cashiers {
	t.Helper()
	c := &cashiers{trio: n, patient: patient}
	at := n.client(0, n.out.HTTP())
	for i, kind := range []string{client.KindAsset, client.KindIncome} {
		a, err := at.OpenAccount(ctx, client.NewAccount{Kind: kind, Currency: "KRW"})
		if err != nil {
			t.Fatal(err)
		}
		c.pair[i] = a.ID
	}
	c.work(ctx, t, count)
	return c
}

// work lets so many cashiers begin, with the replicas that are there now.
func (c *cashiers) work(ctx context.Context, t *testing.T, count int) {
	t.Helper()
	var working context.Context
	working, c.stop = context.WithCancel(ctx)
	for i := range count {
		at := c.client(i%len(c.members), c.out.HTTP())
		c.working.Go(func() {
			for working.Err() == nil {
				if err := c.post(ctx, at); err != nil {
					t.Errorf("a transfer: %v", err)
					return
				}
				c.count()
			}
		})
	}
}

func (c *cashiers) count() {
	c.posted.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.at.IsZero() {
		c.gap = max(c.gap, now.Sub(c.at))
	}
	c.at = now
}

func (c *cashiers) post(ctx context.Context, at *client.Client) error {
	var id [10]byte
	crand.Read(id[:]) // never fails (crypto/rand)
	request := client.TransferRequest{
		ID:   wire.NewID[ledger.TransferKind](time.Now().UnixMilli(), id).String(),
		Legs: []client.Leg{{Debit: c.pair[0], Credit: c.pair[1], Amount: krw(1)}},
	}
	call := func() (client.BookTransfer, error) { return at.Post(ctx, request) }
	if c.patient {
		_, err := again(ctx, call)
		return err
	}
	_, err := call()
	return err
}

// more waits until so many more transfers are acknowledged.
func (c *cashiers) more(ctx context.Context, t *testing.T, count uint64) {
	t.Helper()
	until := c.posted.Load() + count
	c.wait(ctx, t, "transfers", func() bool { return c.posted.Load() >= until || t.Failed() })
}

// end stops the cashiers and holds the books of every replica against what was acknowledged.
func (c *cashiers) end(ctx context.Context, t *testing.T) {
	t.Helper()
	c.stop()
	c.working.Wait()
	c.same(ctx, t)
	for i := range c.members {
		account, err := c.client(i, c.newest(20*time.Second)).BookAccount(ctx, c.pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if account.Balance.Amount != krw(c.posted.Load()) {
			t.Errorf("replica %d has %v, %d won were acknowledged", i, account.Balance.Amount,
				c.posted.Load())
		}
	}
	t.Logf("%d transfers acknowledged, none for %v at most", c.posted.Load(), c.gap)
	c.at, c.gap = time.Time{}, 0
}

// TestRollingRestart restarts the replicas one by one, as for a new version, while customers
// post: no call fails.
func TestRollingRestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), booksMax())
	defer cancel()
	n := newTrio(ctx, t, build(t), t.TempDir())
	c := n.cashier(ctx, t, 4, false)
	for range (*cycles + 4) / 5 {
		for _, m := range n.members {
			c.more(ctx, t, 20)
			m.end(t)
			c.more(ctx, t, 20)
			m.start(t)
			n.wait(ctx, t, "all replicas", func() bool { return n.whole(ctx, t) })
		}
	}
	c.more(ctx, t, 20)
	c.end(ctx, t)
}

// whole says whether all replicas answer, and have about what the leader has.
func (n *trio) whole(ctx context.Context, t *testing.T) bool {
	t.Helper()
	var newest uint64
	replicas := n.list(ctx, t, n.alive()).Replicas
	led := false
	for _, r := range replicas {
		newest = max(newest, r.Index)
		led = led || r.Leads
	}
	for _, r := range replicas {
		if !r.Answers || !r.Votes || r.Index+100 < newest {
			return false
		}
	}
	return led && len(replicas) == len(n.members)
}

// TestDeadMachineIsReplaced takes a leader's machine away for ever, and gives the node another
// one, which counts for a majority then. In the end two of three are lost.
func TestDeadMachineIsReplaced(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n := newTrio(ctx, t, build(t), t.TempDir())
	c := n.cashier(ctx, t, 2, true)
	c.more(ctx, t, 20)
	dead, _ := n.leader(ctx, t)
	n.lose(t, dead)
	c.more(ctx, t, 20)
	left := n.alive()
	said, err := n.run("replica", "remove", string(dead.id), "--config", left.config)
	if err != nil || strings.Contains(said, string(dead.id)) {
		t.Fatalf("replica remove: %v: %s", err, said)
	}
	n.grow(ctx, t, 1)
	c.end(ctx, t)

	// The new one is needed for a majority now.
	old := n.members[rand.IntN(2)]
	n.lose(t, old)
	c.work(ctx, t, 2)
	c.more(ctx, t, 20)
	c.end(ctx, t)

	rest := n.members[rand.IntN(2)]
	refused, err := n.run("replica", "remove", string(rest.id), "--config", n.other(rest).config)
	if err == nil || !strings.Contains(refused, "no majority could go on") {
		t.Errorf("remove one that is needed: %v: %s", err, refused)
	}
	n.lose(t, rest)
	left = n.alive()
	left.end(t)
	left.args = append(left.args, "--alone")
	left.start(t)
	n.wait(ctx, t, "a leader that is alone", func() bool { return n.leads(ctx, left) })
	c.work(ctx, t, 1)
	c.more(ctx, t, 20)
	c.end(ctx, t)
}

// lose kills a replica and takes its disk away.
func (n *trio) lose(t *testing.T, m *member) {
	t.Helper()
	m.kill()
	n.members = slices.DeleteFunc(n.members, func(other *member) bool { return other == m })
	if err := os.RemoveAll(m.dir); err != nil {
		t.Fatal(err)
	}
}

// other is a member that is not this one.
func (n *trio) other(than *member) *member {
	return n.members[slices.IndexFunc(n.members, func(m *member) bool { return m != than })]
}

// run runs the program to its end.
func (n *trio) run(args ...string) (string, error) {
	l := &lone{program: n.program}
	return l.output(args...)
}

// TestReplicatedNodeTrades has customers of a node of three replicas and of its peer pay while the
// leader dies again and again: no payment is lost or made twice, nothing is said to the peer in
// two ways, and the books of both agree.
func TestReplicatedNodeTrades(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), booksMax())
	defer cancel()
	program, dir := build(t), t.TempDir()
	n := newTrio(ctx, t, program, dir)
	w := &killed{out: n.out, rpc: n.rpc}
	w.hosted[0] = n.hosted
	w.at[0] = client.New(client.Config{
		URL: n.url, Key: n.key, HTTP: n.newest(40 * time.Second),
	})
	tokyo := initNode(t, program, dir, "tokyo", n.chain[0], n.chain[1], nil)
	tokyo.write(t, n.chain[0], n.chain[1], fund(ctx, t, n.rpc, tokyo.scripts))
	w.mine(ctx, t)
	w.hosted[1], w.at[1] = tokyo, tokyo.actor(t, n.out).Operator
	w.nodes[1] = newProcess(t, filepath.Join(dir, "tokyo.log"), program, "serve", "--config",
		tokyo.config)
	w.meet(ctx, t)
	w.payWhile(ctx, t, func() {
		for range (*cycles + 1) / 2 {
			leader, _ := n.leader(ctx, t)
			time.Sleep(time.Duration(300+rand.IntN(500)) * time.Millisecond)
			leader.kill()
			w.mine(ctx, t)
			n.leader(ctx, t)
			leader.start(t)
		}
		time.Sleep(500 * time.Millisecond)
	})
	if t.Failed() {
		return
	}
	w.settle(ctx, t)
	w.check(ctx, t)
	n.same(ctx, t)
	for _, p := range append(n.processes(), w.nodes[1]) {
		if said := p.said(t); strings.Contains(said, "ERROR") {
			t.Errorf("%s wrote:\n%s", p.args, said[:min(len(said), 4<<10)])
		}
	}
	w.endAndReplay(ctx, t, 1, w.nodes[1])
}

func (n *trio) processes() (all []*process) {
	for _, m := range n.members {
		all = append(all, m.process)
	}
	return all
}

// TestJoinRefuses: what an operator may get wrong is said before anything is made or given.
func TestJoinRefuses(t *testing.T) {
	program, dir := build(t), t.TempDir()
	l := &lone{program: program}
	name := strings.Repeat("A", 43)
	free := func() string { return "127.0.0.1:" + freePort(t) }
	taken := newFront(t)
	used := filepath.Join(dir, "used")
	if err := os.MkdirAll(filepath.Join(used, "journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"join"}, "--dir DIR is needed"},
		{
			[]string{"join", "--dir", "x", "--listen", free(), "--replica-listen", free(), "--leader", "me"},
			"is not NAME@HOST:PORT",
		},
		{[]string{
			"join", "--dir", "x", "--listen", free(), "--replica-listen", free(), "--leader",
			"me@127.0.0.1:1",
		}, "is not the name of a replica"},
		{[]string{
			"join", "--dir", filepath.Join(dir, "a"), "--listen", free(), "--replica-listen",
			"0.0.0.0:" + freePort(t), "--leader", name + "@127.0.0.1:1",
		}, "--replica-advertise"},
		{[]string{
			"join", "--dir", filepath.Join(dir, "a"), "--listen", "127.0.0.1:" + taken.port(t),
			"--replica-listen", free(), "--leader", name + "@127.0.0.1:1",
		}, "can't listen on"},
		{[]string{
			"join", "--dir", used, "--listen", free(), "--replica-listen", free(), "--leader",
			name + "@127.0.0.1:1",
		}, "a replica joins in a new directory"},
		{[]string{"replica"}, "list|add|remove|transfer"},
		{[]string{"replica", "add", "--config", "x.json"}, "NAME@HOST:PORT, as seyfert join printed it"},
		{[]string{"replica", "add", "x@y", "--config", "x.json"}, "is not the name of a replica"},
		{[]string{"replica", "remove", "--config", "x.json"}, "the replica's NAME"},
		{[]string{"replica", "list"}, "--config FILE is needed"},
	} {
		said, err := l.output(c.args...)
		if err == nil || !strings.Contains(said, c.want) {
			t.Errorf("%v: %v: %s\nwants %q", c.args, err, said, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, os.ErrNotExist) {
		t.Error(fmt.Errorf("a refused join made its directory: %w", err))
	}
}
