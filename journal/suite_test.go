package journal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/fault"
	"seyfert/journal"
)

// log is what both journals do.
type log interface {
	Propose(ctx context.Context, c journal.Command) (journal.Result, error)
	Read(from uint64, fn func(index uint64, e journal.Entry) bool) error
	FirstIndex() uint64
	LastIndex() uint64
	Leading(ctx context.Context) (journal.Lead, error)
	Barrier(ctx context.Context) (uint64, error)
	WaitApplied(ctx context.Context, index uint64) error
	Failed() <-chan error
	Close() error
}

// bench opens and reopens one journal. Each open gives the journal to a fresh machine.
type bench struct {
	open func(m journal.Machine, applied uint64) (log, error)
}

func (b bench) mustOpen(tb testing.TB, m journal.Machine, applied uint64) log {
	tb.Helper()
	j, err := b.open(m, applied)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// eachJournal runs one test against every implementation.
func eachJournal(t *testing.T, test func(t *testing.T, b bench)) {
	t.Run("memory", func(t *testing.T) {
		var last *journal.Memory
		test(t, bench{func(m journal.Machine, applied uint64) (log, error) {
			var kept [][]byte
			if last != nil {
				kept = last.Entries()
			}
			j, err := journal.NewMemory(settings(applied), m, kept)
			if err == nil {
				last = j
			}
			return j, err
		}})
	})
	t.Run("raft", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		test(t, bench{func(m journal.Machine, applied uint64) (log, error) {
			return journal.Open(journal.RaftConfig{
				Dir: dir, Settings: settings(applied), Machine: m,
			})
		}})
	})
}

// settings has a clock that counts and seeds that are numbers.
func settings(applied uint64) journal.Settings {
	var ticks int64
	var seeds uint64
	return journal.Settings{
		Node: "did:web:seoul.example",
		Rule: 1,
		Now:  func() int64 { ticks++; return ticks },
		Seed: func() (seed [32]byte) {
			seeds++
			binary.BigEndian.PutUint64(seed[:], seeds)
			return seed
		},
		Applied: func() uint64 { return applied },
	}
}

func TestProposeInOrder(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		m := &tape{}
		j := b.mustOpen(t, m, 0)
		if j.FirstIndex() != 0 || j.LastIndex() != 0 {
			t.Fatalf("an empty journal has entries %d to %d", j.FirstIndex(), j.LastIndex())
		}
		mustPropose(t, j, "a", "b", "", "c")
		wantBodies(t, m, "a", "b", "", "c")
		if j.FirstIndex() != 1 || j.LastIndex() != 4 || m.first != 1 {
			t.Fatalf("entries %d to %d, first applied %d", j.FirstIndex(), j.LastIndex(), m.first)
		}
		want := journal.Header{
			Format: journal.Format, Node: "did:web:seoul.example", Time: 2, Rule: 1,
			Seed: [32]byte{7: 2},
		}
		if diff := cmp.Diff(want, m.seen()[1].Header); diff != "" {
			t.Fatalf("header differs (-want +got):\n%s", diff)
		}
		mustClose(t, j)
	})
}

func TestRefusedCommandIsAResult(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		m := &tape{}
		j := b.mustOpen(t, m, 0)
		c := command("no")
		c.Kind = refusedKind
		result, err := j.Propose(t.Context(), c)
		if err != nil || result.Fault == nil || result.Fault.Code != fault.Refused {
			t.Fatalf("%+v, %v", result, err)
		}
		if j.LastIndex() != 1 {
			t.Fatal("a refused command is in the journal all the same")
		}
		mustClose(t, j)
	})
}

