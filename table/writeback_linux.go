package table

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of linux/fs.h.
const syncFileRangeWrite = 2

// earlyFile lets the disk begin with what is written at once. The kernel would gather it for
// seconds, and a sync then stands before hundreds of megabytes, with the journal's syncs behind
// it. It changes nothing about what is durable, so that its own error says nothing.
type earlyFile struct{ *os.File }

// WriteAt implements File.
func (f earlyFile) WriteAt(p []byte, offset int64) (int, error) {
	n, err := f.File.WriteAt(p, offset)
	if err == nil {
		_ = syscall.SyncFileRange(int(f.Fd()), offset, int64(n), syncFileRangeWrite)
	}
	return n, err
}
