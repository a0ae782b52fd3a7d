package spv

import (
	"encoding/binary"
	"fmt"
)

// The least bytes that one element of a list takes. A count is believed only if the bytes that
// are left could hold so many, so that memory is never reserved for what did not arrive.
const (
	inputBytesMin  = 36 + 1 + 4
	outputBytesMin = 8 + 1
	itemBytesMin   = 1
	txBytesMin     = 4 + 1 + inputBytesMin + 1 + outputBytesMin + 4
)

// cursor reads Bitcoin's serialization from the front of rest. After a fault every read gives
// zero and err says what was first wrong.
type cursor struct {
	rest []byte
	err  error
}

// fail keeps the first fault and ends the input.
func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("spv: "+format, args...)
	}
	c.rest = nil
}

// take returns the next n bytes, or nil after a fault.
func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.fail("the data ends early")
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) outpoint() [36]byte {
	if b := c.take(36); b != nil {
		return [36]byte(b)
	}
	return [36]byte{}
}

// count reads a compact size and refuses one that is not in its shortest form or that the
// remaining bytes cannot hold with elementMin bytes for each element.
func (c *cursor) count(elementMin int) int {
	first := c.take(1)
	if first == nil {
		return 0
	}
	n, least := uint64(first[0]), uint64(0)
	switch first[0] {
	case 0xfd:
		if b := c.take(2); b != nil {
			n, least = uint64(binary.LittleEndian.Uint16(b)), 0xfd
		}
	case 0xfe:
		if b := c.take(4); b != nil {
			n, least = uint64(binary.LittleEndian.Uint32(b)), 1<<16
		}
	case 0xff:
		if b := c.take(8); b != nil {
			n, least = binary.LittleEndian.Uint64(b), 1<<32
		}
	}
	if c.err != nil {
		return 0
	}
	if n < least {
		c.fail("the count %d is not in its shortest form", n)
		return 0
	}
	if n > uint64(len(c.rest)/elementMin) {
		c.fail("a count of %d in %d bytes", n, len(c.rest))
		return 0
	}
	return int(n)
}

// bytes reads a byte string after its length.
func (c *cursor) bytes() []byte {
	return c.take(c.count(1))
}

// stack reads a witness stack; an empty one is nil.
func (c *cursor) stack() [][]byte {
	n := c.count(itemBytesMin)
	if n == 0 {
		return nil
	}
	items := make([][]byte, n)
	for i := range items {
		items[i] = c.bytes()
	}
	return items
}

// appendCount writes a compact size in its shortest form.
func appendCount(raw []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(raw, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(raw, 0xfd), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(raw, 0xfe), uint32(n))
	}
}

// appendBytes writes a byte string after its length.
func appendBytes(raw, data []byte) []byte {
	return append(appendCount(raw, len(data)), data...)
}
