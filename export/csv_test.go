package export_test

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/client"
	"seyfert/export"
	"seyfert/sandbox"
)

func mustCopyFiles(t *testing.T, node *client.Client, dir string) {
	t.Helper()
	f, err := export.OpenFiles(t.Context(), node, dir)
	must(t, err)
	at, err := f.CatchUp(t.Context())
	must(t, errors.Join(err, f.Close()))
	if at.Entries < at.Newest {
		t.Errorf("copied to %+v", at)
	}
}

// mustReadFile reads a CSV file as maps from its columns.
func mustReadFile(t *testing.T, dir, name string) (rows []map[string]string) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, name))
	must(t, err)
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	must(t, err)
	for _, fields := range all[1:] {
		row := map[string]string{}
		for i, value := range fields {
			row[all[0][i]] = value
		}
		rows = append(rows, row)
	}
	return rows
}

// mustEqualFiles compares the entries of files with what a node says.
func mustEqualFiles(t *testing.T, dir string, node *client.Client) {
	t.Helper()
	var have []line
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		must(t, err)
		return n
	}
	moment := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		must(t, err)
		return at
	}
	for _, r := range mustReadFile(t, dir, "entries.csv") {
		have = append(have, line{
			Number: uint64(number(r["number"])), Index: uint64(number(r["journal_index"])),
			At: moment(r["recorded_at"]), Effective: moment(r["effective_at"]), Kind: r["kind"],
			Transfer: r["transfer_id"], Hold: r["hold_id"], Debit: r["debit_account"],
			Credit: r["credit_account"], Amount: r["amount"], Code: number(r["code"]),
			Leg: number(r["leg"]), Reverses: r["reverses"], Currency: r["currency"],
			More: r["rest_held"] == "true", DebitBalance: r["debit_balance"],
			CreditBalance: r["credit_balance"],
		})
	}
	if diff := cmp.Diff(history(t, node), have, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Fatalf("entries (-node +files):\n%.4000s", diff)
	}
	for _, name := range []string{"accounts.csv", "metadata.csv"} {
		numbers := []int{}
		for _, r := range mustReadFile(t, dir, name) {
			numbers = append(numbers, number(r["number"]))
		}
		if !slices.IsSorted(numbers) || len(numbers) != len(slices.Compact(numbers)) {
			t.Errorf("%s is out of order: %v", name, numbers)
		}
	}
}

// TestFiles copies books into files, of which unfinished ends are cut off.
func TestFiles(t *testing.T) {
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	operator := w.Tokyo.Operator
	k, dir := mustKeeper(t, operator, "Kanda", 5), filepath.Join(t.TempDir(), "copy")
	mustCopyFiles(t, operator, dir)
	for _, tail := range []string{"", "9,9,half a li", "\x00\x00\x00\n"} {
		k.mustAct(30)
		for _, name := range []string{"entries.csv", "accounts.csv", "metadata.csv"} {
			file, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = file.WriteString(tail)
			must(t, errors.Join(err, file.Close()))
		}
		mustCopyFiles(t, operator, dir)
		mustEqualFiles(t, dir, operator)
	}
	accounts := mustReadFile(t, dir, "accounts.csv")
	texts := mustReadFile(t, dir, "metadata.csv")
	if len(accounts) < 12 || accounts[0]["name"] != "Account 0" || accounts[0]["scale"] != "0" ||
		len(texts) < 12 || texts[0]["metadata"] != `{"place":"0"}` {
		t.Errorf("accounts %v, metadata %v", accounts[:1], texts[:1])
	}
	own := filepath.Join(t.TempDir(), "own")
	mustCopyFiles(t, k.node, own)
	mustEqualFiles(t, own, k.node)
}

// TestFilesRefuse: a directory with other files, or another copy, stays as it is.
func TestFilesRefuse(t *testing.T) {
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	operator := w.Tokyo.Operator
	k, dir := mustKeeper(t, operator, "Kanda", 5), filepath.Join(t.TempDir(), "copy")
	k.mustAct(10)
	refuse := func(name string, node *client.Client, dir string, want error) {
		t.Helper()
		f, err := export.OpenFiles(t.Context(), node, dir)
		if err == nil {
			must(t, f.Close())
		}
		if want != nil && !errors.Is(err, want) || err == nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	theirs := t.TempDir()
	must(t, os.WriteFile(filepath.Join(theirs, "accounts.csv"), []byte("id,name\n1,me\n"), 0o600))
	refuse("a file of someone else", operator, theirs, export.ErrForeign)
	if text, err := os.ReadFile(filepath.Join(theirs, "accounts.csv")); err != nil ||
		string(text) != "id,name\n1,me\n" {
		t.Errorf("their file is %q (%v)", text, err)
	}
	mustCopyFiles(t, operator, dir)
	refuse("another node", w.Seoul.Operator, dir, export.ErrForeign)
	refuse("another key", k.node, dir, export.ErrForeign)
	open, err := export.OpenFiles(t.Context(), operator, dir)
	must(t, err)
	refuse("a second writer", operator, dir, nil)
	must(t, open.Close())
	position := filepath.Join(dir, "position.json")
	text, err := os.ReadFile(position)
	must(t, err)
	for _, change := range []struct {
		name, from, to string
		want           error
	}{
		{"a newer version", `"version": 1`, `"version": 2`, export.ErrNewer},
		{"another format", `"seyfert-export"`, `"other"`, export.ErrForeign},
		{"another history", `"subject": "`, `"subject": "x`, export.ErrForeign},
		{"no position", `{`, ``, export.ErrForeign},
	} {
		changed := []byte(replaceOnce(t, string(text), change.from, change.to))
		must(t, os.WriteFile(position, changed, 0o600))
		refuse(change.name, operator, dir, change.want)
	}
	must(t, os.WriteFile(position, text, 0o600))
	must(t, os.Truncate(filepath.Join(dir, "entries.csv"), 10))
	refuse("a file that lost its end", operator, dir, nil)
}

func replaceOnce(t *testing.T, text, from, to string) string {
	t.Helper()
	before, after, found := strings.Cut(text, from)
	if !found {
		t.Fatalf("%s has no %s", text, from)
	}
	return before + to + after
}
