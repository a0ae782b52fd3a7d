package mirror_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"

	"seyfert/signer"
)

// errDead is what a process gets from a disk after its machine lost power.
var errDead = errors.New("the machine lost power")

// disk is what outlives a process: the signer journal, the terms and the members' keys.
type disk struct {
	file  []byte
	terms []byte
	names *signer.NameMemory
}

// handle is one process's use of a disk. After a loss of power it changes nothing any more.
type handle struct {
	disk   *disk
	random *rand.Rand

	mu   sync.Mutex // guards the rest: journal and keys are written side by side
	dead bool
	// fuse counts the writes until the power goes in the middle of one; 0 is never.
	fuse int
	// lies makes the disk forget what it said was durable: the last writes are lost with the power.
	lies   bool
	synced int
}

// burns tells whether the power goes during this write, and then whether it still happens. The
// caller holds mu.
func (h *handle) burns() (now, written bool) {
	if h.fuse > 0 {
		h.fuse--
		if h.fuse == 0 {
			h.dead = true
			return true, h.random.IntN(2) == 0
		}
	}
	return false, true
}

// off tells whether the power went.
func (h *handle) off() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dead
}

// light makes the power go in the middle of the nth write from now, or of none.
func (h *handle) light(nth int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fuse = nth
}

// file returns the journal's bytes, which the caller does not change.
func (h *handle) file() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.disk.file
}

// write does a write that happens whole or not at all.
func (h *handle) write(do func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		return errDead
	}
	now, written := h.burns()
	if written {
		do()
	}
	if now {
		return errDead
	}
	return nil
}

// journal is a handle's signer journal.
type journal struct{ *handle }

// ReadAt implements signer.JournalFile.
func (j journal) ReadAt(p []byte, offset int64) (int, error) {
	data := j.file()
	n := copy(p, data[min(offset, int64(len(data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size implements signer.JournalFile.
func (j journal) Size() (int64, error) { return int64(len(j.file())), nil }

// Append implements signer.JournalFile. A loss of power leaves some of the sectors.
func (j journal) Append(p []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dead {
		return errDead
	}
	now, _ := j.burns()
	if !now {
		j.disk.file = append(j.disk.file, p...)
		if !j.lies {
			j.synced = len(j.disk.file)
		}
		return nil
	}
	torn := append([]byte(nil), p...)
	switch j.random.IntN(3) {
	case 0: // the beginning alone
		torn = torn[:j.random.IntN(len(torn))]
	case 1: // a sector was never written
		at := j.random.IntN(len(torn))
		begin := max(0, at-(len(j.disk.file)+at)%512)
		clear(torn[begin:min(len(torn), begin+512)])
	}
	j.disk.file = append(j.disk.file, torn...)
	return errDead
}

// Truncate implements signer.JournalFile.
func (j journal) Truncate(size int64) error {
	return j.write(func() { j.disk.file = j.disk.file[:size:size] })
}

// termFile is a handle's mirror.TermFile.
type termFile struct{ *handle }

// Load implements mirror.TermFile.
func (t termFile) Load() ([]byte, error) { return t.disk.terms, nil }

// Save implements mirror.TermFile.
func (t termFile) Save(data []byte) error {
	return t.write(func() { t.disk.terms = append([]byte(nil), data...) })
}

// memberKeys is a handle's signer.NameStore.
type memberKeys struct{ *handle }

// Load implements signer.NameStore.
func (n memberKeys) Load(id string) ([32]byte, bool, error) { return n.disk.names.Load(id) }

// Keys implements signer.NameStore.
func (n memberKeys) Keys(id string) ([][32]byte, error) { return n.disk.names.Keys(id) }

// List implements signer.NameStore.
func (n memberKeys) List() ([]string, error) { return n.disk.names.List() }

// Save implements signer.NameStore.
func (n memberKeys) Save(id string, key [32]byte) error {
	var err error
	power := n.write(func() { err = n.disk.names.Save(id, key) })
	return errors.Join(power, err)
}

// Destroy implements signer.NameStore.
func (n memberKeys) Destroy(id string) error {
	var err error
	power := n.write(func() { err = n.disk.names.Destroy(id) })
	return errors.Join(power, err)
}
