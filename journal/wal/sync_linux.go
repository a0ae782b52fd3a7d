package wal

import (
	"os"
	"syscall"
)

// syncData makes a file's bytes durable, and of what the file system notes about it only what is
// needed to find them.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
		return nil
	}
}
