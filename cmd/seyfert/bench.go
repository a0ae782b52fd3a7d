package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"seyfert/bench"
)

// benchWays are the second words of `seyfert bench`.
var benchWays = map[string]bench.Way{
	"ledger": bench.Ledger, "http": bench.HTTP, "bulk": bench.Bulk, "replay": bench.Replay,
	"start": bench.Start, "replicas": bench.Replicas,
}

// What a case has unless the command line says otherwise.
const (
	benchSeconds  = 10
	benchWarmup   = time.Second
	benchAccounts = 100_000
	// benchReplayed is a little less than what comes between two cuts.
	benchReplayed = 900_000
	benchIDs      = 10_000_000
)

// benchFlags are the flags of `seyfert bench`.
type benchFlags struct {
	callers, batch, accounts, ids int
	seconds                       int
	hot, binary                   bool
	dir, json, profile            string
}

func runBench(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 {
		return usageError("bench what? ledger, http, bulk, replicas, replay or start")
	}
	way, known := benchWays[args[0]]
	if !known {
		return usageError(fmt.Sprintf("%q is not ledger, http, bulk, replicas, replay or start",
			args[0]))
	}
	var f benchFlags
	flags := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	flags.IntVar(&f.callers, "callers", 0, "callers side by side; 0: the usual cases, one by one\n"+
		"over HTTP each has one connection kept alive and speaks HTTP/1.1 by hand, in this process")
	flags.IntVar(&f.batch, "batch", 0, "transfers in one request")
	flags.IntVar(&f.accounts, "accounts", benchAccounts, "accounts that transfers are spread over")
	flags.BoolVar(&f.hot, "hot", false, "credit one account always")
	flags.BoolVar(&f.binary, "binary", false, "bulk: fixed records instead of JSON")
	flags.IntVar(&f.seconds, "seconds", benchSeconds, "how long each case posts")
	flags.IntVar(&f.ids, "ids", 0, "replay, start: transfers that the node holds before")
	flags.StringVar(&f.dir, "dir", "", "measure the disk of this directory; "+
		"empty means that of temporary files")
	flags.StringVar(&f.json, "json", "", "write the figures to this file")
	flags.StringVar(&f.profile, "cpuprofile", "",
		"write a profile of the processor to this file; for one case")
	if err := parse(flags, args[1:], errOut); err != nil {
		return err
	}
	cases, err := f.cases(way)
	if err != nil {
		return err
	}
	if f.profile != "" && len(cases) > 1 {
		return usageError("--cpuprofile is for one case: name it with --callers and --batch")
	}
	return f.run(ctx, cases, out, errOut)
}

// cases are those that the flags ask for, or the usual ones.
func (f benchFlags) cases(way bench.Way) ([]bench.Case, error) {
	if f.binary && way != bench.Bulk {
		return nil, usageError("--binary goes with bulk")
	}
	if f.binary {
		way = bench.Binary
	}
	one := bench.Case{
		Way: way, Callers: f.callers, Batch: f.batch, Accounts: f.accounts, Hot: f.hot,
		Transfers: f.ids, Length: time.Duration(f.seconds) * time.Second, Warmup: benchWarmup,
	}
	switch {
	case way == bench.Replay || way == bench.Start:
		if f.ids == 0 {
			one.Transfers = benchIDs
			if way == bench.Replay {
				one.Transfers = benchReplayed
			}
		}
		one.Callers, one.Batch = or(f.callers, 16), or(f.batch, 100)
		return []bench.Case{one}, nil
	case f.ids != 0:
		return nil, usageError("--ids goes with replay and start")
	case f.callers != 0 || f.batch != 0:
		one.Callers, one.Batch = or(f.callers, 16), or(f.batch, 1)
		return []bench.Case{one}, nil
	}
	var cases []bench.Case
	for _, usual := range usualCases[way] {
		one.Callers, one.Batch, one.Hot = usual.callers, usual.batch, f.hot || usual.hot
		cases = append(cases, one)
	}
	return cases, nil
}

// or is the value, or what stands for none.
func or(value, otherwise int) int {
	if value != 0 {
		return value
	}
	return otherwise
}

// usualCases are measured when no size is asked for.
var usualCases = map[bench.Way][]struct {
	callers, batch int
	hot            bool
}{
	bench.Ledger: {
		{64, 1, false}, {64, 1, true}, {16, 100, false}, {4, 8000, false}, {1, 1, false},
	},
	bench.HTTP:     {{64, 1, false}, {1, 1, false}},
	bench.Bulk:     {{16, 100, false}},
	bench.Binary:   {{16, 1000, false}},
	bench.Replicas: {{16, 100, false}},
}

// run measures the cases, each on a node of its own.
func (f benchFlags) run(ctx context.Context, cases []bench.Case, out, errOut io.Writer) (
	err error,
) {
	cfg := bench.Config{Dir: f.dir, Log: newLog(errOut, slog.LevelWarn)}
	if f.profile != "" {
		profile, made := os.Create(f.profile)
		if made != nil {
			return made
		}
		defer func() { err = errors.Join(err, profile.Close()) }()
		cfg.Profile = profile
	}
	report := bench.NewReport(time.Now())
	for _, c := range cases {
		fmt.Fprintf(out, "%s\n", c.Name())
		figures, err := bench.Run(ctx, cfg, c)
		if err != nil {
			return err
		}
		report.Cases = append(report.Cases, figures)
		printFigures(out, figures)
	}
	if f.json == "" {
		return nil
	}
	return report.Write(f.json)
}

// printFigures writes what a case came to for people.
func printFigures(out io.Writer, f bench.Figures) {
	if f.Start != 0 {
		fmt.Fprintf(out, "  started in %.2f s", f.Start)
		if f.PerSecond != 0 {
			fmt.Fprintf(out, ", %.0f transfers replayed a second, %.2f us of processor each",
				f.PerSecond, f.CPU)
		}
		fmt.Fprintf(out, "\n  heap %d MiB, %.0f %% of the processors used by others\n",
			f.Memory>>20, f.Others*100)
		return
	}
	fmt.Fprintf(out, "  %.0f transfers/s in %.1f s, %.2f us of processor each\n",
		f.PerSecond, f.Seconds, f.CPU)
	fmt.Fprintf(out, "  a call: p50 %.0f us, p99 %.0f us, longest %.0f us; the disk's sync: "+
		"p50 %.0f us, p99 %.0f us\n", f.P50, f.P99, f.Longest, f.SyncP50, f.SyncP99)
	fmt.Fprintf(out, "  bytes each: journal %.0f, history %.0f, tables %.0f, tiles %.0f\n",
		f.Disk.Journal, f.Disk.History, f.Disk.Tables, f.Disk.Tiles)
	fmt.Fprintf(out, "  longest without an answer to anyone: %.1f ms, %d cuts; heap %d MiB, "+
		"%.0f %% of the processors used by others\n", f.Pause/1000, f.Cuts, f.Memory>>20,
		f.Others*100)
}
