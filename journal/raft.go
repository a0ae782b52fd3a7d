package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"seyfert/journal/wal"
)

// Sizes of the log's files and of what is kept in memory of it.
const (
	// SegmentBytesDefault is the usual size of one file of the log.
	SegmentBytesDefault = 64 << 20
	// SegmentBytesMax is the largest size that may be asked for.
	SegmentBytesMax = wal.SegmentBytesMax
	// RecentBytesMax bounds the newest logs that a replica of several keeps in memory.
	RecentBytesMax = 16 << 20
)

// reserveBytes is what the log's last file must still hold, beside twice the entries under way,
// while no next one can be made: what raft adds.
const reserveBytes = 64 << 10

// RaftConfig says how to open a Raft journal.
type RaftConfig struct {
	// Dir is the journal's directory, made if it is absent. One process holds it at a time.
	Dir string
	// Settings is what entries are made from.
	Settings Settings
	// Machine is what entries are applied to.
	Machine Machine
	// Cuts is where the machine keeps its state; nil means that it keeps none, and then the
	// journal keeps every entry.
	Cuts Cuts
	// Cluster is what a replica of several needs; nil means that this one is alone.
	Cluster *Cluster
	// Alone makes this replica the only member, whatever the journal says. It is for the day
	// when most of the others are lost for ever: what only they had is lost with them, and none
	// of them may come back.
	Alone bool
	// Lost, if set, is asked with Alone before anything is changed whether the other members are
	// lost; its error ends Open.
	Lost func(others []Replica) error
	// SegmentBytes is the size at which the log starts a new file, reserved ahead; zero means
	// SegmentBytesDefault. It may differ from one start to the next.
	SegmentBytes int
	// Files is where the log's files are; nil means a directory in Dir. Tests put faults in
	// here.
	Files wal.Files
}

// Raft is a journal on disk, of one replica or of several.
//
// Commands that wait are written together: one sync serves all of them, and while it runs the
// next entry gathers. Four goroutines beside raft's own: gather takes batches from the queue
// and proposes them, respond answers their callers in order, watch follows who leads and ends
// raft, keep shortens the log. Close waits for all of them.
type Raft struct {
	settings  Settings
	member    Replica
	cluster   *Cluster
	store     *store
	raft      *raft.Raft
	applier   *applier
	queue     *queue
	snapshots *snapshots
	transport *transport // nil for a replica that is alone

	flights chan *flight
	slots   chan struct{} // one value for each entry under way

	// launching is held while an entry is proposed, and by whoever wants none to be.
	launching sync.Mutex
	underWay  sync.WaitGroup // entries proposed and not answered; added to with launching held
	newest    int64          // time of the newest header made; guarded by launching
	bytes     atomic.Int64   // encoded entries proposed and not answered

	roles *roles

	failure sync.Once
	broken  chan struct{} // closed by the first failure
	failed  chan error    // has room for that failure

	answered chan struct{} // closed by respond when every caller has an answer
	halted   chan struct{} // closed by watch when raft has ended
	kept     chan struct{} // closed by keep when it has ended
	closing  sync.Once
}

// Open opens the journal, making it if it is new. A replica that is alone leads, and has applied
// every entry, when Open returns; one of several takes part then, and may be far behind.
func Open(cfg RaftConfig) (*Raft, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	j := &Raft{
		settings: cfg.Settings,
		member:   cfg.self(),
		cluster:  cfg.Cluster,
		queue:    newQueue(),
		flights:  make(chan *flight, FlightMax),
		slots:    make(chan struct{}, FlightMax),
		roles:    newRoles(),
		broken:   make(chan struct{}),
		failed:   make(chan error, 1),
		answered: make(chan struct{}),
		halted:   make(chan struct{}),
		kept:     make(chan struct{}),
	}
	var err error
	if j.store, err = openStore(cfg, j.fail); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := j.open(cfg); err != nil {
		j.disconnect()
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), j.store.close())
	}
	return j, nil
}

// complete checks a configuration and fills in what it leaves open.
func (cfg *RaftConfig) complete() error {
	if err := cfg.Settings.validate(); err != nil {
		return err
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = SegmentBytesDefault
	}
	if cfg.SegmentBytes < 0 || cfg.SegmentBytes > SegmentBytesMax {
		return fmt.Errorf("journal: segments of %d bytes", cfg.SegmentBytes)
	}
	if cfg.Cluster != nil {
		return cfg.Cluster.complete()
	}
	return nil
}

