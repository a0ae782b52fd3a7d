package simtest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/money"
	"seyfert/node"
	"seyfert/signer"
	"seyfert/wire"
)

// start is the first moment of every run.
const start = 1_795_000_000_000 // 2026-11-18, Unix milliseconds

// names of the nodes, in order.
func names() []string {
	return []string{"seoul", "tokyo", "busan", "osaka", "jeju", "kyoto", "incheon", "nagoya"}
}

// world is everything of one run. It has one owner and one thread.
type world struct {
	config  Config
	random  *rand.Rand
	now     int64 // Unix milliseconds
	chain   *chain.Memory
	network *network
	hosts   []*host
	people  people
	// deposited is what the simulated bank was paid, the only way for money to come in.
	deposited map[money.Currency]money.Amount
	// broken is a failed check that was found where no error could be returned.
	broken error

	step   int
	doing  string
	trace  [32]byte
	counts Counts
}

// derive makes 32 bytes of the seed for a use, so that one use's draws do not move another's.
func (w *world) derive(use string) [32]byte {
	seed := binary.BigEndian.AppendUint64(nil, w.config.Seed)
	return wire.Hash("simtest", seed, []byte(use))
}

func (w *world) source(use string) *rand.ChaCha8 { return rand.NewChaCha8(w.derive(use)) }

// fail remembers a failed check; the step ends with it.
func (w *world) fail(err error) {
	if w.broken == nil {
		w.broken = err
	}
}

func (w *world) host(did string) *host {
	for _, h := range w.hosts {
		if h.did == did {
			return h
		}
	}
	panic("simtest: no node " + did)
}

// setUp makes the chain, the nodes that know and trust each other, and the people on them.
func (w *world) setUp() (err error) {
	w.now = start
	w.random = rand.New(w.source("decisions"))
	w.deposited = map[money.Currency]money.Amount{}
	for _, currency := range currencies() {
		w.deposited[currency] = money.New(currency, 0)
	}
	clock := func() time.Time { return time.UnixMilli(w.now) }
	if w.chain, err = chain.NewMemory(clock); err != nil {
		return err
	}
	// Coins that pay for lanes are older, and lanes begin deeper, than any reorganisation goes.
	if err := w.mine(2 * reorgMax); err != nil {
		return err
	}
	w.network = &network{world: w, healed: true, cut: map[[2]string]bool{}}
	for _, name := range names()[:w.config.Nodes] {
		if err := w.addHost(name); err != nil {
			return err
		}
	}
	if err := w.mine(2 * reorgMax); err != nil {
		return err
	}
	for _, h := range w.hosts {
		for _, other := range w.hosts {
			if err := w.trust(h, other, creditFirst); err != nil {
				return err
			}
		}
	}
	if err := w.settlePeople(); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	w.network.healed = false
	return nil
}

func (w *world) addHost(name string) (err error) {
	h := &host{
		did: "did:web:" + name + ".localhost", url: "http://" + name + ".localhost:7402",
		signed: signer.NewMemory(nil), names: signer.NewNameMemory(),
		random: w.source("random " + name), seeds: w.source("seeds " + name),
	}
	if h.keys, err = signer.NewKeys(w.source("keys "+name), h.did, "regtest"); err != nil {
		return err
	}
	if err := signer.Begin(h.keys, h.signed); err != nil {
		return err
	}
	if err := h.start(w, cut{}); err != nil {
		return err
	}
	w.hosts = append(w.hosts, h)
	return h.describe(w)
}

// trust makes h give other credit of so many minor units in each currency.
func (w *world) trust(h, other *host, credit uint64) error {
	if h == other {
		return nil
	}
	terms := node.PeerTerms{URL: other.url, Descriptor: other.setup.Descriptor}
	for _, currency := range currencies() {
		terms.Credit = append(terms.Credit, money.New(currency, credit))
	}
	_, err := h.process.node.AddPeer(context.Background(), h.operator, terms)
	return err
}

