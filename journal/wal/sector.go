package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// The layout of a sector.
const (
	// sectorBytes is the smallest unit that a disk writes whole: a power cut leaves each sector
	// as it was or as it was to be.
	sectorBytes  = 512
	payloadBytes = 500
	sequenceAt   = payloadBytes + 4
	markAt       = sectorBytes - 1
	// mark ends each sector. It has several bits, so that no single changed bit makes it the
	// zero of a sector that was written in part.
	mark = 0xa5
	// sequenceMax is the largest sequence: it is kept in seven bytes.
	sequenceMax = 1<<56 - 1
)

var (
	bigEndian  = binary.BigEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	blank      [sectorBytes]byte
)

// sealSector writes what stands behind a sector's payload.
func sealSector(sector []byte, sequence uint64, number uint32) {
	bigEndian.PutUint64(sector[sequenceAt:], sequence<<8|mark)
	bigEndian.PutUint32(sector[payloadBytes:], sectorSum(sector, number))
}

// sectorSum is the checksum of a sector in its place.
func sectorSum(sector []byte, number uint32) uint32 {
	sum := crc32.Update(number, castagnoli, sector[:payloadBytes])
	return crc32.Update(sum, castagnoli, sector[sequenceAt:sectorBytes])
}

// condition is what a sector turns out to be.
type condition int

const (
	sectorBlank   condition = iota // all zeros
	sectorWhole                    // what was sealed
	sectorPart                     // written in part, as its end is still blank
	sectorChanged                  // anything else
)

// inspect tells a sector's condition and, if it is whole, the sequence of its write.
func inspect(sector []byte, number uint32) (condition, uint64) {
	if sector[markAt] == 0 {
		if bytes.Equal(sector, blank[:]) {
			return sectorBlank, 0
		}
		return sectorPart, 0
	}
	sequence := bigEndian.Uint64(sector[sequenceAt:]) >> 8
	if bigEndian.Uint32(sector[payloadBytes:]) != sectorSum(sector, number) {
		return sectorChanged, 0
	}
	return sectorWhole, sequence
}

// sectorsFor is the number of sectors that a payload takes.
func sectorsFor(payload int64) int64 { return (payload + payloadBytes - 1) / payloadBytes }

// join moves the payloads of sectors together and returns them, in the same memory.
func join(sectors []byte) []byte {
	count := len(sectors) / sectorBytes
	for i := 1; i < count; i++ {
		copy(sectors[i*payloadBytes:(i+1)*payloadBytes], sectors[i*sectorBytes:])
	}
	return sectors[:count*payloadBytes]
}
