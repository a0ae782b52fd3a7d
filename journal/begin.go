package journal

import (
	"errors"
	"fmt"
)

// Begin makes the journal of a node whose state was restored from a backup: it begins behind an
// entry that it does not hold, whose index and time, in Unix milliseconds, are given. dir must
// hold no journal. The machine that opens it must stand at that entry, with a cut there, which
// the journal goes on behind for as long as no newer ones are kept. Whoever opens it is its only
// member.
func Begin(dir string, index uint64, at int64) error {
	if index == 0 {
		return errors.New("begin a journal: behind no entry")
	}
	var failed error
	s, err := openStore(RaftConfig{Dir: dir, SegmentBytes: SegmentBytesDefault}, func(err error) {
		failed = err
	})
	if err != nil {
		return fmt.Errorf("begin a journal: %w", err)
	}
	return errors.Join(s.beginBehind(index, at), failed, s.close())
}

// beginBehind writes where the log begins before it begins there: what a crash leaves undone in
// between, the first start does (snapshots.begin).
func (s *store) beginBehind(index uint64, at int64) error {
	last, err := s.LastIndex()
	if err == nil && (last > 0 || s.Next() > 1) {
		err = errors.New("there is a journal already")
	}
	if err != nil {
		return fmt.Errorf("begin a journal: %w", err)
	}
	alone := (&RaftConfig{}).self()
	m := mark{
		Index: index, Time: at, Place: index, Term: 1, Members: []Replica{alone}, Settled: index,
	}
	return errors.Join(s.SetUint64([]byte(currentTermKey), m.Term), s.writeMarks([]mark{m}),
		s.note(s.Reset(m.Place, m.Index)))
}
