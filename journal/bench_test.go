package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"seyfert/journal"
)

// answerer is the cheapest machine.
type answerer struct{}

func (answerer) Apply(_ uint64, e journal.Entry) []journal.Result {
	return make([]journal.Result, len(e.Commands))
}

// BenchmarkPropose measures acknowledged commands of 128-byte records, every one synced: callers
// by records, on one replica and on three of this machine.
func BenchmarkPropose(b *testing.B) {
	for _, shape := range []struct{ callers, records int }{{1, 1}, {64, 1}, {16, 100}, {4, 8000}} {
		b.Run(fmt.Sprintf("alone/%dx%d", shape.callers, shape.records), func(b *testing.B) {
			cfg := raftConfig(filepath.Join(b.TempDir(), "journal"), answerer{})
			j := mustOpenRaft(b, cfg)
			proposeAll(b, j, shape.callers, shape.records)
			mustClose(b, j)
		})
	}
	for _, shape := range []struct{ callers, records int }{{1, 1}, {64, 1}, {16, 100}} {
		b.Run(fmt.Sprintf("three/%dx%d", shape.callers, shape.records), func(b *testing.B) {
			c := newCluster(b, 0)
			c.inDirectories = true
			c.mustGrow(3)
			for _, r := range c.replicas {
				r.machine.quiet.Store(true)
			}
			proposeAll(b, c.leader().Raft, shape.callers, shape.records)
		})
	}
}

// proposeAll proposes b.N commands from so many callers and reports what that took.
func proposeAll(b *testing.B, j *journal.Raft, callers, records int) {
	b.Helper()
	c := command(strings.Repeat("x", 8+128*records))
	took := make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				begun := time.Now()
				if _, err := j.Propose(b.Context(), c); err != nil {
					b.Error(err)
					return
				}
				took[n-1] = time.Since(begun)
			}
		})
	}
	group.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-us")
}

// BenchmarkSync measures what one synced write costs the disk itself, in place and in a file
// that grows, of the size of one small entry.
func BenchmarkSync(b *testing.B) {
	for _, grow := range []bool{false, true} {
		b.Run(fmt.Sprint("growing=", grow), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "file"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			data := make([]byte, 512)
			if !grow {
				if _, err := f.Write(make([]byte, 64<<20)); err != nil || f.Sync() != nil {
					b.Fatal("fill: ", err)
				}
			}
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			for n := range b.N {
				begun := time.Now()
				if _, err := f.WriteAt(data, int64(n%(1<<17))*512); err != nil {
					b.Fatal(err)
				}
				if err := syscall.Fdatasync(int(f.Fd())); err != nil {
					b.Fatal(err)
				}
				took[n] = time.Since(begun)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-us")
		})
	}
}

// BenchmarkReplay measures opening a journal of full entries.
func BenchmarkReplay(b *testing.B) {
	for _, shape := range []struct{ commands, records int }{{50_000, 1}, {5_000, 100}} {
		b.Run(fmt.Sprintf("x%d", shape.records), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "journal")
			j := mustOpenRaft(b, raftConfig(dir, answerer{}))
			c := command(strings.Repeat("x", 8+128*shape.records))
			var group sync.WaitGroup
			const callers = 100
			for range callers {
				group.Go(func() {
					for range shape.commands / callers {
						if _, err := j.Propose(b.Context(), c); err != nil {
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
			records := float64(b.N * shape.commands * shape.records)
			b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
		})
	}
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
