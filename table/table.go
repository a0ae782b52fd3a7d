package table

import (
	"bytes"
	"fmt"
)

// Codec turns rows into bytes and back. Marshal must be deterministic, because the state hash
// runs over its bytes; wire's deterministic CBOR is the codec of a node.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// Table is a typed table: rows of type V under keys of type K. It holds no rows itself, is
// immutable after New and safe to share. Each table of a store has its own prefix byte.
type Table[K, V any] struct {
	prefix  byte
	codec   Codec
	key     func(K) []byte
	indexes []Index[V]
}

// Index is a second order over the rows of a table, kept up to date by the table's Put and
// Delete. Each index has its own prefix byte in the store.
type Index[V any] struct {
	prefix byte
	keys   func(V) [][]byte
}

// NewIndex makes an index whose entries for a row are the keys that keys returns: none, one,
// or several different ones. The keys of one index must be built from the same Key parts, so
// that none begins another.
func NewIndex[V any](prefix byte, keys func(V) [][]byte) Index[V] {
	return Index[V]{prefix: prefix, keys: keys}
}

// New makes a table. The key function must give different keys for different K, built with
// Key. A prefix used twice among the table and its indexes panics.
func New[K, V any](
	prefix byte, codec Codec, key func(K) []byte, indexes ...Index[V],
) Table[K, V] {
	used := []byte{prefix}
	for _, index := range indexes {
		if bytes.IndexByte(used, index.prefix) >= 0 {
			panic(fmt.Sprintf("table: prefix %d is used twice", index.prefix))
		}
		used = append(used, index.prefix)
	}
	return Table[K, V]{prefix: prefix, codec: codec, key: key, indexes: indexes}
}

// Get returns the row under k; ok is false if there is none.
func (t Table[K, V]) Get(r Reader, k K) (v V, ok bool, err error) {
	return t.row(r, t.rowKey(k))
}

// Has reports whether there is a row under k, without decoding it.
func (t Table[K, V]) Has(r Reader, k K) (bool, error) {
	_, ok, err := r.Get(t.rowKey(k))
	return ok, err
}

// Put sets the row under k and the index entries that belong to it. It fails only when the
// row cannot be encoded or is over KeyMax or ValueMax, or when the old row cannot be read.
func (t Table[K, V]) Put(tx *Tx, k K, v V) error {
	key := t.rowKey(k)
	value, err := t.codec.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode row of table %d: %w", t.prefix, err)
	}
	if len(key) > KeyMax || len(value) > ValueMax {
		return fmt.Errorf("row of table %d: %d key bytes, %d value bytes: over the limit",
			t.prefix, len(key), len(value))
	}
	if err := t.replaceIndexes(tx, key, &v); err != nil {
		return err
	}
	tx.Put(key, value)
	return nil
}

// Delete removes the row under k and its index entries; an absent row is no error.
func (t Table[K, V]) Delete(tx *Tx, k K) error {
	key := t.rowKey(k)
	if err := t.replaceIndexes(tx, key, nil); err != nil {
		return err
	}
	tx.Delete(key)
	return nil
}

// replaceIndexes writes the difference between the index entries of the row now under key
// and those of its successor, or of none.
func (t Table[K, V]) replaceIndexes(tx *Tx, key []byte, next *V) error {
	if len(t.indexes) == 0 {
		return nil
	}
	old, existed, err := t.row(tx, key)
	if err != nil {
		return err
	}
	for _, index := range t.indexes {
		var before, after [][]byte
		if existed {
			before = index.entryKeys(old, key)
		}
		if next != nil {
			after = index.entryKeys(*next, key)
		}
		for _, entryKey := range after {
			if len(entryKey) > KeyMax {
				return fmt.Errorf("index %d: key of %d bytes is over the limit",
					index.prefix, len(entryKey))
			}
		}
		for _, entryKey := range before {
			if !contains(after, entryKey) {
				tx.Delete(entryKey)
			}
		}
		for _, entryKey := range after {
			if !contains(before, entryKey) {
				tx.Put(entryKey, key)
			}
		}
	}
	return nil
}

