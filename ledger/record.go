package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"seyfert/money"
)

// RecordSize is the length of every encoded Record, in bytes.
const RecordSize = 160

// RecordKind says what a record tells.
type RecordKind uint8

// The kinds of records. The first two moved money.
const (
	// RecordPosted is one leg of a transfer.
	RecordPosted RecordKind = iota + 1
	// RecordCaptured is the leg that took Amount of a hold and ended it.
	RecordCaptured
	// RecordHeld is a new hold of Amount.
	RecordHeld
	// RecordBound is a hold that stopped to expire.
	RecordBound
	// RecordVoided is a hold that was freed.
	RecordVoided
	// RecordExpired is a hold that was freed because its time had come.
	RecordExpired
)

// String returns the lower-case name of the kind.
func (k RecordKind) String() string {
	names := [...]string{
		"unknown", "posted", "captured", "held", "bound", "voided", "expired",
	}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// moves says whether the record moved money.
func (k RecordKind) moves() bool { return k == RecordPosted || k == RecordCaptured }

// Record is one line of history: a posted leg or a change of a hold. Records are numbered
// without a gap and never change. Each carries the numbers of the records before it of both its
// accounts, so that an account's history is read backwards without an index.
type Record struct {
	// Number is the place in history, from 1.
	Number uint64
	// Index is the journal entry that caused it, and Time the entry's time in Unix milliseconds.
	Index uint64
	Time  int64
	Kind  RecordKind
	// Code is the caller's word for the reason of a transfer, 0 for other hold changes, and Leg
	// the leg's place in the transfer, from 0.
	Code, Leg uint16
	// Transfer is zero where none was posted, Hold where none is concerned.
	Transfer      TransferID
	Hold          HoldID
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
)

// Append appends the record's RecordSize bytes to buf. All integers are big-endian:
//
//	number u64 | index u64 | time i64 | kind u8 | signs u8 | code u16 | leg u16 | currency u16
//	transfer 16 | hold 16 | debit 16 | credit 16 | amount u128
//	previous debit u64 | previous credit u64 | debit balance u128 | credit balance u128
func (r Record) Append(buf []byte) []byte {
	be := binary.BigEndian
	buf = be.AppendUint64(buf, r.Number)
	buf = be.AppendUint64(buf, r.Index)
	buf = be.AppendUint64(buf, uint64(r.Time))
	var signs byte
	if r.DebitNegative {
		signs |= signDebit
	}
	if r.CreditNegative {
		signs |= signCredit
	}
	buf = append(buf, byte(r.Kind), signs)
	buf = be.AppendUint16(buf, r.Code)
	buf = be.AppendUint16(buf, r.Leg)
	buf = be.AppendUint16(buf, uint16(r.Amount.Currency()))
	buf = append(buf, r.Transfer[:]...)
	buf = append(buf, r.Hold[:]...)
	buf = append(buf, r.Debit[:]...)
	buf = append(buf, r.Credit[:]...)
	buf = appendUnits(buf, r.Amount)
	buf = be.AppendUint64(buf, r.PreviousDebit)
	buf = be.AppendUint64(buf, r.PreviousCredit)
	buf = appendUnits(buf, r.DebitBalance)
	return appendUnits(buf, r.CreditBalance)
}

// Encode returns the record's RecordSize bytes.
func (r Record) Encode() []byte { return r.Append(make([]byte, 0, RecordSize)) }

// appendUnits appends the minor units of an amount, 16 bytes.
func appendUnits(buf []byte, a money.Amount) []byte {
	hi, lo := a.Words()
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(buf, hi), lo)
}

// DecodeRecord reads what Append writes and nothing else: whatever it accepts encodes to the
// same bytes.
func DecodeRecord(data []byte) (Record, error) {
	if len(data) != RecordSize {
		return Record{}, fmt.Errorf("record of %d bytes, not %d", len(data), RecordSize)
	}
	in := reader{rest: data}
	r := Record{Number: in.uint64(), Index: in.uint64(), Time: int64(in.uint64())}
	r.Kind = RecordKind(in.uint8())
	signs := in.uint8()
	r.DebitNegative, r.CreditNegative = signs&signDebit != 0, signs&signCredit != 0
	r.Code, r.Leg = in.uint16(), in.uint16()
	currency := in.currency()
	r.Transfer, r.Hold = in.id(), in.id()
	r.Debit, r.Credit = in.id(), in.id()
	r.Amount = in.amount(currency)
	r.PreviousDebit, r.PreviousCredit = in.uint64(), in.uint64()
	r.DebitBalance, r.CreditBalance = in.amount(currency), in.amount(currency)
	if in.err != nil {
		return Record{}, fmt.Errorf("record: %w", in.err)
	}
	return r, r.validate(signs)
}

// validate checks what a record that this package wrote always keeps.
func (r Record) validate(signs uint8) error {
	transfer, hold := !r.Transfer.IsZero(), !r.Hold.IsZero()
	switch {
	case r.Kind < RecordPosted || r.Kind > RecordExpired:
		return errors.New("record of an unknown kind")
	case signs&^(signDebit|signCredit) != 0,
		r.DebitNegative && r.DebitBalance.IsZero(), r.CreditNegative && r.CreditBalance.IsZero():
		return errors.New("record with a sign that says nothing")
	case transfer != r.Kind.moves(), hold != (r.Kind != RecordPosted):
		return errors.New("record whose ids do not fit its kind")
	case !r.Kind.moves() && r.Code != 0, r.Kind != RecordPosted && r.Leg != 0, r.Leg >= LegsMax:
		return errors.New("record whose code or leg does not fit its kind")
	case r.Debit.IsZero() || r.Credit.IsZero() || r.Debit == r.Credit || r.Amount.IsZero():
		return errors.New("record that moves nothing")
	case r.PreviousDebit >= r.Number || r.PreviousCredit >= r.Number:
		return errors.New("record that points forward")
	}
	return nil
}

// Of returns an account's side of the record: its balance after it and the number of the
// account's record before it. ok is false when the record does not name the account.
func (r Record) Of(id AccountID) (
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
		record, err := DecodeRecord(data)
		if err != nil {
			return fmt.Errorf("history record %d: %w", number, err)
		}
		_, _, previous, ok := record.Of(id)
		if !ok || record.Number != number {
			return fmt.Errorf("history record %d is not of %v", number, id)
		}
		if !fn(record) {
			return nil
		}
		number = previous
	}
	return nil
}
