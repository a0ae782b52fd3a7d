package api_test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/rail/bank"
)

// notice sends a notice as the bank does.
func (p *place) notice(id, number, value string) (*http.Response, []byte) {
	p.t.Helper()
	body := fmt.Sprintf(`{"notice_id":%q,"bank":"hana","account_number":%q,"currency":"KRW",`+
		`"amount":%q,"value_date":"2026-11-18"}`, id, number, value)
	at := strconv.FormatInt(p.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(bankSecret))
	mac.Write([]byte(at + "." + body))
	return p.send(http.MethodPost, "/rail/bank/notices", http.Header{
		bank.HeaderTimestamp: {at}, bank.HeaderSignature: {hex.EncodeToString(mac.Sum(nil))},
	}, strings.NewReader(body))
}

// customer is a member with a session and money.
type customer struct {
	*client.Client
	id, session string
}

// mustSignIn opens a member on a node, with money from the bank, and signs it in.
func (p *place) mustSignIn(name, number, value string) customer {
	p.t.Helper()
	ctx := p.t.Context()
	member, err := p.operator().CreateMember(ctx, name)
	must(p.t, err)
	_, err = p.operator().OpenVirtualAccount(ctx, client.VirtualAccount{
		Rail: bank.Rail, Bank: "hana", Number: number, Currency: "KRW", Owner: member.ID,
	})
	must(p.t, err)
	if answer, body := p.notice("notice-"+number, number, value); answer.StatusCode != 200 {
		p.t.Fatalf("notice: %d %s", answer.StatusCode, body)
	}
	code, err := p.operator().CreateSignIn(ctx, member.ID)
	must(p.t, err)
	session, err := p.as("").SignIn(ctx, code.Code)
	must(p.t, err)
	return customer{p.as(session.Session), member.ID, session.Session}
}

// shop is a company with its keys.
type shop struct {
	*client.Client
	id, key string
	payee   ed25519.PrivateKey
}

func (p *place) mustOpenShop(name string) shop {
	p.t.Helper()
	made, err := p.operator().CreateCompany(p.t.Context(), name)
	must(p.t, err)
	_, payee, err := ed25519.GenerateKey(rand.Reader)
	must(p.t, err)
	return shop{p.as(made.APIKey), made.Company.ID, made.APIKey, payee}
}

func (s shop) mustOffer(t *testing.T, value uint64) client.Offer {
	t.Helper()
	amount := money.New(money.KRW, value)
	offer, err := s.CreateOffer(t.Context(), client.OfferRequest{
		Amount: amount, PayeeKey: client.PayeeKey(s.payee.Public().(ed25519.PublicKey)),
		Basket:  []client.Line{{Text: "Paper", Amount: amount}},
		Origins: []string{"http://shop.localhost"}, ReturnURL: "http://shop.localhost/back",
	})
	must(t, err)
	return offer
}

func (s shop) mustSign(t *testing.T, now time.Time, receipt string,
	o client.Offer,
) client.ClaimRequest {
	t.Helper()
	claim, err := client.SignClaim(s.payee, rand.Reader, now, o.JWS, receipt, o.Amount)
	must(t, err)
	return claim
}

// mustHave checks what a wallet can spend.
func mustHave(t testing.TB, c *client.Client, want uint64) {
	t.Helper()
	wallet, err := c.Wallet(t.Context())
	must(t, err)
	got, ok := wallet.Available(money.KRW)
	if !ok || got != money.New(money.KRW, want) {
		t.Errorf("the wallet has %v, want %d won", got, want)
	}
}

// mustBe checks that an error is a problem of a code and names a field.
func mustBe(t testing.TB, err error, status int, code, field string) {
	t.Helper()
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Status != status || p.Code != code || p.Field != field || p.RequestID == "" ||
		p.Type != "/problems/"+cmp.Or(p.Reason, code) || p.Detail == "" {
		t.Errorf("got %v, want %d %s about %q", err, status, code, field)
	}
}

// TestCheckout is a push payment from one node's member to a company of the other, with its
// proof, through the public API alone.
func TestCheckout(t *testing.T) {
	w := newWorld(t)
	w.work()
	ctx := t.Context()
	kim := w.seoul.mustSignIn("Kim", "110-1", "100000")
	kanda := w.tokyo.mustOpenShop("Kanda Paper")
	mustHave(t, kim.Client, 100_000)

	offer := kanda.mustOffer(t, 15_000)
	if offer.State != "open" || offer.Checkout != w.tokyo.url+"/checkout/"+offer.ID {
		t.Errorf("offer is %s at %s", offer.State, offer.Checkout)
	}
	public, err := w.tokyo.as("").Offer(ctx, offer.ID)
	must(t, err)
	if len(offer.Basket) != 1 || len(offer.Salt) != 32 || public.Basket != nil ||
		public.Salt != "" {
		t.Errorf("the shop sees %+v, the public %+v", offer, public)
	}
	terms, err := kim.ReadOffer(ctx, public.JWS)
	must(t, err)
	if !terms.Verified || terms.Amount != offer.Amount || terms.Node != w.tokyo.did {
		t.Errorf("terms are %+v", terms)
	}
	order, err := kim.Approve(ctx, public.JWS)
	must(t, err)
	mustHave(t, kim.Client, 85_000)

	claim := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	paid, err := kanda.SubmitClaim(ctx, claim)
	must(t, err)
	if paid.State != client.ClaimPaid || paid.Transfer == "" {
		t.Fatalf("the claim is %+v", paid)
	}
	again, err := kanda.SubmitClaim(ctx, claim)
	must(t, err)
	if again.State != client.ClaimPaid || again.Transfer != paid.Transfer {
		t.Errorf("the same claim again is %+v", again)
	}
	other := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	conflict, err := kanda.SubmitClaim(ctx, other)
	must(t, err)
	if conflict.State != client.ClaimConflict {
		t.Errorf("another claim of the receipt is %s", conflict.State)
	}
	mustHave(t, kanda.Client, 15_000)
	order, err = kim.Order(ctx, order.ID)
	must(t, err)
	if order.State != client.OrderPaid || order.Transfer != paid.Transfer {
		t.Errorf("the order is %s by %s", order.State, order.Transfer)
	}
	w.mustProve(kim, kanda, paid.Transfer)
}

// mustProve closes both days and exports the proof of a transfer on both sides.
func (w *world) mustProve(kim customer, kanda shop, transfer string) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := kim.Proof(ctx, transfer)
	mustBe(w.t, err, http.StatusUnprocessableEntity, client.CodeRefused, "id")
	for _, p := range []*place{w.seoul, w.tokyo} {
		_, err := p.operator().CloseDay(ctx, "")
		must(w.t, err)
	}
	for _, side := range []*client.Client{kim.Client, kanda.Client} {
		var bundle []byte
		for range 100 {
			w.mine(1)
			if bundle, err = side.Proof(ctx, transfer); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		must(w.t, err)
		if !strings.Contains(string(bundle), `"format":"seyfert-proof/1"`) {
			w.t.Errorf("the bundle is %.200s", bundle)
		}
		headers, err := side.Headers(ctx)
		must(w.t, err)
		if len(headers) == 0 || len(headers)%80 != 0 {
			w.t.Errorf("%d bytes of headers", len(headers))
		}
	}
	if _, err := w.tokyo.operator().ChainRows(ctx); err != nil {
		w.t.Error(err)
	}
}
