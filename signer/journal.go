package signer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"seyfert/wire"
)

// The signer journal's layout: a magic line, then frames. A frame holds everything that one
// call signed, so one frame is one fsync:
//
//	payload length u32 | payload CRC-32C u32 | header CRC-32C u32 | payload
//
// Numbers are big-endian. The header CRC also covers the frame's offset in the file, so that
// a frame can be recognised where it stands and nowhere else.
const (
	journalMagic = "seyfert signer journal 1\n"
	// FrameBytesMax is the largest payload of one frame, in bytes: MessagesMax messages with
	// MessagesBytesMax in them are below it.
	FrameBytesMax    = wire.EncodedBytesMax / 2
	frameHeaderBytes = 12
	// sectorBytes is the smallest unit a disk writes whole; an unwritten one reads as zeros.
	sectorBytes = 512
)

// ErrCorrupt says that the signer journal holds damage that no interrupted write explains.
// The signer refuses to open: a promise that was signed may have become unreadable.
var ErrCorrupt = errors.New("signer journal is corrupt")

// ErrJournal says that a signer journal write or fsync went wrong. The signer answers every
// later request with it; its owner stops the node, since what reached the disk is unknown.
var ErrJournal = errors.New("signer journal cannot be written")

// JournalFile is where a signer journal's bytes live. File and Memory implement it. Calls come
// one at a time.
type JournalFile interface {
	// ReadAt reads as io.ReaderAt does.
	io.ReaderAt
	// Size returns the length in bytes.
	Size() (int64, error)
	// Append adds p at the end; nil means that p is durable. After an error any part of p may
	// be there.
	Append(p []byte) error
	// Truncate cuts the file to size bytes, durably.
	Truncate(size int64) error
}

// Frames returns how many whole frames data begins with when it stands at offset in a signer
// journal, and how many bytes they have together.
func Frames(data []byte, offset int64) (count int, size int64) {
	for {
		rest := data[size:]
		if len(rest) < frameHeaderBytes || !headerHolds(rest, offset+size) {
			return count, size
		}
		length := int64(binary.BigEndian.Uint32(rest))
		if length > int64(len(rest))-frameHeaderBytes ||
			!payloadHolds(rest, rest[frameHeaderBytes:frameHeaderBytes+length]) {
			return count, size
		}
		count, size = count+1, size+frameHeaderBytes+length
	}
}

// journal writes and reads frames. size is where the frames end that it knows. It is not safe
// for concurrent use; Signer's mutex guards it.
type journal struct {
	file   JournalFile
	size   int64
	failed error
}

// openJournal checks the whole file, cuts a torn tail, and shows the first frame and each that
// ends at settled or before it to replay.
func openJournal(
	file JournalFile, settled int64, replay func(offset int64, payload []byte) error,
) (*journal, error) {
	end, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("signer journal size: %w", err)
	}
	j := &journal{file: file}
	if err := j.checkMagic(end); err != nil {
		return nil, err
	}
	j.size = int64(len(journalMagic))
	for offset := j.size; offset < end; {
		payload, ok, err := j.frame(offset, end)
		if err != nil {
			return nil, err
		}
		if !ok {
			return j, j.cutTorn(offset, end)
		}
		next := offset + frameHeaderBytes + int64(len(payload))
		if offset == int64(len(journalMagic)) || next <= settled {
			if err := replay(offset, payload); err != nil {
				return nil, fmt.Errorf("signer journal at byte %d: %w", offset, err)
			}
			j.size = next
		}
		offset = next
	}
	return j, nil
}

// follow shows frames that stand behind the known ones to replay, up to settled, at most about
// sizeMax bytes of them. After an error the journal is of no use.
func (j *journal) follow(
	settled, sizeMax int64, replay func(offset int64, payload []byte) error,
) error {
	for begin := j.size; j.size < settled && j.size-begin < sizeMax; {
		payload, ok, err := j.frame(j.size, settled)
		if err == nil && !ok {
			err = fmt.Errorf("%w: no whole record stands at byte %d: %s", ErrCorrupt, j.size,
				restoreAdvice)
		}
		if err == nil {
			err = replay(j.size, payload)
		}
		if err != nil {
			j.failed = fmt.Errorf("signer journal at byte %d: %w", j.size, err)
			return j.failed
		}
		j.size += frameHeaderBytes + int64(len(payload))
	}
	return nil
}

// createJournal makes an empty file a journal without frames.
func createJournal(file JournalFile) (*journal, error) {
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("signer journal size: %w", err)
	}
	if size != 0 {
		return nil, errors.New("signer journal: a new one must be an empty file")
	}
	if err := file.Append([]byte(journalMagic)); err != nil {
		return nil, fmt.Errorf("signer journal: %w", err)
	}
	return &journal{file: file, size: int64(len(journalMagic))}, nil
}

// checkMagic refuses a file that does not begin as a journal does. An empty file is refused
// too: it may be one whose content was lost.
func (j *journal) checkMagic(end int64) error {
	head := make([]byte, min(end, int64(len(journalMagic))))
	if _, err := j.file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("signer journal: %w", err)
	}
	if string(head) != journalMagic {
		return fmt.Errorf("%w: it does not begin with its magic line; this is another file, "+
			"or its beginning was lost: %s", ErrCorrupt, restoreAdvice)
	}
	return nil
}

const restoreAdvice = "do not delete or cut it; put back the newest copy of the signer journal, " +
	"and if there is none keep the node stopped, for it could sign against itself"

