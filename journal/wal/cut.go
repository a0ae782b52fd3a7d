package wal

import (
	"errors"
	"fmt"
)

// DeleteRange implements raft.LogStore: the range reaches to the first or to the last log.
func (l *Log) DeleteRange(from, to uint64) error {
	l.dropping.Lock()
	defer l.dropping.Unlock()
	gone, err := l.deleteRange(from, to)
	if err != nil {
		return fmt.Errorf("delete logs %d to %d: %w", from, to, err)
	}
	return l.remove(gone)
}

// deleteRange returns the segments that have no use any more.
func (l *Log) deleteRange(from, to uint64) ([]*segment, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	first, next := l.logs.first, l.logs.next
	switch {
	case l.broken != nil:
		return nil, l.broken
	case from > to || to < first || from >= next:
		return nil, nil
	case from <= first:
		return l.moveFirst(min(to+1, next))
	case to+1 >= next:
		return nil, l.cutTail(from)
	}
	return nil, fmt.Errorf("they are in the middle of %d to %d", first, next-1)
}

// moveFirst forgets the logs before first.
func (l *Log) moveFirst(first uint64) ([]*segment, error) {
	if err := l.write(func(p *packer) { p.number(kindFirst, first) }); err != nil {
		return nil, err
	}
	l.state.Lock()
	defer l.state.Unlock()
	l.logs.moveFirst(first)
	l.late.cutHead(first)
	return l.dropSegments(), nil
}

// dropSegments takes the oldest segments that hold no kept log out of the list. The one after
// them has been written to: it says all that they said.
func (l *Log) dropSegments() []*segment {
	count := 0
	for count < len(l.segs)-1 && l.segs[count].end() <= l.logs.first && l.segs[count+1].used > 0 {
		count++
	}
	gone := l.segs[:count:count]
	l.segs = append([]*segment(nil), l.segs[count:]...)
	return gone
}

// remove removes segments that nobody sees any more, the oldest first.
func (l *Log) remove(gone []*segment) error {
	for _, s := range gone {
		if err := errors.Join(s.file.Close(), l.files.Remove(segmentName(s.number))); err != nil {
			return fmt.Errorf("remove segment %d: %w", s.number, err)
		}
	}
	return nil
}

// cutTail forgets the logs from next on.
func (l *Log) cutTail(next uint64) error {
	commands := l.logs.commandsAt(next - 1)
	if err := l.write(func(p *packer) { p.pair(kindNext, next, commands) }); err != nil {
		return err
	}
	l.state.Lock()
	defer l.state.Unlock()
	l.cutPlaces(next, commands)
	return nil
}

// cutPlaces makes next the index of the next log. The caller holds state.
func (l *Log) cutPlaces(next, commands uint64) {
	l.logs.cutTail(next, commands)
	l.late.cutTail(next)
	for _, s := range l.segs {
		s.cut(next)
	}
}

// Reset forgets all logs: the next one has the index after that of a snapshot, up to which there
// were so many commands. Raft's values stay.
func (l *Log) Reset(index, commands uint64) error {
	l.dropping.Lock()
	defer l.dropping.Unlock()
	gone, err := l.restart(index+1, commands)
	if err != nil {
		return fmt.Errorf("reset the log: %w", err)
	}
	return l.remove(gone)
}

func (l *Log) restart(next, commands uint64) ([]*segment, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.write(func(p *packer) { p.pair(kindReset, next, commands) }); err != nil {
		return nil, err
	}
	l.state.Lock()
	defer l.state.Unlock()
	l.reset(next, commands)
	return l.dropSegments(), nil
}

func (l *Log) reset(next, commands uint64) {
	l.logs = newLogs(next, commands)
	l.late.cutTail(0)
	for _, s := range l.segs {
		s.base, s.places = next, nil
	}
}
