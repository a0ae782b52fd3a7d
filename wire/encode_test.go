package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/wire"
)

// row has every shape that rows and journal entries are made of.
type row struct {
	ID     wire.ID[accountKind] `cbor:"1,keyasint"`
	Name   string               `cbor:"2,keyasint,omitempty"`
	Root   [32]byte             `cbor:"3,keyasint"`
	Counts []uint64             `cbor:"4,keyasint"`
	Delta  int64                `cbor:"5,keyasint"`
	Open   bool                 `cbor:"6,keyasint"`
	Next   *row                 `cbor:"7,keyasint,omitempty"`
	Notes  map[string][]byte    `cbor:"8,keyasint"`
}

func TestMarshalVector(t *testing.T) {
	// Written by hand from RFC 8949: keys in order, shortest heads, arrays as byte strings.
	want := "a7" + "0150017f22e279b07cc398c4dc0c0c07398f" + "026178" +
		"035820" + strings.Repeat("07", 32) + "04820118ff" + "0538ff" + "06f5" + "08a1616b4101"
	value := row{
		ID: wire.NewID[accountKind](vectorMilli, vectorRandom()), Name: "x",
		Root: [32]byte(bytes.Repeat([]byte{7}, 32)), Counts: []uint64{1, 255}, Delta: -256,
		Open: true, Notes: map[string][]byte{"k": {1}},
	}
	if got := hex.EncodeToString(wire.MustMarshal(value)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// RFC 8949 section 4.2.1: the order of map keys.
func TestMarshalKeyOrder(t *testing.T) {
	got := wire.MustMarshal(map[any]int{
		10: 0, 100: 0, -1: 0, "z": 0, "aa": 0, false: 0,
	})
	if want := "a60a00186400200061" + "7a00626161" + "00f400"; hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	type pair struct {
		A uint64 `cbor:"1,keyasint"`
		B []byte `cbor:"2,keyasint,omitempty"`
	}
	cases := map[string]string{
		"nothing":                "",
		"trailing byte":          "a1010500",
		"unknown field":          "a201050305",
		"repeated key":           "a201050105",
		"keys out of order":      "a2024101" + "0105",
		"long head of value":     "a1011805",
		"long head of key":       "a1180105",
		"long head of map":       "b8010105",
		"head of eight bytes":    "a1011b0000000000000005",
		"indefinite map":         "bf0105ff",
		"indefinite string":      "a20105025f4101ff",
		"tag":                    "a101c105",
		"float":                  "a101f94500",
		"float of the same":      "a101fb4014000000000000",
		"undefined":              "a101f7",
		"null for a number":      "a101f6",
		"field left out":         "a0",
		"empty written":          "a201050240",
		"text for bytes":         "a20105026101",
		"text that is not UTF-8": "a2010502" + "61ff",
		"another type":           "8105",
		"cut":                    "a101",
		"cut string":             "a201050242" + "01",
		"reserved head":          "a1011c",
		"negative":               "a10120",
		"huge length":            "a20105025b7fffffffffffffff",
	}
	for name, text := range cases {
		var v pair
		if err := wire.Unmarshal(mustHex(t, text), &v); err == nil {
			t.Errorf("%s: accepted as %+v", name, v)
		}
	}
	var v pair
	if err := wire.Unmarshal(mustHex(t, "a10105"), &v); err != nil || v.A != 5 {
		t.Errorf("good bytes: %+v, %v", v, err)
	}
	if err := wire.Unmarshal(mustHex(t, "a1011805"), &v); !errors.Is(err, wire.ErrNotCanonical) {
		t.Errorf("long head: %v", err)
	}
	short := struct {
		H [4]byte `cbor:"1,keyasint"`
	}{}
	for _, text := range []string{"a10143010203", "a101450102030405", "a1018401020304"} {
		if err := wire.Unmarshal(mustHex(t, text), &short); err == nil {
			t.Errorf("%s: accepted as %x", text, short.H)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"float":     1.5,
		"not UTF-8": "\xff",
		"channel":   make(chan int),
		"NaN":       math.NaN(),
	} {
		if data, err := wire.Marshal(v); err == nil {
			t.Errorf("%s: written as %x", name, data)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("MustMarshal did not panic")
		}
	}()
	wire.MustMarshal(1.5)
}

func TestEncodedLimits(t *testing.T) {
	longest := make([]byte, wire.EncodedBytesMax-5)
	data, err := wire.Marshal(longest)
	if err != nil || len(data) != wire.EncodedBytesMax {
		t.Fatalf("longest: %d bytes, %v", len(data), err)
	}
	var back []byte
	if err := wire.Unmarshal(data, &back); err != nil {
		t.Error(err)
	}
	if _, err := wire.Marshal(append(longest, 0)); err == nil {
		t.Error("a longer text was written")
	}
	items := make([]uint8, wire.EncodedItemsMax)
	most := make([]uint64, len(items))
	data, err = wire.Marshal(most)
	if err != nil {
		t.Fatal(err)
	}
	var backItems []uint64
	if err := wire.Unmarshal(data, &backItems); err != nil {
		t.Error(err)
	}
	if _, err := wire.Marshal(append(most, 0)); err == nil {
		t.Error("more items were written")
	}
	deep := any(uint64(0))
	for range wire.EncodedDepthMax {
		deep = []any{deep}
	}
	data, err = wire.Marshal(deep)
	if err != nil {
		t.Fatal(err)
	}
	var backDeep any
	if err := wire.Unmarshal(data, &backDeep); err != nil {
		t.Error(err)
	}
	if _, err := wire.Marshal([]any{deep}); err == nil {
		t.Error("a deeper text was written")
	}
}

func drawRow(t *rapid.T, depth int) row {
	r := row{
		ID: wire.NewID[accountKind](
			rapid.Int64Range(0, 1<<48-1).Draw(t, "milli"),
			[10]byte(rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random"))),
		Name:   rapid.String().Draw(t, "name"),
		Root:   [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root")),
		Counts: rapid.SliceOf(rapid.Uint64()).Draw(t, "counts"),
		Delta:  rapid.Int64().Draw(t, "delta"),
		Open:   rapid.Bool().Draw(t, "open"),
		Notes: rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Byte())).Draw(
			t, "notes"),
	}
	if depth > 0 && rapid.Bool().Draw(t, "more") {
		next := drawRow(t, depth-1)
		r.Next = &next
	}
	return r
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRow(t, 3)
		data, err := wire.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got row
		if err := wire.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(wire.MustMarshal(row{Counts: []uint64{}, Notes: map[string][]byte{}}))
	f.Add(wire.MustMarshal(row{Name: "x", Next: &row{}, Notes: map[string][]byte{"a": nil}}))
	f.Add([]byte{0x9f, 0xff})
	f.Add([]byte{0xfb, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v row
		if wire.Unmarshal(data, &v) == nil && !bytes.Equal(wire.MustMarshal(v), data) {
			t.Errorf("%x is written as %x", data, wire.MustMarshal(v))
		}
		var a any
		if wire.Unmarshal(data, &a) == nil && !bytes.Equal(wire.MustMarshal(a), data) {
			t.Errorf("%x is written as %x", data, wire.MustMarshal(a))
		}
	})
}
