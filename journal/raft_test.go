package journal_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

func raftConfig(dir string, m journal.Machine) journal.RaftConfig {
	return journal.RaftConfig{Dir: dir, Settings: settings(0), Machine: m}
}

func mustOpenRaft(tb testing.TB, cfg journal.RaftConfig) *journal.Raft {
	tb.Helper()
	j, err := journal.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// held is a raft journal whose machine waits for a word before it applies an entry.
type held struct {
	*journal.Raft
	machine *tape
	callers sync.WaitGroup

	outcomes sync.Mutex // guards all below
	answers  int
	faults   []error
}

func mustHold(tb testing.TB, dir string) *held {
	tb.Helper()
	h := &held{machine: &tape{hold: make(chan struct{})}}
	h.Raft = mustOpenRaft(tb, raftConfig(dir, h.machine))
	return h
}

// propose proposes in the background; wait waits for all such.
func (h *held) propose(ctx context.Context, c journal.Command) {
	h.callers.Go(func() {
		_, err := h.Propose(ctx, c)
		h.outcomes.Lock()
		defer h.outcomes.Unlock()
		if err != nil {
			h.faults = append(h.faults, err)
		} else {
			h.answers++
		}
	})
}

// fillFlights makes every entry under way wait for the machine.
func (h *held) fillFlights(tb testing.TB) {
	tb.Helper()
	h.propose(tb.Context(), command("first"))
	h.machine.hold <- struct{}{} // one entry has gone through: the journal runs
	h.callers.Wait()
	for range journal.FlightMax {
		h.propose(tb.Context(), command("flying"))
		// The gatherer takes a lone command at once; give it the time. If it comes late both
		// share an entry, and one more entry takes what follows.
		time.Sleep(50 * time.Millisecond)
	}
}

// release lets every entry through and waits for the callers.
func (h *held) release() {
	close(h.machine.hold)
	h.callers.Wait()
}

// rejected returns how many proposals ended with an error so far.
func (h *held) rejected() int {
	h.outcomes.Lock()
	defer h.outcomes.Unlock()
	return len(h.faults)
}

// queued is a context that tells when its proposal has joined the queue: only a proposal that
// waits asks for Done.
type queued struct {
	context.Context
	once sync.Once
	in   chan struct{}
}

func newQueued(ctx context.Context) *queued {
	return &queued{Context: ctx, in: make(chan struct{})}
}

func (q *queued) Done() <-chan struct{} {
	q.once.Do(func() { close(q.in) })
	return q.Context.Done()
}

func TestQueueFullOfCommands(t *testing.T) {
	h := mustHold(t, t.TempDir())
	h.fillFlights(t)
	const (
		over = 50
		// What the queue and the entries under way hold at most.
		room = journal.QueueCommandsMax + journal.FlightMax*journal.EntryCommandsMax
	)
	for range room + over {
		h.propose(t.Context(), command("x"))
	}
	waitFor(t, func() bool { return h.rejected() >= over })
	h.release()
	for _, err := range h.faults {
		wantFault(t, err, fault.TooMany, "")
	}
	if h.answers < journal.QueueCommandsMax || h.answers > room+journal.FlightMax+1 {
		t.Fatalf("%d answers where the queue holds %d", h.answers, journal.QueueCommandsMax)
	}
	largest := 0
	for _, e := range h.machine.seen() {
		largest = max(largest, len(e.Commands))
	}
	if largest != journal.EntryCommandsMax {
		t.Fatalf("the largest entry holds %d commands, want %d",
			largest, journal.EntryCommandsMax)
	}
	mustPropose(t, h, "after")
	mustClose(t, h)
}

func TestQueueAndEntryFullOfBytes(t *testing.T) {
	h := mustHold(t, t.TempDir())
	h.fillFlights(t)
	const (
		over = 5
		// A command takes a little more than its body, so one fewer fits than bodies would.
		perQueue = journal.QueueBytesMax/journal.BodyBytesMax - 1
		perEntry = journal.EntryBytesMax/journal.BodyBytesMax - 1
	)
	big := command(strings.Repeat("x", journal.BodyBytesMax))
	for range perQueue + journal.FlightMax*perEntry + over {
		h.propose(t.Context(), big)
	}
	waitFor(t, func() bool { return h.rejected() >= over })
	h.release()
	for _, err := range h.faults {
		wantFault(t, err, fault.TooMany, "")
	}
	largest := 0
	for i, e := range h.machine.seen() {
		if size := len(e.Encode()); size > journal.EntryBytesMax {
			t.Fatalf("entry %d has %d bytes", i+1, size)
		}
		largest = max(largest, len(e.Commands))
	}
	if h.answers < perQueue || largest != perEntry {
		t.Fatalf("%d answers, want at least %d; %d commands in the largest entry, want %d",
			h.answers, perQueue, largest, perEntry)
	}
	mustClose(t, h)
}

func TestEndedContextEndsOnlyTheWaiting(t *testing.T) {
	h := mustHold(t, t.TempDir())
	h.fillFlights(t)
	ctx, cancel := context.WithCancel(t.Context())
	in := newQueued(ctx)
	h.propose(in, command("abandoned"))
	<-in.in
	cancel()
	waitFor(t, func() bool { return h.rejected() == 1 })
	if !errors.Is(h.faults[0], context.Canceled) {
		t.Fatalf("got %v", h.faults[0])
	}
	h.release()
	mustClose(t, h)
	bodies := h.machine.bodies()
	if got := bodies[len(bodies)-1]; got != "abandoned" {
		t.Fatalf("the last command is %q", got)
	}
}

func TestCloseCarriesOutWhatWaits(t *testing.T) {
	const waiting = 10
	dir := t.TempDir()
	h := mustHold(t, dir)
	h.fillFlights(t)
	for n := range waiting {
		in := newQueued(t.Context())
		h.propose(in, command(fmt.Sprint("waiting ", n)))
		<-in.in
	}
	closed := make(chan error, 1)
	go func() { closed <- h.Close() }()
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := h.Propose(ctx, command("late"))
		f, ok := fault.Of(err)
		return ok && f.Code == fault.Unavailable
	})
	select {
	case err := <-closed:
		t.Fatalf("closed before what waits was carried out: %v", err)
	default:
	}
	h.release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if want := 1 + journal.FlightMax + waiting; h.answers != want || h.rejected() != 0 {
		t.Fatalf("%d answers, want %d; faults %v", h.answers, want, h.faults)
	}
	m := &tape{}
	mustClose(t, mustOpenRaft(t, raftConfig(dir, m)))
	for n := range waiting {
		if !slices.Contains(m.bodies(), fmt.Sprint("waiting ", n)) {
			t.Fatalf("command %d was answered and is not there", n)
		}
	}
}

