package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// The layout of a segment, as the log's library documents it (raft-wal, README "Segment
// Files"): a header of 32 bytes, then frames that each begin at a multiple of eight with a type
// byte, three zeros and a little-endian u32. An entry or an index has its length there; the
// commit frame that ends each write has the CRC-32C of all bytes since the commit frame before.
const (
	segmentHeaderBytes = 32
	frameHeaderBytes   = 8

	frameEntry  = 1
	frameIndex  = 2
	frameCommit = 3
)

// ErrDamaged says that the disk changed bytes of the journal's newest file. What was answered
// may stand there or behind; the journal is not opened.
var ErrDamaged = errors.New("the journal is damaged")

// segments are the log's files as the library handles them, with one check before.
//
// The library takes the first frame that it cannot read, and a last write whose sum is wrong,
// for a write that a crash interrupted, and drops what is there. One changed bit in the length
// of a frame would so take every later entry with it, without a word.
type segments struct {
	*segment.Filer
	files types.VFS
	dir   string
}

// RecoverTail implements types.SegmentFiler.
func (s segments) RecoverTail(info types.SegmentInfo) (types.SegmentWriter, error) {
	name := segment.FileName(info)
	file, err := s.files.OpenReader(s.dir, name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 2*SegmentBytesMax))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read the newest segment: %w", err)
	}
	t := readTail(data, info.BaseIndex)
	if t.damaged() {
		return nil, fmt.Errorf("%w: byte %d of %s", ErrDamaged, t.stop, name)
	}
	if err := s.wipe(name, t.good, len(t.data)); err != nil {
		return nil, fmt.Errorf("cut an interrupted write: %w", err)
	}
	return s.Filer.RecoverTail(info)
}

// wipe makes what an interrupted write left zeros again, so that the next one that is
// interrupted can be told by the sectors it lacks.
func (s segments) wipe(name string, from, to int) error {
	if from == to {
		return nil
	}
	file, err := s.files.OpenWriter(s.dir, name)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(make([]byte, to-from), int64(from))
	return errors.Join(err, file.Sync(), file.Close())
}

// tail is the newest segment without the zeros that it ends in.
type tail struct {
	data []byte
	// end is where the last write ends that the library can read, good where the last one
	// ends whose sum is right, stop the place from end on where a frame or a log is none.
	good, end, stop int
}

// readTail walks the frames as the library does; first is the index of the segment's first log.
// Damage within a log is left to the checksum of its entry, which is looked at when the entry is
// replayed.
func readTail(data []byte, first uint64) tail {
	length := max(segmentHeaderBytes, len(bytes.TrimRight(data, "\x00")))
	length = (length + frameHeaderBytes - 1) / frameHeaderBytes * frameHeaderBytes
	if length > len(data) {
		data = append(data, make([]byte, length-len(data))...)
	}
	t := tail{
		data: data[:length],
		good: segmentHeaderBytes, end: segmentHeaderBytes, stop: segmentHeaderBytes,
	}
	for {
		kind, size := frame(t.data, t.stop)
		logged := kind != frameEntry || t.stop+size <= length &&
			logHolds(t.data[t.stop:t.stop+size], first)
		if kind == 0 || !logged {
			break
		}
		if kind == frameEntry {
			first++
		}
		if t.stop += size; kind == frameCommit {
			t.good, t.end = t.end, t.stop
		}
	}
	if t.end > t.good && t.sum(t.good, t.end-frameHeaderBytes) == t.number(t.end-frameHeaderBytes) {
		t.good = t.end
	}
	return t
}

// damaged says whether what follows the last good write is more than a write that a crash
// interrupted: whole writes, or one that was written to its end and lacks no sector.
func (t tail) damaged() bool {
	// A write behind a damaged one begins after the damaged one's commit frame: where the
	// frames stop, if that is what was changed, or at any place that reads like one.
	for from := t.end; from+frameHeaderBytes <= len(t.data); from += frameHeaderBytes {
		kind, _ := frame(t.data, from)
		if (kind == frameCommit || from == t.stop) && t.wholeWrite(from+frameHeaderBytes) {
			return true
		}
	}
	last := len(t.data) - frameHeaderBytes
	if last < t.good {
		return false
	}
	finished := bytes.Equal(t.data[last:last+4], []byte{frameCommit, 0, 0, 0}) ||
		t.sum(t.good, last) == t.number(last)
	return finished && !unwrittenSector(t.data, t.good)
}

// number is what stands beside the type in the frame header at a place.
func (t tail) number(at int) uint32 { return binary.LittleEndian.Uint32(t.data[at+4:]) }

// sum is what the commit frame at a place must hold for the write from another place on; that
// of the first write covers the segment's header.
func (t tail) sum(from, to int) uint32 {
	if from == segmentHeaderBytes {
		from = 0
	}
	return crc32.Checksum(t.data[from:to], crc32.MakeTable(crc32.Castagnoli))
}

// wholeWrite says whether a whole write begins at a place: entries, and a commit frame whose sum
// is theirs.
func (t tail) wholeWrite(from int) bool {
	at := from
	kind, size := frame(t.data, at)
	for ; kind == frameEntry || kind == frameIndex; kind, size = frame(t.data, at) {
		if at += size; at-from > writeBytesMax {
			return false
		}
	}
	return kind == frameCommit && at > from && t.sum(from, at) == t.number(at)
}

// writeBytesMax bounds one write: the entries in flight, and what raft adds.
const writeBytesMax = (FlightMax + 1) * (EntryBytesMax + 64<<10)

// unwrittenSector says whether a sector, or the part of one, from a place on is all zeros: a
// disk that lost power wrote sectors whole or not at all, in any order, and the file was zeros
// before.
func unwrittenSector(data []byte, from int) bool {
	for from < len(data) {
		to := min(len(data), (from/sectorBytes+1)*sectorBytes)
		if len(bytes.TrimRight(data[from:to], "\x00")) == 0 {
			return true
		}
		from = to
	}
	return false
}

// sectorBytes is the smallest unit that a disk writes whole.
const sectorBytes = 512

// logHolds says whether an entry's frame holds the log of an index: numbers for index, term and
// type, two texts with their lengths, and a time (raft-wal, codec.go). The library's own decoder
// panics on damage.
func logHolds(frame []byte, index uint64) bool {
	length := binary.LittleEndian.Uint32(frame[4:])
	rest := frame[frameHeaderBytes:][:length]
	for i := range 5 {
		number, n := binary.Uvarint(rest)
		if n <= 0 || i == 0 && number != index {
			return false
		}
		rest = rest[n:]
		if i < 3 {
			continue
		}
		if number > uint64(len(rest)) {
			return false
		}
		rest = rest[number:]
	}
	var appended time.Time
	return appended.UnmarshalBinary(rest) == nil
}

// frame reads the header of the frame at a place; kind is 0 if there is none. size counts the
// header and what pads the frame.
func frame(data []byte, at int) (kind byte, size int) {
	if at+frameHeaderBytes > len(data) {
		return 0, 0
	}
	header := data[at : at+frameHeaderBytes]
	switch header[0] {
	case frameCommit:
		return frameCommit, frameHeaderBytes
	case frameEntry, frameIndex:
		length := int64(binary.LittleEndian.Uint32(header[4:]))
		padded := (length + frameHeaderBytes - 1) / frameHeaderBytes * frameHeaderBytes
		return header[0], frameHeaderBytes + int(padded)
	}
	return 0, 0
}
