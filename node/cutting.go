package node

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"seyfert/core"
	"seyfert/table"
	"seyfert/wire"
)

// When a cut is due: whichever comes first.
const (
	// CutEvery is the number of entries after which a cut is made.
	CutEvery = 20_000
	// CutIDsMax is the number of ids in RAM after which a cut brings them into the tables.
	CutIDsMax = 1_000_000
	// cutPause is the number of entries after which a cut that was disturbed is tried again.
	cutPause = 1_000
)

// making is a cut on its way to the disk. Begin fixed its content under the state's lock; the
// goroutine that writes it closes done.
type making struct {
	index    uint64
	frozen   *core.Frozen
	tables   *table.Checkpoint
	ingested bool
	err      error
	done     chan struct{}
}

// Keep begins a cut when one is due, and ends the one that has been written meanwhile. State
// calls it after each entry, with its lock.
func (s *Store) Keep(c *core.Core) {
	if s.making != nil {
		select {
		case <-s.making.done:
			if err := s.settle(c); err != nil {
				panic(fmt.Errorf("node: make cut: %w", err))
			}
		default:
			return
		}
	}
	due := c.Applied()-s.lastCut >= CutEvery || c.RecentIDs() >= CutIDsMax
	if !due || c.Applied() < s.notBefore {
		return
	}
	if err := s.begin(c); err != nil {
		panic(fmt.Errorf("node: begin cut: %w", err))
	}
}

// Cut writes a whole cut of the state as it stands, and returns when it is there. The state must
// not change meanwhile.
func (s *Store) Cut(c *core.Core) error {
	if s.making != nil {
		<-s.making.done
		if err := s.settle(c); err != nil {
			return err
		}
	}
	if c.Applied() == s.lastCut {
		return nil
	}
	if err := s.begin(c); err != nil {
		return err
	}
	<-s.making.done
	return s.settle(c)
}

// begin fixes the content of a cut and lets it be written. It waits for no disk.
func (s *Store) begin(c *core.Core) error {
	m := &making{index: c.Applied(), frozen: c.Freeze(), done: make(chan struct{})}
	var err error
	if m.tables, err = s.tables.BeginCheckpoint(); err != nil {
		return err
	}
	s.making = m
	go func() {
		defer close(m.done)
		m.err = s.write(m)
		m.tables.Abandon()
	}()
	return nil
}

// settle ends a cut that has been written, or could not be. One that was disturbed, or found no
// room, is no fault: it will be tried again.
func (s *Store) settle(c *core.Core) error {
	m := s.making
	s.making = nil
	c.Thaw(m.frozen, m.ingested)
	if errors.Is(m.err, table.ErrDisturbed) {
		s.notBefore = m.index + cutPause
		s.log.Warn("a cut was disturbed and will be made later", slog.Uint64("index", m.index))
		return nil
	}
	if hindered(m.err) {
		s.notBefore = m.index + cutPause
		s.log.Error("a cut could not be made and will be tried later",
			slog.Uint64("index", m.index), slog.String("error", m.err.Error()))
		return os.RemoveAll(filepath.Join(s.dir, "cuts", cutName(m.index)+".making"))
	}
	if m.err != nil {
		return m.err
	}
	s.lastCut = m.index
	s.shelf.add(m.index)
	return s.prune()
}

// write writes a cut beside everything else.
func (s *Store) write(m *making) error {
	name := filepath.Join(s.dir, "cuts", cutName(m.index))
	unfinished := name + ".making"
	if err := errors.Join(os.RemoveAll(unfinished), os.Mkdir(unfinished, 0o700)); err != nil {
		return err
	}
	if m.frozen.HasIDs() {
		if err := s.tables.Ingest(m.frozen.IDs()); err != nil {
			return fmt.Errorf("bring ids into the tables: %w", err)
		}
	}
	m.ingested = true
	for _, file := range []*table.RecordsFile{s.history, s.hashes, s.lines} {
		if err := file.Sync(); err != nil {
			return fmt.Errorf("sync files: %w", err)
		}
	}
	if err := m.tables.Finish(filepath.Join(unfinished, "tables")); err != nil {
		return err
	}
	hash, err := writeBook(filepath.Join(unfinished, "book"), m.frozen)
	if err != nil {
		return fmt.Errorf("write the ledger's image: %w", err)
	}
	at := m.frozen.Cursor
	text, err := json.Marshal(manifest{
		Format: cutFormat, Index: at.Index, Records: at.Records, Leaves: at.Leaves,
		Lines: at.Lines, StateHash: wire.Digest(at.StateHash), BookHash: hash,
	})
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(unfinished, "manifest.json"), text); err != nil {
		return err
	}
	// A cut of this index can only be a damaged one that was skipped.
	return errors.Join(syncDir(unfinished), os.RemoveAll(name), os.Rename(unfinished, name),
		syncDir(filepath.Dir(name)))
}

// writeBook writes the ledger's image and returns its hash.
func writeBook(path string, frozen *core.Frozen) (wire.Digest, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return wire.Digest{}, err
	}
	hash := sha256.New()
	_, err = frozen.Book.WriteTo(io.MultiWriter(f, hash))
	return wire.Digest(hash.Sum(nil)), errors.Join(err, f.Sync(), f.Close())
}

// prune removes the cuts that are not kept any more, oldest first, and those that are not whole,
// but for those that somebody reads.
func (s *Store) prune() error {
	needed := s.shelf.keep(CutsKept)
	names, err := s.cuts()
	if err != nil {
		return err
	}
	for _, name := range names {
		index, ok := cutIndex(name)
		if !ok || needed[index] {
			continue
		}
		if err := os.RemoveAll(s.cutDir(index)); err != nil {
			return err
		}
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
