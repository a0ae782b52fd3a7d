// Package table keeps typed rows, their indexes and the transactions that change them, over
// Pebble on disk or over memory.
//
// It knows nothing of what a row means: no rule of the domain, no clock and no network is
// here. A Store is plain ordered bytes; a Tx collects the writes of one journal entry over
// it; a Table gives rows a type, an order and indexes; a Records file holds history that is
// only ever appended. Nothing here is synced by itself: the journal is what is durable, and a
// store is thrown away after a crash and made again from its newest checkpoint (design
// section 2, "State").
//
// Errors of this package are faults of hardware or of the program, never of a caller: a read
// that fails must stop the node.
package table

import (
	"errors"
	"iter"
)

// Limits on what one row may hold. They bound memory per write; rows of the domain are far
// smaller.
const (
	// KeyMax is the longest key in bytes, the table's prefix included.
	KeyMax = 1 << 10
	// ValueMax is the longest value in bytes.
	ValueMax = 1 << 20
)

// ErrClosed is what a memory store and a records file answer after Close.
var ErrClosed = errors.New("table: closed")

// Reader reads rows: a Store, or a Tx that sees its own writes over one.
type Reader interface {
	// Get returns the value under key; ok is false if there is none. The value must not be
	// changed by the caller and stays valid after later writes.
	Get(key []byte) (value []byte, ok bool, err error)
	// Scan calls fn for each row with from <= key < to in ascending order of keys, until fn
	// returns false. A nil to has no upper end. The scan sees the rows as they stood when it
	// began. Key and value are valid only until fn returns and must not be changed.
	Scan(from, to []byte, fn func(key, value []byte) bool) error
}

// Store is an ordered set of rows. One goroutine may write while any number read.
type Store interface {
	Reader
	// Apply makes all writes of w visible at once or, with an error, none. It is not synced.
	Apply(w *Writes) error
	// Ingest puts many rows at once without Apply's work for each, and without its wait: it
	// may run beside Apply and reads. The rows come in strictly ascending order of keys and
	// must be in a range of keys that Apply never writes to. Rows and order are checked, and
	// with an error none is visible. It is not synced by itself, but is in every checkpoint
	// that is finished later.
	Ingest(rows iter.Seq2[[]byte, []byte]) error
	// Close releases the store. No call may be under way and none may follow.
	Close() error
}
