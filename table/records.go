package table

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Records is an append-only run of records of one size, numbered from 1. History lives in
// it. One goroutine may append while any number read.
type Records interface {
	// Append adds a record, which is copied; its number is the new Len. It is not synced.
	Append(record []byte) error
	// AppendMany adds records that lie one after another; the last one's number is the new
	// Len.
	AppendMany(records []byte) error
	// At returns a copy of the record with a number from 1 to Len; any other is an error.
	At(number uint64) ([]byte, error)
	// Read copies records from a first number on into a buffer, one after another, until it
	// is full or Len is reached, and returns how many. A first number of 0 or above Len is an
	// error. Nothing is allocated for a record.
	Read(first uint64, into []byte) (int, error)
	// Len returns how many records there are.
	Len() uint64
	// Sync returns when every record so far is durable. It may run beside Append.
	Sync() error
	// Close ends use; it does not sync. No other call may be under way.
	Close() error
}

// RecordSizeMax is the largest record in bytes.
const RecordSizeMax = 4 << 10

// recordsHeaderSize is the length of the header: magic, record size, CRC32C of both.
const recordsHeaderSize = 16

// recordsMagic opens every records file; its last byte is the format.
const recordsMagic = "seyrecs\x02"

// shortRecord is the size below which a record's checksum has two bytes, not four: the hashes
// of a tree are the most numerous records by far, and the tree's root vouches for them too.
const shortRecord = 64

// layout is how records of one size lie in a file: each is followed by a checksum of itself
// and its number, so that damage, a page that was never written, and a record in another's
// place are all found when it is read.
type layout struct {
	size  int // of a record
	table *crc32.Table
}

func newLayout(size int) layout {
	return layout{size: size, table: crc32.MakeTable(crc32.Castagnoli)}
}

// stride is the length of a record and its checksum in the file.
func (l layout) stride() int {
	if l.size < shortRecord {
		return l.size + 2
	}
	return l.size + 4
}

// offset is where the record with this number begins.
func (l layout) offset(number uint64) int64 {
	return recordsHeaderSize + int64(number-1)*int64(l.stride())
}

// header is what a file of such records opens with.
func (l layout) header() []byte {
	header := append(make([]byte, 0, recordsHeaderSize), recordsMagic...)
	header = binary.BigEndian.AppendUint32(header, uint32(l.size))
	return binary.BigEndian.AppendUint32(header, crc32.Checksum(header, l.table))
}

// sum is a CRC32C that begins with the number; its halves are folded for a short record.
func (l layout) sum(number uint64, record []byte) uint32 {
	sum := crc32.Update(uint32(number)^uint32(number>>32), l.table, record)
	if l.size < shortRecord {
		return sum>>16 ^ sum&0xffff
	}
	return sum
}

// put appends a record and its checksum to filed bytes.
func (l layout) put(filed []byte, number uint64, record []byte) []byte {
	sum := l.sum(number, record)
	filed = append(filed, record...)
	if l.size < shortRecord {
		return binary.BigEndian.AppendUint16(filed, uint16(sum))
	}
	return binary.BigEndian.AppendUint32(filed, sum)
}

// filedSum is the checksum that lies behind a record.
func (l layout) filedSum(filed []byte) uint32 {
	if l.size < shortRecord {
		return uint32(binary.BigEndian.Uint16(filed[l.size:]))
	}
	return binary.BigEndian.Uint32(filed[l.size:])
}

// take copies records out of filed bytes, from a first number on, and checks each. Filed holds
// whole records with their checksums, into has room for them.
func (l layout) take(into, filed []byte, first uint64) error {
	for number := first; len(filed) > 0; number++ {
		record := filed[:l.size]
		if l.sum(number, record) != l.filedSum(filed) {
			return fmt.Errorf("record %d is damaged", number)
		}
		copy(into, record)
		into, filed = into[l.size:], filed[l.stride():]
	}
	return nil
}

// mustFit panics unless bytes are whole records: anything else is a fault of the program.
func mustFit(length, size int) {
	if length%size != 0 {
		panic(fmt.Sprintf("table: records of %d bytes in %d bytes", size, length))
	}
}

// mustBeOne panics unless bytes are one record.
func mustBeOne(length, size int) {
	if length != size {
		panic(fmt.Sprintf("table: record of %d bytes, not %d", length, size))
	}
}
