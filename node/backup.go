package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/table"
	"seyfert/wire"
)

// Entries is the journal as a backup and a check read it.
type Entries interface {
	// Read calls fn for the entries from an index on, in order, until fn returns false or the
	// entries applied when Read was called are done.
	Read(from uint64, fn func(index uint64, e journal.Entry) bool) error
}

// LiveEntries is a journal that grows while a backup reads it.
type LiveEntries interface {
	Entries
	// WaitApplied waits until the journal counts the entry of an index as applied, which is a
	// moment after the state shows it.
	WaitApplied(ctx context.Context, index uint64) error
}

// BackupSource is a running node as a backup sees it. Every field is required.
type BackupSource struct {
	State   *State
	Store   *Store
	Journal LiveEntries
	// Config is the configuration to put beside the state, without secrets.
	Config []byte
	Now    func() time.Time
	// Told is called with each step, for who waits.
	Told func(step string)
}

// Write makes the directory to, which must not exist, a backup of the node, and returns what its
// manifest says. The node goes on meanwhile: what it does after the last step is not in the
// backup. It may be called from any goroutine, one call at a time.
//
// A backup holds the newest cut with the part of the growing files that belongs to it, and the
// journal's entries after it. All is copied, never linked: a copy that shares its bytes with the
// node's own files would share their damage. What was copied is read back and checked, so that
// damage shows now and not at the restore. Until the last step the directory has another name.
func (b BackupSource) Write(ctx context.Context, to string) (_ Backup, err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return Backup{}, errors.Join(fmt.Errorf("%s exists: name a new directory", to), err)
	}
	w := &backupWriter{dir: to + ".making", told: b.Told}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return Backup{}, fmt.Errorf("make the backup's directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}()
	cut, release := b.holdCut()
	defer release()
	if cut != 0 {
		if err := copyState(ctx, w, b.Store.dir, cut); err != nil {
			return Backup{}, err
		}
	}
	m := b.end(cut)
	if err := b.Journal.WaitApplied(ctx, m.Index); err != nil {
		return Backup{}, err
	}
	if err := w.entries(ctx, b.Journal, cut+1, m.Index); err != nil {
		return Backup{}, err
	}
	if err := w.file(ctx, "config.json", b.Config); err != nil {
		return Backup{}, err
	}
	m.Files = w.files
	m.Sum = m.sum()
	if err := w.manifest(m); err != nil {
		return Backup{}, err
	}
	if err := os.Rename(w.dir, to); err != nil {
		return Backup{}, err
	}
	return m, syncDir(filepath.Dir(to))
}

// holdCut returns the index of the newest whole cut, 0 if there is none, and keeps it and the
// journal behind it from being removed until release is called.
func (b BackupSource) holdCut() (index uint64, release func()) {
	b.State.alone(func(*core.Core) {
		index = b.Store.lastCut
		b.Store.shelf.hold(index) // whole, as the newest one always is
	})
	return index, func() { b.Store.shelf.release(index) }
}

// end says where the node stands now: that is where the backup ends.
func (b BackupSource) end(cut uint64) (m Backup) {
	b.State.Read(func(v core.View) { m = standing(v) })
	m.Format, m.Cut, m.MadeAt = backupFormat, cut, b.Now().UTC().Truncate(time.Second)
	return m
}

// standing is what a manifest says about a state.
func standing(v core.View) Backup {
	at, row := v.Cursor(), v.Node()
	root, err := v.Root(at.Leaves)
	if err != nil {
		panic("node: root of the journal tree: " + err.Error())
	}
	return Backup{
		Node: row.DID, Network: row.Network, Index: at.Index, Time: milli(at.Time),
		Records: at.Records, Leaves: at.Leaves,
		StateHash: wire.Digest(at.StateHash), Root: wire.Digest(root),
	}
}

// copyState copies a cut of a state and the part of the growing files that belongs to it.
func copyState(ctx context.Context, w *backupWriter, dir string, index uint64) error {
	w.tell("copies the cut at entry %d", index)
	to := filepath.Join("state", "cuts", cutName(index))
	m, err := copyCut(ctx, w, dir, to, index)
	if err != nil {
		return err
	}
	for _, f := range growing(m) {
		if err := copyRecords(ctx, w, dir, f); err != nil {
			return err
		}
	}
	return nil
}

// copyCut copies the files of a cut and reads them back.
func copyCut(
	ctx context.Context, w *backupWriter, dir, to string, index uint64,
) (manifest, error) {
	from := filepath.Join(dir, "cuts", cutName(index))
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || entry.IsDir() {
			return err
		}
		return w.copy(ctx, path, filepath.Join(to, name))
	})
	if err != nil {
		return manifest{}, fmt.Errorf("copy the cut: %w", err)
	}
	m, err := checkCut(filepath.Join(w.dir, to))
	if err != nil {
		return m, fmt.Errorf("the cut %s is damaged, %w: stop the node, remove the cut and start it "+
			"again, so that an older one is taken", from, err)
	}
	return m, nil
}

// checkCut reads all of a cut.
func checkCut(path string) (manifest, error) {
	m, err := readManifest(path)
	if err != nil {
		return m, err
	}
	if _, err := readBook(path, m); err != nil {
		return m, err
	}
	return m, table.VerifyCheckpoint(filepath.Join(path, "tables"))
}

// copyRecords copies a growing file as it stands, shortens the copy to what the cut holds, and
// reads it back.
func copyRecords(ctx context.Context, w *backupWriter, dir string, f growingFile) error {
	w.tell("copies %d records of %s", f.keep, f.name)
	name := filepath.Join("state", f.name)
	if err := w.copyOnly(ctx, filepath.Join(dir, f.name), name); err != nil {
		return err
	}
	path := filepath.Join(w.dir, name)
	records, err := table.OpenRecords(path, f.size, f.keep)
	if err == nil {
		err = errors.Join(records.Check(1, f.keep), records.Sync(), records.Close())
	}
	if err != nil {
		return fmt.Errorf("%s is damaged: %w: see \"When something breaks\" in "+
			"docs/operations.md", filepath.Join(dir, f.name), err)
	}
	return w.add(ctx, name)
}

// entries writes the journal's entries from one index to another.
func (w *backupWriter) entries(
	ctx context.Context, from Entries, first, last uint64,
) error {
	w.tell("copies the entries %d to %d", first, last)
	out, err := createEntries(filepath.Join(w.dir, entriesName), first)
	if err != nil {
		return err
	}
	var failed error
	if first <= last {
		err = from.Read(first, func(index uint64, e journal.Entry) bool {
			if failed = ctx.Err(); failed == nil {
				failed = out.add(index, e)
			}
			return failed == nil && index < last
		})
	}
	if err == nil && failed == nil && out.next != last+1 {
		err = fmt.Errorf("the journal gave no entry %d", out.next)
	}
	if err := errors.Join(err, failed, out.close()); err != nil {
		return fmt.Errorf("copy the journal: %w", err)
	}
	return w.add(ctx, entriesName)
}

// file writes a small file of the backup.
func (w *backupWriter) file(ctx context.Context, name string, data []byte) error {
	if err := writeSynced(filepath.Join(w.dir, name), data); err != nil {
		return err
	}
	return w.add(ctx, name)
}

// manifest writes the manifest after everything it names has reached the disk.
func (w *backupWriter) manifest(m Backup) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := w.syncDirs(); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(w.dir, manifestName), append(text, '\n')); err != nil {
		return err
	}
	return syncDir(w.dir)
}
