package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// figures is what `seyfert bench --json` writes for one case, as far as it is compared here.
type figures struct {
	Transfers uint64  `json:"transfers"`
	PerSecond float64 `json:"transfers_per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	Sync      float64 `json:"fdatasync_p50_us"`
	// Pause is the longest time in which no caller was answered while a cut was made.
	Pause float64 `json:"pause_us"`
	Cuts  int     `json:"cuts"`
	CPU   float64 `json:"cpu_us_per_transfer"`
	Disk  struct {
		Journal float64 `json:"journal"`
		History float64 `json:"history"`
		Tables  float64 `json:"tables"`
		Tiles   float64 `json:"tiles"`
	} `json:"bytes_per_transfer"`
	Start  float64 `json:"start_seconds"`
	Load   string  `json:"load"`
	Others float64 `json:"others_share"`
}

// check is one floor of the issue: a figure and its bound.
type check struct {
	what  string
	unit  string
	value func(f figures, t float64) float64
	bound float64
	most  bool // the bound is the most, not the least
}

func (c check) met(value float64) bool {
	if c.most {
		return value <= c.bound
	}
	return value >= c.bound
}

// one is a way to run `seyfert bench`, and what it has to reach.
type one struct {
	name   string
	args   string
	checks []check
}

func (c one) command() string { return "seyfert bench " + c.args }

func rate(bound float64) check {
	return check{
		what: "transfers/s", unit: "T", bound: bound,
		value: func(f figures, t float64) float64 { return f.PerSecond / t },
	}
}

// cases are those of issue 3, in its order.
var cases = []one{
	{"in process, 64 x 1, cold", "ledger --callers 64 --batch 1 --seconds 10", []check{
		rate(20), {
			what: "p99", unit: "syncs", bound: 10, most: true,
			value: func(f figures, _ float64) float64 { return f.P99 / f.Sync },
		},
	}},
	{
		"in process, 64 x 1, hot", "ledger --callers 64 --batch 1 --hot --seconds 10",
		[]check{rate(20)},
	},
	{
		"in process, 16 x 100, 10 s", "ledger --callers 16 --batch 100 --seconds 10",
		[]check{rate(250)},
	},
	{"in process, 16 x 100, 60 s", "ledger --callers 16 --batch 100 --seconds 60", []check{
		rate(120), {
			what: "longest pause", unit: "ms", bound: 20, most: true,
			value: func(f figures, _ float64) float64 { return f.Pause / 1000 },
		}, {
			what: "disk, no journal, no tiles", unit: "bytes", bound: 180, most: true,
			value: func(f figures, _ float64) float64 { return f.Disk.History + f.Disk.Tables },
		}, {
			what: "disk, tiles", unit: "bytes", bound: 70, most: true,
			value: func(f figures, _ float64) float64 { return f.Disk.Tiles },
		},
	}},
	{
		"in process, 4 x 8,000", "ledger --callers 4 --batch 8000 --seconds 10",
		[]check{rate(0)},
	},
	{"in process, 1 x 1", "ledger --callers 1 --batch 1 --seconds 10", []check{rate(0)}},
	{"HTTP JSON, 64 x 1", "http --callers 64 --seconds 10", []check{rate(5)}},
	{
		"HTTP JSON bulk, 16 x 100", "bulk --callers 16 --batch 100 --seconds 10",
		[]check{rate(80)},
	},
	{
		"HTTP binary bulk, 16 x 1,000", "bulk --binary --callers 16 --batch 1000 --seconds 10",
		[]check{rate(150)},
	},
	{"HTTP JSON, 1 x 1", "http --callers 1 --seconds 10", []check{{
		what: "p50", unit: "syncs", bound: 3, most: true,
		value: func(f figures, _ float64) float64 { return f.P50 / f.Sync },
	}}},
	{
		"three replicas, 16 x 100", "replicas --callers 16 --batch 100 --seconds 10",
		[]check{rate(50)},
	},
	{"replay", "replay", []check{{
		what: "transfers/s", unit: "million", bound: 1,
		value: func(f figures, _ float64) float64 { return f.PerSecond / 1e6 },
	}}},
	{"start", "start --accounts 1000000 --ids 10000000", []check{{
		what: "until it serves", unit: "seconds", bound: 2, most: true,
		value: func(f figures, _ float64) float64 { return f.Start },
	}}},
}

// measure runs a case and reads its figures.
func (m *measurement) measure(ctx context.Context, c one) (f figures, err error) {
	file := filepath.Join(m.nodes, "figures.json")
	args := append([]string{"bench"}, strings.Fields(c.args)...)
	args = append(args, "--dir", m.nodes, "--json", file)
	text, err := exec.CommandContext(ctx, m.program, args...).CombinedOutput()
	if err != nil {
		return f, fmt.Errorf("%w\n%s", err, text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return f, err
	}
	var report struct {
		Cases []figures `json:"cases"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return f, err
	}
	if len(report.Cases) != 1 {
		return f, fmt.Errorf("%d cases in its report", len(report.Cases))
	}
	return report.Cases[0], nil
}

// line says what a run came to.
func (c one) line(p pair) string {
	parts := []string{fmt.Sprintf("%.0f transfers/s", p.Figures.PerSecond)}
	for _, check := range c.checks {
		parts = append(parts, fmt.Sprintf("%s %s %s", check.what,
			number(check.value(p.Figures, p.T)), check.unit))
	}
	return strings.Join(append(parts,
		fmt.Sprintf("%.0f %% used by others", p.Figures.Others*100)), ", ")
}
