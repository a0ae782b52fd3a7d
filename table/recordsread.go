package table

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// recordsReadBytes is how much of the file is read at once, and the most that is copied from
// memory while Append waits.
const recordsReadBytes = 64 << 10

// At implements Records.
func (r *RecordsFile) At(number uint64) ([]byte, error) {
	if err := r.within(number); err != nil {
		return nil, err
	}
	record := make([]byte, r.stride())
	if number > r.filed.Load() && r.remember(number, record[:r.size]) > 0 {
		return record[:r.size:r.size], nil
	}
	if err := r.readFiled(number, record, record); err != nil {
		return nil, err
	}
	return record[:r.size:r.size], nil
}

// Read implements Records.
func (r *RecordsFile) Read(first uint64, into []byte) (int, error) {
	mustFit(len(into), r.size)
	if err := r.within(first); err != nil {
		return 0, err
	}
	count := min(uint64(len(into)/r.size), r.length.Load()-first+1)
	into = into[:count*uint64(r.size)]
	for number := first; len(into) > 0; {
		done := 0
		if filed := r.filed.Load(); number <= filed {
			done = int(min(uint64(len(into)/r.size), filed-number+1))
			if err := r.readMany(number, into[:done*r.size]); err != nil {
				return 0, err
			}
		} else {
			done = r.remember(number, into)
		}
		number += uint64(done)
		into = into[done*r.size:]
	}
	return int(count), nil
}

// Check reads filed records from first to last and compares their checksums: what a read of
// each would find, in one go.
func (r *RecordsFile) Check(first, last uint64) error {
	if last > r.filed.Load() {
		return fmt.Errorf("check records to %d: the file has %d", last, r.filed.Load())
	}
	into := make([]byte, recordsReadBytes/r.stride()*r.size)
	for number := first; number <= last; {
		count := min(uint64(len(into)/r.size), last-number+1)
		if err := r.readMany(number, into[:count*uint64(r.size)]); err != nil {
			return err
		}
		number += count
	}
	return nil
}

// within checks that there is such a record, and that the file can be read.
func (r *RecordsFile) within(number uint64) error {
	if err := r.failure(); err != nil {
		return err
	}
	if length := r.length.Load(); number == 0 || number > length {
		return fmt.Errorf("record %d of %d", number, length)
	}
	return nil
}

// remember copies records that are still in memory, from a number that is not above Len, and
// returns how many: 0 if that one has come into the file meanwhile, and fewer than fit so that
// Append never waits long.
func (r *RecordsFile) remember(number uint64, into []byte) int {
	r.state.Lock()
	defer r.state.Unlock()
	filed := r.filed.Load()
	if number <= filed {
		return 0
	}
	stride := r.stride()
	at := int(number-filed-1)*stride + r.head
	per := recordsChunkBytes / stride * stride // bytes of a full chunk
	chunk := r.chunks[at/per][at%per:]
	count := min(len(chunk)/stride, len(into)/r.size, max(1, recordsReadBytes/stride))
	for i := range count {
		copy(into[i*r.size:(i+1)*r.size], chunk[i*stride:])
	}
	return count
}

// readMany reads records that are all filed.
func (r *RecordsFile) readMany(first uint64, into []byte) error {
	buffer, _ := r.buffers.Get().(*[]byte)
	if buffer == nil {
		fresh := make([]byte, recordsReadBytes/r.stride()*r.stride())
		buffer = &fresh
	}
	defer r.buffers.Put(buffer)
	for number := first; len(into) > 0; {
		count := min(len(into)/r.size, len(*buffer)/r.stride())
		err := r.readFiled(number, into[:count*r.size], (*buffer)[:count*r.stride()])
		if err != nil {
			return err
		}
		number += uint64(count)
		into = into[count*r.size:]
	}
	return nil
}

// readFiled reads as many filed records as fill the buffer. Into may be the buffer itself if
// that is one record.
func (r *RecordsFile) readFiled(first uint64, into, buffer []byte) error {
	_, err := r.file.ReadAt(buffer, r.offset(first))
	if errors.Is(err, os.ErrClosed) {
		return ErrClosed
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = r.take(into, buffer, first)
	}
	if err != nil {
		return fmt.Errorf("read records from %d: %w", first, err)
	}
	return nil
}
