package server_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/chain"
	sdk "seyfert/client"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/server"
	"seyfert/wire"
)

// replicaPace is short, so that tests are; a busy machine makes more elections of it, not faults.
const replicaPace = 500 * time.Millisecond

// trio is one node of three replicas in this process, over real connections.
type trio struct {
	t     *testing.T
	chain *chain.Memory
	key   string // the operator's
	all   []*member
}

// member is one replica.
type member struct {
	of      *trio
	cfg     server.Config
	id      journal.ReplicaID
	line    cord
	chain   *counted
	log     notes
	mu      sync.Mutex // guards running
	running *server.Server
	// compare is how often it compares while it leads; a follower that stops says why in ended.
	compare time.Duration
	check   func(step string)
	free    atomic.Uint64 // room on its disk in bytes; 0 is enough
	ended   atomic.Pointer[string]
}

// counted counts what a replica sends to the chain.
type counted struct {
	chain.Backend
	sent atomic.Int64
}

// Broadcast implements chain.Backend.
func (c *counted) Broadcast(ctx context.Context, raw []byte) ([32]byte, error) {
	c.sent.Add(1)
	return c.Backend.Broadcast(ctx, raw)
}

// cord is what connects a replica with the others.
type cord struct {
	mu    sync.Mutex // guards all below
	torn  bool
	conns []net.Conn
	read  atomic.Int64 // bytes that came in
}

// measured counts what it reads.
type measured struct {
	net.Conn
	read *atomic.Int64
}

// Read implements net.Conn.
func (m measured) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.read.Add(int64(n))
	return n, err
}

func (c *cord) add(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.torn {
		return nil, errors.Join(errors.New("the line is cut"), conn.Close())
	}
	c.conns = append(c.conns, conn)
	return measured{conn, &c.read}, nil
}

func (c *cord) dial(ctx context.Context, address string) (net.Conn, error) {
	return c.add(new(net.Dialer).DialContext(ctx, "tcp", address))
}

// tear closes all connections and lets none be made until mend.
func (c *cord) tear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.torn, c.conns = true, nil
}

func (c *cord) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.torn = false
}

// socket is a replica's listener.
type socket struct {
	net.Listener
	cord *cord
}

// Accept implements net.Listener.
func (s *socket) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if conn, err := s.cord.add(conn, nil); err == nil {
			return conn, nil
		}
	}
}

// port finds a port that is free.
func port(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

// newTrio makes a node's first replica and lets two others join it.
func newTrio(t *testing.T) *trio {
	t.Helper()
	blocks, err := chain.NewMemory(time.Now)
	must(t, err)
	n := &trio{t: t, chain: blocks}
	_, err = blocks.Mine(t.Context(), 10, []byte{0x51})
	must(t, err)
	listen := port(t)
	first := n.member(server.Config{
		DID: "did:web:seoul.localhost", Dir: filepath.Join(t.TempDir(), "seoul"),
		Listen: listen, Origin: "http://seoul.localhost:7401", Network: "regtest",
		Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
		Replica: server.ReplicaConfig{Listen: port(t)},
	})
	made, err := server.Init(first.cfg, rand.Reader)
	must(t, err)
	for _, text := range made.Scripts {
		script, err := hex.DecodeString(text)
		must(t, err)
		coin, err := blocks.Fund(t.Context(), script, 1_000_000)
		must(t, err)
		first.cfg.Lanes = append(first.cfg.Lanes, server.LaneConfig{
			Outpoint: wire.Outpoint(coin), Value: 1_000_000,
		})
	}
	_, err = blocks.Mine(t.Context(), 2, []byte{0x51})
	must(t, err)
	key, err := os.ReadFile(made.OperatorFile)
	must(t, err)
	n.key = strings.TrimSpace(string(key))
	first.start()
	for range 2 {
		n.join()
	}
	return n
}

func (n *trio) member(cfg server.Config) *member {
	m := &member{of: n, cfg: cfg, chain: &counted{Backend: n.chain}, compare: time.Hour}
	n.all = append(n.all, m)
	n.t.Cleanup(m.close)
	return m
}

// join makes a replica as `seyfert join` and `seyfert replica add` do, and waits until it votes.
func (n *trio) join() *member {
	t := n.t
	t.Helper()
	asks := n.all[0]
	dir := filepath.Join(t.TempDir(), "replica")
	address := port(t)
	made := make(chan error, 1)
	added := make(chan string, 16)
	var joined server.Joined
	go func() {
		var err error
		joined, err = server.Join(t.Context(), server.JoinConfig{
			Dir: dir, Listen: port(t), ReplicaListen: address, Member: asks.self(),
			Every: 50 * time.Millisecond,
		}, func(step string) { added <- step })
		made <- err
	}()
	for asking := true; asking; {
		select {
		case said := <-added:
			if _, after, found := strings.Cut(said, "replica add "); found {
				r, err := server.ParseReplica(strings.Fields(after)[0])
				must(t, err)
				_, err = server.OrderReplicas(t.Context(), asks.cfg, server.ReplicaOrder{
					Do: server.ReplicaAdd, ID: r.ID, Address: r.Address,
				})
				must(t, err)
			}
		case err := <-made:
			must(t, err)
			asking = false
		}
	}
	cfg, err := server.ReadConfig(joined.Config)
	must(t, err)
	m := n.member(cfg)
	m.start()
	n.until("a vote", func() bool {
		for _, r := range n.list(asks).Replicas {
			if r.ID == m.id && r.Votes {
				return true
			}
		}
		return false
	})
	return m
}

// list is `seyfert replica list`.
func (n *trio) list(on *member) server.ReplicaAnswer {
	n.t.Helper()
	answer, err := server.OrderReplicas(n.t.Context(), on.cfg,
		server.ReplicaOrder{Do: server.ReplicaList})
	must(n.t, err)
	return answer
}

func (n *trio) until(what string, done func() bool) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			for i, m := range n.all {
				n.t.Logf("replica %d said:\n%s", i, m.log.all())
			}
			n.t.Fatalf("no %s in 30 s", what)
		}
	}
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

