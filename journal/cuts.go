package journal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"seyfert/wire"
)

// Cuts is where a machine keeps its whole state as it was behind some entry. The journal keeps
// the entries behind the older of the two newest cuts, and gives a replica that has fallen
// behind that a cut instead of entries.
type Cuts interface {
	// Kept returns the entries' indexes of the whole cuts on disk, oldest first. It is called
	// often, from any goroutine, and must not wait for the disk.
	Kept() []uint64
	// Open returns the files of a cut. Until release is called they stay where they are, and
	// their first Size bytes as they are. It is called from any goroutine.
	Open(index uint64) (files []CutFile, release func(), err error)
	// Install makes a whole cut out of the files of one, which are in a directory under their
	// names, checked and synced, and may be moved from there. The machine's state is that of
	// the cut when it returns, and will be when the process starts again. It is called by the
	// goroutine that calls Apply. After an error the journal stops.
	Install(index uint64, dir string) error
}

// CutFile is a file of a cut.
type CutFile struct {
	// Name is its name within the cut, a path with slashes.
	Name string
	// Path is where it stands now.
	Path string
	// Size is how many bytes of it, from the beginning, belong to the cut.
	Size int64
}

// keepEvery is how often the journal looks for new cuts.
const keepEvery = 200 * time.Millisecond

// sentKept is how many looks long the entries behind a cut that another replica was sent are kept
// for it; and as long again as the sending took.
const sentKept = 50

// mark says where a cut stands in raft's log. Marks are kept in the log's store, so they are as
// durable as the log, and survive the entries that they tell of.
type mark struct {
	// Index is that of the newest entry in the cut, Time the time in that entry's header.
	Index uint64 `cbor:"1,keyasint"`
	Time  int64  `cbor:"2,keyasint"`
	// Place and Term are raft's index and term of that entry.
	Place uint64 `cbor:"3,keyasint"`
	Term  uint64 `cbor:"4,keyasint"`
	// Members are those of the configuration in force there, Settled raft's index of it.
	Members []Replica `cbor:"5,keyasint"`
	Settled uint64    `cbor:"6,keyasint"`
}

// marksKept is how many marks are kept: of the cuts that are, and of one that comes in.
const marksKept = 8

func (m *mark) configuration() raft.Configuration {
	var c raft.Configuration
	for _, member := range m.Members {
		c.Servers = append(c.Servers, member.server())
	}
	return c
}

// readMarks returns the marks in the store, oldest first.
func (s *store) readMarks() ([]mark, error) {
	data, err := s.Get([]byte(marksKey))
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var marks []mark
	if err := wire.Unmarshal(data, &marks); err != nil {
		return nil, fmt.Errorf("read where the cuts are: %w", err)
	}
	return marks, nil
}

func (s *store) writeMarks(marks []mark) error {
	marks = marks[max(0, len(marks)-marksKept):]
	return s.Set([]byte(marksKey), wire.MustMarshal(marks))
}

// begin settles where raft starts: behind the newest cut that the machine's state contains and
// the journal knows the place of, or at the first entry. From there entries are read, and
// those that the state holds are passed over.
func (s *snapshots) begin(applied uint64) error {
	marks, err := s.store.readMarks()
	if err != nil {
		return err
	}
	at := -1
	for i := range marks {
		if marks[i].Index <= applied {
			at = i
		}
	}
	first, err := s.store.FirstIndex()
	if err != nil {
		return err
	}
	switch {
	case at >= 0:
		if err := s.resume(marks[at]); err != nil {
			return err
		}
	case first > 1 || first == 0 && s.store.Next() > 1:
		return fmt.Errorf("the state holds entries up to %d and the journal begins after %d; "+
			"restore a backup of both, or let a replica of several join anew",
			applied, s.store.Commands(max(first, 1)-1))
	}
	s.marks = marks[:at+1]
	if last := s.store.Commands(s.store.Next() - 1); applied > last {
		return beyondEnd(applied, last)
	}
	return nil
}

