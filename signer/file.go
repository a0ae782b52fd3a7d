package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// File is a signer journal on disk. It implements JournalFile.
type File struct {
	file *os.File
}

// OpenFile opens the signer journal at path. One that is not there, or that others may read
// or write, is refused.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|openNoFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("signer journal is lost: %w: %s", err, restoreAdvice)
	}
	if err != nil {
		return nil, fmt.Errorf("signer journal: %w", err)
	}
	if err := checkPrivate(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{file: f}, nil
}

// createFile makes the empty file of a new node's signer journal, mode 0600.
func createFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("signer journal: %w", err)
	}
	return &File{file: f}, nil
}

// ReadAt reads as io.ReaderAt does.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	return f.file.ReadAt(p, offset)
}

// Size returns the length in bytes.
func (f *File) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Append writes p at the end and returns after fsync.
func (f *File) Append(p []byte) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if _, err := f.file.WriteAt(p, size); err != nil {
		return err
	}
	return f.file.Sync()
}

// Truncate cuts the file to size bytes and returns after fsync.
func (f *File) Truncate(size int64) error {
	if err := f.file.Truncate(size); err != nil {
		return err
	}
	return f.file.Sync()
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
