package wal_test

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"seyfert/journal/wal"
)

// model is what a log ought to hold, kept in the plainest way.
type model struct {
	first, next uint64
	logs        []raft.Log // from first on
	before      []uint64   // commands up to first-1, first, ...
	values      map[string]string
}

func newModel() *model {
	return &model{first: 1, next: 1, before: []uint64{0}, values: map[string]string{}}
}

func (m *model) clone() *model {
	other := *m
	other.logs, other.before = slices.Clone(m.logs), slices.Clone(m.before)
	other.values = maps.Clone(m.values)
	return &other
}

func (m *model) store(logs []*raft.Log) {
	for _, log := range logs {
		commands := m.before[len(m.before)-1]
		if log.Type == raft.LogCommand {
			commands++
		}
		m.logs, m.before = append(m.logs, *log), append(m.before, commands)
		m.next++
	}
}

func (m *model) deleteRange(from, to uint64) {
	switch {
	case from > to || to < m.first || from >= m.next:
	case from <= m.first:
		gone := min(to+1, m.next) - m.first
		m.logs, m.before, m.first = m.logs[gone:], m.before[gone:], m.first+gone
	default:
		m.next = from
		m.logs, m.before = m.logs[:from-m.first], m.before[:from-m.first+1]
	}
}

func (m *model) reset(index, commands uint64) {
	m.first, m.next, m.logs, m.before = index+1, index+1, nil, []uint64{commands}
}

// check compares a log with the model.
func (m *model) check(t fataler, l *wal.Log) {
	t.Helper()
	first, _ := l.FirstIndex()
	last, _ := l.LastIndex()
	if m.first == m.next {
		if first != 0 || last != 0 {
			t.Fatalf("an empty log has logs %d to %d", first, last)
		}
	} else if first != m.first || last != m.next-1 {
		t.Fatalf("logs %d to %d, want %d to %d", first, last, m.first, m.next-1)
	}
	if l.Next() != m.next {
		t.Fatalf("next is %d, want %d", l.Next(), m.next)
	}
	other := uint64(0)
	for index := m.first; index < m.next; index++ {
		if m.logs[index-m.first].Type != raft.LogCommand {
			other = index
		}
		if got := l.Other(index); got != other {
			t.Fatalf("the newest log up to %d that is no command is %d, want %d", index, got, other)
		}
		var got raft.Log
		if err := l.GetLog(index, &got); err != nil {
			t.Fatalf("log %d: %v", index, err)
		}
		if want := m.logs[index-m.first]; !reflect.DeepEqual(want, got) {
			t.Fatalf("log %d differs: %.200v, want %.200v", index, got, want)
		}
		commands := m.before[index-m.first+1]
		if got, want := l.Commands(index), commands; got != want {
			t.Fatalf("%d commands up to log %d, want %d", got, index, want)
		}
		if got.Type == raft.LogCommand {
			if at, ok := l.Place(commands); !ok || at != index {
				t.Fatalf("command %d is at %d, %v; want %d", commands, at, ok, index)
			}
		}
	}
	if got, want := l.Commands(m.first-1), m.before[0]; got != want {
		t.Fatalf("%d commands before log %d, want %d", got, m.first, want)
	}
	for _, outside := range []uint64{0, m.first - 1, m.next, m.next + 5} {
		if err := l.GetLog(outside, &raft.Log{}); !errors.Is(err, raft.ErrLogNotFound) {
			t.Fatalf("log %d, which is not kept: %v", outside, err)
		}
	}
	for _, command := range []uint64{0, m.before[0], m.before[len(m.before)-1] + 1} {
		if at, ok := l.Place(command); ok {
			t.Fatalf("command %d, which is not kept, is at %d", command, at)
		}
	}
	for key, want := range m.values {
		if got, err := l.Get([]byte(key)); err != nil || string(got) != want {
			t.Fatalf("%s is %q, %v; want %q", key, got, err, want)
		}
	}
}

