package ledger

import (
	"cmp"
	"slices"
)

// chunkMax is the largest number of entries in one chunk of a schedule.
const chunkMax = 256

// schedule is the expiring holds in the order of expiry, then id. It is a list of sorted chunks:
// most holds expire later than those before them and go to the end of the last chunk, and any
// other place costs one short move. Nothing in it depends on the order of insertion but the
// borders of chunks, which no answer shows.
type schedule struct {
	chunks [][]deadline
}

// deadline is one entry of a schedule.
type deadline struct {
	expires int64 // Unix milliseconds
	id      HoldID
}

func compareDeadlines(x, y deadline) int {
	return cmp.Or(cmp.Compare(x.expires, y.expires), compareHolds(x.id, y.id))
}

// find returns the chunk in which d stands or belongs, its place there, and whether it stands
// there. The chunk is 0 in an empty schedule.
func (s *schedule) find(d deadline) (chunk, at int, ok bool) {
	// The first chunk whose last entry is not before d.
	chunk, _ = slices.BinarySearchFunc(s.chunks, d, func(c []deadline, d deadline) int {
		return compareDeadlines(c[len(c)-1], d)
	})
	if chunk == len(s.chunks) && chunk > 0 {
		chunk-- // After everything: at the end of the last chunk.
	}
	if chunk == len(s.chunks) {
		return chunk, 0, false
	}
	at, ok = slices.BinarySearchFunc(s.chunks[chunk], d, compareDeadlines)
	return chunk, at, ok
}

// add puts in an entry that is not there.
func (s *schedule) add(d deadline) {
	chunk, at, ok := s.find(d)
	assert(!ok, "a hold is scheduled twice")
	if chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]deadline, 0, chunkMax))
	}
	if len(s.chunks[chunk]) == chunkMax {
		full := s.chunks[chunk]
		// A full last chunk that grows at its end stays full; another one is halved.
		cut := chunkMax / 2
		if at == chunkMax {
			cut = chunkMax
		}
		rest := append(make([]deadline, 0, chunkMax), full[cut:]...)
		s.chunks[chunk] = full[:cut]
		s.chunks = slices.Insert(s.chunks, chunk+1, rest)
		if at >= cut {
			chunk, at = chunk+1, at-cut
		}
	}
	s.chunks[chunk] = slices.Insert(s.chunks[chunk], at, d)
}

// remove takes out an entry that is there.
func (s *schedule) remove(d deadline) {
	chunk, at, ok := s.find(d)
	assert(ok, "a hold is not scheduled")
	s.chunks[chunk] = slices.Delete(s.chunks[chunk], at, at+1)
	if len(s.chunks[chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, chunk, chunk+1)
	}
}

// next returns the earliest expiry.
func (s *schedule) next() (expires int64, ok bool) {
	if len(s.chunks) == 0 {
		return 0, false
	}
	return s.chunks[0][0].expires, true
}

// until returns at most limit ids that expire at now or before.
func (s *schedule) until(now int64, limit int) []HoldID {
	var ids []HoldID
	for _, chunk := range s.chunks {
		for _, d := range chunk {
			if d.expires > now || len(ids) >= limit {
				return ids
			}
			ids = append(ids, d.id)
		}
	}
	return ids
}
