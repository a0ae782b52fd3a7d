package spv

import (
	"fmt"
	"math/big"
	"slices"
)

// HeadersMax is the greatest number of headers in a Chain: mainnet until the 2040s.
const HeadersMax = 2_000_000

// medianBlocks is the number of headers whose median time the next header must pass.
const medianBlocks = 11

// Chain is a run of headers from the first header of a network on, each checked against those
// before it. It has one owner; readers may share it while nobody appends.
type Chain struct {
	network Network
	rules   rules
	limit   *big.Int
	headers []Header
	hashes  [][32]byte
	// work is the sum of the work of all headers.
	work *big.Int
}

// NewChain returns the chain that has only the first header of the network, or an error if the
// network is not known.
func NewChain(network Network) (*Chain, error) {
	r, err := network.rules()
	if err != nil {
		return nil, err
	}
	limit, err := Target(r.limitBits)
	if err != nil {
		return nil, err
	}
	work, err := r.genesis.Work()
	if err != nil {
		return nil, err
	}
	return &Chain{
		network: network,
		rules:   r,
		limit:   limit,
		headers: []Header{r.genesis},
		hashes:  [][32]byte{r.genesis.Hash()},
		work:    work,
	}, nil
}

// ParseHeaders reads concatenated headers, HeaderSize bytes each, from the network's first
// header on, and checks every one of them as Append does. The input is refused as a whole if
// any header is.
func ParseHeaders(network Network, raw []byte) (*Chain, error) {
	c, err := NewChain(network)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 || len(raw)%HeaderSize != 0 {
		return nil, fmt.Errorf("spv: %d bytes are not whole headers", len(raw))
	}
	if len(raw) > HeadersMax*HeaderSize {
		return nil, fmt.Errorf("spv: %d headers, at most %d", len(raw)/HeaderSize, HeadersMax)
	}
	c.headers = slices.Grow(c.headers, len(raw)/HeaderSize)
	c.hashes = slices.Grow(c.hashes, len(raw)/HeaderSize)
	for i := 0; i < len(raw); i += HeaderSize {
		h, err := ParseHeader(raw[i : i+HeaderSize])
		if err != nil {
			return nil, err
		}
		if i == 0 {
			if h != c.rules.genesis {
				return nil, fmt.Errorf("spv: the headers do not begin where %s does", network)
			}
			continue
		}
		if err := c.Append(h); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Append adds the next header, or says why it cannot follow the tip and changes nothing:
// it must name the tip, have the bits that the network's rule gives, a time after the median
// of the eleven headers before it, and the work it claims. A time far in the future is not
// refused, because there is no clock here.
func (c *Chain) Append(h Header) error {
	height := int64(len(c.headers))
	if height >= HeadersMax {
		return fmt.Errorf("spv: a chain of more than %d headers", HeadersMax)
	}
	if h.Prev != c.hashes[height-1] {
		return fmt.Errorf("spv: header %d does not follow the one before it", height)
	}
	bits, err := c.nextBits()
	if err != nil {
		return err
	}
	if h.Bits != bits {
		return fmt.Errorf("spv: header %d has bits %08x, not %08x", height, h.Bits, bits)
	}
	if median := c.MedianTime(); h.Time <= median {
		return fmt.Errorf("spv: header %d has time %d, not after the median %d",
			height, h.Time, median)
	}
	hash := h.Hash()
	if err := h.checkPoW(hash, c.limit); err != nil {
		return fmt.Errorf("header %d: %w", height, err)
	}
	work, err := h.Work()
	if err != nil {
		return err
	}
	c.headers = append(c.headers, h)
	c.hashes = append(c.hashes, hash)
	c.work.Add(c.work, work)
	return nil
}

// nextBits returns the bits that the header after the tip must have.
func (c *Chain) nextBits() (uint32, error) {
	height := len(c.headers)
	last := c.headers[height-1]
	if height%RetargetBlocks != 0 {
		return last.Bits, nil
	}
	return c.network.NextBits(c.headers[height-RetargetBlocks], last)
}

// MedianTime returns the median of the times of the last eleven headers, or of all if there
// are fewer, in seconds since 1970 (BIP 113).
func (c *Chain) MedianTime() uint32 {
	last := c.headers[max(0, len(c.headers)-medianBlocks):]
	times := make([]uint32, len(last))
	for i, h := range last {
		times[i] = h.Time
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// Network returns the network whose rules the chain follows.
func (c *Chain) Network() Network {
	return c.network
}

// Tip returns the height and the hash of the last header; the first header has height 0.
func (c *Chain) Tip() (height int64, hash [32]byte) {
	return int64(len(c.headers)) - 1, c.hashes[len(c.hashes)-1]
}

// At returns the header at a height, if the chain is that long.
func (c *Chain) At(height int64) (Header, bool) {
	if height < 0 || height >= int64(len(c.headers)) {
		return Header{}, false
	}
	return c.headers[height], true
}

// HashAt returns the hash of the header at a height, if the chain is that long.
func (c *Chain) HashAt(height int64) ([32]byte, bool) {
	if height < 0 || height >= int64(len(c.hashes)) {
		return [32]byte{}, false
	}
	return c.hashes[height], true
}

// HeightOf returns the height of the header with the given hash, if the chain has it. It looks
// from the tip downwards at each hash.
func (c *Chain) HeightOf(hash [32]byte) (int64, bool) {
	for height := len(c.hashes) - 1; height >= 0; height-- {
		if c.hashes[height] == hash {
			return int64(height), true
		}
	}
	return 0, false
}

// Work returns the work of the whole chain, in expected hashes.
func (c *Chain) Work() *big.Int {
	return new(big.Int).Set(c.work)
}

// WorkFrom returns the work of the headers from a height to the tip, both included: what
// someone would have to spend to write another history from there. It is zero for a height
// above the tip and the whole work for one below 0.
func (c *Chain) WorkFrom(height int64) *big.Int {
	sum := new(big.Int)
	for at := max(0, height); at < int64(len(c.headers)); at++ {
		sum.Add(sum, c.mustWork(at))
	}
	return sum
}

// mustWork returns the work of a header that Append has checked.
func (c *Chain) mustWork(height int64) *big.Int {
	work, err := c.headers[height].Work()
	if err != nil {
		panic(err)
	}
	return work
}

// Fork returns a chain of its own that ends at a height of this one, to which another branch
// can be appended and whose work can then be compared. The height must be on the chain.
func (c *Chain) Fork(height int64) (*Chain, error) {
	if height < 0 || height >= int64(len(c.headers)) {
		return nil, fmt.Errorf("spv: no height %d to fork at", height)
	}
	work := c.Work()
	work.Sub(work, c.WorkFrom(height+1))
	return &Chain{
		network: c.network,
		rules:   c.rules,
		limit:   c.limit,
		headers: slices.Clone(c.headers[:height+1]),
		hashes:  slices.Clone(c.hashes[:height+1]),
		work:    work,
	}, nil
}

// Bytes returns the headers concatenated, as ParseHeaders reads them.
func (c *Chain) Bytes() []byte {
	raw := make([]byte, 0, len(c.headers)*HeaderSize)
	for _, h := range c.headers {
		raw = append(raw, h.Bytes()...)
	}
	return raw
}
