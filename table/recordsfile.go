package table

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// Limits of a records file.
const (
	// RecordsBacklogMax is how many bytes may wait to be written to the file. Only when the
	// disk is that far behind does Append wait for it.
	RecordsBacklogMax = 32 << 20
	// recordsChunkBytes is how much is collected before it is written.
	recordsChunkBytes = 1 << 20
	// recordsSpareMax is how many chunks are kept for later use.
	recordsSpareMax = 2
	// recordsCheckedBytes is how much of the end is checked when a file is opened: a disk
	// that lost writes lost the last ones.
	recordsCheckedBytes = 4 << 20
)

// File is what a records file needs of the operating system's file; tests put faults in. Reads
// and writes of different places, and Sync beside both, must be safe to call at once.
type File interface {
	ReadAt(p []byte, offset int64) (int, error)
	WriteAt(p []byte, offset int64) (int, error)
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// RecordsFile is Records in a file. A goroutine of its own writes full chunks out, so that
// Append copies and returns. After an error of a write or a sync every later call returns that
// error: what the file then holds is not known.
type RecordsFile struct {
	layout
	file File

	// length counts all records; written under state.
	length atomic.Uint64
	// filed counts those that the file holds; written by writeOut under state. Reads of them
	// take no lock.
	filed atomic.Uint64
	// stopped says that failed is set.
	stopped atomic.Bool

	state sync.Mutex // guards all below
	// chunks hold the records that are not filed, and those of the first chunk that are. All
	// but the last are full.
	chunks [][]byte
	// head is how many bytes of the first chunk are filed.
	head  int
	spare [][]byte
	// wanted is the length up to which records are to be written out although their chunk is
	// not full.
	wanted uint64
	failed error
	work   sync.Cond // for writeOut: a chunk is full, wanted or failed is set
	filing sync.Cond // for the others: filed or failed has changed

	syncing sync.Mutex // held by the one Sync that is under way
	// written is closed when writeOut has returned.
	written chan struct{}
	// buffers holds *[]byte of recordsReadBytes for reads of several records.
	buffers sync.Pool
}

// OpenRecords opens the file at path for records of size bytes, making it if it is absent,
// and keeps the first keep records: what follows belongs to no checkpoint and is cut off. A
// file with fewer records, made for another size, or damaged near the end is refused.
func OpenRecords(path string, size int, keep uint64) (*RecordsFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	r, err := NewRecordsFile(earlyFile{file}, size, keep)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	// The file's name must be as durable as what Sync will make durable in it.
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("open records: %w", err), r.Close())
	}
	return r, nil
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// RecordsFileSize is how many bytes of a file, from its beginning, hold its first count records
// of size bytes each.
func RecordsFileSize(size int, count uint64) int64 {
	return newLayout(size).offset(count + 1)
}

// NewRecordsFile is OpenRecords over a file that is open already, and that it closes in the
// end unless it returns an error.
func NewRecordsFile(file File, size int, keep uint64) (*RecordsFile, error) {
	if size <= 0 || size > RecordSizeMax {
		return nil, fmt.Errorf("open records: size %d is out of range", size)
	}
	r := &RecordsFile{layout: newLayout(size), file: file, written: make(chan struct{})}
	r.work.L, r.filing.L = &r.state, &r.state
	if err := r.cut(keep); err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	r.length.Store(keep)
	r.filed.Store(keep)
	last := uint64(recordsCheckedBytes / r.stride())
	if err := r.Check(keep-min(keep, last)+1, keep); err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	go r.writeOut()
	return r, nil
}

// cut checks the header, writing it into a new file, and truncates to the records kept.
func (r *RecordsFile) cut(keep uint64) error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < recordsHeaderSize && keep == 0 {
		if err := r.file.Truncate(0); err != nil {
			return err
		}
		_, err := r.file.WriteAt(r.header(), 0)
		return err
	}
	found := make([]byte, recordsHeaderSize)
	if _, err := r.file.ReadAt(found, 0); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if string(found) != string(r.header()) {
		return fmt.Errorf("header %x is not that of a file of %d-byte records", found, r.size)
	}
	if have := uint64(info.Size()-recordsHeaderSize) / uint64(r.stride()); have < keep {
		return fmt.Errorf("%d records where %d are to be kept", have, keep)
	}
	return r.file.Truncate(r.offset(keep + 1))
}

// Append implements Records. A record of another size panics: it is a fault of the program.
func (r *RecordsFile) Append(record []byte) error {
	mustBeOne(len(record), r.size)
	return r.AppendMany(record)
}

