package server_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/server"
)

// client is a visitor who says, or whose proxy says, where it comes from.
type client struct {
	*browser
	from string
}

// RoundTrip implements http.RoundTripper.
func (c client) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", c.from)
	return c.client.Transport.RoundTrip(r)
}

func newClient(t *testing.T, from string) *browser {
	t.Helper()
	b := newBrowser(t)
	return &browser{t: t, client: &http.Client{
		Jar: b.client.Jar, CheckRedirect: b.client.CheckRedirect, Transport: client{b, from},
	}}
}

// try signs in with a code and says with which status.
func (b *browser) try(p *place, code string) int {
	b.t.Helper()
	return b.post(p.origin+"/wallet/sign-in", url.Values{"code": {code}}).status
}

// guess sends wrong codes until it is told to wait, and says how many that took.
func (b *browser) guess(p *place, wrong string) (tries int) {
	b.t.Helper()
	for ; b.try(p, wrong) != http.StatusTooManyRequests; tries++ {
		if tries > 100 {
			b.t.Fatal("guessed without an end")
		}
	}
	return tries
}

const wrongCode = "code_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// TestSignInsBehindAProxy: wrong codes count against the client that the operator's own proxy
// names, at pages and API alike, and right ones against nobody.
func TestSignInsBehindAProxy(t *testing.T) {
	w := newWorld(t)
	p := w.start("osaka", netip.MustParsePrefix("127.0.0.0/8"))
	member := p.addMember("Kim", "1")
	guesser, other := newClient(t, "8.8.8.8, 9.9.9.1"), newClient(t, "9.9.9.2")
	for range 30 {
		if got := guesser.try(p, p.code(member.ID)); got != http.StatusSeeOther {
			t.Fatalf("a right code: %d", got)
		}
	}
	if tries := guesser.guess(p, wrongCode); tries < 10 {
		t.Errorf("only %d wrong codes are answered", tries)
	}
	if got := guesser.try(p, p.code(member.ID)); got != http.StatusTooManyRequests {
		t.Errorf("a right code behind too many wrong ones: %d", got)
	}
	moved := newClient(t, "7.7.7.7, 9.9.9.1") // it can't move by what it says itself
	if got := moved.try(p, wrongCode); got != http.StatusTooManyRequests {
		t.Errorf("the same client elsewhere: %d", got)
	}
	if got := other.try(p, p.code(member.ID)); got != http.StatusSeeOther {
		t.Errorf("another client: %d", got)
	}
	api := func(from string) (status int) {
		r, err := http.NewRequest(http.MethodPost, p.origin+"/v1/sessions",
			strings.NewReader(`{"code":"`+wrongCode+`"}`))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		return newClient(t, from).do(r).status
	}
	for tries := 0; api("9.9.9.3") != http.StatusTooManyRequests; tries++ {
		if tries > 100 {
			t.Fatal("guessed at the API without an end")
		}
	}
	if got := api("9.9.9.4"); got != http.StatusUnauthorized {
		t.Errorf("another client at the API: %d", got)
	}
}

// TestForwardedByStrangers: a node without proxies does not read where a caller says it is.
func TestForwardedByStrangers(t *testing.T) {
	w := newWorld(t)
	newClient(t, "9.9.9.1").guess(w.seoul, wrongCode)
	got := newClient(t, "9.9.9.2").try(w.seoul, wrongCode)
	if got != http.StatusTooManyRequests {
		t.Errorf("a stranger talked itself out of the throttle: %d", got)
	}
}

func TestConfigOfRates(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `{"address":20000,"caller":20000}`: true, `{"caller":1000000}`: true,
		`{"address":-1}`: false, `{"caller":1000001}`: false, `{"member":1}`: false, `7`: false,
	} {
		path := filepath.Join(t.TempDir(), "node.json")
		must(t, os.WriteFile(path, []byte(`{"did":"did:web:seoul.localhost","dir":"seoul",
			"listen":"127.0.0.1:7401","origin":"http://seoul.localhost:7401","network":"regtest",
			"chain":{"url":"http://127.0.0.1:7400"},"currencies":["KRW"],"record_thresholds":[],
			"lanes":[],"requests_per_second":`+text+`}`), 0o600))
		if _, err := server.ReadConfig(path); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigOfProxies(t *testing.T) {
	for text, want := range map[string]bool{
		`[]`: true, `["127.0.0.1/32","fd00:1::/64"]`: true, `["10.0.0.0/33"]`: false,
		`["10.0.0.1"]`: false, `["10.0.0.1/8"]`: false, `["0.0.0.0/0"]`: false, `[""]`: false,
		`["proxy"]`: false, `"127.0.0.1/32"`: false,
	} {
		path := filepath.Join(t.TempDir(), "node.json")
		must(t, os.WriteFile(path, []byte(`{"did":"did:web:seoul.localhost","dir":"seoul",
			"listen":"127.0.0.1:7401","origin":"http://seoul.localhost:7401","network":"regtest",
			"chain":{"url":"http://127.0.0.1:7400"},"currencies":["KRW"],"record_thresholds":[],
			"lanes":[],"trusted_proxies":`+text+`}`), 0o600))
		if _, err := server.ReadConfig(path); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
