// Package server wires a node's process: configuration, keys, journal, state, chain, API, pages
// and workers, in the order in which they need each other, and takes them down in the reverse.
//
// `seyfert serve`, the sandbox and the tests start nodes through Start alone, so that what is
// tested is what runs. It never holds a rule of the domain.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"seyfert/api"
	"seyfert/auth"
	"seyfert/chain"
	"seyfert/core"
	"seyfert/egress"
	"seyfert/journal"
	"seyfert/node"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/signer"
	"seyfert/web"
)

// Bounds of the HTTP server.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 30 * time.Second
	writeTimeout    = 60 * time.Second // a long poll waits up to 20 s
	idleTimeout     = 2 * time.Minute
	headerBytesMax  = 32 << 10
	shutdownTimeout = 10 * time.Second
)

// Parts are what a test bed brings itself; the zero value is production.
type Parts struct {
	// Chain replaces the JSON-RPC client. The server does not close it.
	Chain chain.Backend
	// Listener replaces Config.Listen; the server closes it.
	Listener net.Listener
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
	cfg     Config
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
	suspect bool
	// copied says that this is a restored copy; lock is the file that holds it.
	copied  bool
	lock    *os.File
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

// Start opens a node and serves it. Opening replays the journal from the newest cut, so that
// the node is up to date when Start returns.
func Start(ctx context.Context, cfg Config, parts Parts, log *slog.Logger) (_ *Server, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	s := &Server{cfg: cfg, failed: make(chan error, 3)}
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
	if s.signer, err = signer.Open(cfg.keysDir()); err != nil {
		return nil, fmt.Errorf("open keys (made by seyfert init): %w", err)
	}
	if s.signer.DID() != cfg.DID || s.signer.Network() != cfg.Network {
		return nil, fmt.Errorf("the keys in %s are those of %s on %s, the configuration names %s on %s",
			cfg.keysDir(), s.signer.DID(), s.signer.Network(), cfg.DID, cfg.Network)
	}
	s.room = s.newRoom(parts, log)
	if err := s.room.atStart(); err != nil {
		return nil, err
	}
	if err := s.openState(parts, log); err != nil {
		return nil, err
	}
	if parts.Check != nil {
		if err := s.check(ctx, parts.Check, log); err != nil {
			return nil, err
		}
	}
	if err := s.openNode(ctx, parts, log); err != nil {
		return nil, err
	}
	reading, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	if err := s.node.CatchUp(reading); err != nil {
		// The node serves all the same: only payments between nodes need heights.
		log.Warn("the chain is not read up to its tip", slog.String("error", err.Error()))
	}
	handler, err := s.handler(parts, log)
	if err != nil {
		return nil, err
	}
	return s, s.serve(parts, handler, log)
}

// openState opens tables and history at the newest cut and replays the journal onto them.
func (s *Server) openState(parts Parts, log *slog.Logger) (err error) {
	var c *core.Core
	if s.store, c, err = node.OpenStore(s.cfg.stateDir(), log); err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	s.state = node.NewState(c, s.store.Keep)
	s.state.EndBy(parts.End)
	s.cuts = node.NewCuts(s.state, s.store)
	var shorten journal.Cuts = s.cuts
	if s.cfg.KeepJournal {
		shorten = nil
	}
	s.journal, err = journal.Open(journal.RaftConfig{
		Dir: s.cfg.journalDir(), Machine: s.state, Cuts: shorten,
		Settings: journal.Settings{
			Node: s.cfg.DID, Rule: core.RuleVersion, Seed: seed, Applied: s.state.Applied,
			Now: func() int64 { return parts.Now().UnixMilli() },
		},
	})
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	return checkMemory(s.state, s.signer)
}

func seed() (b [32]byte) {
	rand.Read(b[:]) // never fails (crypto/rand)
	return b
}

func (s *Server) openNode(ctx context.Context, parts Parts, log *slog.Logger) (err error) {
	s.out = egress.New(egress.Policy{Loopback: s.cfg.loopback()})
	backend := parts.Chain
	if backend == nil {
		rpc, err := s.dialChain()
		if err != nil {
			return err
		}
		backend, s.rpc = rpc, rpc
	}
	if backend.Network() != s.cfg.Network {
		return fmt.Errorf("the chain is %s, the configuration says %s",
			backend.Network(), s.cfg.Network)
	}
	seconds := func() int64 { return parts.Now().Unix() }
	s.room.journal = s.journal
	s.node, err = node.New(node.Config{
		State: s.state, Journal: s.room, Signer: s.signer, Chain: backend,
		Transport: peer.NewClient(s.out, s.signer, seconds, rand.Reader),
		Now:       parts.Now, Random: rand.Reader,
		Live: s.cfg.Network == networkMainnet, Log: log,
	})
	if err != nil {
		return err
	}
	return s.configure(ctx, backend)
}

func (s *Server) dialChain() (*chain.RPC, error) {
	login := chain.RPCAuth{User: s.cfg.Chain.User}
	var err error
	if s.cfg.Chain.TokenFile != "" {
		login.Token, err = readSecret(s.cfg.Chain.TokenFile)
	} else {
		login.Password, err = readSecret(s.cfg.Chain.PasswordFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the chain's credentials: %w", err)
	}
	s.chainOut = egress.New(egress.Policy{Loopback: true, BodyMax: chainBodyMax})
	return chain.NewRPC(chain.RPCConfig{
		URL: s.cfg.Chain.URL, Network: s.cfg.Network, Auth: login,
		FeeRateFallback: feeRateFallback, Client: s.chainOut.HTTP(),
	})
}

// catchUpTimeout bounds how long a start waits for the chain.
const catchUpTimeout = 20 * time.Second

// chainBodyMax bounds an answer of the Bitcoin node: a full block in hex, and its frame.
const chainBodyMax = 16 << 20

// feeRateFallback is used while the Bitcoin node has no estimate: 2 satoshi per virtual byte.
const feeRateFallback = 2000

// configure proposes what all replicas must agree on; a journal that says otherwise refuses.
func (s *Server) configure(ctx context.Context, backend chain.Backend) error {
	if err := checkLanes(ctx, backend, s.signer, s.cfg.lanes()); err != nil {
		return err
	}
	descriptor, err := node.Describe(s.signer, s.cfg.description())
	if err != nil {
		return err
	}
	key, err := readSecret(s.cfg.operatorFile())
	if err != nil {
		return fmt.Errorf("read the operator's key: %w", err)
	}
	hash, err := auth.HashKey(key)
	if err != nil {
		return fmt.Errorf("%s does not hold an API key", s.cfg.operatorFile())
	}
	err = s.node.Configure(ctx, node.Setup{
		Currencies: s.cfg.Currencies, Thresholds: s.cfg.Thresholds, Descriptor: descriptor,
		OperatorKey: hash,
	})
	if err != nil {
		return err
	}
	if err := s.node.ActivateRules(ctx); err != nil {
		return err
	}
	if _, err := s.node.Authenticate(key); err != nil {
		return fmt.Errorf("%s is not the operator's key that the journal holds: put back the "+
			"first one", s.cfg.operatorFile())
	}
	return nil
}

func (c Config) description() node.Description {
	return node.Description{
		SNP: c.Origin, API: c.Origin, Currencies: c.Currencies, Rails: []string{"bank"},
		Lanes: c.lanes(),
	}
}

// handler mounts the pages beside the API on one port.
func (s *Server) handler(parts Parts, log *slog.Logger) (http.Handler, error) {
	limits := parts.Limits
	if limits == (api.Limits{}) {
		rates := s.cfg.RequestsPerSecond
		limits = api.LimitsOf(rates.Address, rates.Caller)
	}
	config := api.Config{
		Node: s.node, Origin: s.cfg.Origin, Secure: s.cfg.secure(), Now: parts.Now,
		Random: rand.Reader, Log: log, Limits: limits, Proxies: s.cfg.TrustedProxies,
		SignInURL:   func(code string) string { return s.cfg.Origin + "/wallet/sign-in?code=" + code },
		CheckoutURL: func(offer string) string { return s.cfg.Origin + "/checkout/" + offer },
	}
	if !s.copied {
		if err := s.addOthers(&config, parts); err != nil {
			return nil, err
		}
	}
	faces, err := api.New(config)
	if err != nil {
		return nil, err
	}
	pages, err := web.NewNode(web.NodeConfig{
		Node: s.node, Origin: s.cfg.Origin, Secure: s.cfg.secure(), Now: parts.Now,
		Proxies: s.cfg.TrustedProxies, Demo: s.cfg.loopback(), Sandbox: parts.Sandbox,
		TestKey: parts.TestKey, Fetch: s.fetch, Log: log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", faces)
	pages.Mount(mux)
	return mux, nil
}

// addOthers lets peers and the bank reach the API.
func (s *Server) addOthers(config *api.Config, parts Parts) error {
	secret, err := readHexSecret(s.cfg.bankFile())
	if err != nil {
		return fmt.Errorf("read the bank's secret: %w", err)
	}
	config.Bank = bank.New(secret, parts.Now)
	seconds := func() int64 { return parts.Now().Unix() }
	config.Receiver, err = peer.NewReceiver(s.cfg.Origin, s.signer, s.node.PeerKey, seconds)
	config.Fetch = peer.NewClient(s.out, s.signer, seconds, rand.Reader).Fetch
	return err
}

// fetch gets an offer from another node for the wallet, through the one outgoing client.
func (s *Server) fetch(ctx context.Context, url string) (status int, body []byte, err error) {
	if s.copied {
		return 0, nil, errCopy()
	}
	answer, err := s.out.Do(ctx, http.MethodGet, url, http.Header{}, nil)
	return answer.Status, answer.Body, err
}

// serve starts the listener, the workers and the control socket.
func (s *Server) serve(parts Parts, handler http.Handler, log *slog.Logger) error {
	s.room.look()
	if err := s.listen(parts, s.room.guard(handler), log); err != nil {
		return err
	}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	s.running.Go(func() { s.node.Run(ctx) })
	s.running.Go(func() { s.room.watch(ctx) })
	s.running.Go(func() {
		select {
		case err := <-s.journal.Failed():
			s.failed <- err
		case err := <-s.node.Failed():
			s.failed <- err
		case <-ctx.Done():
		}
	})
	return s.listenControl()
}

// listen starts the listener.
func (s *Server) listen(parts Parts, handler http.Handler, log *slog.Logger) error {
	listener := parts.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
			return err
		}
	}
	s.address = listener.Addr()
	most, err := connectionsMax()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	connections := Limit(listener, most)
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax,
		ConnState: connections.Watch,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	s.http.RegisterOnShutdown(s.node.EndWaits)
	s.running.Go(func() {
		if err := s.http.Serve(connections); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}

// Address is where the node listens.
func (s *Server) Address() net.Addr { return s.address }

// Node is the running node.
func (s *Server) Node() *node.Node { return s.node }

// Failed reports what the node can't go on after: its journal can't be written, or its port is
// lost. The owner closes the server and ends the process.
func (s *Server) Failed() <-chan error { return s.failed }

// Close stops taking requests, ends the workers, makes a cut, so that the next start is short,
// and closes everything. It is for one call.
func (s *Server) Close() error {
	var errs []error
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		if err := s.http.Shutdown(ctx); err != nil {
			errs = append(errs, s.http.Close())
		}
		cancel()
	}
	errs = append(errs, s.closeControl())
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.store != nil {
		if !s.suspect && s.cuts != nil {
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
