package journal_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/journal"
	"seyfert/journal/wal"
)

// kept is a journal of one replica whose machine keeps cuts.
type kept struct {
	*journal.Raft
	tb      testing.TB
	dir     string
	files   wal.Files
	machine *keeper
	every   uint64
}

func (k *kept) open() error {
	k.machine = openKeeper(k.tb, filepath.Join(k.dir, "state"), k.every)
	j, err := journal.Open(journal.RaftConfig{
		Dir: filepath.Join(k.dir, "journal"), Settings: settings(k.machine.applied()),
		Machine: k.machine, Cuts: k.machine, SegmentBytes: 8 << 10, Files: k.files,
	})
	if err == nil {
		k.Raft = j
	}
	return err
}

func (k *kept) mustOpen() {
	k.tb.Helper()
	if err := k.open(); err != nil {
		k.tb.Fatal(err)
	}
}

// propose proposes commands with the numbers from one to another as bodies and ids.
func (k *kept) propose(from, to int) {
	k.tb.Helper()
	for n := from; n <= to; n++ {
		c := command(fmt.Sprint(n) + strings.Repeat(".", 300))
		binary.BigEndian.PutUint64(c.ID[:], uint64(n))
		if _, err := k.Propose(k.tb.Context(), c); err != nil {
			k.tb.Fatal(err)
		}
	}
}

// want holds that the machine has the commands up to a number, once each, and that the journal
// has the same entries from its first one on.
func (k *kept) want(to int) {
	k.tb.Helper()
	bodies := k.machine.bodies()
	if len(bodies) != to {
		k.tb.Fatalf("%d commands were carried out, want %d", len(bodies), to)
	}
	for n, body := range bodies {
		if number, _, _ := strings.Cut(body, "."); number != fmt.Sprint(n+1) {
			k.tb.Fatalf("command %s where %d was due", number, n+1)
		}
	}
	next := max(k.FirstIndex(), 1)
	err := k.Read(0, func(index uint64, e journal.Entry) bool {
		if index != next || string(e.Commands[0].Body) != bodies[index-1] {
			k.tb.Fatalf("entry %d holds %.20q where %d was due", index, e.Commands[0].Body, next)
		}
		next++
		return true
	})
	if err != nil || next != uint64(to)+1 {
		k.tb.Fatalf("the journal was read to %d: %v", next, err)
	}
}

// TestTruncation holds that entries go as soon as two cuts are behind them, that indexes stay
// what they were through many starts, and that every start finds its place.
func TestTruncation(t *testing.T) {
	k := &kept{tb: t, dir: t.TempDir(), every: 10}
	for life := range 6 {
		k.mustOpen()
		k.want(25 * life)
		k.propose(25*life+1, 25*(life+1))
		k.want(25 * (life + 1))
		if life > 0 {
			older := uint64(25*(life+1))/10*10 - 10
			waitFor(t, func() bool { return k.FirstIndex() == older })
			k.want(25 * (life + 1))
			if err := k.Read(older-1, nil); err == nil ||
				!strings.Contains(err.Error(), "begins at") {
				t.Fatalf("an entry that is gone was read: %v", err)
			}
		}
		mustClose(t, k)
	}
	names, err := os.ReadDir(filepath.Join(k.dir, "journal", "log"))
	if err != nil || len(names) > 5 {
		t.Fatalf("%d files of the log are left: %v", len(names), err)
	}
}

// TestOlderCut loses the newest cut: the state starts from the older one, and the journal still
// has what follows it.
func TestOlderCut(t *testing.T) {
	k := &kept{tb: t, dir: t.TempDir(), every: 10}
	k.mustOpen()
	k.propose(1, 55)
	waitFor(t, func() bool { return k.FirstIndex() == 40 })
	mustClose(t, k)
	if err := os.Remove(k.machine.path(50)); err != nil {
		t.Fatal(err)
	}
	k.mustOpen()
	k.want(55)
	k.propose(56, 80)
	waitFor(t, func() bool { return k.FirstIndex() == 70 })
	mustClose(t, k)

	if err := os.RemoveAll(filepath.Join(k.dir, "state")); err != nil {
		t.Fatal(err)
	}
	err := k.open()
	if err == nil || !strings.Contains(err.Error(), "the journal begins after") ||
		!strings.Contains(err.Error(), "restore a backup") {
		t.Fatalf("opened without a state: %v", err)
	}
}

// TestCutsThatNobodyNoted makes cuts that the journal learns of only when it is opened again.
func TestCutsThatNobodyNoted(t *testing.T) {
	k := &kept{tb: t, dir: t.TempDir(), every: 7}
	for life := range 20 {
		k.mustOpen()
		k.want(9 * life)
		k.propose(9*life+1, 9*(life+1))
		mustClose(t, k)
	}
	k.mustOpen()
	waitFor(t, func() bool { return k.FirstIndex() == 168 })
	k.want(180)
	mustClose(t, k)
}

// TestStateFromElsewhere opens a state of which the journal knows no cut: it passes over what
// the state holds.
func TestStateFromElsewhere(t *testing.T) {
	k := &kept{tb: t, dir: t.TempDir()}
	k.mustOpen()
	k.propose(1, 20)
	k.machine.state.Lock()
	k.machine.cut()
	k.machine.state.Unlock()
	mustClose(t, k)
	k.mustOpen() // the cut is found before it could be noted
	k.want(20)
	k.propose(21, 30)
	k.want(30)
	mustClose(t, k)
}
