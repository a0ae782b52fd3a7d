package chain_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// liar is a backend that changes what an honest one says.
type liar struct {
	chain.Backend
	network string
	header  func(height int64, raw []byte) []byte
	block   func(block chain.Block) chain.Block
}

func (l *liar) Network() string { return l.network }

func (l *liar) Header(ctx context.Context, height int64) ([]byte, error) {
	raw, err := l.Backend.Header(ctx, height)
	if err == nil && l.header != nil {
		raw = l.header(height, raw)
	}
	return raw, err
}

func (l *liar) Block(ctx context.Context, height int64) (chain.Block, error) {
	block, err := l.Backend.Block(ctx, height)
	if err == nil && l.block != nil {
		block = l.block(block)
	}
	return block, err
}

// TestFollowBelievesNothing: whatever is wrong with a header, it is not taken over.
func TestFollowBelievesNothing(t *testing.T) {
	m := mustMemory(t)
	genesisTwice, err := m.Header(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	unworked := func(raw []byte) []byte {
		header, err := spv.ParseHeader(raw)
		if err != nil {
			t.Fatal(err)
		}
		limit, err := spv.Regtest.Limit()
		if err != nil {
			t.Fatal(err)
		}
		for header.CheckPoW(limit) == nil {
			header.Nonce++
		}
		return header.Bytes()
	}
	lies := map[string]func(raw []byte) []byte{
		"cut":        func(raw []byte) []byte { return raw[:79] },
		"no work":    unworked,
		"wrong link": func([]byte) []byte { return genesisTwice },
		"easy bits": func(raw []byte) []byte {
			raw[75] = 0x21
			return raw
		},
		"old": func(raw []byte) []byte {
			copy(raw[68:72], []byte{0, 0, 0, 0})
			return raw
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			f, err := chain.Follow(&liar{
				Backend: m, network: "regtest",
				header: func(height int64, raw []byte) []byte {
					if height == 50 {
						return lie(raw)
					}
					return raw
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Sync(t.Context())
			wantFault(t, err, fault.Unavailable)
			if height, _ := f.Tip(); height != 49 {
				t.Errorf("followed to %d", height)
			}
		})
	}
}

// TestFollowNetworks: a network without rules is refused, another genesis block is noticed.
func TestFollowNetworks(t *testing.T) {
	m := mustMemory(t)
	_, err := chain.Follow(&liar{Backend: m, network: "dogecoin"})
	wantFault(t, err, fault.Refused)
	f, err := chain.Follow(&liar{Backend: m, network: "mainnet"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Sync(t.Context())
	wantFault(t, err, fault.Unavailable)
	if height, _ := f.Tip(); height != 0 {
		t.Errorf("followed to %d", height)
	}
}

// TestFollowOutage: an outage changes nothing and the next Sync goes on.
func TestFollowOutage(t *testing.T) {
	m := mustMemory(t)
	f, err := chain.Follow(m)
	if err != nil {
		t.Fatal(err)
	}
	m.SetReachable(false)
	_, err = f.Sync(t.Context())
	wantFault(t, err, fault.Unavailable)
	m.SetReachable(true)
	if step := mustSync(t, f); step.Height != 101 {
		t.Errorf("followed to %d", step.Height)
	}
	if step := mustSync(t, f); step.Added != 0 || step.Height != 101 || step.Fork != 101 {
		t.Errorf("a step without news: %+v", step)
	}
}

// TestLocateBelievesNothing: a block that is not its header's is an error, not an absence.
func TestLocateBelievesNothing(t *testing.T) {
	m := mustMemory(t)
	coin := mustFund(t, m, 100_000)
	mustMine(t, m, 1)
	txid := [32]byte(coin[:32])
	lies := map[string]func(chain.Block) chain.Block{
		"left out":  func(b chain.Block) chain.Block { b.Txs = b.Txs[:1]; return b },
		"no txs":    func(b chain.Block) chain.Block { b.Txs = nil; return b },
		"swapped":   func(b chain.Block) chain.Block { slices.Reverse(b.Txs); return b },
		"cut":       func(b chain.Block) chain.Block { b.Txs[1] = b.Txs[1][:20]; return b },
		"hash":      func(b chain.Block) chain.Block { b.Hash[0] ^= 1; return b },
		"no header": func(b chain.Block) chain.Block { b.Header = nil; return b },
		"twice": func(b chain.Block) chain.Block {
			b.Txs = append(b.Txs, bytes.Clone(b.Txs[1]), bytes.Clone(b.Txs[1]))
			return b
		},
	}
	for name, lie := range lies {
		backend := &liar{Backend: m, network: "regtest", block: lie}
		if _, ok, err := chain.Locate(t.Context(), backend, txid, 102); ok || err == nil {
			t.Errorf("%s: found %v, %v", name, ok, err)
		}
	}
	if _, ok, err := chain.Locate(t.Context(), m, txid, 103); ok || err != nil {
		t.Errorf("above the tip: found %v, %v", ok, err)
	}
}
