package chain

import (
	"context"
	"fmt"

	"seyfert/fault"
	"seyfert/spv"
)

const (
	// LocateBlocksMax is how many blocks one call of Locate reads at most.
	LocateBlocksMax = 10_000
	// LocateNearMax is how far from the height it is given LocateNear looks, in blocks.
	LocateNearMax = 100
)

// Found is a transaction in a block, with everything that ties it to the block's header.
type Found struct {
	// Height of the block that holds it.
	Height int64
	// BlockHash is that block's hash in wire order.
	BlockHash [32]byte
	// Header is the block's 80 bytes.
	Header []byte
	// Branch leads from the transaction's id to the header's Merkle root; it was checked.
	Branch spv.Branch
	// Raw is the transaction with its witnesses.
	Raw []byte
}

// Locate looks for a transaction in the blocks from fromHeight to the backend's tip and gives
// its place and Merkle branch, or false if none of these blocks holds it. The branch is
// checked against the header; that the header is on the chain with the most work is the
// [Follower]'s to say, and after a reorganisation Locate gives the new place. More than
// LocateBlocksMax blocks are refused as TooLarge before any is read.
func Locate(
	ctx context.Context, backend Backend, txid [32]byte, fromHeight int64,
) (Found, bool, error) {
	tip, _, err := backend.Tip(ctx)
	if err != nil {
		return Found{}, false, err
	}
	if fromHeight < 0 {
		return Found{}, false, fault.New(fault.Invalid, "fromHeight", "a height is not negative")
	}
	if tip-fromHeight >= LocateBlocksMax {
		return Found{}, false, fault.New(fault.TooLarge, "fromHeight",
			"%d blocks to search, at most %d", tip-fromHeight+1, LocateBlocksMax)
	}
	for height := fromHeight; height <= tip; height++ {
		found, ok, err := locateAt(ctx, backend, txid, height)
		if err != nil || ok {
			return found, ok, err
		}
	}
	return Found{}, false, nil
}

// LocateNear is Locate for a transaction that was seen in the block at a height, however deep
// that is by now: it looks there, and then, since a reorganisation may have moved it, in up to
// LocateNearMax blocks above and as many below, nearest first.
func LocateNear(
	ctx context.Context, backend Backend, txid [32]byte, height int64,
) (Found, bool, error) {
	if height < 0 {
		return Found{}, false, fault.New(fault.Invalid, "height", "a height is not negative")
	}
	tip, _, err := backend.Tip(ctx)
	if err != nil {
		return Found{}, false, err
	}
	for distance := range int64(LocateNearMax + 1) {
		places := []int64{height + distance, height - distance}
		if distance == 0 {
			places = places[:1]
		}
		for _, place := range places {
			if place < 0 || place > tip {
				continue
			}
			found, ok, err := locateAt(ctx, backend, txid, place)
			if err != nil || ok {
				return found, ok, err
			}
		}
	}
	return Found{}, false, nil
}

// locateAt searches the block at a height. No block there is no error: a reorganisation may
// make the chain shorter while it is read.
func locateAt(
	ctx context.Context, backend Backend, txid [32]byte, height int64,
) (Found, bool, error) {
	block, err := backend.Block(ctx, height)
	if f, ok := fault.Of(err); ok && f.Code == fault.NotFound {
		return Found{}, false, nil
	}
	if err != nil {
		return Found{}, false, err
	}
	return locateIn(block, txid)
}

// locateIn searches one block. It checks the whole block against its header before it says
// that the transaction is not there: a backend that leaves one out is told from one that is
// right.
func locateIn(block Block, txid [32]byte) (Found, bool, error) {
	header, err := spv.ParseHeader(block.Header)
	if err != nil {
		return Found{}, false, fmt.Errorf("block %d: %w", block.Height, err)
	}
	if header.Hash() != block.Hash {
		return Found{}, false, fmt.Errorf("block %d: the header has another hash", block.Height)
	}
	ids := make([][32]byte, len(block.Txs))
	txs := make([]spv.Tx, len(block.Txs))
	at := -1
	for i, raw := range block.Txs {
		if txs[i], err = spv.ParseTx(raw); err != nil {
			return Found{}, false, fmt.Errorf("block %d: transaction %d: %w", block.Height, i, err)
		}
		ids[i] = txs[i].TxID()
		if ids[i] == txid {
			at = i
		}
	}
	root, err := spv.MerkleRoot(ids)
	if err != nil {
		return Found{}, false, fmt.Errorf("block %d: %w", block.Height, err)
	}
	if root != header.MerkleRoot {
		return Found{}, false, fmt.Errorf("block %d: the transactions are not the header's",
			block.Height)
	}
	if at < 0 {
		return Found{}, false, nil
	}
	branch, err := spv.BuildBranch(ids, at)
	if err != nil {
		return Found{}, false, fmt.Errorf("block %d: %w", block.Height, err)
	}
	if err := spv.CheckInclusion(txs[at], branch, header); err != nil {
		return Found{}, false, fmt.Errorf("block %d: %w", block.Height, err)
	}
	return Found{
		Height: block.Height, BlockHash: block.Hash, Header: block.Header,
		Branch: branch, Raw: block.Txs[at],
	}, true, nil
}
