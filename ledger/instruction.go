package ledger

import (
	"encoding/binary"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Sizes of a batch of instructions. The layout is public: programs send it over HTTP, and the
// journal keeps it as it came.
const (
	// InstructionSize is the length of every encoded Instruction, in bytes.
	InstructionSize = 128
	// BatchHeaderSize is the length of what stands before the instructions of a batch.
	BatchHeaderSize = 8
	// BatchVersion is the first byte of a batch.
	BatchVersion = 1
	// BatchItemsMax is the largest number of instructions in one batch.
	BatchItemsMax = 10_000
	// AttachmentsBytesMax bounds the encoded attachments of one batch.
	AttachmentsBytesMax = 512 << 10
	// ReferenceBytesMax bounds a text reference, and a metadata key.
	ReferenceBytesMax = 128
	// MetadataPairsMax bounds the pairs of one piece of metadata.
	MetadataPairsMax = 32
	// MetadataValueMax bounds one value, in bytes.
	MetadataValueMax = 512
)

// Action is what an instruction asks for.
type Action uint8

// The actions.
const (
	// ActPost moves an amount from the debit to the credit account.
	ActPost Action = iota + 1
	// ActHold reserves it.
	ActHold
	// ActCapture takes an amount of the hold Related, 0 for all of it.
	ActCapture
	// ActVoid frees the hold Related.
	ActVoid
	// ActReverse posts the counter-entry of the transfer Related.
	ActReverse
)

// Options of an instruction, or'ed together.
type Options uint8

const (
	// Linked binds an instruction to the next one: both happen or neither does.
	Linked Options = 1 << iota
	// FurtherLeg says that the next instruction is another leg of the same transfer and
	// carries the same id.
	FurtherLeg
	// BalanceDebit moves at most what the debit account still has, up to the amount.
	BalanceDebit
	// BalanceCredit moves at most what the credit account still takes, up to the amount.
	BalanceCredit
	// More keeps what a capture leaves of the hold for further captures.
	More

	optionsAll = Linked | FurtherLeg | BalanceDebit | BalanceCredit | More
)

// Instruction is one line of a batch: a leg of a transfer, a hold or what becomes of one.
type Instruction struct {
	// ID is the caller's own: of the transfer for a post, capture and reversal, of the hold
	// for a hold; a void's id names the command alone.
	ID            [16]byte
	Debit, Credit AccountID
	// Amount is in minor units, high and low word, of Currency.
	AmountHigh, AmountLow uint64
	// Related is the hold of a capture or void, the transfer of a reversal.
	Related [16]byte
	// Effective is when the transfer counts from, in Unix milliseconds; 0 is when it is
	// recorded. Expires is when a hold ends by itself; 0 is never.
	Effective, Expires int64
	Currency           money.Currency
	Code               uint16
	Action             Action
	Options            Options
	// Reference is the caller's own word for what this belongs to; zero is none.
	Reference [16]byte
}

// Append appends the instruction's InstructionSize bytes. All integers are big-endian:
//
//	id 16 | debit 16 | credit 16 | amount u128 | related 16 | effective i64 | expires i64
//	currency u16 | code u16 | action u8 | options u8 | zero 10 | reference 16
func (i *Instruction) Append(buf []byte) []byte {
	be := binary.BigEndian
	buf = append(buf, i.ID[:]...)
	buf = append(buf, i.Debit[:]...)
	buf = append(buf, i.Credit[:]...)
	buf = be.AppendUint64(buf, i.AmountHigh)
	buf = be.AppendUint64(buf, i.AmountLow)
	buf = append(buf, i.Related[:]...)
	buf = be.AppendUint64(buf, uint64(i.Effective))
	buf = be.AppendUint64(buf, uint64(i.Expires))
	buf = be.AppendUint16(buf, uint16(i.Currency))
	buf = be.AppendUint16(buf, i.Code)
	buf = append(buf, byte(i.Action), byte(i.Options))
	buf = append(buf, make([]byte, 10)...)
	return append(buf, i.Reference[:]...)
}

// decode reads what Append writes. It judges the form alone.
func (i *Instruction) decode(data []byte) (refused *fault.Error) {
	be := binary.BigEndian
	i.ID = [16]byte(data[0:])
	i.Debit, i.Credit = AccountID(data[16:]), AccountID(data[32:])
	i.AmountHigh, i.AmountLow = be.Uint64(data[48:]), be.Uint64(data[56:])
	i.Related = [16]byte(data[64:])
	i.Effective, i.Expires = int64(be.Uint64(data[80:])), int64(be.Uint64(data[88:]))
	i.Currency = money.Currency(be.Uint16(data[96:]))
	i.Code = be.Uint16(data[98:])
	i.Action, i.Options = Action(data[100]), Options(data[101])
	i.Reference = [16]byte(data[112:])
	idle := be.Uint64(data[102:]) | uint64(be.Uint16(data[110:]))
	switch {
	case i.Action < ActPost || i.Action > ActReverse:
		return fault.New(fault.Invalid, "action", "The action is not known.")
	case i.Options&^optionsAll != 0 || idle != 0:
		return fault.New(fault.Invalid, "options", "An option is not known.")
	case i.ID == [16]byte{}:
		return fault.New(fault.Invalid, "id", "An id is needed.")
	case i.Effective < 0 || i.Effective > timeMax:
		return fault.New(fault.Invalid, "effective_at", "The time is out of range.")
	case i.Expires < 0 || i.Expires > timeMax:
		return fault.New(fault.Invalid, "expires_at", "The time is out of range.")
	}
	return nil
}

// timeMax is the last time that history can hold, in Unix milliseconds: 48 bits.
const timeMax = 1<<48 - 1

// Mode says what a refusal means for the rest of a batch.
type Mode uint8

// The modes of a batch.
const (
	// All carries out every instruction or none.
	All Mode = iota + 1
	// Each judges every instruction for itself; linked ones together.
	Each
)

// Attachment is text that belongs to one instruction of a batch.
type Attachment struct {
	// Item is the instruction's place in the batch, from 0; attachments come in its order.
	Item uint32 `cbor:"1,keyasint"`
	// Reference is the caller's own text to search by.
	Reference string `cbor:"2,keyasint,omitempty"`
	// Metadata is the caller's own pairs.
	Metadata map[string]string `cbor:"3,keyasint,omitempty"`
}

// Batch is a list of instructions that one command carries.
type Batch struct {
	// Mode says what a refusal means for the rest.
	Mode Mode
	// Attachments stand in the order of items, at most one for each.
	Attachments []Attachment
	items       []byte
}

// NewBatch returns an empty batch with room for count instructions.
func NewBatch(mode Mode, count int) *Batch {
	return &Batch{Mode: mode, items: make([]byte, 0, count*InstructionSize)}
}

// Add appends an instruction.
func (b *Batch) Add(i *Instruction) { b.items = i.Append(b.items) }

// Len is the number of instructions.
func (b *Batch) Len() int { return len(b.items) / InstructionSize }

// Read decodes the instruction at a place from 0 to Len less 1 into i, and says what is wrong
// with its form.
func (b *Batch) Read(at int, i *Instruction) *fault.Error {
	return i.decode(b.items[at*InstructionSize : (at+1)*InstructionSize])
}

// Accounts appends the debit and credit accounts of count instructions from a place on, as far as
// there are any, whatever else is wrong with them.
func (b *Batch) Accounts(ids []AccountID, at, count int) []AccountID {
	for i := at; i < min(at+count, b.Len()); i++ {
		line := b.items[i*InstructionSize:]
		ids = append(ids, AccountID(line[16:]), AccountID(line[32:]))
	}
	return ids
}

// IDs appends the ids of count instructions from a place on, or of those that there are.
func (b *Batch) IDs(ids [][16]byte, at, count int) [][16]byte {
	for i := at; i < min(at+count, b.Len()); i++ {
		ids = append(ids, [16]byte(b.items[i*InstructionSize:]))
	}
	return ids
}

// Encode returns the batch's bytes:
//
//	version u8 | mode u8 | zero u16 | count u32 | count instructions | attachments, if any
//
// Attachments are one CBOR array (RFC 8949, deterministic).
func (b *Batch) Encode() []byte {
	buf := make([]byte, 0, BatchHeaderSize+len(b.items))
	buf = append(buf, BatchVersion, byte(b.Mode), 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, uint32(b.Len()))
	buf = append(buf, b.items...)
	if len(b.Attachments) > 0 {
		buf = append(buf, wire.MustMarshal(b.Attachments)...)
	}
	return buf
}

// DecodeBatch reads what Encode writes: instructions are read one by one later. The batch keeps
// data. Fields are "items", "mode", "metadata" and "reference".
func DecodeBatch(data []byte) (*Batch, *fault.Error) {
	if len(data) < BatchHeaderSize || data[0] != BatchVersion || data[2] != 0 || data[3] != 0 {
		return nil, fault.New(fault.Invalid, "items", "This is not a batch of version %d.",
			BatchVersion)
	}
	b := &Batch{Mode: Mode(data[1])}
	count := binary.BigEndian.Uint32(data[4:])
	rest := data[BatchHeaderSize:]
	switch {
	case b.Mode != All && b.Mode != Each:
		return nil, fault.New(fault.Invalid, "mode", "The mode is neither all nor each.")
	case count == 0:
		return nil, fault.New(fault.Invalid, "items", "A batch has at least one item.")
	case count > BatchItemsMax:
		return nil, fault.New(fault.TooLarge, "items", "A batch has at most %d items.",
			BatchItemsMax).Because(fault.TooManyItems)
	case len(rest) < int(count)*InstructionSize:
		return nil, fault.New(fault.Invalid, "items", "The batch is shorter than it says.")
	}
	b.items, rest = rest[:count*InstructionSize], rest[count*InstructionSize:]
	if len(rest) == 0 {
		return b, nil
	}
	if len(rest) > AttachmentsBytesMax {
		return nil, fault.New(fault.TooLarge, "metadata",
			"References and metadata of a batch have at most %d bytes.", AttachmentsBytesMax)
	}
	if err := wire.Unmarshal(rest, &b.Attachments); err != nil || len(b.Attachments) == 0 {
		return nil, fault.New(fault.Invalid, "metadata", "The attachments can't be read.")
	}
	next := uint32(0)
	for _, a := range b.Attachments {
		if a.Item < next || a.Item >= count {
			return nil, fault.New(fault.Invalid, "metadata", "The attachments are out of order.")
		}
		next = a.Item + 1
		if len(a.Reference) > ReferenceBytesMax {
			return nil, fault.New(fault.TooLarge, "reference",
				"A reference has at most %d bytes.", ReferenceBytesMax)
		}
		if refused := CheckMetadata(a.Metadata); refused != nil {
			return nil, refused
		}
	}
	return b, nil
}

// CheckMetadata holds metadata to its limits (field "metadata").
func CheckMetadata(pairs map[string]string) *fault.Error {
	if len(pairs) > MetadataPairsMax {
		return fault.New(fault.TooLarge, "metadata", "Metadata has at most %d pairs.",
			MetadataPairsMax)
	}
	for key, value := range pairs {
		if key == "" || len(key) > ReferenceBytesMax || len(value) > MetadataValueMax {
			return fault.New(fault.TooLarge, "metadata",
				"A key of metadata has 1 to %d bytes, a value at most %d.",
				ReferenceBytesMax, MetadataValueMax)
		}
	}
	return nil
}
