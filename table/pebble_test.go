package table_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"seyfert/table"
)

func TestCheckpointIsACutThatStays(t *testing.T) {
	dir := t.TempDir()
	cut, live, copied := filepath.Join(dir, "cut"), filepath.Join(dir, "live"),
		filepath.Join(dir, "copied")
	s := mustOpenPebble(t, live)
	mustPut(t, s, "a", "1", "b", "2")
	if err := s.Checkpoint(cut); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(cut); err == nil {
		t.Fatal("a checkpoint overwrote another")
	}
	mustPut(t, s, "a", "after", "c", "3")
	mustClose(t, s)

	// Two lives from one cut, the second after the first has changed everything.
	for range 2 {
		if err := os.RemoveAll(copied); err != nil {
			t.Fatal(err)
		}
		if err := table.CloneCheckpoint(cut, copied); err != nil {
			t.Fatal(err)
		}
		s = mustOpenPebble(t, copied)
		wantRows(t, mustRows(t, s, "", ""), row{"a", "1"}, row{"b", "2"})
		for n := range 2000 {
			mustPut(t, s, fmt.Sprintf("a%d", n), "x", "b", "changed")
		}
		if err := s.Checkpoint(filepath.Join(copied, "cut")); err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
	}
	if err := table.CloneCheckpoint(cut, copied); err == nil {
		t.Fatal("a clone overwrote a store")
	}
	if err := table.CloneCheckpoint(filepath.Join(dir, "none"), copied+"2"); err == nil {
		t.Fatal("nothing was cloned")
	}
}

func TestPebbleHoldsItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	s := mustOpenPebble(t, dir)
	if _, err := table.OpenPebble(dir); err == nil {
		t.Fatal("two stores hold one directory")
	}
	mustClose(t, s)
	mustClose(t, mustOpenPebble(t, dir))
}

func TestMemoryCloneIsIndependent(t *testing.T) {
	s := table.NewMemory()
	mustPut(t, s, "a", "1")
	c := s.Clone()
	mustPut(t, s, "a", "2", "b", "2")
	mustPut(t, c, "c", "3")
	wantRows(t, mustRows(t, s, "", ""), row{"a", "2"}, row{"b", "2"})
	wantRows(t, mustRows(t, c, "", ""), row{"a", "1"}, row{"c", "3"})
}

// TestFailedFlushStopsTheStore takes the disk away under an open store.
func TestFailedFlushStopsTheStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	s := mustOpenPebble(t, dir)
	mustPut(t, s, "a", "1")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(dir + "-cut"); err == nil {
		t.Fatal("a checkpoint of nothing")
	}
	var w table.Writes
	w.Put([]byte("b"), []byte("2"))
	if err := s.Apply(&w); err == nil {
		t.Fatal("a broken store took a write")
	}
	if err := s.Close(); err == nil {
		t.Fatal("a broken store closed as if it were whole")
	}
}
