package table_test

import (
	"encoding/binary"
	"iter"
	"strings"
	"testing"

	"seyfert/table"
)

// pairs is a source of rows from key=value pairs.
func pairs(texts ...string) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		var key, value []byte // used again for each row, as a source may
		for i := 0; i < len(texts); i += 2 {
			key, value = append(key[:0], texts[i]...), append(value[:0], texts[i+1]...)
			if !yield(key, value) {
				return
			}
		}
	}
}

// idKey is a key of 17 bytes: a prefix and an id of 16.
func idKey(high, low uint64) []byte {
	key := append(make([]byte, 0, 17), 'i')
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(key, high), low)
}

// idRows is a source of count ids in order, from number first on, with their numbers.
func idRows(first, count uint64) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for number := first; number < first+count; number++ {
			if !yield(idKey(number, ^number), binary.BigEndian.AppendUint64(nil, number)) {
				return
			}
		}
	}
}

func TestIngestPutsRows(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		mustPut(t, s, "a", "1", "z", "9")
		for _, rows := range []iter.Seq2[[]byte, []byte]{
			pairs(), pairs("m", "2", "n", ""), pairs("k", "3", "o", "4"), pairs("l", "5"),
		} {
			if err := s.Ingest(rows); err != nil {
				t.Fatal(err)
			}
		}
		mustPut(t, s, "b", "6")
		wantRows(t, mustRows(t, s, "", ""), row{"a", "1"}, row{"b", "6"}, row{"k", "3"},
			row{"l", "5"}, row{"m", "2"}, row{"n", ""}, row{"o", "4"}, row{"z", "9"})
		if value, ok := mustGet(t, s, "n"); !ok || value != "" {
			t.Fatalf("n: %q, %v", value, ok)
		}
		if _, ok := mustGet(t, s, "mm"); ok {
			t.Fatal("mm was found")
		}
	})
}

func TestIngestIsAllOrNothing(t *testing.T) {
	long := strings.Repeat("x", table.KeyMax)
	eachStore(t, func(t *testing.T, s table.Store) {
		for name, rows := range map[string]iter.Seq2[[]byte, []byte]{
			"order":     pairs("b", "1", "c", "2", "a", "3"),
			"twice":     pairs("b", "1", "b", "2"),
			"no key":    pairs("", "1"),
			"long key":  pairs("b", "1", long+"x", "2"),
			"big value": pairs("b", strings.Repeat("x", table.ValueMax+1)),
		} {
			if err := s.Ingest(rows); err == nil {
				t.Errorf("%s: ingested", name)
			}
			wantRows(t, mustRows(t, s, "", ""))
		}
		if err := s.Ingest(pairs(long, strings.Repeat("x", table.ValueMax))); err != nil {
			t.Fatal(err)
		}
		if rows := mustRows(t, s, "", ""); len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
	})
}

// TestIngestOverRowsInMemory breaks the rule that Apply never writes into the range: the rows
// are right all the same.
func TestIngestOverRowsInMemory(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		mustPut(t, s, "b", "old", "d", "old")
		if err := s.Ingest(pairs("a", "1", "b", "2", "c", "3")); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, "c", "new")
		wantRows(t, mustRows(t, s, "", ""), row{"a", "1"}, row{"b", "2"}, row{"c", "new"},
			row{"d", "old"})
	})
}
