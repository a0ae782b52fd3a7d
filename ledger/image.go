package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"seyfert/money"
)

// imageMagic opens an image; its last byte is the format.
const imageMagic = "SYFLDG\x00\x01"

// The sizes of one account and one hold in an image and in a write-set, in bytes.
const (
	accountSize = 16 + 2 + 1 + 1 + 4*16 + 8
	holdSize    = 16 + 16 + 16 + 2 + 16 + 16 + 8 + 1 + 1
)

// Encode returns the checkpoint image of the book: all accounts in the order in which they were
// opened and all live holds in the order of ids. The same state gives the same bytes. The image
// carries no checksum; its owner keeps one. No draft may be open.
//
//	magic 8 | accounts u32 | holds u32 | accounts, 92 bytes each | holds, 92 bytes each
//	account: id 16 | currency u16 | kind u8 | flags u8 | debits posted, debits pending,
//	         credits posted, credits pending u128 each | last record u64
//	hold:    id 16 | debit 16 | credit 16 | currency u16 | amount u128 | captured u128 |
//	         expires i64 | bound u8 | state u8
func (b *Book) Encode() []byte {
	assert(!b.drafting, "an image is taken while a draft is open")
	size := len(imageMagic) + 8 + int(b.count)*accountSize + len(b.holds)*holdSize
	buf := append(make([]byte, 0, size), imageMagic...)
	buf = binary.BigEndian.AppendUint32(buf, b.count)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(b.holds)))
	b.Accounts(func(a Account) bool {
		buf = binary.BigEndian.AppendUint64(appendAccount(buf, a), a.LastRecord)
		return true
	})
	b.Holds(func(h Hold) bool {
		buf = appendHold(buf, h)
		return true
	})
	return buf
}

// Append appends the write-set of the draft to buf, for the state hash: every changed account
// and hold as it is now, each in the order of ids, the same bytes for the same changes. Record
// numbers are not in it; they follow from the records. Call it before Commit.
//
//	accounts u32 | accounts as in Encode without last record | holds u32 | holds
func (d *Draft) Append(buf []byte) []byte {
	d.check()
	accounts := make([]*Account, len(d.touched))
	for i := range d.touched {
		accounts[i] = &d.touched[i].account
	}
	slices.SortFunc(accounts, func(x, y *Account) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(accounts)))
	for _, a := range accounts {
		buf = appendAccount(buf, *a)
	}
	holds := make([]*Hold, len(d.holds))
	for i := range d.holds {
		holds[i] = &d.holds[i]
	}
	slices.SortFunc(holds, func(x, y *Hold) int { return compareHolds(x.ID, y.ID) })
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(holds)))
	for _, h := range holds {
		buf = appendHold(buf, *h)
	}
	return buf
}

