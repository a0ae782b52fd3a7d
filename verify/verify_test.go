package verify_test

import (
	"strings"
	"testing"

	"seyfert/verify"
)

// mustFile is the file of a transfer's proof by one node.
func (w *world) mustFile(t testing.TB, by *member, number int) []byte {
	t.Helper()
	file, err := w.bundle(t, by, number).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// has fails the test unless the text says all of the words.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q is missing in:\n%s", word, text)
		}
	}
}

func limits(r verify.Report) string {
	var names []string
	for _, limit := range r.NotProven {
		names = append(names, limit.Name)
	}
	return strings.Join(names, " ")
}

func TestCheckWithoutPin(t *testing.T) {
	w := newWorld(t, "")
	for _, by := range []*member{w.payer, w.payee} {
		for number, amount := range []string{"KRW 15000", "KRW 15001"} {
			r := verify.Check(w.mustFile(t, by, number), verify.Options{Headers: w.chain.bytes()})
			if !r.OK || r.Failed() != "" || len(r.Proven) == 0 {
				t.Fatalf("the bundle fails:\n%s", r.Text())
			}
			if got := limits(r); got != "owner peer demo settled goods" {
				t.Errorf("not proven: %s", got)
			}
			has(t, r.Text(), "The proof holds.",
				payerDID+" owes "+payeeDID+" "+amount,
				"signed by key "+by.keyID+", whose owner was not checked",
				"demonstration chain", "confirmations", "hashes of work", "lane 0")
		}
	}
}

func TestCheckWithPins(t *testing.T) {
	w := newWorld(t, "")
	file, headers := w.mustFile(t, w.payer, 1), w.chain.bytes()
	for name, o := range map[string]verify.Options{
		"thumbprints": {Pin: w.payer.keyID, PeerPin: w.payee.keyID},
		"descriptors": {Pin: w.payer.descriptor, PeerPin: w.payee.descriptor},
		"from a file": {Pin: w.payer.keyID + "\n", PeerPin: w.payee.descriptor + "\r\n"},
	} {
		o.Headers = headers
		r := verify.Check(file, o)
		if got := limits(r); !r.OK || got != "demo settled goods" {
			t.Errorf("%s: %v, not proven: %s\n%s", name, r.OK, got, r.Text())
		}
		if strings.Contains(r.Text(), "not checked") {
			t.Errorf("%s: says that an owner was not checked:\n%s", name, r.Text())
		}
		has(t, r.Text(), "signed by key "+w.payer.keyID+", which is the pinned one")
	}
}
