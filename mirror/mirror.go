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

	"seyfert/signer"
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
	cfg Config
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
func Open(c Config) (*Mirror, error) { return &Mirror{cfg: c}, nil }

// Journal returns the signer journal that signer.OpenWith wants from its wrap: what is appended
// is durable on a majority, or the error is signer.ErrResting.
func (m *Mirror) Journal() signer.SharedFile { return nil }

// Names returns the store of members' keys that signer.OpenWith wants from its wrap.
func (m *Mirror) Names() signer.NameStore { return nil }

// Lead makes this replica the one that signs, in a term that the node's journal gave to it and
// to nobody else. It takes the promise of a majority, the best journal among them, and brings a
// majority level with it. Then Append works and signer.Wake may be called. It tries until ctx
// ends; after an error it may be called again with the same term. Errors: ErrSuperseded,
// ErrBroken, ctx's.
func (m *Mirror) Lead(ctx context.Context, term uint64) error { return nil }

// Follow ends what Lead began and waits until nothing of it runs; an Append under way fails
// with signer.ErrResting. Without a leadership it does nothing.
func (m *Mirror) Follow() {}

// Handle answers a request of the replica from, as the connection authenticated it. An error
// says nothing about the outcome; the caller asks again.
func (m *Mirror) Handle(ctx context.Context, from string, q Request) (Answer, error) {
	return Answer{}, nil
}

// Level tells a leader whether replica id holds all of the journal and of the keys, so that it
// may be given a vote. It is false on a replica that does not lead.
func (m *Mirror) Level(id string) bool { return false }

// Settle waits until all that was acknowledged is on a majority of the voters that Members names
// now. A leader calls it before each change of the voters, for a majority of the next ones must
// share a replica with those that hold it. Errors: signer.ErrResting, ctx's.
func (m *Mirror) Settle(ctx context.Context) error { return nil }

// Grown returns a channel that is closed once more of the journal is settled than at the call. A
// follower calls signer.Refresh then, so that it knows what was signed and destroyed.
func (m *Mirror) Grown() <-chan struct{} { return nil }

// Broken returns a channel that is closed when this replica can write no more; Reason says why.
func (m *Mirror) Broken() <-chan struct{} { return nil }

// Reason returns an ErrBroken with its cause once Broken is closed.
func (m *Mirror) Reason() error { return nil }

// Close ends all that runs, and refuses every call after it. It leaves the files open.
func (m *Mirror) Close() { m.Follow() }
