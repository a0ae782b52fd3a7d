package table

import (
	"iter"
	"sync"
)

// Memory is a Store in memory, for simulation and tests. It is safe for concurrent use.
type Memory struct {
	rows   sync.Mutex // guards set and closed
	set    set
	closed bool
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{} }

// Get implements Reader.
func (m *Memory) Get(key []byte) (value []byte, ok bool, err error) {
	m.rows.Lock()
	defer m.rows.Unlock()
	if m.closed {
		return nil, false, ErrClosed
	}
	e, ok := m.set.get(key)
	return e.value, ok, nil
}

// Scan implements Reader.
func (m *Memory) Scan(from, to []byte, fn func(key, value []byte) bool) error {
	m.rows.Lock()
	if m.closed {
		m.rows.Unlock()
		return ErrClosed
	}
	chunks := m.set.acquire()
	m.rows.Unlock()
	defer func() {
		m.rows.Lock()
		m.set.release()
		m.rows.Unlock()
	}()
	at := newCursor(chunks, from, to)
	for e, ok := at.next(); ok; e, ok = at.next() {
		if !fn(e.key, e.value) {
			return nil
		}
	}
	return nil
}

// Apply implements Store.
func (m *Memory) Apply(w *Writes) error {
	m.rows.Lock()
	defer m.rows.Unlock()
	if m.closed {
		return ErrClosed
	}
	for _, chunk := range w.set.chunks {
		for _, e := range chunk {
			if e.deleted {
				m.set.remove(e.key)
			} else {
				m.set.put(e)
			}
		}
	}
	return nil
}

// Ingest implements Store.
func (m *Memory) Ingest(rows iter.Seq2[[]byte, []byte]) error {
	var entries []entry
	err := eachAscending(rows, func(key, value []byte) error {
		entries = append(entries, newEntry(key, value, false))
		return nil
	})
	if err != nil {
		return err
	}
	m.rows.Lock()
	defer m.rows.Unlock()
	if m.closed {
		return ErrClosed
	}
	for _, e := range entries {
		m.set.put(e)
	}
	return nil
}

// Clone returns an independent copy: the memory store's checkpoint.
func (m *Memory) Clone() *Memory {
	m.rows.Lock()
	defer m.rows.Unlock()
	return &Memory{set: set{chunks: cloneChunks(m.set.chunks), length: m.set.length}}
}

// Close implements Store.
func (m *Memory) Close() error {
	m.rows.Lock()
	defer m.rows.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.closed = true
	return nil
}
