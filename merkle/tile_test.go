package merkle_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"seyfert/merkle"
)

// Paths as the C2SP tlog-tiles document spells them.
func TestTilePath(t *testing.T) {
	for path, tile := range map[string]merkle.Tile{
		"tile/0/000":                     {Level: 0, Index: 0, Width: 256},
		"tile/0/x001/x234/067":           {Level: 0, Index: 1234067, Width: 256},
		"tile/0/x001/x234/067.p/8":       {Level: 0, Index: 1234067, Width: 8},
		"tile/1/003.p/17":                {Level: 1, Index: 3, Width: 17},
		"tile/6/000.p/1":                 {Level: 6, Index: 0, Width: 1},
		"tile/0/x001/x099/x511/x627/775": {Level: 0, Index: 1<<40 - 1, Width: 256},
	} {
		if got := merkle.TilePath(tile); got != path {
			t.Errorf("%+v is at %s, want %s", tile, got, path)
		}
		if got, err := merkle.ParseTilePath(path); err != nil || got != tile {
			t.Errorf("%s is %+v, %v", path, got, err)
		}
	}
}

func TestTilePathRefused(t *testing.T) {
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/8/0/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/+0/000", "tile/-1/000",
		"tile/data/000", "tile/entries/000", "tile/7/000", "tile/64/000", "tile/x/000",
		"tile/0/x000/000", "tile/0/001/000", "tile/0/x001", "tile/0/x001/00", "tile/0/X001/000",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/0/000.p/-1", "tile/0/000.p/257", "tile/0/000.q/3", "tile/0/000 ", "tile/0/000\n",
		"tile/0/x001/x099/x511/x627/776", "tile/6/000.p/2", "tile/6/000", "tile/6/001.p/1",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/3/4/000",
		"tile/0/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/001",
	} {
		if tile, err := merkle.ParseTilePath(path); err == nil {
			t.Errorf("%q is %+v", path, tile)
		}
	}
	for _, tile := range []merkle.Tile{
		{Width: 0},
		{Width: 257},
		{Level: -1, Width: 1},
		{Level: 7, Width: 1},
		{Index: -1, Width: 1},
		{Index: 1 << 40, Width: 1},
		{Index: 1<<63 - 1, Width: 1},
	} {
		mustPanic(t, func() { merkle.TilePath(tile) })
		if _, err := mustGrow(t, 3).ReadTile(tile); err == nil {
			t.Errorf("read tile %+v", tile)
		}
	}
}

func TestTilePathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.IntRange(0, 5).Draw(t, "level")
		tile := merkle.Tile{
			Level: level,
			Index: rapid.Int64Range(0, merkle.LeavesMax>>(8*(level+1))-1).Draw(t, "index"),
			Width: rapid.IntRange(1, merkle.TileHashes).Draw(t, "width"),
		}
		again, err := merkle.ParseTilePath(merkle.TilePath(tile))
		if err != nil || again != tile {
			t.Fatalf("%+v became %+v, %v", tile, again, err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067.p/8")
	f.Add("tile/1/003")
	f.Add("tile/6/000.p/1")
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := merkle.ParseTilePath(path)
		if err == nil && merkle.TilePath(tile) != path {
			t.Errorf("%q has a second spelling", path)
		}
	})
}

// published is a reader of tiles that has only what a log publishes at one size: it answers
// with tile data by path and fails the test when a path is missing.
type published struct {
	tb    testing.TB
	tiles map[string][]byte
}

func (p published) Height() int { return merkle.TileHeight }

func (p published) SaveTiles([]tlog.Tile, [][]byte) {}

func (p published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := merkle.TilePath(merkle.Tile{Level: tile.L, Index: tile.N, Width: tile.W})
		data, found := p.tiles[path]
		if !found {
			p.tb.Fatalf("%s is not published", path)
		}
		all = append(all, data)
	}
	return all, nil
}

// mustPublish returns the tiles of a log: the rightmost of each level and the full ones left
// of them.
func mustPublish(tb testing.TB, g grown) published {
	tb.Helper()
	p := published{tb: tb, tiles: make(map[string][]byte)}
	for _, right := range merkle.RightTiles(g.Size()) {
		for index := range right.Index + 1 {
			tile := merkle.Tile{Level: right.Level, Index: index, Width: merkle.TileHashes}
			if index == right.Index {
				tile = right
			}
			data, err := g.ReadTile(tile)
			if err != nil {
				tb.Fatal(err)
			}
			p.tiles[merkle.TilePath(tile)] = data
		}
	}
	return p
}

// Somebody else's client, with nothing but published tiles and a checkpoint, proves leaves.
func TestTilesProveLeaves(t *testing.T) {
	for _, size := range []int{1, 2, 255, 256, 257, 511, 512, 513, 1000} {
		g := mustGrow(t, size)
		published := mustPublish(t, g)
		root := g.Root()
		reader := tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: root}, published)
		for _, leaf := range []int64{0, int64(size) / 2, int64(size) - 1} {
			proof, err := tlog.ProveRecord(int64(size), leaf, reader)
			if err != nil {
				t.Fatal(err)
			}
			err = merkle.CheckInclusion(proof, int64(size), leaf, g.leaves[leaf], root)
			if err != nil {
				t.Errorf("leaf %d of %d from tiles: %v", leaf, size, err)
			}
			ours, err := g.Prove(leaf, int64(size))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]merkle.Hash(proof), ours); diff != "" {
				t.Errorf("leaf %d of %d: %s", leaf, size, diff)
			}
		}
	}
}

func TestReadTile(t *testing.T) {
	g := mustGrow(t, 300)
	data, err := g.ReadTile(merkle.Tile{Index: 1, Width: 44})
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, leaf := range g.leaves[256:] {
		want = append(want, leaf[:]...)
	}
	if !bytes.Equal(data, want) {
		t.Error("a tile of level 0 is not its leaf hashes")
	}
	data, err = g.ReadTile(merkle.Tile{Level: 1, Width: 1})
	if err != nil {
		t.Fatal(err)
	}
	if first := rootByDefinition(g.leaves[:256]); !bytes.Equal(data, first[:]) {
		t.Error("a tile of level 1 is not the roots of the tiles below it")
	}
	for _, tile := range []merkle.Tile{
		{Index: 1, Width: 45}, {Index: 2, Width: 1}, {Level: 1, Width: 2}, {Level: 2, Width: 1},
	} {
		if _, err := g.ReadTile(tile); err == nil {
			t.Errorf("read %+v of 300 leaves", tile)
		}
	}
}

func TestRightTiles(t *testing.T) {
	for size, want := range map[int64][]merkle.Tile{
		0:   nil,
		1:   {{Width: 1}},
		256: {{Width: 256}, {Level: 1, Width: 1}},
		257: {{Index: 1, Width: 1}, {Level: 1, Width: 1}},
		70000: {
			{Index: 273, Width: 112}, {Level: 1, Index: 1, Width: 17}, {Level: 2, Width: 1},
		},
	} {
		if diff := cmp.Diff(want, merkle.RightTiles(size)); diff != "" {
			t.Errorf("%d leaves: %s", size, diff)
		}
	}
	tiles := merkle.RightTiles(merkle.LeavesMax)
	if top := tiles[len(tiles)-1]; top != (merkle.Tile{Level: merkle.TileLevelMax, Width: 1}) {
		t.Errorf("the top tile of a full tree is %+v", top)
	}
}
