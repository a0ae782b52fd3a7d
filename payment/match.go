package payment

import (
	"bytes"

	"seyfert/money"
)

// Facts is what the payer's node's shell found out about a claim before it was proposed. Core
// cannot check signatures or open receipts, because it holds no keys.
type Facts struct {
	// KeySigned says that the claim's signature verifies under the offer's payee key.
	KeySigned bool `cbor:"1,keyasint"`
	// OfferSigned says that the offer verifies under the presenting node's pinned key.
	OfferSigned bool `cbor:"2,keyasint"`
	// Opened says that the receipt was sealed to this node and can be read.
	Opened bool `cbor:"3,keyasint"`
	// Receipt is the opened receipt, if Opened.
	Receipt Receipt `cbor:"4,keyasint"`
	// Digest is ClaimDigest of the claim as presented.
	Digest [32]byte `cbor:"5,keyasint"`
}

// Demand is a claim in the form that Match judges.
type Demand struct {
	// Claim is the claim's id and Digest its content.
	Claim  ClaimID
	Digest [32]byte
	// Presenter is the node that the claim came through.
	Presenter string
	// Offer is the presented offer and OfferHash its hash.
	Offer     Offer
	OfferHash [32]byte
	// Alias and Amount are what the claim itself says.
	Alias  string
	Amount money.Amount
}

// Held is the payer's side: the order behind the receipt's handle, or Found = false.
type Held struct {
	Found     bool
	OfferHash [32]byte
	Amount    money.Amount
	PayeeKey  []byte
	// Alive says that the hold still stands, neither expired nor given back.
	Alive bool
	// Claim and Digest name the claim that was matched before, if Claimed.
	Claimed bool
	Claim   ClaimID
	Digest  [32]byte
}

// Verdict is the answer of Match.
type Verdict uint8

// The verdicts. Every reason for a refusal gives Refused, so that a claimant learns nothing
// about an order that it does not hold the key of.
const (
	// Refused says that the claim does not agree with an order of this node.
	Refused Verdict = iota
	// Matched says that order, receipt, offer and claim agree and the hold may be bound.
	Matched
	// Same says that this very claim was matched before: the first answer is given again.
	Same
	// Conflict says that the receipt was claimed under another claim; it is said only to the
	// holder of the bound key.
	Conflict
)

// Match judges a claim (design section 4, step 5). now is Unix milliseconds.
//
// The order of the checks matters: the bound key's signature and the way that the claim came
// are judged first, so that nothing about the receipt's state is told to anyone else.
func Match(d Demand, f Facts, h Held, nowMilli int64) Verdict {
	if !f.KeySigned || !f.OfferSigned || !f.Opened || !h.Found {
		return Refused
	}
	key, err := d.Offer.Key()
	if err != nil || !bytes.Equal(key, f.Receipt.PayeeKey) || !bytes.Equal(key, h.PayeeKey) {
		return Refused
	}
	if d.Presenter != d.Offer.Issuer || d.Alias != d.Offer.Alias {
		return Refused
	}
	if h.Claimed {
		if h.Claim == d.Claim && h.Digest == d.Digest {
			return Same
		}
		return Conflict
	}
	if !agree(d, f, h) || !h.Alive || nowMilli >= f.Receipt.Expires*1000 {
		return Refused
	}
	return Matched
}

// agree is the comparison that gives the push payment its safety: offer hash, amount and
// currency equal in order, receipt, offer and claim.
func agree(d Demand, f Facts, h Held) bool {
	amount := d.Offer.Total()
	return d.OfferHash == f.Receipt.OfferHash && d.OfferHash == h.OfferHash &&
		amount == d.Amount && amount == f.Receipt.Amount && amount == h.Amount
}
