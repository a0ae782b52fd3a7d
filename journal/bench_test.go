package journal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"seyfert/journal"
)

// answerer is the cheapest machine.
type answerer struct{}

func (answerer) Apply(_ uint64, e journal.Entry) []journal.Result {
	return make([]journal.Result, len(e.Commands))
}

// BenchmarkPropose measures acknowledged commands with a 200-byte body, every one synced.
func BenchmarkPropose(b *testing.B) {
	c := command(strings.Repeat("x", 200))
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			j := mustOpenRaft(b, raftConfig(filepath.Join(b.TempDir(), "journal"), answerer{}))
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := j.Propose(b.Context(), c); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
			mustClose(b, j)
		})
	}
}

// BenchmarkReplay measures opening a journal of full entries.
func BenchmarkReplay(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "journal")
	j := mustOpenRaft(b, raftConfig(dir, answerer{}))
	const commands = 50_000
	var group sync.WaitGroup
	for range 500 {
		group.Go(func() {
			for range commands / 500 {
				if _, err := j.Propose(b.Context(), command("replay")); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	mustClose(b, j)
	for b.Loop() {
		mustClose(b, mustOpenRaft(b, raftConfig(dir, answerer{})))
	}
	b.ReportMetric(float64(b.N)*commands/b.Elapsed().Seconds(), "commands/s")
}