func (m *member) start() {
	t := m.of.t
	t.Helper()
	listener, err := net.Listen("tcp", m.cfg.Replica.Listen)
	must(t, err)
	running, err := server.Start(t.Context(), m.cfg, server.Parts{
		Chain: m.chain, ReplicaListener: &socket{listener, &m.line}, ReplicaDial: m.line.dial,
		Pace: replicaPace, CompareEvery: m.compare, Check: m.check,
		Free: func(string) (uint64, error) { return m.free.Load() - 1, nil },
		End: func(err error) {
			said := err.Error()
			m.ended.Store(&said)
			runtime.Goexit() // what calls it goes no further, as when the process ends
		},
	}, slog.New(slog.NewTextHandler(io.MultiWriter(&m.log), nil)))
	must(t, err)
	m.mu.Lock()
	m.running = running
	m.mu.Unlock()
	m.id = m.self().ID
}

// self is the replica by its name.
func (m *member) self() journal.Replica {
	m.of.t.Helper()
	return journal.Replica{ID: m.of.list(m).Self, Address: m.cfg.Replica.Listen}
}

func (m *member) close() {
	m.mu.Lock()
	running := m.running
	m.running = nil
	m.mu.Unlock()
	if running != nil {
		must(m.of.t, running.Close())
	}
}

func (m *member) url() string { return "http://" + m.cfg.Listen }

// client calls one replica as the operator, once and without help.
func (m *member) client() *sdk.Client {
	return sdk.New(sdk.Config{URL: m.url(), Key: m.of.key})
}

// client calls the node as the operator, wherever it is.
func (n *trio) client() *sdk.Client {
	c := sdk.Config{URL: n.all[0].url(), Key: n.key}
	for _, m := range n.all[1:] {
		c.Others = append(c.Others, m.url())
	}
	return sdk.New(c)
}

// lead waits for a replica that takes changes.
func (n *trio) lead() (leader *member) {
	n.t.Helper()
	n.until("leader", func() bool {
		for _, m := range n.all {
			if m.takes() {
				leader = m
				return true
			}
		}
		return false
	})
	return leader
}

// takes says whether a replica itself takes changes.
func (m *member) takes() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running != nil && m.running.Leads()
}

// follow returns a replica that does not lead.
func (n *trio) follow() *member {
	n.t.Helper()
	leader := n.lead()
	for _, m := range n.all {
		if m != leader && m.running != nil {
			return m
		}
	}
	panic("nobody follows")
}

// call sends a request to one replica, once.
func (m *member) call(method, path, body string, header http.Header) (*http.Response, string) {
	t := m.of.t
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, m.url()+path,
		strings.NewReader(body))
	must(t, err)
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Authorization", "Bearer "+m.of.key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer, string(text)
}
