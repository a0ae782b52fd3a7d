package signer

import (
	"seyfert/fault"
	"seyfert/wire"
)

// SealReceipt seals the CBOR text of a receipt to this node's own key: whoever carries it can
// read nothing in it, and this node alone opens it. Errors: too_large when the text form would
// be over wire.ReceiptTextMax.
func (s *Signer) SealReceipt(plain []byte) (wire.SealedReceipt, error) {
	if s.locked() {
		return wire.SealedReceipt{}, ErrLocked
	}
	tooLarge := fault.New(fault.TooLarge, "receipt",
		"the receipt's text would be over %d characters", wire.ReceiptTextMax)
	if len(plain) > wire.ReceiptTextMax {
		return wire.SealedReceipt{}, tooLarge
	}
	r := wire.SealedReceipt{Node: s.keys.did, KeyID: s.sealingKeyID}
	sealed, err := s.sealing.Seal(s.Sealing(), []byte(wire.InfoReceipt), r.AAD(), plain)
	if err != nil {
		return wire.SealedReceipt{}, err
	}
	r.Sealed = sealed
	if len(r.String()) > wire.ReceiptTextMax {
		return wire.SealedReceipt{}, tooLarge
	}
	return r, nil
}

// OpenReceipt returns the CBOR text of a receipt that was sealed to this node. Every failure
// is the same fault, so that its holder learns nothing: another node's receipt, another key,
// one changed bit.
func (s *Signer) OpenReceipt(sealed wire.SealedReceipt) ([]byte, error) {
	if s.locked() {
		return nil, ErrLocked
	}
	if sealed.Node == s.keys.did {
		if plain, err := sealed.Open(s.keys.sealing); err == nil {
			return plain, nil
		}
	}
	return nil, fault.New(fault.Invalid, "receipt", "the receipt does not open here")
}
