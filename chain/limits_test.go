package chain_test

import (
	"encoding/binary"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// TestMempoolLimit fills the mempool to its limit.
func TestMempoolLimit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		const outputs = chain.MempoolTxsMax + 1
		coin := mustFund(t, w, 20_000_000)
		mustMine(t, w, 1)
		fan := make([]spv.Output, outputs)
		for i := range fan {
			fan[i] = spv.Output{Value: 10_000, Script: anyoneOutput()}
		}
		txid := mustBroadcast(t, w, spend([][36]byte{coin}, fan...))
		mustMine(t, w, 1)
		one := func(i int) spv.Tx {
			payload := binary.BigEndian.AppendUint32([]byte("number"), uint32(i))
			return anchor(vout(txid, uint32(i)), payload, 9_000)
		}
		for i := range chain.MempoolTxsMax {
			mustBroadcast(t, w, one(i))
		}
		_, err := w.Broadcast(t.Context(), one(chain.MempoolTxsMax).Bytes())
		wantFault(t, err, fault.TooMany)
		_, err = w.Fund(t.Context(), anyoneOutput(), 5_000)
		wantFault(t, err, fault.TooMany)
		mustBroadcast(t, w, one(0)) // waits already: no error
		mustMine(t, w, 1)
		block, err := w.Block(t.Context(), mustTip(t, w))
		if err != nil || len(block.Txs) != chain.MempoolTxsMax+1 {
			t.Fatalf("block of %d transactions, %v", len(block.Txs), err)
		}
		mustBroadcast(t, w, one(chain.MempoolTxsMax))
	})
}

// TestUnconfirmedChainLimit spends change that waits until relay would refuse it.
func TestUnconfirmedChainLimit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		coin := mustFund(t, w, 1_000_000)
		mustMine(t, w, 1)
		value := uint64(1_000_000)
		next := func() spv.Tx {
			value -= 1_000
			return anchor(coin, []byte("payload"), value)
		}
		for range chain.UnconfirmedChainMax {
			coin = vout(mustBroadcast(t, w, next()), 1)
		}
		over := next()
		_, err := w.Broadcast(t.Context(), over.Bytes())
		wantFault(t, err, fault.TooMany)
		mustMine(t, w, 1)
		mustBroadcast(t, w, over)
	})
}

// TestFaucetLimits: how much a faucet gives, and how often between two blocks.
func TestFaucetLimits(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, sats := range []int64{-1, 0, 999, spv.ValueMax + 1} {
			_, err := w.Fund(t.Context(), anyoneOutput(), sats)
			wantFault(t, err, fault.Invalid)
		}
		for _, script := range [][]byte{nil, make([]byte, 43)} {
			_, err := w.Fund(t.Context(), script, 5_000)
			wantFault(t, err, fault.Invalid)
		}
		_, err := w.Fund(t.Context(), anyoneOutput(), 200*1e8)
		wantFault(t, err, fault.Refused)
		// Two coinbases are ripe, and each carries a chain of payments that wait.
		seen := make(map[[36]byte]bool)
		for range 2 * chain.UnconfirmedChainMax {
			seen[mustFund(t, w, 5_000)] = true
		}
		if len(seen) != 2*chain.UnconfirmedChainMax {
			t.Errorf("%d coins of %d payments", len(seen), 2*chain.UnconfirmedChainMax)
		}
		_, err = w.Fund(t.Context(), anyoneOutput(), 5_000)
		wantFault(t, err, fault.Refused)
		mustMine(t, w, 10)
		// More than any one coin holds: several are joined.
		joined := mustFund(t, w, 300*1e8)
		mustMine(t, w, 1)
		mustBroadcast(t, w, anchor(joined, []byte("payload"), 299*1e8))
	})
}

// TestFaucetJoins at most 200 coins into one payment.
func TestFaucetJoins(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		mustMine(t, w, 400)
		// Of 402 ripe coinbases the oldest 200 hold 149 times 50 and 51 times 25 bitcoin.
		_, err := w.Fund(t.Context(), anyoneOutput(), 8_725*1e8)
		wantFault(t, err, fault.Refused)
		coin := mustFund(t, w, 8_724*1e8)
		mustMine(t, w, 1)
		tx, err := spv.ParseTx(mustLocate(t, w, [32]byte(coin[:32])).Raw)
		if err != nil || len(tx.Inputs) != 200 {
			t.Errorf("%d coins joined, %v", len(tx.Inputs), err)
		}
	})
}

// TestMineLimits holds one call of Mine to its bounds.
func TestMineLimits(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, n := range []int{-1, 0, chain.MineBlocksMax + 1} {
			_, err := w.Mine(t.Context(), n, nil)
			wantFault(t, err, fault.Invalid)
		}
		if height := mustTip(t, w); height != 101 {
			t.Errorf("a refused call mined up to %d", height)
		}
		if hashes := mustMine(t, w, chain.MineBlocksMax); len(hashes) != chain.MineBlocksMax {
			t.Errorf("%d hashes", len(hashes))
		}
		f, err := chain.Follow(w)
		if err != nil {
			t.Fatal(err)
		}
		mustSync(t, f) // a burst at one instant: the dates hold up
	})
}

// TestSearchLimits reaches the limits of Locate and Follow on a long chain.
func TestSearchLimits(t *testing.T) {
	m := mustMemory(t)
	f, err := chain.Follow(m)
	if err != nil {
		t.Fatal(err)
	}
	mustSync(t, f)
	for range 10 {
		mustMine(t, m, chain.MineBlocksMax)
	}
	mustMine(t, m, 1)
	tip := int64(101 + 10*chain.MineBlocksMax + 1)
	_, _, err = chain.Locate(t.Context(), m, [32]byte{1}, tip-chain.LocateBlocksMax)
	wantFault(t, err, fault.TooLarge)
	if _, ok, err := chain.Locate(t.Context(), m, [32]byte{1}, tip-chain.LocateBlocksMax+1); ok ||
		err != nil {
		t.Errorf("located what is not there: %v, %v", ok, err)
	}
	_, _, err = chain.Locate(t.Context(), m, [32]byte{1}, -1)
	wantFault(t, err, fault.Invalid)
	if step := mustSync(t, f); step.Added != chain.SyncHeadersMax || !step.More {
		t.Errorf("first step %+v", step)
	}
	if step := mustSync(t, f); step.Height != tip || step.More {
		t.Errorf("second step %+v", step)
	}
	// One block deeper than is followed.
	if err := m.Invalidate(t.Context(), tip-chain.ReorgBlocksMax); err != nil {
		t.Fatal(err)
	}
	mustMine(t, m, chain.MineBlocksMax)
	mustMine(t, m, 3)
	_, err = f.Sync(t.Context())
	wantFault(t, err, fault.Unavailable)
	if height, _ := f.Tip(); height != tip {
		t.Errorf("followed to %d all the same", height)
	}
}
