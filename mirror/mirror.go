// Package mirror keeps a node's signer journal and its members' keys on a majority of the
// node's replicas: a signature leaves only when its record is there.
//
// The journal is a log of bytes with one writer a term, as in Raft; the terms are those of the
// node's own journal, so no election happens here. The members' keys are sets that only grow,
// until a member's are destroyed. DESIGN.md has the argument why nothing that was acknowledged
// is ever lost. The package never touches the network, the clock, or what the bytes mean beyond
// where a frame of the signer journal ends.
package mirror

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"seyfert/signer"
)

// How long things take at most, and how often they are tried.
const (
	// appendWait is how long an Append waits for a majority.
	appendWait = 5 * time.Second
	// callWait is how long one call of another replica may take.
	callWait = 5 * time.Second
	// keysWait is how long others are asked for a key that this replica lacks.
	keysWait = time.Second
	// retryPause follows a call that failed.
	retryPause = 100 * time.Millisecond
	// tellPause is how long it takes until a replica is told what is settled, if nothing else is
	// to be said to it.
	tellPause = 100 * time.Millisecond
	// probePause lies between two looks at a replica that needs nothing.
	probePause = time.Second
)

// Transport calls other replicas. Call returns what the replica's Mirror.Handle returned, or an
// error when that is not known. It may be called by several goroutines, ends when ctx ends, and
// may deliver a request late, twice or never.
type Transport interface {
	Call(ctx context.Context, to string, q Request) (Answer, error)
}

// Membership says which replicas there are now, by id.
type Membership struct {
	// Self is this replica.
	Self string
	// Voters are those that vote, with this one if it does.
	Voters []string
	// Others are brought level too, but have no vote yet.
	Others []string
}

// Config is what a Mirror is made of; every field is required.
type Config struct {
	// Journal is this replica's own signer journal, Names its own store of members' keys.
	Journal signer.JournalFile
	Names   signer.NameStore
	// Terms keeps what this replica promised; Begin made it.
	Terms TermFile
	// Transport reaches the other replicas.
	Transport Transport
	// Members names the replicas in force. It is called often and must not block; until the
	// replicas are known it returns none.
	Members func() Membership
}

// Mirror is one replica's part. It is safe for concurrent use.
type Mirror struct {
	cfg   Config
	names names

	// turn is held by the one Lead or Follow that runs.
	turn sync.Mutex

	// disk guards the files, and is held while they are written. Whoever holds mu never asks
	// for it.
	disk  sync.Mutex
	local *local

	// mu guards the rest, and is never held while something is waited for.
	mu      sync.Mutex
	closed  bool
	claimed uint64        // the newest term that this process promised to itself
	lead    *lead         // nil when this replica does not lead
	settled atomic.Int64  // written with mu held
	grown   chan struct{} // closed and replaced when settled rises
	broken  chan struct{}
	reason  error
}

// ErrBroken says that this replica's own journal or terms could not be written. The replica
// takes nothing more until it is opened anew; its owner stops the process.
var ErrBroken = errors.New("mirror: this replica cannot write its signer journal")

// ErrSuperseded says that a replica has promised itself to a later term: this one can never
// lead again.
var ErrSuperseded = errors.New("mirror: a later term has begun")

// Open opens a mirror over this replica's files. It cuts what an interrupted transfer left, and
// refuses files that lost something which was acknowledged (signer.ErrCorrupt). It calls
// nobody. signer.OpenWith calls it through its wrap.
func Open(c Config) (*Mirror, error) {
	if c.Journal == nil || c.Names == nil || c.Terms == nil || c.Transport == nil ||
		c.Members == nil {
		return nil, errors.New("mirror: a field of Config is not set")
	}
	m := &Mirror{cfg: c, grown: make(chan struct{}), broken: make(chan struct{})}
	m.names = names{mirror: m, own: c.Names, gone: map[string]bool{}}
	var err error
	m.local, err = openLocal(c.Journal, c.Terms, &m.settled)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Journal returns the signer journal that signer.OpenWith wants from its wrap: what is appended
// is durable on a majority, or the error is signer.ErrResting or ErrBroken.
func (m *Mirror) Journal() signer.SharedFile { return file{m} }

// Names returns the store of members' keys that signer.OpenWith wants from its wrap.
func (m *Mirror) Names() signer.NameStore { return &m.names }

// Grown returns a channel that is closed once more of the journal is settled than at the call. A
// follower calls signer.Refresh then, so that it knows what was signed and destroyed.
func (m *Mirror) Grown() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.grown
}

// Broken returns a channel that is closed when this replica can write no more; Reason says why.
func (m *Mirror) Broken() <-chan struct{} { return m.broken }

// Reason returns an ErrBroken with its cause once Broken is closed.
func (m *Mirror) Reason() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reason
}

// Close ends all that runs, and refuses every call after it. It leaves the files open.
func (m *Mirror) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.Follow()
}

// usable refuses calls after Close.
func (m *Mirror) usable() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return signer.ErrResting
	}
	return m.reason
}

// checked passes an error of the own files on. After a final one this replica leads no more.
func (m *Mirror) checked(err error) error {
	if !errors.Is(err, ErrBroken) {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reason == nil {
		m.reason = err
		close(m.broken)
	}
	m.lead.end()
	return err
}

// raise notes that the journal, which this replica holds up to end, stays so. The caller holds
// mu.
func (m *Mirror) raise(end int64) {
	if end <= m.settled.Load() {
		return
	}
	m.settled.Store(end)
	close(m.grown)
	m.grown = make(chan struct{})
}
