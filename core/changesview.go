package core

import (
	"encoding/binary"

	"seyfert/proof"
	"seyfert/wire"
)

// RowChange is an audit leaf that says that a row changed.
type RowChange struct {
	// Leaf is its place in the journal tree, from 0.
	Leaf uint64
	// What is the kind of row, such as WhatAccount, and Subject names it.
	What, Subject string
	At            int64
	row           [32]byte
}

// Kinds of rows whose changes are followed.
const (
	WhatAccount  = "account"
	WhatMetadata = "metadata"
)

// RowChanges calls fn with the changes of rows from a leaf on, in their order, until it returns
// false. Postings and changes of holds are not among them: they are history.
func (v View) RowChanges(from uint64, fn func(RowChange) bool) {
	check(v.c.tables.leaves.ScanFrom(v.c.store, nil, number(from),
		func(key []byte, leaf LeafRow) bool {
			if leaf.Kind != proof.KindState {
				return true
			}
			var change stateChange
			check(wire.Unmarshal(leaf.Data, &change))
			return fn(RowChange{
				Leaf: binary.BigEndian.Uint64(key), What: change.What, Subject: change.Subject,
				At: change.At, row: change.Row,
			})
		}))
}

// MetadataOf finds the version of metadata that a change wrote.
func (v View) MetadataOf(change RowChange) (MetadataRow, bool) {
	newest := v.Metadata(change.Subject, 1)
	if len(newest) == 0 {
		return MetadataRow{}, false
	}
	version := func(n uint64) MetadataRow {
		row, _ := view(v, v.c.tables.metadata, MetadataKey{change.Subject, n})
		return row
	}
	// Times of versions never fall: the first of the change's time is found by halving.
	low, high := uint64(1), newest[0].Version
	for low < high {
		if middle := (low + high) / 2; version(middle).At < change.At {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for ; low <= newest[0].Version; low++ {
		row := version(low)
		if row.At != change.At {
			break
		}
		if wire.Hash("row", wire.MustMarshal(row)) == change.row {
			return row, true
		}
	}
	return MetadataRow{}, false
}
