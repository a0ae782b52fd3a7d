package node

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"seyfert/core"
	"seyfert/ledger"
	"seyfert/table"
	"seyfert/wire"
)

// Bounds of cuts.
const (
	// CutEvery is the number of entries after which a cut is made.
	CutEvery = 20_000
	// CutsKept is the number of whole cuts that are kept.
	CutsKept = 2
)

// manifest says what a cut holds. A cut without a readable manifest that fits its book is not
// whole and is never opened.
type manifest struct {
	Format    int         `json:"format"`
	Index     uint64      `json:"index"`
	Records   uint64      `json:"records"`
	StateHash wire.Digest `json:"state_hash"`
	BookHash  wire.Digest `json:"book_sha256"`
}

const cutFormat = 1

// Store is a node's state on disk: the live tables and the ledger history, and cuts of both.
//
// Live tables are not synced. After a crash they are thrown away: the newest whole cut is
// copied, the history shortened to it, and the journal replayed from there, so that no entry is
// ever applied to a state that already holds it (design section 2).
type Store struct {
	dir     string
	tables  *table.Pebble
	history *table.RecordsFile
	lastCut uint64
	log     *slog.Logger
}

// OpenStore opens the state in a directory and the core on it: that of the newest cut that is
// whole, or the one before the first entry if none is.
func OpenStore(dir string, log *slog.Logger) (*Store, *core.Core, error) {
	for _, sub := range []string{dir, filepath.Join(dir, "cuts")} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, nil, err
		}
	}
	s := &Store{dir: dir, log: log}
	names, err := s.finishedCuts()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Backward(names) {
		path := filepath.Join(dir, "cuts", name)
		c, err := s.openCut(path)
		if err == nil {
			return s, c, nil
		}
		if hindered(err) {
			return nil, nil, fmt.Errorf("open %s: %w", path, err)
		}
		log.Error("a cut is damaged and is skipped",
			slog.String("cut", path), slog.String("error", err.Error()))
	}
	c, err := s.open(manifest{}, ledger.NewBook(), "")
	if err != nil {
		return nil, nil, err
	}
	return s, c, nil
}

// hindered says whether the machine kept a cut from being opened: its disk is full, its files
// are all in use. The cut is whole then, and falling back to an older one would cost a long
// replay, or the cut itself, since the history is shortened to what is opened.
func hindered(err error) bool {
	for _, reason := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		syscall.EROFS, syscall.EACCES, syscall.EPERM,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// openCut opens the state on a copy of a cut.
func (s *Store) openCut(path string) (*core.Core, error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	book, err := readBook(path, m)
	if err != nil {
		return nil, err
	}
	c, err := s.open(m, book, filepath.Join(path, "tables"))
	if err != nil {
		return nil, err
	}
	if c.StateHash() != [32]byte(m.StateHash) {
		return nil, errors.Join(errors.New("the tables have another state hash than the "+
			"manifest says"), s.Close())
	}
	return c, nil
}

// open makes live tables, from a checkpoint if one is named, and shortens the history to them.
func (s *Store) open(m manifest, book *ledger.Book, from string) (c *core.Core, err error) {
	live := filepath.Join(s.dir, "live")
	if err := errors.Join(os.RemoveAll(live), os.Mkdir(live, 0o700)); err != nil {
		return nil, fmt.Errorf("discard live tables: %w", err)
	}
	// Damaged tables can not always be closed again (table.Pebble); those of another cut must
	// not meet their lock.
	live = filepath.Join(live, strconv.FormatUint(m.Index, 10))
	if from != "" {
		if err := table.CloneCheckpoint(from, live); err != nil {
			return nil, err
		}
	}
	if s.tables, err = table.OpenPebble(live); err != nil {
		return nil, fmt.Errorf("open live tables: %w", err)
	}
	history := filepath.Join(s.dir, "history")
	if s.history, err = table.OpenRecords(history, ledger.RecordSize, m.Records); err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", err), s.tables.Close())
	}
	if c, err = core.Open(s.tables, s.history, book); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.lastCut = m.Index
	return c, nil
}

// Keep makes a cut when one is due. State calls it after each entry.
func (s *Store) Keep(c *core.Core) {
	if c.Applied()-s.lastCut >= CutEvery {
		if err := s.Cut(c); err != nil {
			panic("node: make cut: " + err.Error())
		}
	}
}

// Cut writes a whole cut of the state as it stands. The state must not change meanwhile.
func (s *Store) Cut(c *core.Core) error {
	if c.Applied() == s.lastCut {
		return nil
	}
	name := filepath.Join(s.dir, "cuts", fmt.Sprintf("%020d", c.Applied()))
	making := name + ".making"
	if err := errors.Join(os.RemoveAll(making), os.Mkdir(making, 0o700)); err != nil {
		return err
	}
	if err := s.history.Sync(); err != nil {
		return fmt.Errorf("sync history: %w", err)
	}
	if err := s.tables.Checkpoint(filepath.Join(making, "tables")); err != nil {
		return fmt.Errorf("checkpoint tables: %w", err)
	}
	book := c.BookImage()
	m := manifest{
		Format: cutFormat, Index: c.Applied(), Records: c.Records(),
		StateHash: wire.Digest(c.StateHash()), BookHash: wire.Digest(sha256.Sum256(book)),
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(making, "book"), book); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(making, "manifest.json"), text); err != nil {
		return err
	}
	// A cut of this index can only be a damaged one that was skipped.
	if err := errors.Join(syncDir(making), os.RemoveAll(name), os.Rename(making, name),
		syncDir(filepath.Dir(name))); err != nil {
		return err
	}
	s.lastCut = c.Applied()
	return s.prune()
}

// Close closes live tables and history.
func (s *Store) Close() error { return errors.Join(s.tables.Close(), s.history.Close()) }

// finishedCuts lists the cuts, oldest first, and removes one that a crash left unfinished.
func (s *Store) finishedCuts() ([]string, error) {
	names, err := s.cuts()
	if err != nil {
		return nil, err
	}
	var finished []string
	for _, name := range names {
		if !strings.HasSuffix(name, ".making") {
			finished = append(finished, name)
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, "cuts", name)); err != nil {
			return nil, err
		}
	}
	return finished, nil
}

func (s *Store) cuts() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "cuts"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

func (s *Store) prune() error {
	names, err := s.cuts()
	if err != nil {
		return err
	}
	for len(names) > CutsKept {
		if err := os.RemoveAll(filepath.Join(s.dir, "cuts", names[0])); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}

func readManifest(path string) (m manifest, err error) {
	text, err := os.ReadFile(filepath.Join(path, "manifest.json"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read manifest: %w", err)
	}
	if m.Format != cutFormat {
		return m, fmt.Errorf("the cut's format is %d, not %d", m.Format, cutFormat)
	}
	return m, nil
}

func readBook(path string, m manifest) (*ledger.Book, error) {
	image, err := os.ReadFile(filepath.Join(path, "book"))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(image) != [32]byte(m.BookHash) {
		return nil, errors.New("the ledger's image does not match its checksum")
	}
	return ledger.DecodeBook(image)
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
