package merkle_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/merkle"
)

// filed holds hashes as records, and counts the reads.
type filed struct {
	bytes []byte
	reads int
}

func (f *filed) Read(first uint64, into []byte) (int, error) {
	f.reads++
	if first == 0 || first > uint64(len(f.bytes)/merkle.HashSize) {
		return 0, fmt.Errorf("record %d of %d", first, len(f.bytes)/merkle.HashSize)
	}
	return copy(into, f.bytes[(first-1)*merkle.HashSize:]) / merkle.HashSize, nil
}

// mustFile grows a tree over records by AppendTo, beside one by Append.
func mustFile(tb testing.TB, size int) (*merkle.Tree, *filed, grown) {
	tb.Helper()
	g, f := mustGrow(tb, size), new(filed)
	tree, err := merkle.NewTree(merkle.Filed{Records: f}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	for _, leaf := range g.leaves {
		if f.bytes, err = tree.AppendTo(f.bytes, leaf); err != nil {
			tb.Fatal(err)
		}
	}
	return tree, f, g
}

func TestAppendToIsAppend(t *testing.T) {
	tree, f, g := mustFile(t, 1000)
	if tree.Root() != g.Root() || tree.Size() != g.Size() {
		t.Fatal("another tree")
	}
	var want []byte
	for _, hash := range *g.store {
		want = append(want, hash[:]...)
	}
	if diff := cmp.Diff(want, f.bytes); diff != "" {
		t.Fatal(diff)
	}
	kept := []byte("before")
	after, err := tree.AppendTo(kept, merkle.Hash{})
	if err != nil || string(after[:6]) != "before" || len(after) != 6+merkle.HashSize {
		t.Fatalf("appended to what was there: %x, %v", after, err)
	}
}

func TestAppendToAllocatesNothing(t *testing.T) {
	tree, _, _ := mustFile(t, 5)
	stored, data := make([]byte, 0, 64<<10), make([]byte, 200)
	allocs := testing.AllocsPerRun(100, func() {
		var err error
		if stored, err = tree.AppendTo(stored[:0], merkle.LeafHash(data)); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a leaf", allocs)
	}
}

func TestAppendToFullTree(t *testing.T) {
	tree, err := merkle.NewTree(anyStore{}, merkle.LeavesMax)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := tree.AppendTo([]byte("x"), merkle.Hash{}); err == nil || string(after) != "x" {
		t.Fatalf("a full tree took a leaf: %x, %v", after, err)
	}
}

func TestFiledHashesProveTheSame(t *testing.T) {
	tree, f, g := mustFile(t, 700)
	for _, leaf := range []int64{0, 1, 255, 256, 511, 698, 699} {
		got, err := tree.Prove(leaf, 700)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.Prove(leaf, 700)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("leaf %d: %s", leaf, diff)
		}
	}
	for _, tile := range []merkle.Tile{
		{Width: 256}, {Index: 1, Width: 256}, {Index: 2, Width: 188}, {Level: 1, Width: 2},
	} {
		f.reads = 0
		got, err := tree.ReadTile(tile)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.ReadTile(tile)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v: %s", tile, diff)
		}
		if tile.Level == 0 && f.reads != 1 {
			t.Errorf("%+v took %d reads", tile, f.reads)
		}
	}
	again, err := merkle.NewTree(merkle.Filed{Records: f}, 700)
	if err != nil || again.Root() != g.Root() {
		t.Fatalf("opened again: %v", err)
	}
}

func TestFiledHashesInAnyOrder(t *testing.T) {
	_, f, g := mustFile(t, 300)
	for _, indexes := range [][]int64{
		{}, {0}, {595}, {5, 5, 4, 6, 300, 0, 1, 2, 590}, {10, 12, 28, 45}, {594, 595},
	} {
		got, err := merkle.Filed{Records: f}.ReadHashes(indexes)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.store.ReadHashes(indexes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", indexes, diff)
		}
	}
	beyond := int64(len(*g.store))
	for _, indexes := range [][]int64{{-1}, {-2}, {beyond}, {beyond - 1, beyond}} {
		if _, err := (merkle.Filed{Records: f}).ReadHashes(indexes); err == nil {
			t.Errorf("read hashes %v of %d", indexes, beyond)
		}
	}
	broken := merkle.Filed{Records: brokenRecords{}}
	if _, err := broken.ReadHashes([]int64{3}); !errors.Is(err, errBroken) {
		t.Errorf("records that fail: %v", err)
	}
}

type brokenRecords struct{}

func (brokenRecords) Read(uint64, []byte) (int, error) { return 0, errBroken }

// leafHashByDefinition is the hash of RFC 6962 section 2.1.
func leafHashByDefinition(data []byte) merkle.Hash {
	return sha256.Sum256(append([]byte{0}, data...))
}

func TestLeafHashOfAnyLength(t *testing.T) {
	for _, length := range []int{0, 1, 150, 510, 511, 512, 513, 5000} {
		data := make([]byte, length)
		if got, want := merkle.LeafHash(data), leafHashByDefinition(data); got != want {
			t.Errorf("hash of %d bytes is %x, want %x", length, got, want)
		}
	}
}

// BenchmarkLeaf is one leaf of a node: the hash of its data, and all that it completes.
func BenchmarkLeaf(b *testing.B) {
	tree, err := merkle.NewTree(new(merkle.Memory), 0)
	if err != nil {
		b.Fatal(err)
	}
	stored, data := make([]byte, 0, 64<<10), make([]byte, 192)
	b.ReportAllocs()
	for b.Loop() {
		if stored, err = tree.AppendTo(stored[:0], merkle.LeafHash(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeafHash(b *testing.B) {
	data := make([]byte, 192)
	b.ReportAllocs()
	for b.Loop() {
		merkle.LeafHash(data)
	}
}
