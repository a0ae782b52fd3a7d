package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"seyfert/core"
	"seyfert/peer"
)

// Pace of the workers. Nothing about money depends on any of these times.
const (
	// tickEvery is how often time passes in the journal when nothing else comes.
	tickEvery = time.Second
	// chainEvery is how often the chain is looked at when it does not announce a tip.
	chainEvery = 2 * time.Second
	// peersEvery is how often the list of peers is looked at.
	peersEvery = time.Second
)

// retry paces deliveries to a peer that does not answer.
func retry() peer.Backoff {
	return peer.Backoff{First: 100 * time.Millisecond, Max: 30 * time.Second}
}

// Run carries out outboxes until ctx ends, and returns when every worker has stopped.
func (n *Node) Run(ctx context.Context) {
	var workers sync.WaitGroup
	workers.Go(func() { n.runChain(ctx) })
	workers.Go(func() { n.runDays(ctx) })
	workers.Go(func() { n.runTicks(ctx) })
	workers.Go(func() { n.runPeers(ctx) })
	workers.Wait()
}

// RunFollower does what a replica does that does not lead, until ctx ends: it takes over the
// chain's headers, so that it need not read them all when it comes to lead. It writes nothing and
// sends nothing but questions to the Bitcoin node.
func (n *Node) RunFollower(ctx context.Context) {
	tips, stop := n.cfg.Chain.Subscribe(ctx)
	defer stop()
	for ctx.Err() == nil {
		if err := n.followHeaders(ctx); err != nil {
			n.report("follow the chain", err)
		}
		n.waitChain(ctx, tips, nil)
	}
}

func (n *Node) followHeaders(ctx context.Context) error {
	n.chainMu.Lock()
	defer n.chainMu.Unlock()
	return n.syncHeaders(ctx)
}

// runPeers starts one delivery worker per peer and waits for them at the end.
func (n *Node) runPeers(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	running := make(map[string]bool)
	for {
		changed := n.state.Work()
		for _, row := range read(n.state, core.View.Peers) {
			if !running[row.DID] {
				running[row.DID] = true
				workers.Go(func() { n.runPeer(ctx, row.DID) })
			}
		}
		if !wait(ctx, changed, peersEvery) {
			return
		}
	}
}

func (n *Node) runPeer(ctx context.Context, did string) {
	failures := 0
	for {
		changed := n.state.Work()
		taken, err := n.Deliver(ctx, did)
		pause := time.Minute // only a change of state brings new messages
		switch {
		case err != nil && ctx.Err() == nil:
			failures++
			pause, changed = retry().Delay(failures, n.jitter()), nil
			n.report("deliver", err, slog.String("peer", did))
		case taken > 0:
			failures, pause = 0, 0
		}
		if !wait(ctx, changed, pause) {
			return
		}
	}
}

func (n *Node) runChain(ctx context.Context) {
	tips, stop := n.cfg.Chain.Subscribe(ctx)
	defer stop()
	for ctx.Err() == nil {
		changed := n.state.Work()
		if _, err := n.WatchChain(ctx); err != nil {
			n.report("watch chain", err)
			changed = nil // a row that waits does not bring the Bitcoin node back
		}
		if _, err := n.WriteChain(ctx); err != nil {
			n.report("write chain", err)
			changed = nil
		}
		n.waitChain(ctx, tips, changed)
	}
}

// waitChain waits for a new tip, for a row that core added, or for the next look. With changed
// nil it does not wait for rows.
func (n *Node) waitChain(ctx context.Context, tips <-chan int64, changed <-chan struct{}) {
	look := time.NewTimer(chainEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			return
		case <-tips:
			return
		case <-changed:
			changed = n.state.Work() // before the look: a row in between must wake us
			if n.chainWaits() {
				return
			}
		}
	}
}

// chainWaits says whether a row is ready to be written.
func (n *Node) chainWaits() bool {
	return read(n.state, func(v core.View) bool {
		for _, row := range v.ChainOpen(core.PageMax) {
			if row.State == core.ChainReady {
				return true
			}
		}
		return false
	})
}

func (n *Node) runDays(ctx context.Context) {
	for {
		changed := n.state.Work()
		if _, err := n.SignDays(ctx); err != nil {
			n.report("sign days", err)
		}
		if !wait(ctx, changed, time.Minute) {
			return
		}
	}
}

// runTicks lets time pass in the journal, but only while something waits for it: an idle node
// writes nothing.
func (n *Node) runTicks(ctx context.Context) {
	for wait(ctx, nil, tickEvery) {
		due := read(n.state, func(v core.View) bool { return v.Due(n.cfg.Now().UnixMilli()) })
		if !due {
			continue
		}
		if err := n.Tick(ctx); err != nil {
			n.report("tick", err)
		}
	}
}

// wait returns false when ctx ended, and true after a change or a pause, whichever comes first.
func wait(ctx context.Context, changed <-chan struct{}, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// report logs a worker's trouble: a warning for what the other side causes and time mends.
func (n *Node) report(doing string, err error, attrs ...any) {
	if closed(err) {
		return
	}
	level := slog.LevelError
	if expected(err) {
		level = slog.LevelWarn
	}
	attrs = append(attrs, slog.String("doing", doing), slog.String("error", err.Error()))
	n.cfg.Log.Log(context.Background(), level, "work is not done and will be tried again", attrs...)
}
