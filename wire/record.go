package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// RecordType is the kind of what a node writes into an OP_RETURN (B7).
type RecordType uint8

// The types of version 1. Transfer, aggregate and counter records are sealed to a channel; the
// others stand in the open.
const (
	RecordTransfer   RecordType = 1
	RecordAggregate  RecordType = 2
	RecordCounter    RecordType = 3
	RecordReveal     RecordType = 4
	RecordDaily      RecordType = 5
	RecordConfirm    RecordType = 6
	RecordPosition   RecordType = 7
	RecordDispute    RecordType = 8
	RecordDescriptor RecordType = 9
)

// Bits of Record.Flags.
const (
	// FlagCorrection marks a correction of an earlier cycle.
	FlagCorrection = 1 << 0
	// FlagSeqUnknown marks a counter-record whose clearSeq its writer does not know.
	FlagSeqUnknown = 1 << 1
)

// Lengths of layouts.
const (
	// PayloadBytesMax is the longest payload, within standard relay policy.
	PayloadBytesMax = 80
	// PlainBytes is the length of the plain text of types 1 to 3.
	PlainBytes = 49

	headBytes   = 3
	hintBytes   = 4
	nonceBytes  = 8
	boxBytes    = PlainBytes + 16
	plainCommon = 17
)

// The three bytes that open every payload: two magic bytes, and version and type in one.
const (
	magic0        = 0x53
	magic1        = 0x59
	recordVersion = 1
)

// Record is the plain content of a transfer, aggregate or counter record (types 1 to 3).
type Record struct {
	// Type is RecordTransfer, RecordAggregate or RecordCounter.
	Type RecordType
	// Amount is minor units below 2^63; the total for an aggregate.
	Amount uint64
	// Currency is the ISO 4217 number; 1000 is BTC in satoshi.
	Currency uint16
	// Due is the due date in days since 1970-01-01.
	Due uint16
	// Seq is the clearSeq; for an aggregate the last one covered.
	Seq uint32
	// Flags is a set of FlagCorrection and FlagSeqUnknown.
	Flags uint8
	// TransferID names the transfer (types 1 and 3).
	TransferID [16]byte
	// RecordHash is the first half of RecordHash over the signed bodies (types 1 and 3).
	RecordHash [16]byte
	// Root is the AggregateRoot (type 2).
	Root [32]byte
}

// Plain is the record's 49-byte text before it is sealed.
func (r Record) Plain() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	plain := make([]byte, 0, PlainBytes)
	plain = binary.BigEndian.AppendUint64(plain, r.Amount)
	plain = binary.BigEndian.AppendUint16(plain, r.Currency)
	plain = binary.BigEndian.AppendUint16(plain, r.Due)
	plain = binary.BigEndian.AppendUint32(plain, r.Seq)
	plain = append(plain, r.Flags)
	if r.Type == RecordAggregate {
		return append(plain, r.Root[:]...), nil
	}
	plain = append(plain, r.TransferID[:]...)
	return append(plain, r.RecordHash[:]...), nil
}

