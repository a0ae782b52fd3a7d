package journal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

var (
	cycles = flag.Int("cycles", 60, "crashes of the journal")
	seed   = flag.Uint64("seed", 0, "seed of the crashes, 0 for a new one")
)

// TestCrashCycles crashes the disk under a journal and opens it again, over and over: what was
// acknowledged is there, once, in the order of before, and nothing is refused that only a
// crash did.
func TestCrashCycles(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed=%d", *seed)
	draw := rand.New(rand.NewPCG(*seed, 0))
	disk := wal.NewDisk()
	k := &kept{tb: t, dir: t.TempDir(), every: 25}
	sure := map[string]bool{}
	var before []string
	for cycle := range *cycles {
		k.files = disk
		k.mustOpen()
		have := k.machine.bodies()
		there := map[string]int{}
		for _, body := range have {
			there[body]++
		}
		for body := range sure {
			if there[body] != 1 {
				t.Fatalf("cycle %d: %s was acknowledged and is there %d times",
					cycle, body, there[body])
			}
		}
		if short := min(len(before), len(have)); !slices.Equal(before[:short], have[:short]) {
			t.Fatalf("cycle %d: what was carried out is another now", cycle)
		}
		breakLater(disk, draw)
		proposeUntilBroken(t, k, cycle, sure)
		before = k.machine.bodies()
		after := disk.Crash(draw.IntN)
		if err := k.Close(); err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		disk = after
	}
	t.Logf("%d acknowledged commands survived %d crashes", len(sure), *cycles)
}

// breakLater lets a disk fail at some write or sync to come.
func breakLater(disk *wal.Disk, draw *rand.Rand) {
	left, kind, cut := 5+draw.IntN(60), draw.IntN(3), draw.IntN(5000)
	disk.Break(func(op wal.Op) wal.Fault {
		if left--; left > 0 || strings.HasSuffix(op.Name, ".tmp") {
			return wal.Fault{}
		}
		if op.Length == 0 {
			return wal.Fault{Err: syscall.EIO}
		}
		switch kind {
		case 0:
			return wal.Fault{Err: syscall.EIO, Written: cut % op.Length}
		case 1:
			return wal.Fault{Err: syscall.EIO, Written: op.Length}
		}
		return wal.Fault{}
	})
}

// proposeUntilBroken proposes from some callers and notes what is acknowledged.
func proposeUntilBroken(t *testing.T, k *kept, cycle int, sure map[string]bool) {
	t.Helper()
	var state sync.Mutex
	var group sync.WaitGroup
	for caller := range 4 {
		group.Go(func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf("%d/%d/%d", cycle, caller, n)
				c := command(body)
				binary.BigEndian.PutUint32(c.ID[:], uint32(cycle)+1)
				binary.BigEndian.PutUint32(c.ID[4:], uint32(caller)+1)
				binary.BigEndian.PutUint32(c.ID[8:], uint32(n)+1)
				if _, err := k.Propose(context.Background(), c); err != nil {
					if f, ok := fault.Of(err); !ok || f.Code != fault.Unavailable {
						t.Errorf("answered with %v", err)
					}
					return
				}
				state.Lock()
				sure[body] = true
				state.Unlock()
			}
		})
	}
	group.Wait()
}

// TestFullDiskRefuses fills the disk: commands are refused, nothing fails, and commands are taken
// again as soon as there is room.
func TestFullDiskRefuses(t *testing.T) {
	disk := wal.NewDisk()
	m := &tape{}
	cfg := journal.RaftConfig{
		Dir: t.TempDir(), Settings: settings(0), Machine: m, Files: disk, SegmentBytes: 64 << 10,
	}
	j := mustOpenRaft(t, cfg)
	mustPropose(t, j, "a")
	disk.Limit(1)
	body := strings.Repeat("x", 1000)
	done := 0
	var err error
	for err == nil {
		if _, err = j.Propose(t.Context(), command(body)); err == nil {
			done++
		}
	}
	wantFault(t, err, fault.Unavailable, "")
	if !strings.Contains(err.Error(), "disk is full") {
		t.Fatal(err)
	}
	select {
	case err := <-j.Failed():
		t.Fatalf("the journal failed: %v", err)
	default:
	}
	disk.Limit(0)
	waitFor(t, func() bool {
		_, err := j.Propose(t.Context(), command("again"))
		return err == nil
	})
	mustClose(t, j)
	m = &tape{}
	cfg.Machine = m
	mustClose(t, mustOpenRaft(t, cfg))
	if b := m.bodies(); len(b) != done+2 || b[len(b)-1] != "again" {
		t.Fatalf("%d commands are there, %d were answered", len(b), done+2)
	}
}

// TestTimeDoesNotRunBackwards opens a journal with a clock that is behind.
func TestTimeDoesNotRunBackwards(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		var times []int64
		for life := range 3 {
			m := &tape{}
			j := b.mustOpen(t, m, 0)
			mustPropose(t, j, fmt.Sprint(life), "and")
			mustClose(t, j)
			times = nil
			for _, e := range m.seen() {
				times = append(times, e.Header.Time)
			}
		}
		// Each life counts from 1, and the first one came to 2.
		if want := []int64{1, 2, 2, 2, 2, 2}; fmt.Sprint(times) != fmt.Sprint(want) {
			t.Fatalf("the times are %v, want %v", times, want)
		}
	})
	t.Run("behind a cut", func(t *testing.T) {
		k := &kept{tb: t, dir: t.TempDir(), every: 10}
		k.mustOpen()
		k.propose(1, 30)
		mustClose(t, k)
		k.mustOpen()
		k.propose(31, 31) // the keeper panics at an earlier time
		mustClose(t, k)
	})
}

// TestWaiting holds what readers wait with, on both journals.
func TestWaiting(t *testing.T) {
	eachJournal(t, func(t *testing.T, b bench) {
		j := b.mustOpen(t, &tape{}, 0)
		lead, err := j.Leading(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mustPropose(t, j, "a", "b")
		if index, err := j.Barrier(t.Context()); err != nil || index != 2 {
			t.Fatalf("at %d: %v", index, err)
		}
		if err := j.WaitApplied(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := j.WaitApplied(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("waited for what is not there: %v", err)
		}
		waited := make(chan error, 1)
		go func() { waited <- j.WaitApplied(context.Background(), 3) }()
		mustPropose(t, j, "c")
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		go func() { waited <- j.WaitApplied(context.Background(), 100) }()
		select {
		case <-lead.Over:
			t.Fatal("it does not lead")
		default:
		}
		mustClose(t, j)
		<-lead.Over
		wantFault(t, <-waited, fault.Unavailable, "")
		wantFault(t, second(j.Leading(t.Context())), fault.Unavailable, "")
		wantFault(t, second(j.Barrier(t.Context())), fault.Unavailable, "")
	})
}