func TestReopenReplaysTheSameEntries(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		live := &tape{}
		j := b.mustOpen(t, live, 0)
		full := journal.Command{
			Kind: 7, Version: 2,
			Principal:   journal.Principal{Kind: journal.Peer, ID: "did:web:tokyo.example"},
			ID:          [16]byte{15: 1},
			RequestHash: [32]byte{1},
			Body:        []byte{0, 1, 2},
		}
		empty := journal.Command{
			Kind: 1, Version: 1, Principal: journal.Principal{Kind: journal.System}, Body: []byte{},
		}
		for _, c := range []journal.Command{full, empty} {
			if _, err := j.Propose(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, j)
		for life := range 3 {
			replayed := &tape{}
			j = b.mustOpen(t, replayed, 0)
			if diff := cmp.Diff(live.seen(), replayed.seen()); diff != "" {
				t.Fatalf("life %d: replay differs (-live +replayed):\n%s", life, diff)
			}
			mustPropose(t, j, fmt.Sprint("life ", life))
			if want := uint64(3 + life); j.LastIndex() != want {
				t.Fatalf("life %d: last index %d, want %d", life, j.LastIndex(), want)
			}
			live = replayed
			mustClose(t, j)
		}
	})
}

func TestEntriesBelowTheCutAreSkipped(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		j := b.mustOpen(t, &tape{}, 0)
		mustPropose(t, j, "a", "b", "c")
		mustClose(t, j)

		m := &tape{}
		j = b.mustOpen(t, m, 2)
		wantBodies(t, m, "c")
		mustPropose(t, j, "d")
		if m.first != 3 || j.LastIndex() != 4 {
			t.Fatalf("first applied %d, last index %d", m.first, j.LastIndex())
		}
		mustClose(t, j)

		m = &tape{}
		j = b.mustOpen(t, m, 4)
		wantBodies(t, m)
		mustClose(t, j)

		if _, err := b.open(&tape{}, 5); err == nil ||
			!strings.Contains(err.Error(), "holds entry 5 and the journal ends at 4") {
			t.Fatalf("a state ahead of its journal was opened: %v", err)
		}
		mustClose(t, b.mustOpen(t, &tape{}, 0))
	})
}

func TestReadFromAnyIndex(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		var want []string
		for life := range 3 {
			j := b.mustOpen(t, &tape{}, 0)
			for n := range 4 {
				body := fmt.Sprint(life, n)
				mustPropose(t, j, body)
				want = append(want, body)
			}
			mustClose(t, j)
		}
		j := b.mustOpen(t, &tape{}, 12)
		for from := range uint64(14) {
			var got []string
			next := max(from, 1)
			err := j.Read(from, func(index uint64, e journal.Entry) bool {
				if index != next {
					t.Fatalf("index %d where %d was due", index, next)
				}
				next++
				got = append(got, string(e.Commands[0].Body))
				return len(got) < 5
			})
			if err != nil {
				t.Fatal(err)
			}
			begin := min(max(int(from)-1, 0), len(want))
			end := min(begin+5, len(want))
			if !slices.Equal(want[begin:end], got) {
				t.Fatalf("from %d: %q, want %q", from, got, want[begin:end])
			}
		}
		mustClose(t, j)
	})
}

func TestBadCommandsAreNotWritten(t *testing.T) {
	long := strings.Repeat("x", journal.PrincipalTextMax)
	cases := []struct {
		name, field string
		code        fault.Code
		change      func(c *journal.Command)
	}{
		{"no kind", "kind", fault.Invalid, func(c *journal.Command) { c.Kind = 0 }},
		{"no version", "version", fault.Invalid, func(c *journal.Command) { c.Version = 0 }},
		{
			"no principal", "principal", fault.Invalid,
			func(c *journal.Command) { c.Principal.Kind = 0 },
		},
		{
			"unknown principal", "principal", fault.Invalid,
			func(c *journal.Command) { c.Principal.Kind = journal.Public + 1 },
		},
		{
			"long id", "principal", fault.Invalid,
			func(c *journal.Command) { c.Principal.ID = long + "x" },
		},
		{
			"long key", "principal", fault.Invalid,
			func(c *journal.Command) { c.Principal.Key = long + "x" },
		},
		{
			"id not text", "principal", fault.Invalid,
			func(c *journal.Command) { c.Principal.ID = "\xff" },
		},
		{
			"long body", "body", fault.TooLarge,
			func(c *journal.Command) { c.Body = make([]byte, journal.BodyBytesMax+1) },
		},
	}
	eachJournal(t, func(t *testing.T, b bench) {
		j := b.mustOpen(t, &tape{}, 0)
		for _, test := range cases {
			c := command("x")
			test.change(&c)
			_, err := j.Propose(t.Context(), c)
			if err == nil {
				t.Fatalf("%s was written", test.name)
			}
			wantFault(t, err, test.code, test.field)
		}
		largest := command(strings.Repeat("x", journal.BodyBytesMax))
		largest.Principal.ID, largest.Principal.Key = long, long
		if _, err := j.Propose(t.Context(), largest); err != nil {
			t.Fatal(err)
		}
		if j.LastIndex() != 1 {
			t.Fatalf("last index %d", j.LastIndex())
		}
		mustClose(t, j)
	})
}

