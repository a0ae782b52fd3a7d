package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// HTTPKeys finds the public key that a key id names, among those that the caller trusts.
type HTTPKeys func(keyID string) (ed25519.PublicKey, bool)

// VerifyRequest checks the signature of a request that was received whole. targetURI is rebuilt
// by the caller from its configured public origin, never from the Host header; now is in Unix
// seconds. The caller must refuse a nonce that it has seen from this key, and remember it until
// Expires + SignatureWindow.
func VerifyRequest(
	h http.Header, method, targetURI string, body []byte, now int64, key HTTPKeys,
) (SignatureParams, error) {
	if err := checkBody(h, body); err != nil {
		return SignatureParams{}, err
	}
	return VerifyRequestHead(h, method, targetURI, int64(len(body)), now, key)
}

// VerifyRequestHead checks the signature of a request whose body has not been read yet, over
// the digest and the length that are announced, so that no stranger's body need be. A body that
// is read afterwards goes to VerifyRequest, which holds it against both.
func VerifyRequestHead(
	h http.Header, method, targetURI string, length int64, now int64, key HTTPKeys,
) (SignatureParams, error) {
	lines, err := requestLines(h, method, targetURI, length)
	if err != nil {
		return SignatureParams{}, err
	}
	return verifyLines(h, lines, now, key)
}

// VerifyResponse checks the signature of a response to request; its nonce must be the
// request's, so that an old response cannot be shown as the answer.
func VerifyResponse(
	h http.Header, status int, body []byte, request SignedRequest, now int64, key HTTPKeys,
) (SignatureParams, error) {
	if err := checkBody(h, body); err != nil {
		return SignatureParams{}, err
	}
	lines, err := responseLines(h, status, request)
	if err != nil {
		return SignatureParams{}, err
	}
	p, err := verifyLines(h, lines, now, key)
	if err != nil {
		return SignatureParams{}, err
	}
	if p.Nonce != request.Nonce {
		return SignatureParams{}, errors.New("http signature: answers another request")
	}
	return p, nil
}

// checkBody compares digest and length headers with the body.
func checkBody(h http.Header, body []byte) error {
	digest, err := oneHeader(h, headerDigest)
	if err != nil {
		return err
	}
	if digest != ContentDigest(body) {
		return errors.New("http signature: content digest does not fit the body")
	}
	if lengths := h.Values(headerLength); len(lengths) > 0 {
		if len(lengths) > 1 || lengths[0] != strconv.Itoa(len(body)) {
			return errors.New("http signature: content length does not fit the body")
		}
	}
	return nil
}

func verifyLines(
	h http.Header, lines []SignedLine, now int64, key HTTPKeys,
) (SignatureParams, error) {
	params, p, err := parseInput(h, lines)
	if err != nil {
		return SignatureParams{}, err
	}
	if now < p.Created-SignatureWindow || now > p.Expires+SignatureWindow {
		return SignatureParams{}, errors.New("http signature: outside its time window")
	}
	signature, err := parseSignature(h)
	if err != nil {
		return SignatureParams{}, err
	}
	pub, ok := key(p.KeyID)
	if !ok || len(pub) != ed25519.PublicKeySize || Thumbprint(pub) != p.KeyID {
		return SignatureParams{}, errors.New("http signature: key is unknown")
	}
	if !ed25519.Verify(pub, SignatureBase(lines, params), signature) {
		return SignatureParams{}, errors.New("http signature: signature is wrong")
	}
	return p, nil
}

// parseInput reads Signature-Input: one member sig1 that covers exactly the given lines. It
// returns the member's text for the base. The header must be its own canonical form, which
// leaves no room for repeated members or parameters.
func parseInput(h http.Header, lines []SignedLine) (string, SignatureParams, error) {
	text, err := signatureHeader(h, headerInput)
	if err != nil {
		return "", SignatureParams{}, err
	}
	dictionary, err := httpsfv.UnmarshalDictionary([]string{text})
	if err != nil {
		return "", SignatureParams{}, fmt.Errorf("http signature: input: %w", err)
	}
	again, err := httpsfv.Marshal(dictionary)
	if err != nil || again != text || len(dictionary.Names()) != 1 {
		return "", SignatureParams{}, fmt.Errorf("http signature: input: %w", ErrNotCanonical)
	}
	member, ok := dictionary.Get(signatureLabel)
	list, isList := member.(httpsfv.InnerList)
	if !ok || !isList {
		return "", SignatureParams{}, errors.New("http signature: no input named sig1")
	}
	params := strings.TrimPrefix(text, signatureLabel+"=")
	if !strings.HasPrefix(params, "("+componentList(lines)+")") {
		return "", SignatureParams{}, errors.New("http signature: covers other components")
	}
	p, err := parseParams(list.Params)
	if err != nil {
		return "", SignatureParams{}, err
	}
	return params, p, nil
}

// parseParams accepts the five parameters in any order, and alg if it is ed25519.
func parseParams(params *httpsfv.Params) (SignatureParams, error) {
	var p SignatureParams
	seen := 0
	for _, name := range params.Names() {
		value, _ := params.Get(name)
		ok := true
		seen++
		switch name {
		case "created":
			p.Created, ok = value.(int64)
		case "expires":
			p.Expires, ok = value.(int64)
		case "keyid":
			p.KeyID, ok = value.(string)
		case "nonce":
			p.Nonce, ok = value.(string)
		case "tag":
			p.Tag, ok = value.(string)
		case "alg":
			seen--
			ok = value == "ed25519"
		default:
			ok = false
		}
		if !ok {
			return SignatureParams{}, fmt.Errorf("http signature: parameter %.16q", name)
		}
	}
	if seen != 5 {
		return SignatureParams{}, errors.New("http signature: a parameter is missing")
	}
	return p, p.validate()
}

// parseSignature reads Signature: one member sig1 of 64 bytes, in canonical form.
func parseSignature(h http.Header) ([]byte, error) {
	text, err := signatureHeader(h, headerSignature)
	if err != nil {
		return nil, err
	}
	encoded, ok := strings.CutPrefix(text, signatureLabel+"=:")
	encoded, closed := strings.CutSuffix(encoded, ":")
	if !ok || !closed {
		return nil, errors.New("http signature: no signature named sig1")
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(signature) != ed25519.SignatureSize ||
		base64.StdEncoding.EncodeToString(signature) != encoded {
		return nil, errors.New("http signature: signature is malformed")
	}
	return signature, nil
}

func signatureHeader(h http.Header, name string) (string, error) {
	text, err := oneHeader(h, name)
	if err != nil {
		return "", err
	}
	if len(text) > signatureHeaderMax {
		return "", fmt.Errorf("http signature: %s longer than %d", name, signatureHeaderMax)
	}
	return text, nil
}
