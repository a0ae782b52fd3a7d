package table

import "github.com/cockroachdb/pebble/v2/vfs"

// looseFS is the file system of a live store, which is thrown away after a crash: what only the
// live store needs is not synced. The library changes its list of tables (manifest) at every
// flush, compaction and ingest, and while it waits for that to be durable rows that were
// applied meanwhile are not visible. Sorted tables are synced, because checkpoints share them,
// and so is all that is written into the directory of a checkpoint.
type looseFS struct {
	vfs.FS
	dir string // of the live store
}

// loosen drops the syncs of a file if it lies in the live store and is no sorted table.
func (l looseFS) loosen(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil || linked(name) || l.PathDir(name) != l.PathDir(l.PathJoin(l.dir, "x")) {
		return file, err
	}
	return looseFile{file}, nil
}

// Create implements vfs.FS.
func (l looseFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := l.FS.Create(name, category)
	return l.loosen(name, file, err)
}

// OpenReadWrite implements vfs.FS.
func (l looseFS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption,
) (vfs.File, error) {
	file, err := l.FS.OpenReadWrite(name, category, options...)
	return l.loosen(name, file, err)
}

// OpenDir implements vfs.FS.
func (l looseFS) OpenDir(name string) (vfs.File, error) {
	file, err := l.FS.OpenDir(name)
	return l.loosen(l.PathJoin(name, "x"), file, err)
}

// Unwrap implements vfs.FS.
func (l looseFS) Unwrap() vfs.FS { return l.FS }

// looseFile is a file that is never synced.
type looseFile struct{ vfs.File }

// Sync implements vfs.File.
func (looseFile) Sync() error { return nil }

// SyncData implements vfs.File.
func (looseFile) SyncData() error { return nil }

// SyncTo implements vfs.File.
func (looseFile) SyncTo(int64) (fullSync bool, err error) { return false, nil }
