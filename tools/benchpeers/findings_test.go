package main

import (
	"strings"
	"testing"
)

// TestFindings holds made-up runs against the floors: medians, both kinds of bounds, and the
// share of the hot account.
func TestFindings(t *testing.T) {
	cold, hot, held := cases[0], cases[1], cases[3]
	m := &measurement{Units: []unit{{TPS: 1000}, {TPS: 3000}}}
	for round, speed := range []float64{19_000, 50_000, 40_000} {
		m.Runs = append(m.Runs,
			pair{round, cold.name, "", 1000, figures{PerSecond: speed, P99: 900, Sync: 100}},
			pair{round, hot.name, "", 2000, figures{PerSecond: speed}},
			pair{round, held.name, "", 1000, figures{PerSecond: 119_999, Pause: 20_000}})
	}
	var out strings.Builder
	m.out = &out
	m.print()
	for _, want := range []string{
		"T: median 2000/s, from 1000 to 3000 in 2 runs",
		"| in process, 64 x 1, cold | transfers/s, T | at least 20 | 19 / 50 / 40 | 40 | yes |",
		"| in process, 64 x 1, cold | p99, syncs | at most 10 | 9 / 9 / 9 | 9 | yes |",
		"| in process, 64 x 1, hot | hot / cold, share | at least 0.90 | 0.50 / 0.50 / 0.50 |" +
			" 0.50 | no |",
		"| in process, 16 x 100, 60 s | transfers/s, T | at least 120 |",
		"| in process, 16 x 100, 60 s | longest pause, ms | at most 20 | 20 / 20 / 20 | 20 | yes |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, f := range m.Findings {
		if f.Case == held.name && f.What == "transfers/s" && f.Met {
			t.Errorf("%f T meets %f", f.Median, f.Bound)
		}
	}
}

// TestReadsPgbench finds the figure in what pgbench prints.
func TestReadsPgbench(t *testing.T) {
	text := "latency average = 2.972 ms\ninitial connection time = 18.250 ms\n" +
		"tps = 5383.759383 (without initial connection time)\n"
	if found := tpsLine.FindStringSubmatch(text); found == nil || found[1] != "5383.759383" {
		t.Errorf("found %q", found)
	}
}
