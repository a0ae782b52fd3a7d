package wal_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"seyfert/journal/wal"
)

// TestDirectory keeps a log in a directory of the operating system, through many segments.
func TestDirectory(t *testing.T) {
	dir := wal.Dir(t.TempDir())
	l, m := mustOpen(t, dir), newModel()
	for range 200 {
		logs := []*raft.Log{{Index: m.next, Term: 2, Data: make([]byte, 900)}}
		must(t, l.StoreLogs(logs))
		m.store(logs)
		if m.next == 100 {
			must(t, l.Set([]byte("key"), []byte("value")))
			m.values["key"] = "value"
			must(t, l.DeleteRange(1, 40))
			m.deleteRange(1, 40)
		}
	}
	must(t, l.Close())
	for range 2 {
		l = mustOpen(t, dir)
		m.check(t, l)
		must(t, l.Close())
	}
	names, err := dir.Names()
	if err != nil || len(names) < 10 {
		t.Fatalf("%q, %v", names, err)
	}
}

// TestGoldenSegment fails when the bytes of the format change: logs are read by later versions.
func TestGoldenSegment(t *testing.T) {
	disk, m := wal.NewDisk(), newModel()
	l := mustOpen(t, disk)
	must(t, l.SetUint64([]byte("CurrentTerm"), 1))
	logs := []*raft.Log{
		{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: []byte("members")},
		{
			Index: 2, Term: 1, Data: []byte(strings.Repeat("entry ", 100)), Extensions: []byte("x"),
			AppendedAt: time.Unix(1_790_000_000, 5).UTC(),
		},
	}
	must(t, l.StoreLogs(logs))
	m.store(logs)
	must(t, l.Close())
	got := bytes.TrimRight(contents(t, disk, "0000000000000001.wal"), "\x00")
	text, err := os.ReadFile(filepath.Join("testdata", "segment-1.hex"))
	must(t, err)
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("the golden segment is now\n%x", got)
	}
	file, err := disk.Open("0000000000000001.wal")
	must(t, err)
	_, err = file.WriteAt(want, 0)
	must(t, err)
	l = mustOpen(t, disk)
	m.check(t, l)
	must(t, l.Close())
}

// BenchmarkStore measures synced writes of one log in a directory.
func BenchmarkStore(b *testing.B) {
	for _, size := range []int{300, 13_000, 200_000, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := wal.Open(wal.Config{Files: wal.Dir(b.TempDir()), SegmentBytes: 64 << 20})
			must(b, err)
			data := bytes.Repeat([]byte("x"), size)
			index := uint64(0)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				index++
				must(b, l.StoreLog(&raft.Log{Index: index, Term: 1, Data: data}))
			}
			must(b, l.Close())
		})
	}
}

// BenchmarkRead measures reading and checking logs that are on disk.
func BenchmarkRead(b *testing.B) {
	l, err := wal.Open(wal.Config{Files: wal.Dir(b.TempDir()), SegmentBytes: 64 << 20})
	must(b, err)
	const size, count = 200_000, 100
	for index := range uint64(count) {
		log := &raft.Log{Index: index + 1, Term: 1, Data: bytes.Repeat([]byte("x"), size)}
		must(b, l.StoreLog(log))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	index := uint64(0)
	for b.Loop() {
		must(b, l.GetLog(index%count+1, &raft.Log{}))
		index++
	}
	must(b, l.Close())
}
