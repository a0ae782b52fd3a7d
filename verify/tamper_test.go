package verify_test

import (
	"bytes"
	"crypto/ed25519"
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
// such as half a hash; "record" beside "statements" for those that no record can have, such as
// an unknown currency. Empty means that recomputing only brings the old bundle back.
var tampers = []struct{ path, raw, recomputed string }{
	{"", "format", ""},
	{"/format", "format", ""},
	{"/network", "network", "network"},
	{"/descriptor", "descriptor", "descriptor"},

	{"/record", "format", ""},
	{"/record/kind", "format record", "record"},
	{"/record/salt", "format position", "checkpoint"},
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
	{"/anchor/spends/0/", "anchor", "anchor block"},
	{"/anchor/spends/1/", "anchor block", "anchor block"}, // the anchor itself
	{"/anchor/index", "block format", "block"},
	{"/anchor/siblings", "block format", "block"},
	{"/anchor/header", "block format", "block"},
}

// entry finds the line of tampers for a path.
func entry(path string) (best int) {
	for i, e := range tampers {
		if strings.HasPrefix(path, e.path) && len(e.path) > len(tampers[best].path) {
			whole := strings.TrimPrefix(path, e.path)
			if whole == "" || whole[0] == '/' || strings.HasSuffix(e.path, "/") {
				best = i
			}
		}
	}
	return best
}

// failures collects at which steps the bundles of each line of tampers failed.
type failures []map[string]bool

func newFailures() failures { return make(failures, len(tampers)) }

func (f failures) add(path, step string) {
	if i := entry(path); f[i] == nil {
		f[i] = map[string]bool{step: true}
	} else {
		f[i][step] = true
	}
}

// compare fails the test where the steps are not those of the column.
func (f failures) compare(t *testing.T, what string, column func(i int) string) {
	t.Helper()
	for i, got := range f {
		want := strings.Fields(column(i))
		slices.Sort(want)
		steps := append([]string{}, slices.Sorted(maps.Keys(got))...)
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("%s at %q:\n%s", what, tampers[i].path, diff)
		}
	}
}

// TestTamperedFields changes every node of a bundle in every way of changes.
func TestTamperedFields(t *testing.T) {
	w := newWorld(t, "")
	for _, by := range []*member{w.payer, w.payee} {
		t.Run(by.did, func(t *testing.T) {
			t.Parallel()
			o := verify.Options{Headers: w.chain.bytes(), Pin: by.keyID}
			file := w.mustFile(t, by, 0)
			root := unfold(t, file)
			if diff := cmp.Diff(string(file), string(fold(t, root))); diff != "" {
				t.Fatalf("folding changes the bundle: %s", diff)
			}
			raw, recomputed := newFailures(), newFailures()
			nodes("", root, same, func(path string, v any, put func(any) any) {
				list := changes(v)
				if strings.Contains(path, "/payload/") && len(list) > 3 {
					list = list[:3] // one signature is over all of it
				}
				for _, other := range list {
					tamper(t, file, fold(t, put(other)), o, path, raw, recomputed)
				}
			})
			raw.compare(t, "changed", func(i int) string { return tampers[i].raw })
			recomputed.compare(t, "recomputed", func(i int) string { return tampers[i].recomputed })
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
	file := w.mustFile(t, w.payer, 0)
	o := verify.Options{Headers: w.chain.bytes()}
	root := unfold(t, file)
	for path, want := range map[string]string{
		"/descriptor":                verify.StepDescriptor,
		"/statements/peerDescriptor": verify.StepDescriptor,
		"/statements/prepare":        verify.StepStatements,
		"/statements/fulfil":         verify.StepStatements,
		"/statements/ack":            verify.StepStatements,
	} {
		jws, found := at(root, path)
		if !found {
			t.Fatalf("no %s", path)
		}
		check := func(name string, signed tree) {
			for _, own := range []bool{false, true} {
				changed := fold(t, with(root, path, resign(t, key, signed, own)))
				if r := verify.Check(changed, o); r.Failed() != want {
					t.Errorf("%s%s: fails at %q, want %q", path, name, r.Failed(), want)
				}
			}
		}
		check("", jws.(tree))
		put := func(v any) any { return v.(tree) }
		nodes("", jws, put, func(name string, v any, put func(any) any) {
			if !strings.HasPrefix(name, "/payload/") {
				return
			}
			for _, other := range changes(v)[:1] {
				check(name, put(other).(tree))
			}
		})
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
	file := w.mustFile(t, w.payee, 0)
	o := verify.Options{Headers: w.chain.bytes()}
	const parts = 4
	for part := range parts {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := part; i < len(file); i += parts {
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
	}
	for _, more := range []string{"\n", " ", "\x00", "{}"} {
		if r := verify.Check(append(slices.Clone(file), more...), o); r.Failed() != "format" {
			t.Errorf("%q at the end fails at %q", more, r.Failed())
		}
	}
}

func flip(file []byte, i int, bit byte) []byte {
	changed := slices.Clone(file)
	changed[i] ^= bit
	return changed
}

// TestSpliced puts parts of one genuine bundle into another: of another day, and of the other
// node. An attacker has those without any key.
func TestSpliced(t *testing.T) {
	w := newWorld(t, "")
	o := verify.Options{Headers: w.chain.bytes(), Pin: w.payer.keyID}
	file := w.mustFile(t, w.payer, 0)
	for name, other := range map[string][]byte{
		"another day":    w.mustFile(t, w.payer, 1),
		"the other node": w.mustFile(t, w.payee, 0),
	} {
		o := o
		if name == "the other node" {
			o.Pin = ""
		}
		into, from := unfold(t, file), unfold(t, other)
		genuine := func(changed []byte) bool {
			return bytes.Equal(changed, file) || bytes.Equal(changed, other)
		}
		nodes("", into, same, func(path string, _ any, put func(any) any) {
			part, found := at(from, path)
			if !found {
				return
			}
			changed := fold(t, put(part))
			if r := verify.Check(changed, o); r.OK && !genuine(changed) {
				t.Errorf("%s of %s goes unnoticed", path, name)
			}
		})
		members := slices.Sorted(maps.Keys(into))
		for set := range 1 << len(members) {
			mixed := maps.Clone(into)
			for i, member := range members {
				if set>>i&1 == 1 {
					mixed[member] = from[member]
				}
			}
			changed := fold(t, mixed)
			if r := verify.Check(changed, o); r.OK && !genuine(changed) {
				t.Errorf("mix %b of %v with %s goes unnoticed", set, members, name)
			}
		}
	}
}
