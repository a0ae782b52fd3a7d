package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"seyfert/proof"
	"seyfert/verify"

	"github.com/google/go-cmp/cmp"
)

// tampers says where a bundle fails whose node at the path, or below it, was changed: as it is,
// and after every hash that an attacker without the keys can compute was computed anew. The
// longest path that fits counts, and each step named must occur.
//
// "format" beside another step stands for values that can't be written in the format at all,
// such as half a hash; "record" beside another for those that no record can have, such as an
// unknown currency. Empty means that recomputing only brings the old bundle back.
type tampers []struct{ path, raw, recomputed string }

// around is what is around the record in a bundle of any kind.
var around = tampers{
	{"", "format", ""},
	{"/format", "format", ""},
	{"/network", "network", "network"},
	{"/descriptor", "descriptor", "descriptor"},

	{"/record", "format", ""},
	{"/record/salt", "format position", "checkpoint"},

	{"/checkpoint", "checkpoint", "checkpoint"},
	{"/checkpoint/5signer/1dash", "checkpoint format", "checkpoint"}, // half a letter

	{"/position", "format", ""},
	{"/position/leaf", "format position", "checkpoint position"},
	{"/position/proof", "format position", "checkpoint position"},

	{"/day", "format", ""},
	{"/day/number", "anchor format", "block"},
	{"/day/totals", "anchor format", "block"},

	{"/anchor", "format", ""},
	{"/anchor/lane", "anchor format", "block"},
	{"/anchor/spends", "anchor format", "anchor block"},
	{"/anchor/index", "block format", "block"},
	{"/anchor/siblings", "block format", "block"},
	{"/anchor/header", "block format", "block"},
}

// spends are the transactions of a lane up to the one with the anchor.
func spends(count int) tampers {
	list := tampers{}
	for n := range count - 1 {
		list = append(list, struct{ path, raw, recomputed string }{
			fmt.Sprintf("/anchor/spends/%d/", n), "anchor", "anchor block",
		})
	}
	return append(list, struct{ path, raw, recomputed string }{
		fmt.Sprintf("/anchor/spends/%d/", count-1), "anchor block", "anchor block",
	})
}

// cleared is a transfer between two nodes.
var cleared = tampers{
	{"/record/kind", "format", ""},
	{"/record/data", "record", "record"},
	{"/record/data/1", "record", "record"},                        // payer
	{"/record/data/2", "record", "record"},                        // payee
	{"/record/data/3", "record", "record"},                        // self
	{"/record/data/4", "record statements", "record statements"},  // transfer
	{"/record/data/5", "record statements", "record statements"},  // amount
	{"/record/data/6", "record statements", "record statements"},  // due
	{"/record/data/7", "record statements", "record statements"},  // clearSeq
	{"/record/data/8", "record statements", "record statements"},  // prepareHash
	{"/record/data/9", "record statements", "record statements"},  // fulfilHash
	{"/record/data/10", "record statements", "record statements"}, // ackHash
	{"/record/data/11", "position", "checkpoint"},                 // at: nothing else says it
	{"/record/data/12", "record", "record"},                       // peerKey

	{"/statements", "format", ""},
	{"/statements/peerDescriptor", "descriptor", "descriptor"},
	{"/statements/prepare", "statements", "statements"},
	{"/statements/fulfil", "statements", "statements"},
	{"/statements/ack", "statements", "statements"},
}

// line is a line of one node's books. Nothing else in the bundle says what is in it, so that
// what is a record at all is only found not to be the one in the journal.
var line = tampers{
	{"/record/kind", "format record", "record"},
	{"/record/data", "record", "record"},
	{"/record/data/01number", "record position", "record checkpoint"},
	{"/record/data/02kind", "record", "record"},
	{"/record/data/03signs", "record position", "record checkpoint"},
	{"/record/data/04code", "record position", "record checkpoint"},
	{"/record/data/06currency", "record position", "record checkpoint"},
	{"/record/data/07index", "record position", "record checkpoint"},
	{"/record/data/08time", "record position", "record checkpoint"},
	{"/record/data/09effective", "record position", "record checkpoint"},
	{"/record/data/11previousCredit", "record position", "record checkpoint"},
	{"/record/data/12subject", "record position", "record checkpoint"},
	{"/record/data/13related", "record", "record"},
	{"/record/data/14debit", "record position", "record checkpoint"},
	{"/record/data/15credit", "record position", "record checkpoint"},
	{"/record/data/16amount", "record position", "record checkpoint"},
	{"/record/data/17debitBalance", "record position", "record checkpoint"},
	{"/record/data/18creditBalance", "record position", "record checkpoint"},
}

