package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"seyfert/table"
)

var (
	crashCycles = flag.Int("cycles", 300, "lives that TestCrashes ends")
	crashSeed   = flag.Uint64("seed", 1, "where TestCrashes draws its faults from")
)

// TestCrashes lets a store and its history live and die on one disk again and again, with cuts
// of both as a node makes them, while the disk tears, forgets, flips bits and fills up. After
// each death the newest cut opens with exactly what it held, or is refused: never with
// anything else. A disk that only crashes or fills up loses no finished cut.
func TestCrashes(t *testing.T) {
	w := &world{t: t}
	from := w.found()
	cycles := *crashCycles
	if testing.Short() {
		cycles /= 5 // the race detector slows all of it down
	}
	for cycle := range cycles {
		w.what = fmt.Sprintf("seed %d, cycle %d", *crashSeed, cycle)
		from = w.live(from, rand.New(rand.NewPCG(*crashSeed, uint64(cycle))))
		if t.Failed() {
			return
		}
		if w.kept > crashStepsMax { // a life takes longer with each step before it
			from = w.found()
		}
	}
	t.Logf("%d lives: %d opened at the newest cut, %d at the one before, %d had to begin anew, "+
		"%d died while opening; %d cuts made, %d disturbed",
		cycles, w.opened, w.fellBack, w.anew, w.stillborn, w.cuts, w.disturbed)
}

// world is what the test knows of its disk.
type world struct {
	t    *testing.T
	what string // which life, for failures
	// kept is the newest cut that must open after a crash.
	kept uint64

	tables  *table.Pebble
	history *table.RecordsFile

	opened, fellBack, anew, stillborn, cuts, disturbed int
}

func (w *world) fail(format string, args ...any) {
	w.t.Errorf("%s: %s", w.what, fmt.Sprintf(format, args...))
}

// found returns a new disk.
func (w *world) found() image {
	w.kept = 0
	fs := vfs.NewCrashableMem()
	if err := errors.Join(fs.MkdirAll("/cuts", 0o700), syncDir(fs, "/")); err != nil {
		w.t.Fatal(err)
	}
	return image{files: fs}
}

func syncDir(fs vfs.FS, path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// live opens the newest cut of an image, works on it with some fault, and returns what is left.
func (w *world) live(from image, random *rand.Rand) image {
	// What runs in the background draws from the disk's own source.
	d := newDisk(from, rand.New(rand.NewPCG(random.Uint64(), random.Uint64())))
	honest := true
	d.crashAt = 1 + random.IntN(3000)
	switch random.IntN(10) {
	case 0, 1:
		d.lostSyncs, honest = 1+random.IntN(60), false
	case 2:
		d.fullAt = 1 + random.IntN(2000)
	}
	flips := 0
	if random.IntN(6) == 0 {
		flips, honest = 1+random.IntN(3), false
	}
	if n, ok := w.open(d); ok {
		w.kept = n
		w.work(d, n, random)
		w.close()
	} else {
		w.stillborn++
	}
	left := d.left()
	for range flips {
		if err := left.flip(random); err != nil {
			w.fail("flip: %v", err)
		}
	}
	if !honest {
		w.kept = 0
	}
	return left
}

// open opens the newest cut that is whole; ok is false if the disk failed meanwhile.
func (w *world) open(d *disk) (n uint64, ok bool) {
	names, err := d.List("/cuts")
	if err = errors.Join(err, d.RemoveAll("/live")); err != nil {
		w.fail("begin to open: %v", err)
		return 0, false
	}
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) != cutNameBytes })
	slices.Sort(names)
	for tried, name := range slices.Backward(names) {
		n, err := w.openCut(d, name)
		if err == nil {
			if tried == len(names)-1 {
				w.opened++
			} else {
				w.fellBack++
			}
			return n, true
		}
		if d.isDown() || d.isFull() {
			return 0, false
		}
		if number := cutNumber(name); number == w.kept && number > 0 {
			w.fail("cut %d was whole and is refused: %v", number, err)
			return 0, false
		}
		// It will never open again, and must not be taken for a good one.
		if err := d.RemoveAll("/cuts/" + name); err != nil {
			w.fail("remove cut: %v", err)
		}
	}
	if w.kept > 0 {
		w.fail("cut %d is gone", w.kept)
		return 0, false
	}
	w.anew++
	return 0, d.history.Truncate(0) == nil && w.openFiles(d, "", 0) == nil
}

// openCut opens a cut and compares all that is in it.
func (w *world) openCut(d *disk, name string) (n uint64, err error) {
	if n, err = readManifest(d, "/cuts/"+name); err != nil {
		return 0, err
	}
	if n != cutNumber(name) {
		return 0, errors.New("a manifest of another cut")
	}
	if err := table.VerifyCheckpointOn(d, "/cuts/"+name+"/tables"); err != nil {
		return 0, err
	}
	if err := w.openFiles(d, "/cuts/"+name+"/tables", n); err != nil {
		return 0, err
	}
	if err := w.compare(n); err != nil {
		w.close()
		return 0, err
	}
	return n, nil
}

