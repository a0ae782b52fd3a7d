package node

import (
	"maps"
	"slices"
	"sync"
)

// shelf says which cuts are whole and who reads them. Everybody may call it; nobody waits for
// the disk with its lock.
type shelf struct {
	mu sync.Mutex // guards all below
	// whole are the cuts that can be opened, oldest first.
	whole []uint64
	// held counts, by a cut's index, who reads it: it stays although it is not kept any more. 0
	// is the state before the first entry, which has no files.
	held map[uint64]int
}

// begin says that a cut is the only whole one; 0 means that there is none.
func (s *shelf) begin(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = s.whole[:0]
	if index > 0 {
		s.whole = append(s.whole, index)
	}
}

// add says that a cut is whole.
func (s *shelf) add(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, found := slices.BinarySearch(s.whole, index); !found {
		s.whole = slices.Insert(s.whole, at, index)
	}
}

// kept returns what the journal is to keep the entries behind: none while all are wanted.
func (s *shelf) kept() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[0] > 0 {
		return nil
	}
	return slices.Clone(s.whole)
}

// hold keeps a whole cut until release is called as often as hold was; ok is false if it is gone.
func (s *shelf) hold(index uint64) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index > 0 && !slices.Contains(s.whole, index) {
		return false
	}
	if s.held == nil {
		s.held = map[uint64]int{}
	}
	s.held[index]++
	return true
}

func (s *shelf) release(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[index]--; s.held[index] <= 0 {
		delete(s.held, index)
	}
}

// keep forgets all but the newest cuts and those that somebody reads, and returns which files
// are still needed.
func (s *shelf) keep(newest int) map[uint64]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := len(s.whole) - newest
	place := -1
	s.whole = slices.DeleteFunc(s.whole, func(index uint64) bool {
		place++
		return place < old && s.held[index] == 0
	})
	needed := map[uint64]bool{}
	for _, index := range slices.Concat(s.whole, slices.Collect(maps.Keys(s.held))) {
		needed[index] = true
	}
	return needed
}
