package proof

import (
	"encoding/binary"

	"seyfert/wire"
)

// Kinds of audit records. A number is part of what is signed and anchored; it is never reused.
const (
	// KindCleared is a clearing.Cleared: one transfer between two nodes.
	KindCleared uint16 = 1
	// KindPosted is a leg of a transfer of the ledger, KindHold a change of a hold. Either is the
	// record's number in the node's history, u64 big-endian, and the 150 bytes of ledger.Record.
	KindPosted uint16 = 2
	KindHold   uint16 = 3
	// KindState is a change of a domain row: deposit, offer, order, claim, peer, credential.
	KindState uint16 = 4
)

// LeafData is what the journal tree hashes for a record: H("audit", kind u16, salt 32, record)
// (design section 6). The salt keeps records of small amounts from being guessed by their hash.
func LeafData(kind uint16, salt [32]byte, record []byte) [32]byte {
	var number [2]byte // not appended to nil: that would take memory for every leaf
	binary.BigEndian.PutUint16(number[:], kind)
	return wire.Hash("audit", number[:], salt[:], record)
}