// entryKeys returns the keys of the index entries of row v, which is stored under rowKey.
func (x Index[V]) entryKeys(v V, rowKey []byte) [][]byte {
	keys := x.keys(v)
	full := make([][]byte, len(keys))
	for i, key := range keys {
		entryKey := make([]byte, 0, 1+len(key)+len(rowKey))
		entryKey = append(entryKey, x.prefix)
		entryKey = append(entryKey, key...)
		full[i] = append(entryKey, rowKey[1:]...)
	}
	return full
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// Scan calls fn for each row whose key begins with prefix, in the order of keys, until fn
// returns false; a nil prefix means every row. Key is the row's key as the table's key
// function built it, valid until fn returns.
func (t Table[K, V]) Scan(
	r Reader, prefix []byte, fn func(key []byte, v V) bool,
) error {
	from := append([]byte{t.prefix}, prefix...)
	return t.scan(r, from, prefixEnd(from), fn)
}

// ScanFrom is Scan from a first key on: rows whose key begins with prefix and is not before
// from, which is a whole key or a part of one. A page continues at Next of its last key.
func (t Table[K, V]) ScanFrom(
	r Reader, prefix, from []byte, fn func(key []byte, v V) bool,
) error {
	low := append([]byte{t.prefix}, prefix...)
	start := append([]byte{t.prefix}, from...)
	if bytes.Compare(start, low) < 0 {
		start = low
	}
	return t.scan(r, start, prefixEnd(low), fn)
}

func (t Table[K, V]) scan(
	r Reader, from, to []byte, fn func(key []byte, v V) bool,
) error {
	var failed error
	err := r.Scan(from, to, func(key, value []byte) bool {
		v, err := t.decode(value)
		if err != nil {
			failed = err
			return false
		}
		return fn(key[1:], v)
	})
	if err != nil {
		return err
	}
	return failed
}

// ScanIndex calls fn for each row that has an entry in index beginning with prefix, in the
// order of the index, until fn returns false. Key is the index entry's key, followed by the
// row's, valid until fn returns. An entry whose row is gone is an error: they change together.
func (t Table[K, V]) ScanIndex(
	r Reader, index Index[V], prefix []byte, fn func(key []byte, v V) bool,
) error {
	return t.ScanIndexFrom(r, index, prefix, nil, fn)
}

// ScanIndexFrom is ScanIndex from a first index key on; a page continues at Next of its last
// key.
func (t Table[K, V]) ScanIndexFrom(
	r Reader, index Index[V], prefix, from []byte, fn func(key []byte, v V) bool,
) error {
	low := append([]byte{index.prefix}, prefix...)
	start := append([]byte{index.prefix}, from...)
	if bytes.Compare(start, low) < 0 {
		start = low
	}
	var failed error
	err := r.Scan(start, prefixEnd(low), func(key, rowKey []byte) bool {
		v, ok, err := t.row(r, rowKey)
		if err == nil && !ok {
			err = fmt.Errorf("index %d: entry %x without a row", index.prefix, key)
		}
		if err != nil {
			failed = err
			return false
		}
		return fn(key[1:], v)
	})
	if err != nil {
		return err
	}
	return failed
}

// Next returns the smallest key after key, to continue a scan behind its last row.
func Next(key []byte) []byte { return append(append([]byte(nil), key...), 0) }

func (t Table[K, V]) rowKey(k K) []byte {
	return append([]byte{t.prefix}, t.key(k)...)
}

func (t Table[K, V]) row(r Reader, key []byte) (v V, ok bool, err error) {
	value, ok, err := r.Get(key)
	if err != nil || !ok {
		return v, false, err
	}
	v, err = t.decode(value)
	return v, err == nil, err
}

func (t Table[K, V]) decode(value []byte) (v V, err error) {
	if err := t.codec.Unmarshal(value, &v); err != nil {
		return v, fmt.Errorf("decode row of table %d: %w", t.prefix, err)
	}
	return v, nil
}
