package egress_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"seyfert/egress"
)

func TestPublic(t *testing.T) {
	tests := map[string]bool{
		"1.1.1.1":         true,
		"8.8.8.8":         true,
		"100.63.255.255":  true,
		"100.128.0.0":     true,
		"172.15.255.255":  true,
		"172.32.0.0":      true,
		"192.0.1.0":       true,
		"198.17.255.255":  true,
		"198.20.0.0":      true,
		"223.255.255.255": true,

		"0.0.0.0":         false,
		"0.1.2.3":         false,
		"10.0.0.1":        false,
		"100.64.0.0":      false,
		"100.127.255.255": false,
		"127.0.0.1":       false,
		"127.255.255.254": false,
		"168.63.129.16":   false,
		"169.254.169.254": false,
		"172.16.0.1":      false,
		"172.31.255.255":  false,
		"192.0.0.192":     false,
		"192.0.2.1":       false,
		"192.88.99.1":     false,
		"192.168.1.1":     false,
		"198.18.0.1":      false,
		"198.19.255.255":  false,
		"198.51.100.7":    false,
		"203.0.113.7":     false,
		"224.0.0.1":       false,
		"239.255.255.255": false,
		"240.0.0.1":       false,
		"255.255.255.255": false,

		"2606:4700:4700::1111": true,
		"2a00:1450::1":         true,
		"2001:200::1":          true,

		"::":                     false,
		"::1":                    false,
		"::ffff:1.1.1.1":         false, // mapped
		"::ffff:127.0.0.1":       false,
		"::127.0.0.1":            false, // compatible
		"64:ff9b::7f00:1":        false, // NAT64
		"64:ff9b:1::1":           false, // local NAT64
		"100::1":                 false, // discard
		"2001::1":                false, // Teredo
		"2001:20::1":             false, // ORCHID
		"2001:db8::1":            false,
		"2002:7f00:1::1":         false, // 6to4 of 127.0.0.1
		"3fff::1":                false,
		"5f00::1":                false, // segment routing
		"fc00::1":                false,
		"fd00:ec2::254":          false,
		"fe80::1":                false,
		"fe80::1%eth0":           false,
		"2606:4700:4700::1111%1": false,
		"fec0::1":                false,
		"ff02::1":                false,
	}
	for text, want := range tests {
		if got := egress.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v, want %v", text, got, want)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestCheckURL(t *testing.T) {
	const no, sandbox, always = 0, 1, 2
	tests := map[string]int{
		"https://example.com":              always,
		"https://example.com/a/b?c=d":      always,
		"https://example.com:8443/":        always,
		"HTTPS://EXAMPLE.COM/":             always,
		"https://1.1.1.1/":                 always,
		"https://[2606:4700:4700::1111]/":  always,
		"https://xn--9n2bp8q.example/":     always,
		"https://10.0.0.1/":                always, // refused when connecting
		"http://localhost/":                sandbox,
		"http://seoul.localhost:7401/x":    sandbox,
		"http://Seoul.LOCALHOST./x":        sandbox,
		"http://127.0.0.1:7401/":           sandbox,
		"http://[::1]:7401/":               sandbox,
		"https://seoul.localhost/":         sandbox,
		"":                                 no,
		"example.com":                      no,
		"/well-known":                      no,
		"//example.com/":                   no,
		"https:example.com":                no,
		"https:///path":                    no,
		"http://example.com/":              no,
		"http://127.0.0.1.example.com/":    no,
		"http://localhost.example.com/":    no,
		"http://notlocalhost/":             no,
		"http://[::ffff:127.0.0.1]/":       no,
		"ftp://localhost/":                 no,
		"file:///etc/passwd":               no,
		"gopher://localhost/":              no,
		"https://user@example.com/":        no,
		"https://user:pass@example.com/":   no,
		"https://example.com/#x":           no,
		"https://example.com/#":            no,
		"https://example.com:0/":           no,
		"https://example.com:65536/":       no,
		"https://example.com:/":            no,
		"https://exa mple.com/":            no,
		"https://example.com\\@localhost/": no,
		"http://\u24db\u24deocalhost/":     no,
		"https://예시.example/":              no,
		"https://%6c%6fcalhost%zz/":        no,
		"https://[fe80::1%25eth0]/":        no,
		"https://example.com/" + strings.Repeat("a", egress.URLMax): no,
	}
	for target, want := range tests {
		for _, loopback := range []bool{false, true} {
			err := egress.CheckURL(target, loopback)
			allowed := want == always || want == sandbox && loopback
			if allowed && err != nil {
				t.Errorf("CheckURL(%q, %v): %v", target, loopback, err)
			}
			if !allowed && !errors.Is(err, egress.ErrURL) {
				t.Errorf("CheckURL(%q, %v) = %v, want ErrURL", target, loopback, err)
			}
		}
	}
}

func TestURLMaxIsReached(t *testing.T) {
	base := "https://example.com/"
	full := base + strings.Repeat("a", egress.URLMax-len(base))
	if err := egress.CheckURL(full, false); err != nil {
		t.Errorf("URL of %d bytes: %v", len(full), err)
	}
	if err := egress.CheckURL(full+"a", false); !errors.Is(err, egress.ErrURL) {
		t.Errorf("URL of %d bytes: %v, want ErrURL", len(full)+1, err)
	}
}

// FuzzCheckURL holds that whatever passes in production is https with a host, and that the
// sandbox never widens what a name outside localhost may do.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/", "http://a.localhost:1/", "http://[::1]/", "https://u@h/",
		"https://h/#", "HTTP://LOCALHOST", "https://[::ffff:1.2.3.4]:443/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		strict := egress.CheckURL(target, false)
		if strict != nil && !errors.Is(strict, egress.ErrURL) {
			t.Fatalf("error of another kind: %v", strict)
		}
		if strict == nil && !strings.HasPrefix(strings.ToLower(target), "https://") {
			t.Fatalf("production allows %q", target)
		}
		if strict == nil && egress.CheckURL(target, true) != nil {
			t.Fatalf("the sandbox refuses %q, which production allows", target)
		}
	})
}
