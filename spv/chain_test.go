package spv_test

import (
	"bytes"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"seyfert/spv"
)

// The first period of mainnet and the block after it, where the rule for new targets runs for
// the first time and finds the limit.
func TestMainnetHeaders(t *testing.T) {
	raw := mustLoadMainnet(t)
	c, err := spv.ParseHeaders(spv.Mainnet, raw)
	if err != nil {
		t.Fatal(err)
	}
	height, hash := c.Tip()
	if height != 2016 || spv.HashString(hash) !=
		"00000000a141216a896c54f211301c436e557a8d55900637bbdce14c6c7bddef" {
		t.Errorf("the tip is %d, %s", height, spv.HashString(hash))
	}
	want := new(big.Int).Mul(big.NewInt(0x100010001), big.NewInt(2017))
	if c.Work().Cmp(want) != 0 {
		t.Errorf("work %s, want %s", c.Work(), want)
	}
	known := mustParseHash(t, "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee")
	if at, found := c.HeightOf(known); !found || at != 170 {
		t.Errorf("found block 170 at %d, %v", at, found)
	}
	if hash, found := c.HashAt(170); !found || hash != known {
		t.Errorf("block 170 is %s, %v", spv.HashString(hash), found)
	}
	if c.Network() != spv.Mainnet || !bytes.Equal(c.Bytes(), raw) {
		t.Error("the headers do not come out as they went in")
	}
}

func TestFlippedHeaders(t *testing.T) {
	raw := mustLoadMainnet(t)[:20*spv.HeaderSize]
	rapid.Check(t, func(t *rapid.T) {
		flipped := bytes.Clone(raw)
		bit := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := spv.ParseHeaders(spv.Mainnet, flipped); err == nil {
			t.Fatalf("bit %d is idle", bit)
		}
	})
}

func TestHeadersRefused(t *testing.T) {
	raw := mustLoadMainnet(t)
	header := func(n int) []byte { return raw[n*spv.HeaderSize : (n+1)*spv.HeaderSize] }
	regtest, err := spv.Regtest.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing":              nil,
		"half a header":        raw[:spv.HeaderSize/2],
		"one byte more":        raw[:3*spv.HeaderSize+1],
		"not from the start":   raw[spv.HeaderSize:],
		"one left out":         append(bytes.Clone(header(0)), header(2)...),
		"the first twice":      append(bytes.Clone(header(0)), header(0)...),
		"of another network":   regtest.Bytes(),
		"more than HeadersMax": make([]byte, (spv.HeadersMax+1)*spv.HeaderSize),
	} {
		if _, err := spv.ParseHeaders(spv.Mainnet, bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAppendRefused(t *testing.T) {
	c := mustGrow(t, 20, 1)
	limit, err := spv.Regtest.Limit()
	if err != nil {
		t.Fatal(err)
	}
	mine := func(change func(*spv.Header)) spv.Header {
		h := mustMine(t, c, [32]byte{1})
		change(&h)
		for h.CheckPoW(limit) != nil {
			h.Nonce++
		}
		return h
	}
	lazy := mustMine(t, c, [32]byte{1})
	for lazy.CheckPoW(limit) == nil {
		lazy.Nonce++
	}
	first, _ := c.At(0)
	for name, h := range map[string]spv.Header{
		"another parent":      mine(func(h *spv.Header) { h.Prev = first.Hash() }),
		"time at the median":  mine(func(h *spv.Header) { h.Time = c.MedianTime() }),
		"no time":             mine(func(h *spv.Header) { h.Time = 0 }),
		"harder than it must": mine(func(h *spv.Header) { h.Bits = 0x207ffffe }),
		"no work":             lazy,
	} {
		height, tip := c.Tip()
		work := c.Work()
		if err := c.Append(h); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if nowHeight, now := c.Tip(); nowHeight != height || now != tip || c.Work().Cmp(work) != 0 {
			t.Errorf("%s: refused and yet the chain changed", name)
		}
	}
	if err := c.Append(mine(func(*spv.Header) {})); err != nil {
		t.Errorf("an honest header: %v", err)
	}
}

// A period of regtest ends without a new target.
func TestRegtestDoesNotRetarget(t *testing.T) {
	c := mustGrow(t, spv.RetargetBlocks+1, 1)
	tip, _ := c.Tip()
	if h, found := c.At(tip); !found || h.Bits != 0x207fffff {
		t.Errorf("header %d has bits %08x", tip, h.Bits)
	}
}

func TestMedianTime(t *testing.T) {
	c := mustGrow(t, 0, 1)
	genesis, _ := c.At(0)
	if c.MedianTime() != genesis.Time {
		t.Errorf("the median of one is %d", c.MedianTime())
	}
	limit, err := spv.Regtest.Limit()
	if err != nil {
		t.Fatal(err)
	}
	// Times out of order: of the last eleven the sixth in size counts.
	for _, ahead := range []uint32{50, 51, 52, 53, 54, 90, 60, 80, 55, 57, 56} {
		h := mustMine(t, c, [32]byte{2})
		h.Time = genesis.Time + ahead
		for h.CheckPoW(limit) != nil {
			h.Nonce++
		}
		if err := c.Append(h); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.MedianTime(); got != genesis.Time+55 {
		t.Errorf("the median is %d after the first", got-genesis.Time)
	}
}

func TestOutsideTheChain(t *testing.T) {
	c := mustGrow(t, 3, 1)
	for _, height := range []int64{-1, 4} {
		if _, found := c.At(height); found {
			t.Errorf("a header at %d", height)
		}
		if _, found := c.HashAt(height); found {
			t.Errorf("a hash at %d", height)
		}
		if _, err := c.Fork(height); err == nil {
			t.Errorf("a fork at %d", height)
		}
	}
	if _, found := c.HeightOf([32]byte{1}); found {
		t.Error("found a hash that is not there")
	}
	if c.WorkFrom(4).Sign() != 0 || c.WorkFrom(-1).Cmp(c.Work()) != 0 {
		t.Error("work outside the chain")
	}
}

func TestFork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(0, 12).Draw(t, "length")
		at := rapid.Int64Range(0, int64(length)).Draw(t, "fork at")
		added := rapid.IntRange(0, 12).Draw(t, "added")
		c, err := spv.NewChain(spv.Regtest)
		if err != nil {
			t.Fatal(err)
		}
		grow := func(c *spv.Chain, blocks int, mark byte) {
			for range blocks {
				if err := c.Append(mustMine(t, c, [32]byte{mark})); err != nil {
					t.Fatal(err)
				}
			}
		}
		grow(c, length, 1)
		before := c.Bytes()
		fork, err := c.Fork(at)
		if err != nil {
			t.Fatal(err)
		}
		grow(fork, added, 2)
		if !bytes.Equal(c.Bytes(), before) {
			t.Fatal("the fork changed its origin")
		}
		again, err := spv.ParseHeaders(spv.Regtest, fork.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if again.Work().Cmp(fork.Work()) != 0 {
			t.Fatalf("work %s by forking, %s by reading", fork.Work(), again.Work())
		}
		height, _ := fork.Tip()
		if height != at+int64(added) || fork.Work().Int64() != 2*(height+1) {
			t.Fatalf("height %d, work %s", height, fork.Work())
		}
	})
}

func FuzzParseHeaders(f *testing.F) {
	f.Add(mustGrow(f, 3, 1).Bytes())
	f.Add(mustGrow(f, 0, 1).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := spv.ParseHeaders(spv.Regtest, raw)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Bytes(), raw) {
			t.Error("the headers do not come out as they went in")
		}
	})
}
