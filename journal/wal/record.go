package wal

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// A write begins with a header of 24 bytes: magic u32, length u32 of the payload with the
// header, the index of the next log u64 and the number of commands before it u64. Records
// follow, each a kind u8, a type u8, two zeros, the length u32 of its body, and the body.
const (
	writeMagic        = 0x53574c31 // "SWL1"; another layout takes another number
	writeHeaderBytes  = 24
	recordHeaderBytes = 8
	logHeaderBytes    = 20 // term u64, time u64, length of the extensions u32
)

// The kinds of records. The numbers are part of the format.
const (
	// kindLog is a log of raft: term, time in Unix nanoseconds, extensions behind the data. Its
	// index is that of the log before it and one.
	kindLog = 1
	// kindBase opens each segment: the index of the first kept log u64, then values.
	kindBase = 2
	// kindSet is a value: its key's length u32, key, value; no value removes the key.
	kindSet = 3
	// kindFirst moves the first kept log to an index u64.
	kindFirst = 4
	// kindNext forgets the logs from an index u64 on; the number of commands before it u64.
	kindNext = 5
	// kindReset forgets all logs: the index of the next one u64, the commands before it u64.
	kindReset = 6
)

// packer gathers the records of one write in the form of sectors.
type packer struct {
	buf    []byte // sectors; the payload's end is the end
	start  uint32 // number of the first sector in its segment
	length int    // bytes of payload so far
}

// keptBytesMax bounds the buffer that is kept from one write to the next.
const keptBytesMax = 4 << 20

// begin starts a write at a sector.
func (p *packer) begin(start uint32, next, commands uint64) {
	if cap(p.buf) > keptBytesMax {
		p.buf = nil
	}
	p.buf, p.start, p.length = p.buf[:0], start, 0
	var header [writeHeaderBytes]byte
	bigEndian.PutUint32(header[:], writeMagic)
	bigEndian.PutUint64(header[8:], next)
	bigEndian.PutUint64(header[16:], commands)
	p.put(header[:])
}

// put appends payload.
func (p *packer) put(data []byte) {
	for len(data) > 0 {
		room := payloadBytes - p.length%payloadBytes
		part := data[:min(room, len(data))]
		p.buf = append(p.buf, part...)
		p.length += len(part)
		if len(part) == room {
			p.buf = append(p.buf, blank[:sectorBytes-payloadBytes]...)
		}
		data = data[len(part):]
	}
}

// bytes is the size of the write on disk.
func (p *packer) bytes() int64 { return sectorsFor(int64(p.length)) * sectorBytes }

// seal ends the write and returns its sectors, which are valid until the next begin.
func (p *packer) seal(sequence uint64) []byte {
	if sequence > sequenceMax {
		panic("wal: the last sequence is used up")
	}
	if short := int(p.bytes()) - len(p.buf); short > 0 {
		p.buf = append(p.buf, blank[:short]...)
	}
	bigEndian.PutUint32(p.buf[4:], uint32(p.length))
	for at := 0; at < len(p.buf); at += sectorBytes {
		sector := p.buf[at : at+sectorBytes]
		sealSector(sector, sequence, p.start+uint32(at/sectorBytes))
	}
	return p.buf
}

func (p *packer) header(kind, typ byte, length int) {
	var header [recordHeaderBytes]byte
	header[0], header[1] = kind, typ
	bigEndian.PutUint32(header[4:], uint32(length))
	p.put(header[:])
}

// log puts a log in and returns where it will stand.
func (p *packer) log(log *raft.Log) place {
	at := p.start*payloadBytes + uint32(p.length)
	length := logHeaderBytes + len(log.Data) + len(log.Extensions)
	p.header(kindLog, byte(log.Type), length)
	var header [logHeaderBytes]byte
	bigEndian.PutUint64(header[:], log.Term)
	if !log.AppendedAt.IsZero() {
		bigEndian.PutUint64(header[8:], uint64(log.AppendedAt.UnixNano()))
	}
	bigEndian.PutUint32(header[16:], uint32(len(log.Extensions)))
	p.put(header[:])
	p.put(log.Data)
	p.put(log.Extensions)
	return place{at: at, length: uint32(recordHeaderBytes + length)}
}

