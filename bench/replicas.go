package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// Replicas posts to three replicas of a node's journal and state in this process: each with a
// directory and a sync of its own, all on the disk and the processors that are measured, and
// with TLS between them on loopback. What it says of the processor is for all three.
const Replicas Way = "replicas"

// replicasCount is how many there are; two of them make a majority.
const replicasCount = 3

// replicasWait bounds the wait for a leader, and for a replica to have applied everything.
const replicasWait = time.Minute

// member is one replica.
type member struct {
	dir     string
	key     ed25519.PrivateKey
	id      journal.ReplicaID
	address string
	first   bool
	store   *node.Store
	state   *node.State
	cuts    *node.Cuts
	journal *journal.Raft
}

// cluster is the replicas of a case.
type cluster struct {
	members [replicasCount]*member
	log     *slog.Logger
	// key is the operator's key, by its hash.
	key [32]byte
}

// replicas measures posting to replicas.
func (r *run) replicas(ctx context.Context) (err error) {
	c, err := newCluster(r.dir, r.cfg.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := errors.Join(c.begin(ctx), c.openAccounts(ctx, r.c.Accounts)); err != nil {
		return err
	}
	// Only a closed replica has all of its state in files.
	p := &place{dir: c.members[0].dir}
	before, err := c.measure(p.dir)
	if err != nil {
		return err
	}
	if err := c.start(); err != nil {
		return err
	}
	var callers []caller
	for i := range r.c.Callers {
		callers = append(callers, &toLeader{c, newMint(r.c, i, time.Now), r.c.Batch})
	}
	warm, err := drive(ctx, callers, r.c.Warmup)
	if err != nil {
		return err
	}
	written, counted, err := r.timed(ctx, p, callers)
	if err != nil {
		return err
	}
	all := warm.transfers + counted
	if err := c.agree(ctx, all); err != nil {
		return err
	}
	after, err := c.measure(p.dir)
	if err != nil {
		return err
	}
	r.figures.Disk = Disk{
		Journal: round(float64(written) / float64(counted)),
		History: round(float64(after.history-before.history) / float64(all)),
		Tables:  round(float64(after.tables-before.tables) / float64(all)),
		Tiles:   round(float64(after.tiles-before.tiles) / float64(all)),
	}
	r.ended()
	return nil
}

func newCluster(dir string, log *slog.Logger) (*cluster, error) {
	c := &cluster{log: log}
	rand.Read(c.key[:]) // never fails (crypto/rand)
	for i := range c.members {
		public, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		c.members[i] = &member{
			dir: filepath.Join(dir, fmt.Sprintf("replica-%d", i+1)), key: key,
			id: journal.IDOf(public), address: "127.0.0.1:0", first: i == 0,
		}
	}
	return c, nil
}

// begin starts all replicas for the first time and makes them one node.
func (c *cluster) begin(ctx context.Context) error {
	for i, m := range c.members {
		if err := m.start(c); err != nil {
			return err
		}
		if i == 0 {
			if _, err := m.journal.Leading(ctx); err != nil {
				return err
			}
			continue
		}
		lead := c.members[0].journal
		err := errors.Join(lead.Add(ctx, m.id, m.address), lead.Promote(ctx, m.id))
		if err != nil {
			return err
		}
	}
	_, err := c.propose(ctx, core.KindConfigure,
		journal.Principal{Kind: journal.System, ID: core.OwnerNode},
		wire.MustMarshal(core.Configure{
			DID: "did:web:" + hostName, Network: "regtest", OperatorKey: c.key,
			Currencies: []money.Currency{currency}, Thresholds: []money.Amount{},
		}))
	return err
}

// openAccounts is place.openAccounts.
func (c *cluster) openAccounts(ctx context.Context, accounts int) error {
	for from := 0; from < accounts; from += openedMany {
		var next core.OpenAccounts
		for place := from; place < min(from+openedMany, accounts); place++ {
			next.Accounts = append(next.Accounts, core.OpenAccount{
				ID: accountAt(place), Owner: core.OwnerNode, Code: codeBench,
				Kind: ledger.Liability, Currency: currency,
			})
		}
		_, err := c.propose(ctx, core.KindOpenAccounts, c.operator(), wire.MustMarshal(next))
		if err != nil {
			return fmt.Errorf("open accounts: %w", err)
		}
	}
	return nil
}

func (c *cluster) operator() journal.Principal {
	return journal.Principal{
		Kind: journal.Operator, ID: core.OwnerNode, Key: hex.EncodeToString(c.key[:]),
	}
}

// leader waits for a replica that leads.
func (c *cluster) leader(ctx context.Context) (*member, error) {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for late := time.Now().Add(replicasWait); ctx.Err() == nil && time.Now().Before(late); {
		for _, m := range c.members {
			if _, err := m.journal.Leading(gone); err == nil {
				return m, nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	return nil, errors.Join(errors.New("no replica leads"), ctx.Err())
}

// propose carries out a command, again with another leader if the one that had it leads no more.
func (c *cluster) propose(
	ctx context.Context, kind uint16, by journal.Principal, body []byte,
) (journal.Result, error) {
	for {
		m, err := c.leader(ctx)
		if err != nil {
			return journal.Result{}, err
		}
		result, err := m.journal.Propose(ctx, journal.Command{
			Kind: kind, Version: core.CommandVersion, Principal: by, Body: body,
		})
		if f, ok := fault.Of(err); ok && f.Code == fault.Unavailable {
			continue
		}
		if err == nil && result.Fault != nil {
			err = result.Fault
		}
		return result, err
	}
}

// toLeader is a caller in the process of the replicas.
type toLeader struct {
	cluster *cluster
	mint    *mint
	batch   int
}

// post implements caller.
func (t *toLeader) post(ctx context.Context) (int, error) {
	_, err := t.cluster.propose(ctx, core.KindPost, t.cluster.operator(),
		t.mint.batch(t.batch).Encode())
	return t.batch, err
}

// agree holds the replicas against each other, and their history against what was answered.
func (c *cluster) agree(ctx context.Context, transfers uint64) error {
	m, err := c.leader(ctx)
	if err != nil {
		return err
	}
	last, err := m.journal.Barrier(ctx)
	if err != nil {
		return err
	}
	want := cursorOf(m)
	if want.Records != transfers {
		return fmt.Errorf("%d transfers were answered, history has %d records", transfers,
			want.Records)
	}
	ctx, cancel := context.WithTimeout(ctx, replicasWait)
	defer cancel()
	for i, m := range c.members {
		if err := m.journal.WaitApplied(ctx, last); err != nil {
			return err
		}
		if got := cursorOf(m); got != want {
			return fmt.Errorf("replica %d is at %+v, the leader at %+v", i+1, got, want)
		}
	}
	return nil
}

func cursorOf(m *member) (at core.Cursor) {
	m.state.Read(func(v core.View) { at = v.Cursor() })
	return at
}

// measure closes the replicas and adds up the files of one.
func (c *cluster) measure(dir string) (sizes, error) {
	if err := c.close(); err != nil {
		return sizes{}, err
	}
	return measureState(dir)
}
