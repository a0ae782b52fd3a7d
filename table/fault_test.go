package table_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// memoryFile is a table.File in memory that knows what was synced, so that a crash can lose the
// rest.
type memoryFile struct {
	disk *disk

	bytes        sync.Mutex // guards both
	data, synced []byte
}

// newMemoryFile returns a file on a disk without faults.
func newMemoryFile(data []byte) *memoryFile {
	return newDisk(image{history: data}, nil).history
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	f.bytes.Lock()
	defer f.bytes.Unlock()
	if offset >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, offset int64) (int, error) {
	wrote, err := f.disk.write(len(p))
	f.bytes.Lock()
	defer f.bytes.Unlock()
	if grow := int(offset) + wrote - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	return copy(f.data[offset:], p[:wrote]), err
}

func (f *memoryFile) Truncate(size int64) error {
	f.disk.tick()
	f.bytes.Lock()
	defer f.bytes.Unlock()
	f.data = append(f.data[:min(size, int64(len(f.data)))],
		make([]byte, max(0, size-int64(len(f.data))))...)
	return nil
}

func (f *memoryFile) Sync() error {
	if f.disk.syncIsLost() {
		return nil
	}
	f.bytes.Lock()
	defer f.bytes.Unlock()
	f.synced = append(f.synced[:0], f.data...)
	return nil
}

func (f *memoryFile) Stat() (os.FileInfo, error) {
	f.bytes.Lock()
	defer f.bytes.Unlock()
	file := vfs.NewMemFile(bytes.Clone(f.data))
	return file.Stat()
}

func (f *memoryFile) Close() error { return nil }

// crashed returns what a crash leaves: what was synced, and of each later sector and length the
// older or the newer.
func (f *memoryFile) crashed(unsyncedPercent int, random *rand.Rand) []byte {
	f.bytes.Lock()
	defer f.bytes.Unlock()
	left := slices.Clone(f.synced)
	if random.IntN(100) < unsyncedPercent {
		left = append(left, make([]byte, max(0, len(f.data)-len(left)))...)
		left = left[:len(f.data)]
	}
	for at := 0; at < min(len(left), len(f.data)); at += sectorBytes {
		if random.IntN(100) < unsyncedPercent {
			copy(left[at:min(at+sectorBytes, len(left))], f.data[at:])
		}
	}
	return left
}

// disk is a file system for Pebble and a file for records in memory, which fail as disks do.
// Its faults are chosen before it is used.
type disk struct {
	vfs.FS  // memory, behind faults
	memory  *vfs.MemFS
	history *memoryFile

	// crashAt is the write at which the power goes; 0 is never. What is done after it reaches
	// nothing: the image is taken.
	crashAt int
	// fullAt is the write from which on the disk is full; 0 is never.
	fullAt int
	// lostSyncs is the share of syncs, in percent, that do nothing and report success.
	lostSyncs int

	state  sync.Mutex // guards all below
	random *rand.Rand
	writes int
	// image is what a crash has left.
	image *image
}

// image is the content of a disk.
type image struct {
	files   *vfs.MemFS
	history []byte
}

func newDisk(from image, random *rand.Rand) *disk {
	d := &disk{memory: from.files, random: random}
	d.history = &memoryFile{
		disk: d, data: slices.Clone(from.history), synced: slices.Clone(from.history),
	}
	d.FS = faultyFS{FS: d.memory, disk: d}
	return d
}

// tick counts an operation that changes the disk, and crashes before it if it is time.
func (d *disk) tick() {
	d.state.Lock()
	defer d.state.Unlock()
	d.writes++
	if d.writes == d.crashAt {
		d.crash()
	}
}

// crash takes the image. The caller holds state.
func (d *disk) crash() {
	if d.image != nil {
		return
	}
	percent := []int{0, 30, 70, 100}[d.random.IntN(4)]
	d.image = &image{
		files: d.memory.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: percent, RNG: d.random,
		}),
		history: d.history.crashed(percent, d.random),
	}
	d.fullAt, d.lostSyncs = 0, 0
}

// left crashes the disk now, unless it has, and returns what is left.
func (d *disk) left() image {
	d.state.Lock()
	defer d.state.Unlock()
	d.crash()
	return *d.image
}

// isDown says whether the power is gone.
func (d *disk) isDown() bool {
	d.state.Lock()
	defer d.state.Unlock()
	return d.image != nil
}

