package auth_test

import (
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"seyfert/auth"
)

// clientKey is the key of a request over a connection, with these X-Forwarded-For headers.
func clientKey(remote string, trusted []netip.Prefix, forwarded ...string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	r.Header["X-Forwarded-For"] = forwarded
	return auth.ClientKey(r, trusted)
}

func TestClientKeyWithoutProxies(t *testing.T) {
	tests := map[string]string{
		"1.2.3.4:5":                     "address:1.2.3.4/32",
		"[::ffff:1.2.3.4]:5":            "address:1.2.3.4/32",
		"[2606:4700:1:2:3:4:5:6]:7":     "address:2606:4700:1:2::/64",
		"[2606:4700:1:2:ffff::]:8":      "address:2606:4700:1:2::/64",
		"[fe80::1%eth0]:9":              "address:fe80::/64",
		"":                              "address:unknown",
		"1.2.3.4":                       "address:unknown",
		"@":                             "address:unknown",
		"localhost:80":                  "address:unknown",
		strings.Repeat("1", 100) + ":1": "address:unknown",
	}
	for remote, want := range tests {
		for _, forwarded := range [][]string{nil, {"9.9.9.9"}, {"9.9.9.9, 127.0.0.1"}} {
			if got := clientKey(remote, nil, forwarded...); got != want {
				t.Errorf("%q forwarded for %q: %q, want %q", remote, forwarded, got, want)
			}
		}
	}
}

func proxies() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.1.0.0/16"),
		netip.MustParsePrefix("fd00:1::/64"),
	}
}

func TestClientKeyBehindProxies(t *testing.T) {
	const peer = "127.0.0.1:4000"
	tests := []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{peer, []string{"9.9.9.9"}, "address:9.9.9.9/32"},
		{"[::ffff:127.0.0.1]:4000", []string{"9.9.9.9"}, "address:9.9.9.9/32"},
		{"[fd00:1::7%eth0]:4000", []string{"9.9.9.9"}, "address:9.9.9.9/32"},
		{peer, []string{"9.9.9.9:1234"}, "address:9.9.9.9/32"},
		{peer, []string{"2606:4700:1:2:3::1"}, "address:2606:4700:1:2::/64"},
		{peer, []string{"[2606:4700:1:2:3::1]"}, "address:2606:4700:1:2::/64"},
		{peer, []string{"[2606:4700:1:2:3::1]:99"}, "address:2606:4700:1:2::/64"},
		{peer, []string{"::ffff:10.1.2.3, ::ffff:10.1.2.4"}, "address:10.1.2.3/32"},
		// What the client says itself stands before what our proxy saw.
		{peer, []string{"8.8.8.8, 9.9.9.9"}, "address:9.9.9.9/32"},
		{peer, []string{"8.8.8.8", "9.9.9.9"}, "address:9.9.9.9/32"},
		{peer, []string{"8.8.8.8,9.9.9.9 ,\t10.1.2.3"}, "address:9.9.9.9/32"},
		{peer, []string{"x, y, 9.9.9.9, 10.1.2.3", "10.1.2.4"}, "address:9.9.9.9/32"},
		{peer, []string{"127.0.0.1, 9.9.9.9"}, "address:9.9.9.9/32"},
		// Someone who is no proxy of ours is taken for itself, whatever it says.
		{"127.0.0.2:4000", []string{"9.9.9.9"}, "address:127.0.0.2/32"},
		{"9.9.9.9:1", []string{"8.8.8.8"}, "address:9.9.9.9/32"},
		{"[fd00:2::7]:4000", []string{"9.9.9.9"}, "address:fd00:2::/64"},
		// Nobody but ourselves.
		{peer, nil, "address:127.0.0.1/32"},
		{peer, []string{""}, "address:127.0.0.1/32"},
		{peer, []string{"10.1.2.3"}, "address:10.1.2.3/32"},
		{peer, []string{"10.1.2.3, 10.1.9.9"}, "address:10.1.2.3/32"},
		{peer, []string{"unknown"}, "address:unknown"},
		{peer, []string{"9.9.9.9,"}, "address:unknown"},
		{peer, []string{"9.9.9.9, 10.1.2.3x"}, "address:unknown"},
		{peer, []string{"[9.9.9.9"}, "address:unknown"},
		{"", []string{"9.9.9.9"}, "address:unknown"},
	}
	for _, test := range tests {
		if got := clientKey(test.remote, proxies(), test.forwarded...); got != test.want {
			t.Errorf("%q forwarded for %q: %q, want %q", test.remote, test.forwarded, got, test.want)
		}
	}
}

// TestClientKeyHopsMax: a long row of hops costs no more than HopsMax of them.
func TestClientKeyHopsMax(t *testing.T) {
	row := func(trusted int) string {
		return strings.Repeat("9.9.9.9, ", 500) + strings.Repeat("10.1.2.3, ", trusted-1) + "10.1.2.3"
	}
	if got := clientKey("127.0.0.1:1", proxies(), row(auth.HopsMax-1)); got != "address:9.9.9.9/32" {
		t.Errorf("behind %d hops: %q", auth.HopsMax-1, got)
	}
	if got := clientKey("127.0.0.1:1", proxies(), row(auth.HopsMax)); got != "address:10.1.2.3/32" {
		t.Errorf("behind %d hops: %q", auth.HopsMax, got)
	}
}

func TestCheckProxies(t *testing.T) {
	if err := auth.CheckProxies(proxies()); err != nil {
		t.Error(err)
	}
	full := slices.Repeat(proxies()[:1], auth.ProxiesMax)
	if err := auth.CheckProxies(full); err != nil {
		t.Error(err)
	}
	if auth.CheckProxies(append(full, full[0])) == nil {
		t.Error("one network more than ProxiesMax passed")
	}
	for _, text := range []string{"0.0.0.0/0", "::/0", "10.1.2.3/16", "::ffff:10.1.0.0/112"} {
		if auth.CheckProxies([]netip.Prefix{netip.MustParsePrefix(text)}) == nil {
			t.Errorf("%s passed", text)
		}
	}
	if auth.CheckProxies([]netip.Prefix{{}}) == nil {
		t.Error("no network passed")
	}
}

// FuzzClientKey: nothing that a client writes hides it from a proxy of ours.
func FuzzClientKey(f *testing.F) {
	for _, seed := range []string{"", "8.8.8.8", "10.1.2.3", "unknown, ,", "[::1]:5, x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		got := clientKey("127.0.0.1:1", proxies(), said, "9.9.9.9")
		if got != "address:9.9.9.9/32" {
			t.Fatalf("the client said %q and became %q", said, got)
		}
		if got := clientKey("127.0.0.1:1", proxies(), said); !strings.HasPrefix(got, "address:") {
			t.Fatalf("%q gives key %q", said, got)
		}
	})
}
