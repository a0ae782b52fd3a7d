package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// verifyWorkers is how many files are read at a time: enough for a disk's queue.
const verifyWorkers = 4

// VerifyCheckpoint reads a checkpoint whole: each file is as Finish listed it, and each block of
// each sorted table fits its checksum. Opening a store reads only what it needs, so that damage
// would show days later, when no older checkpoint is left to fall back to.
func VerifyCheckpoint(dir string) error { return VerifyCheckpointOn(vfs.Default, dir) }

// VerifyCheckpointOn is VerifyCheckpoint in a file system of the caller's.
func VerifyCheckpointOn(fs vfs.FS, dir string) error {
	listed, err := openContents(fs, dir)
	if err != nil {
		return fmt.Errorf("verify checkpoint: %w", err)
	}
	names := slices.Sorted(maps.Keys(listed))
	errs := make([]error, len(names))
	var group sync.WaitGroup
	slots := make(chan struct{}, verifyWorkers)
	for i, name := range names {
		slots <- struct{}{}
		group.Go(func() {
			if err := verifyFile(fs, fs.PathJoin(dir, name), listed[name]); err != nil {
				errs[i] = fmt.Errorf("verify %s: %w", name, err)
			}
			<-slots
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func verifyFile(fs vfs.FS, path string, want content) error {
	found, err := measure(fs, path, io.Discard)
	if err != nil {
		return err
	}
	if found != want {
		return errors.New("not the file that was written")
	}
	if !linked(path) {
		return nil
	}
	file, err := fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	policy := bloom.FilterPolicy(bloomBitsPerKey) // without it filters would be passed over
	reader, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{
		Filters: map[string]sstable.FilterPolicy{policy.Name(): policy},
	})
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(reader.ValidateBlockChecksums(), reader.Close())
}
