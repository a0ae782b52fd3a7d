package client

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"seyfert/payment"
	"seyfert/wire"
)

// PayeeKey is a shop's key: offers name its public half, and only its holder can claim.
type PayeeKey struct {
	private ed25519.PrivateKey
}

// NewPayeeKey makes a key from 32 bytes of random. The error is random's own.
func NewPayeeKey(random io.Reader) (PayeeKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return PayeeKey{}, fmt.Errorf("random for a payee key: %w", err)
	}
	return PayeeKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// ParsePayeeKey reads what Seed wrote.
func ParsePayeeKey(seed string) (PayeeKey, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(seed)
	if err != nil || len(raw) != ed25519.SeedSize {
		return PayeeKey{}, errors.New("client: not the seed of a payee key")
	}
	return PayeeKey{ed25519.NewKeyFromSeed(raw)}, nil
}

// Seed is the secret half in base64url, to be kept where the shop keeps its secrets.
func (k PayeeKey) Seed() string { return base64.RawURLEncoding.EncodeToString(k.private.Seed()) }

// Public is the public half in base64url, as offers name it.
func (k PayeeKey) Public() string {
	return base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
}

// String keeps the secret half out of logs.
func (k PayeeKey) String() string { return "payee key " + k.Public() }

// GoString keeps the secret half out of logs.
func (k PayeeKey) GoString() string { return k.String() }

// NewClaimID makes the id of a new claim; a shop keeps it with the order that it is for, so
// that the same claim can be sent again.
func NewClaimID(now time.Time, random io.Reader) (string, error) {
	var raw [10]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("random for a claim id: %w", err)
	}
	return payment.ClaimID(wire.NewUUID(now.UnixMilli(), raw)).String(), nil
}

// SignClaim makes the claim of a receipt that a customer brought for an offer. offer is the
// offer's JWS; the claim is for the offer's whole amount. The error says that the id or the
// offer cannot be read, or that the offer names another key.
func (k PayeeKey) SignClaim(id, receipt, offer string) (ClaimRequest, error) {
	var claimID payment.ClaimID
	if err := claimID.UnmarshalText([]byte(id)); err != nil {
		return ClaimRequest{}, fmt.Errorf("client: claim id: %w", err)
	}
	jws, err := wire.ParseJWS(offer)
	if err != nil || jws.Typ != payment.OfferType {
		return ClaimRequest{}, errors.New("client: not a signed offer")
	}
	terms, err := payment.ParseOffer(jws.Payload)
	if err != nil {
		return ClaimRequest{}, fmt.Errorf("client: offer: %w", err)
	}
	if terms.PayeeKey != k.Public() {
		return ClaimRequest{}, errors.New("client: the offer is bound to another key")
	}
	digest := payment.ClaimDigest(claimID, receipt, payment.OfferHash(jws.Payload),
		terms.Alias, terms.Total())
	return ClaimRequest{
		ID: id, Receipt: receipt, Offer: offer, Amount: terms.Total(),
		Signature: base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, digest[:])),
	}, nil
}