// resume makes the log go on behind a mark. If it does not reach there, or holds other logs, a
// cut of another replica was taken in and the process ended before the log was begun anew.
func (s *snapshots) resume(m mark) error {
	first, err := s.store.FirstIndex()
	if err != nil {
		return err
	}
	behind := first == m.Place+1 || first == 0 && s.store.Next() == m.Place+1
	switch {
	case behind: // the log was begun anew there
		if have := s.store.Commands(m.Place); have != m.Index {
			return fmt.Errorf("the journal counts %d entries where a cut holds %d", have, m.Index)
		}
	case first > m.Place:
		return fmt.Errorf("the journal has lost entry %d, which a cut stands at", m.Index)
	case s.store.Next() > m.Place:
		var log raft.Log
		if err := s.store.GetLog(m.Place, &log); err != nil {
			return err
		}
		if log.Term == m.Term {
			break
		}
		fallthrough
	default:
		if err := s.store.Reset(m.Place, m.Index); err != nil {
			return err
		}
	}
	s.applier.reach(m.Index, m.Time)
	return nil
}

// keep notes new cuts, and shortens the log, until raft has ended.
func (j *Raft) keep() {
	defer close(j.kept)
	if j.snapshots.cuts == nil {
		return
	}
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.halted:
			return
		case <-tick.C:
			if err := j.snapshots.keep(); err != nil {
				j.fail(fmt.Errorf("shorten the journal: %w", err))
				<-j.halted
				return
			}
		}
	}
}

// keep notes where new cuts stand, and deletes the entries before the oldest, if there are two.
func (s *snapshots) keep() error {
	s.state.Lock()
	defer s.state.Unlock()
	s.looks++
	kept := s.cuts.Kept()
	last, err := s.applier.lastIndex()
	if err != nil {
		return err
	}
	var marks []mark
	fresh := false
	for _, index := range kept {
		at, known := slices.BinarySearchFunc(s.marks, index, func(m mark, i uint64) int {
			return cmp.Compare(m.Index, i)
		})
		switch {
		case known:
			marks = append(marks, s.marks[at])
		case index <= last:
			m, ok, err := s.locate(index)
			if err != nil {
				return err
			}
			if ok {
				marks, fresh = append(marks, m), true
			}
		}
	}
	if fresh {
		if err := s.store.writeMarks(marks); err != nil {
			return err
		}
		s.marks = marks
	}
	if len(marks) < 2 {
		return nil
	}
	return s.truncate(marks[0].Place)
}

// locate finds where the entry of an index stands. ok is false if it is not kept.
func (s *snapshots) locate(index uint64) (m mark, ok bool, err error) {
	place, ok := s.store.Place(index)
	if !ok {
		return m, false, nil
	}
	var log raft.Log
	if err := s.store.GetLog(place, &log); err != nil {
		return m, false, err
	}
	e, err := DecodeEntry(log.Data)
	if err != nil {
		return m, false, err
	}
	members, settled := s.configurationAt(place)
	m = mark{
		Index: index, Time: e.Header.Time, Place: place, Term: log.Term,
		Members: membersOf(members), Settled: settled,
	}
	return m, true, nil
}

// configurationAt returns the members in force at an index of raft's. The caller holds state.
func (s *snapshots) configurationAt(place uint64) (raft.Configuration, uint64) {
	c, settled, ok := s.store.configurationAt(place)
	for i := len(s.marks) - 1; !ok && i >= 0; i-- {
		if s.marks[i].Place <= place {
			return s.marks[i].configuration(), s.marks[i].Settled
		}
	}
	return c, settled
}

// truncate deletes the logs before a place, but none that a replica which was sent a cut is
// still to get.
func (s *snapshots) truncate(place uint64) error {
	for out := range s.held {
		if out.until > 0 && out.until < s.looks {
			delete(s.held, out)
			continue
		}
		place = min(place, out.place)
	}
	first, err := s.store.FirstIndex()
	if err != nil || first == 0 || first >= place {
		return err
	}
	return s.store.DeleteRange(first, place-1)
}