func (w *world) openFiles(d *disk, tables string, n uint64) (err error) {
	live := fmt.Sprint("/live/", n) // a damaged store may still hold the lock of its own
	if err := errors.Join(d.RemoveAll(live), d.MkdirAll("/live", 0o700)); err != nil {
		return err
	}
	if tables != "" {
		if err := table.CloneCheckpointOn(d, tables, live); err != nil {
			return err
		}
	}
	if w.tables, err = table.OpenPebbleOn(d, live); err != nil {
		return err
	}
	if w.history, err = table.NewRecordsFile(d.history, recordSize, n); err != nil {
		return errors.Join(err, w.tables.Close())
	}
	return nil
}

func (w *world) close() {
	_ = w.tables.Close() // fails if the disk was full
	_ = w.history.Close()
}

// crashStepsMax is the number of steps after which a disk is replaced.
const crashStepsMax = 3000

// crashKeys is the number of rows that the work writes over and over.
const crashKeys = 97

// stepRow is what the n-th step does to the rows.
func stepRow(n uint64) (key, value []byte, deleted bool) {
	key = binary.BigEndian.AppendUint64([]byte{'r'}, n%crashKeys)
	value = binary.BigEndian.AppendUint64(nil, n)
	return key, append(value, make([]byte, n*31%400)...), n%5 == 0
}

// stepID is the id that the n-th step adds.
func stepID(n uint64) []byte {
	hash := fnv.New64a()
	hash.Write(binary.BigEndian.AppendUint64(nil, n))
	return idKey(hash.Sum64(), n)
}

// compare fails the test if anything is in the store that was not there after n steps, or the
// other way round. It returns an error if something cannot be read.
func (w *world) compare(n uint64) error {
	want := make(map[string][]byte)
	for i := n - min(n, crashKeys-1); i <= n; i++ {
		if key, value, deleted := stepRow(i); i > 0 && !deleted {
			want[string(key)] = value
		}
	}
	ids := uint64(0)
	err := w.tables.Scan(nil, nil, func(key, value []byte) bool {
		if key[0] == 'i' {
			ids++
			number := binary.BigEndian.Uint64(value)
			if number == 0 || number > n || !bytes.Equal(key, stepID(number)) {
				w.fail("after %d steps id %x is %d", n, key, number)
			}
			return true
		}
		if !bytes.Equal(want[string(key)], value) {
			w.fail("after %d steps row %x is %x, want %x", n, key, value, want[string(key)])
		}
		delete(want, string(key))
		return true
	})
	if err != nil {
		return err
	}
	if ids != n || len(want) > 0 {
		w.fail("after %d steps %d ids, and %d rows are missing", n, ids, len(want))
	}
	// Some keys one by one, which reads the filters of all tables.
	for i := uint64(1); i <= n; i += 1 + n/300 {
		if _, ok, err := w.tables.Get(stepID(i)); err != nil {
			return err
		} else if !ok {
			w.fail("after %d steps id of %d is missing", n, i)
		}
		key, _, _ := stepRow(i)
		if _, _, err := w.tables.Get(key); err != nil {
			return err
		}
	}
	return w.compareHistory(n)
}

func (w *world) compareHistory(n uint64) error {
	if n == 0 {
		return nil
	}
	into := make([]byte, int(n)*recordSize)
	if read, err := w.history.Read(1, into); err != nil || uint64(read) != n {
		return errors.Join(err, fmt.Errorf("%d records of %d", read, n))
	}
	for i := range n {
		if got := into[i*recordSize : (i+1)*recordSize]; !bytes.Equal(got, record(i+1)) {
			w.fail("after %d steps record %d is %x", n, i+1, got)
			break
		}
	}
	return nil
}

// work applies steps after the n-th and makes cuts of them in the background, until the disk
// fails or it is enough.
func (w *world) work(d *disk, n uint64, random *rand.Rand) {
	var cutting sync.WaitGroup
	defer cutting.Wait()
	var ids [][]byte // since the last cut
	var underway chan uint64
	due := n + uint64(1+random.IntN(100))
	for end := n + uint64(random.IntN(500)); n < end && !d.isDown(); {
		n++
		var writes table.Writes
		if key, value, deleted := stepRow(n); deleted {
			writes.Delete(key)
		} else {
			writes.Put(key, value)
		}
		if w.history.Append(record(n)) != nil || w.tables.Apply(&writes) != nil {
			return
		}
		ids = append(ids, stepID(n))
		select {
		case done := <-underway:
			w.kept, underway = max(w.kept, done), nil
		default:
		}
		if n < due || underway != nil {
			continue
		}
		due = n + uint64(1+random.IntN(100))
		c, err := w.tables.BeginCheckpoint()
		if err != nil {
			return
		}
		cut := &cut{world: w, disk: d, checkpoint: c, number: n, ids: ids}
		ids, underway = nil, make(chan uint64, 1)
		cutting.Go(func() { cut.make(underway) })
	}
	if underway != nil {
		w.kept = max(w.kept, <-underway)
	}
}