// ParseRecord reads the 49-byte text of a record of the given type.
func ParseRecord(kind RecordType, plain []byte) (Record, error) {
	if len(plain) != PlainBytes {
		return Record{}, fmt.Errorf("record: %d bytes, want %d", len(plain), PlainBytes)
	}
	r := Record{
		Type:     kind,
		Amount:   binary.BigEndian.Uint64(plain),
		Currency: binary.BigEndian.Uint16(plain[8:]),
		Due:      binary.BigEndian.Uint16(plain[10:]),
		Seq:      binary.BigEndian.Uint32(plain[12:]),
		Flags:    plain[16],
	}
	if kind == RecordAggregate {
		copy(r.Root[:], plain[plainCommon:])
	} else {
		copy(r.TransferID[:], plain[plainCommon:])
		copy(r.RecordHash[:], plain[plainCommon+16:])
	}
	if err := r.Validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Validate checks the type, that amount, seq and flags are in range for it and that no field of
// another type is set.
func (r Record) Validate() error {
	if r.Type < RecordTransfer || r.Type > RecordCounter {
		return fmt.Errorf("record: type %d is not sealed", r.Type)
	}
	if r.Amount > amountMax {
		return errors.New("record: amount of 2^63 or more")
	}
	unknown := r.Flags&FlagSeqUnknown != 0
	if r.Flags&^(FlagCorrection|FlagSeqUnknown) != 0 || unknown && r.Type != RecordCounter {
		return fmt.Errorf("record: flags %#x with type %d", r.Flags, r.Type)
	}
	if unknown != (r.Seq == 0) {
		return errors.New("record: seq is zero exactly when it is unknown")
	}
	if r.Type == RecordAggregate {
		if r.TransferID != [16]byte{} || r.RecordHash != [16]byte{} {
			return errors.New("record: an aggregate names no transfer")
		}
		return nil
	}
	if r.Root != [32]byte{} {
		return errors.New("record: only an aggregate has a root")
	}
	return nil
}

// Payload is one OP_RETURN content, taken apart. Which fields are used depends on Type.
type Payload struct {
	// Type says what the rest is.
	Type RecordType
	// Hint filters sealed records for a reader: equal to CycleKey.Hint if they are its own.
	Hint [4]byte
	// Nonce and Box are the sealed record of types 1 to 3.
	Nonce [8]byte
	// Box is ciphertext and tag.
	Box [65]byte
	// Group is the first half of a CycleHash (types 6 and 7) or of a RecordHash (type 8).
	Group [16]byte
	// Hash is the preimage (type 4), DailyRoot (5), PositionsHash (6), PositionHash (7),
	// DisputeHash (8) or DescriptorHash (9).
	Hash [32]byte
}

// ParsePayload reads an OP_RETURN content. Exactly what Bytes writes is accepted; anything else
// was not written by this version.
func ParsePayload(data []byte) (Payload, error) {
	if len(data) < headBytes || data[0] != magic0 || data[1] != magic1 {
		return Payload{}, errors.New("payload: not one of ours")
	}
	if data[2]>>4 != recordVersion {
		return Payload{}, fmt.Errorf("payload: version %d", data[2]>>4)
	}
	p := Payload{Type: RecordType(data[2] & 0x0f)}
	want, err := p.Type.payloadBytes()
	if err != nil {
		return Payload{}, err
	}
	if len(data) != want {
		return Payload{}, fmt.Errorf("payload: %d bytes, want %d", len(data), want)
	}
	rest := data[headBytes:]
	switch {
	case p.Type.Sealed():
		copy(p.Hint[:], rest)
		copy(p.Nonce[:], rest[hintBytes:])
		copy(p.Box[:], rest[hintBytes+nonceBytes:])
	case p.Type.grouped():
		copy(p.Group[:], rest)
		copy(p.Hash[:], rest[len(p.Group):])
	default:
		copy(p.Hash[:], rest)
	}
	return p, nil
}

// Bytes is the OP_RETURN content. A type outside 1 to 9 is a programmer error and panics.
func (p Payload) Bytes() []byte {
	size, err := p.Type.payloadBytes()
	if err != nil {
		panic(err)
	}
	data := append(make([]byte, 0, size), p.head()...)
	switch {
	case p.Type.Sealed():
		data = append(data, p.Hint[:]...)
		data = append(data, p.Nonce[:]...)
		return append(data, p.Box[:]...)
	case p.Type.grouped():
		data = append(data, p.Group[:]...)
	}
	return append(data, p.Hash[:]...)
}

func (p Payload) head() []byte {
	return []byte{magic0, magic1, recordVersion<<4 | byte(p.Type)}
}

// Sealed says whether payloads of the type are encrypted to a channel (types 1 to 3).
func (t RecordType) Sealed() bool { return t >= RecordTransfer && t <= RecordCounter }

// grouped says whether 16 bytes stand before the hash.
func (t RecordType) grouped() bool { return t >= RecordConfirm && t <= RecordDispute }

func (t RecordType) payloadBytes() (int, error) {
	switch {
	case t < RecordTransfer || t > RecordDescriptor:
		return 0, fmt.Errorf("payload: type %d is unknown", t)
	case t.Sealed():
		return PayloadBytesMax, nil
	case t.grouped():
		return headBytes + 16 + 32, nil
	default:
		return headBytes + 32, nil
	}
}
