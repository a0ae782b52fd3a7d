package wal_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"seyfert/journal/wal"
)

// written returns a disk with a log of several segments that was closed, and its model.
func written(t *testing.T, draw *rand.Rand) (*wal.Disk, *model) {
	t.Helper()
	l := &life{t: t, draw: draw, disk: wal.NewDisk(), sure: newModel()}
	l.open()
	for range 20 + draw.IntN(20) {
		must(t, l.step())
	}
	must(t, l.log.Close())
	return l.disk, l.sure
}

// TestChangedBits changes one bit of what was written and synced, anywhere. The log is refused,
// or all of it is there.
func TestChangedBits(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed=%d", *seed)
	refused := 0
	for cycle := range *cycles / 2 {
		draw := rand.New(rand.NewPCG(*seed, uint64(cycle)))
		disk, m := written(t, draw)
		names, _ := disk.Names()
		name := names[draw.IntN(len(names))]
		disk.Flip(name, draw.IntN(8*disk.Size(name)))
		log, err := wal.Open(wal.Config{Files: disk, SegmentBytes: wal.SegmentBytesMin})
		if err != nil {
			if !errors.Is(err, wal.ErrDamaged) || !strings.Contains(err.Error(), name) {
				t.Fatalf("cycle %d: refused with %v", cycle, err)
			}
			refused++
			continue
		}
		m.check(t, log)
		must(t, log.Close())
		if t.Failed() {
			t.Fatalf("cycle %d", cycle)
		}
	}
	if refused < *cycles/10 {
		t.Errorf("only %d of %d changes were noticed", refused, *cycles/2)
	}
}

// TestLostSyncs has the disk lie about syncs before it crashes. The log is refused, or holds what
// it held at some moment of the lie: nobody can know more.
func TestLostSyncs(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed=%d", *seed)
	refused := 0
	for cycle := range *cycles / 4 {
		draw := rand.New(rand.NewPCG(*seed, uint64(cycle)))
		l := &life{t: t, draw: draw, disk: wal.NewDisk(), sure: newModel()}
		l.open()
		for range draw.IntN(20) {
			must(t, l.step())
		}
		l.disk.Break(func(op wal.Op) wal.Fault {
			return wal.Fault{Lost: op.Length == 0 && !strings.HasSuffix(op.Name, ".tmp")}
		})
		states := []*model{l.sure}
		for range draw.IntN(20) {
			must(t, l.step())
			states = append(states, l.sure)
		}
		after := l.disk.Crash(draw.IntN)
		_ = l.log.Close()
		log, err := wal.Open(wal.Config{Files: after, SegmentBytes: wal.SegmentBytesMin})
		if errors.Is(err, wal.ErrDamaged) {
			refused++
			continue
		}
		must(t, err)
		known := false
		for _, m := range states {
			known = known || matches(m, log)
		}
		if !known {
			t.Fatalf("cycle %d: the log holds what it never held", cycle)
		}
		must(t, log.Close())
	}
	t.Logf("%d of %d were refused", refused, *cycles/4)
}

// TestLostFiles takes whole files away.
func TestLostFiles(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		disk, m := written(t, draw)
		names, _ := disk.Names()
		if len(names) < 4 {
			continue
		}
		gone := names[draw.IntN(len(names)-2)]
		must(t, disk.Remove(gone))
		log, err := wal.Open(wal.Config{Files: disk, SegmentBytes: wal.SegmentBytesMin})
		if err == nil {
			m.check(t, log) // it held nothing that is kept
			must(t, log.Close())
		} else if !errors.Is(err, wal.ErrDamaged) {
			t.Fatalf("refused with %v", err)
		}
	}
	disk, _ := written(t, draw)
	f, err := disk.Open("somebody-else's")
	must(t, errors.Join(err, f.Close()))
	if _, err := wal.Open(wal.Config{Files: disk, SegmentBytes: wal.SegmentBytesMin}); err == nil {
		t.Error("a file that is none of a log was passed over")
	}
}

// TestFullDisk fills the disk. The log says so while there is still room in its last segment,
// and goes on when there is room again.
func TestFullDisk(t *testing.T) {
	disk := wal.NewDisk()
	l, m := mustOpen(t, disk), newModel()
	store := func() error {
		logs := []*raft.Log{{Index: m.next, Term: 1, Data: make([]byte, 300)}}
		if err := l.StoreLogs(logs); err != nil {
			return err
		}
		m.store(logs)
		return nil
	}
	must(t, store())
	if err := l.Short(1 << 30); err != nil {
		t.Fatalf("short of room: %v", err)
	}
	disk.Limit(1)
	for l.Short(2000) == nil { // the next segment was made before; the one after is not
		must(t, store())
	}
	if err := l.Short(1000); err != nil {
		t.Fatalf("short of the last thousand bytes: %v", err)
	}
	must(t, store()) // there is room in the last segment
	disk.Limit(0)
	for begun := time.Now(); l.Short(2000) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("still short of room")
		}
	}
	for range 100 {
		must(t, store())
	}
	disk.Limit(1)
	var err error
	for err == nil {
		err = store()
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("failed with %v", err)
	}
	disk.Limit(0)
	if err := store(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("went on after a failed write: %v", err)
	}
	must(t, l.Close())
	l = mustOpen(t, disk)
	m.check(t, l)
	must(t, store())
	must(t, l.Close())
}

// FuzzOpen opens any bytes as the first segment.
func FuzzOpen(f *testing.F) {
	for n := range uint64(3) {
		disk := wal.NewDisk()
		l := mustOpen(f, disk)
		for index := range 2 * n {
			must(f, l.StoreLog(&raft.Log{Index: index + 1, Term: 1, Data: []byte("data")}))
		}
		must(f, l.Set([]byte("key"), []byte("value")))
		must(f, l.Close())
		f.Add(contents(f, disk, "0000000000000001.wal"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		disk := wal.NewDisk()
		file, err := disk.Open("0000000000000001.wal")
		must(t, err)
		_, err = file.WriteAt(data, 0)
		must(t, err)
		l, err := wal.Open(wal.Config{Files: disk, SegmentBytes: wal.SegmentBytesMin})
		if err != nil {
			return
		}
		next := l.Next()
		must(t, l.StoreLog(&raft.Log{Index: next, Term: 1, Data: []byte("more")}))
		must(t, l.Close())
		l = mustOpen(t, disk)
		if l.Next() != next+1 {
			t.Fatalf("next is %d, want %d", l.Next(), next+1)
		}
		must(t, l.Close())
	})
}

func contents(t fataler, disk *wal.Disk, name string) []byte {
	t.Helper()
	file, err := disk.Open(name)
	must(t, err)
	data := make([]byte, disk.Size(name))
	_, err = file.ReadAt(data, 0)
	must(t, err)
	return data
}
