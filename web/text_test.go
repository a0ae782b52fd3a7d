package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/money"
	"seyfert/web"
)

// TestRequestLang asks for a language in each way, the stronger one first.
func TestRequestLang(t *testing.T) {
	cases := []struct {
		name, query, cookie, accept string
		want                        web.Lang
	}{
		{"nothing", "", "", "", web.English},
		{"accept", "", "", "ko-KR,ko;q=0.9,en;q=0.8", web.Korean},
		{"accept a third", "", "", "fr-FR, de;q=0.5", web.English},
		{"accept by weight", "", "", "en;q=0.3, ko;q=0.9", web.Korean},
		{"accept nonsense", "", "", "ko;q=abc;;;", web.English},
		{"accept too much", "", "", strings.Repeat("ko-KR,", 2000), web.English},
		{"cookie over accept", "", "en", "ko", web.English},
		{"nonsense in the cookie", "", "fr", "ko", web.Korean},
		{"query over cookie", "ko", "en", "en", web.Korean},
		{"nonsense in the query", "KO", "en", "ko", web.English},
	}
	for _, c := range cases {
		r := httptest.NewRequest(http.MethodGet, "/?lang="+c.query, nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "lang", Value: c.cookie})
		}
		if have := web.RequestLang(r); have != c.want {
			t.Errorf("%s: %q, want %q", c.name, have, c.want)
		}
	}
}

// TestRememberLang keeps a chosen language, and nothing else, in a cookie.
func TestRememberLang(t *testing.T) {
	pages := mustPages(t)
	cookies := mustRender(t, pages, "/x?lang=ko", sampleSignIn("")).Cookies()
	if len(cookies) != 1 || cookies[0].Value != "ko" || !cookies[0].HttpOnly {
		t.Errorf("cookies %v", cookies)
	}
	for _, url := range []string{"/x", "/x?lang=fr", "/x?lang="} {
		if cookies := mustRender(t, pages, url, sampleSignIn("")).Cookies(); len(cookies) != 0 {
			t.Errorf("%s: cookies %v", url, cookies)
		}
	}
}

// mustSay renders a log line and returns its text in both languages.
func mustSay(tb testing.TB, event web.Event) (english, korean string) {
	tb.Helper()
	pages := mustPages(tb)
	var said []string
	for _, lang := range web.Langs {
		v := sampleWorldNew().(*web.World)
		v.Log = []web.Event{event}
		body := mustBody(tb, mustRender(tb, pages, "/x?lang="+string(lang), v))
		_, body, _ = strings.Cut(body, `id="log"`)
		_, body, _ = strings.Cut(body, `</span><span>`)
		body, _, _ = strings.Cut(body, `</span></li>`)
		said = append(said, body)
	}
	return said[0], said[1]
}

// TestMoney writes amounts as the style guide's table does.
func TestMoney(t *testing.T) {
	most := money.FromWords(money.KRW, ^uint64(0), ^uint64(0))
	cases := []struct {
		amount          money.Amount
		english, korean string
	}{
		{money.New(money.KRW, 15_000), "KRW\u00a015,000", "15,000원"},
		{money.New(money.KRW, 0), "KRW\u00a00", "0원"},
		{money.New(money.KRW, 999), "KRW\u00a0999", "999원"},
		{money.New(money.JPY, 12_800), "JPY\u00a012,800", "12,800엔"},
		{money.New(money.USD, 124_050), "USD\u00a01,240.50", "1,240.50달러"},
		{money.New(money.USD, 5), "USD\u00a00.05", "0.05달러"},
		{money.New(money.BTC, 1_842_000), "BTC\u00a00.01842000", "0.01842000\u00a0BTC"},
		{
			most, "KRW\u00a0340,282,366,920,938,463,463,374,607,431,768,211,455",
			"340,282,366,920,938,463,463,374,607,431,768,211,455원",
		},
	}
	for _, c := range cases {
		english, korean := mustSay(t, web.Event{Key: "order.paid", Args: []any{c.amount}})
		open := `<data value="` + c.amount.Decimal() + `" data-c="` + c.amount.Currency().Code() + `">`
		if want := "Hold of " + open + c.english + "</data> captured"; english != want {
			t.Errorf("have %q, want %q", english, want)
		}
		if want := "예치금 " + open + c.korean + "</data> 지급"; korean != want {
			t.Errorf("have %q, want %q", korean, want)
		}
	}
}

// TestSigns writes directions with a true minus, and none on zero.
func TestSigns(t *testing.T) {
	cases := []struct {
		flow web.Flow
		unit uint64
		want string
	}{
		{web.Out, 6_200, `<data value="-6200" data-c="KRW">` + "\u2212KRW\u00a06,200</data>"},
		{web.In, 6_200, `<data value="+6200" data-c="KRW">` + "+KRW\u00a06,200</data>"},
		{web.Neutral, 6_200, `<data value="6200" data-c="KRW">` + "KRW\u00a06,200</data>"},
		{web.Out, 0, `<data value="0" data-c="KRW">` + "KRW\u00a00</data>"},
	}
	for _, c := range cases {
		v := samplePaymentFresh().(*web.WalletPayment)
		v.Flow, v.Amount = c.flow, won(c.unit)
		body := mustBody(t, mustRender(t, mustPages(t), "/x", v))
		if !strings.Contains(body, `<h1 class="amount">`+c.want) {
			t.Errorf("want %q", c.want)
		}
	}
}

// TestDates writes a day in each language and carries the time in full.
func TestDates(t *testing.T) {
	for lang, want := range map[string]string{
		"en": `<time datetime="2026-11-23T14:02:31.104+09:00">Mon 23 Nov 2026</time>`,
		"ko": `<time datetime="2026-11-23T14:02:31.104+09:00">2026. 11. 23. (월)</time>`,
	} {
		body := mustBody(t, mustRender(t, mustPages(t), "/x?lang="+lang, samplePaymentFresh()))
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %q", lang, want)
		}
	}
}

// TestParticles fits Korean particles to the word before them.
func TestParticles(t *testing.T) {
	for name, want := range map[string]string{
		"tokyo": "tokyo가 확인", "seoul": "seoul이 확인", "한강": "한강이 확인", "노드": "노드가 확인",
		"node7": "node7이 확인", "node9": "node9가 확인", "東京": "東京이(가) 확인", "": "가 확인",
	} {
		v := sampleCheckout(web.CheckoutWaiting).(*web.Checkout)
		v.CheckedBy = name
		body := mustBody(t, mustRender(t, mustPages(t), "/x?lang=ko", v))
		if !strings.Contains(body, `<span class="small muted">`+want+"</span>") {
			t.Errorf("%q: no %q", name, want)
		}
	}
}

// TestPlurals counts one thing as one.
func TestPlurals(t *testing.T) {
	for count, want := range map[int]string{
		0: "0 confirmations", 1: "1 confirmation", 1200: "1,200 confirmations",
	} {
		v := samplePaymentFresh().(*web.WalletPayment)
		v.Final = count
		body := mustBody(t, mustRender(t, mustPages(t), "/x", v))
		if !strings.Contains(body, "<h3>"+want+"</h3>") {
			t.Errorf("no %q", want)
		}
	}
}
