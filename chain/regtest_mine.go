package chain

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// regtestClock is the time that blocks are dated and judged by: the outside clock, but never
// before the newest block, so that neither a clock set back nor a burst of blocks (whose
// median time runs ahead) ever makes the chain refuse its own blocks.
type regtestClock struct {
	now func() time.Time

	mu    sync.Mutex
	back  time.Duration // how far behind now the first blocks are dated
	floor time.Time
}

// AdjustedTime implements blockchain.MedianTimeSource, in whole seconds as headers have them.
func (c *regtestClock) AdjustedTime() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.now().Add(-c.back).Truncate(time.Second)
	if at.Before(c.floor) {
		return c.floor
	}
	return at
}

// AddTimeSample implements blockchain.MedianTimeSource; there are no peers to take it from.
func (c *regtestClock) AddTimeSample(string, time.Time) {}

// Offset implements blockchain.MedianTimeSource.
func (c *regtestClock) Offset() time.Duration { return 0 }

func (c *regtestClock) setBack(back time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back = back
}

// reach moves the floor up to at.
func (c *regtestClock) reach(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.floor) {
		c.floor = at
	}
}

// tipTime is the date of the newest block.
func (r *Regtest) tipTime() time.Time {
	best := r.chain.BestSnapshot()
	header, err := r.chain.HeaderByHash(&best.Hash)
	if err != nil {
		panic(fmt.Sprintf("chain: the best block has no header: %v", err))
	}
	return header.Timestamp
}

// begin mines the first blocks, dated ten minutes apart and ending now. Dated now all of them
// would push the median time of the chain past the clock.
func (r *Regtest) begin() error {
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	for height := r.chain.BestSnapshot().Height + 1; height <= matureBlocks; height++ {
		r.clock.setBack(time.Duration(matureBlocks-height) * 10 * time.Minute)
		if _, err := r.mineOne(r.purse.script); err != nil {
			return err
		}
	}
	r.clock.setBack(0)
	return r.recent.sync()
}

