package merkle_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"seyfert/merkle"
)

// grown is a tree with the store that its hashes are kept in.
type grown struct {
	*merkle.Tree
	store  *merkle.Memory
	leaves []merkle.Hash
}

// mustGrow builds a tree of size leaves, each the hash of its own number.
func mustGrow(tb testing.TB, size int) grown {
	tb.Helper()
	g := grown{store: new(merkle.Memory)}
	var err error
	if g.Tree, err = merkle.NewTree(g.store, 0); err != nil {
		tb.Fatal(err)
	}
	for i := range size {
		g.mustAppend(tb, merkle.LeafHash([]byte{byte(i >> 8), byte(i)}))
	}
	return g
}

func (g *grown) mustAppend(tb testing.TB, leaf merkle.Hash) {
	tb.Helper()
	if got := merkle.StoredCount(g.Size()); got != int64(len(*g.store)) {
		tb.Fatalf("stored count %d, store holds %d", got, len(*g.store))
	}
	stored, err := g.Append(leaf)
	if err != nil {
		tb.Fatal(err)
	}
	*g.store = append(*g.store, stored...)
	g.leaves = append(g.leaves, leaf)
}

func mustHash(tb testing.TB, text string) merkle.Hash {
	tb.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(merkle.Hash{}) {
		tb.Fatalf("not a hash: %q", text)
	}
	return merkle.Hash(raw)
}

// rootByDefinition computes the root straight from the recursive definition of RFC 6962
// section 2.1, sharing no code with the tree.
func rootByDefinition(leaves []merkle.Hash) merkle.Hash {
	switch len(leaves) {
	case 0:
		return merkle.EmptyRoot()
	case 1:
		return leaves[0]
	}
	split := 1
	for split*2 < len(leaves) {
		split *= 2
	}
	return merkle.NodeHash(rootByDefinition(leaves[:split]), rootByDefinition(leaves[split:]))
}

// knownLeaves and knownRoots are the eight inputs and the roots after each that the
// implementations of Certificate Transparency test themselves with.
var knownLeaves = []string{
	"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
	"606162636465666768696a6b6c6d6e6f",
}

var knownRoots = []string{
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

func mustGrowKnown(tb testing.TB) grown {
	tb.Helper()
	g := mustGrow(tb, 0)
	for _, text := range knownLeaves {
		data, err := hex.DecodeString(text)
		if err != nil {
			tb.Fatal(err)
		}
		g.mustAppend(tb, merkle.LeafHash(data))
	}
	return g
}

func TestKnownRoots(t *testing.T) {
	g := mustGrowKnown(t)
	for size, want := range knownRoots {
		root, err := g.RootAt(int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if root != mustHash(t, want) {
			t.Errorf("root of %d leaves is %x, want %s", size, root, want)
		}
	}
}

func TestTreeAgainstDefinition(t *testing.T) {
	g := mustGrow(t, 0)
	for size := range int64(130) {
		if want := rootByDefinition(g.leaves); g.Root() != want {
			t.Fatalf("root of %d leaves is %x, want %x", size, g.Root(), want)
		}
		want, err := tlog.TreeHash(size, g.store)
		if err != nil {
			t.Fatal(err)
		}
		if g.Root() != want {
			t.Fatalf("root of %d leaves differs from tlog", size)
		}
		again, err := merkle.NewTree(g.store, size)
		if err != nil {
			t.Fatal(err)
		}
		if again.Root() != g.Root() || again.Size() != size {
			t.Fatalf("reopened at %d leaves: another tree", size)
		}
		g.mustAppend(t, merkle.LeafHash([]byte{byte(size)}))
	}
}

func TestAppendStoresWhatTlogStores(t *testing.T) {
	g := mustGrow(t, 0)
	for size := range int64(70) {
		leaf := merkle.LeafHash([]byte{byte(size)})
		want, err := tlog.StoredHashesForRecordHash(size, leaf, g.store)
		if err != nil {
			t.Fatal(err)
		}
		before := len(*g.store)
		g.mustAppend(t, leaf)
		if diff := cmp.Diff(want, []merkle.Hash((*g.store)[before:])); diff != "" {
			t.Fatalf("leaf %d: %s", size, diff)
		}
	}
}

func TestReopenedTreeGrowsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 5).Draw(t, "added between reopenings")
		store := new(merkle.Memory)
		var leaves []merkle.Hash
		for _, added := range sizes {
			tree, err := merkle.NewTree(store, int64(len(leaves)))
			if err != nil {
				t.Fatal(err)
			}
			for range added {
				leaf := merkle.LeafHash([]byte{byte(len(leaves))})
				leaves = append(leaves, leaf)
				stored, err := tree.Append(leaf)
				if err != nil {
					t.Fatal(err)
				}
				*store = append(*store, stored...)
			}
			if tree.Root() != rootByDefinition(leaves) {
				t.Fatalf("wrong root at %d leaves", len(leaves))
			}
		}
	})
}

