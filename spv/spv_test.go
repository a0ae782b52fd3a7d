package spv_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seyfert/spv"
)

// Blocks of mainnet, whole: the first; the second; and number 170, which holds the first
// payment from one person to another.
const (
	block0Hex = "01000000" +
		"0000000000000000000000000000000000000000000000000000000000000000" +
		"3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a" +
		"29ab5f49ffff001d1dac2b7c01" + coinbase0Hex
	coinbase0Hex = "01000000010000000000000000000000000000000000000000000000000000000000000000" +
		"ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c" +
		"6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffff" +
		"ffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea" +
		"1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
	block1Hex = "01000000" +
		"6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000" +
		"982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e" +
		"61bc6649ffff001d01e36299" +
		"0101000000010000000000000000000000000000000000000000000000000000000000000000" +
		"ffffffff0704ffff001d0104ffffffff0100f2052a0100000043410496b538e853519c726a2c91e61ec1" +
		"1600ae1390813a627c66fb8be7947be63c52da7589379515d4e0a604f8141781e62294721166bf621e73" +
		"a82cbf2342c858eeac00000000"
	block170Hex = "01000000" +
		"55bd840a78798ad0da853f68974f3d183e2bd1db6a842c1feecf222a00000000" +
		"ff104ccb05421ab93e63f8c3ce5c2c2e9dbb37de2764b3a3175c8166562cac7d" +
		"51b96a49ffff001d283e9e7002" +
		"01000000010000000000000000000000000000000000000000000000000000000000000000" +
		"ffffffff0704ffff001d0102ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c" +
		"7a6ce34eec332b32e42e5f3407e052d64ac625da6f0718e7b302140434bd725706957c092db53805b821" +
		"a85b23a7ac61725bac00000000" + firstPaymentHex
	firstPaymentHex = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd37" +
		"04000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd" +
		"410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200" +
		"ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414" +
		"e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043" +
		"410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9" +
		"744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000"
)

// segwitHex is the signed native P2WPKH example of BIP 143: two inputs, one with a witness.
const segwitHex = "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad" +
	"969f00000000494830450221008b9d1dc26ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30" +
	"be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3ed01eeffffffef51e1b8" +
	"04cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb2060000" +
	"00001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42db" +
	"ee7e4dbe6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8" +
	"a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de6" +
	"7eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000"

func mustHex(tb testing.TB, text string) []byte {
	tb.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func mustParseHash(tb testing.TB, text string) [32]byte {
	tb.Helper()
	hash, err := spv.ParseHash(text)
	if err != nil {
		tb.Fatal(err)
	}
	return hash
}

func mustParseBlock(tb testing.TB, text string) spv.Block {
	tb.Helper()
	block, err := spv.ParseBlock(mustHex(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return block
}

func mustParseTx(tb testing.TB, text string) spv.Tx {
	tb.Helper()
	tx, err := spv.ParseTx(mustHex(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return tx
}

// mustLoadMainnet returns the first 2017 headers of mainnet, one period and the block after.
func mustLoadMainnet(tb testing.TB) []byte {
	tb.Helper()
	raw, err := os.ReadFile("testdata/mainnet-0-2016.headers")
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// mustMine returns a regtest header with work that follows the tip of c.
func mustMine(tb rapid.TB, c *spv.Chain, root [32]byte) spv.Header {
	tb.Helper()
	limit, err := spv.Regtest.Limit()
	if err != nil {
		tb.Fatal(err)
	}
	_, hash := c.Tip()
	h := spv.Header{
		Version: 0x20000000, Prev: hash, MerkleRoot: root, Time: c.MedianTime() + 1,
		Bits: 0x207fffff,
	}
	for h.CheckPoW(limit) != nil {
		h.Nonce++
	}
	return h
}

// mustGrow returns a regtest chain with blocks headers above the first; mark makes chains
// of different marks different.
func mustGrow(tb testing.TB, blocks int, mark byte) *spv.Chain {
	tb.Helper()
	c, err := spv.NewChain(spv.Regtest)
	if err != nil {
		tb.Fatal(err)
	}
	for range blocks {
		if err := c.Append(mustMine(tb, c, [32]byte{mark})); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

func TestGenesisOfEachNetwork(t *testing.T) {
	for network, want := range map[spv.Network]string{
		spv.Mainnet: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
		spv.Signet:  "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
		spv.Regtest: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
	} {
		h, err := network.Genesis()
		if err != nil {
			t.Fatal(err)
		}
		if got := spv.HashString(h.Hash()); got != want {
			t.Errorf("%s begins with %s, want %s", network, got, want)
		}
		limit, err := network.Limit()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.CheckPoW(limit); err != nil {
			t.Errorf("%s: %v", network, err)
		}
	}
}

func TestUnknownNetwork(t *testing.T) {
	for _, network := range []spv.Network{"", "Mainnet", "testnet3"} {
		if _, err := network.Genesis(); err == nil {
			t.Errorf("a genesis of %q", network)
		}
		if _, err := network.Limit(); err == nil {
			t.Errorf("a limit of %q", network)
		}
		if _, err := network.NextBits(spv.Header{}, spv.Header{}); err == nil {
			t.Errorf("bits of %q", network)
		}
		if _, err := spv.NewChain(network); err == nil {
			t.Errorf("a chain of %q", network)
		}
		if _, err := spv.ParseHeaders(network, mustLoadMainnet(t)); err == nil {
			t.Errorf("headers of %q", network)
		}
	}
}

func TestHashString(t *testing.T) {
	const text = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
	hash := mustParseHash(t, text)
	if hash[0] != 0x6f || hash[31] != 0 {
		t.Errorf("wire order is %x", hash)
	}
	if got := spv.HashString(hash); got != text {
		t.Errorf("written as %s", got)
	}
	for _, bad := range []string{
		"", text[2:], text + "00", strings.ToUpper(text), "g" + text[1:], " " + text[1:],
	} {
		if _, err := spv.ParseHash(bad); err == nil {
			t.Errorf("read %q", bad)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		hash := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		again, err := spv.ParseHash(spv.HashString(hash))
		if err != nil || again != hash {
			t.Fatalf("%x became %x, %v", hash, again, err)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := spv.ParseHash(text)
		if err == nil && spv.HashString(hash) != text {
			t.Errorf("%q has a second spelling", text)
		}
	})
}
