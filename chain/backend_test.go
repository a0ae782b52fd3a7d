package chain_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// TestBegins: a new chain has 101 blocks that end at the clock, each holding up under our own
// checks.
func TestBegins(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		if height := mustTip(t, w); height != 101 || w.Network() != "regtest" {
			t.Fatalf("begins at height %d of %q", height, w.Network())
		}
		f, err := chain.Follow(w)
		if err != nil {
			t.Fatal(err)
		}
		step := mustSync(t, f)
		if step.Added != 101 || step.Removed != 0 || step.More {
			t.Fatalf("first step %+v", step)
		}
		last, _ := f.Header(101)
		if at := time.Unix(int64(last.Time), 0); !at.Equal(suiteTime()) {
			t.Errorf("the last block is dated %v", at)
		}
		again, err := spv.ParseHeaders(spv.Regtest, f.Headers(0, 102))
		if err != nil || again.Work().Cmp(f.Work()) != 0 {
			t.Errorf("headers do not read back: %v", err)
		}
	})
}

// TestAnchor is the life of an anchor: funded, broadcast (twice), mined, located, confirmed.
func TestAnchor(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		coin := mustFund(t, w, 100_000)
		payload := bytes.Repeat([]byte{0xab}, 80)
		tx := anchor(coin, payload, 99_000) // spends a coin that waits itself
		txid := mustBroadcast(t, w, tx)
		mustBroadcast(t, w, tx)
		if _, ok, err := chain.Locate(t.Context(), w, txid, 0); ok || err != nil {
			t.Fatalf("located before it was mined: %v, %v", ok, err)
		}
		hash := mustMine(t, w, 1)[0]
		mustBroadcast(t, w, tx)
		found := mustLocate(t, w, txid)
		if found.Height != 102 || found.BlockHash != hash || !bytes.Equal(found.Raw, tx.Bytes()) {
			t.Fatalf("located at %d in %x", found.Height, found.BlockHash)
		}
		header, err := spv.ParseHeader(found.Header)
		if err != nil {
			t.Fatal(err)
		}
		read, err := spv.ParseTx(found.Raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := spv.CheckInclusion(read, found.Branch, header); err != nil {
			t.Error(err)
		}
		if got, ok := read.OpReturn(); !ok || !bytes.Equal(got, payload) {
			t.Errorf("payload came back as %x", got)
		}
		f, err := chain.Follow(w)
		if err != nil {
			t.Fatal(err)
		}
		mustSync(t, f)
		mustMine(t, w, 5)
		mustSync(t, f)
		if n := f.Confirmations(found.BlockHash); n != 6 {
			t.Errorf("%d confirmations, want 6", n)
		}
		// Spent on: the transaction is in the chain and none of its coins is left.
		mustBroadcast(t, w, anchor(vout(txid, 1), payload, 98_000))
		mustMine(t, w, 1)
		mustBroadcast(t, w, tx)
	})
}

// TestBlocks: header and block agree, and their absence is told.
func TestBlocks(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		mustFund(t, w, 5_000)
		mustMine(t, w, 1)
		for _, height := range []int64{0, 1, 102} {
			header, err := w.Header(t.Context(), height)
			if err != nil {
				t.Fatal(err)
			}
			block, err := w.Block(t.Context(), height)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(header, block.Header) || block.Height != height {
				t.Errorf("block %d has another header", height)
			}
			raw := append(bytes.Clone(header), byte(len(block.Txs)))
			for _, tx := range block.Txs {
				raw = append(raw, tx...)
			}
			if parsed, err := spv.ParseBlock(raw); err != nil ||
				parsed.Header.Hash() != block.Hash {
				t.Errorf("block %d: %v", height, err)
			}
		}
		for _, height := range []int64{-1, 103, 1 << 40} {
			_, err := w.Header(t.Context(), height)
			wantFault(t, err, fault.NotFound)
			_, err = w.Block(t.Context(), height)
			wantFault(t, err, fault.NotFound)
		}
	})
}

