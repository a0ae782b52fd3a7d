package ledger

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"seyfert/money"
)

// imageMagic opens an image; its last byte is the format.
const imageMagic = "SYFLDG\x00\x02"

// The sizes of one account, one account's limits and one hold in an image, in bytes.
const (
	accountSize = 16 + 16 + 2 + 2 + 1 + 1 + 4*16 + 8
	limitsSize  = 4 + 2*(1+16) + 8 + 16 + 4 + 8 + 16 + 4
	holdSize    = 16 + 4 + 4 + 2 + 16 + 16 + 8 + 1 + 1
)

// Encode returns the checkpoint image of the book: all accounts in the order in which they were
// opened, the limits of those that have any, and all live holds in the order of ids. The same
// state gives the same bytes. The image carries no checksum; its owner keeps one. No draft may
// be open.
//
//	magic 8 | accounts u32 | limits u32 | holds u32 | accounts | limits | holds
//	account: id 16 | owner 16 | currency u16 | code u16 | kind u8 | flags u8 | debits posted,
//	         debits pending, credits posted, credits pending u128 each | last record u64
//	limits:  account u32 | floor, ceiling: form u8, u128 each | period u64 | amount u128 |
//	         count u32 | since u64 | left u128 | times u32
//	hold:    id 16 | debit u32 | credit u32 | code u16 | amount u128 | captured u128 |
//	         expires u64 | bound u8 | state u8
//
// Accounts are named by their place, from 0. The form of a bound is 0 for none, 1 for one that
// is not below zero and 2 for one that is.
func (b *Book) Encode() []byte {
	assert(!b.drafting, "an image is taken while a draft is open")
	limited := 0
	b.Accounts(func(a Account) bool {
		if a.Limits != (Limits{}) {
			limited++
		}
		return true
	})
	size := len(imageMagic) + 12 + int(b.count)*accountSize + limited*limitsSize +
		len(b.holds)*holdSize
	buf := append(make([]byte, 0, size), imageMagic...)
	buf = binary.BigEndian.AppendUint32(buf, b.count)
	buf = binary.BigEndian.AppendUint32(buf, uint32(limited))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(b.holds)))
	b.Accounts(func(a Account) bool {
		buf = binary.BigEndian.AppendUint64(appendAccount(buf, &a), a.LastRecord)
		return true
	})
	for ordinal := range b.count {
		if a := b.at(ordinal); a.Limits != (Limits{}) {
			buf = appendLimits(buf, ordinal, a)
		}
	}
	b.Holds(func(h Hold) bool {
		buf = b.appendHold(buf, &h)
		return true
	})
	return buf
}

// Append appends the write-set of the draft to buf, for the state hash: every changed account
// and hold as it is now, the same bytes for the same changes. Record numbers are not in it; they
// follow from the records. Call it before Commit.
//
//	accounts u32 | accounts and limits as in Encode without last record, in the order in which
//	they were opened | holds u32 | holds as in Encode, in the order of ids
func (d *Draft) Append(buf []byte) []byte {
	d.check()
	changed := slices.Clone(d.touched)
	slices.SortFunc(changed, func(x, y touched) int { return cmp.Compare(x.ordinal, y.ordinal) })
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(changed)))
	for i := range changed {
		buf = appendAccount(buf, &changed[i].account)
		buf = appendLimits(buf, changed[i].ordinal, &changed[i].account)
	}
	holds := make([]*Hold, len(d.holds))
	for i := range d.holds {
		holds[i] = &d.holds[i]
	}
	slices.SortFunc(holds, func(x, y *Hold) int { return compareHolds(x.ID, y.ID) })
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(holds)))
	for _, h := range holds {
		buf = d.appendHold(buf, h)
	}
	return buf
}

