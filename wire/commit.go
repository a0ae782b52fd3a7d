package wire

import (
	"bytes"
	"slices"
)

// This file holds the hashes that B6 and B7 put into open payloads and payment keys. Arguments
// named body are JCS texts.

// RecordHash is H("record", transferId, bodies); a body that does not exist is nil. The first 16
// bytes stand in transfer, counter and dispute records.
func RecordHash(transferID [16]byte, prepare, fulfil, ack []byte) [32]byte {
	return Hash("record", transferID[:], prepare, fulfil, ack)
}

// DailyRoot is the hash of a type 5 payload: day is days since 1970-01-01 in the node's calendar,
// inner the day's root over totals and leaves.
func DailyRoot(network string, didHash [32]byte, day uint32, inner [32]byte) ([32]byte, error) {
	name, err := networkName(network)
	if err != nil {
		return [32]byte{}, err
	}
	return Hash("daily", name, didHash[:], u32(day), inner[:]), nil
}

// CycleHash names a cycle (B6.5): group is a group's id or PairGroup, currency the code, due the
// due date in days since 1970-01-01. Its first 16 bytes stand on the chain.
func CycleHash(network, group, currency string, due uint16) ([32]byte, error) {
	name, err := networkName(network)
	if err != nil {
		return [32]byte{}, err
	}
	if err := checkCurrencyCode(currency); err != nil {
		return [32]byte{}, err
	}
	return Hash("cycle", name, []byte(group), []byte(currency), u16(due)), nil
}

// PairGroup is the group of a bilateral cycle: the lower DID, a zero byte, the higher one.
func PairGroup(did, other string) string {
	return min(did, other) + "\x00" + max(did, other)
}

// PositionsHash is hash(L) of B6: over the ordered list of counted position hashes.
func PositionsHash(positions [][32]byte) [32]byte {
	return Hash("positions", slices32(positions)...)
}

// PositionHash is the hash of a type 7 payload.
func PositionHash(body []byte) [32]byte { return Hash("position", body) }

// DisputeHash is the hash of a type 8 payload.
func DisputeHash(body []byte) [32]byte { return Hash("dispute", body) }

// DescriptorHash is the hash of a type 9 payload, and the prevHash of the next descriptor.
func DescriptorHash(didHash [32]byte, serial uint32, jcs []byte) [32]byte {
	return Hash("descriptor", didHash[:], u32(serial), jcs)
}

// PaymentKey is the idempotency key of one settlement payment (B6.5). positions is PositionsHash,
// or zeros without netting; members is the set S in any order.
func PaymentKey(cycle, positions [32]byte, members [][32]byte, payer, payee [32]byte) [32]byte {
	sorted := slices.SortedFunc(slices.Values(members), func(a, b [32]byte) int {
		return bytes.Compare(a[:], b[:])
	})
	parts := append([][]byte{cycle[:], positions[:]}, slices32(sorted)...)
	return Hash("pay", append(parts, payer[:], payee[:])...)
}

func slices32(hashes [][32]byte) [][]byte {
	parts := make([][]byte, len(hashes))
	for i := range hashes {
		parts[i] = hashes[i][:]
	}
	return parts
}
