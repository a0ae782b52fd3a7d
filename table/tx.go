package table

import (
	"bytes"
	"fmt"
)

// Writes is an ordered set of puts and deletes, at most one per key: the last write of a key
// wins. The zero value is empty and ready. It is not safe for concurrent use.
type Writes struct {
	set set
}

// Put sets key to value. Both are copied. A key or value over KeyMax or ValueMax is a fault
// of the program and panics.
func (w *Writes) Put(key, value []byte) { w.put(newEntry(key, value, false)) }

// Delete removes key; deleting what is not there is recorded too.
func (w *Writes) Delete(key []byte) { w.put(newEntry(key, nil, true)) }

// Len returns the number of keys written.
func (w *Writes) Len() int { return w.set.length }

// All calls fn for each written key in ascending order. The slices must not be changed. The
// order and the bytes depend only on the last write of each key, so a hash over them is the
// hash of the logical write-set.
func (w *Writes) All(fn func(key, value []byte, deleted bool)) {
	for _, chunk := range w.set.chunks {
		for _, e := range chunk {
			fn(e.key, e.value, e.deleted)
		}
	}
}

func (w *Writes) put(e entry) (before entry, existed bool) { return w.set.put(e) }

// newEntry copies key and value into one allocation.
func newEntry(key, value []byte, deleted bool) entry {
	if len(key) == 0 || len(key) > KeyMax || len(value) > ValueMax {
		panic(fmt.Sprintf("table: write of %d key bytes, %d value bytes", len(key), len(value)))
	}
	both := make([]byte, len(key)+len(value))
	copy(both, key)
	copy(both[len(key):], value)
	return entry{key: both[:len(key):len(key)], value: both[len(key):], deleted: deleted}
}

// Tx collects the writes of one journal entry over a store. Reads see its own writes; nothing
// reaches the store until the caller applies Writes. A Tx belongs to one goroutine and needs
// no end: dropping it undoes everything.
type Tx struct {
	under  Reader
	writes Writes
	undo   []undoStep
}

// undoStep is what one write replaced in the transaction's own writes.
type undoStep struct {
	before  entry
	key     []byte
	existed bool
}

// Savepoint marks a state of a Tx that Rollback returns to.
type Savepoint int

// Begin starts a transaction over a store, or over another Reader whose rows do not change
// while the transaction lives.
func Begin(under Reader) *Tx { return &Tx{under: under} }

// Get implements Reader.
func (t *Tx) Get(key []byte) (value []byte, ok bool, err error) {
	if e, written := t.writes.set.get(key); written {
		return e.value, !e.deleted, nil
	}
	return t.under.Get(key)
}

// Put sets key to value. Both are copied; a key or value over its limit panics.
func (t *Tx) Put(key, value []byte) { t.put(newEntry(key, value, false)) }

// Delete removes key; an absent key is no error.
func (t *Tx) Delete(key []byte) { t.put(newEntry(key, nil, true)) }

func (t *Tx) put(e entry) {
	before, existed := t.writes.put(e)
	t.undo = append(t.undo, undoStep{before: before, key: e.key, existed: existed})
}

// Scan implements Reader: it merges the rows under the transaction with its own writes. Fn
// may write to the transaction; the scan in progress does not see it.
func (t *Tx) Scan(from, to []byte, fn func(key, value []byte) bool) error {
	own := newCursor(t.writes.set.acquire(), from, to)
	defer t.writes.set.release()
	ahead, more := own.next()
	stopped := false
	// emit passes own writes on until one is at or after limit; nil means to the end.
	emit := func(limit []byte) {
		for more && !stopped && (limit == nil || bytes.Compare(ahead.key, limit) < 0) {
			if !ahead.deleted {
				stopped = !fn(ahead.key, ahead.value)
			}
			ahead, more = own.next()
		}
	}
	err := t.under.Scan(from, to, func(key, value []byte) bool {
		emit(key)
		if stopped {
			return false
		}
		if more && bytes.Equal(ahead.key, key) {
			return true // replaced or deleted here; emit passes it on next
		}
		stopped = !fn(key, value)
		return !stopped
	})
	if err != nil {
		return err
	}
	emit(nil)
	return nil
}

// Writes returns everything written so far. It stays part of the transaction: apply it, then
// drop the transaction.
func (t *Tx) Writes() *Writes { return &t.writes }

// Savepoint marks the present state.
func (t *Tx) Savepoint() Savepoint { return Savepoint(len(t.undo)) }

// Rollback undoes every write since s, as if it had never been made: a refused command of a
// batch leaves nothing in Writes. Savepoints taken after s are void; using one panics.
func (t *Tx) Rollback(s Savepoint) {
	if s < 0 || int(s) > len(t.undo) {
		panic(fmt.Sprintf("table: rollback to savepoint %d of %d", s, len(t.undo)))
	}
	for i := len(t.undo) - 1; i >= int(s); i-- {
		if step := t.undo[i]; step.existed {
			t.writes.set.put(step.before)
		} else {
			t.writes.set.remove(step.key)
		}
	}
	t.undo = t.undo[:s]
}
