package table

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// lookup finds rows by their whole key. It sees the store as it stood after some write, and is
// used again until the next one: a decision over a batch of commands looks up thousands of keys
// between two writes.
//
// The library's own Get does not read the filters of the last level, which holds nearly all
// rows, so that a key which is not there costs it a block of that level. A lookup does.
type lookup struct {
	rows *pebble.Iterator
	// seen is the number of writes that had ended when the lookup was made.
	seen uint64
}

// Get implements Reader.
func (p *Pebble) Get(key []byte) (value []byte, ok bool, err error) {
	if err := p.err(); err != nil {
		return nil, false, err
	}
	if len(key) == 0 || len(key) > KeyMax {
		return nil, false, nil
	}
	l, err := p.look()
	if err != nil {
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	if l.rows.SeekPrefixGE(key) {
		var found []byte
		if found, err = l.rows.ValueAndErr(); err == nil {
			value, ok = append([]byte{}, found...), true
		}
	}
	if err == nil {
		err = l.rows.Error()
	}
	if err != nil {
		_ = l.rows.Close() // it returns the same error
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	if err := p.rest(l); err != nil {
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	return value, ok, nil
}

// look returns a lookup that sees every write that has ended: the idle one if it does.
func (p *Pebble) look() (*lookup, error) {
	seen := p.writes.Load()
	if l := p.idle.Swap(nil); l != nil {
		if l.seen == seen {
			return l, nil
		}
		if err := l.rows.Close(); err != nil {
			return nil, err
		}
	}
	rows, err := p.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, err
	}
	return &lookup{rows: rows, seen: seen}, nil
}

// rest keeps a lookup for the next Get, or closes it if it is of no use any more.
func (p *Pebble) rest(l *lookup) error {
	if l.seen == p.writes.Load() && p.idle.CompareAndSwap(nil, l) {
		return nil
	}
	return l.rows.Close()
}

// wrote ends the life of lookups that do not see the last write. One that a Get puts to rest at
// this very moment lives until the next Get or write: all that costs is memory.
func (p *Pebble) wrote() error {
	p.writes.Add(1)
	if l := p.idle.Swap(nil); l != nil {
		return l.rows.Close()
	}
	return nil
}
