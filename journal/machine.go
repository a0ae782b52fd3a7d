package journal

import (
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"
)

// flight is an entry on its way through raft, and the callers that wait for it.
type flight struct {
	entry Entry
	data  []byte
	batch []waiting
	// refused says why the entry was never proposed.
	refused error
	// applied receives the results, at most once, and has room for them. over is closed when
	// the leadership ends in which the entry was proposed.
	applied chan []Result
	over    <-chan struct{}
}

// applier stands between raft and the machine: it numbers the entries and decodes those that
// this process did not propose itself. Raft's FSM goroutine alone calls Apply and Restore.
type applier struct {
	machine Machine
	store   *store
	cut     uint64
	fail    func(error)
	// opened is the newest entry that the machine held when the journal was opened.
	opened uint64
	// install takes in the cut that another replica sent; changed is told when other members
	// are in force.
	install func() (index uint64, at int64, err error)
	changed func()

	state sync.Mutex // guards all below
	// last is the index of the newest entry that was applied, time that of its header.
	last uint64
	time int64
	// grown, if anybody waits for it, is closed when last grows.
	grown chan struct{}
	// flying holds the entries under way, by the address of their log bytes, so that an entry
	// that was encoded here is not decoded again.
	flying map[*byte]*flight
	// broken is why no more entries can be applied.
	broken error
}

// Apply implements raft.FSM. When an entry cannot be read nothing is applied from there on.
func (a *applier) Apply(log *raft.Log) any {
	index := a.store.Commands(log.Index)
	f, ok := a.next(log)
	if !ok {
		return nil
	}
	var results []Result
	at := int64(0)
	if index > a.cut {
		e, err := entryOf(f, log)
		if err != nil {
			a.stop(fmt.Errorf("entry %d: %w", index, err))
			return nil
		}
		results, at = apply(a.machine, index, e), e.Header.Time
	}
	a.reach(index, at)
	if f != nil {
		f.applied <- results
	}
	return nil
}

func entryOf(f *flight, log *raft.Log) (Entry, error) {
	if f != nil {
		return f.entry, nil
	}
	return DecodeEntry(log.Data)
}

// next finds a log's entry among those under way. ok is false once nothing is applied any more.
func (a *applier) next(log *raft.Log) (f *flight, ok bool) {
	a.state.Lock()
	defer a.state.Unlock()
	if len(log.Data) > 0 {
		f = a.flying[&log.Data[0]]
		delete(a.flying, &log.Data[0])
	}
	return f, a.broken == nil
}

// reach notes the newest applied entry and the time in its header.
func (a *applier) reach(index uint64, at int64) {
	a.state.Lock()
	defer a.state.Unlock()
	a.last, a.time = index, max(a.time, at)
	if a.grown != nil {
		close(a.grown)
		a.grown = nil
	}
}

func (a *applier) stop(err error) {
	a.state.Lock()
	a.broken = err
	a.state.Unlock()
	a.fail(err)
}

// expect announces an entry before it is proposed.
func (a *applier) expect(f *flight) {
	a.state.Lock()
	defer a.state.Unlock()
	a.flying[&f.data[0]] = f
}

// forget is told that nobody waits for the entries under way any more.
func (a *applier) forget() {
	a.state.Lock()
	defer a.state.Unlock()
	clear(a.flying)
}

// lastIndex returns the index of the newest applied entry and any failure to read one.
func (a *applier) lastIndex() (uint64, error) {
	a.state.Lock()
	defer a.state.Unlock()
	return a.last, a.broken
}

// newestTime returns the latest time in a header that was applied.
func (a *applier) newestTime() int64 {
	a.state.Lock()
	defer a.state.Unlock()
	return a.time
}

// growth returns a channel that is closed when more is applied than now, and how far that is.
func (a *applier) growth() (uint64, <-chan struct{}) {
	a.state.Lock()
	defer a.state.Unlock()
	if a.grown == nil {
		a.grown = make(chan struct{})
	}
	return a.last, a.grown
}

// StoreConfiguration implements raft.ConfigurationStore.
func (a *applier) StoreConfiguration(uint64, raft.Configuration) { a.changed() }

// Snapshot implements raft.FSM. It is never called: the machine makes cuts by itself, and the
// snapshots of this replica are those.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) { return nil, errNoSnapshot }

// Restore implements raft.FSM: it takes in the cut that another replica sent. What the reader
// holds is only its name.
func (a *applier) Restore(name io.ReadCloser) error {
	defer name.Close()
	index, at, err := a.install()
	if err != nil {
		err = fmt.Errorf("take in the state of another replica: %w", err)
		a.stop(err)
		return err
	}
	a.cut = index
	a.reach(index, at)
	return nil
}
