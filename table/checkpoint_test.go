package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"seyfert/table"
)

func mustBegin(tb testing.TB, s *table.Pebble) *table.Checkpoint {
	tb.Helper()
	c, err := s.BeginCheckpoint()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// mustReopen opens a clone of the checkpoint at dir and closes it when the test ends.
func mustReopen(tb testing.TB, dir string) *table.Pebble {
	tb.Helper()
	clone := filepath.Join(tb.TempDir(), "clone")
	if err := table.CloneCheckpoint(dir, clone); err != nil {
		tb.Fatal(err)
	}
	s := mustOpenPebble(tb, clone)
	tb.Cleanup(func() { mustClose(tb, s) })
	return s
}

func TestCheckpointHoldsWhatWasAppliedAtBegin(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenPebble(t, filepath.Join(dir, "live"))
	defer mustClose(t, s)
	mustPut(t, s, "a", "1", "b", "2")
	if err := s.Ingest(pairs("i1", "1")); err != nil {
		t.Fatal(err)
	}
	c := mustBegin(t, s)
	mustPut(t, s, "a", "later", "c", "later")
	if err := s.Ingest(pairs("i2", "2")); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(filepath.Join(dir, "cut")); err != nil {
		t.Fatal(err)
	}
	c.Abandon()
	wantRows(t, mustRows(t, mustReopen(t, filepath.Join(dir, "cut")), "", ""),
		row{"a", "1"}, row{"b", "2"}, row{"i1", "1"}, row{"i2", "2"})
	wantRows(t, mustRows(t, s, "", ""), row{"a", "later"}, row{"b", "2"}, row{"c", "later"},
		row{"i1", "1"}, row{"i2", "2"})

	// One at a time; one that is abandoned makes room.
	c = mustBegin(t, s)
	if _, err := s.BeginCheckpoint(); err == nil {
		t.Fatal("two checkpoints on their way")
	}
	c.Abandon()
	if err := s.Checkpoint(filepath.Join(dir, "next")); err != nil {
		t.Fatal(err)
	}
	wantRows(t, mustRows(t, mustReopen(t, filepath.Join(dir, "next")), "a", "i"),
		row{"a", "later"}, row{"b", "2"}, row{"c", "later"})
}

// loadKeys is the number of keys that the load writes over and over.
const loadKeys = 500

// load applies rows all the time: the n-th write sets key n%loadKeys to n and some filling.
type load struct {
	store *table.Pebble
	// step is held while a row is applied, as a node holds its state.
	step    sync.Mutex
	applied uint64
	stop    chan struct{}
	done    chan error
}

// startLoad begins to apply rows with a pause after each.
func startLoad(s *table.Pebble, filling int, pause time.Duration) *load {
	l := &load{store: s, stop: make(chan struct{}), done: make(chan error, 1)}
	value := make([]byte, 8+filling)
	go func() {
		for {
			select {
			case <-l.stop:
				l.done <- nil
				return
			default:
			}
			if err := l.apply(value); err != nil {
				l.done <- err
				return
			}
			if pause > 0 {
				time.Sleep(pause)
			}
		}
	}()
	return l
}

func (l *load) apply(value []byte) error {
	l.step.Lock()
	defer l.step.Unlock()
	l.applied++
	binary.BigEndian.PutUint64(value, l.applied)
	var w table.Writes
	w.Put(loadKey(l.applied%loadKeys), value)
	return l.store.Apply(&w)
}

func loadKey(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'l'}, n) }

// begin fixes a checkpoint under the load and says what it has to hold and how long it took.
func (l *load) begin(tb testing.TB) (c *table.Checkpoint, applied uint64, took time.Duration) {
	tb.Helper()
	l.step.Lock()
	defer l.step.Unlock()
	start := time.Now()
	c, err := l.store.BeginCheckpoint()
	if err != nil {
		tb.Fatal(err)
	}
	return c, l.applied, time.Since(start)
}

func (l *load) end(tb testing.TB) {
	tb.Helper()
	close(l.stop)
	if err := <-l.done; err != nil {
		tb.Fatal(err)
	}
}

// wantLoad checks that a store holds exactly the first applied writes of the load.
func wantLoad(tb testing.TB, r table.Reader, applied uint64) {
	tb.Helper()
	rows := uint64(0)
	err := r.Scan([]byte{'l'}, []byte{'m'}, func(key, value []byte) bool {
		rows++
		n := binary.BigEndian.Uint64(key[1:])
		got, want := binary.BigEndian.Uint64(value), applied-(applied-n)%loadKeys
		if got != want {
			tb.Errorf("after %d writes key %d has write %d, want %d", applied, n, got, want)
		}
		return got == want
	})
	if err != nil {
		tb.Fatal(err)
	}
	if want := min(applied, loadKeys); rows != want && !tb.Failed() {
		tb.Errorf("%d rows after %d writes, want %d", rows, applied, want)
	}
}

