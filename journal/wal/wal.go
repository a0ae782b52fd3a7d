// Package wal is raft's log on disk: the logs, raft's own few values, and nothing else, in files
// that are filled with zeros before they are written.
//
// It exists beside the log that comes with the library for three reasons. With several voters a
// replica must drop logs that another leader overruled, and still be able to start afterwards.
// Every byte is checked when it is read, and what a power cut interrupted is told from what a
// disk changed, exactly, so that the one is repaired and the other refused. And overwriting
// zeros costs a sync no change of the file system's own records.
//
// # Layout
//
// A segment is a file of sectors of 512 bytes: 500 of payload, a CRC-32C over everything else
// that starts from the sector's number, the sequence of the write in 7 bytes, and a mark that
// is never zero. One write takes whole sectors, none of which was written before, and all
// of which bear its sequence; the next write has the next sequence and begins only after this
// one is synced. So when a log is opened, a sector behind the last whole write
//
//   - is all zeros: it was never written;
//   - fits its checksum and bears the next sequence: its write was interrupted, and is wiped;
//   - has a zero for a mark: it was written in part, and is wiped likewise;
//   - bears a later sequence, or a mark and no fitting checksum: the disk lost or changed bytes
//     that were synced. The log is not opened.
//
// A write's payload is a header and records: logs, values, where the log begins now, where it
// was cut, and, first in each segment, the state before it. Old segments can therefore go
// without any other record than the one that moves the beginning.
//
// The log counts the commands among raft's logs, because the journal numbers its entries so:
// what raft writes for itself has no number.
package wal

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
)

// Sizes of a log.
const (
	// SegmentBytesMin is the smallest segment size that may be asked for.
	SegmentBytesMin = 8 << 10
	// SegmentBytesMax is the largest one.
	SegmentBytesMax = 1 << 30
	// WriteBytesMax bounds the logs of one write; more are written one after the other.
	WriteBytesMax = 16 << 20
	// RecordBytesMax bounds one log or value.
	RecordBytesMax = 16 << 20
)

// firstSegmentBytes is the size of a log's first segment, where that is less than the asked
// size: each has twice the size of the one before, so that a small log is a small file.
const firstSegmentBytes = 1 << 20

// ErrDamaged says that bytes which were synced are not what was written, or are gone.
var ErrDamaged = errors.New("damaged")

// errClosed answers whatever comes after Close.
var errClosed = errors.New("the log is closed")

// Config says how to open a log.
type Config struct {
	// Files is the directory that holds the log alone.
	Files Files
	// SegmentBytes is the size at which a new file is begun. It may differ from one opening to
	// the next.
	SegmentBytes int
	// RecentBytes bounds the newest logs, which are kept in memory too: other replicas are sent
	// them, and a replica that follows applies them.
	RecentBytes int
}

// Log is raft's log. It implements raft.LogStore, raft.MonotonicLogStore and raft.StableStore,
// and is safe for concurrent use. After the first failed write or sync it takes nothing more:
// what the disk holds is known only after it was opened again.
type Log struct {
	files Files
	limit int64 // usual size of a segment

	dropping sync.Mutex // held while segments are removed, so that the oldest goes first

	writing sync.Mutex // held by the one who writes; taken after dropping; guards the three below
	broken  error
	pack    packer
	next    *preparer

	state sync.RWMutex // guards all below; written only with writing held too
	segs  []*segment   // oldest first; the last one is written to
	logs  logs
	store map[string][]byte
	late  recent
}

// Open opens the log in a directory, making it if there is none, and repairs what an interrupted
// write left behind. An error that is ErrDamaged says where.
func Open(cfg Config) (*Log, error) {
	if cfg.SegmentBytes < SegmentBytesMin || cfg.SegmentBytes > SegmentBytesMax {
		return nil, fmt.Errorf("wal: segments of %d bytes", cfg.SegmentBytes)
	}
	l := &Log{files: cfg.Files, limit: int64(cfg.SegmentBytes), store: map[string][]byte{}}
	l.late.bytesMax = cfg.RecentBytes
	prepared, err := l.recover()
	if err != nil {
		return nil, errors.Join(err, closeAll(l.segs))
	}
	l.next = newPreparer(l.files, prepared)
	if len(l.segs) == 0 {
		l.next.want(1, min(firstSegmentBytes, l.limit))
		first, err := l.next.take()
		if err != nil {
			return nil, errors.Join(err, l.next.close())
		}
		first.base = 1
		l.segs, l.logs = []*segment{first}, newLogs(1, 0)
	}
	l.wantNext()
	return l, nil
}

// wantNext has the segment after the last one prepared.
func (l *Log) wantNext() {
	tail := l.segs[len(l.segs)-1]
	l.next.want(tail.number+1, min(2*tail.size, l.limit))
}

// FirstIndex implements raft.LogStore.
func (l *Log) FirstIndex() (uint64, error) {
	l.state.RLock()
	defer l.state.RUnlock()
	if l.logs.empty() {
		return 0, nil
	}
	return l.logs.first, nil
}

// LastIndex implements raft.LogStore.
func (l *Log) LastIndex() (uint64, error) {
	l.state.RLock()
	defer l.state.RUnlock()
	if l.logs.empty() {
		return 0, nil
	}
	return l.logs.next - 1, nil
}

// Next returns the index that the next log must have.
func (l *Log) Next() uint64 {
	l.state.RLock()
	defer l.state.RUnlock()
	return l.logs.next
}

// IsMonotonic implements raft.MonotonicLogStore.
func (l *Log) IsMonotonic() bool { return true }

