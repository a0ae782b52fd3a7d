package client

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// PayeeKey writes the public half of a shop's key as offers name it. Only the holder of the
// private half can claim.
func PayeeKey(pub ed25519.PublicKey) string { return base64.RawURLEncoding.EncodeToString(pub) }

// ClaimRequest is a claim as SignClaim makes it. A shop keeps it before it is sent: its id is
// its idempotency key, and the same claim again gets the same answer.
type ClaimRequest struct {
	ID        string       `json:"id"`
	Receipt   string       `json:"receipt"`
	Offer     string       `json:"offer"`
	Amount    money.Amount `json:"amount"`
	Signature string       `json:"signature"`
}

// SignClaim makes a claim of the receipt that a customer brought for an offer, under a new id
// drawn from now and random. offer is the offer's JWS, amount the offer's whole amount, and key
// the one that the offer names; with any other the claim will be refused. The error says that
// the offer can't be read, that the amount can't be claimed, or is random's own.
func SignClaim(key ed25519.PrivateKey, random io.Reader, now time.Time, offer, receipt string,
	amount money.Amount,
) (ClaimRequest, error) {
	var raw [10]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return ClaimRequest{}, fmt.Errorf("random for a claim id: %w", err)
	}
	id := payment.ClaimID(wire.NewUUID(now.UnixMilli(), raw)).String()
	return ResignClaim(key, ClaimRequest{Receipt: receipt, Offer: offer, Amount: amount}, id)
}

// ResignClaim signs what a claim says under another id.
func ResignClaim(key ed25519.PrivateKey, c ClaimRequest, id string) (ClaimRequest, error) {
	var claimID payment.ClaimID
	if err := claimID.UnmarshalText([]byte(id)); err != nil {
		return ClaimRequest{}, fmt.Errorf("client: claim id: %w", err)
	}
	jws, err := wire.ParseJWS(c.Offer)
	if err != nil || jws.Typ != payment.OfferType {
		return ClaimRequest{}, errors.New("client: not a signed offer")
	}
	offer, err := payment.ParseOffer(jws.Payload)
	if err != nil {
		return ClaimRequest{}, fmt.Errorf("client: offer: %w", err)
	}
	if _, err := payment.Money(payment.WireAmount(c.Amount)); err != nil {
		return ClaimRequest{}, fmt.Errorf("client: amount: %w", err)
	}
	digest := payment.ClaimDigest(claimID, c.Receipt, payment.OfferHash(jws.Payload),
		offer.Alias, c.Amount)
	c.ID = id
	c.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, digest[:]))
	return c, nil
}
