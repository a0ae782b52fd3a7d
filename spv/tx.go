package spv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// TxBytesMax is the greatest length of a serialized transaction: no block has room for more
// weight units (MAX_BLOCK_WEIGHT in Bitcoin Core), and a byte weighs at least one.
const TxBytesMax = 4_000_000

// ValueMax is the greatest value of an output, and of all outputs of a transaction together,
// in satoshi: all the bitcoin there can be.
const ValueMax = 21_000_000 * 100_000_000

// OpReturnBytesMax is the greatest payload that OpReturn reads, which is also the most that
// relays forward by old default policy.
const OpReturnBytesMax = 80

// Tx is a Bitcoin transaction as parsed; its slices are its own.
type Tx struct {
	// Version is the transaction version.
	Version int32
	// Inputs are the coins spent, at least one.
	Inputs []Input
	// Outputs are the coins made, at least one.
	Outputs []Output
	// LockTime is the height or time before which the transaction is not final.
	LockTime uint32
}

// Input is one coin spent.
type Input struct {
	// Outpoint names the coin: transaction id in wire order, then the output's number as a
	// little-endian uint32.
	Outpoint [36]byte
	// Script is the signature script; empty for segregated witness.
	Script []byte
	// Sequence is the relative lock and replacement signal.
	Sequence uint32
	// Witness is the witness stack, nil if there is none.
	Witness [][]byte
}

// Output is one coin made.
type Output struct {
	// Value is in satoshi, at most ValueMax.
	Value uint64
	// Script says who can spend the coin.
	Script []byte
}

// ParseTx reads one transaction, with or without witness data (BIP 144). It is strict: lengths
// in their shortest form, no trailing bytes, no witness flag without a witness, at least one
// input and one output, values within ValueMax. What it accepts, Bytes writes again.
func ParseTx(raw []byte) (Tx, error) {
	if len(raw) > TxBytesMax {
		return Tx{}, fmt.Errorf("spv: a transaction of %d bytes", len(raw))
	}
	c := cursor{rest: bytes.Clone(raw)}
	t, err := parseTx(&c)
	if err != nil {
		return Tx{}, err
	}
	if len(c.rest) != 0 {
		return Tx{}, fmt.Errorf("spv: %d bytes after the transaction", len(c.rest))
	}
	return t, nil
}

// parseTx reads one transaction from the front of c.
func parseTx(c *cursor) (Tx, error) {
	t := Tx{Version: int32(c.uint32())}
	// A list of no inputs marks a witness serialization; the flag that follows is 1.
	witness := len(c.rest) > 0 && c.rest[0] == 0
	if witness && !bytes.Equal(c.take(2), []byte{0, 1}) {
		return Tx{}, fmt.Errorf("spv: a transaction without inputs or with an unknown flag")
	}
	t.Inputs = make([]Input, c.count(inputBytesMin))
	for i := range t.Inputs {
		t.Inputs[i] = Input{Outpoint: c.outpoint(), Script: c.bytes(), Sequence: c.uint32()}
	}
	t.Outputs = make([]Output, c.count(outputBytesMin))
	for i := range t.Outputs {
		t.Outputs[i] = Output{Value: c.uint64(), Script: c.bytes()}
	}
	if witness {
		for i := range t.Inputs {
			t.Inputs[i].Witness = c.stack()
		}
	}
	t.LockTime = c.uint32()
	if c.err != nil {
		return Tx{}, c.err
	}
	return t, t.check(witness)
}

// check holds a parsed transaction to the rules that do not need other transactions.
func (t Tx) check(witness bool) error {
	if len(t.Inputs) == 0 || len(t.Outputs) == 0 {
		return fmt.Errorf("spv: a transaction of %d inputs and %d outputs",
			len(t.Inputs), len(t.Outputs))
	}
	if witness != t.HasWitness() {
		return fmt.Errorf("spv: a witness flag without a witness")
	}
	var sum uint64
	for i, out := range t.Outputs {
		// Both terms are at most ValueMax, so the sum cannot wrap.
		if out.Value > ValueMax || sum+out.Value > ValueMax {
			return fmt.Errorf("spv: output %d is worth more than there is", i)
		}
		sum += out.Value
	}
	return nil
}

// HasWitness says whether any input has a witness.
func (t Tx) HasWitness() bool {
	return slices.ContainsFunc(t.Inputs, func(in Input) bool { return len(in.Witness) > 0 })
}

// IsCoinbase says whether t is the first transaction of a block, which spends no coin.
func (t Tx) IsCoinbase() bool {
	var none [36]byte
	binary.LittleEndian.PutUint32(none[32:], 0xffffffff)
	return len(t.Inputs) == 1 && t.Inputs[0].Outpoint == none
}

// Bytes returns the serialized transaction, with its witness if it has one.
func (t Tx) Bytes() []byte {
	return t.serialize(t.HasWitness())
}

// Stripped returns the transaction serialized without witness data: what its id hashes.
func (t Tx) Stripped() []byte {
	return t.serialize(false)
}

// TxID returns the transaction id in wire order.
func (t Tx) TxID() [32]byte {
	return doubleHash(t.Stripped())
}

// serialize writes what parseTx reads.
func (t Tx) serialize(witness bool) []byte {
	raw := binary.LittleEndian.AppendUint32(nil, uint32(t.Version))
	if witness {
		raw = append(raw, 0, 1)
	}
	raw = appendCount(raw, len(t.Inputs))
	for _, in := range t.Inputs {
		raw = append(raw, in.Outpoint[:]...)
		raw = appendBytes(raw, in.Script)
		raw = binary.LittleEndian.AppendUint32(raw, in.Sequence)
	}
	raw = appendCount(raw, len(t.Outputs))
	for _, out := range t.Outputs {
		raw = binary.LittleEndian.AppendUint64(raw, out.Value)
		raw = appendBytes(raw, out.Script)
	}
	if witness {
		for _, in := range t.Inputs {
			raw = appendCount(raw, len(in.Witness))
			for _, item := range in.Witness {
				raw = appendBytes(raw, item)
			}
		}
	}
	return binary.LittleEndian.AppendUint32(raw, t.LockTime)
}

// Script opcodes that OpReturn reads.
const (
	opReturn    = 0x6a
	opPushData1 = 0x4c
)

// OpReturn returns the payload of the transaction's only OP_RETURN output. It is not found if
// there is none or more than one, or if the script is anything but OP_RETURN and one push of
// 2 to OpReturnBytesMax bytes in its shortest form: so a payload has one script. (Payloads of
// a single byte are left out because some of them have an opcode of their own.)
func (t Tx) OpReturn() (payload []byte, found bool) {
	var script []byte
	for _, out := range t.Outputs {
		if len(out.Script) == 0 || out.Script[0] != opReturn {
			continue
		}
		if script != nil {
			return nil, false
		}
		script = out.Script
	}
	if len(script) < 2 {
		return nil, false
	}
	size, payload := int(script[1]), script[2:]
	if size == opPushData1 {
		if len(payload) == 0 || payload[0] < opPushData1 {
			return nil, false
		}
		size, payload = int(payload[0]), payload[1:]
	} else if size > opPushData1 {
		return nil, false
	}
	if size < 2 || size > OpReturnBytesMax || len(payload) != size {
		return nil, false
	}
	return bytes.Clone(payload), true
}