// fataler is what tests and properties have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustOpen(t fataler, files wal.Files) *wal.Log {
	t.Helper()
	l, err := wal.Open(wal.Config{
		Files: files, SegmentBytes: wal.SegmentBytesMin, RecentBytes: 4000,
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func drawLogs(t *rapid.T, next uint64) []*raft.Log {
	logs := make([]*raft.Log, rapid.IntRange(1, 6).Draw(t, "logs"))
	for i := range logs {
		kind := rapid.SampledFrom([]raft.LogType{
			raft.LogCommand, raft.LogCommand, raft.LogCommand, raft.LogNoop, raft.LogConfiguration,
		}).Draw(t, "type")
		size := rapid.SampledFrom([]int{0, 1, 200, 491, 500, 1000, 3000}).Draw(t, "size")
		logs[i] = &raft.Log{
			Index: next + uint64(i), Term: rapid.Uint64Range(1, 9).Draw(t, "term"), Type: kind,
		}
		if size > 0 {
			logs[i].Data = bytes.Repeat([]byte{byte(next), byte(i), 0}, size)[:size]
		}
		if rapid.Bool().Draw(t, "extended") {
			logs[i].Extensions = []byte("more")
		}
	}
	return logs
}

// TestModel does to a log whatever raft and the journal do, and opens it again now and then.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := wal.NewDisk()
		l, m := mustOpen(t, files), newModel()
		defer func() { _ = l.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				logs := drawLogs(t, m.next)
				must(t, l.StoreLogs(logs))
				m.store(logs)
			},
			"cut the tail": func(t *rapid.T) {
				if m.first == m.next {
					t.Skip("nothing to cut")
				}
				from := rapid.Uint64Range(m.first, m.next-1).Draw(t, "from")
				must(t, l.DeleteRange(from, m.next-1))
				m.deleteRange(from, m.next-1)
			},
			"cut the head": func(t *rapid.T) {
				if m.first == m.next {
					t.Skip("nothing to cut")
				}
				to := rapid.Uint64Range(m.first, m.next-1).Draw(t, "to")
				from := rapid.Uint64Range(1, m.first).Draw(t, "from")
				must(t, l.DeleteRange(from, to))
				m.deleteRange(from, to)
			},
			"set": func(t *rapid.T) {
				key := rapid.SampledFrom([]string{"term", "vote"}).Draw(t, "key")
				value := rapid.StringN(0, 20, 40).Draw(t, "value")
				must(t, l.Set([]byte(key), []byte(value)))
				m.values[key] = value
			},
			"reset": func(t *rapid.T) {
				index := rapid.Uint64Range(1, 1000).Draw(t, "index")
				commands := rapid.Uint64Range(0, index).Draw(t, "commands")
				must(t, l.Reset(index, commands))
				m.reset(index, commands)
			},
			"reopen": func(t *rapid.T) {
				must(t, l.Close())
				l = mustOpen(t, files)
			},
			"": func(t *rapid.T) { m.check(t, l) },
		})
	})
}

// TestRefusals holds what must not be stored.
func TestRefusals(t *testing.T) {
	files := wal.NewDisk()
	l, m := mustOpen(t, files), newModel()
	logs := []*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}, {Index: 3, Term: 1}}
	must(t, l.StoreLogs(logs))
	m.store(logs)
	for name, err := range map[string]error{
		"a gap":           l.StoreLog(&raft.Log{Index: 5, Term: 1}),
		"a repetition":    l.StoreLog(&raft.Log{Index: 3, Term: 1}),
		"from the middle": l.DeleteRange(2, 2),
		"too large": l.StoreLog(&raft.Log{
			Index: 4, Term: 1, Data: make([]byte, wal.RecordBytesMax+1),
		}),
		"a value too large": l.Set([]byte("key"), make([]byte, wal.RecordBytesMax+1)),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	must(t, l.DeleteRange(7, 9))
	must(t, l.DeleteRange(2, 1))
	m.check(t, l)
	for _, size := range []int{wal.SegmentBytesMin - 1, wal.SegmentBytesMax + 1} {
		if _, err := wal.Open(wal.Config{Files: files, SegmentBytes: size}); err == nil {
			t.Errorf("segments of %d bytes", size)
		}
	}
	must(t, l.Close())
	for name, err := range map[string]error{
		"store": l.StoreLog(&raft.Log{Index: 4, Term: 1}), "set": l.Set([]byte("k"), nil),
		"delete": l.DeleteRange(1, 1), "close": l.Close(), "reset": l.Reset(9, 9),
	} {
		if err == nil {
			t.Errorf("%s after the end", name)
		}
	}
}

// TestLargestWrite stores more logs at once than one write holds, each of the largest size.
func TestLargestWrite(t *testing.T) {
	files := wal.NewDisk()
	l, m := mustOpen(t, files), newModel()
	var logs []*raft.Log
	for index := range uint64(3) {
		data := bytes.Repeat([]byte{byte(index + 1)}, wal.RecordBytesMax)
		logs = append(logs, &raft.Log{Index: index + 1, Term: 1, Data: data})
	}
	must(t, l.StoreLogs(logs))
	m.store(logs)
	m.check(t, l)
	must(t, l.Close())
	l = mustOpen(t, files)
	m.check(t, l)
	must(t, l.Close())
}

// TestNumbers holds raft's numbers beside other values.
func TestNumbers(t *testing.T) {
	l := mustOpen(t, wal.NewDisk())
	must(t, l.SetUint64([]byte("CurrentTerm"), 7))
	must(t, l.Set([]byte("text"), []byte("abc")))
	if n, err := l.GetUint64([]byte("CurrentTerm")); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := l.GetUint64([]byte("absent")); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := l.GetUint64([]byte("text")); err == nil {
		t.Error("a text was read as a number")
	}
	must(t, l.Close())
}

// TestOldSegmentsGo holds that a log whose head is cut does not grow.
func TestOldSegmentsGo(t *testing.T) {
	files := wal.NewDisk()
	l, m := mustOpen(t, files), newModel()
	for range 400 {
		logs := []*raft.Log{{Index: m.next, Term: 1, Data: make([]byte, 600)}}
		must(t, l.StoreLogs(logs))
		m.store(logs)
		if m.next > 20 {
			must(t, l.DeleteRange(m.first, m.next-20))
			m.deleteRange(m.first, m.next-20)
		}
		if names, _ := files.Names(); len(names) > 9 {
			t.Fatalf("%d logs in %q", m.next-m.first, names)
		}
	}
	m.check(t, l)
	must(t, l.Close())
	l = mustOpen(t, files)
	m.check(t, l)
	must(t, l.Close())
}