// anyStore answers every read with the same hash, so that trees of any size can be opened.
type anyStore struct{}

func (anyStore) ReadHashes(indexes []int64) ([]merkle.Hash, error) {
	return make([]merkle.Hash, len(indexes)), nil
}

func TestLeavesMax(t *testing.T) {
	tree, err := merkle.NewTree(anyStore{}, merkle.LeavesMax-1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Append(merkle.Hash{}); err != nil {
		t.Fatal(err)
	}
	root := tree.Root()
	if _, err := tree.Append(merkle.Hash{}); err == nil {
		t.Fatal("a full tree took a leaf")
	}
	if tree.Size() != merkle.LeavesMax || tree.Root() != root {
		t.Fatal("a refused leaf changed the tree")
	}
	for _, size := range []int64{-1, merkle.LeavesMax + 1} {
		if _, err := merkle.NewTree(anyStore{}, size); err == nil {
			t.Errorf("opened a tree of %d leaves", size)
		}
		mustPanic(t, func() { merkle.StoredCount(size) })
		mustPanic(t, func() { merkle.RightTiles(size) })
	}
}

func mustPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("did not panic")
		}
	}()
	do()
}

var errBroken = errors.New("broken disk")

// brokenStore fails, or gives one hash too few.
type brokenStore struct{ err error }

func (s brokenStore) ReadHashes(indexes []int64) ([]merkle.Hash, error) {
	return make([]merkle.Hash, max(0, len(indexes)-1)), s.err
}

func TestStoreFaults(t *testing.T) {
	if _, err := merkle.NewTree(brokenStore{errBroken}, 5); !errors.Is(err, errBroken) {
		t.Errorf("a store that fails: %v", err)
	}
	if _, err := merkle.NewTree(brokenStore{}, 5); err == nil {
		t.Error("a store that gives too few hashes was believed")
	}
	for _, broken := range []merkle.Store{brokenStore{errBroken}, brokenStore{}} {
		tree, err := merkle.NewTree(broken, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := tree.Append(merkle.Hash{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tree.Prove(1, 5); err == nil {
			t.Error("proved a leaf without hashes")
		}
		if _, err := tree.ProveConsistency(2, 5); err == nil {
			t.Error("proved consistency without hashes")
		}
		if _, err := tree.ReadTile(merkle.Tile{Width: 5}); err == nil {
			t.Error("read a tile without hashes")
		}
		if _, err := tree.RootAt(4); err == nil {
			t.Error("found a root without hashes")
		}
	}
	if _, err := mustGrow(t, 3).store.ReadHashes([]int64{-1}); err == nil {
		t.Error("read before the store")
	}
	if _, err := merkle.NewTree(mustGrow(t, 3).store, 9); err == nil {
		t.Error("read beyond the store")
	}
	tree := mustGrow(t, 3)
	for _, size := range []int64{-1, 4} {
		if _, err := tree.RootAt(size); err == nil {
			t.Errorf("found a root at %d of 3 leaves", size)
		}
	}
}
