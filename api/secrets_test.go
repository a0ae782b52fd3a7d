package api_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"seyfert/client"
)

// TestNothingSecretIsLogged plays a checkout with everything that can be refused on the way,
// then searches what both nodes logged, at every level, for what nobody may read there.
func TestNothingSecretIsLogged(t *testing.T) {
	w := newWorld(t)
	w.work()
	ctx := t.Context()
	const customerName, number = "Gil-dong Q. Hong", "110-987-654321"
	hong := w.seoul.mustSignIn(customerName, number, "5000000")
	kanda := w.tokyo.mustOpenShop("Kanda Paper")
	code, err := w.seoul.operator().CreateSignIn(ctx, hong.id)
	must(t, err)
	offer := kanda.mustOffer(t, 15_000)
	order, err := hong.Approve(ctx, offer.JWS)
	must(t, err)
	claim := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	secrets := map[string]string{
		"an operator's key": w.seoul.key, "the other operator's key": w.tokyo.key,
		"a company's key": kanda.key, "a session": hong.session, "a code": code.Code,
		"the bank's secret": bankSecret, "a receipt": order.Receipt, "a name": customerName,
		"an account's number": number, "a claim's signature": claim.Signature,
		"a password in an address": "swordfish",
		"a payee's private key":    base64.RawURLEncoding.EncodeToString(kanda.payee.Seed()),
	}
	w.seoul.misplace(secrets)
	w.tokyo.misplace(secrets)

	wrong := kanda.mustSign(t, w.clock.Now(), order.Receipt, offer)
	wrong.Signature = strings.Repeat("A", 86)
	if refused, err := kanda.SubmitClaim(ctx, wrong); err == nil &&
		refused.State != client.ClaimRefused {
		t.Errorf("a claim without a signature is %s", refused.State)
	}
	paid, err := kanda.SubmitClaim(ctx, claim)
	must(t, err)
	if paid.State != client.ClaimPaid {
		t.Fatalf("the claim is %s", paid.State)
	}
	w.overdraw(hong, kanda)
	w.mustProve(hong, kanda, paid.Transfer)

	for _, p := range []*place{w.seoul, w.tokyo} {
		p.breakDown()
		log := p.log.String()
		if !strings.Contains(log, "level=WARN") || !strings.Contains(log, "level=ERROR") {
			t.Errorf("neither the failed fetch nor the broken disk is logged: %s", log)
		}
		for what, secret := range secrets {
			// A part that is long enough to go on from is as bad as the whole.
			if strings.Contains(log, secret[:min(len(secret), 24)]) ||
				strings.Contains(log, secret[max(0, len(secret)-24):]) {
				t.Errorf("%s is in the log of %s: %s", what, p.did, log)
			}
		}
	}
}

// misplace sends each secret where it does not belong: as key, code, path, query, header and
// body.
func (p *place) misplace(secrets map[string]string) {
	p.t.Helper()
	for _, secret := range secrets {
		escaped := strings.NewReplacer(" ", "%20", ".", "%2E").Replace(secret)
		key := http.Header{"Authorization": {"Bearer " + p.key}}
		for _, try := range []struct {
			method, path, body string
			header             http.Header
		}{
			{method: "GET", path: "/v1/status", header: http.Header{
				"Authorization": {"Bearer x" + secret},
			}},
			{method: "GET", path: "/v1/" + escaped},
			{method: "GET", path: "/v1/status?key=" + escaped, header: key},
			{method: "POST", path: "/v1/sessions", body: `{"code":"x` + secret + `"}`},
			{method: "POST", path: "/v1/companies", body: `{"` + secret + `":`, header: key},
			{method: "POST", path: "/v1/members/" + escaped + "/sign-in", header: key},
			{method: "POST", path: "/rail/bank/notices", body: `{"notice_id":"` + secret},
			{method: "POST", path: "/v1/peers", header: key, body: `{"url":"` + secret + `"}`},
		} {
			answer, text := p.send(try.method, try.path, try.header, strings.NewReader(try.body))
			if answer.StatusCode < 400 || answer.StatusCode >= 500 {
				p.t.Errorf("%s %s: %d %s", try.method, try.path, answer.StatusCode, text)
			}
		}
	}
	for _, url := range []string{
		"http://none.localhost:1", "http://kim:swordfish@none.localhost:1",
		"http://none.localhost:1/?key=swordfish",
	} {
		if _, err := p.operator().AddPeer(p.t.Context(), client.PeerTerms{URL: url}); err == nil {
			p.t.Errorf("%s is a peer", url)
		}
	}
}

// overdraw lets a transfer fail between the nodes: it is over the credit of the payer's node.
func (w *world) overdraw(by customer, at shop) {
	w.t.Helper()
	ctx := w.t.Context()
	offer := at.mustOffer(w.t, 2_000_000)
	order, err := by.Approve(ctx, offer.JWS)
	must(w.t, err)
	claim := at.mustSign(w.t, w.clock.Now(), order.Receipt, offer)
	refused, err := at.SubmitClaim(ctx, claim)
	must(w.t, err)
	if refused.State != client.ClaimRefused {
		w.t.Errorf("a claim over the limit is %s", refused.State)
	}
}

// breakDown makes the node meet a fault of its own while it reads names.
func (p *place) breakDown() {
	p.t.Helper()
	if members, err := p.operator().Members(p.t.Context()); err != nil || len(members) == 0 {
		_, err := p.operator().CreateMember(p.t.Context(), "Someone else")
		must(p.t, err)
	}
	p.names.broken = errors.New("disk sector 7 of /var/keys")
	_, err := p.operator().Members(p.t.Context())
	if err == nil {
		p.t.Error("a broken disk was not met")
	}
}
