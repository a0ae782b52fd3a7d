package wal

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
)

// Disk is a directory in memory that fails like a disk: it loses what was not synced, sector by
// sector, tears writes, runs full, lies about syncs and changes bits. It implements Files, for
// tests and simulation.
type Disk struct {
	state    sync.Mutex // guards all below
	files    map[string]*diskFile
	bytesMax int64
	broken   func(op Op) Fault
	dead     bool
}

// Op is what is asked of a disk.
type Op struct {
	// Name is the file. Of a write, At and Length say where; Length is 0 for a sync.
	Name   string
	At     int64
	Length int
}

// Fault is what goes wrong with an Op; the zero value is nothing.
type Fault struct {
	// Err is what the caller is told. A write then leaves only its first Written bytes.
	Err     error
	Written int
	// Lost says that a sync is answered well and does nothing.
	Lost bool
}

// diskFile is one file. Sectors that were written and not synced have their old bytes in before.
type diskFile struct {
	name   string
	data   []byte
	before map[int][]byte
	// named says that a crash does not take the file away.
	named bool
	// size is the length that is synced.
	size int
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{files: map[string]*diskFile{}} }

// Break has fault asked before each write and sync from now on; nil ends that. It is called by
// one goroutine at a time and must not use the disk.
func (d *Disk) Break(fault func(op Op) Fault) {
	d.state.Lock()
	defer d.state.Unlock()
	d.broken = fault
}

// Limit bounds what the files may take together from now on; zero is no bound.
func (d *Disk) Limit(bytes int64) {
	d.state.Lock()
	defer d.state.Unlock()
	d.bytesMax = bytes
}

// Crash ends the use of the disk and returns it as a power cut leaves it: of what was not synced,
// each sector is there or is not. draw returns a number from 0 to n-1.
func (d *Disk) Crash(draw func(n int) int) *Disk {
	d.state.Lock()
	defer d.state.Unlock()
	d.dead = true
	after := NewDisk()
	for _, name := range d.names() {
		f := d.files[name]
		if !f.named && draw(2) == 0 {
			continue
		}
		data := append([]byte(nil), f.data...)
		last := f.size
		for sector := range (len(data) + sectorBytes - 1) / sectorBytes {
			old, changed := f.before[sector]
			if changed && draw(2) == 0 {
				copy(data[sector*sectorBytes:], old)
			} else if changed {
				last = max(last, min((sector+1)*sectorBytes, len(data)))
			}
		}
		data = data[:min(last, len(data))]
		after.files[name] = &diskFile{
			name: name, data: data, before: map[int][]byte{}, named: true, size: len(data),
		}
	}
	return after
}

// names lists the files in an order that does not change. The caller holds state.
func (d *Disk) names() []string {
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Flip changes one bit of a file, by its number.
func (d *Disk) Flip(name string, bit int) {
	d.state.Lock()
	defer d.state.Unlock()
	d.files[name].data[bit/8] ^= 1 << (bit % 8)
}

// Size returns the length of a file, 0 if it is not there.
func (d *Disk) Size(name string) int {
	d.state.Lock()
	defer d.state.Unlock()
	if f := d.files[name]; f != nil {
		return len(f.data)
	}
	return 0
}

// Open implements Files.
func (d *Disk) Open(name string) (File, error) {
	d.state.Lock()
	defer d.state.Unlock()
	if d.dead {
		return nil, syscall.EIO
	}
	if d.files[name] == nil {
		d.files[name] = &diskFile{name: name, before: map[int][]byte{}}
	}
	return &diskHandle{disk: d, file: d.files[name]}, nil
}

// Names implements Files.
func (d *Disk) Names() ([]string, error) {
	d.state.Lock()
	defer d.state.Unlock()
	return d.names(), nil
}

// Rename implements Files.
func (d *Disk) Rename(from, to string) error {
	d.state.Lock()
	defer d.state.Unlock()
	f := d.files[from]
	if d.dead || f == nil {
		return syscall.EIO
	}
	f.name, f.named = to, true
	d.files[to] = f
	delete(d.files, from)
	return nil
}

// Remove implements Files.
func (d *Disk) Remove(name string) error {
	d.state.Lock()
	defer d.state.Unlock()
	if d.dead || d.files[name] == nil {
		return syscall.EIO
	}
	delete(d.files, name)
	return nil
}

// diskHandle is an open file of a Disk.
type diskHandle struct {
	disk *Disk
	file *diskFile
}

// ReadAt implements File.
func (h *diskHandle) ReadAt(p []byte, at int64) (int, error) {
	h.disk.state.Lock()
	defer h.disk.state.Unlock()
	if at >= int64(len(h.file.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.file.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements File.
func (h *diskHandle) WriteAt(p []byte, at int64) (int, error) {
	h.disk.state.Lock()
	defer h.disk.state.Unlock()
	fault := h.disk.fault(Op{Name: h.file.name, At: at, Length: len(p)})
	if h.disk.dead {
		return 0, syscall.EIO
	}
	if fault.Err != nil {
		p = p[:min(fault.Written, len(p))]
	}
	if room := h.disk.room(h.file, at); room < int64(len(p)) {
		p, fault.Err = p[:max(room, 0)], syscall.ENOSPC
	}
	h.file.write(p, at)
	if fault.Err != nil {
		return len(p), fmt.Errorf("write %s: %w", h.file.name, fault.Err)
	}
	return len(p), nil
}

// room is how many bytes may be written at a place. The caller holds state.
func (d *Disk) room(of *diskFile, at int64) int64 {
	if d.bytesMax == 0 {
		return 1 << 62
	}
	free := d.bytesMax
	for _, f := range d.files {
		free -= int64(len(f.data))
	}
	return int64(len(of.data)) + max(free, 0) - at
}

func (f *diskFile) write(p []byte, at int64) {
	end := int(at) + len(p)
	if end > len(f.data) {
		f.data = append(f.data, make([]byte, end-len(f.data))...)
	}
	for sector := int(at) / sectorBytes; sector*sectorBytes < end; sector++ {
		if _, changed := f.before[sector]; !changed {
			from := sector * sectorBytes
			to := min(from+sectorBytes, len(f.data))
			f.before[sector] = append([]byte(nil), f.data[from:to]...)
		}
	}
	copy(f.data[at:], p)
}

// Sync implements File.
func (h *diskHandle) Sync() error {
	h.disk.state.Lock()
	defer h.disk.state.Unlock()
	fault := h.disk.fault(Op{Name: h.file.name})
	switch {
	case h.disk.dead:
		return syscall.EIO
	case fault.Err != nil:
		return fmt.Errorf("sync %s: %w", h.file.name, fault.Err)
	case !fault.Lost:
		clear(h.file.before)
		h.file.size = len(h.file.data)
	}
	return nil
}

// fault asks what goes wrong. The caller holds state.
func (d *Disk) fault(op Op) Fault {
	if d.broken == nil {
		return Fault{}
	}
	return d.broken(op)
}

// Close implements File.
func (h *diskHandle) Close() error { return nil }
