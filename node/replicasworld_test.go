package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

// replicaPace is short, so that tests are; a busy machine makes more elections of it, not faults.
const replicaPace = 400 * time.Millisecond

// replica is one replica of a node's state: journal and state, without the node around them. Its
// journal is on a disk that forgets what was not synced.
type replica struct {
	*disk
	of      *replicas
	key     ed25519.PrivateKey
	id      journal.ReplicaID
	address string
	log     *wal.Disk
	wire    cord
	// installs counts the cuts that were taken in.
	installs atomic.Int64
	// stopped is what the machine ended with: from then on it applies nothing.
	stopped atomic.Pointer[string]
}

// cutsEvery is the number of entries between two cuts of a replica.
const cutsEvery = 40

// Apply implements journal.Machine. What would end the process ends the replica.
func (r *replica) Apply(index uint64, e journal.Entry) (results []journal.Result) {
	defer func() {
		if p := recover(); p != nil {
			said := fmt.Sprint(p)
			r.stopped.Store(&said)
			results = make([]journal.Result, len(e.Commands))
		}
	}()
	if r.stopped.Load() != nil {
		return make([]journal.Result, len(e.Commands))
	}
	results = r.state.Apply(index, e)
	if index%cutsEvery == 0 {
		if err := r.cuts.Cut(); err != nil {
			panic(err)
		}
	}
	return results
}

// Install implements journal.Cuts.
func (r *replica) Install(index uint64, dir string) error {
	r.installs.Add(1)
	return r.cuts.Install(index, dir)
}

// Kept implements journal.Cuts.
func (r *replica) Kept() []uint64 { return r.cuts.Kept() }

// Open implements journal.Cuts.
func (r *replica) Open(index uint64) ([]journal.CutFile, func(), error) {
	return r.cuts.Open(index)
}

// cord is what connects a replica with the others.
type cord struct {
	mu    sync.Mutex // guards all below
	torn  bool
	conns []net.Conn
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
	return conn, nil
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

// replicas is a node of several replicas.
type replicas struct {
	t    *testing.T
	draw *rand.Rand
	// alive guards the replicas' journals while one is ended or started.
	alive sync.RWMutex
	all   []*replica
}

func newReplicas(t *testing.T, count int) *replicas {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := &replicas{t: t, draw: rand.New(rand.NewPCG(seed, 0))}
	for i := range count {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, 32))
		r := &replica{
			disk: &disk{t: t, dir: t.TempDir()}, of: c, key: key, log: wal.NewDisk(),
			id: journal.IDOf(key.Public().(ed25519.PublicKey)),
		}
		c.all = append(c.all, r)
		r.start()
		if i == 0 {
			_, err := r.journal.Leading(t.Context())
			must(t, err)
			continue
		}
		must(t, c.lead().journal.Add(t.Context(), r.id, r.address))
		must(t, c.lead().journal.Promote(t.Context(), r.id))
	}
	return c
}

// start opens a replica's state and journal.
func (r *replica) start() {
	t, at := r.of.t, r.address
	if at == "" {
		at = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", at)
	must(t, err)
	r.address = listener.Addr().String()
	var known []journal.Replica
	for _, other := range r.of.all {
		known = append(known, journal.Replica{ID: other.id, Address: other.address})
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{
		Listener: &socket{listener, &r.wire}, Key: r.key, Known: known, Dial: r.wire.dial,
	})
	must(t, err)
	r.open()
	opened, err := journal.Open(journal.RaftConfig{
		Dir: filepath.Join(r.dir, "journal"), Machine: r, Cuts: r, Files: r.log,
		SegmentBytes: 64 << 10,
		Settings: journal.Settings{
			Node: "did:web:seoul.localhost", Rule: core.RuleVersion, Applied: r.state.Applied,
			Now:  func() int64 { return time.Now().UnixMilli() },
			Seed: func() [32]byte { return [32]byte(bytes.Repeat([]byte{byte(rand.Uint32())}, 32)) },
		},
		Cluster: &journal.Cluster{Layer: layer, Join: r != r.of.all[0], Pace: replicaPace},
	})
	must(t, err)
	r.of.alive.Lock()
	defer r.of.alive.Unlock()
	r.journal = opened
}

// kill ends a replica as a power cut does: what its journal had not synced is lost, and no cut
// is made.
func (r *replica) kill() {
	r.of.alive.Lock()
	journal := r.journal
	r.journal = nil
	r.of.alive.Unlock()
	r.wire.tear()
	r.log = r.log.Crash(r.of.draw.IntN)
	_ = journal.Close()
	must(r.of.t, r.store.Close())
	r.wire.mend()
}

// leads returns the replica that leads, nil if none does at the moment.
func (c *replicas) leads() *replica {
	c.alive.RLock()
	defer c.alive.RUnlock()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, r := range c.all {
		if r.journal == nil {
			continue
		}
		if _, err := r.journal.Leading(gone); err == nil {
			return r
		}
	}
	return nil
}

// lead waits for a leader.
func (c *replicas) lead() (leader *replica) {
	c.t.Helper()
	eventually(c.t, "a leader", func() bool {
		leader = c.leads()
		return leader != nil
	})
	return leader
}

// follow returns a replica that does not lead.
func (c *replicas) follow() *replica {
	c.t.Helper()
	leader := c.lead()
	for _, r := range c.all {
		if r != leader {
			return r
		}
	}
	panic("nobody follows")
}

func (c *replicas) close() {
	c.t.Helper()
	for _, r := range c.all {
		must(c.t, r.journal.Close())
		must(c.t, r.store.Close())
	}
}

// propose proposes on whoever leads until a command is answered. It is sent again whenever nobody
// knows its outcome.
func (c *replicas) propose(command journal.Command) (journal.Result, error) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var result journal.Result
		err := error(fault.New(fault.Unavailable, "", "nobody leads"))
		if leader := c.leads(); leader != nil {
			c.alive.RLock()
			leading := leader.journal
			c.alive.RUnlock()
			if leading != nil {
				result, err = leading.Propose(context.Background(), command)
			}
		}
		f, ok := fault.Of(err)
		if err == nil || !ok || f.Code != fault.Unavailable || time.Now().After(deadline) {
			return result, err
		}
	}
}
