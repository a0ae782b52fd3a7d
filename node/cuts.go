package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/table"
)

// A cut that another replica sent stands in a directory of the state with this name from the
// moment at which it counts: what a crash leaves undone then, the next start does. Until it is
// checked the directory has another name.
const (
	incomingName  = "incoming"
	uncheckedName = "incoming.making"
)

// incomingCut is the directory of the cut itself among the files that travel; the files that
// only grow are beside it.
const incomingCut = "cut"

// Cuts shows a node's cuts to its journal, which is shortened behind them, and which brings them
// from one replica to another. It implements journal.Cuts.
type Cuts struct {
	state *State
	store *Store
	// lost says that the old state was given up and the new one could not be opened. The
	// State's lock guards it.
	lost bool
}

// NewCuts returns the cuts of a state that lives in a store.
func NewCuts(state *State, store *Store) *Cuts {
	return &Cuts{state: state, store: store}
}

// Kept implements journal.Cuts. A cut that somebody reads counts although newer ones are kept,
// and while somebody relies on the first entry none does: the journal keeps what follows.
func (c *Cuts) Kept() []uint64 { return c.store.shelf.kept() }

// Cut writes a whole cut of the state as it stands, and returns when it is there. Readers and
// entries wait.
func (c *Cuts) Cut() (err error) {
	c.state.alone(func(of *core.Core) {
		if !c.lost {
			err = c.store.Cut(of)
		}
	})
	return err
}

// Open implements journal.Cuts.
func (c *Cuts) Open(index uint64) (files []journal.CutFile, release func(), err error) {
	shelf := &c.store.shelf
	if index == 0 || !shelf.hold(index) {
		return nil, nil, fmt.Errorf("no cut at entry %d is kept", index)
	}
	if files, err = c.store.files(index); err != nil {
		shelf.release(index)
		return nil, nil, err
	}
	return files, sync.OnceFunc(func() { shelf.release(index) }), nil
}

// files lists what a cut consists of: the files in its directory, and the beginnings of those
// that only grow, which hold all its records since it was made.
func (s *Store) files(index uint64) (files []journal.CutFile, err error) {
	dir := s.cutDir(index)
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files = append(files, journal.CutFile{
			Name: filepath.ToSlash(filepath.Join(incomingCut, name)), Path: path, Size: info.Size(),
		})
		return err
	})
	for _, f := range growing(m) {
		files = append(files, journal.CutFile{
			Name: f.name, Path: filepath.Join(s.dir, f.name),
			Size: table.RecordsFileSize(f.size, f.keep),
		})
	}
	return files, err
}

// Install implements journal.Cuts. Readers see the old state or the new one. The old cuts go:
// the journal has no more entries behind them. A cut that is refused changes nothing; an error
// after that leaves a state that must not be read, and the next start opens the new one.
func (c *Cuts) Install(index uint64, dir string) error {
	if err := c.store.bring(index, dir); err != nil {
		return err
	}
	return c.state.replace(func() (*core.Core, error) {
		opened, err := c.store.install(index)
		c.lost = err != nil
		return opened, err
	})
}

// bring takes the files of a cut into the state's directory and reads all of them: they may have
// been damaged where they came from, and nothing but them will be left. The old state is in use
// meanwhile.
func (s *Store) bring(index uint64, dir string) error {
	path := filepath.Join(s.dir, uncheckedName)
	if err := errors.Join(os.RemoveAll(path), moveTree(dir, path)); err != nil {
		return fmt.Errorf("bring in a cut: %w", err)
	}
	m, err := checkCut(filepath.Join(path, incomingCut))
	if err == nil && m.Index != index {
		err = fmt.Errorf("it is one at entry %d", m.Index)
	}
	for _, f := range growing(m) {
		if err == nil {
			err = checkRecords(filepath.Join(path, f.name), f)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the cut at entry %d that came in is damaged: %w", index, err),
			os.RemoveAll(path))
	}
	return syncDir(path)
}

// checkRecords reads all of a file that only grows and leaves it as long as its cut needs it.
func checkRecords(path string, f growingFile) error {
	if _, err := os.Stat(path); err != nil {
		return err // it would be made
	}
	records, err := table.OpenRecords(path, f.size, f.keep)
	if err != nil {
		return err
	}
	return errors.Join(records.Check(1, f.keep), records.Sync(), records.Close())
}

// moveTree moves a directory, by a synced copy if it is on another file system.
func moveTree(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	err = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o700)
		}
		return copySynced(path, filepath.Join(to, name))
	})
	if err != nil {
		return err
	}
	return (&backupWriter{dir: to}).syncDirs()
}

func copySynced(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = target.ReadFrom(source)
	return errors.Join(err, target.Sync(), target.Close())
}

// install makes the cut that was brought in the state, and opens it. The caller holds the
// State's lock.
func (s *Store) install(index uint64) (*core.Core, error) {
	if s.making != nil { // it is of the state that ends
		<-s.making.done
		s.making = nil
	}
	err := errors.Join(os.Rename(filepath.Join(s.dir, uncheckedName),
		filepath.Join(s.dir, incomingName)), syncDir(s.dir))
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // what it held counts no more
		s.log.Warn("the old state closes with an error", slog.String("error", err.Error()))
	}
	if err := s.moveIn(); err != nil {
		return nil, err
	}
	c, err := s.openCut(s.cutDir(index))
	if err != nil {
		return nil, err
	}
	s.core, s.notBefore = c, 0
	s.shelf.begin(index)
	return c, nil
}

// moveIn puts the cut that was brought in, if there is one, into the place of everything else.
// It may be interrupted and called again. The files that only grow have the same records as the
// old ones as far as those go, so whoever reads an old cut still can.
func (s *Store) moveIn() error {
	from := filepath.Join(s.dir, incomingName)
	if _, err := os.Stat(from); err != nil {
		return absent(err)
	}
	for _, f := range growing(manifest{}) {
		err := os.Rename(filepath.Join(from, f.name), filepath.Join(s.dir, f.name))
		if absent(err) != nil {
			return err
		}
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	cut := filepath.Join(from, incomingCut)
	if _, err := os.Stat(cut); err == nil {
		m, err := readManifest(cut)
		if err != nil {
			return err
		}
		s.shelf.begin(0)
		err = errors.Join(s.prune(), os.RemoveAll(s.cutDir(m.Index)),
			os.Rename(cut, s.cutDir(m.Index)))
		if err != nil {
			return err
		}
	} else if absent(err) != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Join(s.dir, "cuts")), os.RemoveAll(from), syncDir(s.dir))
}

// absent turns the error that something is not there into none.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *Store) cutDir(index uint64) string {
	return filepath.Join(s.dir, "cuts", cutName(index))
}

// cutIndex reads the name of a cut's directory.
func cutIndex(name string) (index uint64, ok bool) {
	if strings.HasSuffix(name, ".making") {
		return 0, false
	}
	index, err := strconv.ParseUint(name, 10, 64)
	return index, err == nil && cutName(index) == name
}
