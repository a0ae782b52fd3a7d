package core

import (
	"encoding/binary"
	"fmt"
	"iter"

	"seyfert/ledger"
	"seyfert/table"
)

// Frozen is the part of a state that lives in RAM, as it stood after an entry, for a cut that is
// written out while the next entries are applied.
type Frozen struct {
	// Cursor says which entry, and how long the record files were after it.
	Cursor Cursor
	// Book is the ledger.
	Book *ledger.Image
	ids  *idTable
}

// Freeze sets the state aside. Nothing may run beside it, and Thaw must end it before the next.
// It costs next to nothing: pages of the ledger are copied when they are next changed.
func (c *Core) Freeze() *Frozen {
	c.Settle()
	c.ids.freeze()
	tx := table.Begin(c.store)
	check(c.tables.newestID.Put(tx, struct{}{}, newestRow{c.ids.newest}))
	check(c.store.Apply(tx.Writes()))
	return &Frozen{Cursor: c.cursor, Book: c.book.Freeze(), ids: c.ids.frozen}
}

// IDs are the rows of the ids that came since the cut before, for table.Store.Ingest. It may run
// beside Apply.
func (f *Frozen) IDs() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		var number [8]byte
		for _, slot := range f.ids.sorted() {
			binary.BigEndian.PutUint64(number[:], slot.number)
			if !yield(idKey(slot.id), number[:]) {
				return
			}
		}
	}
}

// HasIDs says whether there is anything to ingest.
func (f *Frozen) HasIDs() bool { return f.ids.count > 0 }

// Thaw ends a cut: ingested says that the tables now hold its ids. Nothing may run beside it.
func (c *Core) Thaw(f *Frozen, ingested bool) {
	if c.ids.frozen != f.ids {
		panic(fmt.Sprintf("core: the cut at %d is not under way", f.Cursor.Index))
	}
	c.ids.thaw(ingested)
	f.Book.Release()
}

// RecentIDs is the number of ids that no cut holds yet.
func (c *Core) RecentIDs() int { return c.ids.recent.count }