func TestOneHolderOfADirectory(t *testing.T) {
	dir := t.TempDir()
	j := mustOpenRaft(t, raftConfig(dir, &tape{}))
	if _, err := journal.Open(raftConfig(dir, &tape{})); err == nil ||
		!strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v", err)
	}
	mustPropose(t, j, "still works")
	mustClose(t, j)
	mustClose(t, mustOpenRaft(t, raftConfig(dir, &tape{})))
}

// TestCrashDuringFirstStart leaves what a crash in the middle of the bootstrap leaves: a term
// and no log.
func TestCrashDuringFirstStart(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpenRaft(t, raftConfig(filepath.Join(dir, "whole"), &tape{})))

	torn := filepath.Join(dir, "torn")
	mustMkdir(t, filepath.Join(torn, "log"))
	log, err := wal.Open(wal.Config{
		Files: wal.Dir(filepath.Join(torn, "log")), SegmentBytes: wal.SegmentBytesMin,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.SetUint64([]byte("CurrentTerm"), 1), log.Close()); err != nil {
		t.Fatal(err)
	}
	j := mustOpenRaft(t, raftConfig(torn, &tape{}))
	mustPropose(t, j, "a")
	mustClose(t, j)
}

// TestLogOfManySegments writes past the size at which the log starts a new file, many times.
func TestLogOfManySegments(t *testing.T) {
	dir := t.TempDir()
	cfg := raftConfig(dir, &tape{})
	cfg.SegmentBytes = 256 << 10
	j := mustOpenRaft(t, cfg)
	body := strings.Repeat("x", 20_000)
	const callers, each = 8, 40 // 6.4 MB
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := range each {
				c := command(fmt.Sprintf("%04d%04d%s", caller, n, body))
				if _, err := j.Propose(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	mustClose(t, j)
	if files, err := filepath.Glob(filepath.Join(dir, "log", "*.wal")); err != nil ||
		len(files) < 5 {
		t.Fatalf("%d segments, %v", len(files), err)
	}
	m := &tape{}
	mustClose(t, mustOpenRaft(t, raftConfig(dir, m))) // with another segment size
	seen := make(map[string]bool)
	for _, got := range m.bodies() {
		seen[got[:8]] = got[8:] == body
	}
	for caller := range callers {
		for n := range each {
			if !seen[fmt.Sprintf("%04d%04d", caller, n)] {
				t.Fatalf("caller %d's command %d is gone or changed", caller, n)
			}
		}
	}
	for _, size := range []int{-1, journal.SegmentBytesMax + 1} {
		cfg.SegmentBytes = size
		if _, err := journal.Open(cfg); err == nil {
			t.Fatalf("segments of %d bytes", size)
		}
	}
}

// waitFor polls until ok or too late.
func waitFor(tb testing.TB, ok func() bool) {
	tb.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Fatal("waited too long")
}