// open starts everything over an open store.
func (j *Raft) open(cfg RaftConfig) error {
	if err := os.RemoveAll(filepath.Join(cfg.Dir, incomingName)); err != nil {
		return err
	}
	opened := cfg.Settings.cut()
	j.applier = &applier{
		machine: cfg.Machine, store: j.store, cut: opened, opened: opened, fail: j.fail,
		changed: func() {}, flying: make(map[*byte]*flight, FlightMax),
	}
	if cfg.Cluster != nil {
		j.applier.changed = cfg.Cluster.Layer.refresh
	}
	j.snapshots = newSnapshots(j.store, cfg.Cuts, j.applier, filepath.Join(cfg.Dir, incomingName))
	j.applier.install = j.snapshots.install
	if err := j.snapshots.begin(j.applier.cut); err != nil {
		return err
	}
	notify := make(chan bool, notifyRoom)
	if err := j.start(cfg, notify); err != nil {
		return err
	}
	go j.gather()
	go j.respond()
	go j.watch(notify)
	go j.keep()
	if cfg.Cluster != nil {
		return nil
	}
	if err := j.awaitLead(); err != nil {
		j.queue.close()
		<-j.halted
		<-j.kept
		return err
	}
	return nil
}

// fail makes the first failure known. Nothing is written after it.
func (j *Raft) fail(err error) {
	j.failure.Do(func() {
		j.queue.close()
		j.failed <- err
		close(j.broken)
	})
}

// start starts raft, which tells each change of its leadership to notify.
func (j *Raft) start(cfg RaftConfig, notify chan<- bool) error {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(j.member.ID)
	config.CommitTimeout = commitTimeout
	config.MaxAppendEntries = appendEntriesMax
	config.ShutdownOnRemove = false
	config.NoSnapshotRestoreOnStart = true // the machine opens its newest cut by itself
	config.SnapshotInterval = snapshotInterval
	config.SnapshotThreshold = 1<<64 - 1
	config.Logger = hclog.NewNullLogger()
	config.NotifyCh = notify
	j.pace(config)
	if err := j.settle(cfg); err != nil {
		return err
	}
	transport := j.connect()
	var err error
	j.raft, err = raft.NewRaft(config, j.applier, j.store, j.store, j.snapshots, transport)
	if err != nil {
		if open, ok := transport.(raft.WithClose); ok {
			err = errors.Join(err, open.Close())
		}
		return err
	}
	if j.cluster != nil {
		j.cluster.Layer.admit(j.Replicas)
	}
	return nil
}

// settle writes into the log who the members are, where this replica alone decides that: in a
// new log, in one whose only member it is under another name or address, and with Alone.
func (j *Raft) settle(cfg RaftConfig) error {
	members, known := j.snapshots.members()
	switch {
	case !known && cfg.Cluster != nil && cfg.Cluster.Join:
		return j.store.setSelf(j.member.ID)
	case known && !cfg.Alone && !j.decides(members):
		if cfg.Cluster == nil {
			return fmt.Errorf("the journal has %d members, and no cluster is configured",
				len(members.Servers))
		}
		return j.belong(membersOf(members))
	}
	self := raft.Configuration{Servers: []raft.Server{j.member.server()}}
	if known && len(members.Servers) == 1 && members.Servers[0] == self.Servers[0] {
		return nil
	}
	if cfg.Alone && cfg.Lost != nil {
		if err := cfg.Lost(j.others(members)); err != nil {
			return err
		}
	}
	// A crash in the middle of an earlier start may have left a term and no log.
	return errors.Join(j.found(self), j.store.setSelf(j.member.ID))
}

// decides says whether this replica is the only member. One that was sent the cut of a replica
// which was alone finds one member too, and is not it: the log's store says by what name it
// took part before.
func (j *Raft) decides(members raft.Configuration) bool {
	if len(members.Servers) != 1 {
		return false
	}
	only := ReplicaID(members.Servers[0].ID)
	return only == j.member.ID || only == j.store.self()
}

