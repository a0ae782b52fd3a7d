package wire

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Outpoint names a coin as an input spends it: the transaction id in wire order and the output
// number as u32 little-endian. Its text is the one that Bitcoin tools show: the id reversed in
// hexadecimal, a colon, and the number.
type Outpoint [36]byte

// NewOutpoint makes an Outpoint of a transaction id in wire order and an output number.
func NewOutpoint(txid [32]byte, output uint32) Outpoint {
	var o Outpoint
	copy(o[:], txid[:])
	binary.LittleEndian.PutUint32(o[32:], output)
	return o
}

// ParseOutpoint reads the text that String writes.
func ParseOutpoint(s string) (Outpoint, error) {
	var o Outpoint
	id, number, ok := strings.Cut(s, ":")
	if !ok || len(id) != 64 {
		return o, errors.New("outpoint: want a transaction id, a colon and a number")
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return o, errors.New("outpoint: transaction id is not hexadecimal")
	}
	output, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return o, errors.New("outpoint: output number out of range")
	}
	slices.Reverse(raw)
	o = NewOutpoint([32]byte(raw), uint32(output))
	if o.String() != s {
		return Outpoint{}, errors.New("outpoint: not in canonical form")
	}
	return o, nil
}

// TxID is the transaction id in wire order.
func (o Outpoint) TxID() [32]byte { return [32]byte(o[:32]) }

// Output is the output number.
func (o Outpoint) Output() uint32 { return binary.LittleEndian.Uint32(o[32:]) }

// String is the outpoint as Bitcoin tools show it.
func (o Outpoint) String() string {
	id := o.TxID()
	slices.Reverse(id[:])
	return hex.EncodeToString(id[:]) + ":" + strconv.FormatUint(uint64(o.Output()), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (o Outpoint) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as strictly as ParseOutpoint.
func (o *Outpoint) UnmarshalText(text []byte) error {
	parsed, err := ParseOutpoint(string(text))
	if err != nil {
		return err
	}
	*o = parsed
	return nil
}
