package table

import (
	"fmt"
	"sync"
)

// RecordsMemory is Records in memory, for simulation and tests.
type RecordsMemory struct {
	size int

	state  sync.RWMutex // guards all below
	bytes  []byte
	closed bool
}

// NewRecordsMemory makes an empty run of records of size bytes.
func NewRecordsMemory(size int) *RecordsMemory {
	if size <= 0 || size > RecordSizeMax {
		panic(fmt.Sprintf("table: record size %d is out of range", size))
	}
	return &RecordsMemory{size: size}
}

// Clone returns an independent copy of the first keep records; more than Len panics.
func (r *RecordsMemory) Clone(keep uint64) *RecordsMemory {
	r.state.RLock()
	defer r.state.RUnlock()
	kept := append([]byte(nil), r.bytes[:keep*uint64(r.size)]...)
	return &RecordsMemory{size: r.size, bytes: kept}
}

// Append implements Records. A record of another size panics.
func (r *RecordsMemory) Append(record []byte) error {
	mustBeOne(len(record), r.size)
	return r.AppendMany(record)
}

// AppendMany implements Records. Anything but whole records panics.
func (r *RecordsMemory) AppendMany(records []byte) error {
	mustFit(len(records), r.size)
	r.state.Lock()
	defer r.state.Unlock()
	if r.closed {
		return ErrClosed
	}
	r.bytes = append(r.bytes, records...)
	return nil
}

// At implements Records.
func (r *RecordsMemory) At(number uint64) ([]byte, error) {
	record := make([]byte, r.size)
	if _, err := r.Read(number, record); err != nil {
		return nil, err
	}
	return record, nil
}

// Read implements Records.
func (r *RecordsMemory) Read(first uint64, into []byte) (int, error) {
	mustFit(len(into), r.size)
	r.state.RLock()
	defer r.state.RUnlock()
	if r.closed {
		return 0, ErrClosed
	}
	if length := uint64(len(r.bytes) / r.size); first == 0 || first > length {
		return 0, fmt.Errorf("record %d of %d", first, length)
	}
	return copy(into, r.bytes[int(first-1)*r.size:]) / r.size, nil
}

// Len implements Records.
func (r *RecordsMemory) Len() uint64 {
	r.state.RLock()
	defer r.state.RUnlock()
	return uint64(len(r.bytes) / r.size)
}

// Sync implements Records.
func (r *RecordsMemory) Sync() error {
	r.state.RLock()
	defer r.state.RUnlock()
	if r.closed {
		return ErrClosed
	}
	return nil
}

// Close implements Records.
func (r *RecordsMemory) Close() error {
	r.state.Lock()
	defer r.state.Unlock()
	if r.closed {
		return ErrClosed
	}
	r.closed = true
	return nil
}
