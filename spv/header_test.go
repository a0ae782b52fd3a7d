package spv_test

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/spv"
)

func TestKnownHeaders(t *testing.T) {
	for text, want := range map[string]struct {
		hash  string
		time  uint32
		nonce uint32
	}{
		block0Hex: {
			"000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
			1231006505, 2083236893,
		},
		block1Hex: {
			"00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
			1231469665, 2573394689,
		},
		block170Hex: {
			"00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee",
			1231731025, 1889418792,
		},
	} {
		raw := mustHex(t, text)[:spv.HeaderSize]
		h, err := spv.ParseHeader(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := spv.HashString(h.Hash()); got != want.hash {
			t.Errorf("hash %s, want %s", got, want.hash)
		}
		if h.Version != 1 || h.Time != want.time || h.Bits != 0x1d00ffff || h.Nonce != want.nonce {
			t.Errorf("read %+v", h)
		}
		if !bytes.Equal(h.Bytes(), raw) {
			t.Errorf("written as %x", h.Bytes())
		}
		limit, err := spv.Mainnet.Limit()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.CheckPoW(limit); err != nil {
			t.Error(err)
		}
		work, err := h.Work()
		if err != nil || work.Int64() != 0x100010001 {
			t.Errorf("work %v, %v", work, err)
		}
	}
}

func TestHeaderSize(t *testing.T) {
	for _, size := range []int{0, spv.HeaderSize - 1, spv.HeaderSize + 1} {
		if _, err := spv.ParseHeader(make([]byte, size)); err == nil {
			t.Errorf("read a header of %d bytes", size)
		}
	}
}

// Each bit of a header is covered by its work: flip any and the work is gone. (A flip could
// find work by luck once in 2^32; these headers are fixed, so it did not.)
func TestFlippedHeaderLacksWork(t *testing.T) {
	limit, err := spv.Mainnet.Limit()
	if err != nil {
		t.Fatal(err)
	}
	raw := mustHex(t, block170Hex)[:spv.HeaderSize]
	for bit := range 8 * len(raw) {
		flipped := bytes.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		h, err := spv.ParseHeader(flipped)
		if err != nil {
			t.Fatal(err)
		}
		if h.CheckPoW(limit) == nil {
			t.Errorf("bit %d is idle", bit)
		}
	}
}

// Compact forms and their targets as Bitcoin Core's arith_uint256 tests have them; an empty
// target is an error here (zero, negative, too great).
func TestTarget(t *testing.T) {
	for bits, want := range map[uint32]string{
		0x00000000: "", 0x00123456: "", 0x01003456: "", 0x02000056: "", 0x03000000: "",
		0x04000000: "", 0x00923456: "", 0x01803456: "", 0x02800056: "", 0x03800000: "",
		0x04800000: "", 0x01fedcba: "", 0x04923456: "", 0xff123456: "",
		0x01123456: "12", 0x02123456: "1234", 0x03123456: "123456", 0x04123456: "12345600",
		0x05009234: "92340000", 0x01120000: "12", 0x02008000: "80",
		0x20123456: "1234560000000000000000000000000000000000000000000000000000000000",
		0x1d00ffff: "ffff0000000000000000000000000000000000000000000000000000",
		0x207fffff: "7fffff0000000000000000000000000000000000000000000000000000000000",
		0x2100ffff: "ffff000000000000000000000000000000000000000000000000000000000000",
		0x220000ff: "ff00000000000000000000000000000000000000000000000000000000000000",
		0x2200ffff: "", 0x230000ff: "", 0x21ffffff: "", 0x21010000: "",
	} {
		target, err := spv.Target(bits)
		if want == "" {
			if err == nil {
				t.Errorf("bits %08x gave target %x", bits, target)
			}
			continue
		}
		if err != nil || target.Text(16) != want {
			t.Errorf("bits %08x gave %v, %v, want %s", bits, target, err, want)
		}
	}
}

func TestCompactBits(t *testing.T) {
	for text, want := range map[string]uint32{
		"12": 0x01120000, "80": 0x02008000, "1234": 0x02123400, "123456": 0x03123456,
		"12345600": 0x04123456, "12345678": 0x04123456, "92340000": 0x05009234,
	} {
		target, _ := new(big.Int).SetString(text, 16)
		if got := spv.CompactBits(target); got != want {
			t.Errorf("target %s is %08x, want %08x", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 32).Draw(t, "target")
		target := new(big.Int).SetBytes(raw)
		if target.Sign() == 0 {
			t.Skip("no target")
		}
		bits := spv.CompactBits(target)
		rounded, err := spv.Target(bits)
		if err != nil {
			t.Fatal(err)
		}
		if rounded.Cmp(target) > 0 || spv.CompactBits(rounded) != bits {
			t.Fatalf("%x became bits %08x and %x", target, bits, rounded)
		}
		// At least the upper 16 bits are kept.
		lost := new(big.Int).Sub(target, rounded)
		if lost.Lsh(lost, 15).Cmp(target) > 0 {
			t.Fatalf("%x lost %x", target, lost)
		}
	})
	for _, bad := range []*big.Int{
		new(big.Int), big.NewInt(-1), new(big.Int).Lsh(big.NewInt(1), 256),
	} {
		mustPanic(t, func() { spv.CompactBits(bad) })
	}
}

func mustPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("did not panic")
		}
	}()
	do()
}