// isFull says whether the disk is full.
func (d *disk) isFull() bool {
	d.state.Lock()
	defer d.state.Unlock()
	return d.fullAt > 0 && d.writes >= d.fullAt
}

// write says how many of some bytes can be written: on a full disk the first half.
func (d *disk) write(count int) (int, error) {
	d.tick()
	d.state.Lock()
	defer d.state.Unlock()
	if d.fullAt > 0 && d.writes >= d.fullAt {
		return count / 2, syscall.ENOSPC
	}
	return count, nil
}

// syncIsLost counts a sync and says whether it is to do nothing.
func (d *disk) syncIsLost() bool {
	d.tick()
	d.state.Lock()
	defer d.state.Unlock()
	return d.lostSyncs > 0 && d.random.IntN(100) < d.lostSyncs
}

// faultyFS puts the faults of a disk before a file system.
type faultyFS struct {
	vfs.FS
	disk *disk
}

func (f faultyFS) wrap(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return faultyVFSFile{File: file, disk: f.disk}, nil
}

func (f faultyFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if _, err := f.disk.write(0); err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return f.wrap(f.FS.Create(name, category))
}

func (f faultyFS) OpenDir(name string) (vfs.File, error) { return f.wrap(f.FS.OpenDir(name)) }

func (f faultyFS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption,
) (vfs.File, error) {
	return f.wrap(f.FS.OpenReadWrite(name, category, options...))
}

func (f faultyFS) ReuseForWrite(
	from, to string, category vfs.DiskWriteCategory,
) (vfs.File, error) {
	f.disk.tick()
	return f.wrap(f.FS.ReuseForWrite(from, to, category))
}

func (f faultyFS) Link(from, to string) error {
	if _, err := f.disk.write(0); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	return f.FS.Link(from, to)
}

func (f faultyFS) Rename(from, to string) error {
	f.disk.tick()
	return f.FS.Rename(from, to)
}

func (f faultyFS) Remove(name string) error {
	f.disk.tick()
	return f.FS.Remove(name)
}

func (f faultyFS) RemoveAll(name string) error {
	f.disk.tick()
	return f.FS.RemoveAll(name)
}

func (f faultyFS) Unwrap() vfs.FS { return f.FS }

// faultyVFSFile puts them before a file.
type faultyVFSFile struct {
	vfs.File
	disk *disk
}

func (f faultyVFSFile) Write(p []byte) (int, error) {
	wrote, err := f.disk.write(len(p))
	if _, failed := f.File.Write(p[:wrote]); failed != nil {
		return 0, failed
	}
	return wrote, err
}

func (f faultyVFSFile) WriteAt(p []byte, offset int64) (int, error) {
	wrote, err := f.disk.write(len(p))
	if _, failed := f.File.WriteAt(p[:wrote], offset); failed != nil {
		return 0, failed
	}
	return wrote, err
}

func (f faultyVFSFile) Sync() error {
	if f.disk.syncIsLost() {
		return nil
	}
	return f.File.Sync()
}

func (f faultyVFSFile) SyncData() error { return f.Sync() }

// flip changes one bit somewhere in an image, except in live tables, which are never read again.
func (i *image) flip(random *rand.Rand) error {
	var names []string
	var walk func(dir string) error
	walk = func(dir string) error {
		entries, err := i.files.List(dir)
		if err != nil {
			return err
		}
		slices.Sort(entries)
		for _, entry := range entries {
			path := i.files.PathJoin(dir, entry)
			info, err := i.files.Stat(path)
			if err != nil {
				return err
			}
			if info.IsDir() {
				err = walk(path)
			} else if info.Size() > 0 {
				names = append(names, path)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk("/cuts"); err != nil {
		return err
	}
	at := random.IntN(len(names) + 1)
	if at == len(names) {
		if len(i.history) > 0 {
			i.history[random.IntN(len(i.history))] ^= 1 << random.IntN(8)
		}
		return nil
	}
	file, err := i.files.OpenReadWrite(names[at], vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	one := make([]byte, 1)
	offset := random.Int64N(info.Size())
	if _, err := file.ReadAt(one, offset); err != nil {
		return err
	}
	one[0] ^= 1 << random.IntN(8)
	_, err = file.WriteAt(one, offset)
	return errors.Join(err, file.Sync(), file.Close())
}
