package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
)

// The typ of each kind of signed text (RFC 7515 section 4.1.9), so that a signature made for
// one can never be shown as another.
const (
	TypMessage    = "snp+jws"
	TypOffer      = "offer+jws"
	TypDescriptor = "seyfert-node+jws"
)

const (
	// CompactBytesMax bounds one compact JWS.
	CompactBytesMax = 256 << 10
	// typBytesMax bounds a typ.
	typBytesMax = 64
	// The header's text between its two variable values.
	headerStart  = `{"alg":"EdDSA","kid":"`
	headerMiddle = `","typ":"`
	headerEnd    = `"}`
	// keyIDLength is the length of a thumbprint in base64url.
	keyIDLength = 43
)

// JWS is a signed JCS text in the compact serialisation (RFC 7515, EdDSA by RFC 8037) whose
// header is exactly {"alg":"EdDSA","kid":thumbprint,"typ":typ}. One made by ParseJWS is
// canonical but not verified: its signature means nothing before Verify.
type JWS struct {
	// Typ says what the payload is: TypMessage, TypOffer, TypDescriptor or another room's.
	Typ string
	// KeyID is the thumbprint of the signer's Ed25519 key.
	KeyID string
	// Payload is the signed JCS text.
	Payload []byte
	// Signature is the 64-byte Ed25519 signature over JWSInput.
	Signature []byte
}

// JWSInput is the text that a JWS's signature is over: base64url of the header, a dot, and
// base64url of the payload. A typ or key id that no header may carry is a programmer error
// and panics.
func JWSInput(typ, keyID string, payload []byte) []byte {
	if err := checkHeader(typ, keyID); err != nil {
		panic(err)
	}
	header := headerStart + keyID + headerMiddle + typ + headerEnd
	return []byte(encode64([]byte(header)) + "." + encode64(payload))
}

// Input is the text that j's signature is over.
func (j JWS) Input() []byte { return JWSInput(j.Typ, j.KeyID, j.Payload) }

// Compact is j as one line of text.
func (j JWS) Compact() string { return string(j.Input()) + "." + encode64(j.Signature) }

// ParseJWS reads a compact JWS. Exactly the texts that Compact writes for a JCS payload and a
// 64-byte signature are accepted.
func ParseJWS(s string) (JWS, error) {
	if len(s) > CompactBytesMax {
		return JWS{}, fmt.Errorf("jws: %d bytes, more than %d", len(s), CompactBytesMax)
	}
	parts := strings.SplitN(s, ".", 4)
	if len(parts) != 3 {
		return JWS{}, errors.New("jws: want three parts")
	}
	var raw [3][]byte
	for i, part := range parts {
		data, err := decode64(part)
		if err != nil {
			return JWS{}, fmt.Errorf("jws: part %d: %w", i+1, err)
		}
		raw[i] = data
	}
	typ, keyID, err := parseHeader(string(raw[0]))
	if err != nil {
		return JWS{}, err
	}
	if !IsJCS(raw[1]) {
		return JWS{}, fmt.Errorf("jws: payload: %w", ErrNotCanonical)
	}
	if len(raw[2]) != ed25519.SignatureSize {
		return JWS{}, errors.New("jws: signature is not 64 bytes")
	}
	return JWS{Typ: typ, KeyID: keyID, Payload: raw[1], Signature: raw[2]}, nil
}

// Verify checks that pub is the key that j names and that its signature is good.
func (j JWS) Verify(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize || Thumbprint(pub) != j.KeyID {
		return errors.New("jws: signed with another key")
	}
	if err := checkHeader(j.Typ, j.KeyID); err != nil {
		return err
	}
	if !ed25519.Verify(pub, j.Input(), j.Signature) {
		return errors.New("jws: signature is wrong")
	}
	return nil
}

// parseHeader reads the only form that a header has.
func parseHeader(header string) (typ, keyID string, err error) {
	rest, opened := strings.CutPrefix(header, headerStart)
	rest, closed := strings.CutSuffix(rest, headerEnd)
	keyID, typ, ok := strings.Cut(rest, headerMiddle)
	if !opened || !closed || !ok {
		return "", "", errors.New("jws: header is not alg EdDSA, kid and typ")
	}
	return typ, keyID, checkHeader(typ, keyID)
}

// checkHeader accepts what can stand in the header without an escape.
func checkHeader(typ, keyID string) error {
	if len(typ) == 0 || len(typ) > typBytesMax {
		return errors.New("jws: typ is empty or too long")
	}
	for _, c := range []byte(typ) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && c != '+' && c != '-' && c != '.' {
			return errors.New("jws: typ has a character that it may not have")
		}
	}
	raw, err := decode64(keyID)
	if err != nil || len(keyID) != keyIDLength || len(raw) != 32 {
		return errors.New("jws: key id is not a thumbprint")
	}
	return nil
}