// belong says whether this replica is one of the members. One that is to be added, or was and has
// not heard of it yet, need not be.
func (j *Raft) belong(members []Replica) error {
	if _, ok := find(members, j.member.ID); ok {
		return j.store.setSelf(j.member.ID)
	}
	if !j.cluster.Join {
		return fmt.Errorf("replica %s is no member: it was removed, or its key is another",
			j.member.ID)
	}
	return nil
}

// found appends a configuration to the log. Raft takes the newest one for valid at once.
func (j *Raft) found(members raft.Configuration) error {
	term, err := j.store.GetUint64([]byte(currentTermKey))
	if err != nil {
		return err
	}
	if term == 0 {
		term = 1
		if err := j.store.Log.SetUint64([]byte(currentTermKey), term); err != nil {
			return err
		}
	}
	return j.store.StoreLog(&raft.Log{
		Index: j.store.Next(), Term: term, Type: raft.LogConfiguration,
		Data: raft.EncodeConfiguration(members),
	})
}

// awaitLead waits until this replica leads and every entry is applied.
func (j *Raft) awaitLead() error {
	late := time.NewTimer(leadershipWait)
	defer late.Stop()
	select {
	case <-j.roles.elected:
	case <-j.halted:
	case <-late.C:
		j.fail(fmt.Errorf("no leadership after %v", leadershipWait))
	}
	_, err := j.Leading(context.Background())
	select {
	case failure := <-j.failed: // the reason why this replica does not lead
		return failure
	default:
		return err
	}
}

// FirstIndex returns the index of the first entry that is kept, or 0 if there is none.
func (j *Raft) FirstIndex() uint64 {
	first, _ := j.store.FirstIndex()
	if first == 0 {
		return 0
	}
	index := j.store.Commands(first-1) + 1
	if index > j.LastIndex() {
		return 0
	}
	return index
}

// LastIndex returns the index of the last applied entry, or 0 if there is none. What the machine
// held when the journal was opened was applied, also while no majority says so again.
func (j *Raft) LastIndex() uint64 {
	last, _ := j.applier.lastIndex()
	return max(last, j.applier.opened)
}

// Read calls fn for the kept entries from index from on, in order, until fn returns false or the
// entries applied when Read was called are done. From zero means from the first; an index before
// that is an error, also when it is passed while Read runs. It must not run beside Close.
func (j *Raft) Read(from uint64, fn func(index uint64, e Entry) bool) error {
	last := j.LastIndex()
	if from == 0 {
		from = max(j.FirstIndex(), 1)
	}
	for index := from; index <= last; index++ {
		at, ok := j.store.Place(index)
		if !ok {
			return fmt.Errorf("read entry %d: the journal begins at %d", index, j.FirstIndex())
		}
		var log raft.Log
		if err := j.store.GetLog(at, &log); err != nil {
			return fmt.Errorf("read entry %d: %w", index, err)
		}
		e, err := DecodeEntry(log.Data)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", index, err)
		}
		if !fn(index, e) {
			return nil
		}
	}
	return nil
}

// Failed returns a channel that delivers the first failure of the disk or of the log. The
// journal takes no commands from then on, and the process must stop: what the disk holds is
// known only after a new start.
func (j *Raft) Failed() <-chan error { return j.failed }

// Close takes no more commands, waits until everything that waits is carried out and answered,
// hands leadership over if there is another replica to take it, and releases the directory.
// Only the first call closes.
func (j *Raft) Close() error {
	err := error(errStopped)
	j.closing.Do(func() {
		j.queue.close()
		<-j.answered
		<-j.halted
		<-j.kept
		err = j.store.close()
	})
	return err
}

// Times of a replica that is alone: it elects itself, so it need not wait for anybody. It leads
// some 40 ms after its start.
const (
	aloneTimeout = 20 * time.Millisecond
	// commitTimeout is how long raft leaves the others without word of what is committed.
	commitTimeout = 10 * time.Millisecond
	// leadershipWait is how long Open waits for leadership on a machine that is busy.
	leadershipWait = 30 * time.Second
	// snapshotInterval is how often raft asks itself whether to make a snapshot; with the
	// threshold at its maximum the answer is always no.
	snapshotInterval = 24 * time.Hour
)
