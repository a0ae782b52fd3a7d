// Package merkle is the node's journal tree: the Merkle tree over audit leaves, the proofs
// taken from it and the signed checkpoints that commit to it.
//
// It never touches files, a clock or a key: hashes come from a Store that the caller owns,
// new hashes are handed back for the caller to keep, and signing is a function passed in.
// It does not know what a leaf means. Hashing is that of RFC 6962 section 2.1, tiles are C2SP
// tlog-tiles and checkpoints are C2SP tlog-checkpoint, so that other people's tools can read
// what a node publishes.
package merkle

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// LeavesMax is the greatest number of leaves a tree may have. It is far above what a node
// writes in its life (2^48 leaves are 89 years at 100,000 a second) and far below 2^62, where
// the index arithmetic of tlog would stop being exact.
const LeavesMax = int64(1) << 48

// ProofHashesMax is the greatest number of hashes in a proof over LeavesMax leaves: 48 for an
// inclusion proof and one more for a consistency proof (RFC 6962 section 2.1.2).
const ProofHashesMax = 49

// Hash is a SHA-256 hash of a leaf, of an interior node or of a whole tree.
type Hash = tlog.Hash

// HashSize is the length of a hash in bytes.
const HashSize = tlog.HashSize

// leafBytesInPlace is the length of leaf data up to which LeafHash allocates nothing. Leaves of
// a node are far shorter.
const leafBytesInPlace = 511

// LeafHash returns the hash of a leaf with the given data, SHA-256(00 || data), as RFC 6962
// section 2.1 defines it.
func LeafHash(data []byte) Hash {
	if len(data) > leafBytesInPlace {
		return tlog.RecordHash(data)
	}
	var prefixed [1 + leafBytesInPlace]byte
	return sha256.Sum256(prefixed[:1+copy(prefixed[1:], data)])
}

// NodeHash returns the hash of an interior node, SHA-256(01 || left || right), as RFC 6962
// section 2.1 defines it.
func NodeHash(left, right Hash) Hash {
	return tlog.NodeHash(left, right)
}

// EmptyRoot returns the root of a tree without leaves: the SHA-256 hash of nothing.
func EmptyRoot() Hash {
	return sha256.Sum256(nil)
}

// Store reads hashes that were handed out by Tree.Append, by the position at which they were
// kept: the first hash ever returned has index 0 and so on without gaps.
type Store interface {
	// ReadHashes returns one hash for each index, in the order asked, or an error. It is
	// called with at most TileHashes indexes at a time. It must be safe to call from
	// several goroutines if several trees share the store.
	ReadHashes(indexes []int64) ([]Hash, error)
}

// StoredCount returns how many hashes a store holds for a tree of size leaves, which is also
// the index at which the first hash of the next leaf is kept. It panics if size is negative
// or above LeavesMax.
func StoredCount(size int64) int64 {
	if size < 0 || size > LeavesMax {
		panic(fmt.Sprintf("merkle: stored count of %d leaves", size))
	}
	return tlog.StoredHashCount(size)
}

// Tree is an append-only Merkle tree. It keeps only its right edge in memory, so that Append
// and Root read nothing; proofs and tiles read from the store. A Tree has one owner and is not
// safe for concurrent use: a reader opens a Tree of its own over the same store, at any size
// that the store already holds.
type Tree struct {
	store Store
	size  int64
	// edge holds the roots of the complete subtrees that make up the tree, greatest first:
	// one for each bit that is set in size.
	edge []Hash
}

// NewTree opens the tree of the first size leaves that the store holds; size 0 is a new tree
// and reads nothing. The caller compares Root with the root it expects.
func NewTree(store Store, size int64) (*Tree, error) {
	if size < 0 || size > LeavesMax {
		return nil, fmt.Errorf("merkle: a tree of %d leaves", size)
	}
	t := &Tree{store: store, size: size}
	if size == 0 {
		return t, nil
	}
	edge, err := readHashes(store, edgeIndexes(size))
	if err != nil {
		return nil, fmt.Errorf("open tree of %d leaves: %w", size, err)
	}
	t.edge = edge
	return t, nil
}

// Size returns the number of leaves.
func (t *Tree) Size() int64 {
	return t.size
}

// Root returns the root hash of the whole tree (RFC 6962 section 2.1).
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return EmptyRoot()
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// Append adds one leaf by its hash and returns the hashes that the caller must keep, in order,
// from index StoredCount(size before) on: the leaf's own and that of every subtree that it
// completes. It fails only if the tree already has LeavesMax leaves, and then changes nothing.
func (t *Tree) Append(leaf Hash) ([]Hash, error) {
	var room [storedBytesMax]byte
	kept, err := t.AppendTo(room[:0], leaf)
	if err != nil {
		return nil, err
	}
	stored := make([]Hash, len(kept)/HashSize)
	for i := range stored {
		stored[i] = Hash(kept[i*HashSize:])
	}
	return stored, nil
}

// storedBytesMax is the most that one leaf adds to a store: its own hash and one for each level
// above it.
const storedBytesMax = ProofHashesMax * HashSize

// AppendTo is Append for many leaves: it appends the hashes that the caller must keep to stored,
// HashSize bytes each and nothing between them, and returns the longer slice. It allocates
// nothing if stored has room.
func (t *Tree) AppendTo(stored []byte, leaf Hash) ([]byte, error) {
	if t.size >= LeavesMax {
		return stored, fmt.Errorf("merkle: the tree is full at %d leaves", LeavesMax)
	}
	stored = append(stored, leaf[:]...)
	node := leaf
	for range bits.TrailingZeros64(uint64(t.size + 1)) {
		last := len(t.edge) - 1
		node = tlog.NodeHash(t.edge[last], node)
		t.edge = t.edge[:last]
		stored = append(stored, node[:]...)
	}
	t.edge = append(t.edge, node)
	t.size++
	if len(t.edge) != bits.OnesCount64(uint64(t.size)) {
		panic(fmt.Sprintf("merkle: an edge of %d hashes at %d leaves", len(t.edge), t.size))
	}
	return stored, nil
}

// RootAt returns the root that the tree had at an earlier size, read from the store.
func (t *Tree) RootAt(size int64) (Hash, error) {
	if size < 0 || size > t.size {
		return Hash{}, fmt.Errorf("merkle: root at %d of %d leaves", size, t.size)
	}
	if size == t.size {
		return t.Root(), nil
	}
	earlier, err := NewTree(t.store, size)
	if err != nil {
		return Hash{}, err
	}
	return earlier.Root(), nil
}

// edgeIndexes returns where the roots of the complete subtrees of a tree are stored, greatest
// subtree first.
func edgeIndexes(size int64) []int64 {
	indexes := make([]int64, 0, bits.OnesCount64(uint64(size)))
	start := int64(0)
	for start < size {
		level := bits.Len64(uint64(size-start)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
		start += int64(1) << level
	}
	return indexes
}

// readHashes reads from the store and holds it to its contract.
func readHashes(store Store, indexes []int64) ([]Hash, error) {
	hashes, err := store.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	if len(hashes) != len(indexes) {
		return nil, fmt.Errorf("store gave %d hashes for %d indexes", len(hashes), len(indexes))
	}
	return hashes, nil
}
