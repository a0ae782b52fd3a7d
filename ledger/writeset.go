package ledger

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// What a changed account in a write-set has beside its sums, or'ed together.
const (
	wroteAccount = 1 << iota
	wroteLimits
)

// Append appends the write-set of the draft to buf, for the state hash: every changed account
// and hold as it is now, the same bytes for the same changes. Record numbers are not in it; they
// follow from the records. Call it before Commit.
//
//	accounts u32 | accounts in the order in which they were opened
//	holds u32 | holds as in an image, in the order of ids
//	account: place u32 | what u8 | flags u8 | debits posted, debits pending, credits posted,
//	         credits pending, each as length u8 | so many bytes without leading zeros
//	what 1:  id 16 | owner 16 | currency u16 | code u16 | kind u8: the account is new
//	what 2:  floor to times, as in an image: the account has limits or had some
func (d *Draft) Append(buf []byte) []byte {
	d.check()
	be := binary.BigEndian
	buf = be.AppendUint32(buf, uint32(len(d.touched)))
	for _, key := range d.byOrdinal() {
		t := &d.touched[uint32(key)]
		var what byte
		if t.ordinal >= d.book.accounts.count {
			what |= wroteAccount
		}
		if t.own != 0 {
			what |= wroteLimits
		}
		buf = append(be.AppendUint32(buf, t.ordinal), what, byte(t.flags))
		for _, sum := range [...]wide{
			t.debitsPosted, t.debitsPending, t.creditsPosted, t.creditsPending,
		} {
			buf = sum.appendShort(buf)
		}
		if what&wroteAccount != 0 {
			buf = t.appendSpec(buf)
		}
		if what&wroteLimits != 0 {
			buf = d.limits[t.own-1].append(buf)
		}
	}
	buf = be.AppendUint32(buf, uint32(len(d.holds)))
	for _, key := range d.byHold() {
		buf = d.holds[uint32(key)].append(buf)
	}
	return buf
}

// byOrdinal returns an ordinal, in the upper half, and a slot for each touched account, in the
// order of ordinals.
func (d *Draft) byOrdinal() []uint64 {
	d.keys = d.keys[:0]
	most := uint32(0)
	for i := range d.touched {
		ordinal := d.touched[i].ordinal
		d.keys = append(d.keys, uint64(ordinal)<<32|uint64(i))
		most = max(most, ordinal)
	}
	const few = 64
	if len(d.keys) <= few {
		slices.Sort(d.keys)
		return d.keys
	}
	d.moved = slices.Grow(d.moved[:0], len(d.keys))[:len(d.keys)]
	d.keys, d.moved = radixSort(d.keys, d.moved, 32, 32+bits.Len32(most))
	return d.keys
}

// radixSort sorts keys by their bits from one to another, digit by digit and with other as room,
// and returns the sorted one of the two first. It takes a few passes where comparing takes one
// for each doubling.
func radixSort(keys, other []uint64, from, to int) (sorted, room []uint64) {
	const digit = 11
	for ; from < to; from += digit {
		var starts [1 << digit]uint32
		for _, key := range keys {
			starts[key>>from&(1<<digit-1)]++
		}
		sum := uint32(0)
		for i, count := range starts {
			starts[i] = sum
			sum += count
		}
		for _, key := range keys {
			at := &starts[key>>from&(1<<digit-1)]
			other[*at] = key
			*at++
		}
		keys, other = other, keys
	}
	return keys, other
}

// byHold returns the slots of the changed holds in the order of ids.
func (d *Draft) byHold() []uint64 {
	d.keys = d.keys[:0]
	for i := range d.holds {
		d.keys = append(d.keys, uint64(i))
	}
	slices.SortFunc(d.keys, func(x, y uint64) int {
		return bytes.Compare(d.holds[x].id[:], d.holds[y].id[:])
	})
	return d.keys
}

// appendShort appends the length of w and its bytes without leading zeros: most sums are far from
// 128 bits, and all that is appended here is hashed.
func (w wide) appendShort(buf []byte) []byte {
	if w.hi != 0 {
		length := (bits.Len64(w.hi) + 7) / 8
		buf = appendLow(append(buf, byte(8+length)), w.hi, length)
		return binary.BigEndian.AppendUint64(buf, w.lo)
	}
	length := (bits.Len64(w.lo) + 7) / 8
	return appendLow(append(buf, byte(length)), w.lo, length)
}

// appendLow appends the low bytes of word.
func appendLow(buf []byte, word uint64, length int) []byte {
	var high [8]byte
	binary.BigEndian.PutUint64(high[:], word<<(64-8*length))
	return append(buf, high[:length]...)
}
