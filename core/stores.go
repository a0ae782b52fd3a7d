package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"

	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/table"
	"seyfert/wire"
)

// Stores is where a state lives beside the ledger's RAM. All are of one cut: they hold what the
// same entry left.
type Stores struct {
	// Tables are the domain rows, and the ids of transfers and holds of earlier cuts.
	Tables table.Store
	// History is every posting and change of a hold, ledger.RecordSize bytes each.
	History table.Records
	// Hashes are those of the journal tree, merkle.HashSize bytes each, in the order of the
	// tlog format's stored hashes.
	Hashes table.Records
	// Lines are the entries that wrote history, LineSize bytes each.
	Lines table.Records
}

// Memory is stores in memory, for simulation and tests.
type Memory struct {
	Tables                 *table.Memory
	History, Hashes, Lines *table.RecordsMemory
}

// NewMemory returns empty stores.
func NewMemory() *Memory {
	return &Memory{
		Tables: table.NewMemory(), History: table.NewRecordsMemory(ledger.RecordSize),
		Hashes: table.NewRecordsMemory(merkle.HashSize), Lines: table.NewRecordsMemory(LineSize),
	}
}

// Stores are what Open takes.
func (m *Memory) Stores() Stores {
	return Stores{Tables: m.Tables, History: m.History, Hashes: m.Hashes, Lines: m.Lines}
}

// Cut copies the stores as they stand and the ledger's image, after bringing the ids of the core
// that works on them into the tables.
func (m *Memory) Cut(c *Core) (copied *Memory, book []byte) {
	f := c.Freeze()
	check(m.Tables.Ingest(f.IDs()))
	var image bytes.Buffer
	_, err := f.Book.WriteTo(&image)
	check(err)
	c.Thaw(f, true)
	return m.Clone(), image.Bytes()
}

// Clone copies the stores. Ids that no cut brought into the tables are not in them.
func (m *Memory) Clone() *Memory {
	return &Memory{
		Tables: m.Tables.Clone(), History: m.History.Clone(m.History.Len()),
		Hashes: m.Hashes.Clone(m.Hashes.Len()), Lines: m.Lines.Clone(m.Lines.Len()),
	}
}

// fits says what in the stores is of another cut than the tables.
func (s Stores) fits(c Cursor) error {
	for _, file := range []struct {
		name      string
		len, want uint64
	}{
		{"history records", s.History.Len(), c.Records},
		{"tree hashes", s.Hashes.Len(), uint64(merkle.StoredCount(c.Leaves))},
		{"entry lines", s.Lines.Len(), c.Lines},
	} {
		if file.len != file.want {
			return fmt.Errorf("the cut holds %d %s, its tables say %d",
				file.len, file.name, file.want)
		}
	}
	return nil
}

// LineSize is the length of an encoded Line, in bytes.
const LineSize = 64

// Line is an entry that wrote history: what its records and their leaves have in common.
type Line struct {
	Index uint64
	// Time is the entry's, in Unix milliseconds.
	Time int64
	// Seed is what the salts of the records' leaves derive from.
	Seed [32]byte
	// FirstRecord is the number of its first history record, FirstLeaf that one's place in the
	// journal tree; the others follow in order.
	FirstRecord uint64
	FirstLeaf   int64
}

// append appends index u64 | time i64 | seed 32 | first record u64 | first leaf u64.
func (l Line) append(buf []byte) []byte {
	be := binary.BigEndian
	buf = be.AppendUint64(be.AppendUint64(buf, l.Index), uint64(l.Time))
	buf = append(buf, l.Seed[:]...)
	return be.AppendUint64(be.AppendUint64(buf, l.FirstRecord), uint64(l.FirstLeaf))
}

func readLine(records table.Records, number uint64) Line {
	data, err := records.At(number)
	check(err)
	return decodeLine(data)
}

func decodeLine(data []byte) Line {
	be := binary.BigEndian
	return Line{
		Index: be.Uint64(data), Time: int64(be.Uint64(data[8:])), Seed: [32]byte(data[16:]),
		FirstRecord: be.Uint64(data[48:]), FirstLeaf: int64(be.Uint64(data[56:])),
	}
}

// salt is the salt of the leaf of one of the line's records.
func (l Line) salt(number uint64) [32]byte {
	var text [8]byte
	binary.BigEndian.PutUint64(text[:], number)
	return wire.Hash("leaf salt", l.Seed[:], text[:])
}

// leafKind is the kind of a record's leaf.
func leafKind(r *ledger.Record) uint16 {
	if r.Transfer.IsZero() {
		return proof.KindHold
	}
	return proof.KindPosted
}

// RecordLeaf returns what the journal tree holds of a history record, and its place there.
func (v View) RecordLeaf(number uint64) (row LeafRow, leaf int64) {
	line := v.LineOf(number)
	raw, err := v.c.stores.History.At(number)
	check(err)
	data := append(binary.BigEndian.AppendUint64(nil, number), raw...)
	record := readRecord(v.c.stores.History, number)
	row = LeafRow{Kind: leafKind(&record), Salt: line.salt(number), Data: data}
	return row, line.FirstLeaf + int64(number-line.FirstRecord)
}

// LineOf returns the entry that wrote a history record; the number is from 1 to the cursor's.
func (v View) LineOf(record uint64) Line {
	return v.lineBefore(func(l Line) bool { return l.FirstRecord > record })
}

// lineBefore returns the last line for which after is still false.
func (v View) lineBefore(after func(Line) bool) Line {
	count := int(v.c.cursor.Lines)
	at := sort.Search(count, func(i int) bool {
		return after(readLine(v.c.stores.Lines, uint64(i)+1))
	})
	if at == 0 {
		panic("core: no entry line covers a record")
	}
	return readLine(v.c.stores.Lines, uint64(at))
}

// NumberAt returns the number of the first history record whose entry's time is at or after a
// time in Unix milliseconds; one beyond the last when there is none.
func (v View) NumberAt(time int64) uint64 {
	count := int(v.c.cursor.Lines)
	at := sort.Search(count, func(i int) bool {
		return readLine(v.c.stores.Lines, uint64(i)+1).Time >= time
	})
	if at == count {
		return v.c.cursor.Records + 1
	}
	return readLine(v.c.stores.Lines, uint64(at)+1).FirstRecord
}
