package wire

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// KeysMax bounds the keys of one JWKS.
const KeysMax = 16

// The two curves of a node's keys (RFC 8037) and what each is for (RFC 7517 section 4.2).
const (
	CurveEd25519 = "Ed25519"
	CurveX25519  = "X25519"
	UseSign      = "sig"
	UseSeal      = "enc"
)

// keyType is the JWK type of both curves: octet key pair.
const keyType = "OKP"

// JWK is one public key of a node (RFC 7517, RFC 8037). Times are Unix milliseconds.
type JWK struct {
	// Type is "OKP".
	Type string `json:"kty"`
	// Curve is CurveEd25519 or CurveX25519.
	Curve string `json:"crv"`
	// X is the 32 bytes of the public key in base64url.
	X string `json:"x"`
	// KeyID is the key's RFC 7638 thumbprint.
	KeyID string `json:"kid"`
	// Use is UseSign for Ed25519 and UseSeal for X25519.
	Use string `json:"use"`
	// NotBefore and NotAfter bound when the key may be used for something new.
	NotBefore int64 `json:"notBefore"`
	// NotAfter is the first millisecond at which nothing new is made with the key.
	NotAfter int64 `json:"notAfter"`
	// EvidenceUntil is when the node may stop keeping the key for what was made with it.
	EvidenceUntil int64 `json:"evidenceUntil"`
}

// JWKS is a set of keys. The first key of each curve is the current one; those after it are
// kept so that what they signed or sealed stays checkable.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// Thumbprint is the RFC 7638 SHA-256 thumbprint of an Ed25519 key in base64url: its key id.
func Thumbprint(pub ed25519.PublicKey) string { return thumbprint(CurveEd25519, pub) }

// SealingThumbprint is the RFC 7638 SHA-256 thumbprint of an X25519 key in base64url.
func SealingThumbprint(pub *ecdh.PublicKey) string { return thumbprint(CurveX25519, pub.Bytes()) }

// thumbprint hashes the required members of an OKP key in their fixed order (RFC 8037
// section 2).
func thumbprint(curve string, key []byte) string {
	text := `{"crv":"` + curve + `","kty":"` + keyType + `","x":"` + encode64(key) + `"}`
	sum := sha256.Sum256([]byte(text))
	return encode64(sum[:])
}

// NewSigningJWK describes an Ed25519 key valid for the given times.
func NewSigningJWK(pub ed25519.PublicKey, notBefore, notAfter, evidenceUntil int64) JWK {
	return JWK{
		Type: keyType, Curve: CurveEd25519, X: encode64(pub), KeyID: Thumbprint(pub),
		Use: UseSign, NotBefore: notBefore, NotAfter: notAfter, EvidenceUntil: evidenceUntil,
	}
}

// NewSealingJWK describes an X25519 key valid for the given times.
func NewSealingJWK(pub *ecdh.PublicKey, notBefore, notAfter, evidenceUntil int64) JWK {
	return JWK{
		Type: keyType, Curve: CurveX25519, X: encode64(pub.Bytes()),
		KeyID: SealingThumbprint(pub), Use: UseSeal,
		NotBefore: notBefore, NotAfter: notAfter, EvidenceUntil: evidenceUntil,
	}
}

// Validate checks type, curve, use, key length, key id and the order of the times.
func (k JWK) Validate() error {
	raw, err := decode64(k.X)
	if err != nil || len(raw) != 32 {
		return errors.New("jwk: x is not 32 bytes of base64url")
	}
	if k.Type != keyType {
		return fmt.Errorf("jwk: type %q", k.Type)
	}
	switch {
	case k.Curve == CurveEd25519 && k.Use == UseSign:
	case k.Curve == CurveX25519 && k.Use == UseSeal:
	default:
		return fmt.Errorf("jwk: curve %q with use %q", k.Curve, k.Use)
	}
	if k.KeyID != thumbprint(k.Curve, raw) {
		return errors.New("jwk: key id is not the thumbprint")
	}
	if k.NotBefore < 0 || k.NotAfter <= k.NotBefore || k.EvidenceUntil < k.NotAfter {
		return errors.New("jwk: times out of order")
	}
	return nil
}

// Signing is the key as an Ed25519 public key; a sealing key is an error.
func (k JWK) Signing() (ed25519.PublicKey, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	if k.Curve != CurveEd25519 {
		return nil, errors.New("jwk: not a signing key")
	}
	raw, err := decode64(k.X)
	return raw, err
}

// Sealing is the key as an X25519 public key; a signing key is an error.
func (k JWK) Sealing() (*ecdh.PublicKey, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	if k.Curve != CurveX25519 {
		return nil, errors.New("jwk: not a sealing key")
	}
	raw, err := decode64(k.X)
	if err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPublicKey(raw)
}

// Validate checks each key, that no key id repeats and that there is a current key of each
// curve.
func (s JWKS) Validate() error {
	if len(s.Keys) > KeysMax {
		return fmt.Errorf("jwks: %d keys, more than %d", len(s.Keys), KeysMax)
	}
	for i, key := range s.Keys {
		if err := key.Validate(); err != nil {
			return err
		}
		for _, other := range s.Keys[:i] {
			if other.KeyID == key.KeyID {
				return errors.New("jwks: key id repeated")
			}
		}
	}
	if _, ok := s.current(CurveEd25519); !ok {
		return errors.New("jwks: no signing key")
	}
	if _, ok := s.current(CurveX25519); !ok {
		return errors.New("jwks: no sealing key")
	}
	return nil
}

// Find returns the key with the given id.
func (s JWKS) Find(keyID string) (JWK, bool) {
	for _, key := range s.Keys {
		if key.KeyID == keyID {
			return key, true
		}
	}
	return JWK{}, false
}

func (s JWKS) current(curve string) (JWK, bool) {
	for _, key := range s.Keys {
		if key.Curve == curve {
			return key, true
		}
	}
	return JWK{}, false
}

// encode64 is base64url without padding (RFC 7515 section 2).
func encode64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decode64 accepts exactly what encode64 writes: no padding, no line breaks, no idle bits.
func decode64(text string) ([]byte, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	if encode64(data) != text {
		return nil, errors.New("not canonical base64url")
	}
	return data, nil
}
