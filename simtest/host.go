package simtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"seyfert/auth"
	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/signer"
	"seyfert/wire"
)

// CutsKept is the number of cuts of the state that a host keeps.
const CutsKept = 2

// wholeReplayMax is the length up to which a restart may replay the whole journal instead of
// what follows a cut: the end of every run replays it all in any case.
const wholeReplayMax = 500

// What all nodes of a run have in common.
const (
	rail            = "bank"
	skewMax         = 3000        // milliseconds that a clock is off at most
	laneValue       = 100_000_000 // satoshi of an anchor lane's first coin
	recordThreshold = 10_000      // won from which a transfer has a chain record of its own
)

func currencies() []money.Currency { return []money.Currency{money.KRW, money.JPY} }

// host is one node's computer: what outlives a crash, and the process that runs on it.
type host struct {
	did, url string
	keys     signer.Keys
	signed   *signer.Memory     // the signer journal
	names    *signer.NameMemory // the members' keys
	entries  [][]byte           // the journal up to the last crash
	cuts     []cut
	// random is the node's own source, seeds that of its entries. They stand for the operating
	// system's and go on over a crash.
	random, seeds *rand.ChaCha8
	setup         node.Setup
	// operator is the caller that the operator's key makes.
	operatorKey string
	operator    node.Caller
	process     *process
	// again is what somebody waited for when the process ended; they ask once more.
	again []func() error
	// skew is how far this computer's clock is off, in milliseconds; a restart changes it.
	skew int64
	// read is what check read of the state at entry readAt, when the node's time was time.
	read   map[money.Currency]books
	readAt uint64
	time   int64
}

// process is one life of a node, from start to crash.
type process struct {
	fuse    *fuse
	node    *node.Node
	state   *node.State
	core    *core.Core
	stores  *core.Memory
	journal *journal.Memory
	signer  *signer.Signer
}

// cut is a state at an index, as node.Store keeps it on disk.
type cut struct {
	index  uint64
	hash   [32]byte
	book   []byte
	stores *core.Memory
}

