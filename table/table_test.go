package table_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seyfert/table"
)

// jsonCodec stands in for wire, which the package must not know.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

type order struct {
	Number uint64
	Shop   string
	Tags   []string
	Fill   string `json:",omitempty"`
}

type orders struct {
	byShop, byTag table.Index[order]
	table.Table[uint64, order]
}

func newOrders() orders {
	byShop := table.NewIndex(2, func(o order) [][]byte {
		return [][]byte{table.Key{}.Text(o.Shop).Uint64Down(o.Number)}
	})
	byTag := table.NewIndex(3, func(o order) [][]byte {
		var keys [][]byte
		for _, tag := range o.Tags {
			keys = append(keys, table.Key{}.Text(tag))
		}
		return keys
	})
	key := func(number uint64) []byte { return table.Key{}.Uint64(number) }
	return orders{byShop, byTag, table.New(1, jsonCodec{}, key, byShop, byTag)}
}

func (o orders) mustPut(tb testing.TB, tx *table.Tx, rows ...order) {
	tb.Helper()
	for _, r := range rows {
		if err := o.Put(tx, r.Number, r); err != nil {
			tb.Fatal(err)
		}
	}
}

// numbers collects the numbers of the rows that a scan passes on.
func numbers(tb testing.TB, scan func(fn func([]byte, order) bool) error) []uint64 {
	tb.Helper()
	var seen []uint64
	err := scan(func(_ []byte, o order) bool {
		seen = append(seen, o.Number)
		return true
	})
	if err != nil {
		tb.Fatal(err)
	}
	return seen
}

func wantNumbers(tb testing.TB, got []uint64, want ...uint64) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Fatalf("got %v, want %v", got, want)
	}
}

func TestTableRowsAndIndexes(t *testing.T) {
	eachStore(t, func(t *testing.T, s table.Store) {
		o := newOrders()
		tx := table.Begin(s)
		o.mustPut(t, tx,
			order{Number: 1, Shop: "tea", Tags: []string{"a", "b"}},
			order{Number: 2, Shop: "teapot", Tags: []string{"b"}},
			order{Number: 3, Shop: "tea"})
		mustApply(t, s, tx.Writes())

		got, ok, err := o.Get(s, 2)
		if err != nil || !ok || got.Shop != "teapot" {
			t.Fatalf("%+v, %v, %v", got, ok, err)
		}
		if ok, err := o.Has(s, 4); ok || err != nil {
			t.Fatalf("a row that is not there: %v, %v", ok, err)
		}
		shop := func(name string) []uint64 {
			return numbers(t, func(fn func([]byte, order) bool) error {
				return o.ScanIndex(s, o.byShop, table.Key{}.Text(name), fn)
			})
		}
		wantNumbers(t, shop("tea"), 3, 1) // newest first, and not the teapot's
		wantNumbers(t, shop("teapot"), 2)

		tx = table.Begin(s)
		o.mustPut(t, tx, order{Number: 3, Shop: "teapot", Tags: []string{"a"}})
		if err := o.Delete(tx, 1); err != nil {
			t.Fatal(err)
		}
		mustApply(t, s, tx.Writes())
		wantNumbers(t, shop("tea"))
		wantNumbers(t, shop("teapot"), 3, 2)
		wantNumbers(t, numbers(t, func(fn func([]byte, order) bool) error {
			return o.ScanIndex(s, o.byTag, nil, fn)
		}), 3, 2)
		if rows := mustRows(t, s, "", ""); len(rows) != 6 {
			t.Fatalf("stale index entries: %q", rows)
		}
	})
}

