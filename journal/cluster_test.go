package journal_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

// pace is short, so that tests are; a busy machine makes more elections of it, not faults.
const pace = 300 * time.Millisecond

// keeper is a machine that carries out each command id once, and keeps cuts.
type keeper struct {
	dir   string
	every uint64 // entries between two cuts, 0 for none
	// quiet makes it keep nothing, for benchmarks.
	quiet atomic.Bool

	state sync.Mutex // guards all below
	held  keeperState
	cuts  []uint64
	ids   map[[16]byte]bool
	// paused, if set, is waited for before each entry.
	paused chan struct{}
	// installs counts the cuts of other replicas that were taken in; installed, if set, is called
	// after each.
	installs  int
	installed func()
	// faults are what goes wrong with the next cuts that are sent, one after the other.
	faults []func(files *[]journal.CutFile)
}

// keeperState is what a cut holds.
type keeperState struct {
	Index  uint64
	Time   int64
	Bodies []string // of commands that were carried out, in order
	IDs    [][16]byte
}

func (k *keeper) Apply(index uint64, e journal.Entry) []journal.Result {
	if k.quiet.Load() {
		return make([]journal.Result, len(e.Commands))
	}
	k.state.Lock()
	paused := k.paused
	k.state.Unlock()
	if paused != nil {
		<-paused
	}
	k.state.Lock()
	defer k.state.Unlock()
	if index != k.held.Index+1 {
		panic(fmt.Sprintf("entry %d after %d", index, k.held.Index))
	}
	if e.Header.Time < k.held.Time {
		panic(fmt.Sprintf("entry %d at %d after %d", index, e.Header.Time, k.held.Time))
	}
	k.held.Index, k.held.Time = index, e.Header.Time
	results := make([]journal.Result, len(e.Commands))
	for i, c := range e.Commands {
		results[i] = journal.Result{Body: slices.Clone(c.Body), Replayed: k.ids[c.ID]}
		if results[i].Replayed {
			continue
		}
		if c.ID != [16]byte{} {
			k.ids[c.ID] = true
			k.held.IDs = append(k.held.IDs, c.ID)
		}
		k.held.Bodies = append(k.held.Bodies, string(c.Body))
	}
	if k.every > 0 && index%k.every == 0 {
		k.cut()
	}
	return results
}

// cut writes a cut and removes all but two. The caller holds state.
func (k *keeper) cut() {
	data, err := json.Marshal(k.held)
	if err == nil {
		err = os.WriteFile(k.path(k.held.Index), data, 0o600)
	}
	if err != nil {
		panic(err)
	}
	k.cuts = append(k.cuts, k.held.Index)
	for len(k.cuts) > 2 {
		_ = os.Remove(k.path(k.cuts[0]))
		k.cuts = k.cuts[1:]
	}
}

func (k *keeper) path(index uint64) string {
	return filepath.Join(k.dir, fmt.Sprintf("%020d", index))
}

// Kept implements journal.Cuts.
func (k *keeper) Kept() []uint64 {
	k.state.Lock()
	defer k.state.Unlock()
	return slices.Clone(k.cuts)
}

// Open implements journal.Cuts.
func (k *keeper) Open(index uint64) ([]journal.CutFile, func(), error) {
	k.state.Lock()
	defer k.state.Unlock()
	// A copy stays whatever becomes of the cut.
	kept := k.path(index) + ".sent"
	data, err := os.ReadFile(k.path(index))
	if err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(kept, append(data, "more than the cut"...), 0o600); err != nil {
		return nil, nil, err
	}
	files := []journal.CutFile{
		{Name: "state/all", Path: kept, Size: int64(len(data))},
		{Name: "state/nothing", Path: kept, Size: 0},
	}
	if len(k.faults) > 0 {
		k.faults[0](&files)
		k.faults = k.faults[1:]
	}
	return files, func() {}, nil
}

// Install implements journal.Cuts.
func (k *keeper) Install(index uint64, dir string) error {
	k.state.Lock()
	defer k.state.Unlock()
	if err := os.Rename(filepath.Join(dir, "state", "all"), k.path(index)); err != nil {
		return err
	}
	k.cuts = []uint64{index}
	k.installs++
	if k.installed != nil {
		k.installed()
	}
	return k.load(index)
}

