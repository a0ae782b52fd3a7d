package wire

import (
	"errors"
	"fmt"
)

// AggregateLeavesMax bounds the leaves of one aggregate record.
const AggregateLeavesMax = 1 << 20

// Leaf is one small transfer inside an aggregate record (B7).
type Leaf struct {
	// ClearSeq is the transfer's place in its direction, due date and currency.
	ClearSeq uint32
	// TransferID names the transfer.
	TransferID [16]byte
	// Amount is minor units below 2^63.
	Amount uint64
	// Currency is the ISO 4217 number.
	Currency uint16
	// Due is the due date in days since 1970-01-01.
	Due uint16
	// Salt is LeafSalt, known to both nodes and to no one else.
	Salt [32]byte
}

// Aggregate is what an AggregateRoot commits to beside its leaves.
type Aggregate struct {
	// First and Last bound the clearSeq range that the record covers.
	First uint32
	// Last is the record's Seq.
	Last uint32
	// Count is the number of leaves; seqs with a record of their own are none.
	Count uint32
	// Total is the sum of the leaves in minor units below 2^63.
	Total uint64
	// Currency is the ISO 4217 number.
	Currency uint16
	// Due is the due date in days since 1970-01-01.
	Due uint16
}

// LeafSalt is H("salt", preimage, transferId).
func LeafSalt(preimage [32]byte, transferID [16]byte) [32]byte {
	return Hash("salt", preimage[:], transferID[:])
}

// Hash is the leaf's node in the tree.
func (l Leaf) Hash() [32]byte {
	return Hash("leaf", u32(l.ClearSeq), l.TransferID[:], u64(l.Amount), u16(l.Currency),
		u16(l.Due), l.Salt[:])
}

// Root is the AggregateRoot of a record whose leaves have the given LeavesRoot.
func (a Aggregate) Root(leavesRoot [32]byte) [32]byte {
	return Hash("aggregate", u32(a.First), u32(a.Last), u32(a.Count), u64(a.Total),
		u16(a.Currency), u16(a.Due), leavesRoot[:])
}

// LeavesRoot is the root over leaf hashes in clearSeq order. Neighbours are joined from the left
// and an odd one moves up unchanged; one leaf is its own root, none is an error.
func LeavesRoot(leaves [][32]byte) ([32]byte, error) {
	if err := checkLeaves(len(leaves)); err != nil {
		return [32]byte{}, err
	}
	level := append([][32]byte(nil), leaves...)
	for len(level) > 1 {
		level = joinLevel(level)
	}
	return level[0], nil
}

// LeafPath is the hashes beside the path of leaf index, from the bottom up: what a node shows to
// prove that a transfer is in an aggregate.
func LeafPath(leaves [][32]byte, index int) ([][32]byte, error) {
	if err := checkLeaves(len(leaves)); err != nil {
		return nil, err
	}
	if index < 0 || index >= len(leaves) {
		return nil, errors.New("aggregate: no such leaf")
	}
	var path [][32]byte
	level := append([][32]byte(nil), leaves...)
	for len(level) > 1 {
		if beside := index ^ 1; beside < len(level) {
			path = append(path, level[beside])
		}
		level = joinLevel(level)
		index /= 2
	}
	return path, nil
}

// LeafPathRoot is the LeavesRoot that a path leads to for leaf index of count; a path of another
// length than that place has is an error.
func LeafPathRoot(leaf [32]byte, index, count int, path [][32]byte) ([32]byte, error) {
	if err := checkLeaves(count); err != nil {
		return [32]byte{}, err
	}
	if index < 0 || index >= count {
		return [32]byte{}, errors.New("aggregate: no such leaf")
	}
	for ; count > 1; count = (count + 1) / 2 {
		if index^1 < count {
			if len(path) == 0 {
				return [32]byte{}, errors.New("aggregate: path is too short")
			}
			if index&1 == 0 {
				leaf = joinPair(leaf, path[0])
			} else {
				leaf = joinPair(path[0], leaf)
			}
			path = path[1:]
		}
		index /= 2
	}
	if len(path) > 0 {
		return [32]byte{}, errors.New("aggregate: path is too long")
	}
	return leaf, nil
}

// joinLevel overwrites the front of level with the level above it.
func joinLevel(level [][32]byte) [][32]byte {
	above := level[:0]
	for i := 0; i < len(level); i += 2 {
		if i+1 == len(level) {
			above = append(above, level[i])
		} else {
			above = append(above, joinPair(level[i], level[i+1]))
		}
	}
	return above
}

func joinPair(left, right [32]byte) [32]byte { return Hash("node", left[:], right[:]) }

func checkLeaves(count int) error {
	if count < 1 || count > AggregateLeavesMax {
		return fmt.Errorf("aggregate: %d leaves, want 1 to %d", count, AggregateLeavesMax)
	}
	return nil
}
