package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"seyfert/web"
)

func mustPages(tb testing.TB) *web.Pages {
	tb.Helper()
	pages, err := web.New()
	if err != nil {
		tb.Fatal(err)
	}
	return pages
}

// mustRender renders a view for a GET of the URL.
func mustRender(tb testing.TB, pages *web.Pages, url string, v web.View) *http.Response {
	tb.Helper()
	w := httptest.NewRecorder()
	if err := pages.Render(w, httptest.NewRequest(http.MethodGet, url, nil), 200, v); err != nil {
		tb.Fatal(err)
	}
	return w.Result()
}

func mustBody(tb testing.TB, response *http.Response) string {
	tb.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(body)
}

// inline is what the content policy of the pages forbids.
var inline = regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+=|javascript:|<script>`)

// TestPagesAreSound renders every page in both languages.
func TestPagesAreSound(t *testing.T) {
	pages := mustPages(t)
	for name, sample := range samples(t) {
		for _, lang := range web.Langs {
			t.Run(name+" "+string(lang), func(t *testing.T) {
				response := mustRender(t, pages, "/x?lang="+string(lang), sample())
				body := mustBody(t, response)
				if found := inline.FindString(body); found != "" {
					t.Errorf("inline %q is forbidden by the page's policy", found)
				}
				if strings.Count(body, "<h1") != 1 {
					t.Errorf("want one h1, have %d", strings.Count(body, "<h1"))
				}
				if !strings.Contains(body, `<html lang="`+string(lang)+`">`) {
					t.Error("the page does not name its language")
				}
				if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "{0") &&
					!strings.Contains(body, "data-say") {
					t.Error("a value did not fit its place")
				}
				policy := response.Header.Get("Content-Security-Policy")
				if !strings.Contains(policy, "default-src 'none'") ||
					strings.Contains(policy, "unsafe") {
					t.Errorf("policy %q", policy)
				}
			})
		}
	}
}

// TestRenderEscapes puts markup where a name is expected.
func TestRenderEscapes(t *testing.T) {
	const attack = `<img src=x onerror=alert(1)>`
	v := sampleCheckout(web.CheckoutPaid).(*web.Checkout)
	v.Shop = web.Party{Name: attack, Lang: `"><b>`, Latin: attack}
	v.Offer, v.CheckedBy, v.ShopURL = attack, attack, attack
	body := mustBody(t, mustRender(t, mustPages(t), "/x", v))
	if strings.Contains(body, "<img") || strings.Contains(body, "<b>\"") {
		t.Error("markup in a name reached the page")
	}
}

// TestRenderAnswersPoll keeps what a browser shows while the version stands.
func TestRenderAnswersPoll(t *testing.T) {
	pages, v := mustPages(t), sampleCheckout(web.CheckoutWaiting)
	if r := mustRender(t, pages, "/x?seen=waiting", v); r.StatusCode != http.StatusNoContent {
		t.Errorf("same version: %d", r.StatusCode)
	}
	if r := mustRender(t, pages, "/x?seen=other", v); r.StatusCode != http.StatusOK {
		t.Errorf("another version: %d", r.StatusCode)
	}
	body := mustBody(t, mustRender(t, pages, "/x?seen=old&lang=ko&before=9", v))
	if !strings.Contains(body, `hx-get="/x?before=9&amp;seen=waiting"`) {
		t.Error("the poll does not name the version that is shown")
	}
	if !strings.Contains(body, `href="/x?before=9&amp;lang=en"`) {
		t.Error("the switch does not lead to the same page in the other language")
	}
}

// TestRenderWritesNothingOnError asks for a status that no table knows.
func TestRenderWritesNothingOnError(t *testing.T) {
	v := samplePaymentFresh().(*web.WalletPayment)
	v.Status = "splendid"
	w := httptest.NewRecorder()
	err := mustPages(t).Render(w, httptest.NewRequest(http.MethodGet, "/x", nil), 200, v)
	if err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("error %v, %d bytes, headers %v", err, w.Body.Len(), w.Header())
	}
}

// TestStatic serves embedded files and nothing else.
func TestStatic(t *testing.T) {
	pages := mustPages(t)
	body := mustBody(t, mustRender(t, pages, "/x", sampleSignIn("")))
	sheet := regexp.MustCompile(`/static/seyfert\.css\?v=[0-9a-f]{12}`).FindString(body)
	cases := []struct {
		url    string
		status int
		cache  string
	}{
		{sheet, 200, "public, max-age=31536000, immutable"},
		{"/static/seyfert.css", 200, "no-cache"},
		{"/static/copy.js", 200, "no-cache"},
		{"/static/vendor/htmx.min.js?v=old", 200, "no-cache"},
		{"/static/", 404, ""},
		{"/static/vendor/", 404, ""},
		{"/static/../web.go", 404, ""},
		{"/static/..%2ftemplates/layout.html", 404, ""},
	}
	for _, c := range cases {
		w := httptest.NewRecorder()
		pages.Static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.url, nil))
		if w.Code != c.status || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d, %q", c.url, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	request := httptest.NewRequest(http.MethodGet, sheet, nil)
	first := httptest.NewRecorder()
	pages.Static().ServeHTTP(first, request)
	request.Header.Set("If-None-Match", first.Header().Get("ETag"))
	again := httptest.NewRecorder()
	pages.Static().ServeHTTP(again, request)
	if again.Code != http.StatusNotModified {
		t.Errorf("the same file again: %d", again.Code)
	}
}

// TestWorldTells tells a payment that is under way from one that is done, and long waits in
// seconds and minutes.
func TestWorldTells(t *testing.T) {
	pages := mustPages(t)
	v := samples(t)["world"]().(*web.World)
	body := mustBody(t, mustRender(t, pages, "/?lang=en", v))
	for _, want := range []string{
		"Payment in flight", "Sending", "+4\u00a0ms", "+5.6\u00a0s", "+3\u00a0min",
		`href="/blocks/811"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the world does not show %q", want)
		}
	}
	v.Moving.Status, v.Sandbox = web.Paid, "/first"
	body = mustBody(t, mustRender(t, pages, "/?lang=en", v))
	if !strings.Contains(body, "Last payment") || !strings.Contains(body, `href="/first"`) {
		t.Error("a paid payment is still in flight, or no way leads to the sandbox")
	}
}
