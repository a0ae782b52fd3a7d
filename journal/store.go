package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/raft"

	"seyfert/journal/wal"
)

// Names inside a journal's directory.
const (
	lockName     = "LOCK"
	logName      = "log"
	incomingName = "incoming"
)

// Keys in the store beside the logs. The first is raft's own, for its term.
const (
	currentTermKey = "CurrentTerm"
	marksKey       = "marks"
	selfKey        = "self"
)

// ErrDamaged says that the disk changed or lost bytes of the journal that were synced. What was
// answered may stand there or behind; the journal is not opened.
var ErrDamaged = errors.New("the journal is damaged")

// store is raft's log on disk. It tells the first error of a write: after a failed sync nobody
// knows what the disk holds, so the process must end and start again from what it reads back.
type store struct {
	*wal.Log
	lock *os.File
	// fail is told each error; it is called by raft's goroutines.
	fail func(error)
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
	files, recent := cfg.Files, 0
	if files == nil {
		files = wal.Dir(logDir)
	}
	if cfg.Cluster != nil {
		recent = RecentBytesMax
	}
	log, err := wal.Open(wal.Config{
		Files: files, SegmentBytes: cfg.SegmentBytes, RecentBytes: recent,
	})
	if errors.Is(err, wal.ErrDamaged) {
		err = fmt.Errorf("%w: %w in %s. Leave the directory as it is and restore a backup; a "+
			"replica of several can join anew with an empty one", ErrDamaged, err, logDir)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &store{Log: log, lock: lock, fail: fail}, nil
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

// note tells an error of a write.
func (s *store) note(err error) error {
	if err != nil {
		s.fail(fmt.Errorf("write the journal: %w", err))
	}
	return err
}

// StoreLog implements raft.LogStore.
func (s *store) StoreLog(log *raft.Log) error { return s.note(s.Log.StoreLog(log)) }

// StoreLogs implements raft.LogStore; it returns after the logs are synced.
func (s *store) StoreLogs(logs []*raft.Log) error { return s.note(s.Log.StoreLogs(logs)) }

// DeleteRange implements raft.LogStore.
func (s *store) DeleteRange(first, last uint64) error {
	return s.note(s.Log.DeleteRange(first, last))
}

// Set implements raft.StableStore.
func (s *store) Set(key, value []byte) error { return s.note(s.Log.Set(key, value)) }

// SetUint64 implements raft.StableStore.
func (s *store) SetUint64(key []byte, value uint64) error {
	err := s.note(s.Log.SetUint64(key, value))
	if string(key) == currentTermKey {
		// Raft panics when its term cannot be written. It is about to end, and nothing that it
		// says in a new term until then binds it: a vote or a log would have to be written too.
		return nil
	}
	return err
}

// self returns the name by which this replica took part last.
func (s *store) self() ReplicaID {
	name, err := s.Get([]byte(selfKey))
	if err != nil || len(name) == 0 {
		return aloneID
	}
	return ReplicaID(name)
}

func (s *store) setSelf(id ReplicaID) error {
	if s.self() == id {
		return nil
	}
	return s.Set([]byte(selfKey), []byte(id))
}

// configurationAt returns the members that the log says there are at an index of raft's, and
// where it says so. ok is false if that stands before the kept logs.
func (s *store) configurationAt(index uint64) (c raft.Configuration, at uint64, ok bool) {
	for at = s.Other(index); at > 0; at = s.Other(at - 1) {
		var log raft.Log
		if err := s.GetLog(at, &log); err != nil {
			return c, 0, false
		}
		if log.Type == raft.LogConfiguration {
			return raft.DecodeConfiguration(log.Data), at, true
		}
	}
	return c, 0, false
}

// close releases everything; raft must have ended before.
func (s *store) close() error { return errors.Join(s.Log.Close(), s.lock.Close()) }