// load puts the machine onto a cut. The caller holds state.
func (k *keeper) load(index uint64) error {
	data, err := os.ReadFile(k.path(index))
	if err != nil {
		return err
	}
	k.held, k.ids = keeperState{}, map[[16]byte]bool{}
	if err := json.Unmarshal(data, &k.held); err != nil {
		return err
	}
	for _, id := range k.held.IDs {
		k.ids[id] = true
	}
	if k.held.Index != index {
		return fmt.Errorf("the cut at %d is one at %d", index, k.held.Index)
	}
	return nil
}

// openKeeper opens a machine at its newest cut.
func openKeeper(tb testing.TB, dir string, every uint64) *keeper {
	tb.Helper()
	k := &keeper{dir: dir, every: every, ids: map[[16]byte]bool{}}
	mustMkdir(tb, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, entry := range entries {
		var index uint64
		if n, _ := fmt.Sscanf(entry.Name(), "%d", &index); n == 1 && len(entry.Name()) == 20 {
			k.cuts = append(k.cuts, index)
		}
	}
	if n := len(k.cuts); n > 0 {
		if err := k.load(k.cuts[n-1]); err != nil {
			tb.Fatal(err)
		}
	}
	return k
}

func (k *keeper) applied() uint64 {
	k.state.Lock()
	defer k.state.Unlock()
	return k.held.Index
}

func (k *keeper) bodies() []string {
	k.state.Lock()
	defer k.state.Unlock()
	return slices.Clone(k.held.Bodies)
}

// pause holds the machine before its next entry until the returned function is called.
func (k *keeper) pause() (resume func()) {
	k.state.Lock()
	defer k.state.Unlock()
	paused := make(chan struct{})
	k.paused = paused
	return func() {
		k.state.Lock()
		k.paused = nil
		k.state.Unlock()
		close(paused)
	}
}

// replica is one replica of a cluster in this process, with a disk and lines of its own.
type replica struct {
	*journal.Raft
	cluster *cluster
	key     ed25519.PrivateKey
	id      journal.ReplicaID
	address string
	dir     string
	disk    *wal.Disk
	machine *keeper
	layer   *journal.TLSLayer
	lines   lines
	// ahead is how much its clock is ahead of the others'.
	ahead int64
	// alone is journal.RaftConfig.Alone.
	alone bool
}

// cluster is some replicas and what was asked of them.
type cluster struct {
	tb       testing.TB
	draw     *rand.Rand
	every    uint64
	replicas []*replica
	// inDirectories keeps the logs on the disk of this machine.
	inDirectories bool
}

func newCluster(tb testing.TB, every uint64) *cluster {
	seed := rand.Uint64()
	tb.Logf("seed %d", seed)
	return &cluster{tb: tb, draw: rand.New(rand.NewPCG(seed, 0)), every: every}
}

// cutEvery has all replicas make cuts from now on.
func (c *cluster) cutEvery(entries uint64) {
	c.every = entries
	for _, r := range c.replicas {
		r.machine.state.Lock()
		r.machine.every = entries
		r.machine.state.Unlock()
	}
}

// mustGrow makes a cluster of so many voters.
func (c *cluster) mustGrow(voters int) {
	c.tb.Helper()
	for range voters {
		c.mustJoin()
	}
}

// mustMake makes a replica that has not started.
func (c *cluster) mustMake(dir string, disk *wal.Disk) *replica {
	c.tb.Helper()
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], c.draw.Uint64())
	key := ed25519.NewKeyFromSeed(seed[:])
	r := &replica{
		cluster: c, key: key, id: journal.IDOf(key.Public().(ed25519.PublicKey)),
		dir: dir, disk: disk, ahead: c.draw.Int64N(1000),
	}
	c.replicas = append(c.replicas, r)
	c.tb.Cleanup(func() {
		if r.Raft != nil {
			_ = r.Raft.Close()
		}
	})
	return r
}

