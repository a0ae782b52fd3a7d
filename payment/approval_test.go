package payment_test

import (
	"encoding/hex"
	"testing"

	"seyfert/money"
	"seyfert/payment"
)

func sampleApproval() payment.Approval {
	return payment.Approval{
		OfferHash: [32]byte{1}, Amount: money.New(money.KRW, 15_000),
		Issuer: "did:web:tokyo.example", Alias: "pay:com_1", PayeeKey: make([]byte, 32),
		Source: [16]byte{2}, Expires: 1_795_000_180, Handle: [16]byte{3},
	}
}

// TestApprovalVector is the published test vector.
func TestApprovalVector(t *testing.T) {
	const want = "b04509f22b99942840aa9c30f53fcdecb1ddc4c5b94659c64a4e8e1fb833c16e"
	challenge := sampleApproval().Challenge()
	if got := hex.EncodeToString(challenge[:]); got != want {
		t.Errorf("the challenge is %s, not %s", got, want)
	}
}

// TestApprovalCoversEverything: whatever is changed in an order changes its challenge.
func TestApprovalCoversEverything(t *testing.T) {
	seen := map[[32]byte]string{sampleApproval().Challenge(): "nothing"}
	for name, change := range map[string]func(*payment.Approval){
		"offer":    func(a *payment.Approval) { a.OfferHash[31]++ },
		"amount":   func(a *payment.Approval) { a.Amount = money.New(money.KRW, 15_001) },
		"currency": func(a *payment.Approval) { a.Amount = money.New(money.JPY, 15_000) },
		"issuer":   func(a *payment.Approval) { a.Issuer += "x" },
		"alias":    func(a *payment.Approval) { a.Alias += "x" },
		"shift": func(a *payment.Approval) {
			a.Issuer, a.Alias = "did:web:tokyo.examplep", "ay:com_1"
		},
		"payee key": func(a *payment.Approval) { a.PayeeKey[0]++ },
		"source":    func(a *payment.Approval) { a.Source[0]++ },
		"expiry":    func(a *payment.Approval) { a.Expires++ },
		"handle":    func(a *payment.Approval) { a.Handle[15]++ },
	} {
		a := sampleApproval()
		change(&a)
		challenge := a.Challenge()
		if other, exists := seen[challenge]; exists {
			t.Errorf("changing the %s gives the challenge of changing the %s", name, other)
		}
		seen[challenge] = name
	}
}
