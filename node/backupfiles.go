package node

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"seyfert/wire"
)

// Names of a backup's files beside state/, which is laid out as a node's own.
const (
	manifestName = "manifest.json"
	entriesName  = "entries"
)

const backupFormat = 1

// manifestBytesMax bounds the manifest that is read: some hundred bytes for each sorted table.
const manifestBytesMax = 64 << 20

// Backup is the manifest of a backup: where the node stood, and the hash of every file. It is
// written last; a directory without one is no backup.
type Backup struct {
	Format int `json:"format"`
	// Node and Network name the node that it was made of, MadeAt says when.
	Node    string    `json:"node"`
	Network string    `json:"network"`
	MadeAt  time.Time `json:"made_at"`
	// Cut is the journal index of the cut in it, 0 if it has none. Index is the last entry.
	Cut   uint64 `json:"cut"`
	Index uint64 `json:"index"`
	// Time is that of the last entry. What follows is the state after it.
	Time      time.Time   `json:"time"`
	Records   uint64      `json:"records"`
	Leaves    int64       `json:"leaves"`
	StateHash wire.Digest `json:"state_hash"`
	Root      wire.Digest `json:"root"`

	Files []BackupFile `json:"files"`
	// Sum is the SHA-256 of the manifest with this field zero, as encoding/json writes it.
	Sum wire.Digest `json:"sha256"`
}

// BackupFile is one file of a backup, by its path within it.
type BackupFile struct {
	Path   string      `json:"path"`
	Bytes  int64       `json:"bytes"`
	SHA256 wire.Digest `json:"sha256"`
}

// sum is the hash of everything else in the manifest.
func (b Backup) sum() wire.Digest {
	b.Sum = wire.Digest{}
	text, err := json.Marshal(b)
	if err != nil {
		panic("node: encode manifest: " + err.Error())
	}
	return wire.Digest(sha256.Sum256(text))
}

// ReadBackup reads the manifest of a backup and holds it against its hash.
func ReadBackup(dir string) (Backup, error) {
	b, err := readBackup(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return b, fmt.Errorf("%s is no backup: %w", dir, err)
	}
	if err != nil {
		return b, fmt.Errorf("the manifest of the backup %s: %w: take another backup", dir, err)
	}
	return b, nil
}

func readBackup(dir string) (b Backup, err error) {
	file, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return b, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, manifestBytesMax))
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, err
	}
	if b.Format != backupFormat {
		return b, fmt.Errorf("the format is %d, this program reads %d", b.Format, backupFormat)
	}
	if b.sum() != b.Sum {
		return b, errors.New("it does not match its own hash")
	}
	for _, f := range b.Files {
		if !filepath.IsLocal(f.Path) {
			return b, fmt.Errorf("the path %q leads out of it", f.Path)
		}
	}
	return b, nil
}

// backupWriter copies files to one directory and remembers their hashes.
type backupWriter struct {
	dir   string
	files []BackupFile
	told  func(step string)
}

func (w *backupWriter) tell(format string, args ...any) { w.told(fmt.Sprintf(format, args...)) }

// copy copies a file and adds it to the manifest.
func (w *backupWriter) copy(ctx context.Context, from, name string) error {
	if err := w.copyOnly(ctx, from, name); err != nil {
		return err
	}
	return w.add(ctx, name)
}

// copyOnly copies a file and syncs it.
func (w *backupWriter) copyOnly(ctx context.Context, from, name string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return w.write(ctx, name, source)
}

// write writes a file of what a reader gives, and syncs it.
func (w *backupWriter) write(ctx context.Context, name string, source io.Reader) error {
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, untilDone(ctx, source))
	return errors.Join(err, target.Sync(), target.Close())
}

// add reads a written file back and adds it to the manifest.
func (w *backupWriter) add(ctx context.Context, name string) error {
	f, err := hashed(ctx, w.dir, name)
	if err != nil {
		return err
	}
	w.files = append(w.files, f)
	return nil
}

// syncDirs makes the names of all files durable.
func (w *backupWriter) syncDirs() error {
	return filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = syncDir(path)
		}
		return err
	})
}

// hashed reads a file of a backup.
func hashed(ctx context.Context, dir, name string) (BackupFile, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return BackupFile{}, err
	}
	defer file.Close()
	hash := sha256.New()
	length, err := io.Copy(hash, untilDone(ctx, file))
	return BackupFile{
		Path: name, Bytes: length, SHA256: wire.Digest(hash.Sum(nil)),
	}, err
}

// untilDone reads until a context ends.
func untilDone(ctx context.Context, from io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return from.Read(p)
	})
}

type readFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readFunc) Read(p []byte) (int, error) { return f(p) }
