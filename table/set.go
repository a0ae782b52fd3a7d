package table

import (
	"bytes"
	"slices"
	"sort"
)

// chunkMax is the number of entries at which a chunk of a set is split in two.
const chunkMax = 256

// entry is one key of a set. Key and value are never changed once they are in a set.
type entry struct {
	key, value []byte
	deleted    bool
}

// set is an ordered map of keys as a list of short sorted chunks: a B-tree of two levels,
// which keeps inserts cheap up to some hundred thousand keys and scans straight. No chunk in
// the list is empty. Scans under way hold the chunk list; a write during a scan copies it
// first, so that a scan sees the set as it stood when it began.
type set struct {
	chunks [][]entry
	length int
	// scans counts the scans under way; shared says that one may hold the present chunks.
	scans  int
	shared bool
}

// find returns the place of key: the chunk, the position in it, and whether key is there. For
// an absent key it is where key would be inserted.
func (s *set) find(key []byte) (chunk, at int, ok bool) {
	chunk = sort.Search(len(s.chunks), func(i int) bool {
		return bytes.Compare(s.chunks[i][0].key, key) > 0
	})
	if chunk > 0 {
		chunk--
	}
	if chunk == len(s.chunks) {
		return chunk, 0, false
	}
	at, ok = slices.BinarySearchFunc(s.chunks[chunk], key, func(e entry, k []byte) int {
		return bytes.Compare(e.key, k)
	})
	return chunk, at, ok
}

// get returns the entry under key.
func (s *set) get(key []byte) (entry, bool) {
	chunk, at, ok := s.find(key)
	if !ok {
		return entry{}, false
	}
	return s.chunks[chunk][at], true
}

// put stores e under its key and returns what was there.
func (s *set) put(e entry) (before entry, existed bool) {
	s.own()
	chunk, at, ok := s.find(e.key)
	if ok {
		before = s.chunks[chunk][at]
		s.chunks[chunk][at] = e
		return before, true
	}
	s.length++
	if chunk == len(s.chunks) {
		s.chunks = append(s.chunks, []entry{e})
		return entry{}, false
	}
	full := slices.Insert(s.chunks[chunk], at, e)
	s.chunks[chunk] = full
	if len(full) >= chunkMax {
		half := len(full) / 2
		s.chunks[chunk] = full[:half:half]
		s.chunks = slices.Insert(s.chunks, chunk+1, slices.Clone(full[half:]))
	}
	return entry{}, false
}

// remove takes key out of the set; an absent key is no error.
func (s *set) remove(key []byte) {
	s.own()
	chunk, at, ok := s.find(key)
	if !ok {
		return
	}
	s.length--
	s.chunks[chunk] = slices.Delete(s.chunks[chunk], at, at+1)
	if len(s.chunks[chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, chunk, chunk+1)
	}
}

// own copies the chunks if a scan may hold them.
func (s *set) own() {
	if s.shared {
		s.chunks = cloneChunks(s.chunks)
		s.shared = false
	}
}

// acquire begins a scan; release ends it.
func (s *set) acquire() [][]entry {
	s.scans++
	s.shared = true
	return s.chunks
}

func (s *set) release() {
	s.scans--
	if s.scans == 0 {
		s.shared = false
	}
}

func cloneChunks(chunks [][]entry) [][]entry {
	copied := make([][]entry, len(chunks))
	for i, chunk := range chunks {
		copied[i] = slices.Clone(chunk)
	}
	return copied
}

// cursor walks the entries of a chunk list that lie in [from, to).
type cursor struct {
	chunks    [][]entry
	chunk, at int
	to        []byte
}

func newCursor(chunks [][]entry, from, to []byte) cursor {
	chunk, at, _ := (&set{chunks: chunks}).find(from)
	return cursor{chunks: chunks, chunk: chunk, at: at, to: to}
}

// next returns the entry under the cursor and moves on; ok is false at the end.
func (c *cursor) next() (e entry, ok bool) {
	for c.chunk < len(c.chunks) && c.at == len(c.chunks[c.chunk]) {
		c.chunk, c.at = c.chunk+1, 0
	}
	if c.chunk == len(c.chunks) {
		return entry{}, false
	}
	e = c.chunks[c.chunk][c.at]
	if c.to != nil && bytes.Compare(e.key, c.to) >= 0 {
		return entry{}, false
	}
	c.at++
	return e, true
}
