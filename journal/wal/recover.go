package wal

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// recovery reads a log that was closed, or ended, in any state.
type recovery struct {
	log *Log
	// expect is the sequence of the next write; 0 until the first one is found.
	expect uint64
	// low is the index from which on all logs are in the segments that are there.
	low uint64
	// torn is the segment that an interrupted write stands in, from and to its sectors.
	torn     *segment
	from, to int64
	// view reads the segments, one after the other.
	view view
}

// recover reads all segments into l. It returns the empty one after the last, if there is one.
func (l *Log) recover() (prepared *segment, err error) {
	segs, err := openSegments(l.files)
	l.segs = segs
	if err != nil || len(segs) == 0 {
		return nil, err
	}
	r := &recovery{log: l}
	if segs[0].number == 1 {
		r.expect, r.low = 1, 1
		l.logs = newLogs(1, 0)
	}
	tail := 0
	for i, s := range segs {
		live, err := r.segment(s)
		if err != nil {
			return nil, err
		}
		if live {
			tail = i
		}
	}
	if r.low == 0 {
		return nil, segs[0].damage(0, "begins no whole write, and files before it are gone")
	}
	if l.logs.first < r.low && !l.logs.empty() {
		return nil, fmt.Errorf("%w: logs %d to %d are in a file before %s, which is gone",
			ErrDamaged, l.logs.first, r.low-1, segmentName(segs[0].number))
	}
	if r.torn != nil {
		// Only now: what is refused stays as it was found.
		if err := wipe(r.torn.file, r.from, r.to); err != nil {
			return nil, err
		}
	}
	segs[tail].sequence = r.expect - 1
	return l.tidy(tail)
}

// openSegments opens the files of a log, oldest first, and removes what was not finished.
func openSegments(files Files) ([]*segment, error) {
	names, err := files.Names()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var segs []*segment
	for _, name := range names {
		if name == prepareName {
			if err := files.Remove(name); err != nil {
				return segs, err
			}
			continue
		}
		number, ok := segmentNumber(name)
		if !ok {
			return segs, fmt.Errorf("%q is no file of a log", name)
		}
		if n := len(segs); n > 0 && segs[n-1].number+1 != number {
			return segs, fmt.Errorf("%w: %s is missing", ErrDamaged,
				segmentName(segs[n-1].number+1))
		}
		f, err := files.Open(name)
		if err != nil {
			return segs, err
		}
		segs = append(segs, &segment{number: number, file: f})
	}
	return segs, nil
}

// tidy makes the segment at tail the last one, and removes what no longer has a use.
func (l *Log) tidy(tail int) (prepared *segment, err error) {
	for i := len(l.segs) - 1; i > tail+1; i-- {
		if err := l.remove(l.segs[i:]); err != nil {
			return nil, err
		}
		l.segs = l.segs[:i]
	}
	if len(l.segs) > tail+1 {
		prepared = l.segs[tail+1]
		l.segs = l.segs[:tail+1]
	}
	return prepared, l.remove(l.dropSegments())
}

// segment reads one segment and says whether anything is in it. An interrupted write may stand
// only behind everything else.
func (r *recovery) segment(s *segment) (live bool, err error) {
	r.view.file, r.view.start, r.view.buf = s.file, 0, r.view.buf[:0]
	if err := r.writes(s); err != nil {
		return false, err
	}
	from, to := int64(s.used), int64(s.used)
	for at := from; ; at++ {
		sector, err := r.view.sectors(at, 1)
		if err != nil {
			return false, err
		}
		if sector == nil {
			s.size = at * sectorBytes
			break
		}
		state, sequence := inspect(sector, uint32(at))
		switch {
		case state == sectorBlank:
			continue
		case state == sectorChanged:
			return false, s.damage(at, "does not fit its checksum")
		case state == sectorWhole && sequence != r.expect:
			return false, s.damage(at, "is of a later write than the one before it, which is gone")
		}
		to = at + 1
	}
	live = s.used > 0 || to > from
	if live && r.torn != nil {
		return false, r.torn.damage(int64(r.torn.used), "begins a write that is not whole, and "+
			"others follow")
	}
	if to > from {
		r.torn, r.from, r.to = s, from, to
	}
	return live, nil
}

// wipe makes what an interrupted write left zeros again. The marks go first: a wipe that is
// itself interrupted, within a sector, leaves a sector that was written in part.
func wipe(f File, from, to int64) error {
	for at := from; at < to; at++ {
		if _, err := f.WriteAt([]byte{0}, at*sectorBytes+markAt); err != nil {
			return fmt.Errorf("wipe an interrupted write: %w", err)
		}
	}
	if _, err := f.WriteAt(make([]byte, (to-from)*sectorBytes), from*sectorBytes); err != nil {
		return fmt.Errorf("wipe an interrupted write: %w", err)
	}
	return f.Sync()
}

