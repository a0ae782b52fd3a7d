package payment_test

import (
	"net/url"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/payment"
)

func TestOrigin(t *testing.T) {
	label := strings.Repeat("a", 63)
	name := strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".")
	tests := []struct{ address, want string }{
		{"https://shop.example", "https://shop.example"},
		{"https://shop.example/", "https://shop.example"},
		{"https://shop.example?order=7", "https://shop.example"},
		{"https://shop.example/back?order=7&x=%20~/?:@", "https://shop.example"},
		{"https://SHOP.Example:8443/x", "https://shop.example:8443"},
		{"http://shop.localhost:7409/x", "http://shop.localhost:7409"},
		{"https://shop.example:443/", "https://shop.example"},
		{"http://shop.example:80", "http://shop.example"},
		{"http://shop.example:443", "http://shop.example:443"},
		{"https://shop.example:1", "https://shop.example:1"},
		{"https://shop.example:65535", "https://shop.example:65535"},
		{"https://localhost", "https://localhost"},
		{"https://xn--3e0b707e.example", "https://xn--3e0b707e.example"},
		{"https://3m.example", "https://3m.example"},
		{"https://" + name, "https://" + name},
		{"http://127.0.0.1:7401/x", "http://127.0.0.1:7401"},
		{"http://255.255.255.255", "http://255.255.255.255"},
		{"http://[::1]:7401/x", "http://[::1]:7401"},
		{"http://[::]", "http://[::]"},
		{"http://[2001:DB8::1]", "http://[2001:db8::1]"},
		{"http://[2001:db8:1:2:3:4:5:6]", "http://[2001:db8:1:2:3:4:5:6]"},
		{"http://[1::]", "http://[1::]"},
		{"http://[1:2:3:4:5:6:7::]", "http://[1:2:3:4:5:6:7::]"},
	}
	for _, test := range tests {
		got, err := payment.Origin(test.address)
		if err != nil || got != test.want {
			t.Errorf("Origin(%q) = %q, %v, want %q", test.address, got, err, test.want)
		}
	}
}

func TestOriginRefuses(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, address := range []string{
		"", "https", "https:", "https:/", "https://", "https:///x", "https://?x", "//shop.example",
		"shop.example", "/back", "javascript:alert(1)", "ftp://shop.example", "HTTPS://shop.example",
		" https://shop.example", "https://shop.example ", "https://shop.example/a b",
		"https://shop.example/\n", "https://shop.example/\x7f", "https://shop.example/가게",
		"https://가게.example", "https://shop.example/#x", "https://shop.example#",
		"https://shop.example\\@evil.example", "https://shop.example/\\x",
		"https://a@shop.example", "https://a:b@shop.example", "https://@shop.example",
		"https://shop.example:", "https://shop.example:/", "https://shop.example:0",
		"https://shop.example:080", "https://shop.example:65536", "https://shop.example:99999",
		"https://shop.example:4 4", "https://shop.example:+44", "https://shop.example:x",
		// Several colons: what net/url says of these hangs on GODEBUG urlstrictcolons.
		"https://shop.example:1:2", "https://shop:example:443", "https://::1", "https://1:2:3",
		"https://shop.example.", "https://.shop.example", "https://shop..example",
		"https://-shop.example", "https://shop-.example", "https://shop_1.example",
		"https://sh%6fp.example", "https://shop.example,evil.example", "https://*.example",
		"https://" + label + "a.example",
		"https://" + strings.Repeat("a.", 126) + "bc",
		"https://127.0.0.1.", "https://127.0.0", "https://127.0.0.256", "https://127.0.0.01",
		"https://1.2.3.4.5", "https://0x7f.0x0", "https://2130706433", "https://shop.1example",
		"https://[]", "https://[", "https://[::1", "https://::1]", "https://[::1]x",
		"https://x[::1]", "https://[[::1]]", "https://[::1]:", "https://[:::1]", "https://[1::2::3]",
		"https://[1:2:3:4:5:6:7]", "https://[1:2:3:4:5:6:7:8:9]", "https://[1:2:3:4:5:6:7::8]",
		"https://[12345::]", "https://[g::]", "https://[:1]", "https://[1:]", "https://[fe80::1%25e]",
		"https://[::ffff:1.2.3.4]", "https://[shop.example]", "https://[v1.a]",
		"https://shop.example/%", "https://shop.example/%2", "https://shop.example/?x=%zz",
	} {
		got, err := payment.Origin(address)
		if f, ok := fault.Of(err); !ok || f.Code != fault.Invalid || got != "" {
			t.Errorf("Origin(%q) = %q, %v, want it refused", address, got, err)
		}
	}
}

// TestOfferOriginsAreCanonical: an origin of an offer stands there as Origin writes it, so that
// two texts name one origin nowhere.
func TestOfferOriginsAreCanonical(t *testing.T) {
	for _, origin := range []string{
		"https://SHOP.example", "https://shop.example/", "https://shop.example:443",
		"https://shop.example/x", "https://shop.example?",
	} {
		o := validOffer()
		o.Origins = append(o.Origins, origin)
		if f, ok := fault.Of(o.Validate()); !ok || f.Field != "offer.origins" {
			t.Errorf("origin %q: %v, want a fault of offer.origins", origin, f)
		}
	}
}

// FuzzOrigin: what passes is one canonical origin, and the standard library sees the same host.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"https://shop.example/back?order=7", "http://[2001:db8::1]:7401/x", "http://127.0.0.1:1",
		"https://SHOP.example:443", "https://a@b.example", "https://a:1:2", "https://a.example/%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		origin, err := payment.Origin(address)
		if err != nil {
			if _, ok := fault.Of(err); !ok || origin != "" {
				t.Fatalf("%q: %q, %v", address, origin, err)
			}
			return
		}
		if again, err := payment.Origin(origin); err != nil || again != origin {
			t.Fatalf("%q: origin %q has origin %q, %v", address, origin, again, err)
		}
		u, err := url.Parse(address)
		if err != nil || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q passed, but net/url says %v, %v", address, u, err)
		}
		port := u.Port()
		if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
			port = ""
		}
		host := strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port()))
		if port != "" {
			host += ":" + port
		}
		if want := u.Scheme + "://" + host; want != origin {
			t.Fatalf("%q: origin %q, net/url's is %q", address, origin, want)
		}
	})
}
