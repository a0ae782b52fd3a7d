package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrDisturbed is what Finish answers when rows that were applied after Begin have reached the
// files as well: so many that the store could hold them back no longer. There is no
// checkpoint then, the store is whole, and a later one may succeed.
var ErrDisturbed = errors.New("table: rows applied later are in the files of the checkpoint")

// Checkpoint is a checkpoint on its way: its content is fixed, its files are not there yet.
//
// How the content is fixed: with the library's write-ahead log off, files hold what was
// flushed, and rows are flushed in the order in which they were applied. Begin closes the
// table in memory (memtable), so that the rows applied so far and those applied later are
// never in one, and writes a stamp before and another after. Flushes of what came later wait
// until Finish. In the end Finish looks at the stamp in the files: if it is the first one,
// they hold all rows up to Begin and none after.
type Checkpoint struct {
	store  *Pebble
	before [stampSize]byte
	// flushed is closed when all rows up to Begin are in files.
	flushed <-chan struct{}

	release sync.Once
	// over is closed when later flushes need not wait any longer.
	over chan struct{}
	// disturbed says that the files will not hold what was ingested.
	disturbed atomic.Bool
}

// stampSize is the length of a stamp: the number of the checkpoint and 0 before it, 1 after.
const stampSize = 9

// stampKey is the key of the stamp. It is longer than any row's key can be, and reads never
// show it.
func stampKey() []byte { return make([]byte, KeyMax+1) }

// BeginCheckpoint fixes the content of a checkpoint: every row that is applied now. It waits
// for no file, and is called by the goroutine that applies rows, or while that one rests. One
// checkpoint may be on its way at a time, and Finish or Abandon must end it.
func (p *Pebble) BeginCheckpoint() (*Checkpoint, error) {
	if err := p.err(); err != nil {
		return nil, err
	}
	if p.cut.Load() != nil {
		return nil, errors.New("begin checkpoint: one is on its way")
	}
	p.cuts++
	c := &Checkpoint{store: p, over: make(chan struct{})}
	binary.BigEndian.PutUint64(c.before[:], p.cuts)
	after := c.before
	after[stampSize-1] = 1
	err := p.unlessBroken(func() (err error) {
		if err := p.db.Set(stampKey(), c.before[:], pebble.NoSync); err != nil {
			return err
		}
		if c.flushed, err = p.db.AsyncFlush(); err != nil {
			return err
		}
		return p.db.Set(stampKey(), after[:], pebble.NoSync)
	})
	if err != nil {
		return nil, fmt.Errorf("begin checkpoint: %w", err)
	}
	p.cut.Store(c)
	return c, nil
}

// Finish writes the checkpoint into dir, which must not exist, and syncs it. Sorted tables are
// hard links, so both sides must lie on one file system. A checkpoint is never opened for
// writing: CloneCheckpoint makes a live store of it.
//
// It holds the rows that were applied at Begin, plus all keys that an Ingest has brought in
// since then and had returned before this call. It may be called from any goroutine, beside
// Apply, and ends c even when it fails. After ErrDisturbed, dir does not exist.
func (c *Checkpoint) Finish(dir string) error {
	defer c.end()
	return c.store.unlessBroken(func() error {
		if err := c.write(dir); err != nil {
			return fmt.Errorf("checkpoint tables: %w", err)
		}
		return nil
	})
}

func (c *Checkpoint) write(dir string) error {
	p := c.store
	<-c.flushed
	if err := p.db.Checkpoint(dir); err != nil {
		return err
	}
	stamp, err := p.filedStamp()
	if err == nil && (c.disturbed.Load() || !bytes.Equal(stamp, c.before[:])) {
		err = ErrDisturbed
	}
	if err == nil {
		err = errors.Join(dropLogs(p.fs, dir), seal(p.fs, dir))
	}
	if err != nil {
		return errors.Join(err, p.fs.RemoveAll(dir))
	}
	return nil
}

// dropLogs removes write-ahead logs. They are empty, but Open would replay and flush them, and
// start compactions before it knows that it will succeed.
func dropLogs(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	for _, name := range names {
		if filepath.Ext(name) == ".log" {
			err = errors.Join(err, fs.Remove(fs.PathJoin(dir, name)))
		}
	}
	return err
}

// Abandon ends a checkpoint that will not be finished. After Finish it does nothing.
func (c *Checkpoint) Abandon() { c.end() }

// Checkpoint is BeginCheckpoint and Finish in one.
func (p *Pebble) Checkpoint(dir string) error {
	c, err := p.BeginCheckpoint()
	if err != nil {
		return err
	}
	return c.Finish(dir)
}

// filedStamp reads the newest stamp that is in files, whatever is in memory.
func (p *Pebble) filedStamp() (stamp []byte, err error) {
	rows, err := p.db.NewIter(&pebble.IterOptions{OnlyReadGuaranteedDurable: true})
	if err != nil {
		return nil, err
	}
	if rows.SeekGE(stampKey()) && len(rows.Key()) > KeyMax {
		stamp = append(stamp, rows.Value()...)
	}
	return stamp, rows.Close()
}

// end lets later flushes go and makes room for the next checkpoint.
func (c *Checkpoint) end() {
	c.letGo()
	c.store.cut.CompareAndSwap(c, nil)
}

func (c *Checkpoint) letGo() { c.release.Do(func() { close(c.over) }) }

// onTable is called before a new sorted table is written. A flush of what came after Begin
// waits here. The library flushes one thing at a time, so that a flush which begins when
// flushed is closed holds none of the checkpoint's rows.
func (p *Pebble) onTable(info pebble.TableCreateInfo) {
	c := p.cut.Load()
	if info.Reason != "flushing" || c == nil {
		return
	}
	select {
	case <-c.flushed:
	default:
		return
	}
	select {
	case <-c.over:
	case <-p.broken:
	}
}

// onStall is called before Apply waits for a flush. That flush must not wait for a checkpoint
// whose caller may in turn wait for Apply.
func (p *Pebble) onStall(pebble.WriteStallBeginInfo) {
	if c := p.cut.Load(); c != nil {
		c.letGo()
	}
}
