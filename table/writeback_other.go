//go:build !linux

package table

import "os"

// earlyFile is a plain file where the system can't be asked to write early.
type earlyFile struct{ *os.File }