// Mine implements Miner. When it answers, the blocks are on disk.
func (r *Regtest) Mine(ctx context.Context, n int, toScript []byte) ([][32]byte, error) {
	if err := checkMine(n); err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	if len(toScript) == 0 {
		toScript = r.purse.script
	}
	hashes := make([][32]byte, 0, n)
	for range n {
		hash, err := r.mineOne(toScript)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	if err := r.recent.sync(); err != nil {
		return nil, err
	}
	r.tips.publish(int64(r.chain.BestSnapshot().Height))
	return hashes, nil
}

// mineOne makes one block of what waits. Its date is the template's choice; its coinbase
// carries a number, for after Invalidate the same block made again would be the refused one.
func (r *Regtest) mineOne(script []byte) ([32]byte, error) {
	if r.recent.broken != nil {
		return [32]byte{}, r.recent.broken
	}
	template, err := r.generator.NewBlockTemplate(nil)
	if err != nil {
		return [32]byte{}, fmt.Errorf("block template: %w", err)
	}
	made := template.Block
	made.Transactions[0].TxOut[0].PkScript = script
	for {
		r.nonce++
		err := r.generator.UpdateExtraNonce(made, template.Height, r.nonce)
		if err != nil {
			return [32]byte{}, fmt.Errorf("coinbase: %w", err)
		}
		solve(&made.Header)
		hash := made.BlockHash()
		known, err := r.chain.HaveBlock(&hash)
		if err != nil {
			return [32]byte{}, fmt.Errorf("mined block: %w", err)
		}
		if !known {
			break
		}
	}
	block := btcutil.NewBlock(made)
	raw, err := block.Bytes()
	if err != nil {
		return [32]byte{}, fmt.Errorf("mined block: %w", err)
	}
	if err := r.connect(block); err != nil {
		return [32]byte{}, err
	}
	return *block.Hash(), r.recent.append(recentBlock, raw)
}

// solve counts the nonce up to a header whose hash meets its target; on regtest every second
// hash does.
func solve(header *wire.BlockHeader) {
	target := blockchain.CompactToBig(header.Bits)
	for header.Nonce = 0; ; header.Nonce++ {
		hash := header.BlockHash()
		if blockchain.HashToBig(&hash).Cmp(target) <= 0 {
			return
		}
	}
}

// connect hands a block to the consensus code, which must make it the tip.
func (r *Regtest) connect(block *btcutil.Block) error {
	r.clock.reach(block.MsgBlock().Header.Timestamp)
	best, orphan, err := r.chain.ProcessBlock(block, blockchain.BFNone)
	if err != nil {
		return fmt.Errorf("mined block %s: %w", block.Hash(), err)
	}
	if orphan || !best {
		return fmt.Errorf("mined block %s is not on the main chain", block.Hash())
	}
	return nil
}

// Invalidate implements Miner with the consensus code's own InvalidateBlock.
func (r *Regtest) Invalidate(ctx context.Context, height int64) error {
	block, err := r.Block(ctx, height)
	if err != nil {
		return err
	}
	if err := checkInvalidate(height); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.leave()
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	if r.recent.broken != nil {
		return r.recent.broken
	}
	if err := r.chain.InvalidateBlock((*chainhash.Hash)(&block.Hash)); err != nil {
		return fmt.Errorf("invalidate block %d: %w", height, err)
	}
	if err := r.recent.append(recentInvalidate, block.Hash[:]); err != nil {
		return err
	}
	if err := r.recent.sync(); err != nil {
		return err
	}
	r.tips.publish(int64(r.chain.BestSnapshot().Height))
	return nil
}

// replay does again what the recent log says and the block database may have lost.
func (r *Regtest) replay(records []recentRecord) error {
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	for i, record := range records {
		var err error
		switch record.kind {
		case recentBlock:
			err = r.replayBlock(record.body)
		case recentInvalidate:
			if len(record.body) != chainhash.HashSize {
				return fmt.Errorf("recent log: record %d is not a hash", i)
			}
			err = r.chain.InvalidateBlock((*chainhash.Hash)(record.body))
		case recentTx:
			// What no longer fits, say after a reorganisation, stays out.
			var tx *btcutil.Tx
			if tx, err = btcutil.NewTxFromBytes(record.body); err == nil {
				_, _ = r.pool.ProcessTransaction(tx, false, false, 0)
			}
		default:
			return fmt.Errorf("recent log: record %d has unknown kind %d", i, record.kind)
		}
		if err != nil {
			return fmt.Errorf("recent log: record %d: %w", i, err)
		}
	}
	return nil
}

func (r *Regtest) replayBlock(raw []byte) error {
	block, err := btcutil.NewBlockFromBytes(raw)
	if err != nil {
		return err
	}
	known, err := r.chain.HaveBlock(block.Hash())
	if err != nil || known {
		return err
	}
	return r.connect(block)
}

// onBlock keeps the mempool and the faucet's purse true to the main chain. It is called by
// the consensus code inside connect and InvalidateBlock, so by the holder of changeMu.
func (r *Regtest) onBlock(n *blockchain.Notification) {
	block, ok := n.Data.(*btcutil.Block)
	if !ok {
		return
	}
	switch n.Type {
	case blockchain.NTBlockConnected:
		for _, tx := range block.Transactions()[1:] {
			r.pool.RemoveTransaction(tx, false)
			r.pool.RemoveDoubleSpends(tx)
		}
		r.purse.connect(block)
	case blockchain.NTBlockDisconnected:
		for _, tx := range block.Transactions()[1:] {
			if _, _, err := r.pool.MaybeAcceptTransaction(tx, false, false); err != nil {
				// Without its coins, such as a coinbase of the block that went, neither
				// it nor what spends it can be mined.
				r.pool.RemoveTransaction(tx, true)
			}
		}
		r.purse.forget()
	}
}
