package table_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"seyfert/table"
)

var benchIDs = flag.Int("ids", 200_000, "ids in the store of the benchmarks")

// idsPerCut is how many ids one cut brings in.
const idsPerCut = 1_000_000

// idMaker makes ids as they come in over time.
type idMaker struct {
	random *rand.Rand
	timed  bool  // version 7 UUIDs, else all bits random
	millis int64 // the present
}

// next makes an id that is some milliseconds old; 100 come in each.
func (m *idMaker) next(age int64) [17]byte {
	id := [17]byte(idKey(m.random.Uint64(), m.random.Uint64()))
	if m.timed {
		id = timedID(id, m.millis/100-age)
		m.millis++
	}
	return id
}

func timedID(id [17]byte, millis int64) [17]byte {
	var time [8]byte
	binary.BigEndian.PutUint64(time[:], uint64(1_760_000_000_000+millis))
	copy(id[1:7], time[2:])
	return id
}

// mustIngestCuts brings count ids in, cut by cut, and returns some of them.
func mustIngestCuts(b *testing.B, s *table.Pebble, m *idMaker, count int) (some [][17]byte) {
	b.Helper()
	for first := 0; first < count; first += idsPerCut {
		ids := make([][17]byte, min(idsPerCut, count-first))
		for i := range ids {
			ids[i] = m.next(m.random.Int64N(2000))
		}
		for range 1000 {
			some = append(some, ids[m.random.IntN(len(ids))])
		}
		slices.SortFunc(ids, func(x, y [17]byte) int { return bytes.Compare(x[:], y[:]) })
		var value [8]byte
		err := s.Ingest(func(yield func(key, value []byte) bool) {
			for i := range ids {
				binary.BigEndian.PutUint64(value[:], m.random.Uint64N(uint64(count)))
				if !yield(ids[i][:], value[:]) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return some
}

// sizeOf is how many bytes the files below a directory have.
func sizeOf(tb testing.TB, dir string) (size int64) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(_ string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() {
			return err
		}
		info, err := file.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return size
}

// BenchmarkIDs brings ids in, opens a checkpoint of them and looks some up.
func BenchmarkIDs(b *testing.B) {
	for name, timed := range map[string]bool{"random": false, "timed": true} {
		b.Run(name, func(b *testing.B) {
			m := &idMaker{random: rand.New(rand.NewPCG(1, 2)), timed: timed}
			dir := b.TempDir()
			s := mustOpenPebble(b, filepath.Join(dir, "live"))
			some := mustIngestCuts(b, s, m, *benchIDs)
			if err := s.Checkpoint(filepath.Join(dir, "cut")); err != nil {
				b.Fatal(err)
			}
			mustClose(b, s)
			bytesPerID := float64(sizeOf(b, filepath.Join(dir, "cut"))) / float64(*benchIDs)
			b.Run("ingest", func(b *testing.B) { benchIngest(b, timed) })
			b.Run("open", func(b *testing.B) {
				benchOpen(b, filepath.Join(dir, "cut"))
				b.ReportMetric(bytesPerID, "B/id")
			})
			s = mustReopen(b, filepath.Join(dir, "cut"))
			b.Run("present", func(b *testing.B) {
				benchGet(b, s, true, func() [17]byte { return some[m.random.IntN(len(some))] })
			})
			b.Run("absent", func(b *testing.B) {
				age := m.millis / 100
				benchGet(b, s, false, func() [17]byte { return m.next(m.random.Int64N(age + 1)) })
			})
			b.Run("newer", func(b *testing.B) {
				benchGet(b, s, false, func() [17]byte { return timedID(m.next(0), m.millis) })
			})
		})
	}
}

func benchGet(b *testing.B, s *table.Pebble, present bool, key func() [17]byte) {
	b.ReportAllocs()
	for b.Loop() {
		id := key()
		if _, ok, err := s.Get(id[:]); err != nil || ok != present {
			b.Fatal(ok, err)
		}
	}
}

func benchIngest(b *testing.B, timed bool) {
	m := &idMaker{random: rand.New(rand.NewPCG(3, 4)), timed: timed}
	s := mustOpenPebble(b, filepath.Join(b.TempDir(), "live"))
	defer mustClose(b, s)
	for b.Loop() {
		mustIngestCuts(b, s, m, 100_000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/id")
}

// benchOpen clones a checkpoint, opens the clone and reads from it.
func benchOpen(b *testing.B, cut string) {
	dir := b.TempDir()
	for n := 0; b.Loop(); n++ {
		clone := filepath.Join(dir, string(rune('a'+n%26)), "clone")
		if err := table.CloneCheckpoint(cut, clone); err != nil {
			b.Fatal(err)
		}
		s := mustOpenPebble(b, clone)
		mustGet(b, s, string(idKey(1, 1)))
		b.StopTimer()
		mustClose(b, s)
		mustRemove(b, clone)
		b.StartTimer()
	}
}

func mustRemove(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.RemoveAll(dir); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkRecords appends and reads history.
func BenchmarkRecords(b *testing.B) {
	for _, size := range []int{32, 64, 150} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r, err := table.OpenRecords(filepath.Join(b.TempDir(), "history"), size, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer mustClose(b, r)
			one, many := make([]byte, size), make([]byte, 1000*size)
			b.Run("append", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := r.Append(one); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("append 1000", func(b *testing.B) {
				for b.Loop() {
					if err := r.AppendMany(many); err != nil {
						b.Fatal(err)
					}
				}
			})
			if err := r.Sync(); err != nil {
				b.Fatal(err)
			}
			b.Run("at", func(b *testing.B) {
				b.ReportAllocs()
				for number := uint64(1); b.Loop(); number = number*31%r.Len() + 1 {
					if _, err := r.At(number); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("read 1000", func(b *testing.B) {
				b.ReportAllocs()
				for number := uint64(1); b.Loop(); number = number*31%r.Len() + 1 {
					if _, err := r.Read(number, many); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
