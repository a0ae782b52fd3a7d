package chain_test

import (
	"context"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
)

// counted is a backend that counts the blocks read.
type counted struct {
	chain.Backend
	blocks int
}

// Block implements chain.Backend.
func (c *counted) Block(ctx context.Context, height int64) (chain.Block, error) {
	c.blocks++
	return c.Backend.Block(ctx, height)
}

// TestLocateNear: a transaction whose place is known is found in one read however deep it is,
// one that has moved a little is found near it, and the search has an end.
func TestLocateNear(t *testing.T) {
	m := mustMemory(t)
	mustMine(t, m, 2*chain.LocateNearMax)
	coin := mustFund(t, m, 100_000)
	txid := [32]byte(coin[:32])
	mustMine(t, m, 1)
	place := mustLocate(t, m, txid).Height
	for range 10 {
		mustMine(t, m, chain.MineBlocksMax)
	}
	_, _, err := chain.Locate(t.Context(), m, txid, place)
	wantFault(t, err, fault.TooLarge)
	for offset, want := range map[int64]int{
		0: 1, -1: 2, 1: 3, 50: 101,
		-chain.LocateNearMax: 2 * chain.LocateNearMax, chain.LocateNearMax: 2*chain.LocateNearMax + 1,
	} {
		c := &counted{Backend: m}
		found, ok, err := chain.LocateNear(t.Context(), c, txid, place+offset)
		if err != nil || !ok || found.Height != place {
			t.Errorf("from %d off: %+v, %t, %v", offset, found.Height, ok, err)
		}
		if c.blocks != want {
			t.Errorf("from %d off: %d blocks read, want %d", offset, c.blocks, want)
		}
	}
	for _, from := range []int64{
		0, 9, place - chain.LocateNearMax - 1, place + chain.LocateNearMax + 1, mustTip(t, m), 1 << 62,
	} {
		c := &counted{Backend: m}
		_, ok, err := chain.LocateNear(t.Context(), c, txid, from)
		if ok || err != nil || c.blocks > 2*chain.LocateNearMax+1 {
			t.Errorf("from %d: found %t, %v, after %d blocks", from, ok, err, c.blocks)
		}
	}
	_, _, err = chain.LocateNear(t.Context(), m, txid, -1)
	wantFault(t, err, fault.Invalid)
}