// AppendMany implements Records. Anything but whole records panics.
func (r *RecordsFile) AppendMany(records []byte) error {
	mustFit(len(records), r.size)
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed != nil {
		return r.failed
	}
	number := r.length.Load()
	for len(records) > 0 {
		chunk, err := r.room()
		if err != nil {
			return err
		}
		for len(*chunk) < cap(*chunk) && len(records) > 0 {
			number++
			*chunk = r.put(*chunk, number, records[:r.size])
			records = records[r.size:]
		}
		r.length.Store(number)
		if len(*chunk) == cap(*chunk) {
			r.work.Signal()
		}
	}
	return nil
}

// room returns the chunk that the next record goes into. The caller holds state, which is let
// go while the backlog is full.
func (r *RecordsFile) room() (*[]byte, error) {
	if last := len(r.chunks) - 1; last >= 0 && len(r.chunks[last]) < cap(r.chunks[last]) {
		return &r.chunks[last], nil
	}
	for len(r.chunks) >= RecordsBacklogMax/recordsChunkBytes {
		r.filing.Wait()
		if r.failed != nil {
			return nil, r.failed
		}
	}
	var chunk []byte
	if last := len(r.spare) - 1; last >= 0 {
		chunk, r.spare = r.spare[last], r.spare[:last]
	} else {
		chunk = make([]byte, 0, recordsChunkBytes/r.stride()*r.stride())
	}
	r.chunks = append(r.chunks, chunk)
	return &r.chunks[len(r.chunks)-1], nil
}

// writeOut is the goroutine that hands chunks to the file, until Close or a failure.
func (r *RecordsFile) writeOut() {
	defer close(r.written)
	r.state.Lock()
	defer r.state.Unlock()
	for r.failed == nil {
		due := r.due()
		if len(due) == 0 {
			r.work.Wait()
			continue
		}
		offset := r.offset(r.filed.Load() + 1)
		r.state.Unlock()
		_, err := r.file.WriteAt(due, offset)
		r.state.Lock()
		if err != nil {
			r.fail(fmt.Errorf("write records: %w", err))
			return
		}
		r.settle(len(due))
	}
}

// due returns what is to be written now: the rest of the first chunk if it is full or somebody
// waits for it. The caller holds state.
func (r *RecordsFile) due() []byte {
	if len(r.chunks) == 0 {
		return nil
	}
	first := r.chunks[0]
	if len(first) < cap(first) && r.wanted <= r.filed.Load() {
		return nil
	}
	return first[r.head:]
}

// settle counts bytes of the first chunk as written. The caller holds state.
func (r *RecordsFile) settle(written int) {
	r.filed.Add(uint64(written / r.stride()))
	r.head += written
	if first := r.chunks[0]; r.head == cap(first) {
		r.chunks, r.head = slices.Delete(r.chunks, 0, 1), 0
		if len(r.spare) < recordsSpareMax {
			r.spare = append(r.spare, first[:0])
		}
	}
	r.filing.Broadcast()
}

// fail makes every later call return err. The caller holds state.
func (r *RecordsFile) fail(err error) {
	if r.failed == nil {
		r.failed = err
		r.stopped.Store(true)
	}
	r.work.Broadcast()
	r.filing.Broadcast()
}

// failure returns the error that every call returns, if there is one.
func (r *RecordsFile) failure() error {
	if !r.stopped.Load() {
		return nil
	}
	r.state.Lock()
	defer r.state.Unlock()
	return r.failed
}

// Len implements Records.
func (r *RecordsFile) Len() uint64 { return r.length.Load() }

// Sync implements Records. Records that are appended meanwhile may be durable afterwards.
func (r *RecordsFile) Sync() error {
	r.syncing.Lock()
	defer r.syncing.Unlock()
	if err := r.write(); err != nil {
		return err
	}
	if err := r.file.Sync(); err != nil {
		r.state.Lock()
		defer r.state.Unlock()
		r.fail(fmt.Errorf("sync records: %w", err))
		return r.failed
	}
	return nil
}

// write returns when the file has every record so far.
func (r *RecordsFile) write() error {
	r.state.Lock()
	defer r.state.Unlock()
	length := r.length.Load()
	r.wanted = max(r.wanted, length)
	r.work.Signal()
	for r.failed == nil && r.filed.Load() < length {
		r.filing.Wait()
	}
	return r.failed
}

// Close implements Records. Records that were not synced may be lost.
func (r *RecordsFile) Close() error {
	r.state.Lock()
	before := r.failed
	r.failed = nil
	r.fail(ErrClosed)
	r.state.Unlock()
	if errors.Is(before, ErrClosed) {
		return ErrClosed
	}
	<-r.written
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close records: %w", err)
	}
	return before
}