func TestWorkLimits(t *testing.T) {
	mainnet, err := spv.Mainnet.Limit()
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := spv.Regtest.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	if genesis.CheckPoW(mainnet) == nil {
		t.Error("a regtest header has work enough for mainnet")
	}
	work, err := genesis.Work()
	if err != nil || work.Int64() != 2 {
		t.Errorf("a regtest header has work %v, %v", work, err)
	}
	genesis.Bits = 0
	if _, err := genesis.Work(); err == nil {
		t.Error("a header without a target has work")
	}
	if genesis.CheckPoW(mainnet) == nil {
		t.Error("a header without a target has work enough")
	}
}

// The four cases of Bitcoin Core's pow_tests, taken from the chain or made up there to reach
// the bounds.
func TestNextBits(t *testing.T) {
	for name, c := range map[string]struct {
		first, last, bits, want uint32
	}{
		"height 32256, first change":  {1261130161, 1262152739, 0x1d00ffff, 0x1d00d86a},
		"never easier than the limit": {1231006505, 1233061996, 0x1d00ffff, 0x1d00ffff},
		"at most four times harder":   {1279008237, 1279297671, 0x1c05a3f4, 0x1c0168fd},
		"at most four times easier":   {1263163443, 1269211443, 0x1c387f6f, 0x1d00e1fd},
	} {
		first, last := spv.Header{Time: c.first}, spv.Header{Time: c.last, Bits: c.bits}
		got, err := spv.Mainnet.NextBits(first, last)
		if err != nil || got != c.want {
			t.Errorf("%s: %08x, %v, want %08x", name, got, err, c.want)
		}
	}
	if _, err := spv.Mainnet.NextBits(spv.Header{}, spv.Header{}); err == nil {
		t.Error("bits after a header without a target")
	}
	tiny := spv.Header{Bits: 0x01010000}
	if bits, err := spv.Mainnet.NextBits(tiny, tiny); err == nil {
		t.Errorf("bits %08x from a target that rounds to nothing", bits)
	}
	bits, err := spv.Regtest.NextBits(spv.Header{}, spv.Header{Bits: 0x1d00ffff})
	if err != nil || bits != 0x207fffff {
		t.Errorf("regtest has bits %08x, %v", bits, err)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(mustHex(f, block1Hex)[:spv.HeaderSize])
	f.Add(make([]byte, spv.HeaderSize))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := spv.ParseHeader(raw)
		if err != nil {
			return
		}
		if diff := cmp.Diff(raw, h.Bytes()); diff != "" {
			t.Error(diff)
		}
		work, err := h.Work()
		if err == nil && work.Sign() < 0 {
			t.Errorf("work %s", work)
		}
	})
}
