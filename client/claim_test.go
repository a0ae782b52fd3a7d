package client_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// signedOffer makes an offer as a shop's node signs it, for a payee key.
func signedOffer(t *testing.T, payee ed25519.PublicKey) (jws string, payload []byte) {
	t.Helper()
	offer := payment.Offer{
		Issuer: "did:web:tokyo.localhost", Company: "com_1", Name: "Kanda Paper",
		ID:       payment.OfferID(wire.NewUUID(1_795_000_000_000, [10]byte{1})),
		PayeeKey: client.PayeeKey(payee), Alias: "pay:kanda", Origins: []string{},
		Amount:     payment.WireAmount(money.New(money.KRW, 15_000)),
		BasketHash: strings.Repeat("0", 64), Uses: payment.UsesOnce,
		IssuedAt: 1_795_000_000, Expires: 1_795_000_180,
	}
	if err := offer.Validate(); err != nil {
		t.Fatal(err)
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	payload = offer.Payload()
	keyID := wire.Thumbprint(pub)
	input := wire.JWSInput(payment.OfferType, keyID, payload)
	j := wire.JWS{
		Typ: payment.OfferType, KeyID: keyID, Payload: payload,
		Signature: ed25519.Sign(key, input),
	}
	return j.Compact(), payload
}

// TestSignClaim checks the signature against the digest of design section 4 step 4, put
// together here from its parts.
func TestSignClaim(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jws, payload := signedOffer(t, pub)
	amount := money.New(money.KRW, 15_000)
	now := time.UnixMilli(1_795_000_000_123)
	claim, err := client.SignClaim(key, rand.Reader, now, jws, "v1.receipt", amount)
	if err != nil {
		t.Fatal(err)
	}
	var id payment.ClaimID
	if err := id.UnmarshalText([]byte(claim.ID)); err != nil || id.UnixMilli() != now.UnixMilli() {
		t.Errorf("the claim's id is %s: %v", claim.ID, err)
	}
	receipt := sha256.Sum256([]byte("v1.receipt"))
	offer := wire.Hash("offer", payload)
	digest := wire.Hash("claim", id[:], receipt[:], offer[:], []byte("pay:kanda"),
		binary.BigEndian.AppendUint64(nil, 15_000), binary.BigEndian.AppendUint16(nil, 410))
	signature, err := base64.RawURLEncoding.DecodeString(claim.Signature)
	if err != nil || !ed25519.Verify(pub, digest[:], signature) {
		t.Error("the signature does not hold")
	}
	if claim.Receipt != "v1.receipt" || claim.Offer != jws || claim.Amount != amount {
		t.Errorf("the claim is %+v", claim)
	}
	again, err := client.ResignClaim(key, claim, claim.ID)
	if err != nil || again != claim {
		t.Errorf("signed again: %+v, %v", again, err)
	}
	other, err := client.SignClaim(key, rand.Reader, now, jws, "v1.receipt", amount)
	if err != nil || other.ID == claim.ID || other.Signature == claim.Signature {
		t.Errorf("two claims are one: %v", err)
	}
}

func TestSignClaimRefuses(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jws, _ := signedOffer(t, pub)
	won := money.New(money.KRW, 15_000)
	huge, err := money.Parse(money.KRW, "9223372036854775808")
	if err != nil {
		t.Fatal(err)
	}
	sign := func(offer string, amount money.Amount) error {
		_, err := client.SignClaim(key, rand.Reader, time.Now(), offer, "r", amount)
		return err
	}
	for what, err := range map[string]error{
		"no offer":          sign("", won),
		"half an offer":     sign(jws[:len(jws)/2], won),
		"no amount":         sign(jws, money.Amount{}),
		"a too large one":   sign(jws, huge),
		"not an offer typ":  sign("eyJhbGciOiJFZERTQSJ9.e30.AAAA", won),
		"an altered header": sign("A"+jws[1:], won),
	} {
		if err == nil {
			t.Errorf("a claim of %s was signed", what)
		}
	}
	for _, id := range []string{"", "clm_", "off_01M7Q5CQG0EG494N32ME2JRC65", "clm_x"} {
		if _, err := client.ResignClaim(key, client.ClaimRequest{Offer: jws, Amount: won},
			id); err == nil {
			t.Errorf("a claim was signed under the id %q", id)
		}
	}
	for _, random := range []io.Reader{
		bytes.NewReader(make([]byte, 9)), iotest.ErrReader(errors.New("broken")),
	} {
		if _, err := client.SignClaim(key, random, time.Now(), jws, "r", won); err == nil {
			t.Error("a claim was made without randomness")
		}
	}
}
