package verify_test

import (
	"strings"
	"testing"
	"unicode"

	"seyfert/verify"

	"github.com/google/go-cmp/cmp"
)

// mustFile is the file of a transfer's proof by one node.
func (w *world) mustFile(t testing.TB, by *member, number int) []byte {
	t.Helper()
	return mustEncode(t, w.bundle(t, by, number))
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

// TestCheckSteps shows that a report has every step once and in order, and that nothing is
// said to be proven after a failure.
func TestCheckSteps(t *testing.T) {
	w := newWorld(t, "")
	want := []string{
		verify.StepFormat, verify.StepNetwork, verify.StepDescriptor, verify.StepNode,
		verify.StepRecord, verify.StepStatements, verify.StepCheckpoint, verify.StepPosition,
		verify.StepAnchor, verify.StepBlock, verify.StepWork,
	}
	for _, file := range [][]byte{nil, []byte("{}"), w.mustFile(t, w.payer, 0)} {
		r := verify.Check(file, verify.Options{Headers: w.chain.bytes(), Confirmations: 100})
		var names []string
		for _, step := range r.Steps {
			names = append(names, step.Name)
			if step.Text == "" {
				t.Errorf("step %s says nothing", step.Name)
			}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
		if r.OK || r.Proven != nil || r.NotProven != nil {
			t.Errorf("a failed report proves something:\n%s", r.Text())
		}
	}
}

// TestTextIsPrintable puts what a terminal acts on wherever a bundle has words of its own.
func TestTextIsPrintable(t *testing.T) {
	w := newWorld(t, "")
	evil := "\x1b[2J\u202e" + strings.Repeat("\x07", 5000)
	line := verify.Step{Text: evil}
	r := verify.Report{
		Steps: []verify.Step{line}, Proven: []string{evil},
		NotProven: []verify.Limit{{Text: evil}},
	}
	checkPrintable(t, r.Text())
	if got := strings.Count(r.Text(), "?"); got != 3*(1000-len("[2J")) {
		t.Errorf("%d characters replaced", got)
	}
	for name, c := range w.samples(t) {
		root := unfold(t, mustEncode(t, c.bundle))
		nodes("", root, same, func(path string, v any, put func(any) any) {
			if _, ok := v.(string); !ok {
				return
			}
			file := fold(t, put(evil))
			text := verify.Check(file, verify.Options{Headers: w.chain.bytes()}).Text()
			checkPrintable(t, text)
			if len(text) > 4000 {
				t.Errorf("%s of %s: a report of %d bytes", path, name, len(text))
			}
		})
	}
}

func checkPrintable(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Fatalf("%q in %q", r, text)
		}
	}
}
