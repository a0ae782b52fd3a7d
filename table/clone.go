package table

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// CloneCheckpoint makes the directory dst, which must not exist, a store with the content of
// the checkpoint src. Sorted tables, which are never changed in place, are hard links; the
// rest is copied, so src stays as it is whatever happens to dst. Nothing is synced: after a
// crash dst is removed and cloned again. After an error dst is incomplete and must be removed.
func CloneCheckpoint(src, dst string) error { return CloneCheckpointOn(vfs.Default, src, dst) }

// CloneCheckpointOn is CloneCheckpoint in a file system of the caller's.
func CloneCheckpointOn(fs vfs.FS, src, dst string) error {
	files, err := fs.List(src)
	if err != nil {
		return fmt.Errorf("clone checkpoint: %w", err)
	}
	if _, err := fs.Stat(dst); err == nil {
		return fmt.Errorf("clone checkpoint: %s exists", dst)
	}
	if err := fs.MkdirAll(dst, 0o700); err != nil {
		return fmt.Errorf("clone checkpoint: %w", err)
	}
	for _, name := range files {
		if err := cloneFile(fs, fs.PathJoin(src, name), fs.PathJoin(dst, name)); err != nil {
			return fmt.Errorf("clone checkpoint: %w", err)
		}
	}
	return nil
}

// cloneFile links files that never change and copies the rest.
func cloneFile(fs vfs.FS, from, to string) error {
	info, err := fs.Stat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	if kind := filepath.Ext(from); kind == ".sst" || kind == ".blob" {
		return fs.Link(from, to)
	}
	source, err := fs.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
