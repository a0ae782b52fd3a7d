package chain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// btcd's block database keeps its index in memory for up to five minutes; after a crash the
// blocks of that time would be gone, and with them anchors that nodes have seen confirmed.
// The recent log holds, in order, what changed the chain since it was last closed cleanly. It
// is synced before Mine answers, and read back when the chain is opened.

// What a record of the recent log is.
const (
	recentBlock      = 'b' // a raw block that was mined
	recentInvalidate = 'x' // the hash of a block that was invalidated
	recentTx         = 't' // a raw transaction that was taken into the mempool
)

const (
	recentFile = "recent.log"
	// recentHead is length u32, CRC-32C u32 (over kind and body) and kind u8, little-endian.
	recentHead = 9
	// recentBodyMax is the largest body: a block of 4,000,000 weight units.
	recentBodyMax = 4_000_000
)

type recentRecord struct {
	kind byte
	body []byte
}

type recentLog struct {
	path string
	file *os.File
	// broken is the first error of a write. Nothing is written after it: a log with a hole
	// could not be read back, one that ends early can.
	broken error
}

// openRecent reads the log of a directory, cuts off a tail that a crash tore, and leaves it
// open for appending.
func openRecent(dir string) (*recentLog, []recentRecord, error) {
	path := filepath.Join(dir, recentFile)
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, nil, fmt.Errorf("recent log: %w", err)
	}
	records, whole, err := parseRecent(data)
	if err != nil {
		return nil, nil, fmt.Errorf("recent log %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("recent log: %w", err)
	}
	if err = file.Truncate(int64(whole)); err == nil {
		_, err = file.Seek(int64(whole), io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("recent log: %w", err)
	}
	return &recentLog{path: path, file: file}, records, nil
}

// parseRecent gives the whole records and their length in bytes. A record that the file ends
// in, or a last one whose checksum is wrong, was being written at a crash and is left out; a
// wrong checksum with more behind it is damage.
func parseRecent(data []byte) (records []recentRecord, whole int, err error) {
	for whole < len(data) {
		rest := data[whole:]
		if len(rest) < recentHead {
			break
		}
		size := int(binary.LittleEndian.Uint32(rest))
		if len(bytes.Trim(rest, "\x00")) == 0 {
			break // space that the file system gave and the crash left empty
		}
		if size > recentBodyMax {
			return nil, 0, fmt.Errorf("record at byte %d is longer than any record", whole)
		}
		if len(rest) < recentHead+size {
			break
		}
		frame := rest[:recentHead+size]
		if crc32.Checksum(frame[8:], crcTable()) != binary.LittleEndian.Uint32(frame[4:]) {
			if len(rest) == len(frame) {
				break
			}
			return nil, 0, fmt.Errorf("record at byte %d has a wrong checksum", whole)
		}
		records = append(records, recentRecord{kind: frame[8], body: frame[recentHead:]})
		whole += len(frame)
	}
	return records, whole, nil
}

func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func (r recentRecord) encode() []byte {
	frame := make([]byte, recentHead, recentHead+len(r.body))
	binary.LittleEndian.PutUint32(frame, uint32(len(r.body)))
	frame[8] = r.kind
	frame = append(frame, r.body...)
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(frame[8:], crcTable()))
	return frame
}

// append writes a record; sync makes it and all before it durable. After an error both give
// it for ever.
func (l *recentLog) append(kind byte, body []byte) error {
	if l.broken == nil {
		_, err := l.file.Write(recentRecord{kind: kind, body: body}.encode())
		l.fail(err)
	}
	return l.broken
}

func (l *recentLog) sync() error {
	if l.broken == nil {
		l.fail(l.file.Sync())
	}
	return l.broken
}

func (l *recentLog) fail(err error) {
	if err != nil {
		l.broken = fmt.Errorf("recent log: %w", err)
	}
}

// replace closes the log and puts a new one with only the given records in its place, in one
// step: after a crash the old or the new file is there.
func (l *recentLog) replace(records []recentRecord) error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("recent log: %w", err)
	}
	var data bytes.Buffer
	for _, r := range records {
		data.Write(r.encode())
	}
	if err := writeSynced(l.path, data.Bytes()); err != nil {
		return fmt.Errorf("recent log: %w", err)
	}
	return nil
}

// writeSynced replaces the file at path with one of mode 0600 that holds data.
func writeSynced(path string, data []byte) error {
	next := path + ".new"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
