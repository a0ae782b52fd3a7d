package ledger

import (
	"encoding/binary"
	"fmt"

	"seyfert/fault"
	"seyfert/wire"
)

// Outcomes of one instruction of a batch.
const (
	// Created says that it was carried out.
	Created uint8 = 0
	// Exists says that it was carried out before, by an instruction with the same id.
	Exists uint8 = 1
	// Refused says that it changed nothing.
	Refused uint8 = 2
)

// OutcomeSize is the length of the outcome of one instruction, in bytes.
const OutcomeSize = 32

// Answer is the answer to a Batch: for each instruction OutcomeSize bytes
//
//	outcome u8 | zero 7 | number u64 | amount u128
//
// then, if any were refused, a CBOR array of Refusal. Number is that of the history record that
// the instruction wrote, the amount what it moved or reserved. Like a batch it is public.
type Answer []byte

// Outcome is what became of one instruction.
type Outcome struct {
	Status                uint8
	Number                uint64
	AmountHigh, AmountLow uint64
}

// Refusal says why an instruction of a batch was refused.
type Refusal struct {
	Item  uint32       `cbor:"1,keyasint"`
	Fault *fault.Error `cbor:"2,keyasint"`
}

// Append appends the outcome's OutcomeSize bytes.
func (o Outcome) Append(buf []byte) []byte {
	buf = append(buf, o.Status, 0, 0, 0, 0, 0, 0, 0)
	buf = binary.BigEndian.AppendUint64(buf, o.Number)
	buf = binary.BigEndian.AppendUint64(buf, o.AmountHigh)
	return binary.BigEndian.AppendUint64(buf, o.AmountLow)
}

// At reads the outcome of the instruction at a place, which the answer must reach.
func (a Answer) At(place int) Outcome {
	in, be := a[place*OutcomeSize:], binary.BigEndian
	return Outcome{in[0], be.Uint64(in[8:]), be.Uint64(in[16:]), be.Uint64(in[24:])}
}

// Read splits the answer to a batch of count instructions.
func (a Answer) Read(count int) ([]Outcome, []Refusal, error) {
	refusals, err := a.Refusals(count)
	if err != nil {
		return nil, nil, err
	}
	outcomes := make([]Outcome, count)
	for i := range outcomes {
		outcomes[i] = a.At(i)
	}
	return outcomes, refusals, nil
}

// Refusals reads only why instructions were refused, in their order.
func (a Answer) Refusals(count int) ([]Refusal, error) {
	if count < 0 || count > BatchItemsMax || len(a) < count*OutcomeSize {
		return nil, fmt.Errorf("an answer of %d bytes for %d items", len(a), count)
	}
	rest := a[count*OutcomeSize:]
	if len(rest) == 0 {
		return nil, nil
	}
	var refusals []Refusal
	if err := wire.Unmarshal(rest, &refusals); err != nil {
		return nil, err
	}
	for _, r := range refusals {
		if int(r.Item) >= count || r.Fault == nil {
			return nil, fmt.Errorf("a refusal of item %d of %d", r.Item, count)
		}
	}
	return refusals, nil
}