// mustJoin adds a replica, as a voter.
func (c *cluster) mustJoin() *replica {
	c.tb.Helper()
	r := c.mustMake(c.tb.TempDir(), wal.NewDisk())
	r.mustStart()
	if len(c.replicas) == 1 {
		if _, err := r.Leading(c.tb.Context()); err != nil {
			c.tb.Fatal(err)
		}
		return r
	}
	c.mustLead(func(leader *replica) error { return leader.Add(c.tb.Context(), r.id, r.address) })
	c.catchUp(r)
	c.mustLead(func(leader *replica) error { return leader.Promote(c.tb.Context(), r.id) })
	return r
}

// mustLead does something on the leader, again if leadership changes meanwhile.
func (c *cluster) mustLead(do func(leader *replica) error) {
	c.tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := do(c.leader())
		if err == nil {
			return
		}
		f, ok := fault.Of(err)
		if !ok || f.Code != fault.Unavailable && f.Code != fault.Refused ||
			time.Now().After(deadline) {
			c.tb.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// leader waits for a leader.
func (c *cluster) leader() *replica {
	c.tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		for _, r := range c.replicas {
			if r.Raft == nil {
				continue
			}
			ctx, cancel := context.WithTimeout(c.tb.Context(), time.Millisecond)
			_, err := r.Leading(ctx)
			cancel()
			if err == nil {
				return r
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.tb.Fatal("nobody leads")
	return nil
}

// follower returns a replica that does not lead.
func (c *cluster) follower() *replica {
	c.tb.Helper()
	leader := c.leader()
	for _, r := range c.replicas {
		if r != leader && r.Raft != nil {
			return r
		}
	}
	c.tb.Fatal("nobody follows")
	return nil
}

// catchUp waits until a replica has applied what is acknowledged by now.
func (c *cluster) catchUp(r *replica) {
	c.tb.Helper()
	var index uint64
	c.mustLead(func(leader *replica) (err error) {
		index, err = leader.Barrier(c.tb.Context())
		return err
	})
	ctx, cancel := context.WithTimeout(c.tb.Context(), 30*time.Second)
	defer cancel()
	if err := r.WaitApplied(ctx, index); err != nil {
		c.tb.Fatalf("replica at %d, wanted %d: %v", r.LastIndex(), index, err)
	}
}

// mustStart starts a replica, or starts it again.
func (r *replica) mustStart() {
	tb := r.cluster.tb
	tb.Helper()
	at := r.address
	if at == "" {
		// An address of its own within the loopback network: nobody else takes the port while
		// the replica is away.
		draw := r.cluster.draw
		at = fmt.Sprintf("127.%d.%d.%d:0", 1+draw.IntN(250), draw.IntN(250), 1+draw.IntN(250))
	}
	socket, err := net.Listen("tcp", at)
	if err != nil {
		tb.Fatal(err)
	}
	r.address = socket.Addr().String()
	var known []journal.Replica
	for _, other := range r.cluster.replicas {
		known = append(known, journal.Replica{ID: other.id, Address: other.address})
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{
		Listener: &line{Listener: socket, lines: &r.lines}, Key: r.key, Known: known,
		Dial: r.lines.dial,
	})
	if err != nil {
		tb.Fatal(err)
	}
	r.layer = layer
	r.machine = openKeeper(tb, filepath.Join(r.dir, "state"), r.cluster.every)
	s := settings(r.machine.applied())
	s.Now = func() int64 { return time.Now().UnixMilli() + r.ahead }
	cfg := journal.RaftConfig{
		Dir: filepath.Join(r.dir, "journal"), Settings: s, Machine: r.machine, Cuts: r.machine,
		SegmentBytes: 64 << 10, Files: r.disk, Alone: r.alone,
		Cluster: &journal.Cluster{
			Layer: layer, Join: r != r.cluster.replicas[0], Pace: pace,
		},
	}
	if r.cluster.inDirectories {
		cfg.Files, cfg.SegmentBytes = nil, 0
	}
	r.Raft, err = journal.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
}

// mustStop ends a replica in good order.
func (r *replica) mustStop() {
	r.cluster.tb.Helper()
	mustClose(r.cluster.tb, r.Raft)
	r.Raft = nil
}

// kill ends a replica as a power cut does.
func (r *replica) kill() {
	r.lines.cut()
	r.disk = r.disk.Crash(r.cluster.draw.IntN)
	_ = r.Raft.Close()
	r.Raft = nil
	r.lines.mend()
}
