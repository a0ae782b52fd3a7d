// Package server wires a node's process: configuration, keys, journal, state, chain, API, pages
// and workers, in the order in which they need each other, and takes them down in the reverse.
//
// `seyfert serve`, the sandbox and the tests start nodes through Start alone, so that what is
// tested is what runs. It never holds a rule of the domain.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"seyfert/api"
	"seyfert/chain"
	"seyfert/egress"
	"seyfert/journal"
	"seyfert/node"
	"seyfert/signer"
)

// Bounds of the HTTP server.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 30 * time.Second
	writeTimeout    = 60 * time.Second // a long poll waits up to 20 s
	idleTimeout     = 2 * time.Minute
	headerBytesMax  = 32 << 10
	shutdownTimeout = 10 * time.Second
	// handOverTimeout bounds how long a leader that closes waits for another one to take over.
	handOverTimeout = 5 * time.Second
)

// Parts are what a test bed brings itself; the zero value is production.
type Parts struct {
	// Chain replaces the JSON-RPC client. The server does not close it.
	Chain chain.Backend
	// Listener replaces Config.Listen; the server closes it.
	Listener net.Listener
	// ReplicaListener replaces Config.Replica.Listen; the server closes it. ReplicaDial, if set,
	// connects to the other replicas.
	ReplicaListener net.Listener
	ReplicaDial     func(ctx context.Context, address string) (net.Conn, error)
	// Pace replaces journal.PaceDefault, and CompareEvery node.CompareEvery.
	Pace, CompareEvery time.Duration
	// Alone makes this replica the node's only one, whatever its journal says: what the others
	// alone had is lost, and none of them may come back.
	Alone bool
	// Now replaces the clock.
	Now func() time.Time
	// Sandbox is the first page of the test bed, which the node's pages lead back to.
	Sandbox string
	// Check, if set, has the state held against the journal before the node serves, and is
	// called with each step.
	Check func(step string)
	// Restore, if set, has a backup unpacked first, which is then served to be read.
	Restore *Restore
	// End ends the process when the disk has no room for the state, and must not return; nil
	// panics instead.
	End func(err error)
	// Free replaces the question how many bytes of room the disk of a directory has.
	Free func(dir string) (uint64, error)
	// Resume makes a restored copy the node again.
	Resume bool
	// Limits replaces the API's bounds on how often callers may ask.
	Limits api.Limits
	// TestKey gives the explorer of a test bed a key to fill in, and whose it is; nil is none.
	TestKey func() (owner, key string)
}

// Server is a running node.
type Server struct {
	cfg  Config
	log  *slog.Logger
	role role
	// replica is nil when this is the node's only one for good.
	replica      *replica
	compareEvery time.Duration
	chain        chain.Backend

	node    *node.Node
	state   *node.State
	store   *node.Store
	cuts    *node.Cuts
	signer  *signer.Signer
	journal *journal.Raft
	out     *egress.Client
	// chainOut reaches the operator's own Bitcoin node, which usually is on loopback.
	chainOut *egress.Client
	rpc      io.Closer
	http     *http.Server
	address  net.Addr
	// control takes orders over the socket in the node's directory. backups is held while one
	// is carried out, endBackup ends it.
	control   *http.Server
	backups   sync.Mutex
	endBackup context.CancelFunc
	room      *room
	// suspect says that the state is not what the journal leads to: no cut is made of it.
	suspect atomic.Bool
	// copied says that this is a restored copy; lock is the file that holds it.
	copied  bool
	lock    *os.File
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

// Start opens a node and serves it. Opening replays the journal from the newest cut. A replica
// that is the node's only one is up to date when Start returns; one of several catches up while
// it serves.
func Start(ctx context.Context, cfg Config, parts Parts, log *slog.Logger) (_ *Server, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	s := &Server{cfg: cfg, log: log, failed: make(chan error, 3), compareEvery: parts.CompareEvery}
	if s.compareEvery == 0 {
		s.compareEvery = node.CompareEvery
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	copied, err := s.restored(ctx, parts, log)
	if err != nil {
		return nil, err
	}
	if copied != nil {
		return s, s.serveCopy(ctx, *copied, parts, log)
	}
	if err := s.openKeys(parts); err != nil {
		return nil, err
	}
	s.room = s.newRoom(parts, log)
	if err := s.room.atStart(); err != nil {
		return nil, err
	}
	if err := s.openState(ctx, parts, log); err != nil {
		return nil, err
	}
	if parts.Check != nil {
		if err := s.check(ctx, parts.Check, log); err != nil {
			return nil, err
		}
	}
	if err := s.openNode(parts, log); err != nil {
		return nil, err
	}
	var woken *journal.Lead
	if s.only() {
		lead, err := s.journal.Leading(ctx)
		if err == nil {
			err = s.wake(ctx, catchUpTimeout)
		}
		if err != nil {
			return nil, err
		}
		woken = &lead
	}
	handler, err := s.handler(parts, log)
	if err != nil {
		return nil, err
	}
	return s, s.serve(parts, handler, woken)
}

// Address is where the node listens.
func (s *Server) Address() net.Addr { return s.address }

// Node is the running node.
func (s *Server) Node() *node.Node { return s.node }

// Leads says whether this replica takes changes and does the node's work towards the outside.
func (s *Server) Leads() bool { return s.role.leads() }

// Failed reports what the node can't go on after: its journal can't be written, or its port is
// lost. The owner closes the server and ends the process.
func (s *Server) Failed() <-chan error { return s.failed }

// Close hands leadership over, stops taking requests, ends the workers, makes a cut, so that the
// next start is short, and closes everything. It is for one call.
func (s *Server) Close() error {
	var errs []error
	s.handOver()
	if s.http != nil {
		errs = append(errs, shut(s.http, shutdownTimeout))
	}
	errs = append(errs, s.closeControl())
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	errs = append(errs, s.closeJournal())
	if s.store != nil {
		if !s.suspect.Load() && s.cuts != nil {
			errs = append(errs, s.cuts.Cut())
		}
		errs = append(errs, s.store.Close())
	}
	if s.rpc != nil {
		errs = append(errs, s.rpc.Close())
	}
	for _, out := range []*egress.Client{s.out, s.chainOut} {
		if out != nil {
			out.Close()
		}
	}
	if s.signer != nil {
		errs = append(errs, s.signer.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// handOver lets another replica lead before this one takes no requests any more, so that whoever
// asks meanwhile is brought to it.
func (s *Server) handOver() {
	if s.replica == nil || s.journal == nil || s.only() || !s.role.leads() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverTimeout)
	defer cancel()
	if err := s.journal.TransferLeadership(ctx); err != nil {
		s.log.Warn("leadership is not handed over: the others elect a leader",
			slog.String("error", err.Error()))
	}
}

// shut ends an HTTP server: what is under way has so long.
func shut(server *http.Server, most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		return server.Close()
	}
	return nil
}

// closeJournal ends what the other replicas ask and are asked, and the journal.
func (s *Server) closeJournal() (err error) {
	r := s.replica
	if r != nil && r.http != nil {
		err = shut(r.http, handOverTimeout)
	}
	if s.journal != nil {
		err = errors.Join(err, s.journal.Close())
	}
	if r == nil {
		return err
	}
	err = errors.Join(err, r.layer.Close())
	r.serving.Wait()
	if r.mirror != nil {
		r.mirror.Close()
	}
	r.client.CloseIdleConnections()
	r.depose()
	return err
}
