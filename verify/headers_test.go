package verify_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"seyfert/spv"
	"seyfert/verify"
)

// TestHeaders gives the same good bundle with headers that do not support it.
func TestHeaders(t *testing.T) {
	w := newWorld(t, "")
	file, good := w.mustFile(t, w.payer, 0), w.chain.bytes()
	mainnet, err := spv.Mainnet.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	fork := newRegtest(t)
	for range 30 {
		fork.mine(t)
	}
	mixed := slices.Concat(good[:3*80], fork.bytes()[3*80:])
	lazy := slices.Clone(good)
	for n := byte(0); ; n++ {
		// The last header's nonce, until the work is not there.
		lazy[len(lazy)-4] = n
		if _, err := spv.ParseHeaders(spv.Regtest, lazy); err != nil {
			break
		}
	}
	const block = 2 // the anchor's
	for name, c := range map[string]struct {
		headers     []byte
		step, words string
	}{
		"none":                {nil, "network", "No block headers were given"},
		"half a header":       {good[:len(good)-1], "network", "not whole headers"},
		"another network":     {mainnet.Bytes(), "network", "do not begin where regtest does"},
		"no first header":     {good[80:], "network", "do not begin where regtest does"},
		"a gap":               {slices.Concat(good[:80], good[160:]), "network", "does not follow"},
		"two forks in one":    {mixed, "network", "does not follow"},
		"a header lacks work": {lazy, "network", "lacks the work"},
		"too short":           {good[:block*80], "block", "is not among the headers given"},
		"a longer fork":       {fork.bytes(), "block", "is not among the headers given"},
		"up to the block":     {good[:(block+1)*80], "", "1 of the 6 confirmations"},
		"one short of final":  {good[:(block+5)*80], "", "5 of the 6 confirmations"},
		"final":               {good[:(block+6)*80], "", "6 confirmations"},
		"all":                 {good, "", "9 confirmations"},
	} {
		r := verify.Check(file, verify.Options{Headers: c.headers})
		if r.Failed() != c.step {
			t.Errorf("%s: fails at %q, want %q", name, r.Failed(), c.step)
		}
		has(t, r.Text(), c.words)
		final := len(c.headers) >= (block+6)*80
		if said := slices.ContainsFunc(r.NotProven, func(l verify.Limit) bool {
			return l.Name == verify.LimitFinal
		}); r.OK && said == final {
			t.Errorf("%s: says that it is not final: %v", name, said)
		}
	}
}

// TestConfirmations has the least number of confirmations that a verifier asks for.
func TestConfirmations(t *testing.T) {
	w := newWorld(t, "")
	file := w.mustFile(t, w.payer, 0)
	for asked, step := range map[int64]string{
		math.MinInt64: "", 0: "", 9: "", 10: verify.StepWork, math.MaxInt64: verify.StepWork,
	} {
		r := verify.Check(file, verify.Options{Headers: w.chain.bytes(), Confirmations: asked})
		if r.Failed() != step {
			t.Errorf("%d asked: fails at %q, want %q", asked, r.Failed(), step)
		}
	}
}

// TestOneConfirmation has nothing upon the anchor's block, which is told in the singular.
func TestOneConfirmation(t *testing.T) {
	w := newWorld(t, "")
	file, o := w.mustFile(t, w.payer, 0), verify.Options{Headers: w.chain.bytes()[:3*80]}
	text := verify.Check(file, o).Text()
	has(t, text, "The block has 1 confirmation by the headers given: about",
		"Work: the block has 1 confirmation, about")
	o.Confirmations = 2
	text += verify.Check(file, o).Text()
	has(t, text, "The block has 1 confirmation by the headers given; 2 are asked for.")
	if strings.Contains(text, "1 confirmations") {
		t.Errorf("one is told in the plural:\n%s", text)
	}
}

// TestNetworks names networks in a bundle that its headers are not of, or that nobody knows.
func TestNetworks(t *testing.T) {
	w := newWorld(t, "")
	for name, words := range map[string]string{
		"mainnet":  "not those of mainnet",
		"signet":   "not those of signet",
		"testnet4": "can't check headers of the network \"testnet4\"",
		"":         "can't check headers of the network \"\"",
	} {
		b := w.bundle(t, w.payer, 0)
		b.Network = name
		r := verify.Check(mustEncode(t, b), verify.Options{Headers: w.chain.bytes()})
		if r.Failed() != verify.StepNetwork {
			t.Errorf("%q fails at %q", name, r.Failed())
		}
		has(t, r.Text(), words)
	}
	// Headers of the network that is named, and descriptors of another.
	b := w.bundle(t, w.payer, 0)
	b.Network = "mainnet"
	mainnet, err := spv.Mainnet.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	r := verify.Check(mustEncode(t, b), verify.Options{Headers: mainnet.Bytes()})
	if r.Failed() != verify.StepDescriptor {
		t.Errorf("descriptors of another network fail at %q", r.Failed())
	}
	has(t, r.Text(), "its network is regtest, the bundle's is mainnet")
}
