package table_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"seyfert/table"
)

// syncSpy notes the names of files and directories that are synced.
type syncSpy struct {
	vfs.FS

	state  sync.Mutex // guards synced
	synced []string
}

type spiedFile struct {
	vfs.File
	spy  *syncSpy
	name string
}

func (f spiedFile) SyncData() error { return f.Sync() }

func (f spiedFile) Sync() error {
	f.spy.state.Lock()
	defer f.spy.state.Unlock()
	f.spy.synced = append(f.spy.synced, f.name)
	return f.File.Sync()
}

func (s *syncSpy) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := s.FS.Create(name, category)
	return spiedFile{file, s, name}, err
}

func (s *syncSpy) OpenDir(name string) (vfs.File, error) {
	file, err := s.FS.OpenDir(name)
	return spiedFile{file, s, name}, err
}

// TestOnlyWhatOutlivesACrashIsSynced holds what a live store waits for to its tables, and what a
// checkpoint waits for to all of it.
func TestOnlyWhatOutlivesACrashIsSynced(t *testing.T) {
	spy := &syncSpy{FS: vfs.NewMem()}
	s, err := table.OpenPebbleOn(spy, "/live")
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "a", "1")
	if err := s.Ingest(pairs("i", "1")); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint("/cut"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	has := func(part string) bool {
		for _, name := range spy.synced {
			if strings.Contains(name, part) {
				return true
			}
		}
		return false
	}
	for _, part := range []string{
		"/live/ingest-1.tmp", ".sst", "/cut/MANIFEST", "/cut/contents", "/cut/OPTIONS",
	} {
		if !has(part) {
			t.Errorf("%s is not synced, only %q", part, spy.synced)
		}
	}
	for _, part := range []string{
		"/live/MANIFEST", "/live/OPTIONS", "/live/marker", "/live/000002.log",
	} {
		if has(part) {
			t.Errorf("%s is synced: %q", part, spy.synced)
		}
	}
}
