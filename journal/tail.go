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

// ErrDamaged says that the disk changed bytes of the journal's newest file. Entries that were
// answered stand behind the damage.
var ErrDamaged = errors.New("the journal is damaged")

// segments are the log's files as the library handles them, with one check before.
//
// The library takes the first frame that it cannot read for the end of a write that a crash
// interrupted, and drops what follows. One changed bit in the length of a frame would so take
// every later entry with it, without a word. An interrupted write is the last one; whole writes
// behind the place show that it was damage.
type segments struct {
	*segment.Filer
	files types.VFS
	dir   string
}

// RecoverTail implements types.SegmentFiler.
func (s segments) RecoverTail(info types.SegmentInfo) (types.SegmentWriter, error) {
	file, err := s.files.OpenReader(s.dir, segment.FileName(info))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 2*SegmentBytesMax))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read the newest segment: %w", err)
	}
	if at, damaged := damage(data, info.BaseIndex); damaged {
		return nil, fmt.Errorf("%w at byte %d of %s: whole entries follow", ErrDamaged, at,
			segment.FileName(info))
	}
	return s.Filer.RecoverTail(info)
}

// damage looks for a whole write behind the place where a segment can not be read any more. at is
// that place, first the index of the segment's first log.
func damage(data []byte, first uint64) (at int, damaged bool) {
	data = data[:len(bytes.TrimRight(data, "\x00"))]
	data = append(data[:len(data):len(data)], make([]byte, frameHeaderBytes)...)
	end, stop := readable(data, first)
	// The write behind a damaged one begins after the damaged one's commit frame: where the
	// frames stop, if that is what was changed, or at any place that reads like one.
	for from := end; from+frameHeaderBytes <= len(data); from += frameHeaderBytes {
		kind, _ := frame(data, from)
		if (kind == frameCommit || from == stop) && wholeWrite(data, from+frameHeaderBytes) {
			return stop, true
		}
	}
	return 0, false
}

// readable walks the frames as the library does. end is where the last write ends that can be
// read, stop the place behind it where a frame or a log is none. Other damage within a log is
// left to the checksum of its entry, which is looked at when the entry is replayed.
func readable(data []byte, first uint64) (end, stop int) {
	end, stop = segmentHeaderBytes, segmentHeaderBytes
	for {
		kind, size := frame(data, stop)
		switch kind {
		case 0:
			return end, stop
		case frameEntry:
			if stop+size > len(data) || !logHolds(data[stop:stop+size], first) {
				return end, stop
			}
			first++
		}
		stop += size
		if kind == frameCommit {
			end = stop
		}
	}
}

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

// wholeWrite says whether a whole write begins at a place: entries, and a commit frame whose sum
// is theirs.
func wholeWrite(data []byte, from int) bool {
	at := from
	kind, size := frame(data, at)
	for ; kind == frameEntry || kind == frameIndex; kind, size = frame(data, at) {
		if at += size; at-from > writeBytesMax {
			return false
		}
	}
	return kind == frameCommit && at > from && binary.LittleEndian.Uint32(data[at+4:]) ==
		crc32.Checksum(data[from:at], crc32.MakeTable(crc32.Castagnoli))
}

// writeBytesMax bounds one write: the entries in flight, and what raft adds.
const writeBytesMax = (FlightMax + 1) * (EntryBytesMax + 64<<10)
