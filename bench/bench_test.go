package bench_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"seyfert/bench"
)

// short is a case that a test has time for.
func short(way bench.Way, callers, batch int) bench.Case {
	return bench.Case{
		Way: way, Callers: callers, Batch: batch, Accounts: 50, Length: 300 * time.Millisecond,
		Warmup: 10 * time.Millisecond,
	}
}

func mustRun(tb testing.TB, c bench.Case) bench.Figures {
	tb.Helper()
	var log bytes.Buffer
	f, err := bench.Run(context.Background(), bench.Config{
		Dir: tb.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, c)
	if err != nil {
		tb.Fatalf("%s: %v\n%s", c.Name(), err, log.String())
	}
	return f
}

// TestFiguresAgree runs each way for a moment. That every transfer that was answered is in the
// node's history once, and that its books balance, Run checks itself; here the figures are held
// to each other.
func TestFiguresAgree(t *testing.T) {
	hot := short(bench.Ledger, 2, 3)
	hot.Hot = true
	for _, c := range []bench.Case{
		short(bench.Ledger, 8, 1), hot, short(bench.HTTP, 4, 1), short(bench.Bulk, 2, 20),
		short(bench.Binary, 2, 200),
	} {
		t.Run(c.Name(), func(t *testing.T) {
			f := mustRun(t, c)
			if f.Transfers == 0 || f.Transfers%uint64(c.Batch) != 0 {
				t.Errorf("%d transfers in batches of %d", f.Transfers, c.Batch)
			}
			if rate := float64(f.Transfers) / f.Seconds; rate < f.PerSecond*0.9 ||
				rate > f.PerSecond*1.1 {
				t.Errorf("%d transfers in %v s are not %v a second", f.Transfers, f.Seconds,
					f.PerSecond)
			}
			if f.P50 <= 0 || f.P99 < f.P50 || f.Longest < f.P99 || f.SyncP99 < f.SyncP50 {
				t.Errorf("times out of order: %+v", f)
			}
			if f.Pause <= 0 || f.Pause > f.Seconds*1e6 {
				t.Errorf("no caller was answered for %v us of %v s", f.Pause, f.Seconds)
			}
			if f.Disk.Journal < 128 || f.Disk.History < 150 || f.Disk.Tiles < 64 {
				t.Errorf("a transfer left less than it holds: %+v", f.Disk)
			}
			if f.CPU <= 0 || f.Memory == 0 {
				t.Errorf("it cost nothing: %+v", f)
			}
		})
	}
}

// TestRestart starts a node that holds transfers: with its newest cut, and from its journal.
func TestRestart(t *testing.T) {
	for _, way := range []bench.Way{bench.Start, bench.Replay} {
		c := short(way, 2, 50)
		c.Transfers = 2000
		f := mustRun(t, c)
		if f.Start < 0 || f.Transfers < 2000 || f.Transfers > 2200 {
			t.Errorf("%s: %d transfers, %v s", c.Name(), f.Transfers, f.Start)
		}
		if replayed := f.PerSecond > 0; replayed != (way == bench.Replay) {
			t.Errorf("%s: %v transfers replayed a second", c.Name(), f.PerSecond)
		}
	}
}

// TestRefusesCases names what is out of its bounds.
func TestRefusesCases(t *testing.T) {
	cases := map[string]func(c *bench.Case){
		"callers":  func(c *bench.Case) { c.Callers = bench.CallersMax + 1 },
		"accounts": func(c *bench.Case) { c.Accounts = bench.AccountsMax + 1 },
		"batch":    func(c *bench.Case) { c.Batch = bench.BatchMax + 1 },
		"seconds":  func(c *bench.Case) { c.Length = bench.LengthMax + 1 },
		"ids":      func(c *bench.Case) { c.Transfers = bench.IDsMax + 1 },
	}
	for field, spoil := range cases {
		c := short(bench.Ledger, 1, 1)
		spoil(&c)
		_, err := bench.Run(context.Background(), bench.Config{Dir: t.TempDir()}, c)
		if err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: %v", field, err)
		}
	}
	one := short(bench.HTTP, 1, 2)
	if _, err := bench.Run(context.Background(), bench.Config{Dir: t.TempDir()}, one); err == nil {
		t.Error("http posted two transfers in one request")
	}
}
