package spv

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
)

// HeaderSize is the number of bytes in a serialized block header.
const HeaderSize = 80

// Header is a Bitcoin block header.
type Header struct {
	// Version is the block version with the bits that signal soft forks.
	Version int32
	// Prev is the hash of the header before, in wire order; zeros in the first.
	Prev [32]byte
	// MerkleRoot is the root over the block's transaction ids, in wire order.
	MerkleRoot [32]byte
	// Time is the miner's clock in seconds since 1970.
	Time uint32
	// Bits is the target in compact form.
	Bits uint32
	// Nonce is the number that the miner searched.
	Nonce uint32
}

// ParseHeader reads a header from exactly HeaderSize bytes. Every such input is a header;
// whether it has work is CheckPoW's matter.
func ParseHeader(raw []byte) (Header, error) {
	if len(raw) != HeaderSize {
		return Header{}, fmt.Errorf("spv: a header of %d bytes", len(raw))
	}
	return Header{
		Version:    int32(binary.LittleEndian.Uint32(raw)),
		Prev:       [32]byte(raw[4:36]),
		MerkleRoot: [32]byte(raw[36:68]),
		Time:       binary.LittleEndian.Uint32(raw[68:]),
		Bits:       binary.LittleEndian.Uint32(raw[72:]),
		Nonce:      binary.LittleEndian.Uint32(raw[76:]),
	}, nil
}

// Bytes returns the serialized header, HeaderSize bytes.
func (h Header) Bytes() []byte {
	raw := make([]byte, 0, HeaderSize)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(h.Version))
	raw = append(raw, h.Prev[:]...)
	raw = append(raw, h.MerkleRoot[:]...)
	raw = binary.LittleEndian.AppendUint32(raw, h.Time)
	raw = binary.LittleEndian.AppendUint32(raw, h.Bits)
	return binary.LittleEndian.AppendUint32(raw, h.Nonce)
}

// Hash returns the block hash in wire order.
func (h Header) Hash() [32]byte {
	return doubleHash(h.Bytes())
}

// Target expands a target from its compact form: an exponent byte and a three-byte mantissa
// whose highest bit is a sign. Zero, a negative number and one of more than 256 bits are
// errors, as they are to Bitcoin Core (SetCompact in arith_uint256).
func Target(bits uint32) (*big.Int, error) {
	size := uint(bits >> 24)
	mantissa := bits & 0x007fffff
	if size < 3 {
		mantissa >>= 8 * (3 - size)
	}
	if mantissa == 0 || bits&0x00800000 != 0 {
		return nil, fmt.Errorf("spv: no target in bits %08x", bits)
	}
	target := new(big.Int).SetUint64(uint64(mantissa))
	if size > 3 {
		target.Lsh(target, 8*(size-3))
	}
	if target.BitLen() > 256 {
		return nil, fmt.Errorf("spv: a target above 256 bits in bits %08x", bits)
	}
	return target, nil
}

// CompactBits writes a positive target of at most 256 bits in compact form, rounded down to
// what three bytes of mantissa can hold (GetCompact in Bitcoin Core). It panics on any other
// number.
func CompactBits(target *big.Int) uint32 {
	if target.Sign() <= 0 || target.BitLen() > 256 {
		panic(fmt.Sprintf("spv: compact form of %s", target))
	}
	size := uint(target.BitLen()+7) / 8
	var mantissa uint32
	if size <= 3 {
		mantissa = uint32(target.Uint64()) << (8 * (3 - size))
	} else {
		mantissa = uint32(new(big.Int).Rsh(target, 8*(size-3)).Uint64())
	}
	if mantissa&0x00800000 != 0 {
		// The highest mantissa bit would read as a sign.
		mantissa >>= 8
		size++
	}
	return uint32(size)<<24 | mantissa
}

// Work returns how many hashes the header's target takes to meet on average,
// 2^256 / (target + 1) rounded down (GetBlockProof in Bitcoin Core).
func (h Header) Work() (*big.Int, error) {
	target, err := Target(h.Bits)
	if err != nil {
		return nil, err
	}
	work := new(big.Int).Lsh(big.NewInt(1), 256)
	return work.Div(work, target.Add(target, big.NewInt(1))), nil
}

// CheckPoW verifies the header's work: its target is no easier than limit and its hash, read
// as a little-endian number, is no greater than its target.
func (h Header) CheckPoW(limit *big.Int) error {
	return h.checkPoW(h.Hash(), limit)
}

// checkPoW is CheckPoW for a header whose hash is known.
func (h Header) checkPoW(hash [32]byte, limit *big.Int) error {
	target, err := Target(h.Bits)
	if err != nil {
		return err
	}
	if target.Cmp(limit) > 0 {
		return fmt.Errorf("spv: bits %08x are easier than the network allows", h.Bits)
	}
	reversed := hash
	slices.Reverse(reversed[:])
	if new(big.Int).SetBytes(reversed[:]).Cmp(target) > 0 {
		return fmt.Errorf("spv: header %s lacks the work it claims", HashString(hash))
	}
	return nil
}

// RetargetBlocks is the number of blocks after which the target is set anew.
const RetargetBlocks = 2016

// retargetSeconds is how long RetargetBlocks blocks should take: two weeks.
const retargetSeconds = 14 * 24 * 3600

// retargetFactorMax is the greatest step, up or down, between two targets.
const retargetFactorMax = 4

// NextBits returns the bits of the block that begins a new period, from the first and the last
// header of the period before it. On a network without retargeting it is the constant. The
// period is measured between these two headers, so it is one block short, as it is for
// everybody (CalculateNextWorkRequired in Bitcoin Core).
func (n Network) NextBits(first, last Header) (uint32, error) {
	r, err := n.rules()
	if err != nil {
		return 0, err
	}
	if !r.retargets {
		return r.limitBits, nil
	}
	seconds := int64(last.Time) - int64(first.Time)
	seconds = min(max(seconds, retargetSeconds/retargetFactorMax), retargetSeconds*retargetFactorMax)
	target, err := Target(last.Bits)
	if err != nil {
		return 0, err
	}
	limit, err := Target(r.limitBits)
	if err != nil {
		return 0, err
	}
	target.Mul(target, big.NewInt(seconds))
	target.Div(target, big.NewInt(retargetSeconds))
	if target.Cmp(limit) > 0 {
		return r.limitBits, nil
	}
	if target.Sign() == 0 {
		return 0, fmt.Errorf("spv: no target after bits %08x", last.Bits)
	}
	return CompactBits(target), nil
}
