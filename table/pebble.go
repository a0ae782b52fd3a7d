package table

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Sizes of one open store. A node has one, so they are modest.
const (
	cacheBytes    = 64 << 20
	memTableBytes = 32 << 20
	// bloomBitsPerKey gives about one false positive in a hundred.
	bloomBitsPerKey = 10
)

// diskFormat is fixed so that a newer library never rewrites a store by itself.
const diskFormat = pebble.FormatValueSeparation

// Pebble is a Store on disk. Its own write-ahead log is off: what is not in a checkpoint is
// lost when the process ends, and the journal brings it back.
type Pebble struct {
	db *pebble.DB

	failure sync.Once
	// failed is the first error of a flush or compaction in the background; broken is closed
	// after it is set.
	failed error
	broken chan struct{}
}

// OpenPebble opens the store in dir, making it if dir is absent or empty. One process may
// hold a directory at a time.
func OpenPebble(dir string) (*Pebble, error) {
	p := &Pebble{broken: make(chan struct{})}
	filter := bloom.FilterPolicy(bloomBitsPerKey)
	options := &pebble.Options{
		DisableWAL:         true,
		CacheSize:          cacheBytes,
		MemTableSize:       memTableBytes,
		FormatMajorVersion: diskFormat,
		Logger:             quiet{},
		EventListener: &pebble.EventListener{
			BackgroundError: p.fail,
			// Without a listener damage that a read meets would end the process; the read
			// returns it as well.
			DataCorruption: func(pebble.DataCorruptionInfo) {},
		},
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = filter
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("open tables: %w", err)
	}
	p.db = db
	return p, nil
}

// quiet drops the library's running commentary; what matters comes back as errors.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

// Fatalf is called when the library can no longer vouch for its files.
func (quiet) Fatalf(format string, args ...any) {
	panic("table: " + fmt.Sprintf(format, args...))
}

// fail remembers the first background error. The library would try again for ever, and stall
// writes and flushes meanwhile; but a disk that refused a sync cannot be trusted again, so
// every later write returns the error.
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

// Get implements Reader.
func (p *Pebble) Get(key []byte) (value []byte, ok bool, err error) {
	found, closer, err := p.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	value = append([]byte{}, found...)
	if err := closer.Close(); err != nil {
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	return value, true, nil
}

// Scan implements Reader.
func (p *Pebble) Scan(from, to []byte, fn func(key, value []byte) bool) (err error) {
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
	// The library stalls a write while its flushes lag behind, and they lag for ever once
	// they fail; hence the wait beside it.
	done := make(chan error, 1)
	go func() { done <- errors.Join(p.db.Apply(batch, pebble.NoSync), batch.Close()) }()
	select {
	case failed = <-done:
	case <-p.broken:
		return p.failed
	}
	if failed != nil {
		return fmt.Errorf("apply writes: %w", failed)
	}
	return nil
}

// Close implements Store. Rows that no checkpoint holds are lost. After a failure it returns
// that failure and releases nothing: the process has to stop.
func (p *Pebble) Close() error {
	if err := p.err(); err != nil {
		return err
	}
	if err := p.db.Close(); err != nil {
		return fmt.Errorf("close tables: %w", err)
	}
	return p.err()
}
