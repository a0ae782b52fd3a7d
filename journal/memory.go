package journal

import (
	"context"
	"fmt"
	"sync"
)

// Memory is a journal in memory, for simulation and tests: every command is an entry of its
// own and is applied before Propose returns, in the goroutine of its caller. What it keeps,
// Entries returns, and NewMemory takes back: a crash and a restart.
type Memory struct {
	settings Settings
	machine  Machine

	log     sync.Mutex // guards all below and is held while the machine applies
	entries [][]byte
	newest  int64 // time of the newest header
	closed  bool
	over    chan struct{} // closed by Close
	grown   chan struct{} // closed and replaced when an entry is applied
}

// NewMemory opens a journal that already holds the entries kept, in order. Those after the
// machine's cut are applied to it before NewMemory returns.
func NewMemory(s Settings, m Machine, kept [][]byte) (*Memory, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	cut := s.cut()
	if cut > uint64(len(kept)) {
		return nil, beyondEnd(cut, uint64(len(kept)))
	}
	j := &Memory{
		settings: s,
		machine:  m,
		entries:  append([][]byte(nil), kept...),
		over:     make(chan struct{}),
		grown:    make(chan struct{}),
	}
	for index := max(cut, 1); index <= uint64(len(kept)); index++ {
		e, err := DecodeEntry(kept[index-1])
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", index, err)
		}
		if index > cut {
			apply(m, index, e)
		}
		j.newest = max(j.newest, e.Header.Time)
	}
	return j, nil
}

// beyondEnd says that a state holds entries which its journal has lost.
func beyondEnd(cut, last uint64) error {
	return fmt.Errorf("journal: the state holds entry %d and the journal ends at %d", cut, last)
}

// Propose writes the command and returns what the machine answered. The body must not be
// changed afterwards. An error is a *fault.Error (invalid, too large, unavailable), or comes
// from ctx; a command that the machine refuses is a result with a Fault, not an error.
func (j *Memory) Propose(ctx context.Context, c Command) (Result, error) {
	if refused := c.validate(); refused != nil {
		return Result{}, refused
	}
	if ctx.Err() != nil {
		return Result{}, waitError(ctx)
	}
	j.log.Lock()
	defer j.log.Unlock()
	if j.closed {
		return Result{}, errStopped
	}
	header := j.settings.header(j.newest)
	j.newest = header.Time
	data := Entry{Header: header, Commands: []Command{c}}.Encode()
	// The machine gets what a replay would read, so a simulation tries the encoding too.
	e, err := DecodeEntry(data)
	if err != nil {
		panic(err)
	}
	j.entries = append(j.entries, data)
	results := apply(j.machine, uint64(len(j.entries)), e)
	close(j.grown)
	j.grown = make(chan struct{})
	return results[0], nil
}

// Entries returns the encoded entries so far, which must not be changed.
func (j *Memory) Entries() [][]byte {
	j.log.Lock()
	defer j.log.Unlock()
	return append([][]byte(nil), j.entries...)
}

// FirstIndex returns the index of the first entry, or 0 if there is none.
func (j *Memory) FirstIndex() uint64 { return min(j.LastIndex(), 1) }

// LastIndex returns the index of the last applied entry, or 0 if there is none.
func (j *Memory) LastIndex() uint64 {
	j.log.Lock()
	defer j.log.Unlock()
	return uint64(len(j.entries))
}

// Read calls fn for the entries from index from on, in order, until fn returns false or the
// entries applied when Read was called are done. From zero means from the first.
func (j *Memory) Read(from uint64, fn func(index uint64, e Entry) bool) error {
	entries := j.Entries()
	for index := max(from, 1); index <= uint64(len(entries)); index++ {
		e, err := DecodeEntry(entries[index-1])
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if !fn(index, e) {
			return nil
		}
	}
	return nil
}

// Failed returns a channel that never delivers: memory does not fail.
func (j *Memory) Failed() <-chan error { return nil }

// Close refuses later proposals. Reads go on.
func (j *Memory) Close() error {
	j.log.Lock()
	defer j.log.Unlock()
	if j.closed {
		return errStopped
	}
	j.closed = true
	close(j.over)
	return nil
}

// Leading returns at once: memory always leads, until it is closed.
func (j *Memory) Leading(context.Context) (Lead, error) {
	j.log.Lock()
	defer j.log.Unlock()
	if j.closed {
		return Lead{}, errStopped
	}
	return Lead{Term: 1, Over: j.over}, nil
}

// Barrier returns the index of the newest applied entry: everything acknowledged is applied.
func (j *Memory) Barrier(ctx context.Context) (index uint64, err error) {
	if _, err := j.Leading(ctx); err != nil {
		return 0, err
	}
	return j.LastIndex(), nil
}

// WaitApplied waits until the entry of an index is applied.
func (j *Memory) WaitApplied(ctx context.Context, index uint64) error {
	for {
		j.log.Lock()
		last, grown := uint64(len(j.entries)), j.grown
		j.log.Unlock()
		if index <= last {
			return nil
		}
		select {
		case <-grown:
		case <-j.over:
			return errStopped
		case <-ctx.Done():
			return waitError(ctx)
		}
	}
}
