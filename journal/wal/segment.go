package wal

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// segment is one file of the log.
type segment struct {
	number uint64
	file   File
	// size is how many bytes are filled with zeros ahead; a write may go beyond.
	size int64
	// used is the number of sectors that whole writes take, sequence that of the last of them,
	// or of the last one before the segment.
	used     uint32
	sequence uint64
	// base is the index of the log at the first of places.
	base   uint64
	places []place
}

// place is where a log's record stands: bytes of payload before it in its segment, and its
// length.
type place struct{ at, length uint32 }

// end is the index behind the segment's last log.
func (s *segment) end() uint64 { return s.base + uint64(len(s.places)) }

// cut forgets the logs from next on.
func (s *segment) cut(next uint64) {
	if s.base >= next {
		s.base, s.places = next, nil
	} else if s.end() > next {
		s.places = s.places[:next-s.base]
	}
}

// read returns the record at a place, in memory of its own, after checking each sector of it.
func (s *segment) read(p place) (record, error) {
	first, skip := p.at/payloadBytes, int(p.at%payloadBytes)
	count := sectorsFor(int64(skip) + int64(p.length))
	data := make([]byte, count*sectorBytes)
	n, err := s.file.ReadAt(data, int64(first)*sectorBytes)
	if err != nil && (!errors.Is(err, io.EOF) || n < len(data)) {
		return record{}, err
	}
	for i := range uint32(count) {
		at := int(i) * sectorBytes
		if state, _ := inspect(data[at:at+sectorBytes], first+i); state != sectorWhole {
			return record{}, s.damage(int64(first+i), "does not fit its checksum")
		}
	}
	r, size, ok := readRecord(join(data)[skip:])
	if !ok || r.kind != kindLog || size != int(p.length) {
		return record{}, s.damage(int64(first), "holds another record")
	}
	return r, nil
}

// damage is the error for a sector.
func (s *segment) damage(sector int64, what string) error {
	return fmt.Errorf("%w: sector %d of %s %s", ErrDamaged, sector, segmentName(s.number), what)
}

// The names of segments are their numbers, so that they sort.
const segmentSuffix = ".wal"

func segmentName(number uint64) string { return fmt.Sprintf("%016d%s", number, segmentSuffix) }

// segmentNumber reads a segment's name.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil && number > 0 && segmentName(number) == name
}

func closeAll(segs []*segment) error {
	var err error
	for _, s := range segs {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// recent is the newest logs, which replicas that follow are sent, and apply.
type recent struct {
	logs            []raft.Log
	bytes, bytesMax int
}

func (r *recent) add(log *raft.Log) {
	if r.bytesMax == 0 {
		return
	}
	r.logs = append(r.logs, *log)
	r.bytes += len(log.Data)
	for r.bytes > r.bytesMax {
		r.drop()
	}
}

// drop forgets the oldest one.
func (r *recent) drop() {
	r.bytes -= len(r.logs[0].Data)
	r.logs[0] = raft.Log{}
	r.logs = r.logs[1:]
}

func (r *recent) find(index uint64) *raft.Log {
	if len(r.logs) == 0 || index < r.logs[0].Index {
		return nil
	}
	if at := index - r.logs[0].Index; at < uint64(len(r.logs)) {
		return &r.logs[at]
	}
	return nil
}

func (r *recent) cutHead(first uint64) {
	for len(r.logs) > 0 && r.logs[0].Index < first {
		r.drop()
	}
}

func (r *recent) cutTail(next uint64) {
	for n := len(r.logs); n > 0 && r.logs[n-1].Index >= next; n-- {
		r.bytes -= len(r.logs[n-1].Data)
		r.logs[n-1] = raft.Log{}
		r.logs = r.logs[:n-1]
	}
}

// prepareName is the name of a segment that is not yet filled with zeros.
const prepareName = "next.tmp"

// A preparer waits that long after a failure, and longer after each more: filling what room a
// disk has left, again and again, would take it from others.
const (
	prepareAgain   = 200 * time.Millisecond
	prepareAgainUp = 3 // times that it is doubled
)

// preparer makes the next segment while the last one is written, so that no write waits for it.
// One goroutine, run, does the work.
type preparer struct {
	files Files
	done  chan struct{} // closed when run has ended

	state  sync.Mutex // guards all below
	change *sync.Cond // any of it changed
	number uint64     // wanted, unless 0
	size   int64
	ready  *segment
	err    error // of the last attempt, if it failed
	tried  int   // attempts that failed
	due    bool  // the next attempt need not wait
	closed bool
}

// newPreparer starts a preparer, with a segment that is ready or nil.
func newPreparer(files Files, ready *segment) *preparer {
	p := &preparer{files: files, ready: ready, done: make(chan struct{})}
	p.change = sync.NewCond(&p.state)
	go p.run()
	return p
}

// want asks for a segment. If one is ready, it is that one.
func (p *preparer) want(number uint64, size int64) {
	p.state.Lock()
	defer p.state.Unlock()
	p.number, p.size = number, size
	p.change.Broadcast()
}

// take waits for the segment that is wanted and returns it. If the disk has no room it tries
// once more and returns the error.
func (p *preparer) take() (*segment, error) {
	p.state.Lock()
	defer p.state.Unlock()
	p.due = true
	p.change.Broadcast()
	for tried := p.tried; p.ready == nil; p.change.Wait() {
		if p.closed {
			return nil, errClosed
		}
		if p.tried > tried {
			return nil, fmt.Errorf("make segment %d: %w", p.number, p.err)
		}
	}
	s := p.ready
	p.ready, p.number, p.due = nil, 0, false
	return s, nil
}

// failure returns why the last attempt failed, nil if it did not. It waits for the first one.
func (p *preparer) failure() error {
	p.state.Lock()
	defer p.state.Unlock()
	for p.ready == nil && p.err == nil && !p.closed {
		p.change.Wait()
	}
	return p.err
}

func (p *preparer) close() error {
	p.state.Lock()
	p.closed = true
	p.change.Broadcast()
	p.state.Unlock()
	<-p.done
	if p.ready == nil {
		return nil
	}
	return p.ready.file.Close()
}

func (p *preparer) run() {
	defer close(p.done)
	p.state.Lock()
	defer p.state.Unlock()
	failed := 0 // attempts in a row
	for !p.closed {
		if p.ready != nil || p.number == 0 || p.err != nil && !p.due {
			p.change.Wait()
			continue
		}
		number, size := p.number, p.size
		p.due = false
		p.state.Unlock()
		s, err := prepare(p.files, number, size)
		p.state.Lock()
		p.ready, p.err = s, err
		if err != nil {
			p.tried++
			failed++
			time.AfterFunc(prepareAgain<<min(failed-1, prepareAgainUp), p.retry)
		} else {
			failed = 0
		}
		p.change.Broadcast()
	}
}

func (p *preparer) retry() {
	p.state.Lock()
	defer p.state.Unlock()
	p.due = true
	p.change.Broadcast()
}

// prepare makes a segment of zeros.
func prepare(files Files, number uint64, size int64) (*segment, error) {
	f, err := files.Open(prepareName)
	if err != nil {
		return nil, err
	}
	err = fill(f, size)
	if err == nil {
		err = files.Rename(prepareName, segmentName(number))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), files.Remove(prepareName))
	}
	return &segment{number: number, file: f, size: size}, nil
}

func fill(f File, size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}
