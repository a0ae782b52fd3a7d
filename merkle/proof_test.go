package merkle_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/merkle"
)

// Proofs over the known leaves that the implementations of Certificate Transparency test
// themselves with.
func TestKnownInclusion(t *testing.T) {
	g := mustGrowKnown(t)
	for _, c := range []struct {
		leaf, size int64
		want       []string
	}{
		{0, 1, nil},
		{0, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{5, 8, []string{
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 3, []string{
			"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		}},
		{1, 5, []string{
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	} {
		proof, err := g.Prove(c.leaf, c.size)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mustHashes(t, c.want), slices.Clip(proof)); diff != "" {
			t.Errorf("leaf %d of %d: %s", c.leaf, c.size, diff)
		}
		root := mustHash(t, knownRoots[c.size])
		if err := merkle.CheckInclusion(proof, c.size, c.leaf, g.leaves[c.leaf], root); err != nil {
			t.Error(err)
		}
	}
}

func TestKnownConsistency(t *testing.T) {
	g := mustGrowKnown(t)
	for _, c := range []struct {
		before, after int64
		want          []string
	}{
		{1, 1, nil},
		{1, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{6, 8, []string{
			"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 5, []string{
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	} {
		proof, err := g.ProveConsistency(c.before, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mustHashes(t, c.want), slices.Clip(proof)); diff != "" {
			t.Errorf("%d to %d: %s", c.before, c.after, diff)
		}
		before, after := mustHash(t, knownRoots[c.before]), mustHash(t, knownRoots[c.after])
		if err := merkle.CheckConsistency(proof, c.before, c.after, before, after); err != nil {
			t.Error(err)
		}
	}
}

func mustHashes(tb testing.TB, texts []string) []merkle.Hash {
	tb.Helper()
	hashes := []merkle.Hash{}
	for _, text := range texts {
		hashes = append(hashes, mustHash(tb, text))
	}
	return hashes
}

// Every proof of every small tree holds, and holds for nothing else.
func TestEveryProof(t *testing.T) {
	const sizeMax = 33
	g := mustGrow(t, sizeMax)
	roots := make([]merkle.Hash, sizeMax+1)
	for size := range roots {
		roots[size] = rootByDefinition(g.leaves[:size])
	}
	for size := int64(1); size <= sizeMax; size++ {
		for leaf := range size {
			proof, err := g.Prove(leaf, size)
			if err != nil {
				t.Fatal(err)
			}
			for other := int64(-1); other <= size; other++ {
				err := merkle.CheckInclusion(proof, size, other, g.leaves[leaf], roots[size])
				if (err == nil) != (other == leaf) {
					t.Errorf("leaf %d of %d as %d: %v", leaf, size, other, err)
				}
			}
		}
		for before := int64(1); before <= size; before++ {
			proof, err := g.ProveConsistency(before, size)
			if err != nil {
				t.Fatal(err)
			}
			for other := int64(1); other <= size; other++ {
				err := merkle.CheckConsistency(proof, before, size, roots[other], roots[size])
				if (err == nil) != (other == before) {
					t.Errorf("%d to %d with the root of %d: %v", before, size, other, err)
				}
			}
		}
	}
}

// change alters one thing about a proof and what is checked with it.
func change(t *rapid.T, proof []merkle.Hash, others ...*merkle.Hash) []merkle.Hash {
	proof = slices.Clone(proof)
	flip := func(h *merkle.Hash) {
		h[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	}
	if len(proof) == 0 {
		flip(rapid.SampledFrom(others).Draw(t, "hash"))
		return proof
	}
	at := rapid.IntRange(0, len(proof)-1).Draw(t, "at")
	switch rapid.SampledFrom([]string{"flip", "other", "cut", "add", "swap"}).Draw(t, "how") {
	case "flip":
		flip(&proof[at])
	case "other":
		flip(rapid.SampledFrom(others).Draw(t, "hash"))
	case "cut":
		return slices.Delete(proof, at, at+1)
	case "add":
		return slices.Insert(proof, at, proof[at])
	case "swap":
		if len(proof) == 1 {
			return nil
		}
		next := (at + 1) % len(proof)
		proof[at], proof[next] = proof[next], proof[at]
	}
	return proof
}

func TestTamperedInclusion(t *testing.T) {
	g := mustGrow(t, 600)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, g.Size()).Draw(t, "size")
		leaf := rapid.Int64Range(0, size-1).Draw(t, "leaf")
		root, err := g.RootAt(size)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := g.Prove(leaf, size)
		if err != nil {
			t.Fatal(err)
		}
		leafHash := g.leaves[leaf]
		if err := merkle.CheckInclusion(proof, size, leaf, leafHash, root); err != nil {
			t.Fatal(err)
		}
		proof = change(t, proof, &leafHash, &root)
		if merkle.CheckInclusion(proof, size, leaf, leafHash, root) == nil {
			t.Fatalf("a changed proof of leaf %d in %d leaves holds", leaf, size)
		}
	})
}

func TestTamperedConsistency(t *testing.T) {
	g := mustGrow(t, 600)
	rapid.Check(t, func(t *rapid.T) {
		after := rapid.Int64Range(1, g.Size()).Draw(t, "after")
		before := rapid.Int64Range(1, after).Draw(t, "before")
		beforeRoot, err := g.RootAt(before)
		if err != nil {
			t.Fatal(err)
		}
		afterRoot, err := g.RootAt(after)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := g.ProveConsistency(before, after)
		if err != nil {
			t.Fatal(err)
		}
		check := func() error {
			return merkle.CheckConsistency(proof, before, after, beforeRoot, afterRoot)
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
		proof = change(t, proof, &beforeRoot, &afterRoot)
		if check() == nil {
			t.Fatalf("a changed proof from %d to %d leaves holds", before, after)
		}
	})
}

// A history that was changed cannot be joined to the root that was published before.
func TestRewrittenHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.IntRange(1, 60).Draw(t, "before")
		added := rapid.IntRange(0, 60).Draw(t, "added")
		changed := rapid.IntRange(0, before-1).Draw(t, "changed")
		leaves := make([]merkle.Hash, before+added)
		for i := range leaves {
			leaves[i] = merkle.LeafHash([]byte{byte(i)})
		}
		published := rootByDefinition(leaves[:before])
		leaves[changed] = merkle.LeafHash([]byte("something else"))
		store := new(merkle.Memory)
		tree, err := merkle.NewTree(store, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, leaf := range leaves {
			stored, err := tree.Append(leaf)
			if err != nil {
				t.Fatal(err)
			}
			*store = append(*store, stored...)
		}
		proof, err := tree.ProveConsistency(int64(before), tree.Size())
		if err != nil {
			t.Fatal(err)
		}
		err = merkle.CheckConsistency(proof, int64(before), tree.Size(), published, tree.Root())
		if err == nil {
			t.Fatalf("leaf %d was rewritten unseen", changed)
		}
	})
}

func TestProofArguments(t *testing.T) {
	g := mustGrow(t, 5)
	for _, c := range [][2]int64{{-1, 5}, {5, 5}, {0, 0}, {0, 6}, {6, 7}} {
		if _, err := g.Prove(c[0], c[1]); err == nil {
			t.Errorf("proved leaf %d of %d", c[0], c[1])
		}
	}
	for _, c := range [][2]int64{{0, 5}, {-1, 5}, {4, 3}, {1, 6}} {
		if _, err := g.ProveConsistency(c[0], c[1]); err == nil {
			t.Errorf("proved %d to %d", c[0], c[1])
		}
	}
	var h merkle.Hash
	const most = merkle.LeavesMax
	for _, c := range [][2]int64{{0, 0}, {0, -1}, {-1, 5}, {5, 5}, {0, most + 1}, {0, 1<<63 - 1}} {
		if merkle.CheckInclusion(nil, c[1], c[0], h, h) == nil {
			t.Errorf("leaf %d is in %d leaves", c[0], c[1])
		}
	}
	for _, c := range [][2]int64{{0, 0}, {0, 5}, {-1, 5}, {5, 4}, {1, most + 1}, {1, 1<<63 - 1}} {
		if merkle.CheckConsistency(nil, c[0], c[1], h, h) == nil {
			t.Errorf("%d leads to %d", c[0], c[1])
		}
	}
}

// One leaf more than LeavesMax is refused even with a proof that would hold.
func TestProofAboveLeavesMax(t *testing.T) {
	left, leaf := merkle.LeafHash([]byte("left")), merkle.LeafHash([]byte("leaf"))
	root := merkle.NodeHash(left, leaf)
	const most = merkle.LeavesMax
	// With these sizes the last leaf stands alone beside a complete tree.
	for size, want := range map[int64]bool{most/2 + 1: true, most + 1: false} {
		err := merkle.CheckInclusion([]merkle.Hash{left}, size, size-1, leaf, root)
		if (err == nil) != want {
			t.Errorf("a leaf in %d leaves: %v", size, err)
		}
		err = merkle.CheckConsistency([]merkle.Hash{leaf}, size-1, size, left, root)
		if (err == nil) != want {
			t.Errorf("a step to %d leaves: %v", size, err)
		}
	}
}

// The longest proofs there can be hold, and one hash more is refused before it is looked at.
func TestProofHashesMax(t *testing.T) {
	tree, err := merkle.NewTree(anyStore{}, merkle.LeavesMax)
	if err != nil {
		t.Fatal(err)
	}
	inclusion, err := tree.Prove(0, merkle.LeavesMax)
	if err != nil {
		t.Fatal(err)
	}
	consistency, err := tree.ProveConsistency(1<<47+1, merkle.LeavesMax)
	if err != nil {
		t.Fatal(err)
	}
	if len(inclusion) != 48 || len(consistency) != merkle.ProofHashesMax {
		t.Errorf("the longest proofs have %d and %d hashes", len(inclusion), len(consistency))
	}
	var h merkle.Hash
	long := make([]merkle.Hash, merkle.ProofHashesMax+1)
	if merkle.CheckInclusion(long, merkle.LeavesMax, 0, h, h) == nil {
		t.Error("a proof of more than ProofHashesMax shows a leaf")
	}
	if merkle.CheckConsistency(long, 1, merkle.LeavesMax, h, h) == nil {
		t.Error("a proof of more than ProofHashesMax joins two sizes")
	}
}

func FuzzCheckProof(f *testing.F) {
	g := mustGrow(f, 7)
	proof, err := g.Prove(3, 7)
	if err != nil {
		f.Fatal(err)
	}
	var flat []byte
	for _, h := range proof {
		flat = append(flat, h[:]...)
	}
	root := g.Root()
	f.Add(flat, int64(3), int64(7), g.leaves[3][:], root[:])
	f.Add([]byte{}, int64(1), int64(1)<<62, g.leaves[0][:], root[:])
	f.Fuzz(func(t *testing.T, flat []byte, first, size int64, one, two []byte) {
		if len(one) != 32 || len(two) != 32 {
			return
		}
		var proof []merkle.Hash
		for hash := range slices.Chunk(flat, 32) {
			if len(hash) == 32 {
				proof = append(proof, merkle.Hash(hash))
			}
		}
		// Nothing can be expected of such hashes but an answer.
		_ = merkle.CheckInclusion(proof, size, first, merkle.Hash(one), merkle.Hash(two))
		_ = merkle.CheckConsistency(proof, first, size, merkle.Hash(one), merkle.Hash(two))
	})
}
