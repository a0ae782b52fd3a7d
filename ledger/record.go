package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"seyfert/money"
)

// RecordSize is the length of every encoded Record, in bytes.
const RecordSize = 150

// numberMax is the largest journal index and history number that a record can hold.
const numberMax = 1<<48 - 1

// RecordKind says what a record tells.
type RecordKind uint8

// The kinds of records. The first two and RecordReversed moved money.
const (
	// RecordPosted is one leg of a transfer.
	RecordPosted RecordKind = iota + 1
	// RecordCaptured is the leg that took Amount of a hold, and ended it unless More is set.
	RecordCaptured
	// RecordHeld is a new hold of Amount; Effective is when it expires.
	RecordHeld
	// RecordBound is a hold that stopped to expire.
	RecordBound
	// RecordVoided is a hold of which Amount was left and was freed.
	RecordVoided
	// RecordExpired is a hold that was freed because its time had come.
	RecordExpired
	// RecordReversed is one leg of the counter-entry of another transfer.
	RecordReversed
)

// String returns the lower-case name of the kind.
func (k RecordKind) String() string {
	names := [...]string{
		"unknown", "posted", "captured", "held", "bound", "voided", "expired", "reversed",
	}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Moves says whether the record moved money.
func (k RecordKind) Moves() bool {
	return k == RecordPosted || k == RecordCaptured || k == RecordReversed
}

// Record is one line of history: a posted leg or a change of a hold. Records are numbered
// without a gap and never change. Each carries the numbers of the records before it of both its
// accounts, so that an account's history is read backwards without an index.
type Record struct {
	// Number is the place in history, from 1. It is not encoded: the place says it.
	Number uint64
	// Index is the journal entry that caused it, and Time the entry's time in Unix milliseconds.
	Index uint64
	Time  int64
	// Effective is when the transfer counts from, as its caller said it: 0 is Time. Of a new
	// hold it is the expiry, 0 for none; of other changes of a hold it is 0.
	Effective int64
	Kind      RecordKind
	// Code is the caller's word for the reason of a transfer or hold, and Leg the leg's place
	// in the transfer, from 0.
	Code, Leg uint16
	// Transfer is zero where none was posted, Hold where none is concerned, and Reverses
	// where the transfer is not a counter-entry.
	Transfer TransferID
	Hold     HoldID
	Reverses TransferID
	// More says of a capture that the rest of the hold stays held.
	More          bool
	Debit, Credit AccountID
	Amount        money.Amount
	// PreviousDebit and PreviousCredit are the numbers of the records before this one of the
	// account Debit and the account Credit, 0 when this is the first.
	PreviousDebit, PreviousCredit uint64
	// DebitBalance and CreditBalance are the posted balances of the two accounts after this
	// record, each on its normal side, and below zero where the flag is set.
	DebitBalance, CreditBalance   money.Amount
	DebitNegative, CreditNegative bool
}

// The bits of an encoded record's sign byte.
const (
	signDebit  = 1 << 0
	signCredit = 1 << 1
	signMore   = 1 << 2
	signsAll   = signDebit | signCredit | signMore
)

// Append appends the record's RecordSize bytes to buf. All integers are big-endian:
//
//	kind u8 | signs u8 | code u16 | leg u16 | currency u16
//	index u48 | time u48 | effective u48 | previous debit u48 | previous credit u48
//	subject 16 | related 16 | debit 16 | credit 16
//	amount u128 | debit balance u128 | credit balance u128
//
// The subject is the transfer, or the hold where none was posted; related is the hold that was
// captured or the transfer that was reversed. The bits of signs are, from the lowest: debit
// balance below zero, credit balance below zero, more.
func (r *Record) Append(buf []byte) []byte {
	be := binary.BigEndian
	var signs byte
	if r.DebitNegative {
		signs |= signDebit
	}
	if r.CreditNegative {
		signs |= signCredit
	}
	if r.More {
		signs |= signMore
	}
	buf = append(buf, byte(r.Kind), signs)
	buf = be.AppendUint16(buf, r.Code)
	buf = be.AppendUint16(buf, r.Leg)
	buf = be.AppendUint16(buf, uint16(r.Amount.Currency()))
	for _, short := range [...]uint64{
		r.Index, uint64(r.Time), uint64(r.Effective), r.PreviousDebit, r.PreviousCredit,
	} {
		buf = be.AppendUint16(buf, uint16(short>>32))
		buf = be.AppendUint32(buf, uint32(short))
	}
	subject, related := r.ids()
	buf = append(buf, subject[:]...)
	buf = append(buf, related[:]...)
	buf = append(buf, r.Debit[:]...)
	buf = append(buf, r.Credit[:]...)
	buf = appendUnits(buf, r.Amount)
	buf = appendUnits(buf, r.DebitBalance)
	return appendUnits(buf, r.CreditBalance)
}

// ids returns the subject and what is related to it.
func (r *Record) ids() (subject, related [16]byte) {
	switch {
	case !r.Kind.Moves():
		return r.Hold, [16]byte{}
	case r.Kind == RecordCaptured:
		return r.Transfer, r.Hold
	default:
		return r.Transfer, r.Reverses
	}
}

// Encode returns the record's RecordSize bytes.
func (r *Record) Encode() []byte { return r.Append(make([]byte, 0, RecordSize)) }

// appendUnits appends the minor units of an amount, 16 bytes.
func appendUnits(buf []byte, a money.Amount) []byte {
	hi, lo := a.Words()
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(buf, hi), lo)
}

