package merkle

import (
	"fmt"
	"slices"
)

// Memory is a Store in memory, for simulation, tests and offline checks. The owner appends
// what Tree.Append returns: *m = append(*m, stored...).
type Memory []Hash

// ReadHashes implements Store. An index outside the store is an error.
func (m *Memory) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(*m)) {
			return nil, fmt.Errorf("no hash at index %d of %d", index, len(*m))
		}
		hashes[i] = (*m)[index]
	}
	return hashes, nil
}

// Records is an append-only run of records of HashSize bytes, numbered from 1; table.Records
// is one.
type Records interface {
	// Read copies records from a first number on into a buffer, one after another, until it
	// is full or there are no more, and returns how many.
	Read(first uint64, into []byte) (int, error)
}

// Filed is a Store over records: the hash at index i is record i+1.
type Filed struct{ Records Records }

// filedSpanMax is the most hashes that are read at once. The leaves of a full tile lie among the
// interior hashes that they complete: 2*TileHashes-1 hashes in all, at most.
const filedSpanMax = 2 * TileHashes

// filedGapMax is how many hashes that nobody asked for are read along rather than skipped.
const filedGapMax = 16

// ReadHashes implements Store. What lies close together is read in one go: the hashes of a tile
// are one read, those of a proof one each.
func (f Filed) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, 0, len(indexes))
	var span []byte
	for len(indexes) > 0 {
		near := f.near(indexes)
		count := int(indexes[near-1]-indexes[0]) + 1
		span = slices.Grow(span[:0], count*HashSize)[:count*HashSize]
		read, err := f.Records.Read(uint64(indexes[0])+1, span)
		if err != nil {
			return nil, fmt.Errorf("hash at index %d: %w", indexes[0], err)
		}
		if read != count {
			return nil, fmt.Errorf("no hash at index %d", indexes[0]+int64(read))
		}
		for _, index := range indexes[:near] {
			hashes = append(hashes, Hash(span[(index-indexes[0])*HashSize:]))
		}
		indexes = indexes[near:]
	}
	return hashes, nil
}

// near returns how many of the first indexes ascend in small steps.
func (f Filed) near(indexes []int64) int {
	for i := 1; i < len(indexes); i++ {
		step := indexes[i] - indexes[i-1]
		if step <= 0 || step > filedGapMax || indexes[i]-indexes[0] >= filedSpanMax {
			return i
		}
	}
	return len(indexes)
}
