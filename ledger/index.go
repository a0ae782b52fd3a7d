package ledger

import (
	"hash/maphash"
	"math"
)

// index finds a place, such as an ordinal, by an id of 128 bits. It is extendible hashing: a
// directory points to small open-addressing segments, and one that is full is split in two. So
// it never stops to move all that it has, as a Go map of this size does, and it has no pointer
// for the garbage collector but those of the directory.
//
// The hash is seeded anew in every process, so that nobody can choose ids that collide. What is
// found does not depend on it, only how fast.
type index struct {
	seed maphash.Seed
	// depth is how many of the tag's lowest bits choose in the directory.
	depth     uint
	directory []*segment
}

// Sizes of a segment. With them it fills a size class of Go's allocator.
const (
	segmentSlots = 1023
	segmentFull  = 768
)

// segment is the entries whose tags share their lowest depth bits. An entry is a tag, the upper
// half, and a place plus one; 0 is no entry.
type segment struct {
	depth uint32
	used  uint32
	slots [segmentSlots]uint64
}

func newIndex() *index {
	return &index{seed: maphash.MakeSeed(), directory: []*segment{new(segment)}}
}

// tag returns the 32 bits that stand for an id.
func (x *index) tag(id [16]byte) uint32 { return uint32(maphash.Bytes(x.seed, id[:])) }

// home returns the slot at which the search for a tag starts: by its highest bits, because the
// lowest are the same within a segment.
func home(tag uint32) uint32 { return uint32(uint64(tag) * segmentSlots >> 32) }

func (x *index) segment(tag uint32) *segment {
	return x.directory[tag&(1<<x.depth-1)]
}

// probe is where a search stands.
type probe struct {
	in  *segment
	tag uint32
	at  uint32
}

// search starts a search for an id; next gives the places that may be its.
func (x *index) search(id [16]byte) probe {
	tag := x.tag(id)
	return probe{in: x.segment(tag), tag: tag, at: home(tag)}
}

// next returns the next place whose tag fits. Whose place it is, is the caller's check.
func (p *probe) next() (place uint32, ok bool) {
	for {
		entry := p.in.slots[p.at]
		if entry == 0 {
			return 0, false
		}
		if p.at++; p.at == segmentSlots {
			p.at = 0
		}
		if uint32(entry>>32) == p.tag {
			return uint32(entry) - 1, true
		}
	}
}

// add puts in an id that is not there.
func (x *index) add(id [16]byte, place uint32) {
	assert(place < math.MaxUint32, "more entries than places")
	tag := x.tag(id)
	s := x.segment(tag)
	for s.used == segmentFull {
		x.split(s, tag)
		s = x.segment(tag)
	}
	s.put(uint64(tag)<<32 | uint64(place+1))
}

func (s *segment) put(entry uint64) {
	at := home(uint32(entry >> 32))
	for s.slots[at] != 0 {
		if at++; at == segmentSlots {
			at = 0
		}
	}
	s.slots[at] = entry
	s.used++
}

// split makes two of the segment of a tag, by the next bit of the tags in it.
func (x *index) split(s *segment, tag uint32) {
	assert(s.depth < 31, "ids whose hashes are all one")
	if uint(s.depth) == x.depth {
		x.directory = append(x.directory, x.directory...)
		x.depth++
	}
	bit := uint32(1) << s.depth
	halves := [2]*segment{{depth: s.depth + 1}, {depth: s.depth + 1}}
	for _, entry := range s.slots {
		if entry != 0 {
			half := 0
			if uint32(entry>>32)&bit != 0 {
				half = 1
			}
			halves[half].put(entry)
		}
	}
	for at := tag & (bit - 1); at < uint32(len(x.directory)); at += bit {
		half := 0
		if at&bit != 0 {
			half = 1
		}
		x.directory[at] = halves[half]
	}
}

// remove takes out the entry of an id with a place, which is there. Entries behind it move up,
// so that every search still meets its own before a gap.
func (x *index) remove(id [16]byte, place uint32) {
	tag := x.tag(id)
	s := x.segment(tag)
	at, gone := home(tag), uint64(tag)<<32|uint64(place+1)
	for s.slots[at] != gone {
		assert(s.slots[at] != 0, "an entry is not in its index")
		at = (at + 1) % segmentSlots
	}
	for next := (at + 1) % segmentSlots; s.slots[next] != 0; next = (next + 1) % segmentSlots {
		// How far the next entry is from home, and how far the gap is behind it.
		from := home(uint32(s.slots[next] >> 32))
		if (next+segmentSlots-from)%segmentSlots >= (next+segmentSlots-at)%segmentSlots {
			s.slots[at] = s.slots[next]
			at = next
		}
	}
	s.slots[at] = 0
	s.used--
}
