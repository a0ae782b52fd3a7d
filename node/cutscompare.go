package node

import (
	"context"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/wire"
)

// CompareEvery is the usual pace of CompareReplicas.
const CompareEvery = 10 * time.Second

// Agree says whether this replica's state hash after an entry may stand for the node's. An error
// ends CompareReplicas.
type Agree func(ctx context.Context, index uint64, hash [32]byte) (bool, error)

// CompareReplicas writes this replica's state hash into the journal, now and then, until ctx
// ends, agree fails or a proposal is refused: every replica that had another one after the same
// entry stops. It is for the leader, which must have asked the others whether it is not itself
// the one that differs. While nothing but comparisons comes nothing is written.
func CompareReplicas(
	ctx context.Context, s *State, j Journal, every time.Duration, agree Agree,
) error {
	compared := uint64(0) // the entry of the last comparison
	for wait(ctx, nil, every) {
		at := read(s, core.View.Cursor)
		if at.Index == compared || at.Index == 0 {
			continue
		}
		if ok, err := agree(ctx, at.Index, at.StateHash); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := Compare(ctx, j, at.Index, at.StateHash); err != nil {
			return err
		}
		compared = at.Index + 1
	}
	return nil
}

// Compare writes into the journal which state hash the node has after an entry.
func Compare(ctx context.Context, j Journal, index uint64, hash [32]byte) error {
	result, err := j.Propose(ctx, journal.Command{
		Kind: core.KindCompare, Version: core.CommandVersion,
		Principal: journal.Principal{Kind: journal.System, ID: core.OwnerNode},
		Body:      wire.MustMarshal(core.Compare{Index: index, Hash: hash}),
	})
	if err != nil {
		return err
	}
	if result.Fault != nil {
		return result.Fault
	}
	return nil
}
