package payment

import (
	"strings"

	"seyfert/fault"
)

// hostBytesMax and labelBytesMax are the longest DNS name and label (RFC 1035 section 2.3.4).
const (
	hostBytesMax  = 253
	labelBytesMax = 63
)

// Origin returns the ASCII origin (RFC 6454 section 6.2) of an absolute http or https address:
// the scheme, the host in lower case, and the port unless it is the scheme's own.
//
// The core decides by it, so every replica and every later program must read an address alike.
// The parser is therefore our own and takes less than the standard library's: scheme in lower
// case, host a DNS name, an IPv4 or a bracketed IPv6 address, port 1 to 65535, no user, no
// fragment, and behind them printable ASCII. Everything else is fault.Invalid.
func Origin(address string) (string, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || (scheme != "https" && scheme != "http") {
		return "", fault.New(fault.Invalid, "url", "The address is not an http or https URL.")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, port, ok := cutPort(rest[:end])
	if !ok || !isHost(host) || !isPort(port) {
		return "", fault.New(fault.Invalid, "url", "The address has no plain host and port.")
	}
	if !isPath(rest[end:]) {
		return "", fault.New(fault.Invalid, "url", "The address is not plain ASCII.")
	}
	origin := scheme + "://" + strings.ToLower(host)
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return origin, nil
	}
	return origin + ":" + port, nil
}

// cutPort parts an authority into host and port; ok is false for a colon without a port. The
// colons inside brackets belong to the host.
func cutPort(authority string) (host, port string, ok bool) {
	at := strings.LastIndexByte(authority, ':')
	if at < 0 || strings.HasSuffix(authority, "]") {
		return authority, "", true
	}
	return authority[:at], authority[at+1:], at+1 < len(authority)
}

// isPort says whether a text is empty or a port from 1 to 65535 without leading zeros.
func isPort(text string) bool {
	return text == "" || text != "0" && isDecimal(text, 65535)
}

// isDecimal says whether a text is a whole number up to most in its one decimal form.
func isDecimal(text string, most int) bool {
	if text == "" || len(text) > 5 || len(text) > 1 && text[0] == '0' {
		return false
	}
	number := 0
	for _, c := range []byte(text) {
		if !isDigit(c) {
			return false
		}
		number = number*10 + int(c-'0')
	}
	return number <= most
}

// isHost says whether a text is a host name (RFC 1123 section 2.1), an IPv4 address or an IPv6
// address in brackets. What ends in a label that begins with a digit must be an IPv4 address:
// browsers read such hosts as numbers.
func isHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && isIPv6(inner)
	}
	if host == "" || len(host) > hostBytesMax {
		return false
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return false
		}
	}
	return !isDigit(labels[len(labels)-1][0]) || isIPv4(labels)
}

func isLabel(label string) bool {
	if label == "" || len(label) > labelBytesMax ||
		label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

func isIPv4(parts []string) bool {
	for _, part := range parts {
		if !isDecimal(part, 255) {
			return false
		}
	}
	return len(parts) == 4
}

// isIPv6 takes groups of 1 to 4 hexadecimal digits: eight, or up to seven around one "::" (RFC
// 4291 section 2.2). Zones and an IPv4 address at the end are no part of an origin of ours.
func isIPv6(text string) bool {
	before, after, short := strings.Cut(text, "::")
	if !short {
		return groups(text) == 8
	}
	have := 0
	for _, part := range []string{before, after} {
		if part == "" {
			continue
		}
		count := groups(part)
		if count == 0 {
			return false
		}
		have += count
	}
	return have <= 7
}

// groups counts the groups of an IPv6 address; zero says that one of them is none.
func groups(text string) int {
	parts := strings.Split(text, ":")
	for _, part := range parts {
		if part == "" || len(part) > 4 {
			return 0
		}
		for _, c := range []byte(part) {
			if !isHex(c) {
				return 0
			}
		}
	}
	return len(parts)
}

// isPath says whether what follows the authority is printable ASCII whose percent signs begin
// an escape. A backslash is refused because browsers read it as a slash.
func isPath(text string) bool {
	for i, c := range []byte(text) {
		switch {
		case c <= ' ' || c > '~' || c == '#' || c == '\\':
			return false
		case c == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2])):
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
