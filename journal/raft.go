package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// Times of a cluster of one: it elects itself, so it need not wait for anybody. It leads some
// 40 ms after its start.
const (
	electionTimeout = 20 * time.Millisecond
	commitTimeout   = 10 * time.Millisecond
	// leadershipWait is how long Open waits for leadership on a machine that is busy.
	leadershipWait = 30 * time.Second
	// snapshotInterval is how often raft asks itself whether to make a snapshot; with the
	// threshold at its maximum the answer is always no.
	snapshotInterval = 24 * time.Hour
)

// Sizes of the log's files.
const (
	// SegmentBytesDefault is the usual size of one file of the log.
	SegmentBytesDefault = 64 << 20
	// SegmentBytesMax is the largest size that may be asked for.
	SegmentBytesMax = 1 << 30
)

// voterID names the one voter. Its address is within the process.
const voterID = "voter-1"

// RaftConfig says how to open a Raft journal.
type RaftConfig struct {
	// Dir is the journal's directory, made if it is absent. One process holds it at a time.
	Dir string
	// Settings is what entries are made from.
	Settings Settings
	// Machine is what entries are applied to.
	Machine Machine
	// SegmentBytes is the size at which the log starts a new file, reserved ahead; zero means
	// SegmentBytesDefault. It may differ from one start to the next.
	SegmentBytes int
	// Files is the file system of the log's segments; nil means the operating system's. Tests
	// put faults in here.
	Files types.VFS
}

// Raft is a journal on disk.
//
// Commands that wait are written together: one sync serves all of them, and while it runs the
// next entry gathers. Three goroutines beside raft's own: gather takes batches from the queue
// and proposes them, respond answers their callers in order, watch ends raft. Close waits for
// all of them.
type Raft struct {
	settings Settings
	store    *store
	raft     *raft.Raft
	applier  *applier
	queue    *queue

	flights chan *flight
	slots   chan struct{} // one value for each entry under way

	failure sync.Once
	broken  chan struct{} // closed by the first failure
	failed  chan error    // has room for that failure

	answered chan struct{} // closed by respond when every caller has an answer
	halted   chan struct{} // closed by watch when raft has ended
	closing  sync.Once
}

// Open opens the journal, making it if it is new, and returns once this node leads and every
// entry after the machine's cut is applied.
func Open(cfg RaftConfig) (*Raft, error) {
	if err := cfg.Settings.validate(); err != nil {
		return nil, err
	}
	if cfg.SegmentBytes < 0 || cfg.SegmentBytes > SegmentBytesMax {
		return nil, fmt.Errorf("journal: segments of %d bytes", cfg.SegmentBytes)
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = SegmentBytesDefault
	}
	if cfg.Files == nil {
		cfg.Files = fs.New()
	}
	j := &Raft{
		settings: cfg.Settings,
		queue:    newQueue(),
		flights:  make(chan *flight, FlightMax),
		slots:    make(chan struct{}, FlightMax),
		broken:   make(chan struct{}),
		failed:   make(chan error, 1),
		answered: make(chan struct{}),
		halted:   make(chan struct{}),
	}
	j.applier = &applier{
		machine: cfg.Machine,
		cut:     cfg.Settings.cut(),
		fail:    j.fail,
		flying:  make(map[*byte]*flight, FlightMax),
	}
	store, err := openStore(cfg, j.fail)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j.store = store
	leading := make(chan bool, 1)
	if err := j.start(leading); err != nil {
		if j.raft != nil {
			err = errors.Join(err, j.raft.Shutdown().Error())
		}
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), j.store.close())
	}
	go j.gather()
	go j.respond()
	go j.watch(leading)
	return j, nil
}

// fail makes the first failure known. Nothing is written after it.
func (j *Raft) fail(err error) {
	j.failure.Do(func() {
		j.queue.close()
		j.failed <- err
		close(j.broken)
	})
}

// start runs raft until it leads and has applied everything. Leading is told each change.
func (j *Raft) start(leading chan bool) error {
	config := raft.DefaultConfig()
	config.LocalID = voterID
	config.HeartbeatTimeout = electionTimeout
	config.ElectionTimeout = electionTimeout
	config.LeaderLeaseTimeout = electionTimeout
	config.CommitTimeout = commitTimeout
	config.SnapshotInterval = snapshotInterval
	config.SnapshotThreshold = math.MaxUint64
	config.Logger = hclog.NewNullLogger()
	config.NotifyCh = leading

	address, transport := raft.NewInmemTransport(voterID)
	snapshots := raft.NewDiscardSnapshotStore()
	if err := j.bootstrap(config, snapshots, transport, address); err != nil {
		return err
	}
	var err error
	j.raft, err = raft.NewRaft(config, j.applier, j.store, j.store, snapshots, transport)
	if err != nil {
		return err
	}
	late := time.NewTimer(leadershipWait)
	defer late.Stop()
	select {
	case <-leading:
	case err := <-j.failed:
		return err
	case <-late.C:
		return fmt.Errorf("no leadership after %v", leadershipWait)
	}
	if err := j.raft.Barrier(0).Error(); err != nil {
		select {
		case failure := <-j.failed: // the reason why raft no longer leads
			return failure
		default:
			return err
		}
	}
	last, err := j.applier.lastIndex()
	if err == nil && last < j.applier.cut {
		err = beyondEnd(j.applier.cut, last)
	}
	return err
}

