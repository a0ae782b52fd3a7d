package chain_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// TestMemoryRepeats: the same calls give the same chain, byte for byte.
func TestMemoryRepeats(t *testing.T) {
	run := func() []chain.Block {
		m := mustMemory(t)
		coin := mustFund(t, m, 100_000)
		mustMine(t, m, 2)
		tx := anchor(coin, []byte("payload"), 99_000)
		mustBroadcast(t, m, tx)
		mustBroadcast(t, m, anchor(vout(tx.TxID(), 1), []byte("child"), 98_000))
		mustFund(t, m, 5_000)
		mustMine(t, m, 2)
		if err := m.Invalidate(t.Context(), 102); err != nil {
			t.Fatal(err)
		}
		mustFund(t, m, 6_000)
		mustMine(t, m, 3)
		var blocks []chain.Block
		for height := range mustTip(t, m) + 1 {
			block, err := m.Block(t.Context(), height)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, block)
		}
		return blocks
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}

// TestMemoryOutage: while it is not reachable every call says so, and nothing is lost.
func TestMemoryOutage(t *testing.T) {
	m := mustMemory(t)
	coin := mustFund(t, m, 100_000)
	m.SetReachable(false)
	ctx := t.Context()
	calls := map[string]func() error{
		"tip":         func() error { _, _, err := m.Tip(ctx); return err },
		"header":      func() error { _, err := m.Header(ctx, 1); return err },
		"block":       func() error { _, err := m.Block(ctx, 1); return err },
		"fee rate":    func() error { _, err := m.FeeRate(ctx); return err },
		"mine":        func() error { _, err := m.Mine(ctx, 1, nil); return err },
		"mempool":     func() error { _, err := m.Mempool(ctx); return err },
		"height of":   func() error { _, _, err := m.HeightOf(ctx, [32]byte{}); return err },
		"transaction": func() error { _, _, err := m.Transaction(ctx, [32]byte{}); return err },
		"invalidate":  func() error { return m.Invalidate(ctx, 1) },
		"fund":        func() error { _, err := m.Fund(ctx, anyoneOutput(), 5_000); return err },
		"broadcast": func() error {
			_, err := m.Broadcast(ctx, anchor(coin, []byte("payload"), 99_000).Bytes())
			return err
		},
	}
	for name, call := range calls {
		if f, ok := fault.Of(call()); !ok || f.Code != fault.Unavailable {
			t.Errorf("%s: %v", name, call())
		}
	}
	m.SetReachable(true)
	mustMine(t, m, 1)
	mustLocate(t, m, [32]byte(coin[:32]))
}

// TestMemoryBlockRoom: what does not fit a block waits for the next, in order.
func TestMemoryBlockRoom(t *testing.T) {
	m := mustMemory(t)
	coin := mustFund(t, m, 40_0000_0000)
	mustMine(t, m, 1)
	const wide = 4_000 // outputs of 43 bytes: 172,000 virtual bytes a transaction
	value := uint64(40_0000_0000)
	var last spv.Tx
	for range 7 {
		outputs := make([]spv.Output, wide)
		for i := range outputs {
			outputs[i] = spv.Output{Value: 1_000, Script: anyoneOutput()}
		}
		value -= wide*1_000 + 500_000
		outputs[0].Value = value
		last = spend([][36]byte{coin}, outputs...)
		coin = vout(mustBroadcast(t, m, last), 0)
	}
	want := []int{6, 3} // five and two of them, each with a coinbase
	for i, n := range want {
		mustMine(t, m, 1)
		block, err := m.Block(t.Context(), mustTip(t, m))
		if err != nil || len(block.Txs) != n {
			t.Errorf("block %d has %d transactions, want %d, %v", i, len(block.Txs), n, err)
		}
	}
	mustLocate(t, m, last.TxID())
}

// TestMemoryClock: time that stands still or runs backwards never stops the chain.
func TestMemoryClock(t *testing.T) {
	at := time.Unix(0, 0)
	m, err := chain.NewMemory(func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		mustMine(t, m, 1)
		at = at.Add(-time.Hour)
	}
	f, err := chain.Follow(m)
	if err != nil {
		t.Fatal(err)
	}
	if step := mustSync(t, f); step.Height != 151 {
		t.Errorf("followed to %d", step.Height)
	}
}

// TestMemoryClosed tells calls and subscriptions that come too late.
func TestMemoryClosed(t *testing.T) {
	m := mustMemory(t)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := m.Tip(t.Context())
	wantFault(t, err, fault.Unavailable)
	heights, stop := m.Subscribe(t.Context())
	defer stop()
	for range heights {
		t.Error("a height after Close")
	}
}
