package node

import (
	"sync"

	"seyfert/core"
	"seyfert/journal"
)

// State guards core: the journal is its one writer, everyone else reads between entries. It
// implements journal.Machine.
type State struct {
	// mu guards core; changed is closed and replaced after each entry, work after each that may
	// have left something for a worker.
	mu      sync.RWMutex
	core    *core.Core
	changed chan struct{}
	work    chan struct{}
	// keep, if set, is called after an entry with the state still locked: it makes cuts.
	keep func(c *core.Core)
	// end, if set, ends the process when the machine has no room for the state, or the state must
	// go no further.
	end func(err error)
}

// NewState takes a core over; keep may be nil.
func NewState(c *core.Core, keep func(c *core.Core)) *State {
	return &State{
		core: c, changed: make(chan struct{}), work: make(chan struct{}), keep: keep,
	}
}

// EndBy sets what ends the process when the machine has no room for the state: its disk is full,
// its files are all in use. It is told a *core.Halt too. end must not return: half of an entry is
// applied by then, and nobody may read that. The entry is in the journal, and the next start
// applies it as a whole. Without end the state panics, as it does over anything else that must
// not happen. It is called before the journal is opened.
func (s *State) EndBy(end func(err error)) { s.end = end }

// Apply implements journal.Machine.
func (s *State) Apply(index uint64, e journal.Entry) []journal.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		defer s.endIfHindered()
	}
	results, seal := s.core.Decide(index, e)
	if seal != nil {
		go s.run(seal)
	}
	if s.keep != nil {
		s.keep(s.core)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	if !onlyBooks(e) {
		close(s.work)
		s.work = make(chan struct{})
	}
	return results
}

// onlyBooks says whether an entry only moves money within the books, which leaves nothing to be
// sent, written on the chain or signed. Most entries of a busy node do, and workers who look at
// their lists after each of them would take what the next entry needs.
func onlyBooks(e journal.Entry) bool {
	for _, c := range e.Commands {
		if c.Kind != core.KindPost {
			return false
		}
	}
	return len(e.Commands) > 0
}

// run writes what an entry left while the next one is decided. Whoever reads the state, replaces
// it or closes the store waits for its end.
func (s *State) run(seal *core.Seal) {
	if s.end != nil {
		defer s.endIfHindered()
	}
	seal.Run()
}

// replace puts another state into the place of this one, which open ends before it opens the
// other.
func (s *State) replace(open func() (*core.Core, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := open()
	if err != nil {
		return err
	}
	s.core = c
	close(s.changed)
	s.changed = make(chan struct{})
	close(s.work)
	s.work = make(chan struct{})
	return nil
}

// endIfHindered is deferred while the state changes.
func (s *State) endIfHindered() {
	p := recover()
	err, ok := p.(error)
	if _, halted := p.(*core.Halt); halted || ok && hindered(err) {
		s.end(err)
	}
	if p != nil {
		panic(p)
	}
}

// Applied is the index of the newest entry in the state.
func (s *State) Applied() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.core.Applied()
}

// StateHash is the chain over all write-sets; equal journals give equal hashes.
func (s *State) StateHash() [32]byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.core.StateHash()
}

// Read calls fn with a view that no entry changes while fn runs. fn must not call back into the
// node's use cases.
func (s *State) Read(fn func(v core.View)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fn(s.core.View())
}

// alone calls fn while nothing else reads or changes the state.
func (s *State) alone(fn func(c *core.Core)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s.core)
}

// Changed returns a channel that is closed when the next entry has been applied. Take it before
// reading what is waited for.
func (s *State) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Work is Changed for workers: its channel stays open over entries that are only of the books.
func (s *State) Work() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.work
}

// read is Read with a result.
func read[T any](s *State, fn func(v core.View) T) T {
	var out T
	s.Read(func(v core.View) { out = fn(v) })
	return out
}
