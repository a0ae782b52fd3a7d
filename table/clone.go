package table

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// CloneCheckpoint makes the directory dst, which must not exist, a store with the content of
// the checkpoint src. Sorted tables, which are never changed in place, are hard links; the
// rest is copied, so src stays as it is whatever happens to dst. A checkpoint that lacks a
// file, or has one that Finish did not write like this, is refused. Nothing is synced: after a
// crash dst is removed and cloned again. After an error dst is incomplete and must be removed.
func CloneCheckpoint(src, dst string) error { return CloneCheckpointOn(vfs.Default, src, dst) }

// CloneCheckpointOn is CloneCheckpoint in a file system of the caller's.
func CloneCheckpointOn(fs vfs.FS, src, dst string) error {
	if err := clone(fs, src, dst); err != nil {
		return fmt.Errorf("clone checkpoint: %w", err)
	}
	return nil
}

func clone(fs vfs.FS, src, dst string) error {
	listed, err := openContents(fs, src)
	if err != nil {
		return err
	}
	if _, err := fs.Stat(dst); err == nil {
		return fmt.Errorf("%s exists", dst)
	}
	if err := fs.MkdirAll(dst, 0o700); err != nil {
		return err
	}
	for name, want := range listed {
		found, err := cloneFile(fs, fs.PathJoin(src, name), fs.PathJoin(dst, name))
		if err != nil {
			return err
		}
		if found != want {
			return fmt.Errorf("%s is not the file that was written", name)
		}
	}
	return nil
}

// cloneFile links files that never change and copies the rest.
func cloneFile(fs vfs.FS, from, to string) (content, error) {
	if linked(from) {
		if err := fs.Link(from, to); err != nil {
			return content{}, err
		}
		return measure(fs, from, io.Discard)
	}
	target, err := fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return content{}, err
	}
	found, err := measure(fs, from, target)
	return found, errors.Join(err, target.Close())
}
