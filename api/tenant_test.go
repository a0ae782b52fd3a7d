package api_test

import (
	"net/http"
	"strings"
	"testing"

	"seyfert/client"
)

// TestForeignTenants lets every stranger ask for everything of a payment: each is told that
// there is no such thing, in the same words as for what does not exist.
func TestForeignTenants(t *testing.T) {
	w := newWorld(t)
	w.work()
	ctx := t.Context()
	kim := w.seoul.mustSignIn("Kim", "110-1", "100000")
	lee := w.seoul.mustSignIn("Lee", "110-2", "50000")
	kanda, other := w.tokyo.mustOpenShop("Kanda Paper"), w.tokyo.mustOpenShop("Other")
	seoulShop := w.seoul.mustOpenShop("Seoul Books")
	offer := kanda.mustOffer(t, 15_000)
	order, err := kim.Approve(ctx, offer.JWS)
	must(t, err)
	claim := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	_, err = kanda.SubmitClaim(ctx, claim)
	must(t, err)
	paid, err := kanda.WaitClaim(ctx, claim.ID)
	must(t, err)
	if paid.State != client.ClaimPaid {
		t.Fatalf("the claim is %s", paid.State)
	}
	kimWallet, err := kim.Wallet(ctx)
	must(t, err)
	kandaWallet, err := kanda.Wallet(ctx)
	must(t, err)

	w.rest()

	type foreign struct {
		at    *place
		key   string
		paths []string
	}
	ofKim := []string{
		"/v1/wallets/" + kim.id, "/v1/accounts/" + kimWallet.Balances[0].Account + "/entries",
		"/v1/transfers/" + paid.Transfer, "/v1/transfers/" + paid.Transfer + "/proof",
	}
	ofKanda := []string{
		"/v1/wallets/" + kanda.id, "/v1/transfers/" + paid.Transfer,
		"/v1/accounts/" + kandaWallet.Balances[0].Account + "/entries",
		"/v1/transfers/" + paid.Transfer + "/proof", "/v1/claims/" + paid.ID,
	}
	strangers := []foreign{
		{w.seoul, lee.session, append(ofKim, "/v1/orders/"+order.ID)},
		{w.seoul, seoulShop.key, ofKim},
		{w.tokyo, other.key, ofKanda},
	}
	for _, s := range strangers {
		for _, path := range s.paths {
			s.at.mustRefuse(try{
				what: "a stranger", method: "GET", url: path, key: s.key, status: 404,
				code: "not_found", field: "*",
			})
		}
	}
	// Keys of one node are nothing at the other.
	for _, s := range []foreign{{w.tokyo, kim.session, ofKanda}, {w.seoul, kanda.key, ofKim}} {
		for _, path := range s.paths {
			s.at.mustRefuse(try{
				what: "a key of another node", method: "GET", url: path, key: s.key, status: 401,
				code: "unauthenticated", field: "Authorization",
			})
		}
	}
	// What a stranger lists is her own and nothing else.
	orders, err := lee.Orders(ctx, 200)
	must(t, err)
	offers, err := other.Offers(ctx, 200)
	must(t, err)
	deposits, err := lee.Deposits(ctx, 200)
	must(t, err)
	if len(orders) != 0 || len(offers) != 0 || len(deposits) != 1 {
		t.Errorf("strangers list %v, %v, %v", orders, offers, deposits)
	}
	for _, stranger := range []*client.Client{lee.Client, other.Client, seoulShop.Client} {
		events, err := stranger.Events(ctx, 0, 200)
		must(t, err)
		for _, event := range events {
			if event.Offer == offer.ID || event.Subject == order.ID {
				t.Errorf("a stranger sees %+v", event)
			}
		}
	}
	mustHave(t, kim.Client, 85_000)
	mustHave(t, lee.Client, 50_000)
	mustHave(t, kanda.Client, 15_000)
}

// TestForeignClaims presents a good receipt in every wrong way: one and the same refusal, and
// no money moves.
func TestForeignClaims(t *testing.T) {
	w := newWorld(t)
	w.work()
	ctx := t.Context()
	kim := w.seoul.mustSignIn("Kim", "110-1", "100000")
	kanda, other := w.tokyo.mustOpenShop("Kanda Paper"), w.tokyo.mustOpenShop("Other")
	offer := kanda.mustOffer(t, 15_000)
	order, err := kim.Approve(ctx, offer.JWS)
	must(t, err)
	good := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	stolen := other.mustSign(t, w.clock.Now(), order.Receipt, offer)
	ending := "AA"
	if strings.HasSuffix(order.Receipt, ending) {
		ending = "BA"
	}
	flipped := kanda.mustSign(t, w.clock.Now(), order.Receipt[:len(order.Receipt)-2]+ending, offer)
	unsigned := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	unsigned.Signature = strings.Repeat("A", 86)
	for what, test := range map[string]struct {
		by    shop
		claim client.ClaimRequest
	}{
		"another company, the right key": {other, good},
		"another key":                    {kanda, stolen},
		"a flipped receipt":              {kanda, flipped},
		"no signature":                   {kanda, unsigned},
	} {
		claim, err := test.by.SubmitClaim(ctx, test.claim)
		must(t, err)
		if claim.State != client.ClaimRefused || claim.Transfer != "" {
			t.Errorf("%s: %+v", what, claim)
		}
	}
	// The id of a stranger's claim can't be used, and says nothing about hers.
	_, err = kanda.SubmitClaim(ctx, good)
	mustBe(t, err, http.StatusConflict, client.CodeConflict, "id")
	mustHave(t, kim.Client, 85_000)
	mustHave(t, kanda.Client, 0)
	mustHave(t, other.Client, 0)
}
