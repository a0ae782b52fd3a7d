package signer

import (
	"io"
	"slices"
)

// Memory is a signer journal in RAM for simulation and tests, with fault switches. It
// implements JournalFile. It outlives the Signer that uses it, as a disk outlives a process.
type Memory struct {
	data []byte
	// failIn counts the appends until one fails; zero is never.
	failIn int
	kept   int
	fail   error
}

// NewMemory returns a memory journal that starts with a copy of data; nil is a new one.
func NewMemory(data []byte) *Memory { return &Memory{data: slices.Clone(data)} }

// FailAppend makes the nth append from now (1 is the next) keep only the first kept bytes and
// answer err: a crash in the middle of a write, or with kept at math.MaxInt one after it.
func (m *Memory) FailAppend(nth, kept int, err error) {
	m.failIn, m.kept, m.fail = nth, kept, err
}

// Bytes returns a copy of what is stored.
func (m *Memory) Bytes() []byte { return slices.Clone(m.data) }

// ReadAt reads as io.ReaderAt does.
func (m *Memory) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size returns the length in bytes.
func (m *Memory) Size() (int64, error) { return int64(len(m.data)), nil }

// Append adds p, or fails as FailAppend asked.
func (m *Memory) Append(p []byte) error {
	if m.failIn > 0 {
		m.failIn--
		if m.failIn == 0 {
			m.data = append(m.data, p[:min(len(p), m.kept)]...)
			return m.fail
		}
	}
	m.data = append(m.data, p...)
	return nil
}

// Truncate cuts to size bytes.
func (m *Memory) Truncate(size int64) error {
	m.data = m.data[:size]
	return nil
}
