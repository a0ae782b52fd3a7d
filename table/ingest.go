package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ingestTableBytes is the size at which one sorted table of an Ingest ends and the next one
// begins. Only the tables of a run that overlap earlier ones have to be merged with them.
const ingestTableBytes = 8 << 20

// ingestLevel is the level of the store whose settings the tables are written with: the last,
// where they stay.
const ingestLevel = 6

// Ingest implements Store: the rows become sorted tables beside the others.
func (p *Pebble) Ingest(rows iter.Seq2[[]byte, []byte]) error {
	if err := p.err(); err != nil {
		return err
	}
	run := &run{store: p}
	err := eachAscending(rows, run.add)
	if err == nil {
		err = run.end()
	}
	if err != nil || len(run.paths) == 0 {
		return errors.Join(err, run.discard())
	}
	return p.take(run)
}

// take makes the tables of a run part of the store.
func (p *Pebble) take(run *run) error {
	return p.unlessBroken(func() error {
		stats, err := p.db.IngestWithStats(context.Background(), run.paths)
		if err != nil {
			return errors.Join(fmt.Errorf("ingest rows: %w", err), run.discard())
		}
		if c := p.cut.Load(); c != nil && stats.MemtableOverlappingFiles > 0 {
			// Rows of the range are in memory, against the contract, and the new tables
			// wait behind them: a checkpoint on its way would miss them.
			c.disturbed.Store(true)
		}
		return p.wrote()
	})
}

// eachAscending calls fn for each row and checks it: order, and the limits that hold for every
// row.
func eachAscending(rows iter.Seq2[[]byte, []byte], fn func(key, value []byte) error) error {
	var before []byte
	for key, value := range rows {
		if bytes.Compare(key, before) <= 0 {
			return fmt.Errorf("ingest rows: key %x does not follow %x", key, before)
		}
		if len(key) > KeyMax || len(value) > ValueMax {
			return fmt.Errorf("ingest rows: %d key bytes, %d value bytes: over the limit",
				len(key), len(value))
		}
		if err := fn(key, value); err != nil {
			return fmt.Errorf("ingest rows: %w", err)
		}
		before = append(before[:0], key...)
	}
	return nil
}

// run writes rows into sorted tables in files of their own.
type run struct {
	store *Pebble
	table *sstable.Writer // nil between tables
	paths []string
}

func (r *run) add(key, value []byte) error {
	if r.table != nil && r.table.Raw().EstimatedSize() >= ingestTableBytes {
		if err := r.end(); err != nil {
			return err
		}
	}
	if r.table == nil {
		if err := r.begin(); err != nil {
			return err
		}
	}
	return r.table.Set(key, value)
}

func (r *run) begin() error {
	p := r.store
	path := p.fs.PathJoin(p.dir, fmt.Sprintf("ingest-%d.tmp", p.runs.Add(1)))
	file, err := p.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	r.paths = append(r.paths, path)
	r.table = sstable.NewWriter(objstorageprovider.NewFileWritable(file),
		p.options.MakeWriterOptions(ingestLevel, p.db.TableFormat()))
	return nil
}

// end finishes the table on its way, if there is one, and syncs it.
func (r *run) end() error {
	if r.table == nil {
		return nil
	}
	table := r.table
	r.table = nil
	return table.Close()
}

// discard removes what was written.
func (r *run) discard() error {
	err := r.end()
	for _, path := range r.paths {
		err = errors.Join(err, r.store.fs.Remove(path))
	}
	return err
}
