package web

import (
	"net/url"
	"strings"
	"testing"

	"seyfert/egress"
)

// These tests are inside the package: they try what visitors may send as addresses on the
// functions that read them, which nothing exports.

// TestNodeOrigin reads a wallet's node as people type it.
func TestNodeOrigin(t *testing.T) {
	for _, c := range []struct {
		text, want string
		demo       bool
	}{
		{"seoul.example", "https://seoul.example", false},
		{" Seoul.Example/ ", "https://seoul.example", false},
		{"https://seoul.example:8443", "https://seoul.example:8443", false},
		{"seoul.localhost:7401", "http://seoul.localhost:7401", true},
		{"http://seoul.localhost:7401", "http://seoul.localhost:7401", true},
		{"seoul.example", "https://seoul.example", true},
		{"seoul.localhost:7401", "", false},
		{"http://seoul.example", "", true},
		{"", "", true},
		{"se oul", "", true},
		{"seoul.example/wallet", "", true},
		{"seoul.example?x", "", true},
		{"seoul.example#x", "", true},
		{"me@seoul.example", "", true},
		{"javascript://seoul.example", "", true},
		{"https://seoul.example;script-src", "", true},
		{strings.Repeat("a", addressMax+1), "", true},
	} {
		got, err := nodeOrigin(c.text, c.demo)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%q: %v, %v; want %q", c.text, got, err, c.want)
		}
	}
}

// TestOfferAddress lets a wallet fetch offers and nothing else.
func TestOfferAddress(t *testing.T) {
	for text, want := range map[string]string{
		"https://tokyo.example/v1/offers/off_1":            "off_1",
		"https://tokyo.example:8443/v1/offers/off_1":       "off_1",
		"https://tokyo.example/v1/offers/":                 "",
		"https://tokyo.example/v1/offers/off_1/x":          "",
		"https://tokyo.example/v1/offers/off_1%2Fx":        "",
		"https://tokyo.example/v1/offers/off_1?x":          "",
		"https://tokyo.example/v1/offers/off_1#x":          "",
		"https://tokyo.example/x/../v1/offers/off_1":       "",
		"http://tokyo.example/v1/offers/off_1":             "",
		"http://localhost/v1/offers/off_1":                 "",
		"https://user@tokyo.example/v1/offers/off_1":       "",
		"https://x/v1/offers/" + strings.Repeat("o", 3000): "",
	} {
		got, err := offerAddress(text, false)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzAddresses holds what is read from any text to what it will be used for.
func FuzzAddresses(f *testing.F) {
	for _, text := range []string{
		"seoul.localhost:7401", "https://tokyo.example/v1/offers/off_1", "/wallet?page=2",
		"//x/wallet", "/wallet/orders/ord_1#x", "\x00", `{"offer":"a.b.c"}`, "/wallet/%2e%2e/x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if origin, err := nodeOrigin(text, true); err == nil {
			address := origin.String() + approvePath
			if egress.CheckURL(address, true) != nil || origin.User != nil {
				t.Errorf("node %q becomes %q", text, address)
			}
		}
		if id, err := offerAddress(text, true); err == nil && !strings.HasSuffix(text, "/"+id) {
			t.Errorf("offer %q has the id %q", text, id)
		}
		to := returnPath(text)
		u, err := url.Parse(to)
		if err != nil || u.Host != "" || u.Scheme != "" || strings.ContainsAny(to, "\\\r\n") ||
			to != walletPath && !strings.HasPrefix(to, walletPath+"/") &&
				!strings.HasPrefix(to, walletPath+"?") {
			t.Errorf("%q leads to %q", text, to)
		}
		if jws, err := offerJWS([]byte(text)); err == nil && jws == "" {
			t.Errorf("%q holds an empty offer", text)
		}
	})
}