// writes reads the whole writes at the beginning of a segment.
func (r *recovery) writes(s *segment) error {
	s.base = r.log.logs.next
	for {
		sector, err := r.view.sectors(int64(s.used), 1)
		if err != nil || sector == nil {
			return err
		}
		state, sequence := inspect(sector, s.used)
		if r.expect == 0 && state == sectorWhole && s.used == 0 {
			r.expect = sequence // the oldest segment that is left
		}
		if state != sectorWhole || sequence != r.expect {
			return nil
		}
		h, ok := readWriteHeader(sector)
		if !ok {
			return s.damage(int64(s.used), "begins a write of another format")
		}
		data, err := r.view.sectors(int64(s.used), sectorsFor(h.length))
		if err != nil {
			return err
		}
		if data == nil || !allOf(data, s.used, sequence) {
			return nil
		}
		if err := r.write(s, h, join(slices.Clone(data))[:h.length]); err != nil {
			return err
		}
		s.used += uint32(len(data) / sectorBytes)
		s.sequence = sequence
		r.expect++
	}
}

// allOf says whether all sectors are those of one write.
func allOf(data []byte, number uint32, sequence uint64) bool {
	for at := 0; at < len(data); at += sectorBytes {
		state, have := inspect(data[at:at+sectorBytes], number+uint32(at/sectorBytes))
		if state != sectorWhole || have != sequence {
			return false
		}
	}
	return true
}

// write carries out what the records of a whole write say.
func (r *recovery) write(s *segment, h writeHeader, payload []byte) error {
	l := r.log
	if r.low == 0 { // the first write that is left
		r.low = h.next
		l.logs = newLogs(h.next, h.commands)
		s.base = h.next
	}
	if h.next != l.logs.next || h.commands != l.logs.commandsAt(h.next-1) {
		return s.damage(int64(s.used), "begins a write that does not follow on the one before")
	}
	for at := writeHeaderBytes; at < len(payload); {
		record, size, ok := readRecord(payload[at:])
		if !ok {
			return s.damage(int64(s.used), "begins a write with an unreadable record")
		}
		where := place{at: s.used*payloadBytes + uint32(at), length: uint32(size)}
		if err := r.record(s, record, where); err != nil {
			return err
		}
		at += size
	}
	return nil
}

func (r *recovery) record(s *segment, record record, where place) error {
	l := r.log
	switch record.kind {
	case kindLog:
		s.places = append(s.places, where)
		l.logs.add(record.typ == 0)
	case kindSet:
		l.set(record.value())
	case kindBase:
		first := bigEndian.Uint64(record.body)
		if s.number == l.segs[0].number {
			l.logs.first = min(first, l.logs.next)
		} else if first != l.logs.first {
			return s.damage(0, "says that another log is the first")
		}
	case kindFirst:
		first := bigEndian.Uint64(record.body)
		if first < l.logs.first || first > l.logs.next {
			return s.damage(int64(s.used), "moves the first log where none is")
		}
		l.logs.moveFirst(first)
	case kindNext:
		next, commands := record.pair()
		if next > l.logs.next {
			return s.damage(int64(s.used), "cuts logs that are not there")
		}
		l.cutPlaces(next, commands)
		r.low = min(r.low, next)
	case kindReset:
		next, commands := record.pair()
		l.reset(next, commands)
		r.low = next
	}
	return nil
}

// view reads a file's sectors through a buffer.
type view struct {
	file  File
	buf   []byte
	start int64 // the first sector in buf
}

const viewBytes = 256 << 10

// sectors returns count sectors from one on, nil if the file ends before; they are valid until
// the next call.
func (v *view) sectors(from, count int64) ([]byte, error) {
	size := count * sectorBytes
	skip := (from - v.start) * sectorBytes
	if from < v.start || skip+size > int64(len(v.buf)) {
		want := max(size, viewBytes)
		if int64(cap(v.buf)) < want {
			v.buf = make([]byte, want)
		}
		v.buf = v.buf[:cap(v.buf)]
		n, err := v.file.ReadAt(v.buf, from*sectorBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		// A file that was cut within a sector ends with what is left of it, and zeros.
		whole := (n + sectorBytes - 1) / sectorBytes * sectorBytes
		clear(v.buf[n:whole])
		v.buf, v.start, skip = v.buf[:whole], from, 0
	}
	if skip+size > int64(len(v.buf)) {
		return nil, nil
	}
	return v.buf[skip : skip+size], nil
}
