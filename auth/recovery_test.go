package auth_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"seyfert/auth"
)

// TestRecovery: a code is found again however a person writes it, and nothing else is a code.
func TestRecovery(t *testing.T) {
	code, hash, err := auth.NewRecovery(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := string(code)
	if len(text) != 29 || strings.Count(text, "-") != 5 {
		t.Errorf("a code of %d characters", len(text))
	}
	for _, typed := range []string{
		text, strings.ToUpper(text), " " + strings.ReplaceAll(text, "-", " ") + " ",
		strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "0", "O"),
		strings.ReplaceAll(text, "1", "l"),
	} {
		if got, err := auth.HashRecovery(typed); err != nil || got != hash {
			t.Errorf("%d characters: %v", len(typed), err)
		}
	}
	for _, typed := range []string{
		"", text[1:], text + "0", "u" + text[1:], text + "\n", strings.Repeat("0", 65),
		"mst_" + text,
	} {
		if got, err := auth.HashRecovery(typed); err == nil && got == hash {
			t.Errorf("%q passed", typed)
		}
	}
	if _, _, err := auth.NewRecovery(strings.NewReader("short")); err == nil {
		t.Error("a code without its random part")
	}
}
