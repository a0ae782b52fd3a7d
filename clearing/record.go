package clearing

import (
	"encoding/base64"
	"encoding/hex"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Cleared is the audit record of one transfer between two nodes, in the canonical form whose
// hash becomes a leaf of the journal tree. It is what a proof bundle proves.
//
// Both nodes make one: the payer's says that it owes, the payee's that it is owed. It names no
// customer and no shop: those stand in records of their own.
type Cleared struct {
	// Payer and Payee are the nodes' did:web names; Self is the one that made the record.
	Payer string `cbor:"1,keyasint"`
	Payee string `cbor:"2,keyasint"`
	Self  string `cbor:"3,keyasint"`
	// Transfer is the transfer's id and Amount what is owed.
	Transfer TransferID   `cbor:"4,keyasint"`
	Amount   money.Amount `cbor:"5,keyasint"`
	// Due is in days since 1970, ClearSeq gapless per direction, due date and currency.
	Due      uint16 `cbor:"6,keyasint"`
	ClearSeq uint32 `cbor:"7,keyasint"`
	// The three bodies, by SHA-256 of their JCS form.
	PrepareHash [32]byte `cbor:"8,keyasint"`
	FulfilHash  [32]byte `cbor:"9,keyasint"`
	AckHash     [32]byte `cbor:"10,keyasint"`
	// At is the maker's time of clearing in Unix milliseconds.
	At int64 `cbor:"11,keyasint"`
	// PeerKey is the thumbprint (RFC 7638) of the key that the other node's statements are
	// signed with, as the maker had it pinned. The bodies' hashes alone would leave open whose
	// signatures they came under.
	PeerKey string `cbor:"12,keyasint"`
}

// peerKeyLength is the one length of a thumbprint in characters, and so bounds PeerKey.
const peerKeyLength = 43

// Encode returns the canonical bytes.
func (c Cleared) Encode() []byte { return wire.MustMarshal(c) }

// ParseCleared reads canonical bytes and checks that the record makes sense by itself.
func ParseCleared(data []byte) (Cleared, error) {
	var c Cleared
	if err := wire.Unmarshal(data, &c); err != nil {
		return Cleared{}, fault.New(fault.Invalid, "record", "The record can't be read.")
	}
	if c.Payer == c.Payee || (c.Self != c.Payer && c.Self != c.Payee) || c.Amount.IsZero() ||
		c.Transfer.IsZero() || c.ClearSeq == 0 {
		return Cleared{}, fault.New(fault.Invalid, "record", "The record contradicts itself.")
	}
	if !isThumbprint(c.PeerKey) {
		return Cleared{}, fault.New(fault.Invalid, "record.peerKey",
			"The record names no key of the other node.")
	}
	return c, nil
}

// isThumbprint says whether the text is 32 bytes in base64url, in the one spelling that it has.
func isThumbprint(text string) bool {
	if len(text) != peerKeyLength {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && base64.RawURLEncoding.EncodeToString(raw) == text
}

// RecordHash is H("record", transferId, JCS bodies of prepare, fulfil, ack) of protocol.md B7.
func RecordHash(id TransferID, p Prepare, f Fulfil, a Ack) [32]byte {
	return wire.RecordHash(id, Canonical(p), Canonical(f), Canonical(a))
}

// Hash32 reads a hash that BodyHash wrote.
func Hash32(text string) [32]byte {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		panic("clearing: a hash of our own is not 32 bytes of hex")
	}
	return [32]byte(raw)
}
