package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"seyfert/journal"
)

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
