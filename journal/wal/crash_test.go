package wal_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"seyfert/journal/wal"
)

var (
	cycles = flag.Int("cycles", 1500, "crashes of the log")
	seed   = flag.Uint64("seed", 0, "seed of the crashes, 0 for a new one")
)

// life is one log through many crashes.
type life struct {
	t    *testing.T
	draw *rand.Rand
	disk *wal.Disk
	log  *wal.Log
	// sure is what was acknowledged. maybe is what it is if the last, failed operation is there
	// nevertheless.
	sure, maybe *model
}

// TestCrashes crashes a log in the middle of its work and opens what the disk is left with. What
// was acknowledged is there, what was not is there whole or not at all, and nothing that only a
// crash did is refused.
func TestCrashes(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed=%d", *seed)
	repaired := 0
	for cycle := range *cycles {
		l := &life{t: t, draw: rand.New(rand.NewPCG(*seed, uint64(cycle))), sure: newModel()}
		l.disk = wal.NewDisk()
		for range 1 + l.draw.IntN(4) {
			l.open()
			l.work()
			if l.crash() {
				repaired++
			}
			if t.Failed() {
				t.Fatalf("cycle %d", cycle)
			}
		}
	}
	t.Logf("%d crashes in the middle of a write", repaired)
}

func (l *life) open() {
	if l.draw.IntN(4) == 0 {
		l.failToOpen()
	}
	log, err := wal.Open(wal.Config{Files: l.disk, SegmentBytes: wal.SegmentBytesMin})
	if err != nil {
		l.t.Fatalf("refused after a crash: %v", err)
	}
	l.log = log
	if l.maybe != nil && matches(l.maybe, log) {
		l.sure = l.maybe
	}
	l.maybe = nil
	l.sure.check(l.t, log)
}

// failToOpen has the disk fail while the log is opened, and then crash.
func (l *life) failToOpen() {
	left := l.draw.IntN(20)
	l.disk.Break(func(op wal.Op) wal.Fault {
		if left--; left >= 0 || op.Length == 0 {
			return wal.Fault{}
		}
		return wal.Fault{Err: syscall.EIO, Written: l.draw.IntN(op.Length)}
	})
	log, err := wal.Open(wal.Config{Files: l.disk, SegmentBytes: wal.SegmentBytesMin})
	if err == nil {
		err = log.Close()
	}
	if err != nil && !errors.Is(err, syscall.EIO) {
		l.t.Fatalf("failed with %v", err)
	}
	l.disk = l.disk.Crash(l.draw.IntN)
}

// matches says whether a log holds what a model does.
func matches(m *model, l *wal.Log) (yes bool) {
	defer func() {
		if recovered := recover(); recovered != nil && recovered != any(differs{}) {
			panic(recovered)
		}
	}()
	m.check(differs{}, l)
	return true
}

// differs is a test that ends in a panic of its own.
type differs struct{}

func (differs) Helper()               {}
func (differs) Fatalf(string, ...any) { panic(differs{}) }

// work does things until one fails, as something goes wrong at a random place.
func (l *life) work() {
	left := l.draw.IntN(40)
	kind := l.draw.IntN(4)
	cut := l.draw.IntN(4000)
	l.disk.Break(func(op wal.Op) wal.Fault {
		if strings.HasSuffix(op.Name, ".tmp") {
			return wal.Fault{}
		}
		if left--; left > 0 {
			return wal.Fault{}
		}
		switch {
		case kind == 0 && op.Length > 0: // a write that is cut anywhere, even within a sector
			return wal.Fault{Err: syscall.EIO, Written: cut % op.Length}
		case kind == 1 && op.Length > 0: // a whole write, and no sync
			return wal.Fault{Err: syscall.EIO, Written: op.Length}
		case kind == 2 && op.Length == 0:
			return wal.Fault{Err: syscall.EIO}
		}
		return wal.Fault{}
	})
	for range 60 {
		if err := l.step(); err != nil {
			if !errors.Is(err, syscall.EIO) {
				l.t.Fatalf("failed with %v", err)
			}
			return
		}
	}
	l.maybe = nil // a crash between two writes
}

// step does one thing and follows it in the models.
func (l *life) step() error {
	l.maybe = l.sure.clone()
	var err error
	switch m := l.maybe; l.draw.IntN(12) {
	case 0:
		if m.first == m.next {
			return nil
		}
		from := m.first + l.draw.Uint64N(m.next-m.first)
		err = l.log.DeleteRange(from, m.next-1)
		m.deleteRange(from, m.next-1)
	case 1:
		if m.first == m.next {
			return nil
		}
		to := m.first + l.draw.Uint64N(m.next-m.first)
		err = l.log.DeleteRange(m.first, to)
		m.deleteRange(m.first, to)
	case 2:
		value := fmt.Sprint(l.draw.Uint64())
		err = l.log.Set([]byte("term"), []byte(value))
		m.values["term"] = value
	default:
		logs := l.logs(m.next)
		err = l.log.StoreLogs(logs)
		m.store(logs)
	}
	if err == nil {
		l.sure = l.maybe
	}
	return err
}

func (l *life) logs(next uint64) []*raft.Log {
	logs := make([]*raft.Log, 1+l.draw.IntN(4))
	for i := range logs {
		// Zeros and what looks like a log are what a repair could be led astray by.
		data := make([]byte, 1+l.draw.IntN(2500))
		if l.draw.IntN(2) == 0 {
			for at := range data {
				data[at] = byte(l.draw.Uint32())
			}
		}
		logs[i] = &raft.Log{
			Index: next + uint64(i), Term: 1, Type: raft.LogType(l.draw.IntN(2)), Data: data,
		}
	}
	return logs
}

// crash ends the life of the log, and says whether that was in the middle of a write.
func (l *life) crash() bool {
	after := l.disk.Crash(l.draw.IntN)
	_ = l.log.Close()
	l.disk = after
	return l.maybe != nil
}
