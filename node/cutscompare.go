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

// CompareReplicas writes this replica's state hash into the journal, now and then, until ctx
// ends or a proposal is refused: every replica that had another one after the same entry stops.
// It is for the leader. While nothing but comparisons comes nothing is written.
func CompareReplicas(ctx context.Context, s *State, j Journal, every time.Duration) error {
	compared := uint64(0) // the entry of the last comparison
	for wait(ctx, nil, every) {
		at := read(s, core.View.Cursor)
		if at.Index == compared || at.Index == 0 {
			continue
		}
		result, err := j.Propose(ctx, journal.Command{
			Kind: core.KindCompare, Version: core.CommandVersion,
			Principal: journal.Principal{Kind: journal.System, ID: core.OwnerNode},
			Body:      wire.MustMarshal(core.Compare{Index: at.Index, Hash: at.StateHash}),
		})
		if err != nil {
			return err
		}
		if result.Fault != nil {
			return result.Fault
		}
		compared = at.Index + 1
	}
	return nil
}
