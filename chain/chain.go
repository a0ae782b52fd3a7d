// Package chain is the Bitcoin chain behind a small interface: it reads blocks, hands in raw
// transactions, finds them again with their Merkle branches and follows the headers of
// whatever it is told. It never touches a node's keys, never knows what a payload means, and
// never believes a backend: headers, links and work are checked by the spv room.
//
// There are three backends. [Regtest] runs btcd's consensus code in this process, on the
// regtest network and on no other; [RPC] speaks JSON-RPC as bitcoind does, to an [RPCServer]
// or to a Bitcoin node; [Memory] is a list of blocks for simulations, the same in each run.
// One test suite holds for all three.
package chain

import (
	"context"
	"encoding/binary"

	"seyfert/fault"
	"seyfert/spv"
)

// Limits that all backends keep, so that none allows what another refuses.
const (
	// TxBytesMax is the largest transaction taken, in bytes: 400,000 weight units is the limit
	// of standard relay, and a byte weighs at least one.
	TxBytesMax = 400_000
	// MempoolTxsMax is how many transactions wait for a block at most.
	MempoolTxsMax = 1000
	// UnconfirmedChainMax is how many transactions that each spend the one before may wait for
	// a block: Bitcoin Core's default ancestor limit, which btcd's mempool does not have.
	UnconfirmedChainMax = 25
	// MineBlocksMax is how many blocks one call of Mine makes at most.
	MineBlocksMax = 1000
	// matureBlocks is how many blocks a new chain of our own begins with: as many as make the
	// first coinbase spendable (100 confirmations), and one.
	matureBlocks = 101
	// ownFeeRate is the fee rate of a chain of our own in satoshi per 1000 virtual bytes: twice
	// the relay minimum, since nobody competes there.
	ownFeeRate = 2000
)

// regtestName is the one network whose blocks a node may make itself.
const regtestName = "regtest"

// Block is one block of the main chain as a backend told it.
type Block struct {
	// Height counts from the genesis block, which is 0.
	Height int64
	// Hash is the block's hash in wire order.
	Hash [32]byte
	// Header is the 80 bytes that Hash is the double SHA-256 of.
	Header []byte
	// Txs are the raw transactions in block order, with their witnesses.
	Txs [][]byte
}

// Backend is a source of blocks and a way to hand in transactions. All methods are safe for
// concurrent use. Heights and hashes are those of the chain the source holds best at the time
// of the call: two calls may see two chains, and only a [Follower] says which one counts.
// Errors are *fault.Error of code NotFound for a height above the tip, Unavailable for a
// source that is closed or does not answer.
type Backend interface {
	// Network is the name of the Bitcoin network: "regtest", "mainnet" and so on.
	Network() string
	// Tip is the height and hash of the best block.
	Tip(ctx context.Context) (height int64, hash [32]byte, err error)
	// Header is the 80 bytes of the header at a height.
	Header(ctx context.Context, height int64) ([]byte, error)
	// Block is the whole block at a height.
	Block(ctx context.Context, height int64) (Block, error)
	// Broadcast hands in a raw transaction. One that already waits or is already in the chain
	// is no error, so it may be repeated at will. Invalid: not a transaction; Refused: against
	// a rule of the chain or of relay; TooMany: the same bytes may be taken after a block.
	Broadcast(ctx context.Context, raw []byte) (txid [32]byte, err error)
	// FeeRate is what a transaction should pay now, in satoshi per 1000 virtual bytes.
	FeeRate(ctx context.Context) (satPerKvB uint64, err error)
	// Subscribe gives the heights of new tips, the latest in place of one not yet read. A
	// height may repeat or fall after a reorganisation. The channel closes when ctx ends, when
	// the returned function is called, or when the backend closes.
	Subscribe(ctx context.Context) (<-chan int64, func())
}

// Miner is what a chain of our own can do besides: [Regtest], [Memory] and an [RPC] client of
// a regtest node are Miners.
type Miner interface {
	// Mine makes n blocks of what waits, paying their coinbases to toScript or, if that is
	// empty, to the faucet, and gives their hashes. Invalid for n outside 1..MineBlocksMax.
	Mine(ctx context.Context, n int, toScript []byte) ([][32]byte, error)
	// Fund sends sats to script out of the faucet and gives the coin's outpoint (txid in wire
	// order, then the output number in little-endian); it is on chain after the next block.
	// Refused when the faucet's ripe coins do not suffice.
	Fund(ctx context.Context, script []byte, sats int64) ([36]byte, error)
	// Invalidate drops the block at a height and all above it, for tests of reorganisations;
	// what they held waits for a block again as far as it is still valid.
	Invalidate(ctx context.Context, height int64) error
}

func errNoBlock(height int64) error {
	return fault.New(fault.NotFound, "height", "the chain has no block at height %d", height)
}

func errClosed() error {
	return fault.New(fault.Unavailable, "", "the chain backend is closed")
}

func checkMine(n int) error {
	if n < 1 || n > MineBlocksMax {
		return fault.New(fault.Invalid, "n", "blocks to mine must be 1 to %d", MineBlocksMax)
	}
	return nil
}

func checkInvalidate(height int64) error {
	if height < 1 {
		return fault.New(fault.Invalid, "height", "the genesis block cannot be invalidated")
	}
	return nil
}

// checkTx reads a raw transaction as strictly as spv does, whatever the backend's own parser
// would let pass.
func checkTx(raw []byte) (spv.Tx, error) {
	if len(raw) > TxBytesMax {
		return spv.Tx{}, fault.New(fault.TooLarge, "tx",
			"a transaction has at most %d bytes", TxBytesMax)
	}
	tx, err := spv.ParseTx(raw)
	if err != nil {
		return spv.Tx{}, fault.New(fault.Invalid, "tx", "not a transaction: %v", err)
	}
	return tx, nil
}

func errMempoolFull() error {
	return fault.New(fault.TooMany, "tx",
		"%d transactions wait for a block already", MempoolTxsMax)
}

func errChainLong() error {
	return fault.New(fault.TooMany, "tx",
		"more than %d transactions that depend on each other would wait for a block",
		UnconfirmedChainMax)
}

// outpointOf writes an outpoint as transactions and wire layouts have it.
func outpointOf(txid [32]byte, vout uint32) [36]byte {
	var out [36]byte
	copy(out[:], txid[:])
	binary.LittleEndian.PutUint32(out[32:], vout)
	return out
}
