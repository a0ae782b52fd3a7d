package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// Limits of a records file.
const (
	// RecordSizeMax is the largest record in bytes.
	RecordSizeMax = 4 << 10
	// recordsBufferBytes is how much is collected before it is handed to the file.
	recordsBufferBytes = 256 << 10
)

// recordsHeaderSize is the length of the header: magic, record size, CRC32C of both.
const recordsHeaderSize = 16

// recordsMagic opens every records file; its last byte is the format.
const recordsMagic = "seyrecs\x01"

// Records is an append-only run of records of one size, numbered from 1. History lives in
// it. One goroutine may append while any number read.
type Records interface {
	// Append adds a record, which is copied; its number is the new Len. It is not synced.
	Append(record []byte) error
	// At returns a copy of the record with a number from 1 to Len; any other is an error.
	At(number uint64) ([]byte, error)
	// Len returns how many records there are.
	Len() uint64
	// Sync returns when every record so far is durable.
	Sync() error
	// Close ends use; it does not sync.
	Close() error
}

// File is what a records file needs of the operating system's file; tests put faults in.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// RecordsFile is Records in a file. After an error of a write or a sync every later call
// returns that error: what the file then holds is not known.
type RecordsFile struct {
	size int

	state  sync.Mutex // guards all below
	file   File
	length uint64 // all records
	filed  uint64 // those the file holds; the rest are in buffer
	buffer []byte
	failed error
}

// OpenRecords opens the file at path for records of size bytes, making it if it is absent,
// and keeps the first keep records: what follows belongs to no checkpoint and is cut off. A
// file with fewer records, or made for another size, is refused.
func OpenRecords(path string, size int, keep uint64) (*RecordsFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	r, err := NewRecordsFile(file, size, keep)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// NewRecordsFile is OpenRecords over a file that is open already, and that it closes in the
// end unless it returns an error.
func NewRecordsFile(file File, size int, keep uint64) (*RecordsFile, error) {
	if size <= 0 || size > RecordSizeMax {
		return nil, fmt.Errorf("open records: size %d is out of range", size)
	}
	r := &RecordsFile{size: size, file: file, length: keep, filed: keep}
	if err := r.cut(); err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	return r, nil
}

// cut checks the header, writing it into a new file, and truncates to the records kept.
func (r *RecordsFile) cut() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	header := recordsHeader(r.size)
	if info.Size() < recordsHeaderSize && r.length == 0 {
		if err := r.file.Truncate(0); err != nil {
			return err
		}
		_, err := r.file.WriteAt(header, 0)
		return err
	}
	found := make([]byte, recordsHeaderSize)
	if _, err := r.file.ReadAt(found, 0); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if string(found) != string(header) {
		return fmt.Errorf("header %x is not that of a file of %d-byte records", found, r.size)
	}
	if have := uint64(info.Size()-recordsHeaderSize) / uint64(r.size); have < r.length {
		return fmt.Errorf("%d records where %d are to be kept", have, r.length)
	}
	return r.file.Truncate(r.offset(r.length + 1))
}

func recordsHeader(size int) []byte {
	header := append(make([]byte, 0, recordsHeaderSize), recordsMagic...)
	header = binary.BigEndian.AppendUint32(header, uint32(size))
	sum := crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli))
	return binary.BigEndian.AppendUint32(header, sum)
}

// offset is where the record with this number begins.
func (r *RecordsFile) offset(number uint64) int64 {
	return recordsHeaderSize + int64(number-1)*int64(r.size)
}

// Append implements Records. A record of another size panics: it is a fault of the program.
func (r *RecordsFile) Append(record []byte) error {
	if len(record) != r.size {
		panic(fmt.Sprintf("table: record of %d bytes, not %d", len(record), r.size))
	}
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed != nil {
		return r.failed
	}
	r.buffer = append(r.buffer, record...)
	r.length++
	if len(r.buffer) < recordsBufferBytes {
		return nil
	}
	return r.flush()
}

// flush hands the buffer to the file. The caller holds state.
func (r *RecordsFile) flush() error {
	if len(r.buffer) == 0 {
		return nil
	}
	if _, err := r.file.WriteAt(r.buffer, r.offset(r.filed+1)); err != nil {
		r.failed = fmt.Errorf("write records: %w", err)
		return r.failed
	}
	r.filed = r.length
	r.buffer = r.buffer[:0]
	return nil
}

// At implements Records.
func (r *RecordsFile) At(number uint64) ([]byte, error) {
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed != nil {
		return nil, r.failed
	}
	if number == 0 || number > r.length {
		return nil, fmt.Errorf("record %d of %d", number, r.length)
	}
	record := make([]byte, r.size)
	if number > r.filed {
		copy(record, r.buffer[int(number-r.filed-1)*r.size:])
		return record, nil
	}
	if _, err := r.file.ReadAt(record, r.offset(number)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read record %d: %w", number, err)
	}
	return record, nil
}

// Len implements Records.
func (r *RecordsFile) Len() uint64 {
	r.state.Lock()
	defer r.state.Unlock()
	return r.length
}

// Sync implements Records.
func (r *RecordsFile) Sync() error {
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed != nil {
		return r.failed
	}
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.file.Sync(); err != nil {
		r.failed = fmt.Errorf("sync records: %w", err)
	}
	return r.failed
}

// Close implements Records. Records that were not synced may be lost.
func (r *RecordsFile) Close() error {
	r.state.Lock()
	defer r.state.Unlock()
	if errors.Is(r.failed, ErrClosed) {
		return ErrClosed
	}
	before := r.failed
	r.failed = ErrClosed
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close records: %w", err)
	}
	return before
}
