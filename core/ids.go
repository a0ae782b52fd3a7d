package core

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"

	"seyfert/ledger"
	"seyfert/table"
	"seyfert/wire"
)

// ids finds the first history record of a transfer or hold by its id, for ever: it is what makes
// a repeated request harmless. Ids since the last cut are in RAM, earlier ones in the tables,
// where each cut brings its own as one sorted run. Nothing is written per transfer.
type ids struct {
	tables *schema
	store  table.Store
	// recent holds what came since the last cut began, frozen what that cut still writes out.
	recent, frozen *idTable
	// newest is the greatest timed id of any run in the tables: a later one cannot be there, and
	// most ids are later ones.
	newest [16]byte
	// latest is the greatest timed id of recent and frozen.
	latest [16]byte
	// warmth is what warm read, so that the compiler keeps the reads.
	warmth uint64
}

// idAhead is how far a timed id may be ahead of the node's time to move newest, in milliseconds.
const idAhead = 24 * 60 * 60 * 1000

// newestRow is the row that keeps ids.newest over a start. It decides nothing but how fast an
// absent id is found to be absent, so no state hash covers it.
type newestRow struct {
	ID [16]byte `cbor:"1,keyasint"`
}

func openIDs(tables *schema, store table.Store) (*ids, error) {
	row, _, err := tables.newestID.Get(store, struct{}{})
	if err != nil {
		return nil, err
	}
	return &ids{tables: tables, store: store, recent: newIDTable(), newest: row.ID}, nil
}

// timed says whether an id is a version 7 UUID of a time up to now. Derived ids are none, whatever
// their first bits say: they would be timed at one time and not at another, and so be taken for
// absent while a run holds them.
func timed(id [16]byte, now int64) bool {
	return wire.UUID(id).IsVersion7() &&
		int64(binary.BigEndian.Uint64(id[:])>>16) <= now+idAhead
}