// restartCrashed starts every process again that ended, and lets those ask again who waited
// for an answer of it.
func (w *world) restartCrashed() error {
	for _, h := range w.hosts {
		if !h.crashed() {
			continue
		}
		if err := h.restart(w); err != nil {
			return err
		}
		again := h.again
		h.again = nil
		for _, ask := range again {
			if err := ask(); err != nil {
				return fmt.Errorf("ask %s again: %w", h.did, err)
			}
		}
	}
	return nil
}

// line adds the step to the trace: what was done, and the state that each node is in.
func (w *world) line() {
	text := fmt.Sprintf("%d %s", w.step, w.doing)
	for _, h := range w.hosts {
		hash := h.process.state.StateHash()
		text += fmt.Sprintf(" %d:%x", h.process.state.Applied(), hash[:8])
	}
	if w.config.Trace != nil {
		fmt.Fprintln(w.config.Trace, text)
	}
	w.trace = sha256.Sum256(append(w.trace[:], text...))
}

// rest heals every fault and lets the nodes work until none has anything to do. Then it
// checks what must hold at rest.
func (w *world) rest() error {
	w.doing = "rest"
	healed := w.network.healed
	w.network.healed = true
	w.chain.SetReachable(true)
	for _, h := range w.hosts {
		h.process.fuse.left = 0
	}
	for len(w.network.late) > 0 {
		if err := w.network.deliverLate(); err != nil {
			return err
		}
	}
	if err := w.workAll(); err != nil {
		return err
	}
	w.counts.Rests++
	w.line()
	if err := w.check(); err != nil {
		return err
	}
	w.network.healed = healed
	clear(w.network.cut)
	return w.checkRest()
}

// workAll runs every worker until none has anything to do.
func (w *world) workAll() error {
	const roundsMax = 300 // a lane writes 25 rows a block
	for range roundsMax {
		done := 0
		for _, h := range w.hosts {
			n, err := w.work(h)
			if err != nil {
				return fmt.Errorf("%s: %w", h.did, err)
			}
			done += n
		}
		if done == 0 {
			return nil
		}
		w.now += node.LeaseLife.Milliseconds()
		if err := w.mine(1); err != nil {
			return err
		}
	}
	return fmt.Errorf("the nodes do not come to rest:%s", w.unrest())
}

// unrest says what every node has still to do.
func (w *world) unrest() (text string) {
	for _, h := range w.hosts {
		for _, row := range h.view().ChainOpen(core.PageMax) {
			text += fmt.Sprintf(" [%s: %s is %s]", h.did, row.ID, row.State)
		}
		for _, other := range w.hosts {
			if n := len(h.view().Undelivered(other.did, core.PageMax)); n > 0 {
				text += fmt.Sprintf(" [%s: %d messages to %s]", h.did, n, other.did)
			}
		}
	}
	return text
}

// work runs one node's workers once, as node.Run does, and counts what they did. What a busy
// or unreachable chain refuses is done later.
func (w *world) work(h *host) (done int, err error) {
	ctx := context.Background()
	for _, other := range w.hosts {
		if other == h {
			continue
		}
		taken, err := h.process.node.Deliver(ctx, other.did)
		if err := w.expected(h, err); err != nil {
			return 0, fmt.Errorf("deliver to %s: %w", other.did, err)
		}
		done += taken
	}
	signed, err := h.process.node.SignDays(ctx)
	if err := w.expected(h, err); err != nil {
		return 0, fmt.Errorf("sign days: %w", err)
	}
	blocks, err := h.process.node.WatchChain(ctx)
	if err := w.expected(h, err); err != nil {
		return 0, fmt.Errorf("watch the chain: %w", err)
	}
	open := len(h.view().ChainOpen(core.PageMax))
	_, err = h.process.node.WriteChain(ctx)
	if err := w.expected(h, err); err != nil {
		return 0, fmt.Errorf("write on the chain: %w", err)
	}
	_ = blocks
	return done + signed + open, nil
}