// DecodeRecord reads what Append writes of the record with a number, and nothing else: whatever
// it accepts encodes to the same bytes.
func DecodeRecord(number uint64, data []byte) (Record, error) {
	if len(data) != RecordSize {
		return Record{}, fmt.Errorf("record of %d bytes, not %d", len(data), RecordSize)
	}
	in := reader{rest: data}
	r := Record{Number: number, Kind: RecordKind(in.uint8())}
	signs := in.uint8()
	r.DebitNegative, r.CreditNegative = signs&signDebit != 0, signs&signCredit != 0
	r.More = signs&signMore != 0
	r.Code, r.Leg = in.uint16(), in.uint16()
	currency := in.currency()
	r.Index, r.Time, r.Effective = in.uint48(), int64(in.uint48()), int64(in.uint48())
	r.PreviousDebit, r.PreviousCredit = in.uint48(), in.uint48()
	subject, related := in.id(), in.id()
	switch {
	case !r.Kind.Moves():
		r.Hold = subject
	case r.Kind == RecordCaptured:
		r.Transfer, r.Hold = subject, related
	default:
		r.Transfer, r.Reverses = subject, related
	}
	r.Debit, r.Credit = in.id(), in.id()
	r.Amount = in.amount(currency)
	r.DebitBalance, r.CreditBalance = in.amount(currency), in.amount(currency)
	if in.err != nil {
		return Record{}, fmt.Errorf("record: %w", in.err)
	}
	isRelated := related != [16]byte{}
	return r, r.validate(signs, subject != [16]byte{}, isRelated)
}

// validate checks what a record that this package wrote always keeps.
func (r *Record) validate(signs uint8, hasSubject, isRelated bool) error {
	switch {
	case r.Kind < RecordPosted || r.Kind > RecordReversed:
		return errors.New("record of an unknown kind")
	case signs&^signsAll != 0, r.More && r.Kind != RecordCaptured,
		r.DebitNegative && r.DebitBalance.IsZero(), r.CreditNegative && r.CreditBalance.IsZero():
		return errors.New("record with a sign that says nothing")
	case !hasSubject, isRelated != (r.Kind == RecordCaptured || r.Kind == RecordReversed):
		return errors.New("record whose ids do not fit its kind")
	case r.Leg != 0 && r.Kind != RecordPosted && r.Kind != RecordReversed, r.Leg >= LegsMax:
		return errors.New("record whose leg does not fit its kind")
	case r.Effective != 0 && !r.Kind.Moves() && r.Kind != RecordHeld:
		return errors.New("record whose effective time does not fit its kind")
	case r.Debit.IsZero() || r.Credit.IsZero() || r.Debit == r.Credit || r.Amount.IsZero():
		return errors.New("record that moves nothing")
	case r.PreviousDebit >= r.Number || r.PreviousCredit >= r.Number || r.Number > numberMax:
		return errors.New("record that points forward")
	case r.Kind == RecordReversed && r.Reverses == r.Transfer:
		return errors.New("record that reverses itself")
	}
	return nil
}

// Of returns an account's side of the record: its balance after it and the number of the
// account's record before it. ok is false when the record does not name the account.
func (r *Record) Of(id AccountID) (
	balance money.Amount, negative bool, previous uint64, ok bool,
) {
	switch id {
	case r.Debit:
		return r.DebitBalance, r.DebitNegative, r.PreviousDebit, true
	case r.Credit:
		return r.CreditBalance, r.CreditNegative, r.PreviousCredit, true
	default:
		return money.Amount{}, false, 0, false
	}
}

// History calls fn with the records of an account from number last (Account.LastRecord, or where
// an earlier walk stopped) back to its first, until fn returns false. read returns the bytes of
// a record by its number. It fails when a record is not readable or is not the account's.
func History(
	id AccountID, last uint64, read func(number uint64) ([]byte, error), fn func(Record) bool,
) error {
	// Numbers only fall: DecodeRecord refuses a record that points forward.
	for number := last; number != 0; {
		data, err := read(number)
		if err != nil {
			return fmt.Errorf("history record %d: %w", number, err)
		}
		record, err := DecodeRecord(number, data)
		if err != nil {
			return fmt.Errorf("history record %d: %w", number, err)
		}
		_, _, previous, ok := record.Of(id)
		if !ok {
			return fmt.Errorf("history record %d is not of %v", number, id)
		}
		if !fn(record) {
			return nil
		}
		number = previous
	}
	return nil
}
