package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"seyfert/node"
	"seyfert/web"
)

// TestPagesRefuseOffers shows offers that may not be approved.
func TestPagesRefuseOffers(t *testing.T) {
	w := newWorld(t)
	b, offer := newBrowser(t), w.offer(shopOrigin+"/return")
	b.signIn(w.seoul, w.member.ID)
	sheet := b.get(w.approveURL(w.offerURL(offer)))
	liar := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch _, kind, _ := strings.Cut(r.URL.Path, "offers/"); kind {
		case offer.ID:
			rw.Write([]byte(`{"offer":"` + tamper(offer.JWS) + `"}`))
		case "off_other":
			rw.Write([]byte(`{"offer":"` + offer.JWS + `"}`))
		case "off_text":
			rw.Write([]byte(`hello`))
		default:
			rw.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(liar.Close)
	lies := strings.Replace(liar.URL, "127.0.0.1", "liar.localhost", 1)
	for _, c := range []struct {
		address, says string
		status        int
	}{
		{"", "no such offer", 400},
		{"hello", "no such offer", 400},
		{w.tokyo.origin + "/wallet", "no such offer", 400},
		{w.tokyo.origin + "/v1/offers/" + offer.ID + "?x=1", "no such offer", 400},
		{"http://tokyo.example/v1/offers/" + offer.ID, "no such offer", 400},
		{"file:///v1/offers/" + offer.ID, "no such offer", 400},
		{w.tokyo.origin + "/v1/offers/off_nothing", "no such offer", 404},
		{"http://localhost:1/v1/offers/" + offer.ID, "does not answer", 422},
		{lies + "/v1/offers/off_down", "does not answer", 422},
		{lies + "/v1/offers/off_text", "no such offer", 422},
		{lies + "/v1/offers/off_other", "no such offer", 422},
		{lies + "/v1/offers/" + offer.ID, "", 422},
	} {
		got := b.get(w.approveURL(c.address))
		got.shows(t, c.status, c.says, "req_")
	}
	forged := sheet.form(t, "approve")
	forged.Set("offer", tamper(offer.JWS))
	b.post(w.seoul.origin+"/wallet/approve", forged).shows(t, 422)

	w.clock.add(181 * time.Second)
	b.get(w.approveURL(w.offerURL(offer))).shows(t, 410, "This offer has expired")
	b.post(w.seoul.origin+"/wallet/approve?lang=ko", sheet.form(t, "approve")).
		shows(t, 410, "만료되었습니다")
	b.get(w.tokyo.origin+"/checkout/"+offer.ID).shows(t, 200, `data-state="expired"`,
		"Nothing was paid")
	b.get(w.tokyo.origin+"/checkout/off_1").shows(t, 404, "There is nothing here")
	w.untouched()
}

// tamper changes a signed offer: the amount, and nothing else.
func tamper(jws string) string {
	parts := strings.Split(jws, ".")
	payload := mustDecode(parts[1])
	parts[1] = encode(strings.Replace(payload, `"value":"15000"`, `"value":"15001"`, 1))
	return strings.Join(parts, ".")
}

// TestPagesSessions tries cookies that open no wallet.
func TestPagesSessions(t *testing.T) {
	w := newWorld(t)
	_, apiKey, err := w.seoul.node.CreateCompany(t.Context(), w.seoul.operator, node.Request{},
		"Maru Books")
	must(t, err)
	for _, value := range []string{
		"", "x", string(apiKey), w.seoul.code(w.member.ID), "mst_" + strings.Repeat("A", 43),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.seoul.origin+"/wallet", nil)
		must(t, err)
		r.AddCookie(&http.Cookie{Name: "seyfert", Value: value})
		newBrowser(t).do(r).leads(t, "/wallet/sign-in")
	}
	b := newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	b.get(w.tokyo.origin+"/wallet").leads(t, "/wallet/sign-in") // another node's wallet
	offer := w.offer("")
	sheet := b.get(w.approveURL(w.offerURL(offer)))
	newBrowser(t).post(w.seoul.origin+"/wallet/approve", sheet.form(t, "approve")).
		shows(t, 403, "Sign in first")
	w.clock.add(node.SessionLife + time.Second)
	b.get(w.seoul.origin+"/wallet").leads(t, "/wallet/sign-in")
	w.untouched()
}

// TestPagesRefuseForeignForms posts each form from another site.
func TestPagesRefuseForeignForms(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	sheet, code := b.get(w.approveURL(w.offerURL(w.offer("")))), w.seoul.code(w.member.ID)
	forms := map[string]url.Values{
		"/wallet/approve":  sheet.form(t, "approve"),
		"/wallet/sign-in":  {"code": {code}},
		"/wallet/sign-out": {},
	}
	for path, form := range forms {
		for origin, site := range map[string]string{
			"https://evil.example": "cross-site", w.tokyo.origin: "same-site", "null": "cross-site",
		} {
			b.postFrom(origin, site, w.seoul.origin+path, form).
				shows(t, 403, "came from another site")
		}
	}
	w.untouched()
	b.get(w.seoul.origin+"/wallet").shows(t, 200, "Kim Hana")
	b.post(w.seoul.origin+"/wallet/sign-in", forms["/wallet/sign-in"]).leads(t, "/wallet")
}

// TestPagesRefuseForms sends forms that our pages do not send, and reaches each limit.
func TestPagesRefuseForms(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	sheet := b.get(w.approveURL(w.offerURL(w.offer(""))))
	for _, c := range []struct {
		field, value string
		status       int
	}{
		{"decision", "", 400},
		{"decision", "perhaps", 400},
		{"nonce", "", 400},
		{"nonce", "zz", 400},
		{"source", "acc_1", 400},
		{"offer", "", 422},
		{"offer", "a.b.c", 422},
		{"offer", strings.Repeat("x", web.FormBytesMax), 413},
	} {
		form := sheet.form(t, "approve")
		form.Set(c.field, c.value)
		b.post(w.seoul.origin+"/wallet/approve", form).shows(t, c.status, "req_")
	}
	for _, path := range []string{
		"/wallet/nothing", "/wallet/orders/ord_1", "/wallet/orders/x/proof", "/wallet/orders/",
	} {
		b.get(w.seoul.origin+path).shows(t, 404, "There is nothing here")
	}
	for _, page := range []string{"0", "-1", "x", "9999", "1e3"} {
		b.get(w.seoul.origin+"/wallet?page="+page).shows(t, 400)
	}
	b.get(w.seoul.origin+"/wallet/sign-in?code="+strings.Repeat("x", 200)).shows(t, 400)
	b.get(w.tokyo.origin+"/checkout/"+w.offer("").ID+"?node=se%20oul").
		shows(t, 400, "not the address of a node")
	limited := map[string]func() page{
		"offers": func() page { return b.get(w.approveURL("x")) },
		"codes": func() page {
			return newBrowser(t).post(w.seoul.origin+"/wallet/sign-in", url.Values{"code": {"x"}})
		},
	}
	for name, try := range limited {
		tries, got := 0, try()
		for ; got.status != http.StatusTooManyRequests && tries < 100; tries++ {
			got = try()
		}
		if got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "Too many requests") {
			t.Errorf("%s: after %d tries status %d", name, tries, got.status)
		}
	}
	w.untouched()
}
