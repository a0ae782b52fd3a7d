package verify_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"seyfert/verify"
)

// TestSpliced puts parts of one genuine bundle into another: of another day, of the other node,
// and of another kind of record. An attacker has those without any key.
func TestSpliced(t *testing.T) {
	w := newWorld(t, "")
	o := verify.Options{Headers: w.chain.bytes()}
	transfer, deposit, fee, hold := w.mustFile(t, w.payer, 0), mustEncode(t, w.line(t, lineDeposit)),
		mustEncode(t, w.line(t, lineFee)), mustEncode(t, w.line(t, lineHeld))
	for name, pair := range map[string][2][]byte{
		"another day":      {transfer, w.mustFile(t, w.payer, 1)},
		"the other node":   {transfer, w.mustFile(t, w.payee, 0)},
		"another leg":      {fee, deposit},
		"a hold":           {fee, hold},
		"a leg":            {hold, fee},
		"a transfer":       {fee, transfer},
		"the same day":     {fee, w.mustFile(t, w.payer, 1)},
		"a leg in a debt":  {transfer, fee},
		"a hold in a debt": {w.mustFile(t, w.payer, 1), hold},
	} {
		splice(t, name, pair[0], pair[1], o)
	}
}

// splice puts every part of another bundle into a file, and every set of its members.
func splice(t *testing.T, name string, file, other []byte, o verify.Options) {
	t.Helper()
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
	both := maps.Clone(into)
	maps.Copy(both, from)
	members := slices.Sorted(maps.Keys(both))
	for set := range 1 << len(members) {
		mixed := maps.Clone(into)
		for i, member := range members {
			if set>>i&1 == 0 {
				continue
			}
			delete(mixed, member)
			if part, found := from[member]; found {
				mixed[member] = part
			}
		}
		changed := fold(t, mixed)
		if r := verify.Check(changed, o); r.OK && !genuine(changed) {
			t.Errorf("mix %b of %v with %s goes unnoticed", set, members, name)
		}
	}
}