// bootstrap writes the cluster of one into a new log.
func (j *Raft) bootstrap(
	config *raft.Config, snapshots raft.SnapshotStore, transport raft.Transport,
	address raft.ServerAddress,
) error {
	last, err := j.store.LastIndex()
	if err != nil || last > 0 {
		return err
	}
	// A crash in the middle of an earlier bootstrap leaves a term and no log. Raft would take
	// that for a member of a cluster it no longer knows and wait for ever.
	if err := j.store.SetUint64([]byte(currentTermKey), 0); err != nil {
		return err
	}
	return raft.BootstrapCluster(config, j.store, j.store, snapshots, transport,
		raft.Configuration{Servers: []raft.Server{{ID: voterID, Address: address}}})
}

// Propose writes the command, together with whatever else waits, and returns what the machine
// answered, after the entry is synced and applied. The body must not be changed afterwards.
// When ctx ends only the waiting ends: the command may still be carried out. An error is a
// *fault.Error (invalid, too large, too many, unavailable), or comes from ctx; a command that
// the machine refuses is a result with a Fault, not an error.
func (j *Raft) Propose(ctx context.Context, c Command) (Result, error) {
	if refused := c.validate(); refused != nil {
		return Result{}, refused
	}
	if ctx.Err() != nil {
		return Result{}, waitError(ctx)
	}
	outcome, err := j.queue.add(c.normal())
	if err != nil {
		return Result{}, err
	}
	select {
	case a := <-outcome:
		return a.result, a.err
	case <-ctx.Done():
	}
	return Result{}, waitError(ctx)
}

// gather turns what waits into entries until the queue is closed and empty.
func (j *Raft) gather() {
	defer close(j.flights)
	budget := EntryBytesMax - headerBytesMax - len(j.settings.Node)
	for {
		// The slot comes first: while none is free the batch grows.
		j.slots <- struct{}{}
		batch := j.queue.take(budget)
		if len(batch) == 0 {
			return
		}
		f := &flight{batch: batch, applied: make(chan []Result, 1)}
		if !j.isBroken() {
			j.launch(f)
		}
		j.flights <- f
	}
}

func (j *Raft) isBroken() bool {
	select {
	case <-j.broken:
		return true
	default:
		return false
	}
}

// launch makes an entry of the batch and proposes it.
func (j *Raft) launch(f *flight) {
	f.entry = Entry{Header: j.settings.header(), Commands: make([]Command, len(f.batch))}
	for i := range f.batch {
		f.entry.Commands[i] = f.batch[i].command
	}
	f.data = seal(f.entry.Encode())
	j.applier.expect(f)
	// The outcome comes from the applier. Raft's own answer is not waited for: it can stay
	// away for ever when raft ends, and any error of it ends raft, which watch sees.
	j.raft.Apply(f.data, 0)
}

// respond answers the callers of each entry, in order, until gather has ended.
func (j *Raft) respond() {
	defer close(j.answered)
	for f := range j.flights {
		results, err := j.outcome(f)
		for i, w := range f.batch {
			if err != nil {
				w.answer <- answer{err: err}
			} else {
				w.answer <- answer{result: results[i]}
			}
		}
		<-j.slots
	}
}

// outcome waits until an entry is applied, or certain never to be.
func (j *Raft) outcome(f *flight) ([]Result, error) {
	if f.data == nil {
		return nil, errStopped
	}
	select {
	case results := <-f.applied:
		return results, nil
	case <-j.halted:
	}
	select {
	case results := <-f.applied:
		return results, nil
	default:
		return nil, errUnknown
	}
}

// watch ends raft after the first failure, or when Close has seen every caller answered.
func (j *Raft) watch(leading <-chan bool) {
	defer close(j.halted)
	select {
	case <-j.answered:
	case <-j.broken:
	case <-leading:
		// A single voter gives up leadership only when its store fails.
		j.fail(errors.New("journal: leadership was lost"))
	}
	if err := j.raft.Shutdown().Error(); err != nil {
		j.fail(fmt.Errorf("journal: end raft: %w", err))
	}
}

// FirstIndex returns the index of the first entry, or 0 if there is none.
func (j *Raft) FirstIndex() uint64 { return min(j.LastIndex(), 1) }

// LastIndex returns the index of the last applied entry, or 0 if there is none.
func (j *Raft) LastIndex() uint64 {
	last, _ := j.applier.lastIndex()
	return last
}

// Read calls fn for the entries from index from on, in order, until fn returns false or the
// entries applied when Read was called are done. From zero means from the first. It must not
// run beside Close.
func (j *Raft) Read(from uint64, fn func(index uint64, e Entry) bool) error {
	last := j.LastIndex()
	for index := max(from, 1); index <= last; index++ {
		var log raft.Log
		if err := j.store.GetLog(j.applier.place(index), &log); err != nil {
			return fmt.Errorf("read entry %d: %w", index, err)
		}
		e, err := open(log.Data)
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

// Close takes no more commands, waits until everything that waits is carried out and
// answered, and releases the directory. Only the first call closes.
func (j *Raft) Close() error {
	err := error(errStopped)
	j.closing.Do(func() {
		j.queue.close()
		<-j.answered
		<-j.halted
		err = j.store.close()
	})
	return err
}