// TestRefused: what no backend takes, with the same code on each.
func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		coin := mustFund(t, w, 100_000)
		mustMine(t, w, 1)
		good := anchor(coin, []byte("payload"), 99_000)
		two := good
		two.Outputs = append(two.Outputs[:2:2], two.Outputs[0])
		final := anchor(coin, []byte("first"), 99_000)
		final.Inputs[0].Sequence = 0xffffffff
		cases := map[string]struct {
			raw  []byte
			code fault.Code
		}{
			"empty":            {nil, fault.Invalid},
			"cut":              {good.Bytes()[:50], fault.Invalid},
			"trailing byte":    {append(good.Bytes(), 0), fault.Invalid},
			"too long":         {make([]byte, chain.TxBytesMax+1), fault.TooLarge},
			"more than it has": {anchor(coin, []byte("payload"), 100_001).Bytes(), fault.Refused},
			"no fee":           {anchor(coin, []byte("payload"), 100_000).Bytes(), fault.Refused},
			"payload of 81":    {anchor(coin, make([]byte, 81), 90_000).Bytes(), fault.Refused},
			"two payloads":     {two.Bytes(), fault.Refused},
			"unknown coin":     {anchor([36]byte{1}, []byte("payload"), 1000).Bytes(), fault.Refused},
			"coin twice": {
				spend([][36]byte{coin, coin}, good.Outputs...).Bytes(), fault.Refused,
			},
		}
		for name, c := range cases {
			_, err := w.Broadcast(t.Context(), c.raw)
			if f, ok := fault.Of(err); !ok || f.Code != c.code {
				t.Errorf("%s: got %v, want %s", name, err, c.code)
			}
		}
		mustBroadcast(t, w, final)
		_, err := w.Broadcast(t.Context(), anchor(coin, []byte("second"), 90_000).Bytes())
		wantFault(t, err, fault.Refused)
		mustMine(t, w, 1)
		_, err = w.Broadcast(t.Context(), anchor(coin, []byte("third"), 90_000).Bytes())
		wantFault(t, err, fault.Refused)
		mustLocate(t, w, final.TxID())
	})
}

// TestFeeBump: a transaction that signals replacement gives way to one that pays more.
func TestFeeBump(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		coin := mustFund(t, w, 100_000)
		mustMine(t, w, 1)
		cheap := anchor(coin, []byte("payload"), 99_500)
		child := anchor(vout(cheap.TxID(), 1), []byte("child"), 99_000)
		mustBroadcast(t, w, cheap)
		mustBroadcast(t, w, child)
		_, err := w.Broadcast(t.Context(), anchor(coin, []byte("payload"), 99_400).Bytes())
		wantFault(t, err, fault.Refused) // does not pay for the child it drives out
		dear := anchor(coin, []byte("payload"), 98_000)
		mustBroadcast(t, w, dear)
		mustMine(t, w, 1)
		mustLocate(t, w, dear.TxID())
		for _, gone := range []spv.Tx{cheap, child} {
			if _, ok, _ := chain.Locate(t.Context(), w, gone.TxID(), 0); ok {
				t.Error("a replaced transaction was mined")
			}
		}
	})
}

