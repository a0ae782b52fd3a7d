package table

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Sizes of one open store. A node has one, so they are modest.
const (
	cacheBytes    = 64 << 20
	memTableBytes = 32 << 20
	// memTablesMax is how many tables in memory, full ones, make Apply wait for a flush.
	memTablesMax = 4
	// l0RunsMax is how many overlapping runs of sorted tables make Apply wait for compactions.
	// Reads of rows pass by most of them by their filters.
	l0RunsMax = 64
	// manifestBytes is the size at which the list of tables is begun anew. Each checkpoint
	// copies it, and each start reads it.
	manifestBytes = 1 << 20
	// bloomBitsPerKey gives about one false positive in a hundred.
	bloomBitsPerKey = 10
)

// diskFormat is fixed so that a newer library never rewrites a store by itself.
const diskFormat = pebble.FormatValueSeparation

// Pebble is a Store on disk. Its own write-ahead log is off: what is not in a checkpoint is
// lost when the process ends, and the journal brings it back.
type Pebble struct {
	db      *pebble.DB
	fs      vfs.FS
	dir     string
	options *pebble.Options

	// cuts counts the checkpoints that were begun; owned by the goroutine that applies.
	cuts uint64
	// cut is the checkpoint on its way, or nil.
	cut atomic.Pointer[Checkpoint]
	// runs counts the tables that were written to be ingested.
	runs atomic.Uint64
	// writes counts the writes that have ended; idle is a lookup that nobody uses, or nil.
	writes atomic.Uint64
	idle   atomic.Pointer[lookup]

	// waiting counts calls into the library that may wait for a flush.
	waiting atomic.Int64
	failure sync.Once
	// failed is the first error of a flush or compaction in the background; broken is closed
	// after it is set.
	failed error
	broken chan struct{}
}

// OpenPebble opens the store in dir, making it if dir is absent or empty. One process may
// hold a directory at a time.
func OpenPebble(dir string) (*Pebble, error) { return OpenPebbleOn(vfs.Default, dir) }

// OpenPebbleOn is OpenPebble in a file system of the caller's; tests put faults in.
func OpenPebbleOn(fs vfs.FS, dir string) (*Pebble, error) {
	p := &Pebble{fs: fs, dir: dir, broken: make(chan struct{})}
	filter := bloom.FilterPolicy(bloomBitsPerKey)
	options := &pebble.Options{
		FS:                          looseFS{FS: fs, dir: dir},
		DisableWAL:                  true,
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTablesMax,
		L0StopWritesThreshold:       l0RunsMax,
		MaxManifestFileSize:         manifestBytes,
		FormatMajorVersion:          diskFormat,
		Logger:                      listener{p},
		EventListener: &pebble.EventListener{
			BackgroundError: p.fail,
			TableCreated:    p.onTable,
			WriteStallBegin: p.onStall,
			// Without a listener damage that a read meets would end the process; the read
			// returns it as well.
			DataCorruption: func(pebble.DataCorruptionInfo) {},
		},
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = filter
	}
	options.EnsureDefaults() // tables to be ingested are written with them
	p.options = options
	opened := make(chan error, 1)
	go func() {
		var err error
		p.db, err = pebble.Open(dir, options)
		opened <- err
	}()
	select {
	case err := <-opened:
		if err != nil {
			return nil, fmt.Errorf("open tables: %w", err)
		}
		return p, nil
	case <-p.broken:
		go func() {
			if <-opened == nil {
				_ = p.closeAll()
			}
		}()
		return nil, fmt.Errorf("open tables: %w", p.failed)
	}
}

// listener drops the library's running commentary; what matters comes back as errors.
type listener struct{ store *Pebble }

func (listener) Infof(string, ...any)  {}
func (listener) Errorf(string, ...any) {}

// Fatalf is called when the library can no longer vouch for its files, and must not return.
// With an error the disk is at fault: every call says so from now on, and this goroutine, which
// holds the library's locks, rests for ever. Anything else is a fault of the program.
func (l listener) Fatalf(format string, args ...any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			l.store.fail(err)
			select {}
		}
	}
	panic("table: " + fmt.Sprintf(format, args...))
}

// fail remembers the first background error. The library would try again for ever, and stall
// writes and flushes meanwhile; but a disk that refused a sync cannot be trusted again, so
// every later call returns the error.
func (p *Pebble) fail(err error) {
	p.failure.Do(func() {
		p.failed = fmt.Errorf("write tables: %w", err)
		close(p.broken)
	})
}

func (p *Pebble) err() error {
	select {
	case <-p.broken:
		return p.failed
	default:
		return nil
	}
}

// Scan implements Reader.
func (p *Pebble) Scan(from, to []byte, fn func(key, value []byte) bool) (err error) {
	if err := p.err(); err != nil {
		return err
	}
	if len(from) == 0 {
		from = nil // the library takes only nil for no bound
	}
	rows, err := p.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("scan rows: %w", err)
	}
	// Close returns any error that the iteration met.
	defer func() {
		if closeErr := rows.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("scan rows: %w", closeErr)
		}
	}()
	for ok := rows.First(); ok; ok = rows.Next() {
		value, err := rows.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scan rows: %w", err)
		}
		if len(rows.Key()) > KeyMax {
			continue // the stamp of checkpoints
		}
		if !fn(rows.Key(), value) {
			return nil
		}
	}
	return nil
}

// Apply implements Store.
func (p *Pebble) Apply(w *Writes) error {
	if err := p.err(); err != nil {
		return err
	}
	batch := p.db.NewBatch()
	var failed error
	w.All(func(key, value []byte, deleted bool) {
		if failed != nil {
			return
		}
		if deleted {
			failed = batch.Delete(key, nil)
		} else {
			failed = batch.Set(key, value, nil)
		}
	})
	if failed != nil {
		return errors.Join(fmt.Errorf("apply writes: %w", failed), batch.Close())
	}
	err := p.unlessBroken(func() error {
		return errors.Join(p.db.Apply(batch, pebble.NoSync), batch.Close(), p.wrote())
	})
	if err != nil {
		return fmt.Errorf("apply writes: %w", err)
	}
	return nil
}

// unlessBroken calls write, which may wait for a flush, and waits beside it: the library stalls
// writes while its flushes lag behind, and they lag for ever once they fail.
func (p *Pebble) unlessBroken(write func() error) error {
	done := make(chan error, 1)
	p.waiting.Add(1)
	go func() {
		err := write()
		p.waiting.Add(-1)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-p.broken:
		return p.failed
	}
}

// Close implements Store. Rows that no checkpoint holds are lost. After a failure it returns
// that failure, and what the store holds is released as far as the library still can: it tries
// failed work again for ever until it is closed, but may itself be stuck.
func (p *Pebble) Close() error {
	if err := p.err(); err != nil {
		if p.waiting.Load() == 0 {
			go func() { _ = p.closeAll() }()
		}
		return err
	}
	if err := p.unlessBroken(p.closeAll); err != nil {
		return fmt.Errorf("close tables: %w", err)
	}
	return p.err()
}

func (p *Pebble) closeAll() error {
	if c := p.cut.Load(); c != nil {
		c.end()
	}
	return errors.Join(p.wrote(), p.db.Close())
}
