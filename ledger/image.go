package ledger

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// imageMagic opens an image; its last byte is the format.
const imageMagic = "SYFLDG\x00\x02"

// The sizes of the parts of an image, in bytes.
const (
	specSize    = 16 + 16 + 2 + 2 + 1
	sumsSize    = 4 * 16
	accountSize = specSize + 1 + sumsSize + 8
	limitsSize  = 4 + 2*(1+16) + 8 + 16 + 4 + 8 + 16 + 4
	holdSize    = 16 + 4 + 4 + 2 + 16 + 16 + 8 + 1 + 1
)

// Image is a book as it stood at a freeze. It shares what has not changed since with the book,
// so it is taken in an instant, and it is read beside later drafts and commits.
type Image struct {
	accounts, limits, holds uint32 // counts
	live                    uint32
	accountPages            []*page[row]
	limitPages              []*page[limitRow]
	holdPages               []*page[holdRow]
	book                    *Book // of which images alone is touched
}

// Freeze takes an image of the book as the last commit left it. No draft may be open. It costs
// one pointer for every page; until Release, a commit copies each page that it is the first to
// change.
func (b *Book) Freeze() *Image {
	assert(!b.drafting, "an image is taken while a draft is open")
	b.age++
	b.images.Add(1)
	return &Image{
		accounts: b.accounts.count, limits: b.limits.count, holds: b.holds.count, live: b.live,
		accountPages: slices.Clone(b.accounts.list), limitPages: slices.Clone(b.limits.list),
		holdPages: slices.Clone(b.holds.list), book: b,
	}
}

// Release ends the image: commits copy no more pages for its sake. WriteTo must not be called
// after it, nor Release twice. It may be called from any goroutine.
func (i *Image) Release() {
	assert(i.book != nil, "an image is released twice")
	i.book.images.Add(-1)
	*i = Image{}
}

// Encode returns the bytes of an image of the book. No draft may be open.
func (b *Book) Encode() []byte {
	i := b.Freeze()
	defer i.Release()
	var buf bytes.Buffer
	buf.Grow(imageHead + int(i.accounts)*accountSize + int(i.live)*holdSize)
	_, err := i.WriteTo(&buf)
	must(err)
	return buf.Bytes()
}

// imageHead is the size of what stands before the accounts.
const imageHead = len(imageMagic) + 3*4

// chunkSize is how many bytes of an image are read or written at a time, about.
const chunkSize = 1 << 16

// WriteTo writes the checkpoint image: all accounts in the order in which they were opened, the
// limits of those that have any, and all live holds in the order of ids. The same state gives
// the same bytes. The image carries no checksum; its owner keeps one. It implements
// io.WriterTo, and may run in another goroutine than the one that drafts and commits.
//
//	magic 8 | accounts u32 | limits u32 | holds u32 | accounts | limits | holds
//	account: id 16 | owner 16 | currency u16 | code u16 | kind u8 | flags u8 | debits posted,
//	         debits pending, credits posted, credits pending u128 each | last record u64
//	limits:  account u32 | floor, ceiling: form u8, u128 each | period u64 | most u128 |
//	         times u32 | since u64 | spent u128 | count u32
//	hold:    id 16 | debit u32 | credit u32 | code u16 | amount u128 | captured u128 |
//	         expires u64 | bound u8 | state u8
//
// Limits and holds name an account by its place, from 0. The form of a bound is 0 for none, 1
// for one that is not below zero and 2 for one that is. Within a velocity's period of
// milliseconds at most a sum (most) may leave and so many times; since is the start of the
// window in which spent left, count times. 0 stands for what is not bound.
func (i *Image) WriteTo(w io.Writer) (int64, error) {
	assert(i.book != nil, "an image is written after its release")
	out := chunks{to: w, buf: make([]byte, 0, chunkSize+accountSize)}
	limited := i.limited()
	be := binary.BigEndian
	out.buf = append(out.buf, imageMagic...)
	out.buf = be.AppendUint32(out.buf, i.accounts)
	out.buf = be.AppendUint32(out.buf, uint32(len(limited)))
	out.buf = be.AppendUint32(out.buf, i.live)
	for ordinal := range i.accounts {
		r := i.account(ordinal)
		out.buf = append(r.appendSpec(out.buf), byte(r.flags))
		out.buf = be.AppendUint64(r.appendSums(out.buf), r.last)
		out.flush(chunkSize)
	}
	for _, ordinal := range limited {
		place := i.account(ordinal).limits - 1
		out.buf = be.AppendUint32(out.buf, ordinal)
		out.buf = i.limitPages[place/pageRows][place%pageRows].append(out.buf)
		out.flush(chunkSize)
	}
	holds := pages[holdRow]{list: i.holdPages, count: i.holds}
	for _, place := range ordered(&holds, i.live) {
		out.buf = holds.at(place).append(out.buf)
		out.flush(chunkSize)
	}
	out.flush(1)
	return out.written, out.err
}

func (i *Image) account(ordinal uint32) *row {
	return &i.accountPages[ordinal/pageRows][ordinal%pageRows]
}

// limited returns the ordinals of the accounts with limits.
func (i *Image) limited() []uint32 {
	var ordinals []uint32
	if i.limits == 0 {
		return nil
	}
	for ordinal := range i.accounts {
		if i.account(ordinal).limits != 0 {
			ordinals = append(ordinals, ordinal)
		}
	}
	return ordinals
}

// chunks writes what is appended to buf, a chunk at a time, until the first error.
type chunks struct {
	to      io.Writer
	buf     []byte
	written int64
	err     error
}

// flush writes buf out when it has at least so many bytes.
func (c *chunks) flush(least int) {
	if len(c.buf) < least {
		return
	}
	if c.err == nil {
		var n int
		n, c.err = c.to.Write(c.buf)
		c.written += int64(n)
	}
	c.buf = c.buf[:0]
}

// appendSpec appends what an account was opened with and keeps for ever.
func (r *row) appendSpec(buf []byte) []byte {
	buf = append(buf, r.id[:]...)
	buf = append(buf, r.owner[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(r.currency))
	buf = binary.BigEndian.AppendUint16(buf, r.code)
	return append(buf, byte(r.kind))
}

func (s *sums) appendSums(buf []byte) []byte {
	buf = s.debitsPosted.append(buf)
	buf = s.debitsPending.append(buf)
	buf = s.creditsPosted.append(buf)
	return s.creditsPending.append(buf)
}

func (l *limitRow) append(buf []byte) []byte {
	be := binary.BigEndian
	buf = l.floor.amount.append(append(buf, byte(l.floor.form)))
	buf = l.ceiling.amount.append(append(buf, byte(l.ceiling.form)))
	buf = be.AppendUint64(buf, uint64(l.period))
	buf = l.most.append(buf)
	buf = be.AppendUint32(buf, l.times)
	buf = be.AppendUint64(buf, uint64(l.since))
	buf = l.spent.append(buf)
	return be.AppendUint32(buf, l.count)
}

func (h *holdRow) append(buf []byte) []byte {
	be := binary.BigEndian
	buf = append(buf, h.id[:]...)
	buf = be.AppendUint32(buf, h.debit)
	buf = be.AppendUint32(buf, h.credit)
	buf = be.AppendUint16(buf, h.code)
	buf = h.amount.append(buf)
	buf = h.captured.append(buf)
	buf = be.AppendUint64(buf, uint64(h.expires))
	var bound byte
	if h.bound {
		bound = 1
	}
	return append(buf, bound, byte(h.state))
}

// append appends the 16 bytes of w, big-endian.
func (w wide) append(buf []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(buf, w.hi), w.lo)
}
