package wal

import (
	"cmp"
	"slices"
)

// logs says which indexes are kept, and where the commands among them are.
type logs struct {
	// first is the index of the first kept log, next that of the one to come.
	first, next uint64
	// runs are stretches of commands, oldest first. Each ends where the next one begins, with
	// logs in between that are none.
	runs []run
}

// run is a stretch: the index of its first command and the number of commands before that.
type run struct{ index, commands uint64 }

// newLogs are no logs: next is the index of the first to come, after so many commands.
func newLogs(next, commands uint64) logs {
	return logs{first: next, next: next, runs: []run{{next, commands}}}
}

func (l *logs) empty() bool { return l.first == l.next }

// add counts the next log.
func (l *logs) add(command bool) {
	if !command {
		if last := &l.runs[len(l.runs)-1]; last.index == l.next {
			last.index++
		} else {
			l.runs = append(l.runs, run{l.next + 1, l.commandsAt(l.next - 1)})
		}
	}
	l.next++
}

// commandsAt is the number of commands up to an index.
func (l *logs) commandsAt(index uint64) uint64 {
	at, exact := slices.BinarySearchFunc(l.runs, index, func(r run, i uint64) int {
		return cmp.Compare(r.index, i)
	})
	if !exact {
		at--
	}
	if at < 0 {
		return l.runs[0].commands
	}
	r := l.runs[at]
	count := min(index+1, max(l.next, r.index)) - r.index
	if at+1 < len(l.runs) {
		count = min(count, l.runs[at+1].commands-r.commands)
	}
	return r.commands + count
}

// place is the index of a command, counted from 1; of one that is not kept it is any index
// that is not kept either.
func (l *logs) place(command uint64) uint64 {
	at, _ := slices.BinarySearchFunc(l.runs, command, func(r run, c uint64) int {
		return cmp.Compare(r.commands, c)
	})
	// Several runs may begin after the same number of commands; the last one before counts.
	if at--; at < 0 {
		return 0
	}
	return l.runs[at].index + command - l.runs[at].commands - 1
}

// other is the newest kept log up to an index that is no command; 0 if there is none.
func (l *logs) other(index uint64) uint64 {
	index = min(index, l.next-1)
	for at := len(l.runs) - 1; at > 0; at-- {
		// Between the commands of the run before and this one there are only others.
		ended := l.runs[at-1].index + l.runs[at].commands - l.runs[at-1].commands
		if index >= ended {
			return l.kept(min(index, l.runs[at].index-1))
		}
	}
	return l.kept(min(index, l.runs[0].index-1))
}

// kept is an index if that log is kept, 0 otherwise.
func (l *logs) kept(index uint64) uint64 {
	if index < l.first || index >= l.next {
		return 0
	}
	return index
}

// moveFirst forgets the logs before first.
func (l *logs) moveFirst(first uint64) {
	l.first = first
	count := 0
	for count+1 < len(l.runs) && l.runs[count+1].index <= first {
		count++
	}
	l.runs = slices.Clone(l.runs[count:])
}

// cutTail forgets the logs from next on; before it are so many commands.
func (l *logs) cutTail(next, commands uint64) {
	if next < l.runs[0].index { // logs that are in a segment which has gone
		l.first, l.next, l.runs = min(l.first, next), next, []run{{next, commands}}
		return
	}
	for n := len(l.runs); n > 1 && l.runs[n-1].index > next; n-- {
		l.runs = l.runs[:n-1]
	}
	l.first, l.next = min(l.first, next), next
	last := l.runs[len(l.runs)-1]
	if last.commands+next-last.index != commands {
		l.runs = append(l.runs, run{next, commands})
	}
}
