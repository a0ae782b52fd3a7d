package server

import (
	"context"
	"sync/atomic"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/node"
)

// What a replica does at a time.
const (
	// following replicas answer what is read, and bring the rest to the leader.
	following int32 = iota
	// waking ones lead the journal and get ready: they propose for themselves alone.
	waking
	// leading ones take changes and do the node's work towards the outside.
	leading
)

// role says what this replica does now. The zero role follows.
type role struct{ now atomic.Int32 }

func (r *role) set(to int32) { r.now.Store(to) }
func (r *role) leads() bool  { return r.now.Load() == leading }

// entrance stands before the journal: a replica that does not lead proposes nothing, even where
// raft would let it. It implements node.Journal.
type entrance struct {
	role    *role
	journal node.Journal
}

// Propose implements node.Journal.
func (e *entrance) Propose(ctx context.Context, c journal.Command) (journal.Result, error) {
	if e.role.now.Load() == following {
		return journal.Result{}, errNoLeader()
	}
	return e.journal.Propose(ctx, c)
}

// errNoLeader is what is answered while nobody here or elsewhere takes changes.
func errNoLeader() *fault.Error {
	return fault.New(fault.Unavailable, "", "No replica takes changes at the moment, and nothing "+
		"was done. The same request may be sent again.").Because(fault.NoLeader)
}

// errOutcome is what is answered when the leader was asked and went away.
func errOutcome() *fault.Error {
	return fault.New(fault.Unavailable, "", "The leading replica went away before its answer. The "+
		"same request with the same Idempotency-Key tells what became of it.").
		Because(fault.OutcomeUnknown)
}
