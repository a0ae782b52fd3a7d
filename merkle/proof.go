package merkle

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Prove returns the audit path that shows leaf (counted from 0) to be in the tree that had
// size leaves, in the order of RFC 6962 section 2.1.1: from the leaf's sibling upwards. The
// size may be any from leaf+1 to Size, so that a proof can be made for a checkpoint of the
// past.
func (t *Tree) Prove(leaf, size int64) ([]Hash, error) {
	if leaf < 0 || leaf >= size || size > t.size {
		return nil, fmt.Errorf("merkle: prove leaf %d at %d of %d leaves", leaf, size, t.size)
	}
	proof, err := tlog.ProveRecord(size, leaf, t.store)
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d at %d leaves: %w", leaf, size, err)
	}
	return proof, nil
}

// ProveConsistency returns the proof that the tree of before leaves is the beginning of the
// tree of after leaves (RFC 6962 section 2.1.2), 1 <= before <= after <= Size. The proof of a
// size with itself is empty.
func (t *Tree) ProveConsistency(before, after int64) ([]Hash, error) {
	if before < 1 || before > after || after > t.size {
		return nil, fmt.Errorf("merkle: prove %d consistent with %d of %d leaves",
			before, after, t.size)
	}
	proof, err := tlog.ProveTree(after, before, t.store)
	if err != nil {
		return nil, fmt.Errorf("prove %d consistent with %d leaves: %w", before, after, err)
	}
	return proof, nil
}

// CheckInclusion verifies that a tree of size leaves with the given root has leafHash at
// position leaf (counted from 0). The proof must have exactly the hashes that size and leaf
// ask for. It reads nothing else and never panics, whatever the input.
func CheckInclusion(proof []Hash, size, leaf int64, leafHash, root Hash) error {
	if size < 1 || size > LeavesMax || leaf < 0 || leaf >= size {
		return fmt.Errorf("merkle: no leaf %d in a tree of %d leaves", leaf, size)
	}
	if len(proof) > ProofHashesMax {
		return fmt.Errorf("merkle: a proof of %d hashes", len(proof))
	}
	if err := tlog.CheckRecord(proof, size, root, leaf, leafHash); err != nil {
		return fmt.Errorf("check leaf %d in %d leaves: %w", leaf, size, err)
	}
	return nil
}

// CheckConsistency verifies that the tree of after leaves with root afterRoot begins with the
// tree of before leaves with root beforeRoot, 1 <= before <= after. The proof must have
// exactly the hashes that the sizes ask for. It never panics, whatever the input.
func CheckConsistency(proof []Hash, before, after int64, beforeRoot, afterRoot Hash) error {
	if before < 1 || before > after || after > LeavesMax {
		return fmt.Errorf("merkle: no step from %d to %d leaves", before, after)
	}
	if len(proof) > ProofHashesMax {
		return fmt.Errorf("merkle: a proof of %d hashes", len(proof))
	}
	if err := tlog.CheckTree(proof, after, afterRoot, before, beforeRoot); err != nil {
		return fmt.Errorf("check step from %d to %d leaves: %w", before, after, err)
	}
	return nil
}
