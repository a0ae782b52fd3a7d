package table_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"seyfert/table"
)

// slowFile is a file whose writes or syncs wait for a door to open; nil doors are open.
type slowFile struct {
	*os.File
	writes, syncs chan struct{}
}

func (f *slowFile) WriteAt(p []byte, at int64) (int, error) {
	if f.writes != nil && at > 0 {
		<-f.writes
	}
	return f.File.WriteAt(p, at)
}

func (f *slowFile) Sync() error {
	if f.syncs != nil {
		<-f.syncs
	}
	return f.File.Sync()
}

func mustOpenSlow(tb testing.TB, f *slowFile) *table.RecordsFile {
	tb.Helper()
	var err error
	f.File, err = os.Create(filepath.Join(tb.TempDir(), "history"))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := table.NewRecordsFile(f, recordSize, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// TestAppendWaitsOnlyAtTheBacklog holds back a disk that writes nothing at all.
func TestAppendWaitsOnlyAtTheBacklog(t *testing.T) {
	disk := &slowFile{writes: make(chan struct{})}
	r := mustOpenSlow(t, disk)
	const fits = table.RecordsBacklogMax / filedSize / 100 * 99
	many := bytes.Repeat(record(7), 1000)
	appended := uint64(0)
	for appended+1000 <= fits {
		if err := r.AppendMany(many); err != nil {
			t.Fatal(err)
		}
		appended += 1000
	}
	synced := make(chan error, 1)
	go func() { synced <- r.Sync() }()
	for number := uint64(1); number <= appended; number += 997 {
		wantSeven(t, r, number)
	}

	over := make(chan error, 1)
	go func() {
		for range 5 {
			if err := r.AppendMany(many); err != nil {
				over <- err
				return
			}
		}
		over <- nil
	}()
	select {
	case err := <-over:
		t.Fatalf("more than the backlog was taken: %v", err)
	case <-synced:
		t.Fatal("synced what was not written")
	case <-time.After(50 * time.Millisecond):
	}
	close(disk.writes)
	for _, done := range []chan error{over, synced} {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Sync(); err != nil {
		t.Fatal(err)
	}
	for number := uint64(1); number <= r.Len(); number += 997 {
		wantSeven(t, r, number)
	}
	mustClose(t, r)
}

func wantSeven(tb testing.TB, r table.Records, number uint64) {
	tb.Helper()
	if got, err := r.At(number); err != nil || !bytes.Equal(got, record(7)) {
		tb.Fatalf("record %d reads %x, %v", number, got, err)
	}
}

func TestAppendGoesOnDuringASync(t *testing.T) {
	disk := &slowFile{syncs: make(chan struct{})}
	r := mustOpenSlow(t, disk)
	mustAppend(t, r, 1, 10)
	synced := make(chan error, 1)
	go func() { synced <- r.Sync() }()
	// More than the backlog in all: written out while the sync is under way.
	const count = 2 * table.RecordsBacklogMax / filedSize
	mustAppend(t, r, 11, count)
	select {
	case <-synced:
		t.Fatal("a sync ended before the disk's")
	default:
	}
	close(disk.syncs)
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	wantRead(t, r, count-50, 100)
	mustClose(t, r)
}

// TestReadsBesideAppend reads old, new and just appended records while others come.
func TestReadsBesideAppend(t *testing.T) {
	r := mustOpenRecords(t, filepath.Join(t.TempDir(), "history"), 0)
	mustAppend(t, r, 1, 1)
	const count = 100_000
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			into := make([]byte, 600*recordSize)
			for at := uint64(1); ; at = at*31%count + 1 {
				select {
				case <-stop:
					return
				default:
				}
				for _, first := range []uint64{min(at, r.Len()), r.Len() - min(at%64, r.Len()-1)} {
					got, err := r.At(first)
					if err != nil || !bytes.Equal(got, record(first)) {
						t.Errorf("record %d reads %x, %v", first, got, err)
					}
					read, err := r.Read(first, into)
					last := into[max(read-1, 0)*recordSize : max(read, 1)*recordSize]
					if err != nil || !bytes.Equal(last, record(first+uint64(read)-1)) {
						t.Errorf("%d records from %d, the last %x, %v", read, first, last, err)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
	for number := uint64(2); number <= count; number++ {
		if err := r.Append(record(number)); err != nil {
			t.Fatal(err)
		}
		if number%9973 == 0 {
			if err := r.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	readers.Wait()
	mustClose(t, r)
}

// TestDamagedRecordsAreFound changes one bit after the other, and puts records in others'
// places.
func TestDamagedRecordsAreFound(t *testing.T) {
	for _, size := range []int{32, 64, 150} {
		t.Run(fmt.Sprint(size), func(t *testing.T) { findDamage(t, size) })
	}
}

// numbered returns records of a size, each filled with its number.
func numbered(size int, first, count byte) []byte {
	var all []byte
	for number := first; number < first+count; number++ {
		all = append(all, bytes.Repeat([]byte{number}, size)...)
	}
	return all
}

func findDamage(t *testing.T, size int) {
	file := newMemoryFile(nil)
	r, err := table.NewRecordsFile(file, size, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.AppendMany(numbered(size, 1, 3)), r.Sync(), r.Close()); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(file.data)
	refuse := func(what string, damaged []byte) {
		t.Helper()
		if _, err := table.NewRecordsFile(newMemoryFile(damaged), size, 3); err == nil {
			t.Fatalf("%s: opened", what)
		}
	}
	for bit := range 8 * len(whole) {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		refuse(fmt.Sprintf("bit %d changed", bit), damaged)
	}
	filed := (len(whole) - recordsHead) / 3
	first, second := recordsHead, recordsHead+filed
	swapped := bytes.Clone(whole)
	copy(swapped[first:], whole[second:second+filed])
	copy(swapped[second:], whole[first:second])
	refuse("swapped records", swapped)
	refuse("a page never written", append(whole[:second:second], make([]byte, 2*filed)...))
	refuse("a shorter file", whole[:len(whole)-1])

	// Damage that comes while the file is open is met by the read.
	file = newMemoryFile(whole)
	if r, err = table.NewRecordsFile(file, size, 3); err != nil {
		t.Fatal(err)
	}
	copy(file.data, swapped)
	if _, err := r.At(2); err == nil {
		t.Fatal("a record was read in another's place")
	}
	if _, err := r.Read(1, make([]byte, 3*size)); err == nil {
		t.Fatal("records were read in others' places")
	}
	if err := r.Check(1, 3); err == nil {
		t.Fatal("damage was not found")
	}
	if err := r.Check(3, 3); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(1, 4); err == nil {
		t.Fatal("a record that is not there was checked")
	}
	mustClose(t, r)
}
