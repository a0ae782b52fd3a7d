package ledger

import "math"

// pageRows is the number of rows in one page: small, so that a commit beside a frozen image
// copies little, and large enough that the list of pages is short.
const pageRows = 16

// page is rows that are copied together. No row has a pointer in it, so the garbage collector
// never looks inside.
type page[T any] [pageRows]T

// pages are rows by place, from 0. They never move, so that a book that grows does not stop to
// copy what it has. An image shares them; the first change of a page after a freeze copies it.
type pages[T any] struct {
	list []*page[T]
	// ages say for each page at which age of the book it was made.
	ages  []uint32
	count uint32
	// free are places that are not used; the last was freed last.
	free []uint32
}

// at returns the row at a place, to read.
func (p *pages[T]) at(place uint32) *T { return &p.list[place/pageRows][place%pageRows] }

// own returns the row at a place, to write: pages older than age are copied first.
func (p *pages[T]) own(place, age uint32) *T {
	number := place / pageRows
	if p.ages[number] < age {
		fresh := *p.list[number]
		p.list[number], p.ages[number] = &fresh, age
	}
	return p.at(place)
}

// add puts a row in a free place, the newest page having an age.
func (p *pages[T]) add(row T, age uint32) (place uint32) {
	if last := len(p.free) - 1; last >= 0 {
		place, p.free = p.free[last], p.free[:last]
	} else {
		assert(p.count < math.MaxUint32, "more rows than places")
		place = p.count
		if int(place/pageRows) == len(p.list) {
			p.list, p.ages = append(p.list, new(page[T])), append(p.ages, age)
		}
		p.count++
	}
	*p.own(place, age) = row
	return place
}

// remove frees a place and clears its row.
func (p *pages[T]) remove(place, age uint32) {
	var none T
	*p.own(place, age) = none
	p.free = append(p.free, place)
}

// slotsPerPage is the size of one page of slots.
const slotsPerPage = 4096

// slots are a number for each account, by ordinal.
type slots struct {
	list  []*[slotsPerPage]uint32
	count uint32
}

// at returns the number of an account, to read or write.
func (s *slots) at(ordinal uint32) *uint32 {
	return &s.list[ordinal/slotsPerPage][ordinal%slotsPerPage]
}

// add appends a number. The last ones may be taken back by lowering count.
func (s *slots) add(number uint32) {
	if int(s.count/slotsPerPage) == len(s.list) {
		s.list = append(s.list, new([slotsPerPage]uint32))
	}
	s.count++
	*s.at(s.count - 1) = number
}
