package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"seyfert/money"
)

// DecodeBook reads an image as ReadBook does.
func DecodeBook(image []byte) (*Book, error) { return ReadBook(bytes.NewReader(image)) }

// ReadBook reads an image up to the end of r. It accepts only what WriteTo writes of a book that
// keeps all rules of this package, so a damaged image that still parses is not taken for a
// ledger. It asks for no more memory than what it has read needs.
func ReadBook(r io.Reader) (*Book, error) {
	in := &source{from: r, buf: make([]byte, chunkSize)}
	head := in.reader(imageHead)
	magic := string(head.take(len(imageMagic)))
	accounts, limits, holds := head.uint32(), head.uint32(), head.uint32()
	if in.err == nil && magic != imageMagic {
		return nil, errors.New("ledger image: not an image of a known format")
	}
	b := NewBook()
	for i := uint32(0); i < accounts && in.err == nil; i++ {
		if err := b.readAccount(in.reader(accountSize)); err != nil {
			in.fail(fmt.Errorf("account %d: %w", i, err))
		}
	}
	next := uint32(0)
	for i := uint32(0); i < limits && in.err == nil; i++ {
		var err error
		if next, err = b.readLimits(in.reader(limitsSize), next); err != nil {
			in.fail(fmt.Errorf("limits %d: %w", i, err))
		}
	}
	pending := make([]pendingSums, b.accounts.count)
	for i := uint32(0); i < holds && in.err == nil; i++ {
		if err := b.readHold(in.reader(holdSize), pending); err != nil {
			in.fail(fmt.Errorf("hold %d: %w", i, err))
		}
	}
	if in.end(); in.err != nil {
		return nil, fmt.Errorf("ledger image: %w", in.err)
	}
	return b, b.audit(pending)
}

// readAccount reads one account and adds it.
func (b *Book) readAccount(in *reader) error {
	r := row{id: in.id(), owner: in.id(), currency: in.currency(), code: in.uint16()}
	r.kind, r.flags = Kind(in.uint8()), Flags(in.uint8())
	r.debitsPosted, r.debitsPending = in.wide(), in.wide()
	r.creditsPosted, r.creditsPending = in.wide(), in.wide()
	r.last = in.uint64()
	_, twice := b.ordinal(r.id)
	switch {
	case in.err != nil:
		return in.err
	case r.id.IsZero() || twice:
		return errors.New("no id, or the id of another account")
	case !r.kind.valid() || r.flags&^flagsAll != 0:
		return errors.New("unknown kind or flags")
	case r.flags&NoOverdraft != 0 && !r.covered(r.kind):
		return errors.New("overdrawn")
	case r.flags&Closed != 0 && !r.isEmpty():
		return errors.New("closed and not empty")
	case r.last > numberMax:
		return errors.New("last record out of range")
	}
	var over, also bool
	tally := b.tally(r.currency)
	tally.debits, over = tally.debits.add(r.debitsPosted)
	tally.credits, also = tally.credits.add(r.creditsPosted)
	if over || also {
		return errors.New("total too large")
	}
	b.add(&r)
	b.slots.add(0)
	return nil
}

// readLimits reads the limits of one account, which is not before next, and returns the one
// after it.
func (b *Book) readLimits(in *reader, next uint32) (uint32, error) {
	ordinal := in.uint32()
	if in.err != nil || ordinal < next || ordinal >= b.accounts.count {
		return 0, errors.New("account unknown or out of order")
	}
	r := b.accounts.at(ordinal)
	l := limitRow{
		floor: in.bound(), ceiling: in.bound(),
		period: int64(in.uint64()), most: in.wide(), times: in.uint32(),
		since: int64(in.uint64()), spent: in.wide(), count: in.uint32(),
	}
	outside := l.limits(r.currency)
	_, ok := outside.validate(r.currency)
	isWindow := l.since >= 0 && l.since <= timeMax &&
		(l.period <= 0 && l.since == 0 || l.period > 0 && l.since%l.period == 0)
	switch {
	case in.err != nil:
		return 0, in.err
	case !ok || l == limitRow{} || l != limitRowOf(&outside).after(&l):
		return 0, errors.New("limits that cannot be")
	case !isWindow:
		return 0, errors.New("window that cannot be")
	}
	r.limits = b.limits.add(l, b.age) + 1
	return ordinal + 1, l.judge(r.kind, &r.sums)
}

// pendingSums are what the holds of an image make pending on an account.
type pendingSums struct{ debits, credits wide }

