package node_test

import (
	"context"
	"errors"
	"testing"

	"seyfert/core"
	"seyfert/journal"
)

// TestAnchorOfLostAttempt: the process ends after the bytes of an anchor left and before that
// was written down, and the block that holds them is read meanwhile. The next attempt finds the
// same bytes and the block.
func TestAnchorOfLostAttempt(t *testing.T) {
	for name, reorganise := range map[string]bool{"same branch": false, "other branch": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s := newScene(t, 1_000_000, "seoul")
			seoul := s.actors[0]
			seoul.customer("Kim", 1)
			_, err := seoul.node.CloseDay(ctx, seoul.operator, 0)
			must(t, err)
			seoul.drop = func(c journal.Command) bool { return c.Kind == core.KindSentChain }
			if _, err := seoul.node.WriteChain(ctx); !errors.Is(err, errDropped) {
				t.Fatalf("%v, want a lost outcome", err)
			}
			seoul.drop = nil
			if reorganise {
				tip, _, err := s.chain.Tip(ctx)
				must(t, err)
				must(t, s.chain.Invalidate(ctx, tip-1))
				s.mine(2)
			}
			s.mine(1)
			_, err = seoul.node.WatchChain(ctx) // reads the block with the anchor
			must(t, err)
			s.later(20_000_000_000) // beyond the lease
			s.settle()
			s.mine(6)
			s.settle()
			rows, err := seoul.node.ChainRows(seoul.operator)
			must(t, err)
			if rows[0].State != core.ChainConfirmed || rows[0].Confirmations < 6 {
				t.Errorf("the anchor is %s with %d confirmations", rows[0].State,
					rows[0].Confirmations)
			}
		})
	}
}