func TestPagesJoinWithoutGap(t *testing.T) {
	o := newOrders()
	s := table.NewMemory()
	tx := table.Begin(s)
	for n := range uint64(10) {
		o.mustPut(t, tx, order{Number: n, Shop: "tea"})
	}
	mustApply(t, s, tx.Writes())
	page := func(scan func(from []byte, fn func([]byte, order) bool) error) []uint64 {
		var seen []uint64
		var from []byte
		for {
			count := 0
			err := scan(from, func(key []byte, o order) bool {
				seen = append(seen, o.Number)
				from = table.Next(key)
				count++
				return count < 3
			})
			if err != nil {
				t.Fatal(err)
			}
			if count < 3 {
				return seen
			}
		}
	}
	wantNumbers(t, page(func(from []byte, fn func([]byte, order) bool) error {
		return o.ScanFrom(s, nil, from, fn)
	}), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	wantNumbers(t, page(func(from []byte, fn func([]byte, order) bool) error {
		return o.ScanIndexFrom(s, o.byShop, table.Key{}.Text("tea"), from, fn)
	}), 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
}

func TestTableRefusesWhatItCannotKeep(t *testing.T) {
	o := newOrders()
	s := table.NewMemory()
	tx := table.Begin(s)
	tooBig := order{Number: 1, Fill: strings.Repeat("x", table.ValueMax)}
	if err := o.Put(tx, 1, tooBig); err == nil {
		t.Fatal("a row over ValueMax was kept")
	}
	longKey := order{Number: 1, Shop: strings.Repeat("x", table.KeyMax)}
	if err := o.Put(tx, 1, longKey); err == nil {
		t.Fatal("an index key over KeyMax was kept")
	}
	text := table.New[string, order](9, jsonCodec{},
		func(k string) []byte { return table.Key{}.Text(k) })
	if err := text.Put(tx, longKey.Shop, order{}); err == nil {
		t.Fatal("a row key over KeyMax was kept")
	}
	if tx.Writes().Len() != 0 {
		t.Fatal("a refused row left something")
	}
	mustPanic(t, "used twice", func() {
		table.New(2, jsonCodec{}, func(uint64) []byte { return nil }, o.byShop)
	})
}

func TestDamagedRowsAreErrors(t *testing.T) {
	o := newOrders()
	s := table.NewMemory()
	key := string(table.Key{}.Byte(1).Uint64(7))
	mustPut(t, s, key, "{not a row")
	if _, _, err := o.Get(s, 7); err == nil {
		t.Fatal("a damaged row was read")
	}
	never := func([]byte, order) bool { t.Fatal("a damaged row was passed on"); return false }
	if err := o.Scan(s, nil, never); err == nil {
		t.Fatal("a damaged row was scanned")
	}
	if err := o.Delete(table.Begin(s), 7); err == nil {
		t.Fatal("index entries of a damaged row were guessed")
	}
	mustPut(t, s, string(table.Key{}.Byte(3).Text("tag").Uint64(8)),
		string(table.Key{}.Byte(1).Uint64(8)))
	if err := o.ScanIndex(s, o.byTag, nil, never); err == nil {
		t.Fatal("an index entry without a row was skipped")
	}
}

// TestKeysKeepTheOrder compares encoded tuples with the tuples themselves.
func TestKeysKeepTheOrder(t *testing.T) {
	type tuple struct {
		text        string
		up, down    uint64
		signed, old int64
	}
	encode := func(v tuple) string {
		return string(table.Key{}.Text(v.text).Uint64(v.up).Uint64Down(v.down).
			Int64(v.signed).Int64Down(v.old).Uint16(7).Fixed(make([]byte, 16)))
	}
	compare := func(a, b tuple) int {
		for _, c := range []int{
			strings.Compare(a.text, b.text), order3(a.up, b.up), order3(b.down, a.down),
			order3(a.signed, b.signed), order3(b.old, a.old),
		} {
			if c != 0 {
				return c
			}
		}
		return 0
	}
	draw := rapid.Custom(func(t *rapid.T) tuple {
		letter := rapid.SampledFrom([]rune{0, 1, 'a', 'b', 0x7f, 0xff})
		return tuple{
			rapid.StringOfN(letter, 0, 3, -1).Draw(t, "text"),
			rapid.Uint64().Draw(t, "up"), rapid.Uint64().Draw(t, "down"),
			rapid.Int64().Draw(t, "signed"), rapid.Int64().Draw(t, "old"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if strings.Compare(encode(a), encode(b)) != compare(a, b) {
			t.Fatalf("%+v and %+v change their order", a, b)
		}
	})
	mustPanic(t, "fixed key part", func() { table.Key{}.Fixed(nil) })
	mustPanic(t, "fixed key part", func() { table.Key{}.Fixed(make([]byte, 65)) })
}

func order3[N uint64 | int64](a, b N) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
