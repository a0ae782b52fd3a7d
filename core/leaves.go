package core

import (
	"encoding/binary"
	"fmt"

	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/proof"
)

// Leaves makes the leaves of the journal tree anew, from the first to the one before size, out
// of entry lines, history and rows, for who checks the tree's own hashes. It calls fn with each,
// in order, until fn returns an error, which it returns as its own. Others say which leaf can't
// be made.
func (v View) Leaves(size int64, fn func(leaf int64, hash merkle.Hash) error) error {
	w := leafWalk{v: v, fn: fn}
	for w.leaf < size {
		if err := w.readLine(); err != nil {
			return err
		}
		if w.lines > 0 && w.line.FirstLeaf < w.leaf {
			return fmt.Errorf("the line of entry %d is out of order", w.line.Index)
		}
		var err error
		if w.lines > 0 && w.line.FirstLeaf == w.leaf {
			err = w.records()
		} else {
			err = w.row()
		}
		if err != nil {
			return fmt.Errorf("leaf %d: %w", w.leaf, err)
		}
	}
	return nil
}

// leafWalk is where Leaves stands.
type leafWalk struct {
	v    View
	fn   func(leaf int64, hash merkle.Hash) error
	leaf int64
	// line is the next entry line, number its place; lines is how many there are from it on.
	line   Line
	number uint64
	lines  uint64
	read   bool
	// history is memory for leafRecords records, leaf for one leaf.
	history, buffer []byte
}

// leafRecords is how many history records are read at a time.
const leafRecords = 256

// readLine makes line the next one whose records were not walked yet.
func (w *leafWalk) readLine() error {
	if w.read {
		return nil
	}
	w.number++
	w.lines = w.v.c.cursor.Lines - min(w.number-1, w.v.c.cursor.Lines)
	if w.read = true; w.lines == 0 {
		return nil
	}
	var err error
	w.line, err = w.v.lineAt(w.number)
	return err
}

func (v View) lineAt(number uint64) (Line, error) {
	data, err := v.c.stores.Lines.At(number)
	if err != nil {
		return Line{}, fmt.Errorf("entry line %d: %w", number, err)
	}
	return decodeLine(data), nil
}

// row walks one leaf that is a row.
func (w *leafWalk) row() error {
	row, ok, err := w.v.c.tables.leaves.Get(w.v.c.store, uint64(w.leaf))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no row and no history record makes it")
	}
	return w.give(proof.LeafData(row.Kind, row.Salt, row.Data))
}

// records walks the leaves of the line's history records.
func (w *leafWalk) records() error {
	last := w.v.c.cursor.Records
	if w.lines > 1 {
		next, err := w.v.lineAt(w.number + 1)
		if err != nil {
			return err
		}
		last = next.FirstRecord - 1
	}
	for number := w.line.FirstRecord; number <= last; {
		many := min(last-number+1, leafRecords)
		if w.history == nil {
			w.history = make([]byte, leafRecords*ledger.RecordSize)
		}
		history := w.history[:many*ledger.RecordSize]
		if _, err := w.v.c.stores.History.Read(number, history); err != nil {
			return err
		}
		for ; len(history) > 0; history = history[ledger.RecordSize:] {
			if err := w.record(number, history[:ledger.RecordSize]); err != nil {
				return err
			}
			number++
		}
	}
	w.read = false
	return nil
}

// record walks the leaf of one history record.
func (w *leafWalk) record(number uint64, raw []byte) error {
	record, err := ledger.DecodeRecord(number, raw)
	if err != nil {
		return fmt.Errorf("history record %d: %w", number, err)
	}
	w.buffer = append(binary.BigEndian.AppendUint64(w.buffer[:0], number), raw...)
	return w.give(proof.LeafData(leafKind(&record), w.line.salt(number), w.buffer))
}

func (w *leafWalk) give(data [32]byte) error {
	if err := w.fn(w.leaf, merkle.LeafHash(data[:])); err != nil {
		return err
	}
	w.leaf++
	return nil
}

// EachAccount calls fn with every account of the ledger in the order in which they were opened,
// EachHold with every live hold in the order of ids, until it returns false.
func (v View) EachAccount(fn func(ledger.Account) bool) { v.c.book.Accounts(fn) }

// EachHold calls fn with every live hold.
func (v View) EachHold(fn func(ledger.Hold) bool) { v.c.book.Holds(fn) }

// LedgerSize is the number of accounts and of live holds.
func (v View) LedgerSize() (accounts, holds int) { return v.c.book.Len() }
