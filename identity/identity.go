// Package identity is what the parties of a payment may know of a person: credentials that she
// shows in part (SD-JWT, RFC 9901), lists that say which of them are revoked, ids that no two
// companies can compare, what a company may ask for, and the codes with which a courier matches
// a parcel and hands it over.
//
// It only decides and fixes bytes. It reads no clock, draws no chance, keeps no private key and
// touches no storage: time, random bytes and signatures are handed in, and a text to be signed
// is handed out as a Draft. Section numbers in comments are those of RFC 9901 unless another
// document is named.
package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"seyfert/fault"
	"seyfert/wire"
)

// Limits of one credential, held when it is made and when it is read.
const (
	// CredentialBytesMax bounds its text with all disclosures and the key binding.
	CredentialBytesMax = 64 << 10
	// DisclosuresMax bounds its disclosures.
	DisclosuresMax = 128
	// DigestsMax bounds the digests in it, those of decoys and of what stays hidden included.
	DigestsMax = 512
	// DepthMax bounds how deep its objects and arrays nest, disclosures put in their places.
	DepthMax = 12
	// LifeMax bounds the seconds from the issue of one of our credentials to its end.
	LifeMax = 400 * 24 * 3600
)

// day is what the times of a batch's copies are rounded to, in seconds.
const day = 24 * 3600

// mac is HMAC-SHA256 over H(tag, parts) of wire: lists of parts never share a text, and a value
// made for one use is never one of another.
func mac(key *[32]byte, tag string, parts ...[]byte) [32]byte {
	text := wire.Hash("identity/"+tag, parts...)
	h := hmac.New(sha256.New, key[:])
	h.Write(text[:])
	return [32]byte(h.Sum(nil))
}

func unreadable(format string, args ...any) error {
	return fault.New(fault.Invalid, "credential", format, args...)
}

func refused(format string, args ...any) error {
	return fault.New(fault.Refused, "credential", format, args...)
}

// encode64 is base64url without padding (RFC 7515 section 2).
func encode64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decode64 accepts exactly what encode64 writes: no padding, no line breaks, no idle bits.
func decode64(text string) ([]byte, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || encode64(data) != text {
		return nil, errors.New("not base64url")
	}
	return data, nil
}
