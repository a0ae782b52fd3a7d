package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"math/big"
	"strings"

	"seyfert/fault"
	"seyfert/wire"
)

// The typ of each kind of signed text (RFC 7515 section 4.1.9). A text made for one use is never
// taken for another.
const (
	// TypCredential is that of the credentials that we issue (SD-JWT VC draft 24 section 2.2.1).
	TypCredential = "dc+sd-jwt"
	// TypBinding is that of a key binding (section 4.3).
	TypBinding = "kb+jwt"
	// TypStatus is that of a list of statuses (Token Status List draft 21 section 5.1).
	TypStatus = "statuslist+jwt"
)

// token is a compact JWS over a JSON object. Nobody has vouched for one that parseToken made:
// it means nothing before verify.
type token struct {
	algorithm, typ string
	payload        map[string]any
	input          string
	signature      []byte
}

// parseToken reads a compact JWS of any issuer. Unlike wire.ParseJWS it takes headers and
// payloads in every JSON form, as others write them; crit and b64 are refused, since whoever
// does not know such a member must not go on (RFC 7515 section 4.1.11).
func parseToken(text string, bytesMax int) (token, error) {
	if len(text) > bytesMax {
		return token{}, fault.New(fault.TooLarge, "credential",
			"A signed text has at most %d bytes.", bytesMax)
	}
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 3 {
		return token{}, unreadable("A signed text has three parts.")
	}
	var raw [3][]byte
	for i, part := range parts {
		data, err := decode64(part)
		if err != nil {
			return token{}, unreadable("Part %d of a signed text is not base64url.", i+1)
		}
		raw[i] = data
	}
	header, err := readObject(raw[0])
	if err != nil {
		return token{}, unreadable("The header of a signed text can't be read.")
	}
	for _, name := range []string{"crit", "b64"} {
		if _, there := header[name]; there {
			return token{}, unreadable("The header of a signed text has %s.", name)
		}
	}
	t := token{input: parts[0] + "." + parts[1], signature: raw[2]}
	t.algorithm, _ = header["alg"].(string)
	t.typ, _ = header["typ"].(string)
	if t.payload, err = readObject(raw[1]); err != nil {
		return token{}, unreadable("The payload of a signed text can't be read.")
	}
	return t, nil
}

// verify checks that t is of the given typ and signed with key. The key, not the text, says
// which algorithm is right: there is no way to ask for a weaker one or for none.
func (t token) verify(typ string, key crypto.PublicKey) error {
	if typ == "" || t.typ != typ {
		return refused("The text is not of the type that is asked for.")
	}
	good := false
	switch key := key.(type) {
	case ed25519.PublicKey:
		known := t.algorithm == "EdDSA" || t.algorithm == "Ed25519" // RFC 8037, RFC 9864
		good = known && len(key) == ed25519.PublicKeySize &&
			ed25519.Verify(key, []byte(t.input), t.signature)
	case *ecdsa.PublicKey:
		good = t.algorithm == "ES256" && key.Curve == elliptic.P256() && verifyES256(t, key)
	}
	if !good {
		return refused("The signature is not one of the expected key.")
	}
	return nil
}

// verifyES256 reads a signature as RFC 7518 section 3.4 writes it: r and s in 32 bytes each.
func verifyES256(t token, key *ecdsa.PublicKey) bool {
	if len(t.signature) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(t.input))
	r, s := new(big.Int).SetBytes(t.signature[:32]), new(big.Int).SetBytes(t.signature[32:])
	return ecdsa.Verify(key, sum[:], r, s)
}

// ParseKey reads a public key in JWK form (RFC 7517): Ed25519, or P-256 of credentials that
// others issued. A private key is refused: whoever sends one has made a mistake.
func ParseKey(jwk map[string]any) (crypto.PublicKey, error) {
	if _, private := jwk["d"]; private {
		return nil, unreadable("The key is a private one.")
	}
	curve, _ := jwk["crv"].(string)
	xText, _ := jwk["x"].(string)
	x, err := decode64(xText)
	if err != nil || len(x) != 32 {
		return nil, unreadable("The key can't be read.")
	}
	switch {
	case jwk["kty"] == "OKP" && curve == wire.CurveEd25519:
		return ed25519.PublicKey(x), nil
	case jwk["kty"] == "EC" && curve == "P-256":
		yText, _ := jwk["y"].(string)
		y, err := decode64(yText)
		if err != nil || len(y) != 32 {
			return nil, unreadable("The key can't be read.")
		}
		point := append(append([]byte{4}, x...), y...)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return nil, unreadable("The key is no point of its curve.")
		}
		return key, nil
	}
	return nil, unreadable("The key is of an unknown kind.")
}

// newJWK describes a holder's key by the members that its thumbprint covers, and no more.
func newJWK(key ed25519.PublicKey) map[string]any {
	return map[string]any{"crv": wire.CurveEd25519, "kty": "OKP", "x": encode64(key)}
}

// Draft is a text that is complete but for its signature, which whoever keeps the key makes
// over Input and hands to Seal.
type Draft struct {
	typ     string
	key     ed25519.PublicKey
	payload []byte
	before  string // of the finished text
	after   string
}

// newDraft writes payload in its canonical form.
func newDraft(typ string, key ed25519.PublicKey, payload map[string]any) (Draft, error) {
	if len(key) != ed25519.PublicKeySize {
		return Draft{}, unreadable("The signing key is not one of Ed25519.")
	}
	text, err := wire.JCS(payload)
	if err != nil {
		return Draft{}, unreadable("The claims have a value that can't be signed.")
	}
	return Draft{typ: typ, key: key, payload: text}, nil
}

// Input is the text to be signed with Ed25519.
func (d Draft) Input() []byte { return wire.JWSInput(d.typ, wire.Thumbprint(d.key), d.payload) }

// Seal puts the signature in its place and returns the finished text. A signature that the
// draft's key did not make over Input is a fault of our own.
func (d Draft) Seal(signature []byte) (string, error) {
	j := wire.JWS{
		Typ: d.typ, KeyID: wire.Thumbprint(d.key), Payload: d.payload, Signature: signature,
	}
	if err := j.Verify(d.key); err != nil {
		return "", errors.New("identity: a draft sealed with a wrong signature")
	}
	return d.before + j.Compact() + d.after, nil
}
