package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"seyfert/table"
)

const recordSize = 160

// filedSize is how long a record is in a file, and recordsHead what is before the first one.
const (
	filedSize   = recordSize + 4
	recordsHead = 16
)

// record is a full-size record that says its own number.
func record(number uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Repeat([]byte{0xa5}, recordSize-8), number)
}

func mustAppend(tb testing.TB, r table.Records, from, to uint64) {
	tb.Helper()
	for number := from; number <= to; number++ {
		if err := r.Append(record(number)); err != nil {
			tb.Fatal(err)
		}
	}
}

func wantRecords(tb testing.TB, r table.Records, length uint64) {
	tb.Helper()
	if r.Len() != length {
		tb.Fatalf("%d records, want %d", r.Len(), length)
	}
	for number := uint64(1); number <= length; number++ {
		got, err := r.At(number)
		if err != nil {
			tb.Fatal(err)
		}
		if !bytes.Equal(got, record(number)) {
			tb.Fatalf("record %d reads %x", number, got)
		}
	}
	for _, number := range []uint64{0, length + 1} {
		if _, err := r.At(number); err == nil {
			tb.Fatalf("record %d of %d was read", number, length)
		}
	}
}

func mustOpenRecords(tb testing.TB, path string, keep uint64) *table.RecordsFile {
	tb.Helper()
	r, err := table.OpenRecords(path, recordSize, keep)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// eachRecords runs one test against every implementation of Records.
func eachRecords(t *testing.T, test func(t *testing.T, r table.Records)) {
	t.Run("memory", func(t *testing.T) { test(t, table.NewRecordsMemory(recordSize)) })
	t.Run("file", func(t *testing.T) {
		test(t, mustOpenRecords(t, filepath.Join(t.TempDir(), "history"), 0))
	})
}

func TestRecordsReadBack(t *testing.T) {
	eachRecords(t, func(t *testing.T, r table.Records) {
		wantRecords(t, r, 0)
		mustAppend(t, r, 1, 20_000) // more than a chunk holds
		wantRecords(t, r, 20_000)
		if err := r.Sync(); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, r, 20_001, 20_003)
		wantRecords(t, r, 20_003)
		mustPanic(t, "record of 3 bytes", func() { _ = r.Append([]byte{1, 2, 3}) })
		mustPanic(t, "records of 160 bytes", func() { _ = r.AppendMany(make([]byte, 161)) })
		mustPanic(t, "records of 160 bytes", func() { _, _ = r.Read(1, make([]byte, 161)) })
		got, _ := r.At(1)
		clear(got)
		wantRecords(t, r, 20_003)
		mustClose(t, r)
		if err := r.Append(record(1)); !errors.Is(err, table.ErrClosed) {
			t.Fatalf("append after close: %v", err)
		}
		if _, err := r.At(1); !errors.Is(err, table.ErrClosed) {
			t.Fatalf("read after close: %v", err)
		}
		if err := r.Sync(); !errors.Is(err, table.ErrClosed) {
			t.Fatalf("sync after close: %v", err)
		}
		if err := r.Close(); !errors.Is(err, table.ErrClosed) {
			t.Fatalf("second close: %v", err)
		}
	})
}

