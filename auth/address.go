package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

const (
	// ProxiesMax is the most networks of proxies that an operator may name.
	ProxiesMax = 64
	// HopsMax is the most entries of X-Forwarded-For that are looked at, from the last one.
	HopsMax = 16
)

// headerForwarded lists the addresses that a request came through, the nearest one last.
const headerForwarded = "X-Forwarded-For"

// unknownAddress is the key that all requests from unreadable addresses share.
const unknownAddress = "address:unknown"

// CheckProxies judges the networks of an operator's own proxies: each in its one form, and none
// so wide that anyone could say where a request came from.
func CheckProxies(trusted []netip.Prefix) error {
	if len(trusted) > ProxiesMax {
		return fmt.Errorf("at most %d networks of proxies", ProxiesMax)
	}
	for _, network := range trusted {
		switch {
		case !network.IsValid() || network.Addr().Is4In6():
			return errors.New("a network of proxies is like 10.1.0.0/16 or fd00:1::/64")
		case network != network.Masked():
			return fmt.Errorf("%s has bits beyond its length: %s is meant", network, network.Masked())
		case network.Bits() == 0:
			return fmt.Errorf("%s would trust everyone", network)
		}
	}
	return nil
}

// ClientKey is the Throttle key of whoever sent a request: the address of the connection, or,
// where that is one of the operator's own proxies, the last hop of X-Forwarded-For that is not.
// What stands before that hop is the client's own word and is not read. If every hop is
// trusted, the first of them counts.
func ClientKey(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return unknownAddress
	}
	client := plainAddress(peer.Addr())
	hops := strings.Join(r.Header.Values(headerForwarded), ",")
	for range HopsMax {
		if hops == "" || !isTrusted(client, trusted) {
			break
		}
		at := strings.LastIndexByte(hops, ',')
		hop, ok := parseHop(hops[at+1:])
		if !ok {
			return unknownAddress // a proxy of ours that writes no addresses
		}
		client, hops = hop, hops[:max(at, 0)]
	}
	return keyOf(client)
}

// parseHop reads one entry of X-Forwarded-For: an address, with a port after it or without.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(text, " \t")
	if both, err := netip.ParseAddrPort(text); err == nil {
		return plainAddress(both.Addr()), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(text)
	return plainAddress(a), err == nil
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	for _, network := range trusted {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// plainAddress takes off what does not tell one caller from another.
func plainAddress(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// keyOf is the IPv4 address, or the /64 that one IPv6 subscriber holds (RFC 6177).
func keyOf(a netip.Addr) string {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	block, err := a.Prefix(bits)
	if err != nil {
		panic(err) // 32 and 64 fit the two families.
	}
	return "address:" + block.String()
}
