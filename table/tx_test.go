package table_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"seyfert/table"
)

func TestNothingReachesTheStoreBeforeApply(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		mustPut(t, s, "a", "1", "b", "2")
		tx := table.Begin(s)
		tx.Put([]byte("c"), []byte("3"))
		tx.Delete([]byte("a"))
		wantRows(t, mustRows(t, s, "", ""), row{"a", "1"}, row{"b", "2"})
		wantRows(t, mustRows(t, tx, "", ""), row{"b", "2"}, row{"c", "3"})
		mustApply(t, s, tx.Writes())
		wantRows(t, mustRows(t, s, "", ""), row{"b", "2"}, row{"c", "3"})
	})
}

func TestRollbackLeavesNothingBehind(t *testing.T) {
	tx := table.Begin(table.NewMemory())
	tx.Put([]byte("a"), []byte("1"))
	tx.Put([]byte("b"), []byte("2"))
	before := written(tx.Writes())
	outer := tx.Savepoint()
	tx.Put([]byte("a"), []byte("9"))
	inner := tx.Savepoint()
	tx.Delete([]byte("b"))
	tx.Put([]byte("c"), []byte("3"))
	tx.Rollback(inner)
	if got, want := written(tx.Writes()), "a=9 b=2 "; got != want {
		t.Fatalf("after the inner rollback %q, want %q", got, want)
	}
	tx.Rollback(outer)
	if got := written(tx.Writes()); got != before {
		t.Fatalf("after the outer rollback %q, want %q", got, before)
	}
	mustPanic(t, "rollback to savepoint", func() { tx.Rollback(inner + 1) })
}

func TestScanOfATransactionMayWriteToIt(t *testing.T) {
	s := table.NewMemory()
	mustPut(t, s, "a", "1", "c", "3")
	tx := table.Begin(s)
	tx.Put([]byte("b"), []byte("2"))
	var seen strings.Builder
	err := tx.Scan(nil, nil, func(key, value []byte) bool {
		fmt.Fprintf(&seen, "%s=%s ", key, value)
		tx.Put(append([]byte("z"), key...), value)
		tx.Put(key, []byte("new"))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.String(); got != "a=1 b=2 c=3 " {
		t.Fatalf("saw %q", got)
	}
	if got := written(tx.Writes()); got != "a=new b=new c=new za=1 zb=2 zc=3 " {
		t.Fatalf("wrote %q", got)
	}
}

func TestWritesAreOrderedWhateverTheirSequence(t *testing.T) {
	const keys = 5000
	var first string
	for seed := range uint64(3) {
		var w table.Writes
		order := rand.New(rand.NewPCG(seed, seed)).Perm(keys)
		for _, n := range order {
			w.Put(fmt.Appendf(nil, "%05d", n), []byte{byte(n)})
		}
		last := ""
		w.All(func(key, _ []byte, _ bool) {
			if string(key) <= last {
				t.Fatalf("%q after %q", key, last)
			}
			last = string(key)
		})
		if w.Len() != keys {
			t.Fatalf("%d keys, want %d", w.Len(), keys)
		}
		if seed == 0 {
			first = written(&w)
		} else if written(&w) != first {
			t.Fatal("the same writes in another sequence differ")
		}
	}
}

func TestLimitsOfKeyAndValue(t *testing.T) {
	tx := table.Begin(table.NewMemory())
	tx.Put(make([]byte, table.KeyMax), make([]byte, table.ValueMax))
	mustPanic(t, "write of", func() { tx.Put(make([]byte, table.KeyMax+1), nil) })
	mustPanic(t, "write of", func() { tx.Put([]byte("a"), make([]byte, table.ValueMax+1)) })
	mustPanic(t, "write of", func() { tx.Delete(nil) })
	if tx.Writes().Len() != 1 {
		t.Fatal("a refused write left something")
	}
}

// written renders a write-set; a deleted key carries an exclamation mark.
func written(w *table.Writes) string {
	var text strings.Builder
	w.All(func(key, value []byte, deleted bool) {
		if deleted {
			fmt.Fprintf(&text, "%s! ", key)
		} else {
			fmt.Fprintf(&text, "%s=%s ", key, value)
		}
	})
	return text.String()
}

func mustPanic(tb testing.TB, with string, fn func()) {
	tb.Helper()
	defer func() {
		tb.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, with) {
			tb.Fatalf("panic %q, want one with %q", got, with)
		}
	}()
	fn()
}

func BenchmarkTx(b *testing.B) {
	s := table.NewMemory()
	value := make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		tx := table.Begin(s)
		for n := range uint64(8192) {
			key := table.Key{}.Byte(1).Uint64(n * 0x9e3779b97f4a7c15)
			tx.Put(key, value)
			if _, _, err := tx.Get(key); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/row")
}
