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
	"slices"
	"strconv"
	"strings"
	"syscall"

	"seyfert/core"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/table"
	"seyfert/wire"
)

// CutsKept is the number of whole cuts that are kept.
const CutsKept = 2

// manifest says what a cut holds. A cut without a readable manifest that fits its book is not
// whole and is never opened.
type manifest struct {
	Format    int         `json:"format"`
	Index     uint64      `json:"index"`
	Records   uint64      `json:"records"`
	Leaves    int64       `json:"leaves"`
	Lines     uint64      `json:"lines"`
	StateHash wire.Digest `json:"state_hash"`
	BookHash  wire.Digest `json:"book_sha256"`
}

const cutFormat = 2

// Store is a node's state on disk: the live tables and the files that only grow (history, tree
// hashes, entry lines), and cuts of all of them.
//
// Live tables are not synced. After a crash they are thrown away: the newest whole cut is
// copied, the files shortened to it, and the journal replayed from there, so that no entry is
// ever applied to a state that already holds it (design section 2). A Store belongs to whoever
// holds the State's lock.
type Store struct {
	dir string
	// core works on the store.
	core                   *core.Core
	tables                 *table.Pebble
	history, hashes, lines *table.RecordsFile
	// lastCut is the index of the newest whole cut, making the one under way.
	lastCut uint64
	making  *making
	// notBefore is the index before which no cut is tried again after one was disturbed.
	notBefore uint64
	// shelf guards itself.
	shelf shelf
	log   *slog.Logger
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
	if err := os.RemoveAll(filepath.Join(dir, uncheckedName)); err != nil {
		return nil, nil, err
	}
	if err := s.moveIn(); err != nil {
		return nil, nil, fmt.Errorf("put the cut of another replica into its place: %w", err)
	}
	names, err := s.finishedCuts()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Backward(names) {
		path := filepath.Join(dir, "cuts", name)
		c, err := s.openCut(path)
		if err == nil {
			s.core = c
			s.count(names)
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
	s.core = c
	return s, c, nil
}

// count notes which cuts are whole: the one that was opened, and older ones with a manifest.
func (s *Store) count(names []string) {
	for _, name := range names {
		index, ok := cutIndex(name)
		if !ok || index > s.lastCut {
			continue
		}
		if m, err := readManifest(s.cutDir(index)); err == nil && m.Index == index {
			s.shelf.add(index)
		}
	}
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
	tables, sound := filepath.Join(path, "tables"), make(chan error, 1)
	go func() { sound <- table.VerifyCheckpoint(tables) }()
	book, err := readBook(path, m)
	if err := errors.Join(err, <-sound); err != nil {
		return nil, err
	}
	c, err := s.open(m, book, tables)
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
	if err := s.openFiles(m); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if c, err = core.Open(core.Stores{
		Tables: s.tables, History: s.history, Hashes: s.hashes, Lines: s.lines,
	}, book); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.lastCut = m.Index
	return c, nil
}

// growingFile is one of the files that only grow: the size of its records, and how many of them
// belong to a cut.
type growingFile struct {
	name string
	size int
	keep uint64
}

// growing lists the files that only grow: history, tree hashes and entry lines.
func growing(m manifest) [3]growingFile {
	return [3]growingFile{
		{"history", ledger.RecordSize, m.Records},
		{"tree", merkle.HashSize, uint64(merkle.StoredCount(m.Leaves))},
		{"lines", core.LineSize, m.Lines},
	}
}

// openFiles opens the files that only grow and shortens them to what a cut holds.
func (s *Store) openFiles(m manifest) (err error) {
	files := [3]**table.RecordsFile{&s.history, &s.hashes, &s.lines}
	for i, f := range growing(m) {
		*files[i], err = table.OpenRecords(filepath.Join(s.dir, f.name), f.size, f.keep)
		if err != nil {
			*files[i] = nil
			return fmt.Errorf("open %s: %w", f.name, err)
		}
	}
	return nil
}

// Close closes the store, once what the last entry left is written. A cut under way is finished
// first; the next start does not need it.
func (s *Store) Close() error {
	var errs []error
	if s.core != nil {
		s.core.Settle()
	}
	if s.making != nil {
		<-s.making.done
	}
	if s.tables != nil {
		errs = append(errs, s.tables.Close())
		s.tables = nil
	}
	for _, f := range []**table.RecordsFile{&s.history, &s.hashes, &s.lines} {
		if *f != nil {
			errs = append(errs, (*f).Close())
			*f = nil
		}
	}
	return errors.Join(errs...)
}

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

// cutName is the name of a cut's directory.
func cutName(index uint64) string { return fmt.Sprintf("%020d", index) }

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
	image, err := os.Open(filepath.Join(path, "book"))
	if err != nil {
		return nil, err
	}
	defer image.Close()
	hash := sha256.New()
	book, err := ledger.ReadBook(io.TeeReader(image, hash))
	if err == nil && [32]byte(hash.Sum(nil)) != [32]byte(m.BookHash) {
		err = errors.New("the ledger's image does not match its checksum")
	}
	return book, err
}
