package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
)

// Names inside a journal's directory.
const (
	lockName = "LOCK"
	logName  = "log"
)

// currentTermKey is where raft keeps its term in the stable store.
const currentTermKey = "CurrentTerm"

// store is raft's log on disk. It tells the first error of a write and takes no log from then
// on: after a failed sync nobody knows what the disk holds, so the process must end and start
// again from what it reads back. Raft's term, which the embedded log keeps in its meta store,
// may still change while raft winds down; raft itself panics when that fails.
type store struct {
	*wal.WAL
	meta *metadb.BoltMetaDB
	lock *os.File
	// fail is told the first error; it is called by raft's goroutines.
	fail func(error)
	// broken is set with the first error. Raft writes from one goroutine, which owns it.
	broken error
}

// openStore opens the log in cfg.Dir, making it if needed, and holds that until close.
func openStore(cfg RaftConfig, fail func(error)) (*store, error) {
	dir := filepath.Clean(cfg.Dir)
	logDir := filepath.Join(dir, logName)
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return nil, err
	}
	for _, made := range []string{dir, filepath.Dir(dir)} {
		if err := syncDir(made); err != nil {
			return nil, err
		}
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	// The library's own Close leaves its meta store open, and a second open in this process
	// would then wait for ever; so the meta store is ours to close.
	meta := &metadb.BoltMetaDB{}
	log, err := wal.Open(logDir, wal.WithMetaStore(meta), wal.WithLogger(hclog.NewNullLogger()),
		wal.WithSegmentSize(cfg.SegmentBytes),
		wal.WithSegmentFiler(segments{segment.NewFiler(logDir, cfg.Files), cfg.Files, logDir}))
	if err != nil {
		return nil, errors.Join(err, meta.Close(), lock.Close())
	}
	return &store{WAL: log, meta: meta, lock: lock, fail: fail}, nil
}

// lockDir holds dir against every other process, and against this one.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use: %w", dir, err), lock.Close())
	}
	return lock, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// StoreLog implements raft.LogStore.
func (s *store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore; it returns after the logs are synced.
func (s *store) StoreLogs(logs []*raft.Log) error {
	if s.broken == nil {
		s.note(s.WAL.StoreLogs(logs))
	}
	return s.broken
}

// DeleteRange implements raft.LogStore. This release never deletes: raft asks for it only when
// the logs of two leaders differ, which one voter cannot have.
func (s *store) DeleteRange(first, last uint64) error {
	s.note(fmt.Errorf("logs %d to %d were to be deleted", first, last))
	return s.broken
}

func (s *store) note(err error) {
	if err != nil && s.broken == nil {
		s.broken = fmt.Errorf("write the journal: %w", err)
		s.fail(s.broken)
	}
}

// close releases everything; raft must have ended before.
func (s *store) close() error {
	return errors.Join(s.WAL.Close(), s.meta.Close(), s.lock.Close())
}