func TestEndedContextWritesNothing(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		j := b.mustOpen(t, &tape{}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := j.Propose(ctx, command("x")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		mustClose(t, j)
		if j.LastIndex() != 0 {
			t.Fatal("the command was written")
		}
	})
}

func TestClosedJournalTakesNothing(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		j := b.mustOpen(t, &tape{}, 0)
		mustClose(t, j)
		_, err := j.Propose(t.Context(), command("x"))
		wantFault(t, err, fault.Unavailable, "")
		if err := j.Close(); err == nil {
			t.Fatal("closed twice")
		}
		select {
		case err := <-j.Failed():
			t.Fatalf("a clean close failed: %v", err)
		default:
		}
	})
}

func TestManyCallersOnceEach(t *testing.T) {
	const callers, each = 64, 40
	eachJournal(t, func(t *testing.T, b bench) {
		live := &tape{}
		j := b.mustOpen(t, live, 0)
		var group sync.WaitGroup
		errs := make(chan error, callers)
		for caller := range callers {
			group.Go(func() { errs <- proposeMany(t.Context(), j, caller, each) })
		}
		group.Wait()
		for range callers {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, j)
		replayed := &tape{}
		j = b.mustOpen(t, replayed, 0)
		mustClose(t, j)
		if diff := cmp.Diff(live.seen(), replayed.seen()); diff != "" {
			t.Fatalf("replay differs (-live +replayed):\n%s", diff)
		}
		count := make(map[string]int)
		for _, body := range replayed.bodies() {
			count[body]++
		}
		for caller := range callers {
			for n := range each {
				if got := count[fmt.Sprintf("%d/%d", caller, n)]; got != 1 {
					t.Fatalf("caller %d's command %d is there %d times", caller, n, got)
				}
			}
		}
	})
}

// proposeMany proposes one after the other and checks that each answer is its own.
func proposeMany(ctx context.Context, j log, caller, each int) error {
	for n := range each {
		body := fmt.Sprintf("%d/%d", caller, n)
		result, err := j.Propose(ctx, command(body))
		if err != nil {
			return err
		}
		if string(result.Body) != body {
			return fmt.Errorf("%q was answered with %q", body, result.Body)
		}
	}
	return nil
}

func TestSettingsMustBeWhole(t *testing.T) {
	for _, change := range []func(*journal.Settings){
		func(s *journal.Settings) { s.Node = "" },
		func(s *journal.Settings) { s.Node = "\xff" },
		func(s *journal.Settings) { s.Node = strings.Repeat("x", journal.NodeTextMax+1) },
		func(s *journal.Settings) { s.Rule = 0 },
		func(s *journal.Settings) { s.Now = nil },
		func(s *journal.Settings) { s.Seed = nil },
	} {
		s := settings(0)
		change(&s)
		if _, err := journal.NewMemory(s, &tape{}, nil); err == nil {
			t.Fatal("opened in memory")
		}
		cfg := journal.RaftConfig{Dir: t.TempDir(), Settings: s, Machine: &tape{}}
		if _, err := journal.Open(cfg); err == nil {
			t.Fatal("opened on disk")
		}
	}
}