// Commands returns how many logs up to an index are commands, counted from raft's first. Of an
// index before the kept logs it knows only the one right before them.
func (l *Log) Commands(index uint64) uint64 {
	l.state.RLock()
	defer l.state.RUnlock()
	return l.logs.commandsAt(index)
}

// Place returns raft's index of a command, by its count from 1; ok says that the log is kept.
func (l *Log) Place(command uint64) (index uint64, ok bool) {
	l.state.RLock()
	defer l.state.RUnlock()
	index = l.logs.place(command)
	return index, index >= l.logs.first && index < l.logs.next
}

// Other returns the index of the newest kept log, up to an index, that is no command; 0 if none
// is.
func (l *Log) Other(index uint64) uint64 {
	l.state.RLock()
	defer l.state.RUnlock()
	return l.logs.other(index)
}

// GetLog implements raft.LogStore. What it gives must not be changed.
func (l *Log) GetLog(index uint64, log *raft.Log) error {
	l.state.RLock()
	defer l.state.RUnlock()
	if index < l.logs.first || index >= l.logs.next {
		return raft.ErrLogNotFound
	}
	if kept := l.late.find(index); kept != nil {
		*log = *kept
		return nil
	}
	s := l.holder(index)
	record, err := s.read(s.places[index-s.base])
	if err != nil {
		return fmt.Errorf("read log %d: %w", index, err)
	}
	*log = record.log(index)
	return nil
}

// holder returns the segment that holds a log. The caller holds state and knows that one does.
func (l *Log) holder(index uint64) *segment {
	low, high := 0, len(l.segs)-1
	for low < high { // the last one that begins at or before index
		middle := (low + high + 1) / 2
		if l.segs[middle].base <= index {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return l.segs[low]
}

// StoreLog implements raft.LogStore.
func (l *Log) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

// StoreLogs implements raft.LogStore: it returns after the logs are synced. They follow on one
// another and on the last one that is kept.
func (l *Log) StoreLogs(logs []*raft.Log) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for len(logs) > 0 {
		count, size := 0, 0
		for count < len(logs) && (count == 0 || size < WriteBytesMax) {
			if want := l.logs.next + uint64(count); logs[count].Index != want {
				return fmt.Errorf("store log %d where %d is due", logs[count].Index, want)
			}
			length := len(logs[count].Data) + len(logs[count].Extensions)
			if length > RecordBytesMax {
				return fmt.Errorf("store log %d: %d bytes", logs[count].Index, length)
			}
			size += length
			count++
		}
		if err := l.storeSome(logs[:count]); err != nil {
			return fmt.Errorf("store logs: %w", err)
		}
		logs = logs[count:]
	}
	return nil
}

func (l *Log) storeSome(logs []*raft.Log) error {
	places := make([]place, len(logs))
	err := l.write(func(p *packer) {
		for i, log := range logs {
			places[i] = p.log(log)
		}
	})
	if err != nil {
		return err
	}
	l.state.Lock()
	defer l.state.Unlock()
	tail := l.segs[len(l.segs)-1]
	for i, log := range logs {
		tail.places = append(tail.places, places[i])
		l.logs.add(log.Type == raft.LogCommand)
		l.late.add(log)
	}
	return nil
}

// Short returns why the next segment cannot be made, once no more than reserve bytes are left
// in this one: the disk is full, say. It is nil again as soon as there is room.
func (l *Log) Short(reserve int64) error {
	l.state.RLock()
	tail := l.segs[len(l.segs)-1]
	left := tail.size - int64(tail.used)*sectorBytes
	l.state.RUnlock()
	if left > reserve {
		return nil
	}
	return l.next.failure()
}

// write makes one write of the records that fill puts in, in the last segment or in a new one,
// and syncs it. The caller holds writing. An error ends all writing.
func (l *Log) write(fill func(*packer)) error {
	if l.broken == nil {
		l.broken = l.tryWrite(fill)
	}
	return l.broken
}

func (l *Log) tryWrite(fill func(*packer)) error {
	tail := l.segs[len(l.segs)-1]
	l.begin(tail)
	fill(&l.pack)
	if tail.used > 0 && int64(tail.used)*sectorBytes+l.pack.bytes() > tail.size {
		var err error
		if tail, err = l.turn(tail); err != nil {
			return err
		}
		l.begin(tail)
		fill(&l.pack)
	}
	data := l.pack.seal(tail.sequence + 1)
	if _, err := tail.file.WriteAt(data, int64(tail.used)*sectorBytes); err != nil {
		return err
	}
	if err := tail.file.Sync(); err != nil {
		return err
	}
	l.state.Lock()
	defer l.state.Unlock()
	tail.sequence++
	tail.used += uint32(len(data) / sectorBytes)
	return nil
}

// turn goes on in the segment after the last one.
func (l *Log) turn(last *segment) (*segment, error) {
	fresh, err := l.next.take()
	if err != nil {
		return nil, err
	}
	fresh.sequence, fresh.base = last.sequence, l.logs.next
	l.state.Lock()
	l.segs = append(l.segs, fresh)
	l.state.Unlock()
	l.wantNext()
	return fresh, nil
}

// begin starts a write in a segment.
func (l *Log) begin(s *segment) {
	l.pack.begin(s.used, l.logs.next, l.logs.commandsAt(l.logs.next-1))
	if s.used == 0 {
		l.pack.base(l.logs.first, l.store)
	}
}

// Close closes the files. Nothing is left to write then.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if errors.Is(l.broken, errClosed) {
		return errClosed
	}
	l.broken = errClosed
	l.state.Lock()
	defer l.state.Unlock()
	segs := l.segs
	l.logs.first = l.logs.next // nothing is found any more
	return errors.Join(l.next.close(), closeAll(segs))
}