// appendAccount appends all of an account but its last record.
func appendAccount(buf []byte, a Account) []byte {
	buf = append(buf, a.ID[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(a.Currency))
	buf = append(buf, byte(a.Kind), byte(a.Flags))
	buf = appendUnits(buf, a.DebitsPosted)
	buf = appendUnits(buf, a.DebitsPending)
	buf = appendUnits(buf, a.CreditsPosted)
	return appendUnits(buf, a.CreditsPending)
}

func appendHold(buf []byte, h Hold) []byte {
	buf = append(buf, h.ID[:]...)
	buf = append(buf, h.Debit[:]...)
	buf = append(buf, h.Credit[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(h.Amount.Currency()))
	buf = appendUnits(buf, h.Amount)
	buf = appendUnits(buf, h.Captured)
	buf = binary.BigEndian.AppendUint64(buf, uint64(h.Expires))
	var bound byte
	if h.Bound {
		bound = 1
	}
	return append(buf, bound, byte(h.State))
}

// DecodeBook reads an image. It accepts only what Encode writes of a book that keeps all rules
// of this package, so a damaged image that still parses is not taken for a ledger.
func DecodeBook(image []byte) (*Book, error) {
	rest, ok := bytes.CutPrefix(image, []byte(imageMagic))
	if !ok {
		return nil, errors.New("ledger image: not an image of a known format")
	}
	in := reader{rest: rest}
	accounts, holds := int(in.uint32()), int(in.uint32())
	// The counts are checked against the bytes there are before anything is made for them.
	if in.err != nil || len(in.rest) != accounts*accountSize+holds*holdSize {
		return nil, errors.New("ledger image: length does not fit the counts")
	}
	b := NewBook()
	for i := range accounts {
		if err := b.decodeAccount(&in); err != nil {
			return nil, fmt.Errorf("ledger image, account %d: %w", i, err)
		}
	}
	pending := make([]Account, b.count)
	for ordinal := range b.count {
		pending[ordinal] = unused(b.at(ordinal).Spec)
	}
	var last HoldID
	for i := range holds {
		h, err := b.decodeHold(&in, pending)
		if err == nil && compareHolds(last, h.ID) >= 0 {
			err = errors.New("holds out of order")
		}
		if err != nil {
			return nil, fmt.Errorf("ledger image, hold %d: %w", i, err)
		}
		b.settle(h)
		last = h.ID
	}
	return b, b.audit(pending)
}

// decodeAccount reads one account and adds it.
func (b *Book) decodeAccount(in *reader) error {
	a := Account{Spec: Spec{ID: in.id(), Currency: in.currency()}}
	a.Kind, a.Flags = Kind(in.uint8()), Flags(in.uint8())
	a.DebitsPosted, a.DebitsPending = in.amount(a.Currency), in.amount(a.Currency)
	a.CreditsPosted, a.CreditsPending = in.amount(a.Currency), in.amount(a.Currency)
	a.LastRecord = in.uint64()
	_, twice := b.ordinals[a.ID]
	switch {
	case in.err != nil:
		return in.err
	case a.ID.IsZero() || twice:
		return errors.New("no id, or the id of another account")
	case !a.Kind.valid() || a.Flags&^flagsAll != 0:
		return errors.New("unknown kind or flags")
	case a.Flags&NoOverdraft != 0 && !a.covered():
		return errors.New("overdrawn")
	case a.Flags&Closed != 0 && !a.empty():
		return errors.New("closed and not empty")
	}
	total := b.total(a.Currency)
	var err, other error
	total.Debits, err = total.Debits.Add(a.DebitsPosted)
	total.Credits, other = total.Credits.Add(a.CreditsPosted)
	if err != nil || other != nil {
		return errors.New("total too large")
	}
	b.add(a)
	b.slots = append(b.slots, 0)
	return nil
}

// decodeHold reads one live hold and counts it as pending on its accounts.
func (b *Book) decodeHold(in *reader, pending []Account) (Hold, error) {
	h := Hold{ID: in.id(), Debit: in.id(), Credit: in.id()}
	currency := in.currency()
	h.Amount, h.Captured = in.amount(currency), in.amount(currency)
	h.Expires = int64(in.uint64())
	bound := in.uint8()
	h.Bound, h.State = bound == 1, State(in.uint8())
	debit, ok := b.ordinals[h.Debit]
	credit, also := b.ordinals[h.Credit]
	switch {
	case in.err != nil:
		return Hold{}, in.err
	case h.ID.IsZero() || !ok || !also || debit == credit:
		return Hold{}, errors.New("ids that cannot be")
	case h.Amount.IsZero() || !h.Captured.IsZero() || h.State != Held || bound > 1:
		return Hold{}, errors.New("not a live hold")
	case h.Expires < 0:
		return Hold{}, errors.New("expiry before 1970")
	}
	// Amounts of another currency than the account's fail here too.
	var err, other error
	on, to := &pending[debit], &pending[credit]
	on.DebitsPending, err = on.DebitsPending.Add(h.Amount)
	to.CreditsPending, other = to.CreditsPending.Add(h.Amount)
	return h, errors.Join(err, other)
}

// audit checks the rules that hold over the whole book.
func (b *Book) audit(pending []Account) error {
	for _, total := range b.totals {
		if total.Debits != total.Credits {
			return fmt.Errorf("ledger image: %v debits differ from credits", total.Currency)
		}
	}
	for ordinal := range b.count {
		have, want := b.at(ordinal), &pending[ordinal]
		if have.DebitsPending != want.DebitsPending ||
			have.CreditsPending != want.CreditsPending {
			return fmt.Errorf("ledger image, account %d: pending without a hold", ordinal)
		}
	}
	return nil
}

// reader takes fixed-size values off the front of bytes. After the first error it gives zeros.
type reader struct {
	rest []byte
	err  error
}

// take takes size bytes, zeros once there are not enough.
func (in *reader) take(size int) []byte {
	if in.err == nil && len(in.rest) < size {
		in.err = errors.New("too short")
	}
	if in.err != nil {
		return make([]byte, size)
	}
	taken := in.rest[:size]
	in.rest = in.rest[size:]
	return taken
}

func (in *reader) uint8() uint8   { return in.take(1)[0] }
func (in *reader) uint16() uint16 { return binary.BigEndian.Uint16(in.take(2)) }
func (in *reader) uint32() uint32 { return binary.BigEndian.Uint32(in.take(4)) }
func (in *reader) uint64() uint64 { return binary.BigEndian.Uint64(in.take(8)) }
func (in *reader) id() [16]byte   { return [16]byte(in.take(16)) }

// currency takes a currency that is known.
func (in *reader) currency() money.Currency {
	c, err := money.CurrencyOf(in.uint16())
	if err != nil && in.err == nil {
		in.err = err
	}
	return c
}

// amount takes minor units of c.
func (in *reader) amount(c money.Currency) money.Amount {
	hi, lo := in.uint64(), in.uint64()
	return money.FromWords(c, hi, lo)
}
