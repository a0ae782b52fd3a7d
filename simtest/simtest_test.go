package simtest_test

import (
	"bytes"
	"flag"
	"reflect"
	"strings"
	"testing"

	"seyfert/simtest"

	"github.com/google/go-cmp/cmp"
)

// seed chooses the long run; a seed that failed is tried again with -seed.
var seed = flag.Uint64("seed", 1, "seed of the long simulation")

// TestRun is the long run: a failure names the seed and the step.
func TestRun(t *testing.T) {
	c := simtest.Config{Seed: *seed, Steps: 10_000}
	t.Logf("seed %d, %d steps", c.Seed, c.Steps)
	report, err := simtest.Run(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range report.Nodes {
		t.Logf("%s: %d entries, state %x", n.DID, n.Entries, n.StateHash)
	}
	t.Logf("trace %x", report.Trace)
	t.Logf("%+v", report.Counts)
	// A run in which something never happened has shown nothing about it.
	counts := reflect.ValueOf(report.Counts)
	for i := range counts.NumField() {
		if counts.Field(i).Int() == 0 {
			t.Errorf("nothing counted as %s", counts.Type().Field(i).Name)
		}
	}
}

// TestSameSeed: a seed is the whole of a run.
func TestSameSeed(t *testing.T) {
	run := func(seed uint64) (simtest.Report, string) {
		var trace bytes.Buffer
		c := simtest.Config{Seed: seed, Steps: 600, Trace: &trace}
		report, err := simtest.Run(c)
		if err != nil {
			t.Fatal(err)
		}
		return report, trace.String()
	}
	first, text := run(7)
	again, same := run(7)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(strings.Split(text, "\n"), strings.Split(same, "\n")); diff != "" {
		t.Error(diff)
	}
	other, _ := run(8)
	if other.Trace == first.Trace || other.Nodes[0].StateHash == first.Nodes[0].StateHash {
		t.Error("another seed gives the same run")
	}
}

// TestSeeds plays short runs: seeds that once found something, and more nodes.
func TestSeeds(t *testing.T) {
	tests := []struct {
		name string
		c    simtest.Config
	}{
		{"two nodes", simtest.Config{Seed: 5, Steps: 1200}},
		{"three nodes", simtest.Config{Seed: 103, Steps: 800, Nodes: 3}},
		{"many nodes", simtest.Config{Seed: 11, Steps: 300, Nodes: 5}},
		{"one step", simtest.Config{Seed: 3, Steps: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := simtest.Run(test.c); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConfigLimits(t *testing.T) {
	tests := []struct {
		name string
		c    simtest.Config
	}{
		{"no steps", simtest.Config{}},
		{"fewer than no steps", simtest.Config{Steps: -1}},
		{"too many steps", simtest.Config{Steps: simtest.StepsMax + 1}},
		{"one node", simtest.Config{Steps: 1, Nodes: 1}},
		{"too many nodes", simtest.Config{Steps: 1, Nodes: simtest.NodesMax + 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := simtest.Run(test.c); err == nil {
				t.Error("it ran")
			}
		})
	}
}