// TestCheckpointsUnderLoad takes checkpoints while rows are applied and ingested all the time.
func TestCheckpointsUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenPebble(t, filepath.Join(dir, "live"))
	defer mustClose(t, s)
	cuts, pause := 8, time.Duration(0)
	if testing.Short() {
		cuts, pause = 4, 100*time.Microsecond // the race detector slows all of it down
	}
	l := startLoad(s, 2000, pause)
	var longest time.Duration
	ingested := uint64(0)
	disturbed := 0
	for cut := range cuts {
		c, applied, took := l.begin(t)
		longest = max(longest, took)
		if err := s.Ingest(idRows(ingested, 20_000)); err != nil {
			t.Fatal(err)
		}
		ingested += 20_000
		time.Sleep(time.Duration(cut%4) * 50 * time.Millisecond)
		path := filepath.Join(dir, fmt.Sprint("cut", cut))
		if err := c.Finish(path); errors.Is(err, table.ErrDisturbed) {
			disturbed++
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		r := mustReopen(t, path)
		wantLoad(t, r, applied)
		for _, n := range []uint64{0, ingested / 2, ingested - 1, ingested} {
			if _, ok, err := r.Get(idKey(n, ^n)); err != nil || ok != (n < ingested) {
				t.Errorf("id %d of %d: %v, %v", n, ingested, ok, err)
			}
		}
	}
	l.end(t)
	wantLoad(t, s, l.applied)
	t.Logf("%d rows applied, longest Begin %v, %d checkpoints disturbed",
		l.applied, longest, disturbed)
}

// mustFill applies rows of 1 MiB.
func mustFill(tb testing.TB, s table.Store, rows uint64) {
	tb.Helper()
	value := make([]byte, table.ValueMax)
	for n := range rows {
		var w table.Writes
		binary.BigEndian.PutUint64(value, n)
		w.Put(loadKey(n%50), value)
		mustApply(tb, s, &w)
	}
}

// TestCheckpointHoldsLaterRowsBack applies more than a table in memory holds before the
// checkpoint is finished: their flush waits.
func TestCheckpointHoldsLaterRowsBack(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenPebble(t, filepath.Join(dir, "live"))
	defer mustClose(t, s)
	mustPut(t, s, "a", "1")
	c := mustBegin(t, s)
	mustFill(t, s, 80)
	if err := c.Finish(filepath.Join(dir, "cut")); err != nil {
		t.Fatal(err)
	}
	wantRows(t, mustRows(t, mustReopen(t, filepath.Join(dir, "cut")), "", ""), row{"a", "1"})
}

// TestCheckpointDisturbed applies more than the store can hold back. The checkpoint says so and
// leaves nothing; the next one is fine.
func TestCheckpointDisturbed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenPebble(t, filepath.Join(dir, "live"))
	defer mustClose(t, s)
	mustPut(t, s, "a", "1")
	c := mustBegin(t, s)
	mustFill(t, s, 200)
	cut := filepath.Join(dir, "cut")
	if err := c.Finish(cut); !errors.Is(err, table.ErrDisturbed) {
		t.Fatalf("finish: %v", err)
	}
	if _, err := os.Stat(cut); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("what is left of the checkpoint: %v", err)
	}
	if err := s.Checkpoint(cut); err != nil {
		t.Fatal(err)
	}
	r := mustReopen(t, cut)
	if value, _ := mustGet(t, r, string(loadKey(49))); value[7] != 199 {
		t.Fatalf("the last row is write %d", value[7])
	}
}

// TestCheckpointRefusesDamage changes, removes and adds files of a checkpoint.
func TestCheckpointRefusesDamage(t *testing.T) {
	fs := vfs.NewMem()
	s, err := table.OpenPebbleOn(fs, "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	mustPut(t, s, "a", "1", "b", "2")
	if err := s.Checkpoint("/cut"); err != nil {
		t.Fatal(err)
	}
	refuse := func(what string) {
		t.Helper()
		if err := table.VerifyCheckpointOn(fs, "/cut"); err == nil {
			t.Errorf("%s: verified", what)
		}
		if strings.HasSuffix(what, " in place") {
			return // of a sorted table; reads compare checksums
		}
		if err := table.CloneCheckpointOn(fs, "/cut", "/clone"); err == nil {
			t.Errorf("%s: cloned", what)
		}
		if err := fs.RemoveAll("/clone"); err != nil {
			t.Fatal(err)
		}
	}
	names, err := fs.List("/cut")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := "/cut/" + name
		whole := mustReadFile(t, fs, path)
		mustWriteFile(t, fs, path, append(whole[:len(whole):len(whole)], 0))
		refuse(name + " is longer")
		if len(whole) > 0 {
			mustWriteFile(t, fs, path, whole[:len(whole)-1])
			refuse(name + " is shorter")
		}
		for at := range whole {
			damaged := bytes.Clone(whole)
			damaged[at] ^= 1
			mustWriteFile(t, fs, path, damaged)
			what := fmt.Sprintf("%s is changed at %d", name, at)
			if filepath.Ext(name) == ".sst" {
				what += " in place"
			}
			refuse(what)
		}
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		refuse(name + " is gone")
		mustWriteFile(t, fs, path, whole)
	}
	mustWriteFile(t, fs, "/cut/more", nil)
	refuse("one more file")
	if err := fs.Remove("/cut/more"); err != nil {
		t.Fatal(err)
	}
	if err := table.VerifyCheckpointOn(fs, "/cut"); err != nil {
		t.Fatal(err)
	}
	if err := table.CloneCheckpointOn(fs, "/cut", "/clone"); err != nil {
		t.Fatal(err)
	}
	if s, err = table.OpenPebbleOn(fs, "/clone"); err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	wantRows(t, mustRows(t, s, "", ""), row{"a", "1"}, row{"b", "2"})
}

func mustReadFile(tb testing.TB, fs vfs.FS, path string) []byte {
	tb.Helper()
	file, err := fs.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		tb.Fatal(err)
	}
	return data
}

func mustWriteFile(tb testing.TB, fs vfs.FS, path string, data []byte) {
	tb.Helper()
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = file.Write(bytes.Clone(data)) // it may change what it is given
	if err := errors.Join(err, file.Close()); err != nil {
		tb.Fatal(err)
	}
}