// posted and onHold are what differs between a leg of a transfer and a change of a hold.
var (
	posted = tampers{
		{"/record/data/05leg", "record position", "record checkpoint"},
		{"/record/data/10previousDebit", "record position", "record checkpoint"},
	}
	onHold = tampers{
		{"/record/data/05leg", "record", "record"},
		{"/record/data/10previousDebit", "record", "record"}, // the next one is the hold itself
	}
)

// entry finds the line of the table for a path.
func (table tampers) entry(path string) (best int) {
	for i, e := range table {
		if strings.HasPrefix(path, e.path) && len(e.path) > len(table[best].path) {
			whole := strings.TrimPrefix(path, e.path)
			if whole == "" || whole[0] == '/' || strings.HasSuffix(e.path, "/") {
				best = i
			}
		}
	}
	return best
}

// failures collects at which steps the bundles of each line of tampers failed.
type failures struct {
	table tampers
	steps []map[string]bool
}

func newFailures(table tampers) failures {
	return failures{table, make([]map[string]bool, len(table))}
}

func (f failures) add(path, step string) {
	if i := f.table.entry(path); f.steps[i] == nil {
		f.steps[i] = map[string]bool{step: true}
	} else {
		f.steps[i][step] = true
	}
}

// compare fails the test where the steps are not those of the column.
func (f failures) compare(t *testing.T, what string, column func(i int) string) {
	t.Helper()
	for i, got := range f.steps {
		want := strings.Fields(column(i))
		slices.Sort(want)
		steps := append([]string{}, slices.Sorted(maps.Keys(got))...)
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("%s at %q:\n%s", what, f.table[i].path, diff)
		}
	}
}

// sample is a bundle with its maker and its table.
type sample struct {
	by     *member
	bundle proof.Bundle
	table  tampers
}

// samples are bundles of every kind.
func (w *world) samples(t *testing.T) map[string]sample {
	t.Helper()
	return map[string]sample{
		"payer":  {w.payer, w.bundle(t, w.payer, 0), cleared},
		"payee":  {w.payee, w.bundle(t, w.payee, 0), cleared},
		"posted": {w.payer, w.line(t, lineFee), slices.Concat(line, posted)},
		"held":   {w.payer, w.line(t, lineHeld), slices.Concat(line, onHold)},
	}
}

// TestTamperedFields changes every node of a bundle in every way of changes.
func TestTamperedFields(t *testing.T) {
	w := newWorld(t, "")
	for name, c := range w.samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := slices.Concat(around, spends(len(c.bundle.Anchor.Spends)), c.table)
			o := verify.Options{Headers: w.chain.bytes(), Pin: c.by.keyID}
			file := mustEncode(t, c.bundle)
			root := unfold(t, file)
			if diff := cmp.Diff(string(file), string(fold(t, root))); diff != "" {
				t.Fatalf("folding changes the bundle: %s", diff)
			}
			raw, recomputed := newFailures(table), newFailures(table)
			nodes("", root, same, func(path string, v any, put func(any) any) {
				list := changes(v)
				if strings.Contains(path, "/payload/") && len(list) > 3 {
					list = list[:3] // one signature is over all of it
				}
				for _, other := range list {
					tamper(t, file, fold(t, put(other)), o, path, raw, recomputed)
				}
			})
			raw.compare(t, "changed", func(i int) string { return table[i].raw })
			recomputed.compare(t, "recomputed", func(i int) string { return table[i].recomputed })
		})
	}
}

func same(v any) any { return v }

