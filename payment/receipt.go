package payment

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Receipt is the inside of the sealed token that the shop holds (design section 4, step 3).
// Only the payer's node can read it. It names no payer: the random handle leads that node to
// the order.
type Receipt struct {
	Handle    [16]byte     `cbor:"1,keyasint"`
	Amount    money.Amount `cbor:"2,keyasint"`
	PayeeKey  []byte       `cbor:"3,keyasint"`
	OfferHash [32]byte     `cbor:"4,keyasint"`
	// Expires is Unix seconds; a claim that arrives later is refused.
	Expires int64 `cbor:"5,keyasint"`
}

// Encode returns the canonical CBOR that is sealed.
func (r Receipt) Encode() []byte { return wire.MustMarshal(r) }

// ParseReceipt reads the opened inside of a receipt.
func ParseReceipt(plain []byte) (Receipt, error) {
	var r Receipt
	if err := wire.Unmarshal(plain, &r); err != nil {
		return Receipt{}, fault.New(fault.Invalid, "receipt", "The receipt can't be read.")
	}
	if len(r.PayeeKey) != ed25519.PublicKeySize || r.Amount.IsZero() {
		return Receipt{}, fault.New(fault.Invalid, "receipt", "The receipt can't be read.")
	}
	return r, nil
}

// Claim is the shop's demand, as it travels inside claim.present (protocol.md A4).
type Claim struct {
	ID        ClaimID            `json:"claimId"`
	Receipt   string             `json:"receipt"`
	Offer     string             `json:"offer"`
	Alias     string             `json:"alias"`
	Amount    wire.MessageAmount `json:"amount"`
	Signature string             `json:"signature"`
}

// signatureTextMax is the length of an Ed25519 signature in base64url.
const signatureTextMax = 86

// Validate checks that a claim's texts are within their bounds, so that it fits a message. Core
// asks it of every claim: whoever proposes, a claim that can't be sent is never taken.
func (c Claim) Validate() error {
	switch {
	case c.ID.IsZero():
		return fault.New(fault.Invalid, "id", "The claim has no id.")
	case len(c.Receipt) > wire.ReceiptTextMax:
		return fault.New(fault.TooLarge, "receipt", "A receipt has at most %d characters.",
			wire.ReceiptTextMax)
	case len(c.Offer) > 2*OfferBytesMax:
		return fault.New(fault.TooLarge, "offer", "An offer has at most %d characters.",
			2*OfferBytesMax)
	case len(c.Alias) > TextMax:
		return fault.New(fault.TooLarge, "alias", "An alias has at most %d bytes.", TextMax)
	case len(c.Signature) > signatureTextMax:
		return fault.New(fault.TooLarge, "signature", "A signature has %d characters.",
			signatureTextMax)
	}
	return nil
}

// ClaimDigest is what the bound key signs: H("claim", claimId, SHA-256(receipt), offer hash,
// alias, amount u64, currency u16), so that no part of a claim can be exchanged for another.
func ClaimDigest(id ClaimID, receipt string, offerHash [32]byte, alias string,
	amount money.Amount,
) [32]byte {
	minor, ok := amount.Uint64()
	if !ok {
		panic("payment: claim of an amount that no offer can carry")
	}
	sealed := sha256.Sum256([]byte(receipt))
	return wire.Hash("claim", id[:], sealed[:], offerHash[:], []byte(alias),
		binary.BigEndian.AppendUint64(nil, minor),
		binary.BigEndian.AppendUint16(nil, uint16(amount.Currency())))
}