// find returns the history number behind an id; 0 is none.
func (x *ids) find(id [16]byte, now int64) uint64 {
	if number := x.recent.get(id); number != 0 {
		return number % goneID
	}
	if x.frozen != nil {
		if number := x.frozen.get(id); number != 0 {
			return number % goneID
		}
	}
	if timed(id, now) && bytes.Compare(id[:], x.newest[:]) > 0 {
		return 0
	}
	raw, ok, err := x.store.Get(idKey(id))
	check(err)
	if !ok {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

// warm is a hint that these ids are looked for next: reading all their places at once lets the
// processor wait for memory once instead of at each. It changes nothing.
func (x *ids) warm(ids [][16]byte) {
	seen := uint64(0)
	for i := range ids {
		seen += x.recent.first(ids[i])
		if x.frozen != nil {
			seen += x.frozen.first(ids[i])
		}
	}
	x.warmth += seen
}

// add remembers an id; take takes one back that the same entry added.
func (x *ids) add(id [16]byte, number uint64, now int64) {
	x.recent.put(id, number)
	if timed(id, now) && bytes.Compare(id[:], x.latest[:]) > 0 {
		x.latest = id
	}
}

func (x *ids) take(id [16]byte) { x.recent.put(id, goneID) }

// endOfHold and reversalOf are the ids under which the end of a hold and the reversal of a
// transfer are found.
func endOfHold(id ledger.HoldID) [16]byte { return derivedID("end of hold", id) }

func reversalOf(id ledger.TransferID) [16]byte { return derivedID("reversal", id) }

func derivedID(use string, id [16]byte) [16]byte {
	hash := wire.Hash(use, id[:])
	derived := [16]byte(hash[:16])
	derived[6] = 0x80 | derived[6]&0x0f // version 8: no caller can choose such an id
	return derived
}

// idPrefix opens the keys of ids in the tables; schema.go keeps the list of prefixes.
const idPrefix = 45

func idKey(id [16]byte) []byte {
	key := make([]byte, 0, 17)
	return append(append(key, idPrefix), id[:]...)
}

// freeze takes the ids that a cut writes out aside. The one before must be done.
func (x *ids) freeze() {
	if x.frozen != nil {
		panic("core: a cut began before the one before it ended")
	}
	x.frozen, x.recent = x.recent, newIDTable()
	if bytes.Compare(x.latest[:], x.newest[:]) > 0 {
		x.newest = x.latest
	}
}

// thaw drops the ids that a cut has brought into the tables, or takes them back if it failed.
func (x *ids) thaw(ingested bool) {
	if !ingested {
		x.recent.all(func(id [16]byte, number uint64) { x.frozen.put(id, number) })
		x.recent = x.frozen
	}
	x.frozen = nil
}

// idSlot is one place of an idTable; number 0 is free.
type idSlot struct {
	id     [16]byte
	number uint64
}

// idTable is an open-addressing table from ids to history numbers without pointers, so that the
// garbage collector never looks inside. It grows without a stop: while it moves to twice its
// size, each insert takes some slots along.
type idTable struct {
	// seed makes the places of chosen ids unguessable. What is found does not depend on it.
	seed   maphash.Seed
	slots  []idSlot
	count  int
	before []idSlot // the smaller table on its way into slots
	moved  int      // slots of before that are moved
}

const (
	// goneID in place of a number says that the id was taken back.
	goneID     = math.MaxUint64
	idSlotsMin = 1 << 10
	// idMovesPerInsert outruns the inserts: a table is moved long before it is full again.
	idMovesPerInsert = 8
)

func newIDTable() *idTable {
	return &idTable{seed: maphash.MakeSeed(), slots: make([]idSlot, idSlotsMin)}
}

func (t *idTable) place(slots []idSlot, id [16]byte) int {
	mask := len(slots) - 1
	at := int(maphash.Bytes(t.seed, id[:])) & mask
	for slots[at].number != 0 && slots[at].id != id {
		at = (at + 1) & mask
	}
	return at
}

// first reads the place where the search for an id begins.
func (t *idTable) first(id [16]byte) uint64 {
	return t.slots[int(maphash.Bytes(t.seed, id[:]))&(len(t.slots)-1)].number
}

func (t *idTable) get(id [16]byte) uint64 {
	if number := t.slots[t.place(t.slots, id)].number; number != 0 || t.before == nil {
		return number
	}
	return t.before[t.place(t.before, id)].number
}

// put stores an id with a number above 0.
func (t *idTable) put(id [16]byte, number uint64) {
	if t.before == nil && t.count >= len(t.slots)/4*3 {
		t.before, t.slots, t.moved = t.slots, make([]idSlot, 2*len(t.slots)), 0
	}
	for range idMovesPerInsert {
		t.move()
	}
	at := t.place(t.slots, id)
	if t.slots[at].number == 0 {
		t.count++
	}
	t.slots[at] = idSlot{id, number}
}

// move takes one slot of the smaller table along. The smaller table stays as it is until all of
// it is moved, so that it can still be searched; what both hold counts once.
func (t *idTable) move() {
	if t.before == nil {
		return
	}
	if slot := t.before[t.moved]; slot.number != 0 {
		if at := t.place(t.slots, slot.id); t.slots[at].number == 0 {
			t.slots[at] = slot
		} else {
			t.count-- // it was put again since
		}
	}
	t.moved++
	if t.moved == len(t.before) {
		t.before = nil
	}
}

// all calls fn with every id that was not taken back, in no order. It changes nothing: gets may
// run beside it.
func (t *idTable) all(fn func(id [16]byte, number uint64)) {
	for _, slot := range t.slots {
		if slot.number != 0 && slot.number != goneID {
			fn(slot.id, slot.number)
		}
	}
	if t.before == nil {
		return
	}
	for _, slot := range t.before[t.moved:] {
		again := slot.number != 0 && t.slots[t.place(t.slots, slot.id)].number != 0
		if slot.number != 0 && slot.number != goneID && !again {
			fn(slot.id, slot.number)
		}
	}
}

// sorted returns the ids in order. Two numbers compare faster than sixteen bytes.
func (t *idTable) sorted() []idSlot {
	slots := make([]idSlot, 0, t.count)
	t.all(func(id [16]byte, number uint64) { slots = append(slots, idSlot{id, number}) })
	slices.SortFunc(slots, func(a, b idSlot) int {
		high := cmp.Compare(binary.BigEndian.Uint64(a.id[:]), binary.BigEndian.Uint64(b.id[:]))
		if high != 0 {
			return high
		}
		return cmp.Compare(binary.BigEndian.Uint64(a.id[8:]), binary.BigEndian.Uint64(b.id[8:]))
	})
	return slots
}
