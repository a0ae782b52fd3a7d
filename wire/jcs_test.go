package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"seyfert/wire"
)

// RFC 8785 sections 3.2.2 and 3.2.3: literals, strings and the order of names. The numbers of
// its samples that are no integers are in TestJCSRefusesNumbers.
func TestJCSVectors(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{
			"3.2.2 without its numbers",
			`{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",` +
				` "literals": [null, true, false]}`,
			`{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		{
			"3.2.3 order",
			`{"\u20ac": "Euro Sign", "\r": "Carriage Return",` +
				` "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",` +
				` "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",` +
				` "\u00f6": "Latin Small Letter O With Diaeresis"}`,
			`{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control",` +
				`"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign",` +
				`"😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`,
		},
		{"appendix B zero", "-0", "0"},
		{"appendix B largest integer", "9007199254740991", "9007199254740991"},
		{"appendix B smallest integer", "-9007199254740991", "-9007199254740991"},
		{"escapes", `"\b\f\n\r\t\u001f<>&\u2028"`, `"\b\f\n\r\t\u001f<>&` + "\u2028" + `"`},
	}
	for _, c := range cases {
		got, err := wire.JCS(json.RawMessage(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
		if !wire.IsJCS([]byte(c.want)) || wire.IsJCS([]byte(c.in)) != (c.in == c.want) {
			t.Errorf("%s: IsJCS is wrong", c.name)
		}
	}
}

// Every control character has one escape, and a name may begin with any of them.
func TestJCSControlCharacters(t *testing.T) {
	for c := range 0x20 {
		data, err := wire.JCS(map[string]string{string(rune(c)): string(rune(c))})
		if err != nil || !wire.IsJCS(data) {
			t.Errorf("%#x: %q, %v", c, data, err)
		}
	}
}

func TestJCSRefusesNumbers(t *testing.T) {
	for _, text := range []string{
		"333333333.33333329", "1E30", "4.50", "2e-3", "0.000000000000000000000000001",
		"9007199254740992", "-9007199254740992", "18446744073709551615",
		"100000000000000000000000000000000000000000",
	} {
		if got, err := wire.JCS(json.RawMessage(text)); err == nil {
			t.Errorf("%s: written as %s", text, got)
		}
		if wire.IsJCS([]byte(text)) {
			t.Errorf("%s: accepted", text)
		}
	}
	if _, err := wire.JCS(uint64(math.MaxUint64)); err == nil {
		t.Error("a large uint64 was written")
	}
}

func TestIsJCSRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", " 1", "1 ", "1\n", "01", "-0", "-", "+1", "1.", "1.0", "1e0", "00",
		`"`, `"a`, `"\u0041"`, `"\/"`, `"\u000A"`, `"\u000a"`, `"\u001F"`, `"\u00"`, `"\x"`,
		`"\`, "\"\n\"", "\"\xff\"", "\"\xed\xa0\x80\"", `"\ud83d\ude00"`,
		`{"b":1,"a":1}`, `{"a":1,"a":1}`, `{"a":1,}`, `{"a" :1}`, `{a:1}`, `{"a"}`, `{"a":}`, "{",
		`{"a":1`, `{"":1,"":1}`, `{"\n":1,"\t":1}`, "{\"\ufb33\":1,\"\U0001f600\":1}",
		"[", "[1", "[1,", "[1,]", "[1 ,2]", "[,1]", "tru", "nul", "True", "[1]]", "{}{}",
		strings.Repeat("[", wire.JCSDepthMax+1) + strings.Repeat("]", wire.JCSDepthMax+1),
	} {
		if wire.IsJCS([]byte(text)) {
			t.Errorf("%q: accepted", text)
		}
	}
}

func TestJCSLimits(t *testing.T) {
	deep := strings.Repeat("[", wire.JCSDepthMax) + strings.Repeat("]", wire.JCSDepthMax)
	if !wire.IsJCS([]byte(deep)) {
		t.Error("the deepest text was refused")
	}
	if _, err := wire.JCS(json.RawMessage("[" + deep + "]")); err == nil {
		t.Error("a deeper text was written")
	}
	long := strings.Repeat("x", wire.JCSBytesMax-2)
	if data, err := wire.JCS(long); err != nil || !wire.IsJCS(data) {
		t.Errorf("the longest text was refused: %v", err)
	}
	if _, err := wire.JCS(long + "x"); err == nil {
		t.Error("a longer text was written")
	}
}

type jcsSample struct {
	Name  string          `json:"name"`
	Count int             `json:"count,omitempty"`
	Rest  json.RawMessage `json:"rest"`
}

func TestUnmarshalJCS(t *testing.T) {
	var got jcsSample
	if err := wire.UnmarshalJCS([]byte(`{"count":2,"name":"x","rest":{"a":1}}`), &got); err != nil {
		t.Fatal(err)
	}
	want := jcsSample{Name: "x", Count: 2, Rest: json.RawMessage(`{"a":1}`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"space":        `{"name":"x", "rest":1}`,
		"unknown":      `{"name":"x","other":1,"rest":1}`,
		"missing":      `{"rest":1}`,
		"misspelt":     `{"Name":"x","rest":1}`,
		"idle zero":    `{"count":0,"name":"x","rest":1}`,
		"wrong type":   `{"name":1,"rest":1}`,
		"null string":  `{"name":null,"rest":1}`,
		"another type": `[]`,
	} {
		var v jcsSample
		if err := wire.UnmarshalJCS([]byte(text), &v); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	var v jcsSample
	err := wire.UnmarshalJCS([]byte(`{"name":"x","rest": 1}`), &v)
	if !errors.Is(err, wire.ErrNotCanonical) {
		t.Errorf("spaced text: %v", err)
	}
}

// drawJSON makes any value that JCS can write.
func drawJSON(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64Range(-wire.JCSIntegerMax, wire.JCSIntegerMax).Draw(t, "integer")
	case 3:
		return rapid.String().Draw(t, "string")
	case 4:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "length"))
		for i := range list {
			list[i] = drawJSON(t, depth-1)
		}
		return list
	default:
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "size") {
			object[rapid.String().Draw(t, "name")] = drawJSON(t, depth-1)
		}
		return object
	}
}

func TestJCSRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := drawJSON(t, 4)
		data, err := wire.JCS(value)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(plain)
		if err != nil || !bytes.Equal(data, want) {
			t.Fatalf("got %s, want %s, %v", data, want, err)
		}
		var back any
		if err := wire.UnmarshalJCS(data, &back); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzJCS holds our one-pass check against an independent RFC 8785 transformation and the
// standard library's decoder.
func FuzzJCS(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2,"x\n"],"b":{"😀":null,"` + "\ufb33" + `":true}}`,
		`{"\r":1,"1":2}`, `"\u001f"`, `"\u007f"`, "[9007199254740991]", "1e3", `{"b":1,"a":2}`,
		`"\ud800"`, "[[[]]]", " 1", "-0", "\"\xff\"", `{"\\":1,"\"":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonical, err := jcs.Transform(data)
		fixed := err == nil && bytes.Equal(canonical, data)
		if wire.IsJCS(data) {
			if !fixed {
				t.Fatalf("accepted %q, transformed %q, %v", data, canonical, err)
			}
			var value any
			if err := wire.UnmarshalJCS(data, &value); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		if fixed && onlyIntegers(data) {
			t.Fatalf("refused %q", data)
		}
	})
}

// onlyIntegers says whether JCS has no reason of its own to refuse canonical data.
func onlyIntegers(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	depth := 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return bytes.Equal(bytes.ToValidUTF8(data, nil), data)
		}
		switch token := token.(type) {
		case json.Number:
			n, err := token.Int64()
			if err != nil || n > wire.JCSIntegerMax || n < -wire.JCSIntegerMax {
				return false
			}
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			if depth > wire.JCSDepthMax {
				return false
			}
		}
	}
}
