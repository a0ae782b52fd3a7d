package table

import "encoding/binary"

// Key builds a row's key from parts so that the order of the bytes is the order of the tuples
// of parts, and no tuple's bytes begin another tuple of the same parts. Each method returns
// the longer key: Key{}.Fixed(account[:]).Uint64(number).
type Key []byte

// The end of a text part, and what stands for a zero byte inside it. The end sorts before
// everything that can follow it in a longer text.
const (
	textEscape   = 0xff
	textEnd      = 0x01
	fixedPartMax = 64
)

// Byte appends one byte, such as a kind or a state.
func (k Key) Byte(b byte) Key { return append(k, b) }

// Uint16 appends n in ascending order.
func (k Key) Uint16(n uint16) Key { return binary.BigEndian.AppendUint16(k, n) }

// Uint64 appends n in ascending order.
func (k Key) Uint64(n uint64) Key { return binary.BigEndian.AppendUint64(k, n) }

// Uint64Down appends n in descending order, for indexes that are read newest first.
func (k Key) Uint64Down(n uint64) Key { return binary.BigEndian.AppendUint64(k, ^n) }

// Int64 appends n in ascending order, negative numbers first. It fits Unix milliseconds.
func (k Key) Int64(n int64) Key { return k.Uint64(uint64(n) ^ 1<<63) }

// Int64Down appends n in descending order.
func (k Key) Int64Down(n int64) Key { return k.Uint64(^(uint64(n) ^ 1<<63)) }

// Fixed appends bytes whose length is the same in every key of the table, such as a 16-byte
// id or a 32-byte hash; an empty part or one over 64 bytes panics.
func (k Key) Fixed(part []byte) Key {
	if len(part) == 0 || len(part) > fixedPartMax {
		panic("table: fixed key part of wrong length")
	}
	return append(k, part...)
}

// Text appends a text of any length with an end that keeps the order: a zero byte inside
// becomes 00 ff, and 00 01 ends the text.
func (k Key) Text(s string) Key {
	for i := 0; i < len(s); i++ {
		k = append(k, s[i])
		if s[i] == 0 {
			k = append(k, textEscape)
		}
	}
	return append(k, 0, textEnd)
}

// prefixEnd returns the first key after every key that begins with prefix, or nil if there is
// none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
