package simtest

import (
	"context"
	"errors"

	"seyfert/chain"
	"seyfert/journal"
	"seyfert/node"
	"seyfert/signer"
)

// errCrashed is what a process that ended gets from everything outside of it.
var errCrashed = errors.New("the process ended")

// fuse ends a process at one of its dealings with the outside: before or after a command is
// in the journal, before or after a post, in the middle of a write of the signer journal. Once
// blown, nothing that the process still tries has an effect.
type fuse struct {
	// left counts dealings until the end; zero means never.
	left  int
	blown bool
}

func (f *fuse) pass() error {
	if f.left > 0 {
		f.left--
		f.blown = f.blown || f.left == 0
	}
	if f.blown {
		return errCrashed
	}
	return nil
}

// fusedJournal ends a process before a command is durable, or after it and before the answer.
type fusedJournal struct {
	inner node.Journal
	fuse  *fuse
}

// Propose implements node.Journal.
func (j fusedJournal) Propose(ctx context.Context, c journal.Command) (journal.Result, error) {
	if err := j.fuse.pass(); err != nil {
		return journal.Result{}, err
	}
	result, err := j.inner.Propose(ctx, c)
	if err != nil {
		return result, err
	}
	return result, j.fuse.pass()
}

// fusedDisk is a signer journal whose last write may be torn.
type fusedDisk struct {
	*signer.Memory
	fuse *fuse
	// kept chooses how many of a torn write's bytes reach the disk.
	kept func(length int) int
}

// Append implements signer.JournalFile.
func (d fusedDisk) Append(p []byte) error {
	blown := d.fuse.blown
	if err := d.fuse.pass(); err != nil {
		if !blown {
			_ = d.Memory.Append(p[:d.kept(len(p))])
		}
		return err
	}
	if err := d.Memory.Append(p); err != nil {
		return err
	}
	return d.fuse.pass()
}

// fusedChain ends a process before or after a transaction was handed in, or before the chain
// is read.
type fusedChain struct {
	chain.Backend
	fuse *fuse
}

// Tip implements chain.Backend.
func (c fusedChain) Tip(ctx context.Context) (int64, [32]byte, error) {
	if err := c.fuse.pass(); err != nil {
		return 0, [32]byte{}, err
	}
	return c.Backend.Tip(ctx)
}

// Broadcast implements chain.Backend.
func (c fusedChain) Broadcast(ctx context.Context, raw []byte) ([32]byte, error) {
	if err := c.fuse.pass(); err != nil {
		return [32]byte{}, err
	}
	txid, err := c.Backend.Broadcast(ctx, raw)
	if err != nil {
		return txid, err
	}
	return txid, c.fuse.pass()
}
