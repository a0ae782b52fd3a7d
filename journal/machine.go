package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// checksumSize is the length of the CRC32C that opens each log of ours: raft-wal checks what
// it recovers at the tail, not what it reads later.
const checksumSize = 4

// seal returns the log bytes of an encoded entry.
func seal(entry []byte) []byte {
	data := make([]byte, checksumSize, checksumSize+len(entry))
	binary.BigEndian.PutUint32(data, checksum(entry))
	return append(data, entry...)
}

// open returns the entry in the bytes of a log.
func open(data []byte) (Entry, error) {
	if len(data) < checksumSize {
		return Entry{}, errors.New("journal entry without checksum")
	}
	if binary.BigEndian.Uint32(data) != checksum(data[checksumSize:]) {
		return Entry{}, errors.New("journal entry does not match its checksum")
	}
	return DecodeEntry(data[checksumSize:])
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

// flight is an entry on its way through raft, and the callers that wait for it.
type flight struct {
	entry Entry
	data  []byte
	batch []waiting
	// applied receives the results, at most once, and has room for them.
	applied chan []Result
}

// applier stands between raft and the machine: it counts the entries and decodes those that
// this process did not propose itself. Raft's FSM goroutine alone calls Apply.
type applier struct {
	machine Machine
	cut     uint64
	fail    func(error)

	state sync.RWMutex // guards all below
	// last is the index of the newest entry that was applied.
	last uint64
	// runs says where raft keeps the entries: one run for each stretch without logs of raft's
	// own in between, so about one for each start of the process.
	runs []run
	// flying holds the entries under way, by the address of their log bytes, so that an entry
	// that was encoded here is not decoded again.
	flying map[*byte]*flight
	// broken is why no more entries can be applied.
	broken error
}

// run is a stretch of entries whose indexes lie apart from raft's by one number.
type run struct{ index, raftIndex uint64 }

// Apply implements raft.FSM. When an entry cannot be read nothing is applied from there on.
func (a *applier) Apply(log *raft.Log) any {
	index, f, ok := a.next(log)
	if !ok {
		return nil
	}
	var results []Result
	if index > a.cut {
		e, err := entryOf(f, log)
		if err != nil {
			a.stop(fmt.Errorf("entry %d: %w", index, err))
			return nil
		}
		results = apply(a.machine, index, e)
	}
	a.state.Lock()
	a.last = index
	a.state.Unlock()
	if f != nil {
		f.applied <- results
	}
	return nil
}

func entryOf(f *flight, log *raft.Log) (Entry, error) {
	if f != nil {
		return f.entry, nil
	}
	return open(log.Data)
}

// next counts a log and finds its entry among those under way.
func (a *applier) next(log *raft.Log) (index uint64, f *flight, ok bool) {
	a.state.Lock()
	defer a.state.Unlock()
	if a.broken != nil {
		return 0, nil, false
	}
	index = a.last + 1
	if n := len(a.runs); n == 0 || log.Index-a.runs[n-1].raftIndex != index-a.runs[n-1].index {
		a.runs = append(a.runs, run{index: index, raftIndex: log.Index})
	}
	if len(log.Data) > 0 {
		f = a.flying[&log.Data[0]]
		delete(a.flying, &log.Data[0])
	}
	return index, f, true
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

// lastIndex returns the index of the newest applied entry and any failure to read one.
func (a *applier) lastIndex() (uint64, error) {
	a.state.RLock()
	defer a.state.RUnlock()
	return a.last, a.broken
}

// place returns raft's index of an applied entry.
func (a *applier) place(index uint64) uint64 {
	a.state.RLock()
	defer a.state.RUnlock()
	at, exact := slices.BinarySearchFunc(a.runs, index, func(r run, i uint64) int {
		return cmp.Compare(r.index, i)
	})
	if !exact {
		at--
	}
	return a.runs[at].raftIndex + index - a.runs[at].index
}

// Snapshot implements raft.FSM. It is never called: this release keeps every entry.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	return nil, errors.New("journal: no snapshots")
}

// Restore implements raft.FSM. It is never called, as there are no snapshots.
func (a *applier) Restore(io.ReadCloser) error {
	return errors.New("journal: no snapshots")
}