// TestReorganised: after blocks are dropped the anchor is mined again elsewhere, and Locate
// and Follow say so.
func TestReorganised(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		coin := mustFund(t, w, 100_000)
		mustMine(t, w, 1)
		tx := anchor(coin, []byte("payload"), 99_000)
		txid := mustBroadcast(t, w, tx)
		child := anchor(vout(txid, 1), []byte("child"), 98_000)
		mustBroadcast(t, w, child)
		mustMine(t, w, 3)
		f, err := chain.Follow(w)
		if err != nil {
			t.Fatal(err)
		}
		mustSync(t, f)
		first := mustLocate(t, w, txid)
		if err := w.Invalidate(t.Context(), first.Height); err != nil {
			t.Fatal(err)
		}
		if height := mustTip(t, w); height != first.Height-1 {
			t.Fatalf("tip at %d after invalidating %d", height, first.Height)
		}
		_, err = f.Sync(t.Context())
		wantFault(t, err, fault.Unavailable) // less work than before: not believed
		if f.Confirmations(first.BlockHash) != 3 {
			t.Error("the chain held was given up for one with less work")
		}
		mustMine(t, w, 3)
		_, err = f.Sync(t.Context())
		wantFault(t, err, fault.Unavailable) // equal work: the first seen stays
		mustMine(t, w, 1)
		step := mustSync(t, f)
		want := chain.Step{
			Height: first.Height + 3, Hash: step.Hash, Added: 4, Removed: 3,
			Fork: first.Height - 1,
		}
		if diff := cmp.Diff(want, step); diff != "" {
			t.Error(diff)
		}
		second := mustLocate(t, w, txid)
		if second.BlockHash == first.BlockHash || f.Confirmations(first.BlockHash) != 0 {
			t.Error("the dropped block still counts")
		}
		if f.Confirmations(second.BlockHash) != 4 {
			t.Errorf("%d confirmations of the new place", f.Confirmations(second.BlockHash))
		}
		mustLocate(t, w, child.TxID())
	})
}

// TestInvalidateBounds: only a block above genesis that is there can be dropped.
func TestInvalidateBounds(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		wantFault(t, w.Invalidate(t.Context(), 0), fault.Invalid)
		wantFault(t, w.Invalidate(t.Context(), 102), fault.NotFound)
		// Down to the first block: its coins, and all that came of them, are gone.
		mustFund(t, w, 5_000)
		mustMine(t, w, 1)
		if err := w.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustMine(t, w, 1)
		if block, err := w.Block(t.Context(), 1); err != nil || len(block.Txs) != 1 {
			t.Errorf("first block anew: %d transactions, %v", len(block.Txs), err)
		}
	})
}

// TestSubscribe: a reader finds the latest tip, and its channel ends in each of three ways.
func TestSubscribe(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx, cancel := context.WithCancel(t.Context())
		byContext, stopContext := w.Subscribe(ctx)
		defer stopContext()
		byStop, stop := w.Subscribe(t.Context())
		mustMine(t, w, 2)
		mustMine(t, w, 1)
		for _, heights := range []<-chan int64{byContext, byStop} {
			for height := range heights {
				if height == 104 {
					break // a poller may have seen 103 first
				}
			}
		}
		cancel()
		for range byContext { // ends, or the test does not
		}
		stop()
		stop()
		for range byStop {
		}
	})
}

// TestMineTo pays a coinbase to a script of the caller's.
func TestMineTo(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		if _, err := w.Mine(t.Context(), 1, anyoneOutput()); err != nil {
			t.Fatal(err)
		}
		block, err := w.Block(t.Context(), 102)
		if err != nil {
			t.Fatal(err)
		}
		coinbase, err := spv.ParseTx(block.Txs[0])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(coinbase.Outputs[0].Script, anyoneOutput()) {
			t.Errorf("coinbase pays to %x", coinbase.Outputs[0].Script)
		}
		raw := spend([][36]byte{vout(coinbase.TxID(), 0)},
			spv.Output{Value: 1_000_000, Script: anyoneOutput()}).Bytes()
		_, err = w.Broadcast(t.Context(), raw)
		wantFault(t, err, fault.Refused)
		mustMine(t, w, 98)
		_, err = w.Broadcast(t.Context(), raw)
		wantFault(t, err, fault.Refused) // would be its 100th block: one too early
		mustMine(t, w, 1)
		if _, err = w.Broadcast(t.Context(), raw); err != nil {
			t.Errorf("a mature coinbase: %v", err)
		}
	})
}
