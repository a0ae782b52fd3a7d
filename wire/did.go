package wire

import (
	"errors"
	"strconv"
	"strings"
)

// didBytesMax bounds a node's DID; a host name has at most 253 characters.
const didBytesMax = 272

// didPrefix is the only DID method of nodes.
const didPrefix = "did:web:"

// CheckDID accepts a node's name: "did:web:" and a lower-case host, with a port after "%3A" if
// there is one (did:web method, section 3.1). Paths are refused: one host is one node.
func CheckDID(did string) error {
	_, err := DIDHost(did)
	return err
}

// DIDHost is the host, or host:port, that a node's DID names.
func DIDHost(did string) (string, error) {
	name, ok := strings.CutPrefix(did, didPrefix)
	if !ok || len(did) > didBytesMax {
		return "", errors.New("did: want did:web and a host")
	}
	host, port, hasPort := strings.Cut(name, "%3A")
	if err := checkHost(host); err != nil {
		return "", err
	}
	if !hasPort {
		return host, nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || strconv.FormatUint(number, 10) != port {
		return "", errors.New("did: port out of range")
	}
	return host + ":" + port, nil
}

// DIDHash is H("did", did): how layouts on the chain name a node (B7).
func DIDHash(did string) [32]byte { return Hash("did", []byte(did)) }

// checkHost accepts lower-case host names (RFC 1123 section 2.1).
func checkHost(host string) error {
	if len(host) == 0 || len(host) > 253 {
		return errors.New("did: host is empty or too long")
	}
	for label := range strings.SplitSeq(host, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("did: host has a bad label")
		}
		for _, c := range []byte(label) {
			letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
			if !letter && c != '-' {
				return errors.New("did: host has a character that it may not have")
			}
		}
	}
	return nil
}