// frame reads the frame at offset; ok is false when no whole frame stands between it and end.
func (j *journal) frame(offset, end int64) (payload []byte, ok bool, err error) {
	if end-offset < frameHeaderBytes {
		return nil, false, nil
	}
	var header [frameHeaderBytes]byte
	if _, err := j.file.ReadAt(header[:], offset); err != nil {
		return nil, false, fmt.Errorf("signer journal: %w", err)
	}
	length := int64(binary.BigEndian.Uint32(header[:]))
	if !headerHolds(header[:], offset) || length > end-offset-frameHeaderBytes {
		return nil, false, nil
	}
	payload = make([]byte, length)
	if _, err := j.file.ReadAt(payload, offset+frameHeaderBytes); err != nil {
		return nil, false, fmt.Errorf("signer journal: %w", err)
	}
	if !payloadHolds(header[:], payload) {
		return nil, false, nil
	}
	return payload, true, nil
}

// cutTorn removes the bytes from offset on if they can only be one frame whose write was
// interrupted before its fsync returned, so that no signature in it ever left. It refuses
// everything else: cutting a frame that was once durable would let the node sign twice.
func (j *journal) cutTorn(offset, end int64) error {
	rest := end - offset
	corrupt := func(why string) error {
		return fmt.Errorf("%w: byte %d: %s: %s", ErrCorrupt, offset, why, restoreAdvice)
	}
	if rest > frameHeaderBytes+FrameBytesMax {
		return corrupt("more bytes follow than one interrupted write can leave")
	}
	tail := make([]byte, rest)
	if _, err := j.file.ReadAt(tail, offset); err != nil {
		return fmt.Errorf("signer journal: %w", err)
	}
	if wholeFrameWithin(tail, offset) {
		return corrupt("whole records follow a damaged one")
	}
	headerWhole := rest >= frameHeaderBytes && headerHolds(tail, offset)
	short := rest < frameHeaderBytes ||
		headerWhole && int64(binary.BigEndian.Uint32(tail)) > rest-frameHeaderBytes
	if !short && !unwrittenSector(tail, offset) {
		return corrupt("the last record is complete but its checksum is wrong")
	}
	if err := j.file.Truncate(offset); err != nil {
		return fmt.Errorf("signer journal: cut torn tail: %w", err)
	}
	return nil
}

// append makes one frame durable and returns its offset. Once it went wrong it never works
// again: after a failed fsync the kernel may have dropped the pages and a later fsync would
// succeed without them.
func (j *journal) append(payload []byte) (int64, error) {
	if j.failed != nil {
		return 0, j.failed
	}
	if len(payload) > FrameBytesMax {
		return 0, fmt.Errorf("signer journal frame of %d bytes, more than %d",
			len(payload), FrameBytesMax)
	}
	offset := j.size
	frame := make([]byte, frameHeaderBytes, frameHeaderBytes+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	binary.BigEndian.PutUint32(frame[4:],
		crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	binary.BigEndian.PutUint32(frame[8:], headerSum(frame, offset))
	if err := j.file.Append(append(frame, payload...)); err != nil {
		j.failed = fmt.Errorf("%w: %w", ErrJournal, err)
		if errors.Is(err, ErrResting) {
			j.failed = err // the disk is whole, and Wake tells what became of the frame
		}
		return 0, j.failed
	}
	j.size += frameHeaderBytes + int64(len(payload))
	return offset, nil
}

// read returns the payload of a frame that append or replay named, checking it again.
func (j *journal) read(offset int64) ([]byte, error) {
	payload, ok, err := j.frame(offset, j.size)
	if err == nil && !ok {
		err = fmt.Errorf("%w: byte %d can no longer be read: %s", ErrCorrupt, offset, restoreAdvice)
	}
	return payload, err
}

// headerSum is the header CRC of a frame that stands at offset.
func headerSum(header []byte, offset int64) uint32 {
	var covered [16]byte
	copy(covered[:8], header)
	binary.BigEndian.PutUint64(covered[8:], uint64(offset))
	return crc32.Checksum(covered[:], crc32.MakeTable(crc32.Castagnoli))
}

func headerHolds(header []byte, offset int64) bool {
	return binary.BigEndian.Uint32(header[8:]) == headerSum(header, offset)
}

func payloadHolds(header, payload []byte) bool {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)) ==
		binary.BigEndian.Uint32(header[4:])
}

// wholeFrameWithin looks for a complete frame at any later byte of tail, which stands at
// offset in the file.
func wholeFrameWithin(tail []byte, offset int64) bool {
	for i := 1; i+frameHeaderBytes <= len(tail); i++ {
		if !headerHolds(tail[i:], offset+int64(i)) {
			continue
		}
		payload := tail[i+frameHeaderBytes:]
		length := int64(binary.BigEndian.Uint32(tail[i:]))
		if length > int64(len(payload)) {
			continue
		}
		if payloadHolds(tail[i:], payload[:length]) {
			return true
		}
	}
	return false
}

// unwrittenSector tells whether a sector, or the part of one that tail ends with, is all
// zeros: a disk that lost power wrote sectors whole or not at all, in any order.
func unwrittenSector(tail []byte, offset int64) bool {
	for from := 0; from < len(tail); {
		to := min(len(tail), from+sectorBytes-int((offset+int64(from))%sectorBytes))
		zero := true
		for _, b := range tail[from:to] {
			zero = zero && b == 0
		}
		// Fewer zeros than a frame header may be chance, not an unwritten sector.
		if zero && to-from >= frameHeaderBytes {
			return true
		}
		from = to
	}
	return false
}
