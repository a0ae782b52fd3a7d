package spv

import (
	"bytes"
	"fmt"
)

// BlockTxsMax is the greatest number of transactions in a block: the least transaction has 60
// bytes of four weight units each.
const BlockTxsMax = TxBytesMax / (4 * 60)

// BranchDepthMax is the greatest number of siblings in a branch over BlockTxsMax transactions.
const BranchDepthMax = 15

// Branch is the path from one transaction id to the Merkle root of its block.
type Branch struct {
	// Index is the transaction's place in the block, 0 for the coinbase.
	Index uint32
	// Siblings are the hashes to combine with, from the leaf upwards, in wire order.
	Siblings [][32]byte
}

// Root returns the Merkle root that the branch leads to from txid. It refuses a branch deeper
// than BranchDepthMax, an index that the depth cannot hold, and an index that points at the
// copy of the last node with which Bitcoin fills up an odd row: no transaction stands there.
//
// The caller must hold the transaction itself: a bare txid may be an inner node. Use
// CheckInclusion, which guards against that.
func (b Branch) Root(txid [32]byte) ([32]byte, error) {
	if len(b.Siblings) > BranchDepthMax {
		return [32]byte{}, fmt.Errorf("spv: a branch of %d siblings", len(b.Siblings))
	}
	if b.Index>>len(b.Siblings) != 0 {
		return [32]byte{}, fmt.Errorf("spv: index %d in a branch of %d siblings",
			b.Index, len(b.Siblings))
	}
	node := txid
	for level, sibling := range b.Siblings {
		if b.Index>>level&1 == 0 {
			node = nodeHash(node, sibling)
			continue
		}
		if sibling == node {
			return [32]byte{}, fmt.Errorf("spv: index %d is a copy, not a transaction", b.Index)
		}
		node = nodeHash(sibling, node)
	}
	return node, nil
}

// CheckInclusion verifies that tx is in the block with the given header, at branch.Index. A
// transaction of 64 stripped bytes is refused: it could be an inner node of a real block's
// tree made up to look like a transaction (CVE-2017-12842), and no wallet makes such.
func CheckInclusion(tx Tx, branch Branch, header Header) error {
	stripped := tx.Stripped()
	if len(stripped) == 64 {
		return fmt.Errorf("spv: a transaction of 64 bytes may be an inner node")
	}
	root, err := branch.Root(doubleHash(stripped))
	if err != nil {
		return err
	}
	if root != header.MerkleRoot {
		return fmt.Errorf("spv: the branch leads to %s, the header has %s",
			HashString(root), HashString(header.MerkleRoot))
	}
	return nil
}

// BuildBranch returns the branch of the transaction at index among all the ids of a block, in
// block order and wire order. It refuses a list in which two nodes that are paired are equal
// though both are there: such a list is a mutation of a shorter one with the same root
// (CVE-2012-2459).
func BuildBranch(txids [][32]byte, index int) (Branch, error) {
	if index < 0 || index >= len(txids) {
		return Branch{}, fmt.Errorf("spv: no transaction %d of %d", index, len(txids))
	}
	b := Branch{Index: uint32(index)}
	_, err := foldRows(txids, func(row [][32]byte) {
		sibling := min(index^1, len(row)-1)
		b.Siblings = append(b.Siblings, row[sibling])
		index /= 2
	})
	if err != nil {
		return Branch{}, err
	}
	return b, nil
}

// MerkleRoot returns the Merkle root over all the transaction ids of a block, with the guards
// of BuildBranch.
func MerkleRoot(txids [][32]byte) ([32]byte, error) {
	return foldRows(txids, func([][32]byte) {})
}

// foldRows computes the rows of a block's Merkle tree and shows each below the root to visit.
func foldRows(txids [][32]byte, visit func(row [][32]byte)) ([32]byte, error) {
	if len(txids) == 0 || len(txids) > BlockTxsMax {
		return [32]byte{}, fmt.Errorf("spv: a block of %d transactions", len(txids))
	}
	row := txids
	for len(row) > 1 {
		visit(row)
		above := make([][32]byte, 0, (len(row)+1)/2)
		for i := 0; i < len(row); i += 2 {
			right := min(i+1, len(row)-1)
			if right != i && row[i] == row[right] {
				return [32]byte{}, fmt.Errorf("spv: a block with a transaction twice")
			}
			above = append(above, nodeHash(row[i], row[right]))
		}
		row = above
	}
	return row[0], nil
}

// nodeHash hashes an inner node of a block's Merkle tree.
func nodeHash(left, right [32]byte) [32]byte {
	return doubleHash(append(left[:], right[:]...))
}

// BlockBytesMax is the greatest length of a serialized block.
const BlockBytesMax = TxBytesMax

// Block is a block whose transactions were found to be those of its header.
type Block struct {
	// Header is the block's header; its work is not checked here.
	Header Header
	// Txs are all its transactions in order, the coinbase first.
	Txs []Tx
}

// ParseBlock reads a serialized block, with or without witness data, as strictly as ParseTx,
// and checks that the transactions lead to the header's Merkle root and that the first and
// only the first is a coinbase. It checks no work: follow it with the header's place in a
// Chain. Witness data is not committed to by the header alone and is not checked.
func ParseBlock(raw []byte) (Block, error) {
	if len(raw) < HeaderSize || len(raw) > BlockBytesMax {
		return Block{}, fmt.Errorf("spv: a block of %d bytes", len(raw))
	}
	header, err := ParseHeader(raw[:HeaderSize])
	if err != nil {
		return Block{}, err
	}
	c := cursor{rest: bytes.Clone(raw[HeaderSize:])}
	block := Block{Header: header, Txs: make([]Tx, c.count(txBytesMin))}
	txids := make([][32]byte, len(block.Txs))
	for i := range block.Txs {
		if block.Txs[i], err = parseTx(&c); err != nil {
			return Block{}, fmt.Errorf("transaction %d: %w", i, err)
		}
		if block.Txs[i].IsCoinbase() != (i == 0) {
			return Block{}, fmt.Errorf("spv: transaction %d: a coinbase in the wrong place", i)
		}
		txids[i] = block.Txs[i].TxID()
	}
	if c.err != nil {
		return Block{}, c.err
	}
	if len(c.rest) != 0 {
		return Block{}, fmt.Errorf("spv: %d bytes after the block", len(c.rest))
	}
	root, err := MerkleRoot(txids)
	if err != nil {
		return Block{}, err
	}
	if root != header.MerkleRoot {
		return Block{}, fmt.Errorf("spv: the transactions are not those of the header")
	}
	return block, nil
}