// readHold reads one live hold and counts it as pending on its accounts.
func (b *Book) readHold(in *reader, pending []pendingSums) error {
	h := holdRow{
		id: in.id(), debit: in.uint32(), credit: in.uint32(), code: in.uint16(),
		amount: in.wide(), captured: in.wide(), expires: int64(in.uint64()),
	}
	bound := in.uint8()
	h.bound, h.state = bound == 1, State(in.uint8())
	switch {
	case in.err != nil:
		return in.err
	case h.id.IsZero():
		return errors.New("no id")
	case b.live > 0 && compareHolds(b.holds.at(b.live-1).id, h.id) >= 0:
		return errors.New("out of order")
	case h.debit >= b.accounts.count || h.credit >= b.accounts.count || h.debit == h.credit:
		return errors.New("accounts that cannot be")
	case b.accounts.at(h.debit).currency != b.accounts.at(h.credit).currency:
		return errors.New("accounts of two currencies")
	case !h.captured.less(h.amount) || h.state != Held || bound > 1:
		return errors.New("not a live hold")
	case h.expires < 0 || h.expires > timeMax:
		return errors.New("expiry out of range")
	}
	var over, also bool
	debit, credit := &pending[h.debit], &pending[h.credit]
	debit.debits, over = debit.debits.add(h.left())
	credit.credits, also = credit.credits.add(h.left())
	if over || also {
		return errors.New("more pending than can be counted")
	}
	b.settle(&heldAt{holdRow: h}, 0)
	return nil
}

// audit checks the rules that hold over the whole book.
func (b *Book) audit(pending []pendingSums) error {
	for _, t := range b.tallies {
		if t.debits != t.credits {
			return fmt.Errorf("ledger image: %v debits differ from credits", t.currency)
		}
	}
	for ordinal := range b.accounts.count {
		r := b.accounts.at(ordinal)
		if pending[ordinal] != (pendingSums{r.debitsPending, r.creditsPending}) {
			return fmt.Errorf("ledger image, account %d: pending without a hold", ordinal)
		}
	}
	return nil
}

// source gives the bytes of a stream piece by piece, until the first error.
type source struct {
	from io.Reader
	buf  []byte
	// rest is what was read into buf and not given yet.
	rest  []byte
	piece reader
	err   error
}

// reader returns a reader of the next size bytes, at most chunkSize; it is good until the next
// call. After an error it reads zeros.
func (s *source) reader(size int) *reader {
	if s.err == nil && len(s.rest) < size {
		kept := copy(s.buf, s.rest)
		n, err := io.ReadAtLeast(s.from, s.buf[kept:], size-kept)
		s.rest = s.buf[:kept+n]
		if err != nil {
			s.fail(fmt.Errorf("too short: %w", err))
		}
	}
	if s.err != nil {
		s.piece = reader{err: s.err}
		return &s.piece
	}
	s.piece = reader{rest: s.rest[:size]}
	s.rest = s.rest[size:]
	return &s.piece
}

// fail keeps the first error.
func (s *source) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// end checks that nothing is left.
func (s *source) end() {
	if s.err != nil {
		return
	}
	n, err := io.ReadFull(s.from, s.buf[:1])
	if len(s.rest)+n > 0 {
		s.err = errors.New("longer than its counts say")
	} else if err != io.EOF {
		s.err = err
	}
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
func (in *reader) uint48() uint64 { return uint64(in.uint16())<<32 | uint64(in.uint32()) }
func (in *reader) uint64() uint64 { return binary.BigEndian.Uint64(in.take(8)) }
func (in *reader) id() [16]byte   { return [16]byte(in.take(16)) }
func (in *reader) wide() wide     { return wide{in.uint64(), in.uint64()} }

// currency takes a currency that is known.
func (in *reader) currency() money.Currency {
	c, err := money.CurrencyOf(in.uint16())
	if err != nil && in.err == nil {
		in.err = err
	}
	return c
}

// amount takes minor units of c.
func (in *reader) amount(c money.Currency) money.Amount { return in.wide().of(c) }

// bound takes a bound; what is no bound has no amount.
func (in *reader) bound() bound {
	b := bound{form: boundForm(in.uint8()), amount: in.wide()}
	if (b.form > boundBelow || b.form == boundNone && !b.amount.isZero()) && in.err == nil {
		in.err = errors.New("unknown form of a bound")
	}
	return b
}