// appendAccount appends all of an account but its limits and last record.
func appendAccount(buf []byte, a *Account) []byte {
	buf = append(buf, a.ID[:]...)
	buf = append(buf, a.Owner[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(a.Currency))
	buf = binary.BigEndian.AppendUint16(buf, a.Code)
	buf = append(buf, byte(a.Kind), byte(a.Flags))
	buf = appendUnits(buf, a.DebitsPosted)
	buf = appendUnits(buf, a.DebitsPending)
	buf = appendUnits(buf, a.CreditsPosted)
	return appendUnits(buf, a.CreditsPending)
}

// The forms of a bound.
const (
	boundNone = iota
	boundAbove
	boundBelow
)

func appendLimits(buf []byte, ordinal uint32, a *Account) []byte {
	be := binary.BigEndian
	buf = be.AppendUint32(buf, ordinal)
	for _, bound := range [...]Bound{a.Limits.Floor, a.Limits.Ceiling} {
		form := byte(boundNone)
		if bound.Negative {
			form = boundBelow
		} else if bound.Set {
			form = boundAbove
		}
		buf = appendUnits(append(buf, form), bound.Amount)
	}
	buf = be.AppendUint64(buf, uint64(a.Limits.Velocity.Period))
	buf = appendUnits(buf, a.Limits.Velocity.Amount)
	buf = be.AppendUint32(buf, a.Limits.Velocity.Count)
	buf = be.AppendUint64(buf, uint64(a.Outflow.Since))
	buf = appendUnits(buf, a.Outflow.Amount)
	return be.AppendUint32(buf, a.Outflow.Count)
}

func (d *Draft) appendHold(buf []byte, h *Hold) []byte {
	debit, ok := d.find(h.Debit)
	credit, also := d.find(h.Credit)
	assert(ok && also, "a hold names an account that is not there")
	return appendHold(buf, h, debit, credit)
}

func (b *Book) appendHold(buf []byte, h *Hold) []byte {
	return appendHold(buf, h, b.ordinals[h.Debit], b.ordinals[h.Credit])
}

func appendHold(buf []byte, h *Hold, debit, credit uint32) []byte {
	buf = append(buf, h.ID[:]...)
	buf = binary.BigEndian.AppendUint32(buf, debit)
	buf = binary.BigEndian.AppendUint32(buf, credit)
	buf = binary.BigEndian.AppendUint16(buf, h.Code)
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
	accounts, limits, holds := int(in.uint32()), int(in.uint32()), int(in.uint32())
	// The counts are checked against the bytes there are before anything is made for them.
	if in.err != nil ||
		len(in.rest) != accounts*accountSize+limits*limitsSize+holds*holdSize {
		return nil, errors.New("ledger image: length does not fit the counts")
	}
	b := NewBook()
	for i := range accounts {
		if err := b.decodeAccount(&in); err != nil {
			return nil, fmt.Errorf("ledger image, account %d: %w", i, err)
		}
	}
	next := uint32(0)
	for i := range limits {
		ordinal, err := b.decodeLimits(&in, next)
		if err != nil {
			return nil, fmt.Errorf("ledger image, limits %d: %w", i, err)
		}
		next = ordinal + 1
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
	a := Account{Spec: Spec{ID: in.id(), Owner: in.id(), Currency: in.currency()}}
	a.Code, a.Kind, a.Flags = in.uint16(), Kind(in.uint8()), Flags(in.uint8())
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
	case a.LastRecord > numberMax:
		return errors.New("last record out of range")
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

// decodeLimits reads the limits of one account, which is not before next.
func (b *Book) decodeLimits(in *reader, next uint32) (ordinal uint32, err error) {
	if ordinal = in.uint32(); ordinal < next || ordinal >= b.count {
		return 0, errors.New("account unknown or out of order")
	}
	a := b.at(ordinal)
	c := a.Currency
	a.Limits.Floor, a.Limits.Ceiling = in.bound(c), in.bound(c)
	v := &a.Limits.Velocity
	v.Period, v.Amount, v.Count = int64(in.uint64()), in.some(c), in.uint32()
	a.Outflow = Outflow{Since: int64(in.uint64()), Amount: in.amount(c), Count: in.uint32()}
	if in.err != nil {
		return 0, in.err
	}
	if _, ok := a.Limits.validate(c); !ok || a.Limits == (Limits{}) {
		return 0, errors.New("limits that cannot be")
	}
	if v.Period == 0 && a.Outflow.Amount.IsZero() {
		a.Outflow.Amount = money.Amount{}
	}
	if a.Outflow != a.counted() || a.Outflow.Since < 0 || a.Outflow.Since > timeMax ||
		v.Period != 0 && a.Outflow.Since%v.Period != 0 {
		return 0, errors.New("outflow that cannot be")
	}
	return ordinal, a.rules()
}

// decodeHold reads one live hold and counts it as pending on its accounts.
func (b *Book) decodeHold(in *reader, pending []Account) (Hold, error) {
	h := Hold{ID: in.id()}
	debit, credit := in.uint32(), in.uint32()
	if in.err != nil || debit >= b.count || credit >= b.count || debit == credit {
		return Hold{}, errors.New("accounts that cannot be")
	}
	on, to := &pending[debit], &pending[credit]
	h.Debit, h.Credit = on.ID, to.ID
	h.Code, h.Amount, h.Captured = in.uint16(), in.amount(on.Currency), in.amount(on.Currency)
	h.Expires = int64(in.uint64())
	bound := in.uint8()
	h.Bound, h.State = bound == 1, State(in.uint8())
	isSpent := !wideOf(h.Captured).less(wideOf(h.Amount))
	switch {
	case in.err != nil:
		return Hold{}, in.err
	case h.ID.IsZero():
		return Hold{}, errors.New("no id")
	case isSpent || h.State != Held || bound > 1:
		return Hold{}, errors.New("not a live hold")
	case h.Expires < 0 || h.Expires > timeMax:
		return Hold{}, errors.New("expiry out of range")
	}
	// Accounts of two currencies fail here too.
	var err, other error
	on.DebitsPending, err = on.DebitsPending.Add(h.Left())
	to.CreditsPending, other = to.CreditsPending.Add(h.Left())
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
func (in *reader) uint48() uint64 { return uint64(in.uint16())<<32 | uint64(in.uint32()) }
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

// some takes minor units of c; none are of no currency.
func (in *reader) some(c money.Currency) money.Amount {
	if a := in.amount(c); !a.IsZero() {
		return a
	}
	return money.Amount{}
}

// bound takes a bound in c.
func (in *reader) bound(c money.Currency) Bound {
	form, amount := in.uint8(), in.amount(c)
	if form == boundNone && amount.IsZero() {
		return Bound{}
	}
	if (form == boundNone || form > boundBelow) && in.err == nil {
		in.err = errors.New("unknown form of a bound")
	}
	return Bound{Set: true, Negative: form == boundBelow, Amount: amount}
}
