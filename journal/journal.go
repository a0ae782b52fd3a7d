// Package journal is a node's durable, ordered log of commands: everything that ever changes
// the node's state is in it, once, in one order, before anyone is answered.
//
// It never knows what a command means: it orders, keeps and hands over bytes. It draws no
// time and no randomness for an entry itself; both come in through Settings and are written
// into each entry, so that the same journal gives the same state on every replay and on every
// replica. Raft keeps the log on disk with hashicorp/raft over the room below, wal: on one
// replica, or on three or five that elect a leader among them. Memory keeps it in memory, for
// simulation. Both hand the same entries with the same indexes to the same Machine.
//
// An entry's index is the journal's own count of entries from 1. What raft writes for itself
// has no index here, and the index is not in the entry's bytes: it is given when the entry is
// applied.
//
// A machine keeps its state in cuts. They are the journal's snapshots, by reference: raft is
// told where they stand, a replica that has fallen behind is sent the newest one's files, and
// the entries before the older of two are deleted.
//
// Replicas know each other by their keys, and a replica's name is its public key. Only the
// leader proposes. When it no longer leads, commands under way are answered with an outcome
// that nobody knows, and the same command with the same id asks again; no acknowledged
// command is ever lost while a majority of the replicas keeps its disks.
package journal

import (
	"context"
	"errors"
	"fmt"

	"seyfert/fault"
)

// Limits of the journal. Whatever is over one is answered with a fault that names it.
const (
	// EntryCommandsMax is the number of commands that one entry holds at most.
	EntryCommandsMax = 8192
	// EntryBytesMax bounds the encoded entry.
	EntryBytesMax = 8 << 20
	// BodyBytesMax bounds the body of one command.
	BodyBytesMax = 2 << 20
	// PrincipalTextMax bounds the id and the key of a principal, in bytes each.
	PrincipalTextMax = 512
	// NodeTextMax bounds the node's name in the header, in bytes.
	NodeTextMax = 512
	// QueueCommandsMax is the number of commands that wait for an entry at most.
	QueueCommandsMax = 16384
	// QueueBytesMax bounds the encoded size of all commands that wait.
	QueueBytesMax = 64 << 20
	// FlightMax is the number of entries on their way to the disk at a time. While they are
	// written, what arrives gathers for the next entry; deeper gains nothing.
	FlightMax = 2
)

// Settings is what both journals need to make entries.
type Settings struct {
	// Node names the node in each header, such as its did.
	Node string
	// Rule is the rule version that new entries are to be applied under.
	Rule uint16
	// Now is the leader's clock in Unix milliseconds. No entry has an earlier time than the one
	// before it, whatever the clock says. It and Seed are called by one goroutine at a time.
	Now func() int64
	// Seed returns 32 fresh random bytes for an entry's header.
	Seed func() [32]byte
	// Applied returns the index of the last entry that the machine's state already holds
	// when the journal opens: entries up to it are neither decoded nor applied again. Nil
	// means none. An index beyond the end of the journal is refused.
	Applied func() uint64
}

func (s Settings) validate() error {
	switch {
	case s.Node == "" || !shortText(s.Node, NodeTextMax):
		return fmt.Errorf("journal: node name %.40q is not a short text", s.Node)
	case s.Rule == 0:
		return errors.New("journal: no rule version")
	case s.Now == nil || s.Seed == nil:
		return errors.New("journal: clock or seed missing")
	}
	return nil
}

// cut is the index up to which entries are skipped.
func (s Settings) cut() uint64 {
	if s.Applied == nil {
		return 0
	}
	return s.Applied()
}

// header makes the header of an entry proposed now, after one of another time.
func (s Settings) header(after int64) Header {
	now := max(s.Now(), after)
	return Header{Format: Format, Node: s.Node, Time: now, Rule: s.Rule, Seed: s.Seed()}
}

// Result is the outcome of one command.
type Result struct {
	// Fault says why the machine refused the command; nil means that it was carried out.
	Fault *fault.Error
	// Body is the machine's answer, encoded by it.
	Body []byte
	// Replayed says that the answer is that of an earlier command with the same id.
	Replayed bool
}

// Machine is the state that entries change.
type Machine interface {
	// Apply carries out one entry and returns one result per command, in order. It is called
	// in the order of indexes without a gap, by one goroutine at a time, once per entry and
	// life of the process; after Cuts.Install it goes on behind that cut. It must not call the
	// journal and must not keep the entry.
	Apply(index uint64, e Entry) []Result
}

// apply hands an entry to the machine and checks that it answered every command.
func apply(m Machine, index uint64, e Entry) []Result {
	results := m.Apply(index, e)
	if len(results) != len(e.Commands) {
		panic(fmt.Sprintf("journal: entry %d: %d results for %d commands",
			index, len(results), len(e.Commands)))
	}
	return results
}

// Answers when nothing can be proposed. Of the first the command is certainly not in the
// journal; of the second nobody knows, and the same command with the same id asks again.
var (
	errStopped = fault.New(fault.Unavailable, "", "the node takes no commands now")
	errUnknown = fault.New(fault.Unavailable, "",
		"the outcome is not known; send the same request again").Because(fault.OutcomeUnknown)
	errFull = fault.New(fault.TooMany, "",
		"too many commands are waiting; send the same request again")
	errNoRoom = fault.New(fault.Unavailable, "",
		"the node's disk is full; nothing was written")
)

// waitError says that a caller stopped waiting.
func waitError(ctx context.Context) error {
	return fmt.Errorf("wait for the journal: %w", context.Cause(ctx))
}