// start begins a process from a cut, or from the first entry if the cut is the zero one, and
// replays what the journal holds after it.
func (h *host) start(w *world, from cut) error {
	p := &process{fuse: &fuse{}}
	var err error
	if p.core, err = p.open(from); err != nil {
		return err
	}
	p.state = node.NewState(p.core, nil)
	p.journal, err = journal.NewMemory(journal.Settings{
		Node: h.did, Rule: core.RuleVersion, Now: func() int64 { return w.now + h.skew },
		Seed:    func() (seed [32]byte) { h.seeds.Read(seed[:]); return seed },
		Applied: func() uint64 { return from.index },
	}, p.state, h.entries)
	if err != nil {
		return fmt.Errorf("open the journal of %s: %w", h.did, err)
	}
	disk := fusedDisk{h.signed, p.fuse, func(length int) int {
		w.counts.Torn++
		return w.random.IntN(length + 1)
	}}
	keeper, err := signer.New(signer.Config{
		Keys: h.keys, Journal: disk, Names: h.names, Random: h.random,
		Sealing: signer.SeededHPKE{Seed: w.derive("sealing " + h.did)},
	})
	if err != nil {
		return fmt.Errorf("open the signer of %s: %w", h.did, err)
	}
	p.node, err = node.New(node.Config{
		State: p.state, Journal: fusedJournal{p.journal, p.fuse}, Signer: keeper,
		Chain:     fusedChain{w.chain, p.fuse},
		Transport: link{network: w.network, from: h.did, fuse: p.fuse},
		Now:       func() time.Time { return time.UnixMilli(w.now + h.skew).UTC() },
		Random:    h.random, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", h.did, err)
	}
	p.signer, h.process = keeper, p
	return nil
}

// open makes the core of a cut's copy: the cut itself is never written to.
func (p *process) open(from cut) (*core.Core, error) {
	p.stores = core.NewMemory()
	book := ledger.NewBook()
	if from.index != 0 {
		var err error
		if book, err = ledger.DecodeBook(from.book); err != nil {
			return nil, fmt.Errorf("read the ledger of a cut: %w", err)
		}
		p.stores = from.stores.Clone()
	}
	return core.Open(p.stores.Stores(), book)
}

// cut takes a cut of the state as it stands.
func (h *host) cut() {
	p := h.process
	if p.core.Applied() == 0 || (len(h.cuts) > 0 &&
		h.cuts[len(h.cuts)-1].index == p.core.Applied()) {
		return
	}
	taken := cut{index: p.core.Applied(), hash: p.core.StateHash()}
	taken.stores, taken.book = p.stores.Cut(p.core)
	h.cuts = append(h.cuts, taken)
	if len(h.cuts) > CutsKept {
		h.cuts = h.cuts[1:]
	}
}

// describe is what every start of a node does: it offers its descriptor and its configuration,
// which change nothing if they are those of the journal.
func (h *host) describe(w *world) error {
	keeper := h.process.signer
	if h.setup.Descriptor == "" {
		coin, err := w.chain.Fund(context.Background(), keeper.LaneScript(0), laneValue)
		if err != nil {
			return fmt.Errorf("fund the lane of %s: %w", h.did, err)
		}
		text, err := node.Describe(keeper, node.Description{
			SNP: h.url, API: h.url, Currencies: currencies(), Rails: []string{rail},
			Lanes: []signer.Lane{{N: 0, Outpoint: wire.Outpoint(coin), Value: laneValue}},
		})
		if err != nil {
			return fmt.Errorf("describe %s: %w", h.did, err)
		}
		secret, key, err := auth.NewKey(h.random, false)
		if err != nil {
			return fmt.Errorf("operator key of %s: %w", h.did, err)
		}
		h.operatorKey = string(secret)
		h.setup = node.Setup{
			Currencies: currencies(), Descriptor: text,
			Thresholds:  []money.Amount{money.New(money.KRW, recordThreshold)},
			OperatorKey: key,
		}
	}
	if err := h.process.node.Configure(context.Background(), h.setup); err != nil {
		return fmt.Errorf("configure %s: %w", h.did, err)
	}
	var err error
	h.operator, err = h.process.node.Authenticate(h.operatorKey)
	return err
}

// view reads the host's state.
func (h *host) view() (v core.View) {
	h.process.state.Read(func(inner core.View) { v = inner })
	return v
}

// crashed says whether the process has ended.
func (h *host) crashed() bool { return h.process.fuse.blown }

// restart begins a new process and checks that the replay gave the state that was lost.
func (h *host) restart(w *world) error {
	lost := h.process
	h.read = nil
	h.entries = lost.journal.Entries()
	var from cut
	if n := len(h.cuts); n > 0 && (len(h.entries) > wholeReplayMax || w.random.IntN(4) > 0) {
		from = h.cuts[n-1]
		if w.random.IntN(4) == 0 {
			from = h.cuts[0]
		}
	}
	h.skew = w.random.Int64N(2*skewMax+1) - skewMax
	w.counts.Crashes++
	w.counts.Replayed += len(h.entries) - int(from.index)
	if err := h.start(w, from); err != nil {
		return err
	}
	if err := same(h.process.core, lost.core); err != nil {
		return fmt.Errorf("%s replayed from entry %d: %w", h.did, from.index, err)
	}
	return h.describe(w)
}

// replayWhole applies every entry from the first on to a new state and compares.
func (w *world) replayWhole(h *host) error {
	c, err := (&process{}).open(cut{})
	if err != nil {
		return err
	}
	for at, data := range h.process.journal.Entries() {
		e, err := journal.DecodeEntry(data)
		if err != nil {
			return fmt.Errorf("entry %d of %s: %w", at+1, h.did, err)
		}
		c.Apply(uint64(at)+1, e)
	}
	if err := same(c, h.process.core); err != nil {
		return fmt.Errorf("%s replayed from its first entry: %w", h.did, err)
	}
	return nil
}

// same compares a replayed state with the one it must equal.
func same(replayed, lost *core.Core) error {
	switch {
	case replayed.Applied() != lost.Applied():
		return fmt.Errorf("%d entries, not %d", replayed.Applied(), lost.Applied())
	case replayed.StateHash() != lost.StateHash():
		return fmt.Errorf("state %x, not %x", replayed.StateHash(), lost.StateHash())
	case !bytes.Equal(replayed.BookImage(), lost.BookImage()):
		return errors.New("another ledger under one state hash")
	}
	return nil
}
