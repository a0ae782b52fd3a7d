package payment_test

import (
	"crypto/ed25519"
	"testing"

	"seyfert/money"
	"seyfert/payment"

	"pgregory.net/rapid"
)

// now is before the expiry of what agreed makes.
const now = (issued + 10) * 1000

// agreed is a claim that agrees with offer, receipt and order in everything.
func agreed(t testing.TB) (payment.Demand, payment.Facts, payment.Held) {
	t.Helper()
	offer := validOffer()
	key, err := offer.Key()
	if err != nil {
		t.Fatal(err)
	}
	hash, amount := payment.OfferHash(offer.Payload()), offer.Total()
	d := payment.Demand{
		Claim: payment.ClaimID{1}, Digest: [32]byte{2}, Presenter: offer.Issuer, Offer: offer,
		OfferHash: hash, Alias: offer.Alias, Amount: amount,
	}
	f := payment.Facts{
		KeySigned: true, OfferSigned: true, Opened: true, Digest: d.Digest,
		Receipt: payment.Receipt{
			Handle: [16]byte{3}, Amount: amount, PayeeKey: key, OfferHash: hash,
			Expires: offer.Expires,
		},
	}
	h := payment.Held{
		Found: true, OfferHash: hash, Amount: amount, PayeeKey: key, Alive: true,
	}
	return d, f, h
}

// claimed makes the order one that this very claim was matched with before.
func claimed(d payment.Demand, h *payment.Held) {
	h.Claimed, h.Claim, h.Digest, h.Alive = true, d.Claim, d.Digest, false
}

func TestMatch(t *testing.T) {
	otherKey := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	more := money.New(money.KRW, 15_001)
	yen := money.New(money.JPY, 15_000)
	tests := []struct {
		name   string
		change func(d *payment.Demand, f *payment.Facts, h *payment.Held)
		want   payment.Verdict
		// after is the verdict when the order was matched with this very claim before.
		after payment.Verdict
	}{
		{
			"all agree", func(*payment.Demand, *payment.Facts, *payment.Held) {},
			payment.Matched, payment.Same,
		},
		{
			"the bound key did not sign",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) { f.KeySigned = false },
			payment.Refused, payment.Refused,
		},
		{
			"the shop's node did not sign the offer",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) { f.OfferSigned = false },
			payment.Refused, payment.Refused,
		},
		{
			"the receipt does not open",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) { f.Opened = false },
			payment.Refused, payment.Refused,
		},
		{
			"no order has the handle",
			func(_ *payment.Demand, _ *payment.Facts, h *payment.Held) { h.Found = false },
			payment.Refused, payment.Refused,
		},
		{
			"the offer names a key that is none",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) { d.Offer.PayeeKey = "x" },
			payment.Refused, payment.Refused,
		},
		{
			"the receipt is bound to another key",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) {
				f.Receipt.PayeeKey = otherKey
			},
			payment.Refused, payment.Refused,
		},
		{
			"the order is bound to another key",
			func(_ *payment.Demand, _ *payment.Facts, h *payment.Held) { h.PayeeKey = otherKey },
			payment.Refused, payment.Refused,
		},
		{
			"another node presents it",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) {
				d.Presenter = "did:web:osaka.example"
			},
			payment.Refused, payment.Refused,
		},
		{
			"another alias",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) { d.Alias = "pay:other" },
			payment.Refused, payment.Refused,
		},
		{
			"another offer than the receipt's",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) {
				f.Receipt.OfferHash[0] ^= 1
			},
			payment.Refused, payment.Same,
		},
		{
			"another offer than the order's",
			func(_ *payment.Demand, _ *payment.Facts, h *payment.Held) { h.OfferHash[31] ^= 1 },
			payment.Refused, payment.Same,
		},
		{
			"the claim asks for more",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) { d.Amount = more },
			payment.Refused, payment.Same,
		},
		{
			"the claim asks in another currency",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) { d.Amount = yen },
			payment.Refused, payment.Same,
		},
		{
			"the receipt is over another amount",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) {
				f.Receipt.Amount = more
			},
			payment.Refused, payment.Same,
		},
		{
			"the order is over another amount",
			func(_ *payment.Demand, _ *payment.Facts, h *payment.Held) { h.Amount = more },
			payment.Refused, payment.Same,
		},
		{
			"the hold was given back",
			func(_ *payment.Demand, _ *payment.Facts, h *payment.Held) { h.Alive = false },
			payment.Refused, payment.Same,
		},
		{
			"the receipt has expired",
			func(_ *payment.Demand, f *payment.Facts, _ *payment.Held) {
				f.Receipt.Expires = now / 1000
			},
			payment.Refused, payment.Same,
		},
		{
			"another claim id",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) {
				d.Claim = payment.ClaimID{9}
			},
			payment.Matched, payment.Conflict,
		},
		{
			"the same claim id over other content",
			func(d *payment.Demand, _ *payment.Facts, _ *payment.Held) { d.Digest[0] ^= 1 },
			payment.Matched, payment.Conflict,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, f, h := agreed(t)
			test.change(&d, &f, &h)
			if got := payment.Match(d, f, h, now); got != test.want {
				t.Errorf("verdict %d, want %d", got, test.want)
			}
			d, f, h = agreed(t)
			claimed(d, &h)
			test.change(&d, &f, &h)
			if got := payment.Match(d, f, h, now); got != test.after {
				t.Errorf("verdict %d on a claimed receipt, want %d", got, test.after)
			}
		})
	}
}

// TestMatchTellsNothing: without the bound key, the opened receipt, the offer's signature or the
// right way in, no state of an order changes the answer.
func TestMatchTellsNothing(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		d, f, h := agreed(outer)
		h.Claimed = rapid.Bool().Draw(t, "claimed")
		h.Alive = rapid.Bool().Draw(t, "alive")
		h.Found = rapid.Bool().Draw(t, "found")
		if rapid.Bool().Draw(t, "same claim") {
			h.Claim, h.Digest = d.Claim, d.Digest
		}
		at := rapid.Int64Range(0, 2*issued*1000).Draw(t, "now")
		switch rapid.IntRange(0, 4).Draw(t, "wrong") {
		case 0:
			f.KeySigned = false
		case 1:
			f.OfferSigned = false
		case 2:
			f.Opened = false
		case 3:
			d.Presenter += "x"
		case 4:
			d.Alias += "x"
		}
		if got := payment.Match(d, f, h, at); got != payment.Refused {
			t.Fatalf("verdict %d, want a refusal", got)
		}
	})
}

// TestMatchAtExpiry: a receipt ends with the second that it names.
func TestMatchAtExpiry(t *testing.T) {
	d, f, h := agreed(t)
	end := f.Receipt.Expires * 1000
	if got := payment.Match(d, f, h, end-1); got != payment.Matched {
		t.Errorf("a millisecond before the end: %d", got)
	}
	if got := payment.Match(d, f, h, end); got != payment.Refused {
		t.Errorf("at the end: %d", got)
	}
}
