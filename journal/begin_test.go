package journal_test

import (
	"strings"
	"testing"

	"seyfert/journal"
)

// TestBegin: a journal that begins behind an entry goes on with the next one, now and after a
// start, holds no time before that of its beginning, and is for a machine that stands there.
func TestBegin(t *testing.T) {
	dir := t.TempDir()
	const behind, at = 41, 1_795_000_000_000
	if err := journal.Begin(dir, behind, at); err != nil {
		t.Fatal(err)
	}
	if err := journal.Begin(dir, behind, at); err == nil ||
		!strings.Contains(err.Error(), "there is a journal already") {
		t.Errorf("a second time: %v", err)
	}
	open := func(applied uint64) (*journal.Raft, *tape, error) {
		m := &tape{}
		s := settings(applied)
		s.Now = func() int64 { return 5 } // a clock that is far behind
		j, err := journal.Open(journal.RaftConfig{Dir: dir, Settings: s, Machine: m})
		return j, m, err
	}
	for _, applied := range []uint64{0, behind - 1, behind + 1} {
		if j, _, err := open(applied); err == nil {
			t.Errorf("a machine at entry %d was taken", applied)
			_ = j.Close()
		}
	}
	for start := range uint64(3) {
		j, m, err := open(behind)
		if err != nil {
			t.Fatal(err)
		}
		if j.LastIndex() != behind+start {
			t.Errorf("start %d: the last entry is %d", start, j.LastIndex())
		}
		mustPropose(t, j, "one more")
		if m.first != behind+1 || uint64(len(m.seen())) != start+1 {
			t.Errorf("start %d: the machine saw %d entries from %d on", start, len(m.seen()), m.first)
		}
		for _, e := range m.seen() {
			if e.Header.Time < at {
				t.Errorf("start %d: an entry of %d", start, e.Header.Time)
			}
		}
		if first := j.FirstIndex(); first != behind+1 {
			t.Errorf("start %d: the first entry is %d", start, first)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Begin(t.TempDir(), 0, at); err == nil {
		t.Error("behind no entry")
	}
}