// number puts in a record of one number.
func (p *packer) number(kind byte, value uint64) {
	p.header(kind, 0, 8)
	p.put(bigEndian.AppendUint64(nil, value))
}

// pair puts in a record of an index and the number of commands before it.
func (p *packer) pair(kind byte, next, commands uint64) {
	p.header(kind, 0, 16)
	p.put(bigEndian.AppendUint64(bigEndian.AppendUint64(nil, next), commands))
}

func (p *packer) value(kind byte, key string, value []byte) {
	p.header(kind, 0, 4+len(key)+len(value))
	p.put(bigEndian.AppendUint32(nil, uint32(len(key))))
	p.put([]byte(key))
	p.put(value)
}

// base puts in the state before a segment. The values follow as records of their own.
func (p *packer) base(first uint64, values map[string][]byte) {
	p.number(kindBase, first)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		p.value(kindSet, key, values[key])
	}
}

// writeHeader is what opens a write.
type writeHeader struct {
	length         int64
	next, commands uint64
}

// readWriteHeader reads the header at the start of a write's payload.
func readWriteHeader(payload []byte) (h writeHeader, ok bool) {
	h.length = int64(bigEndian.Uint32(payload[4:]))
	h.next, h.commands = bigEndian.Uint64(payload[8:]), bigEndian.Uint64(payload[16:])
	ok = bigEndian.Uint32(payload) == writeMagic && h.length >= writeHeaderBytes &&
		h.length <= WriteBytesMax+2*RecordBytesMax
	return h, ok
}

// record is one record of a write.
type record struct {
	kind, typ byte
	body      []byte
}

// readRecord reads the record at the start of data.
func readRecord(data []byte) (r record, size int, ok bool) {
	if len(data) < recordHeaderBytes {
		return record{}, 0, false
	}
	length := int64(bigEndian.Uint32(data[4:]))
	if length > int64(len(data)-recordHeaderBytes) {
		return record{}, 0, false
	}
	size = recordHeaderBytes + int(length)
	r = record{kind: data[0], typ: data[1], body: data[recordHeaderBytes:size:size]}
	return r, size, r.whole()
}

// whole says whether a record's body has the length that its kind needs.
func (r record) whole() bool {
	switch r.kind {
	case kindLog:
		return len(r.body) >= logHeaderBytes &&
			int(bigEndian.Uint32(r.body[16:])) <= len(r.body)-logHeaderBytes
	case kindSet:
		return len(r.body) >= 4 && int(bigEndian.Uint32(r.body)) <= len(r.body)-4
	case kindBase, kindFirst:
		return len(r.body) == 8
	case kindNext, kindReset:
		return len(r.body) == 16
	}
	return false
}

// log returns the log in a record; data and extensions are parts of its body.
func (r record) log(index uint64) raft.Log {
	log := raft.Log{Index: index, Term: bigEndian.Uint64(r.body), Type: raft.LogType(r.typ)}
	if nanos := int64(bigEndian.Uint64(r.body[8:])); nanos != 0 {
		log.AppendedAt = time.Unix(0, nanos).UTC()
	}
	rest := r.body[logHeaderBytes:]
	length := len(rest) - int(bigEndian.Uint32(r.body[16:]))
	if length > 0 {
		log.Data = rest[:length:length]
	}
	if length < len(rest) {
		log.Extensions = rest[length:]
	}
	return log
}

// pair returns the index and the number of commands in a record.
func (r record) pair() (next, commands uint64) {
	return bigEndian.Uint64(r.body), bigEndian.Uint64(r.body[8:])
}

// value returns the key and the value in a record.
func (r record) value() (key string, value []byte) {
	length := bigEndian.Uint32(r.body)
	return string(r.body[4 : 4+length]), r.body[4+length:]
}
