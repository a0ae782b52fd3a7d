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

// BenchmarkEntry measures encoding and decoding of entries of commands with bodies of 128-byte
// records.
func BenchmarkEntry(b *testing.B) {
	for _, shape := range []struct{ commands, records int }{{64, 1}, {16, 100}, {4, 8000}} {
		e := goldenEntry()
		c := e.Commands[0]
		c.Body = []byte(strings.Repeat("x", 128*shape.records))
		e.Commands = nil
		for range shape.commands {
			e.Commands = append(e.Commands, c)
		}
		data := e.Encode()
		name := fmt.Sprintf("%dx%d", shape.commands, shape.records)
		b.Run("encode/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				e.Encode()
			}
			b.ReportMetric(float64(b.N*shape.commands*shape.records)/b.Elapsed().Seconds(), "records/s")
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := journal.DecodeEntry(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*shape.commands*shape.records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
