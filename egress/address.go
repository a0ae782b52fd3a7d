package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// notPublic4 lists the IPv4 blocks that no outside service lives in: the IANA IPv4
// Special-Purpose Address Registry (RFC 6890 and later), multicast (RFC 5771), the reserved
// class E (RFC 1112), and one public number that a large cloud routes to its own host agent.
var notPublic4 = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network, RFC 791
	netip.MustParsePrefix("10.0.0.0/8"),       // private, RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback, RFC 1122
	netip.MustParsePrefix("168.63.129.16/32"), // Azure platform agent
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local, RFC 3927; cloud metadata
	netip.MustParsePrefix("172.16.0.0/12"),    // private, RFC 1918
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments, RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation, RFC 5737
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relay, RFC 7526
	netip.MustParsePrefix("192.168.0.0/16"),   // private, RFC 1918
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarking, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation, RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation, RFC 5737
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast, RFC 5771
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved and broadcast, RFC 1112
}

// global6 is the only block from which IPv6 unicast addresses are given out (RFC 4291 section
// 2.4). All that can smuggle an IPv4 address or a local one lies outside it (mapped, NAT64,
// unique-local, link-local, multicast) or is listed in notPublic6.
var global6 = netip.MustParsePrefix("2000::/3")

// notPublic6 lists the blocks inside global6 that are not the outside world.
var notPublic6 = [...]netip.Prefix{
	netip.MustParsePrefix("2001::/23"),     // Teredo, ORCHID, benchmarking, RFC 2928
	netip.MustParsePrefix("2001:db8::/32"), // documentation, RFC 3849
	netip.MustParsePrefix("2002::/16"),     // 6to4, which embeds any IPv4 address, RFC 3056
	netip.MustParsePrefix("3fff::/20"),     // documentation, RFC 9637
}

// Public says whether an address belongs to the outside world: global unicast, with no zone,
// not mapped from IPv4, in none of the special-purpose blocks of RFC 6890.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
		return false
	}
	if a.Is4() {
		for _, block := range notPublic4 {
			if block.Contains(a) {
				return false
			}
		}
		return true
	}
	for _, block := range notPublic6 {
		if block.Contains(a) {
			return false
		}
	}
	return global6.Contains(a)
}

// CheckURL says whether a Client with this loopback setting may ask for a URL: absolute https
// (or http to a loopback host), no user name, no fragment, an ASCII host, at most URLMax
// bytes. It asks no DNS, so a URL that passes can still end in ErrAddress. The error is
// ErrURL; callers use it to refuse a bad webhook or peer address when it is given.
func CheckURL(target string, loopback bool) error {
	_, err := checkURL(target, loopback)
	return err
}

// checkURL is CheckURL that also returns the parsed URL.
func checkURL(target string, loopback bool) (*url.URL, error) {
	if len(target) > URLMax {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrURL, URLMax)
	}
	u, err := url.Parse(target)
	if err != nil {
		// The parser's own error repeats the text, which may hold a secret.
		return nil, fmt.Errorf("%w: malformed", ErrURL)
	}
	host := u.Hostname()
	switch {
	case host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: no host", ErrURL)
	case u.User != nil:
		return nil, fmt.Errorf("%w: user name in it", ErrURL)
	case u.Fragment != "" || strings.HasSuffix(target, "#"):
		return nil, fmt.Errorf("%w: fragment in it", ErrURL)
	case !hostBytes(host):
		return nil, fmt.Errorf("%w: host not plain ASCII", ErrURL)
	case !portFits(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return nil, fmt.Errorf("%w: port out of range", ErrURL)
	}
	local := isLoopbackHost(host)
	switch {
	case local && !loopback:
		return nil, fmt.Errorf("%w: loopback host", ErrURL)
	case u.Scheme == "https":
	case u.Scheme == "http" && local:
	default:
		return nil, fmt.Errorf("%w: not https", ErrURL)
	}
	return u, nil
}

// hostBytes says whether a host is written in letters, digits and the marks of names and
// address literals only, so that what was checked is what will be resolved.
func hostBytes(host string) bool {
	for i := range len(host) {
		c := host[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && !('0' <= c && c <= '9') && c != '.' && c != '-' && c != '_' && c != ':' {
			return false
		}
	}
	return true
}

// portFits says whether a port is absent or a number from 1 to 65535.
func portFits(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// isLoopbackHost says whether a host is a loopback literal, localhost or a name under it.
func isLoopbackHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback() && !a.Is4In6()
	}
	return isLocalName(host)
}

// isLocalName says whether a host is localhost or a name under it (RFC 6761 section 6.3).
func isLocalName(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// dialer connects to addresses that the policy allows.
type dialer struct {
	loopback bool
	resolver *net.Resolver
}

// dial connects to "host:port". The check sits on the socket, after resolution and before the
// first packet, so a name that answers differently the second time gains nothing.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: no port", ErrURL)
	}
	local := d.loopback && isLoopbackHost(host)
	if local && isLocalName(host) {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	inner := net.Dialer{
		Timeout:   dialTimeout,
		KeepAlive: keepAlive,
		Resolver:  d.resolver,
		Control: func(_, real string, _ syscall.RawConn) error {
			return checkSocket(real, local)
		},
	}
	return inner.DialContext(ctx, network, address)
}

// checkSocket judges the address that a socket is about to connect to. A host that is local
// by its name may reach loopback and nothing else; every other host, public addresses only.
func checkSocket(address string, local bool) error {
	real, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: unreadable", ErrAddress)
	}
	if local && real.Addr().IsLoopback() {
		return nil
	}
	if !local && Public(real.Addr()) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAddress, real.Addr())
}
