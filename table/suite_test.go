package table_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/table"
)

// row is one key and value as a test reads them back.
type row struct{ Key, Value string }

// eachStore runs one test against every implementation of Store.
func eachStore(t *testing.T, test func(t *testing.T, s table.Store)) {
	t.Run("memory", func(t *testing.T) {
		s := table.NewMemory()
		test(t, s)
		mustClose(t, s)
	})
	t.Run("pebble", func(t *testing.T) {
		s := mustOpenPebble(t, filepath.Join(t.TempDir(), "tables"))
		test(t, s)
		mustClose(t, s)
	})
}

func mustOpenPebble(tb testing.TB, dir string) *table.Pebble {
	tb.Helper()
	s, err := table.OpenPebble(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func mustClose(tb testing.TB, s interface{ Close() error }) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

func mustApply(tb rapid.TB, s table.Store, w *table.Writes) {
	tb.Helper()
	if err := s.Apply(w); err != nil {
		tb.Fatal(err)
	}
}

// mustPut writes key=value pairs straight into the store.
func mustPut(tb rapid.TB, s table.Store, pairs ...string) {
	tb.Helper()
	var w table.Writes
	for i := 0; i < len(pairs); i += 2 {
		w.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	mustApply(tb, s, &w)
}

func mustGet(tb rapid.TB, r table.Reader, key string) (string, bool) {
	tb.Helper()
	value, ok, err := r.Get([]byte(key))
	if err != nil {
		tb.Fatal(err)
	}
	return string(value), ok
}

// mustRows reads every row in [from, to); an empty to has no end.
func mustRows(tb rapid.TB, r table.Reader, from, to string) []row {
	tb.Helper()
	var rows []row
	var end []byte
	if to != "" {
		end = []byte(to)
	}
	err := r.Scan([]byte(from), end, func(key, value []byte) bool {
		rows = append(rows, row{string(key), string(value)})
		return true
	})
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

func wantRows(tb rapid.TB, got []row, want ...row) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Fatalf("rows differ (-want +got):\n%s", diff)
	}
}

func TestStoreReadsWhatWasApplied(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		if _, ok := mustGet(t, s, "a"); ok {
			t.Fatal("an empty store has a row")
		}
		wantRows(t, mustRows(t, s, "", ""))
		mustPut(t, s, "b", "2", "a", "1", "c", "", "d", "4")
		if value, ok := mustGet(t, s, "c"); !ok || value != "" {
			t.Fatalf("empty value: %q, %v", value, ok)
		}
		wantRows(t, mustRows(t, s, "", ""),
			row{"a", "1"}, row{"b", "2"}, row{"c", ""}, row{"d", "4"})
		wantRows(t, mustRows(t, s, "b", "d"), row{"b", "2"}, row{"c", ""})
		wantRows(t, mustRows(t, s, "bb", "d"), row{"c", ""})
		wantRows(t, mustRows(t, s, "c", "b"))
	})
}

func TestLastWriteOfAKeyWins(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		var w table.Writes
		w.Put([]byte("a"), []byte("1"))
		w.Delete([]byte("a"))
		w.Delete([]byte("b"))
		w.Put([]byte("b"), []byte("2"))
		w.Put([]byte("c"), []byte("3"))
		w.Put([]byte("c"), []byte("4"))
		if w.Len() != 3 {
			t.Fatalf("length %d", w.Len())
		}
		mustApply(t, s, &w)
		wantRows(t, mustRows(t, s, "", ""), row{"b", "2"}, row{"c", "4"})
	})
}

func TestScanStopsAndSeesItsBeginning(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		mustPut(t, s, "a", "1", "b", "2", "c", "3")
		var seen []string
		err := s.Scan(nil, nil, func(key, _ []byte) bool {
			seen = append(seen, string(key))
			// Rows written during the scan, before and behind it, are not part of it.
			mustPut(t, s, "aa", "x", "bb", "x", string(key), "y")
			return len(seen) < 2
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seen, []string{"a", "b"}) {
			t.Fatalf("saw %v", seen)
		}
		wantRows(t, mustRows(t, s, "", ""), row{"a", "y"}, row{"aa", "x"},
			row{"b", "y"}, row{"bb", "x"}, row{"c", "3"})
	})
}

func TestStoreOwnsWhatIsWritten(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		key, value := []byte("key"), []byte("value")
		var w table.Writes
		w.Put(key, value)
		key[0], value[0] = 'x', 'x'
		mustApply(t, s, &w)
		wantRows(t, mustRows(t, s, "", ""), row{"key", "value"})
	})
}

func TestReadersRunBesideTheWriter(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		const rounds = 200
		done := make(chan error, 4)
		for range cap(done) {
			go func() { done <- readPairs(s, rounds) }()
		}
		for i := range rounds {
			mustPut(t, s, "left", fmt.Sprint(i), "right", fmt.Sprint(i))
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// readPairs scans while a writer sets two rows to one value, and fails if they ever differ.
func readPairs(s table.Store, rounds int) error {
	for range rounds {
		var values [][]byte
		err := s.Scan(nil, nil, func(_, value []byte) bool {
			values = append(values, bytes.Clone(value))
			return true
		})
		if err != nil {
			return err
		}
		if len(values) == 2 && !bytes.Equal(values[0], values[1]) {
			return fmt.Errorf("a scan saw half of a write: %q", values)
		}
	}
	return nil
}

// TestStoresEqualModel drives transactions with savepoints against a plain map.
func TestStoresEqualModel(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		rapid.Check(t, func(t *rapid.T) {
			model := map[string]string{}
			for _, r := range mustRows(t, s, "", "") {
				model[r.Key] = r.Value
			}
			tx := table.Begin(s)
			var points []table.Savepoint
			var models []map[string]string
			for range rapid.IntRange(0, 60).Draw(t, "steps") {
				key := rapid.StringMatching(`[a-d]{1,3}`).Draw(t, "key")
				switch rapid.IntRange(0, 5).Draw(t, "step") {
				case 0, 1:
					value := rapid.StringMatching(`[0-9]{0,2}`).Draw(t, "value")
					tx.Put([]byte(key), []byte(value))
					model[key] = value
				case 2:
					tx.Delete([]byte(key))
					delete(model, key)
				case 3:
					points = append(points, tx.Savepoint())
					models = append(models, cloneMap(model))
				case 4:
					if at := len(points) - 1; at >= 0 {
						tx.Rollback(points[at])
						model = models[at]
						points, models = points[:at], models[:at]
					}
				case 5:
					to := rapid.StringMatching(`[a-d]{0,2}`).Draw(t, "to")
					wantRows(t, mustRows(t, tx, key, to), modelRows(model, key, to)...)
					got, ok := mustGet(t, tx, key)
					if want, has := model[key]; got != want || ok != has {
						t.Fatalf("%q: %q, %v; want %q, %v", key, got, ok, want, has)
					}
				}
			}
			wantRows(t, mustRows(t, tx, "", ""), modelRows(model, "", "")...)
			mustApply(t, s, tx.Writes())
			wantRows(t, mustRows(t, s, "", ""), modelRows(model, "", "")...)
		})
	})
}

func cloneMap(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for key, value := range m {
		c[key] = value
	}
	return c
}

func modelRows(m map[string]string, from, to string) []row {
	var rows []row
	for key, value := range m {
		if key >= from && (to == "" || key < to) {
			rows = append(rows, row{key, value})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return rows
}
