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
	closed  bool
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
	for at := cut; at < uint64(len(kept)); at++ {
		e, err := DecodeEntry(kept[at])
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", at+1, err)
		}
		apply(m, at+1, e)
	}
	return &Memory{
		settings: s,
		machine:  m,
		entries:  append([][]byte(nil), kept...),
	}, nil
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
	data := Entry{Header: j.settings.header(), Commands: []Command{c}}.Encode()
	// The machine gets what a replay would read, so a simulation tries the encoding too.
	e, err := DecodeEntry(data)
	if err != nil {
		panic(err)
	}
	j.entries = append(j.entries, data)
	return apply(j.machine, uint64(len(j.entries)), e)[0], nil
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
	return nil
}
