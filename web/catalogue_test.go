package web

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// This test is inside the package: it holds the tables, which nothing exports, to the
// templates.

// families are prefixes of keys that handlers or templates compose.
var families = []string{
	"block.", "currency.", "door.", "event.", "good.", "history.", "lane.",
	"how.", "ledger.kind.", "ledger.side.", "note.", "problem.",
	"proof.", "purse.", "status.", "step.",
}

// TestCatalogue finds each key that a template names, each named key in a template, and the
// same arguments in both languages of each message.
func TestCatalogue(t *testing.T) {
	named := map[string]bool{}
	call := regexp.MustCompile(`\bt "([a-z.]+)"`)
	err := fs.WalkDir(files, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		for _, found := range call.FindAllStringSubmatch(string(text), -1) {
			named[found[1]] = true
			if _, ok := catalogue(found[1]); !ok {
				t.Errorf("%s names %q, which is no message", name, found[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"approved", "paid", "expired"} {
		named["checkout."+state] = true // the live region of the checkout
	}
	seen := map[string]bool{}
	for _, table := range []map[string]message{frameWords, walletWords, memberWords, shopWords, worldWords} {
		for key, m := range table {
			if seen[key] {
				t.Errorf("%q stands twice", key)
			}
			seen[key] = true
			composed := slices.ContainsFunc(families, func(family string) bool {
				return strings.HasPrefix(key, family)
			})
			if !composed && !named[strings.TrimSuffix(key, ".one")] {
				t.Errorf("%q is named by no template", key)
			}
			judge(t, key, m)
		}
	}
}

// judge checks one message.
func judge(t *testing.T, key string, m message) {
	t.Helper()
	slot := regexp.MustCompile(`\{([0-9])(?:\|[^}]*)?\}`)
	arguments := func(text string) []string {
		var list []string
		for _, found := range slot.FindAllStringSubmatch(text, -1) {
			list = append(list, found[1])
		}
		slices.Sort(list)
		return list
	}
	if m.en == "" || m.ko == "" {
		t.Errorf("%q lacks a language", key)
	}
	if !slices.Equal(arguments(m.en), arguments(m.ko)) {
		t.Errorf("%q has other arguments in Korean", key)
	}
	for _, text := range []string{m.en, m.ko} {
		if strings.ContainsAny(text, "!<>") || strings.Contains(text, "당신") {
			t.Errorf("%q has a word or mark that the style guide forbids", key)
		}
		if rest := slot.ReplaceAllString(text, ""); strings.ContainsAny(rest, "{}") {
			t.Errorf("%q has a broken argument", key)
		}
	}
}

// TestFinals reads characters as Korean does.
func TestFinals(t *testing.T) {
	for text, want := range map[string]string{
		"서울": "로", "한강": "으로", "노드": "로", "3": "으로", "7": "로", "": "로", "店": "으로(로)",
	} {
		if have := fitting(text, "으로/로"); have != want {
			t.Errorf("%q: %q, want %q", text, have, want)
		}
	}
}
