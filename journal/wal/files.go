package wal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Files is the directory of a log. Dir is the operating system's; tests put faults in here.
type Files interface {
	// Open opens a file for reading and writing and makes it, empty, if it is not there. That
	// it was made need not be durable yet.
	Open(name string) (File, error)
	// Names lists the files, in any order.
	Names() ([]string, error)
	// Rename gives a file another name. It and the file are durable when it returns.
	Rename(from, to string) error
	// Remove removes a file, durably.
	Remove(name string) error
}

// File is an open file of a log.
type File interface {
	// ReadAt is io.ReaderAt: io.EOF where the file ends.
	io.ReaderAt
	// WriteAt is io.WriterAt; it is durable only after Sync.
	io.WriterAt
	// Sync makes durable what was written. It need not keep times of the file.
	Sync() error
	// Close closes the file.
	Close() error
}

// Dir is a directory of the operating system.
type Dir string

// Open implements Files.
func (d Dir) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Names implements Files.
func (d Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// Rename implements Files.
func (d Dir) Rename(from, to string) error {
	err := os.Rename(filepath.Join(string(d), from), filepath.Join(string(d), to))
	if err != nil {
		return err
	}
	return d.sync()
}

// Remove implements Files.
func (d Dir) Remove(name string) error {
	if err := os.Remove(filepath.Join(string(d), name)); err != nil {
		return err
	}
	return d.sync()
}

func (d Dir) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// file is a file whose Sync leaves its times alone.
type file struct{ *os.File }

// Sync implements File.
func (f file) Sync() error { return syncData(f.File) }
