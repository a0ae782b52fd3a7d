package chain

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"seyfert/fault"
	"seyfert/spv"
)

const (
	// SyncHeadersMax is how many headers one call of Sync reads at most when it only extends
	// the chain; the next call goes on.
	SyncHeadersMax = 10_000
	// ReorgBlocksMax is the deepest reorganisation that Sync follows by itself. Protocol B1
	// tolerates far less; what is deeper is for people to look at.
	ReorgBlocksMax = 1000
)

// Follower keeps its own copy of a backend's headers and believes none of them unchecked:
// links, difficulty, times and work are verified by the spv room, and the chain it holds is
// the one with the most work that it was ever shown. It is safe for concurrent use.
type Follower struct {
	backend Backend

	// syncMu lets one Sync run at a time; mu is never held while the backend is asked.
	syncMu sync.Mutex
	mu     sync.Mutex
	chain  *spv.Chain // guarded by mu; changed only under syncMu
}

// Step is what one Sync changed.
type Step struct {
	// Height and Hash are the tip afterwards.
	Height int64
	Hash   [32]byte
	// Added is how many headers came on, Removed how many of the old ones went. Where Removed
	// is not 0 the chain was reorganised, and what was confirmed above Fork is to be located
	// again.
	Added, Removed int64
	// Fork is the height of the last header that stayed.
	Fork int64
	// More says that the backend has further headers for the next Sync.
	More bool
}

// Follow begins at the genesis block of the backend's network; Sync then catches up. It gives
// a fault of code Refused for a network whose rules are not known.
func Follow(backend Backend) (*Follower, error) {
	chain, err := spv.NewChain(spv.Network(backend.Network()))
	if err != nil {
		return nil, fault.New(fault.Refused, "network",
			"the header rules of network %q are not known", backend.Network())
	}
	return &Follower{backend: backend, chain: chain}, nil
}

// Sync asks the backend for its tip and takes over its headers as far as they hold. A branch
// is taken over only if it has more work than what is held. A fault of code Unavailable says
// that the backend does not answer, shows less work than before, or shows headers that do not
// hold (as it may in the middle of a reorganisation); the next Sync may find it in order.
func (f *Follower) Sync(ctx context.Context) (Step, error) {
	f.syncMu.Lock()
	defer f.syncMu.Unlock()
	tip, hash, err := f.backend.Tip(ctx)
	if err != nil {
		return Step{}, err
	}
	own, ownHash := f.chain.Tip()
	if hash == ownHash {
		return Step{Height: own, Hash: ownHash, Fork: own}, nil
	}
	fork, err := f.forkHeight(ctx, min(tip, own))
	if err != nil {
		return Step{}, err
	}
	if fork == own {
		return f.extend(ctx, own, tip)
	}
	return f.switchTo(ctx, fork, tip)
}

// forkHeight walks down from a height to the highest header that the backend shares with us.
func (f *Follower) forkHeight(ctx context.Context, from int64) (int64, error) {
	own, _ := f.chain.Tip()
	for height := from; height >= 0; height-- {
		if own-height > ReorgBlocksMax {
			return 0, fault.New(fault.Unavailable, "",
				"the backend's chain differs from ours for more than %d blocks", ReorgBlocksMax)
		}
		header, err := f.header(ctx, height)
		if err != nil {
			return 0, err
		}
		if held, _ := f.chain.HashAt(height); held == header.Hash() {
			return height, nil
		}
	}
	return 0, fault.New(fault.Unavailable, "",
		"the backend's chain has another genesis block than %s", f.chain.Network())
}

func (f *Follower) header(ctx context.Context, height int64) (spv.Header, error) {
	raw, err := f.backend.Header(ctx, height)
	if err != nil {
		return spv.Header{}, err
	}
	header, err := spv.ParseHeader(raw)
	if err != nil {
		return spv.Header{}, errHeader(height, err)
	}
	return header, nil
}

func errHeader(height int64, err error) error {
	return fault.New(fault.Unavailable, "",
		"the backend's header at height %d does not hold: %v", height, err)
}

// extend appends to the chain held.
func (f *Follower) extend(ctx context.Context, own, tip int64) (Step, error) {
	last := min(tip, own+SyncHeadersMax)
	for height := own + 1; height <= last; height++ {
		header, err := f.header(ctx, height)
		if err != nil {
			return Step{}, err
		}
		f.mu.Lock()
		err = f.chain.Append(header)
		f.mu.Unlock()
		if err != nil {
			return Step{}, errHeader(height, err)
		}
	}
	_, hash := f.chain.Tip()
	return Step{Height: last, Hash: hash, Added: last - own, Fork: own, More: last < tip}, nil
}

// switchTo builds the backend's branch beside the chain held, and takes it over if it has more
// work. Of a longer branch the rest is an extension for the next Sync.
func (f *Follower) switchTo(ctx context.Context, fork, tip int64) (Step, error) {
	own, _ := f.chain.Tip()
	branch, err := f.chain.Fork(fork)
	if err != nil {
		return Step{}, fmt.Errorf("fork at %d: %w", fork, err)
	}
	held := f.chain.Work()
	for height := fork + 1; height <= tip && height <= fork+SyncHeadersMax; height++ {
		header, err := f.header(ctx, height)
		if err != nil {
			return Step{}, err
		}
		if err := branch.Append(header); err != nil {
			return Step{}, errHeader(height, err)
		}
	}
	if branch.Work().Cmp(held) <= 0 {
		return Step{}, fault.New(fault.Unavailable, "",
			"the backend's chain has no more work than the one it showed before (fork at %d)", fork)
	}
	f.mu.Lock()
	f.chain = branch
	f.mu.Unlock()
	height, hash := branch.Tip()
	return Step{
		Height: height, Hash: hash, Added: height - fork, Removed: own - fork,
		Fork: fork, More: height < tip,
	}, nil
}

// Tip is the height and hash of the last header held.
func (f *Follower) Tip() (height int64, hash [32]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chain.Tip()
}

// Header is the checked header at a height, if the chain held is that long.
func (f *Follower) Header(height int64) (spv.Header, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chain.At(height)
}

// HeightOf is the height of a block hash on the chain held, or false.
func (f *Follower) HeightOf(hash [32]byte) (int64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chain.HeightOf(hash)
}

// Confirmations counts the blocks from the one with the given hash to the tip, both included;
// 0 says that the block is not on the chain held. A place that Locate found counts only by
// this.
func (f *Follower) Confirmations(hash [32]byte) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	height, ok := f.chain.HeightOf(hash)
	if !ok {
		return 0
	}
	tip, _ := f.chain.Tip()
	return tip - height + 1
}

// Work is the work in all headers held, as a number of hashes.
func (f *Follower) Work() *big.Int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chain.Work()
}

// Headers is a copy of up to count headers held from a height on, 80 bytes each: all of them,
// from the genesis block on, are what an offline verifier takes as its headers file. Heights
// that the chain held does not have are left out.
func (f *Follower) Headers(from int64, count int) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	tip, _ := f.chain.Tip()
	if from < 0 || from > tip || count < 1 {
		return []byte{}
	}
	to := from + min(int64(count), tip-from+1)
	raw := make([]byte, 0, (to-from)*spv.HeaderSize)
	for height := from; height < to; height++ {
		header, _ := f.chain.At(height)
		raw = append(raw, header.Bytes()...)
	}
	return raw
}
