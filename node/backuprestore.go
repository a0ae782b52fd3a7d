package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
)

// pointName is the file that says at which entry a restored copy stands. It is written last.
const pointName = "point.json"

type point struct {
	Index uint64 `json:"index"`
}

// Restored is a backup that was unpacked, to be read as it stood after one of its entries.
type Restored struct {
	// Dir holds the unpacked backup.
	Dir string
	// Backup is its manifest.
	Backup Backup
	// At is the last entry that counts, from the backup's cut to its end.
	At uint64
}

// Unpack copies the backup from one directory into another, which must not exist, comparing
// every file with its hash, so that it can be opened at an entry; 0 means at its last one. Until
// all is there and synced the directory has another name.
func (b Backup) Unpack(ctx context.Context, from, into string, at uint64) (err error) {
	if at == 0 {
		at = b.Index
	}
	if at < b.Cut || at > b.Index {
		return fmt.Errorf("the backup goes from entry %d to entry %d, entry %d is not in it: "+
			"for an earlier one take an older backup", b.Cut, b.Index, at)
	}
	if _, err := os.Lstat(into); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s exists", into), err)
	}
	w := &backupWriter{dir: into + ".making"}
	if err := errors.Join(os.RemoveAll(w.dir), os.Mkdir(w.dir, 0o700)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}()
	for _, f := range b.Files {
		if err := w.copy(ctx, filepath.Join(from, f.Path), f.Path); err != nil {
			return fmt.Errorf("copy %s of the backup: %w", f.Path, err)
		}
		if got := w.files[len(w.files)-1]; got != f {
			return fmt.Errorf("%s of the backup has %d bytes and the hash %s, its manifest says "+
				"%d bytes and %s: take another backup", f.Path, got.Bytes, got.SHA256, f.Bytes,
				f.SHA256)
		}
	}
	text, err := os.ReadFile(filepath.Join(from, manifestName))
	if err != nil {
		return err
	}
	stands, err := json.Marshal(point{at})
	if err != nil {
		return err
	}
	if err := errors.Join(writeSynced(filepath.Join(w.dir, manifestName), text),
		writeSynced(filepath.Join(w.dir, pointName), append(stands, '\n')),
		w.syncDirs(), os.Rename(w.dir, into)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(into))
}

// FindRestored reads what Unpack has left in a directory; ok is false if that is not there.
func FindRestored(dir string) (r Restored, ok bool, err error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	r.Dir = dir
	if r.Backup, err = ReadBackup(dir); err != nil {
		return r, false, err
	}
	text, err := os.ReadFile(filepath.Join(dir, pointName))
	if err != nil {
		return r, false, err
	}
	var p point
	if err := json.Unmarshal(text, &p); err != nil {
		return r, false, fmt.Errorf("read %s: %w", filepath.Join(dir, pointName), err)
	}
	r.At = p.Index
	return r, true, nil
}

// StateDir is where the copy keeps its state.
func (r Restored) StateDir() string { return filepath.Join(r.Dir, "state") }

// Entries are the journal's entries after the cut.
func (r Restored) Entries() EntriesIn { return EntriesIn{filepath.Join(r.Dir, entriesName)} }

// Open opens the state as it stood after entry At: the newest cut, and the entries after it. At
// the end of the backup it must be the state that the node had when the backup was made.
func (r Restored) Open(ctx context.Context, log *slog.Logger) (*Store, *State, error) {
	store, c, err := OpenStore(r.StateDir(), log)
	if err != nil {
		return nil, nil, err
	}
	state := NewState(c, store.Keep)
	if err := r.replay(ctx, state); err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return store, state, nil
}

func (r Restored) replay(ctx context.Context, state *State) error {
	if first := state.Applied() + 1; first <= r.At {
		err := r.Entries().Read(first, func(index uint64, e journal.Entry) bool {
			state.Apply(index, e)
			return index < r.At && ctx.Err() == nil
		})
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("replay the backup: %w", err)
		}
	}
	if at := state.Applied(); at != r.At {
		return fmt.Errorf("the backup leads to entry %d, not to %d: take another one", at, r.At)
	}
	if r.At != r.Backup.Index {
		return nil
	}
	var got Backup
	state.Read(func(v core.View) { got = standing(v) })
	if got.StateHash != r.Backup.StateHash || got.Root != r.Backup.Root ||
		got.Records != r.Backup.Records || got.Leaves != r.Backup.Leaves {
		return fmt.Errorf("the backup leads to the state %s with journal tree %s, the node had "+
			"%s and %s: take another backup", got.StateHash, got.Root, r.Backup.StateHash,
			r.Backup.Root)
	}
	return nil
}

// Settle makes a cut of the opened copy where it stands and closes it, so that a journal can begin
// behind it. It returns the time of the last entry, in Unix milliseconds.
func (r Restored) Settle(store *Store, state *State) (at int64, err error) {
	state.alone(func(c *core.Core) {
		at = c.Time()
		if err = store.Cut(c); err == nil && store.lastCut != r.At {
			err = fmt.Errorf("no cut could be made at entry %d", r.At)
		}
	})
	return at, errors.Join(err, store.Close())
}

// ReadOnlyJournal is the journal of a node that only reads: it takes no command.
type ReadOnlyJournal struct{ at uint64 }

// Journal is what the node of a restored copy proposes to.
func (r Restored) Journal() ReadOnlyJournal { return ReadOnlyJournal{r.At} }

// Propose implements Journal and refuses.
func (j ReadOnlyJournal) Propose(context.Context, journal.Command) (journal.Result, error) {
	return journal.Result{}, fault.New(fault.Unavailable, "", "This is a restored copy of the "+
		"node as it stood after journal entry %d. It can be read; it changes nothing.", j.at).Because(fault.ReadOnly)
}
