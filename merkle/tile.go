package merkle

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the number of tree levels in a tile, fixed by C2SP tlog-tiles.
const TileHeight = 8

// TileHashes is the number of hashes in a full tile.
const TileHashes = 1 << TileHeight

// TileLevelMax is the highest level a tile may have: a tree of LeavesMax leaves has its last
// single hash at level 48/8.
const TileLevelMax = 6

// TilePathBytesMax is the greatest length of a tile path that ParseTilePath looks at.
const TilePathBytesMax = 64

// Tile names a tile of the tree: Width hashes at tree level 8*Level, from number Index*256 on.
type Tile struct {
	// Level is the tile level, from 0 to TileLevelMax.
	Level int
	// Index is the number of the tile within its level, from 0.
	Index int64
	// Width is the number of hashes, from 1 to TileHashes; less than TileHashes is a
	// partial tile at the right edge of the tree.
	Width int
}

// valid says whether a tile of this name can exist in some tree.
func (t Tile) valid() bool {
	if t.Level < 0 || t.Level > TileLevelMax || t.Width < 1 || t.Width > TileHashes {
		return false
	}
	hashes := LeavesMax >> (TileHeight * t.Level)
	return t.Index >= 0 && t.Index <= hashes/TileHashes &&
		t.Index*TileHashes+int64(t.Width) <= hashes
}

// TilePath returns where a tile is published below a log's prefix, such as "tile/0/x001/067"
// or "tile/1/003.p/17" (C2SP tlog-tiles). It panics on a tile that no tree can have.
func TilePath(t Tile) string {
	if !t.valid() {
		panic(fmt.Sprintf("merkle: no path for tile %+v", t))
	}
	path := tlog.Tile{H: TileHeight, L: t.Level, N: t.Index, W: t.Width}.Path()
	// tlog writes the height, which C2SP leaves out because it is always 8.
	return "tile" + strings.TrimPrefix(path, "tile/8")
}

// ParseTilePath reads what TilePath writes. It accepts no other spelling of the same tile and
// no tile that a tree of LeavesMax leaves could not have.
func ParseTilePath(path string) (Tile, error) {
	rest, found := strings.CutPrefix(path, "tile/")
	if !found || len(path) > TilePathBytesMax {
		return Tile{}, fmt.Errorf("merkle: not a tile path")
	}
	// tlog writes the tile again and compares, so there is one spelling.
	parsed, err := tlog.ParseTilePath("tile/8/" + rest)
	if err != nil {
		return Tile{}, fmt.Errorf("merkle: not a tile path")
	}
	tile := Tile{Level: parsed.L, Index: parsed.N, Width: parsed.W}
	if !tile.valid() {
		return Tile{}, fmt.Errorf("merkle: not a tile path")
	}
	return tile, nil
}

// ReadTile returns the hashes of a tile one after another, 32 bytes each, as they are
// published. Every hash of the tile must already be in the tree.
func (t *Tree) ReadTile(tile Tile) ([]byte, error) {
	if !tile.valid() || tile.Index*TileHashes+int64(tile.Width) > t.size>>(TileHeight*tile.Level) {
		return nil, fmt.Errorf("merkle: no tile %+v in a tree of %d leaves", tile, t.size)
	}
	named := tlog.Tile{H: TileHeight, L: tile.Level, N: tile.Index, W: tile.Width}
	data, err := tlog.ReadTileData(named, t.store)
	if err != nil {
		return nil, fmt.Errorf("read tile %+v: %w", tile, err)
	}
	return data, nil
}

// RightTiles returns the rightmost tile of each level of a tree of size leaves, from level 0
// up: together with the full tiles to the left of them they are all that a log publishes.
// A level whose hashes end exactly at a full tile has that full tile in the list.
func RightTiles(size int64) []Tile {
	if size < 0 || size > LeavesMax {
		panic(fmt.Sprintf("merkle: tiles of %d leaves", size))
	}
	var tiles []Tile
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		last := size>>(TileHeight*level) - 1
		tiles = append(tiles, Tile{
			Level: level,
			Index: last / TileHashes,
			Width: int(last%TileHashes) + 1,
		})
	}
	return tiles
}
