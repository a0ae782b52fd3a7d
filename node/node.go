// Package node is the shell around core: it turns use cases into commands, checks signatures
// and opens seals before they are proposed, and carries out what core put into its outboxes.
//
// It is a step machine. Clock, randomness, sealing (inside the signer), journal, chain and
// transport are given to it, so that tests and the simulator drive whole nodes in one thread;
// Run is the only place that starts goroutines. It never touches HTTP types, and no rule of the
// domain is decided here: what is checked before a command is checked again inside core.
//
// One method per use case: setup.go, pay.go and proof.go; receive.go takes peers' messages,
// work.go carries out outboxes, reads.go is the one read gateway.
package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/peer"
	"seyfert/signer"
	"seyfert/wire"
)

// Journal orders commands and answers after they are durable and applied. The raft and the
// memory journal implement it.
type Journal interface {
	Propose(ctx context.Context, c journal.Command) (journal.Result, error)
}

// Transport carries signed messages to a peer and brings an answer for each. The HTTP client of
// package peer and the simulator's network implement it.
type Transport interface {
	Post(ctx context.Context, to peer.Address, jws []string) ([]peer.Answer, error)
}

// Config is what a Node is made of; every field is required.
type Config struct {
	State     *State
	Journal   Journal
	Signer    *signer.Signer
	Chain     chain.Backend
	Transport Transport
	// Now is the clock and Random the source of ids, handles and keys.
	Now    func() time.Time
	Random io.Reader
	// Live says that keys are for real money (sk_live_).
	Live bool
	Log  *slog.Logger
}

// Node is one institution's node. Its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	state    *State
	follower *chain.Follower
	// randomMu guards cfg.Random, which need not be safe for concurrent use.
	randomMu sync.Mutex
	// failed takes the first reason for which the node must stop.
	failed chan error
	// ended is closed when nobody shall wait for something to happen any more.
	ended  chan struct{}
	ending sync.Once
	// chainMu lets one worker at a time act for the chain outbox and the follower.
	chainMu sync.Mutex
}

// New makes a node of open parts. Nothing runs until its methods are called or Run is started.
func New(cfg Config) (*Node, error) {
	follower, err := chain.Follow(cfg.Chain)
	if err != nil {
		return nil, fmt.Errorf("follow the chain: %w", err)
	}
	return &Node{
		cfg: cfg, state: cfg.State, follower: follower, failed: make(chan error, 1),
		ended: make(chan struct{}),
	}, nil
}

// Failed reports that the node must stop: its signer's journal cannot be written, so that
// nothing may be signed any more (signer.ErrJournal).
func (n *Node) Failed() <-chan error { return n.failed }

// signed passes a signer's error on. A final one stops the node, and is no fault of this request:
// the caller tries again until the node is back.
func (n *Node) signed(err error) error {
	if !errors.Is(err, signer.ErrJournal) {
		return err
	}
	select {
	case n.failed <- err:
	default: // the first reason is enough
	}
	return fault.New(fault.Unavailable, "", "The node can sign nothing now.")
}

// EndWaits makes everyone who waits for a claim or an event answer with what there is, now and
// from now on, so that a server that closes need not wait for them.
func (n *Node) EndWaits() { n.ending.Do(func() { close(n.ended) }) }

// DID is the node's name.
func (n *Node) DID() string { return n.cfg.Signer.DID() }

// State gives the read gateway's source; the simulator compares state hashes with it.
func (n *Node) State() *State { return n.state }

// Caller is who a use case is done for, as Authenticate found out.
type Caller struct {
	Kind journal.PrincipalKind
	// ID is the company, member, rail or peer; "node" for the operator.
	ID string
	// Key is the hash of the key or session used, in hex.
	Key string
}

// principal is the caller in the journal's words.
func (c Caller) principal() journal.Principal {
	return journal.Principal{Kind: c.Kind, ID: c.ID, Key: c.Key}
}

// system is the node acting for itself.
func system() Caller { return Caller{Kind: journal.System, ID: core.OwnerNode} }

// Request names a use case's call for idempotency: the client's key and the hash of everything
// else in the request. The zero Request is not remembered.
type Request struct {
	Key  string
	Hash [32]byte
}

// NewRequest binds an Idempotency-Key to a request's content. An empty key gives the zero
// Request.
func NewRequest(key string, content any) (Request, error) {
	if key == "" {
		return Request{}, nil
	}
	data, err := wire.JCS(content)
	if err != nil {
		return Request{}, fault.New(fault.Invalid, "", "The request can't be put in order.")
	}
	return Request{Key: key, Hash: sha256.Sum256(data)}, nil
}

// commandID is the id of a command that came with an Idempotency-Key.
func commandID(key string) [16]byte {
	id := wire.Hash("idempotency key", []byte(key))
	return [16]byte(id[:16])
}

// propose sends one command through the journal and decodes its answer into T.
func propose[T any](ctx context.Context, n *Node, by Caller, kind uint16, r Request,
	body any,
) (answer T, replayed bool, err error) {
	c := journal.Command{
		Kind: kind, Version: core.CommandVersion, Principal: by.principal(),
		RequestHash: r.Hash, Body: wire.MustMarshal(body),
	}
	if r.Key != "" {
		c.ID = commandID(r.Key)
	}
	result, err := n.cfg.Journal.Propose(ctx, c)
	if err != nil {
		return answer, false, err
	}
	if result.Fault != nil {
		return answer, false, result.Fault
	}
	if err := wire.Unmarshal(result.Body, &answer); err != nil {
		return answer, false, fmt.Errorf("read the answer of command %d: %w", kind, err)
	}
	return answer, result.Replayed, nil
}

// act is propose for commands whose answer is not needed.
func (n *Node) act(ctx context.Context, kind uint16, body any) error {
	c := journal.Command{
		Kind: kind, Version: core.CommandVersion, Principal: system().principal(),
		Body: wire.MustMarshal(body),
	}
	result, err := n.cfg.Journal.Propose(ctx, c)
	if err != nil {
		return err
	}
	if result.Fault != nil {
		return result.Fault
	}
	return nil
}

// random fills a fixed number of bytes; a random source that fails stops the node, since keys
// and handles would be guessable.
func (n *Node) random(p []byte) {
	n.randomMu.Lock()
	defer n.randomMu.Unlock()
	if _, err := io.ReadFull(n.cfg.Random, p); err != nil {
		panic("node: no randomness: " + err.Error())
	}
}

// Read implements io.Reader over the node's random source, for packages that draw keys.
func (n *Node) Read(p []byte) (int, error) {
	n.random(p)
	return len(p), nil
}

// newID makes an id of now.
func newID[ID ~[16]byte](n *Node) ID {
	var random [10]byte
	n.random(random[:])
	return ID(wire.NewUUID(n.cfg.Now().UnixMilli(), random))
}

// parseID reads an id from a path or a body; a text that is no id names nothing.
func parseID[K wire.Kind](field, text string, id *wire.ID[K]) error {
	parsed, err := wire.ParseID[K](text)
	if err != nil {
		return fault.New(fault.NotFound, field, "There is nothing with this id.")
	}
	*id = parsed
	return nil
}

// closed says whether an error only says that the node is stopping.
func closed(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
