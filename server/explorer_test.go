package server_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestExplorer serves the page that shows the API, under a policy that lets no script in but our
// files, and its script compressed. A node that is no test bed fills in no key.
func TestExplorer(t *testing.T) {
	w := newWorld(t)
	page := newBrowser(t).get(w.seoul.origin + "/docs")
	page.shows(t, 200, "API of seoul", `data-document="/openapi.json"`, `data-key=""`)
	policy := page.header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self';", "connect-src 'self';", "base-uri 'none'",
		"frame-ancestors 'none'", "form-action 'none'",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q is without %q", policy, want)
		}
	}
	if strings.Contains(policy, "http") || strings.Contains(policy, "*") {
		t.Errorf("policy %q lets something in from elsewhere", policy)
	}
	if strings.Contains(page.body, "Test key") || strings.Contains(page.body, "<style") {
		t.Errorf("the page is %s", page.body)
	}
	script := regexp.MustCompile(`/docs/scalar\.js\?v=[0-9a-f]{12}`).FindString(page.body)
	asKept := w.script(t, script, "br, gzip")
	if asKept.Header.Get("Content-Encoding") != "gzip" ||
		!strings.Contains(asKept.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("the script comes with %v", asKept.Header)
	}
	opened, err := gzip.NewReader(asKept.Body)
	must(t, err)
	compressed, err := io.ReadAll(opened)
	must(t, err)
	for _, none := range []string{"", "br", "gzip;q=0"} {
		answer := w.script(t, script, none)
		plain, err := io.ReadAll(answer.Body)
		must(t, err)
		if answer.Header.Get("Content-Encoding") != "" || string(plain) != string(compressed) {
			t.Errorf("for %q the script is another", none)
		}
	}
	again := w.script(t, "/docs/scalar.js", "gzip", asKept.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || again.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the same script again: %d, %v", again.StatusCode, again.Header)
	}
}

// script asks for Scalar's script with an Accept-Encoding and perhaps an If-None-Match.
func (w *world) script(t *testing.T, path, encoding string, match ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.seoul.origin+path, nil)
	must(t, err)
	r.Header.Set("Accept-Encoding", encoding)
	for _, tag := range match {
		r.Header.Set("If-None-Match", tag)
	}
	answer, err := newBrowser(t).client.Do(r)
	must(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}
