package wire_test

import (
	"strings"
	"testing"
	"unicode"

	"seyfert/wire"
)

func TestPlainText(t *testing.T) {
	for text, want := range map[string]bool{
		"Kanda Paper": true, "김하나": true, "株式会社　神田": true, "O'Neil & Söhne, №5": true,
		"éclair": true, "☕️": true, " x ": true, "x": true, strings.Repeat("가", 8): true,
		"": false, " ": false, "　  ": false, "\u0301": false, "\ufe0f": false,
		"a\x00b": false, "a\nb": false, "a\tb": false, "\x7f": false, "a\u0085b": false,
		"a\u202eb": false, "a\u2066b": false, "a\u200bb": false, "\u200e": false, "\ufeffa": false,
		"\u3164": false, "\u115f": false, "\u2800": false, "\ue000": false, "\uffff": false,
		"\U000e0041": false, "\U0010ffff": false, "\xff": false, "a\xc3": false,
		strings.Repeat("가", 8) + "a": false,
	} {
		if got := wire.PlainText(text, 24); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestPlainTextTables holds the list against Go's tables: whatever they know as a control, a
// format character, a line or paragraph break, private use or ignorable is refused, every
// letter and digit but fillers is taken.
func TestPlainTextTables(t *testing.T) {
	refused := []*unicode.RangeTable{
		unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point,
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		text := "a" + string(r)
		if unicode.Is(unicode.Cs, r) {
			continue // string makes another character of it
		}
		got := wire.PlainText(text, 8)
		if hidden := unicode.In(r, refused...); hidden && got {
			t.Errorf("%U is taken", r)
		} else if !hidden && !got && unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.Zs) {
			t.Errorf("%U is refused", r)
		}
	}
}

func FuzzPlainText(f *testing.F) {
	for _, seed := range []string{"Kanda", "\u202e", "\xff", " ", "가\u0000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !wire.PlainText(text, 256) {
			return
		}
		if len(text) == 0 || len(text) > 256 || strings.TrimSpace(text) == "" ||
			strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q is taken", text)
		}
	})
}