func TestRecordsManyAtOnce(t *testing.T) {
	eachRecords(t, func(t *testing.T, r table.Records) {
		number := uint64(0)
		for _, count := range []int{0, 1, 3, 7000, 12_000} {
			var all []byte
			for range count {
				number++
				all = append(all, record(number)...)
			}
			if err := r.AppendMany(all); err != nil {
				t.Fatal(err)
			}
		}
		for _, synced := range []bool{false, true} {
			if synced {
				if err := r.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			for _, first := range []uint64{1, 2, 5000, number - 1, number} {
				for _, room := range []int{0, 1, 2, 700, 20_000} {
					wantRead(t, r, first, room)
				}
			}
		}
		for _, first := range []uint64{0, number + 1} {
			if _, err := r.Read(first, make([]byte, recordSize)); err == nil {
				t.Fatalf("record %d of %d was read", first, number)
			}
		}
		mustClose(t, r)
	})
}

// wantRead reads records from a first one on into a buffer that has room for some.
func wantRead(tb testing.TB, r table.Records, first uint64, room int) {
	tb.Helper()
	into := make([]byte, room*recordSize)
	count, err := r.Read(first, into)
	if err != nil {
		tb.Fatal(err)
	}
	if want := min(uint64(room), r.Len()-first+1); uint64(count) != want {
		tb.Fatalf("read %d from %d, want %d", count, first, want)
	}
	for i := range count {
		got := into[i*recordSize : (i+1)*recordSize]
		if number := first + uint64(i); !bytes.Equal(got, record(number)) {
			tb.Fatalf("record %d reads %x", number, got)
		}
	}
}

func TestRecordsAreCutToWhatIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	r := mustOpenRecords(t, path, 0)
	mustAppend(t, r, 1, 10)
	if err := r.Sync(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, r)
	tear(t, path, recordsHead+10*filedSize+3)

	r = mustOpenRecords(t, path, 7)
	wantRecords(t, r, 7)
	mustAppend(t, r, 8, 9)
	if err := r.Sync(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, r)
	r = mustOpenRecords(t, path, 9)
	wantRecords(t, r, 9)
	mustClose(t, r)

	if _, err := table.OpenRecords(path, recordSize, 10); err == nil {
		t.Fatal("ten records were kept of nine")
	}
	if _, err := table.OpenRecords(path, recordSize+1, 1); err == nil {
		t.Fatal("a file of another record size was opened")
	}
	for _, size := range []int{0, -1, table.RecordSizeMax + 1} {
		if _, err := table.OpenRecords(path, size, 0); err == nil {
			t.Fatalf("records of %d bytes", size)
		}
	}
	mustClose(t, mustOpenRecords(t, path, 0))
}

func TestRecordsHeaderTornAtBirth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	mustClose(t, mustOpenRecords(t, path, 0))
	tear(t, path, 5)
	if _, err := table.OpenRecords(path, recordSize, 1); err == nil {
		t.Fatal("a record was kept of a torn header")
	}
	r := mustOpenRecords(t, path, 0)
	mustAppend(t, r, 1, 1)
	wantRecords(t, r, 1)
	mustClose(t, r)
}

func TestRecordsMemoryClone(t *testing.T) {
	r := table.NewRecordsMemory(recordSize)
	mustAppend(t, r, 1, 5)
	c := r.Clone(3)
	mustAppend(t, r, 6, 6)
	wantRecords(t, c, 3)
	wantRecords(t, r, 6)
	mustPanic(t, "record size", func() { table.NewRecordsMemory(table.RecordSizeMax + 1) })
}

// tear sets the length of a file, as a crash in the middle of a write may.
func tear(tb testing.TB, path string, length int64) {
	tb.Helper()
	if err := os.Truncate(path, length); err != nil {
		tb.Fatal(err)
	}
}

// faultyFile is a file whose writes or syncs fail when told.
type faultyFile struct {
	*os.File
	failWrite, failSync bool
}

var errDisk = errors.New("disk is gone")

func (f *faultyFile) WriteAt(p []byte, at int64) (int, error) {
	if f.failWrite {
		// Half of it reaches the disk.
		n, _ := f.File.WriteAt(p[:len(p)/2], at)
		return n, errDisk
	}
	return f.File.WriteAt(p, at)
}

func (f *faultyFile) Sync() error {
	if f.failSync {
		return errDisk
	}
	return f.File.Sync()
}

func TestRecordsStopAtTheFirstFault(t *testing.T) {
	faults := map[string]func(f *faultyFile, on bool){
		"write": func(f *faultyFile, on bool) { f.failWrite = on },
		"sync":  func(f *faultyFile, on bool) { f.failSync = on },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history")
			file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			f := &faultyFile{File: file}
			r, err := table.NewRecordsFile(f, recordSize, 0)
			if err != nil {
				t.Fatal(err)
			}
			mustAppend(t, r, 1, 3)
			if err := r.Sync(); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, r, 4, 6)
			fault(f, true)
			if err := r.Sync(); !errors.Is(err, errDisk) {
				t.Fatalf("sync: %v", err)
			}
			// The disk works again and is not believed.
			fault(f, false)
			if err := r.Sync(); !errors.Is(err, errDisk) {
				t.Fatalf("second sync: %v", err)
			}
			if err := r.Append(record(7)); !errors.Is(err, errDisk) {
				t.Fatalf("append: %v", err)
			}
			if _, err := r.At(1); !errors.Is(err, errDisk) {
				t.Fatalf("read: %v", err)
			}
			if err := r.Close(); !errors.Is(err, errDisk) {
				t.Fatalf("close: %v", err)
			}
			r = mustOpenRecords(t, path, 3)
			wantRecords(t, r, 3)
			mustClose(t, r)
		})
	}
}
