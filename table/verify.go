package table

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// verifyWorkers is how many tables are read at a time: enough for a disk's queue.
const verifyWorkers = 4

// VerifyCheckpoint reads every block of every sorted table of a checkpoint and holds it against
// its checksum. Opening a store reads only what it needs, so that damage would show days later,
// when no older checkpoint is left to fall back to.
func VerifyCheckpoint(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return fmt.Errorf("verify checkpoint: %w", err)
	}
	errs := make([]error, len(paths))
	var group sync.WaitGroup
	slots := make(chan struct{}, verifyWorkers)
	for i, path := range paths {
		slots <- struct{}{}
		group.Go(func() {
			errs[i] = verifyTable(path)
			<-slots
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func verifyTable(path string) error {
	file, err := vfs.Default.Open(path)
	if err != nil {
		return fmt.Errorf("verify table: %w", err)
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return fmt.Errorf("verify table: %w", errors.Join(err, file.Close()))
	}
	reader, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err != nil {
		return fmt.Errorf("verify %s: %w", filepath.Base(path), errors.Join(err, readable.Close()))
	}
	if err := errors.Join(reader.ValidateBlockChecksums(), reader.Close()); err != nil {
		return fmt.Errorf("verify %s: %w", filepath.Base(path), err)
	}
	return nil
}
