package table

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Checkpoint writes a synced copy of the store as it stands into dir, which must not exist.
// Sorted tables are hard links, so it costs little and both sides must lie on one file
// system. A checkpoint is never opened for writing: CloneCheckpoint makes a live store of it.
func (p *Pebble) Checkpoint(dir string) error {
	if err := p.err(); err != nil {
		return err
	}
	// With the write-ahead log off only what is flushed is in the files.
	flushed, err := p.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush tables: %w", err)
	}
	select {
	case <-flushed:
	case <-p.broken:
		return p.failed
	}
	if err := p.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("checkpoint tables: %w", err)
	}
	return nil
}

// CloneCheckpoint makes the directory dst, which must not exist, a store with the content of
// the checkpoint src. Sorted tables, which are never changed in place, are hard links; the
// rest is copied, so src stays as it is whatever happens to dst. Nothing is synced: after a
// crash dst is removed and cloned again. After an error dst is incomplete and must be removed.
func CloneCheckpoint(src, dst string) error {
	files, err := os.ReadDir(src)
	if err != nil {
		return fmt.Errorf("clone checkpoint: %w", err)
	}
	if err := os.Mkdir(dst, 0o700); err != nil {
		return fmt.Errorf("clone checkpoint: %w", err)
	}
	for _, file := range files {
		if !file.Type().IsRegular() {
			return fmt.Errorf("clone checkpoint: %s is not a file", file.Name())
		}
		from, to := filepath.Join(src, file.Name()), filepath.Join(dst, file.Name())
		if err := cloneFile(from, to); err != nil {
			return fmt.Errorf("clone checkpoint: %w", err)
		}
	}
	return nil
}

// cloneFile links files that never change and copies the rest.
func cloneFile(from, to string) error {
	if kind := filepath.Ext(from); kind == ".sst" || kind == ".blob" {
		return os.Link(from, to)
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
