package payment

import (
	"encoding/binary"

	"seyfert/money"
	"seyfert/wire"
)

// Approval is the order as a member's passkey approves it: what is paid, to whom, out of which
// wallet and until when. All of it stands in the challenge, so that an assertion over one order
// is worth nothing for another.
type Approval struct {
	OfferHash [32]byte
	Amount    money.Amount
	// Issuer, Alias and PayeeKey are the payee, as in the offer.
	Issuer, Alias string
	PayeeKey      []byte
	// Source is the account that pays.
	Source [16]byte
	// Expires is the offer's, in Unix seconds.
	Expires int64
	// Handle is the order's, drawn at random by the payer's node: no two orders are alike.
	Handle [16]byte
}

// Challenge is what the passkey signs: H("order approval", offer hash, amount u64, currency u16,
// issuer, alias, payee key, source, expires u64, handle), H being SHA-256 over these parts as
// wire.Hash writes them.
func (a Approval) Challenge() [32]byte {
	minor, ok := a.Amount.Uint64()
	if !ok {
		panic("payment: approval of an amount that no offer can carry")
	}
	be := binary.BigEndian
	return wire.Hash("order approval", a.OfferHash[:], be.AppendUint64(nil, minor),
		be.AppendUint16(nil, uint16(a.Amount.Currency())), []byte(a.Issuer), []byte(a.Alias),
		a.PayeeKey, a.Source[:], be.AppendUint64(nil, uint64(a.Expires)), a.Handle[:])
}

// ApprovalOf is the approval of an offer out of an account under a handle.
func ApprovalOf(o Offer, source, handle [16]byte) (Approval, error) {
	key, err := o.Key()
	if err != nil {
		return Approval{}, err
	}
	return Approval{
		OfferHash: OfferHash(o.Payload()), Amount: o.Total(), Issuer: o.Issuer, Alias: o.Alias,
		PayeeKey: key, Source: source, Expires: o.Expires, Handle: handle,
	}, nil
}
