package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seyfert/fault"
)

// action is one kind of step.
type action struct {
	name   string
	weight int
	do     func(w *world) error
}

// actions is what may happen, with how often.
func actions() []action {
	return []action{
		{"deposit", 10, (*world).deposit},
		{"offer", 8, (*world).sell},
		{"order", 16, (*world).buy},
		{"claim", 16, (*world).claimFair},
		{"foul claim", 4, (*world).claimFoul},
		{"keep books", 12, (*world).keepBooks},
		{"deliver", 30, (*world).deliver},
		{"late post", 6, (*world).latePost},
		{"sign days", 3, (*world).signDays},
		{"watch chain", 6, (*world).watchChain},
		{"write chain", 6, (*world).writeChain},
		{"mine", 5, (*world).mineSome},
		{"reorganise", 1, (*world).reorganise},
		{"tick", 4, (*world).tick},
		{"next day", 1, (*world).nextDay},
		{"close day", 2, (*world).closeDay},
		{"crash", 1, (*world).crash},
		{"light a fuse", 6, (*world).lightFuse},
		{"cut", 6, (*world).takeCut},
		{"partition", 2, (*world).partition},
		{"chain outage", 2, (*world).chainOutage},
		{"credit", 1, (*world).moreCredit},
	}
}

// choose draws the next step and lets a little time pass.
func (w *world) choose() action {
	w.now += int64(w.random.IntN(2000))
	all := actions()
	total := 0
	for _, a := range all {
		total += a.weight
	}
	draw := w.random.IntN(total)
	for _, a := range all {
		if draw -= a.weight; draw < 0 {
			return a
		}
	}
	panic("simtest: no action drawn")
}

// expected takes away the errors that faults of the simulation bring about; the node will try
// again. What is left is a failed check.
func (w *world) expected(h *host, err error) error {
	if h.crashed() {
		return errCrashed
	}
	f, ok := fault.Of(err)
	switch {
	case err == nil, errors.Is(err, errNetwork):
		return nil
	case ok && (f.Code == fault.Unavailable || f.Code == fault.TooMany):
		return nil
	}
	return err
}

func (w *world) deliver() error {
	h, to := pick(w, w.hosts), pick(w, w.hosts)
	if h == to {
		return nil
	}
	_, err := h.process.node.Deliver(context.Background(), to.did)
	return w.expected(h, err)
}

func (w *world) latePost() error { return w.network.deliverLate() }

func (w *world) signDays() error {
	h := pick(w, w.hosts)
	_, err := h.process.node.SignDays(context.Background())
	return w.expected(h, err)
}

func (w *world) watchChain() error {
	h := pick(w, w.hosts)
	_, err := h.process.node.WatchChain(context.Background())
	return w.expected(h, err)
}

func (w *world) writeChain() error {
	h := pick(w, w.hosts)
	_, err := h.process.node.WriteChain(context.Background())
	return w.expected(h, err)
}

// mine makes blocks whose coinbases pay to nobody of this world.
func (w *world) mine(n int) error {
	w.counts.Blocks += n
	_, err := w.chain.Mine(context.Background(), n, []byte{0x51})
	return w.chainError(err)
}

// chainError is nil while the chain is out of reach.
func (w *world) chainError(err error) error {
	if f, ok := fault.Of(err); ok && f.Code == fault.Unavailable {
		return nil
	}
	return err
}

func (w *world) mineSome() error { return w.mine(1 + w.random.IntN(3)) }

// reorganise replaces the last blocks by a longer branch, no deeper than is tolerated.
func (w *world) reorganise() error {
	tip, _, err := w.chain.Tip(context.Background())
	if err != nil {
		return w.chainError(err)
	}
	depth := 1 + w.random.IntN(reorgMax)
	if err := w.chain.Invalidate(context.Background(), tip-int64(depth)+1); err != nil {
		return w.chainError(err)
	}
	w.counts.Reorgs++
	return w.mine(depth + 1)
}

// reorgMax is R, the deepest reorganisation tolerated (protocol.md B1).
const reorgMax = 5

func (w *world) tick() error {
	h := pick(w, w.hosts)
	return w.expected(h, h.process.node.Tick(context.Background()))
}

// nextDay lets the clock jump to the next midnight.
func (w *world) nextDay() error {
	day := int64(24 * time.Hour / time.Millisecond)
	w.now += day - w.now%day
	return nil
}

func (w *world) closeDay() error {
	h := pick(w, w.hosts)
	return w.ask(h, func() error {
		_, err := h.process.node.CloseDay(context.Background(), h.operator, 0)
		if f, ok := fault.Of(err); ok && f.Code == fault.Refused {
			return nil // nothing happened since the last close
		}
		if err == nil {
			w.counts.Days++
		}
		return err
	})
}

// crash ends a process between two steps.
func (w *world) crash() error {
	pick(w, w.hosts).process.fuse.blown = true
	return nil
}

// lightFuse ends a process at one of its next dealings with the outside.
func (w *world) lightFuse() error {
	pick(w, w.hosts).process.fuse.left = 1 + w.random.IntN(12)
	return nil
}

func (w *world) takeCut() error {
	pick(w, w.hosts).cut()
	return nil
}

// partition cuts the connection of two nodes, or heals one that is cut.
func (w *world) partition() error {
	a, b := pick(w, w.hosts), pick(w, w.hosts)
	if a == b {
		return nil
	}
	key := pair(a.did, b.did)
	w.network.cut[key] = !w.network.cut[key] && w.random.IntN(3) == 0
	return nil
}

func (w *world) chainOutage() error {
	w.chain.SetReachable(w.random.IntN(3) > 0)
	return nil
}

// moreCredit lets every node trust every other a little more, since nothing is settled in
// this release.
func (w *world) moreCredit() error {
	w.people.credit += w.random.Uint64N(creditMore)
	for _, h := range w.hosts {
		for _, other := range w.hosts {
			err := w.ask(h, func() error { return w.trust(h, other, w.people.credit) })
			if err != nil && !errors.Is(err, errCrashed) {
				return fmt.Errorf("%s: %w", h.did, err)
			}
		}
	}
	return nil
}
