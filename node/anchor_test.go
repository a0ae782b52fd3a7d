package node_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/node"
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
			s.later(20 * time.Second) // beyond the lease
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

// TestManyAnchors: more rows than one report or one page holds are all signed, written and
// seen, and seen again after a reorganisation.
func TestManyAnchors(t *testing.T) {
	ctx := context.Background()
	s := newScene(t, 1_000_000, "seoul")
	seoul := s.actors[0]
	customer := seoul.customer("Kim", 1)
	const days = core.SeenMax + 8
	for day := range days {
		s.now = s.now.Add(24 * time.Hour)
		_, err := seoul.node.TakeNotice(ctx, node.Notice{
			Rail: "bank", ID: fmt.Sprint(day), Bank: "hana", Number: customer.id,
			Amount: money.New(money.KRW, 1),
		})
		must(t, err)
		_, err = seoul.node.CloseDay(ctx, seoul.operator, 0)
		must(t, err)
		if day%20 == 19 {
			s.settle()
			s.mine(1)
			s.settle()
		}
	}
	s.settle()
	s.mine(1)
	s.settle()
	tip, _, err := s.chain.Tip(ctx)
	must(t, err)
	must(t, s.chain.Invalidate(ctx, tip))
	s.mine(2)
	s.settle()
	seen := 0
	for _, row := range seoul.rows() {
		tx, known, err := s.chain.Transaction(ctx, row.TxID)
		must(t, err)
		if !known || !tx.Confirmed || row.State != core.ChainConfirmed || row.Height != tx.Height {
			t.Fatalf("%s is %s in block %d, the chain has it in %d", row.ID, row.State, row.Height,
				tx.Height)
		}
		block, err := s.chain.Block(ctx, row.Height)
		must(t, err)
		if block.Hash != row.Block {
			t.Fatalf("%s is said to be in a block that has gone", row.ID)
		}
		seen++
	}
	if seen != days {
		t.Errorf("%d rows are on the chain, want %d", seen, days)
	}
	if note, err := seoul.node.Checkpoint(); err != nil || note == "" {
		t.Errorf("the newest checkpoint: %v", err)
	}
	for _, d := range seoul.node.Days() {
		if d.Checkpoint == "" {
			t.Errorf("day %s is not signed", d.Day)
		}
	}
}

// rows is everything that a node has for the chain.
func (a *actor) rows() (rows []core.ChainRow) {
	a.node.State().Read(func(v core.View) { rows = v.ChainRows(0, int(v.Node().ChainSeq)) })
	return rows
}