// tamper checks one changed bundle as it is and recomputed.
func tamper(t *testing.T, file, changed []byte, o verify.Options, path string,
	raw, recomputed failures,
) {
	t.Helper()
	if bytes.Equal(changed, file) {
		return
	}
	r := verify.Check(changed, o)
	if r.OK {
		t.Fatalf("a change of %s goes unnoticed:\n%s", path, changed)
	}
	raw.add(path, r.Failed())
	b, err := proof.ParseBundle(changed)
	if err != nil {
		return
	}
	again, err := recompute(b).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(again, file) {
		return
	}
	r = verify.Check(again, o)
	if r.OK {
		t.Fatalf("a change of %s goes unnoticed once recomputed:\n%s", path, again)
	}
	recomputed.add(path, r.Failed())
}

// TestResigned changes every node of each signed text and signs it with a key of the attacker.
func TestResigned(t *testing.T) {
	w := newWorld(t, "")
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	o := verify.Options{Headers: w.chain.bytes()}
	steps := map[string]string{
		"/descriptor":                verify.StepDescriptor,
		"/statements/peerDescriptor": verify.StepDescriptor,
		"/statements/prepare":        verify.StepStatements,
		"/statements/fulfil":         verify.StepStatements,
		"/statements/ack":            verify.StepStatements,
	}
	for name, c := range w.samples(t) {
		root, count := unfold(t, mustEncode(t, c.bundle)), 0
		for path, want := range steps {
			jws, found := at(root, path)
			if !found {
				continue
			}
			count++
			check := func(within string, signed tree) {
				for _, own := range []bool{false, true} {
					changed := fold(t, with(root, path, resign(t, key, signed, own)))
					if r := verify.Check(changed, o); r.Failed() != want {
						t.Errorf("%s%s of %s: fails at %q, want %q", path, within, name,
							r.Failed(), want)
					}
				}
			}
			check("", jws.(tree))
			put := func(v any) any { return v.(tree) }
			nodes("", jws, put, func(within string, v any, put func(any) any) {
				if !strings.HasPrefix(within, "/payload/") {
					return
				}
				for _, other := range changes(v)[:1] {
					check(within, put(other).(tree))
				}
			})
		}
		if signed := c.bundle.Statements != nil; signed != (count == len(steps)) || count == 0 {
			t.Errorf("%s has %d signed texts", name, count)
		}
	}
}

// with returns the tree with another value at a path.
func with(root any, path string, value any) (changed any) {
	nodes("", root, same, func(at string, _ any, put func(any) any) {
		if at == path {
			changed = put(value)
		}
	})
	return changed
}

// TestTamperedBytes changes every byte of a bundle, and drops and doubles some: none is idle. A
// letter becomes the same one in the other case, a digit its neighbour, which is what a lax
// reader would most likely let through.
func TestTamperedBytes(t *testing.T) {
	w := newWorld(t, "")
	o := verify.Options{Headers: w.chain.bytes()}
	for _, name := range []string{"payee", "posted", "held"} {
		file := mustEncode(t, w.samples(t)[name].bundle)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range file {
				bit := byte(0x01)
				if file[i] >= 'A' {
					bit = 0x20
				}
				variants := [][]byte{flip(file, i, bit)}
				if i%5 == 0 {
					variants = append(variants, slices.Delete(slices.Clone(file), i, i+1),
						slices.Insert(slices.Clone(file), i, file[i]))
				}
				for _, changed := range variants {
					if r := verify.Check(changed, o); r.OK && !bytes.Equal(changed, file) {
						t.Fatalf("byte %d is idle:\n%s", i, changed)
					}
				}
			}
		})
		for _, more := range []string{"\n", " ", "\x00", "{}"} {
			r := verify.Check(append(slices.Clone(file), more...), o)
			if r.Failed() != verify.StepFormat {
				t.Errorf("%s, %q at the end fails at %q", name, more, r.Failed())
			}
		}
	}
}

func flip(file []byte, i int, bit byte) []byte {
	changed := slices.Clone(file)
	changed[i] ^= bit
	return changed
}
