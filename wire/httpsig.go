package wire

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// This file and httpverify.go are the subset of HTTP message signatures (RFC 9421) that nodes
// use (A2): Ed25519, one signature labelled sig1, and fixed components. A request covers
// @method, @target-uri and content-digest, and with a body content-length and content-type; a
// response covers @status, content-digest and the request's first three. The signature
// authenticates transport only; evidence is the signed message.

// Limits and fixed values of HTTP signatures.
const (
	// TagSNP is the tag of every signature between nodes.
	TagSNP = "snp"
	// SignatureWindow is how many seconds a signature lives at most, and how far two clocks may
	// differ.
	SignatureWindow = 300
	// NonceBytesMin and NonceBytesMax bound a nonce's text.
	NonceBytesMin = 16
	// NonceBytesMax bounds a nonce's text from above.
	NonceBytesMax = 64
	// signatureHeaderMax bounds each of the two signature headers.
	signatureHeaderMax = 1024
	// signatureLabel is the only label.
	signatureLabel = "sig1"
)

// Header names.
const (
	headerDigest    = "Content-Digest"
	headerInput     = "Signature-Input"
	headerSignature = "Signature"
	headerType      = "Content-Type"
	headerLength    = "Content-Length"
)

// HTTPSigner signs a signature base with the node's Ed25519 key.
type HTTPSigner func(input []byte) ([]byte, error)

// SignatureParams are the parameters of one HTTP signature.
type SignatureParams struct {
	// Created and Expires are Unix seconds, at most SignatureWindow apart.
	Created int64
	// Expires is the last second at which the signature is meant to be used.
	Expires int64
	// KeyID is the thumbprint of the signer's Ed25519 key.
	KeyID string
	// Nonce is random base64url text. A response repeats its request's.
	Nonce string
	// Tag is TagSNP.
	Tag string
}

// SignedRequest is what of a request its response's signature covers.
type SignedRequest struct {
	// Method is the HTTP method.
	Method string
	// TargetURI is the absolute URI, built from the receiver's configured origin.
	TargetURI string
	// ContentDigest is the request's Content-Digest header.
	ContentDigest string
	// Nonce is the nonce of the request's signature.
	Nonce string
}

// NewSignedRequest describes a request whose body is at hand.
func NewSignedRequest(method, targetURI string, body []byte, nonce string) SignedRequest {
	return SignedRequest{
		Method: method, TargetURI: targetURI, ContentDigest: ContentDigest(body), Nonce: nonce,
	}
}

// ContentDigest is the Content-Digest header of a body: its sha-512 digest (RFC 9530).
func ContentDigest(body []byte) string {
	sum := sha512.Sum512(body)
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// SignedLine is one covered component: its serialised identifier with quotes and parameters,
// such as `"@method";req`, and its value.
type SignedLine struct {
	Component string
	Value     string
}

// SignatureBase is the text that an HTTP signature is over (RFC 9421 section 2.5): a line for
// each component, then the serialised signature parameters.
func SignatureBase(lines []SignedLine, params string) []byte {
	var base strings.Builder
	for _, line := range lines {
		base.WriteString(line.Component)
		base.WriteString(": ")
		base.WriteString(line.Value)
		base.WriteByte('\n')
	}
	base.WriteString(`"@signature-params": `)
	base.WriteString(params)
	return []byte(base.String())
}

// SignRequest sets the digest and signature headers of r. targetURI is the absolute URI that the
// receiver will rebuild; body is what r carries, with Content-Type set already unless it is
// empty.
func SignRequest(
	r *http.Request, targetURI string, body []byte, p SignatureParams, sign HTTPSigner,
) error {
	if r.ContentLength != int64(len(body)) {
		return fmt.Errorf("http signature: request of %d bytes, body of %d",
			r.ContentLength, len(body))
	}
	r.Header.Set(headerDigest, ContentDigest(body))
	lines, err := requestLines(r.Header, r.Method, targetURI, r.ContentLength)
	if err != nil {
		return err
	}
	return signLines(r.Header, lines, p, sign)
}

// SignResponse sets the digest and signature headers of a response to request; p.Nonce must be
// the request's.
func SignResponse(
	h http.Header, status int, body []byte, request SignedRequest, p SignatureParams,
	sign HTTPSigner,
) error {
	if p.Nonce != request.Nonce {
		return errors.New("http signature: response with another nonce than its request")
	}
	h.Set(headerDigest, ContentDigest(body))
	lines, err := responseLines(h, status, request)
	if err != nil {
		return err
	}
	return signLines(h, lines, p, sign)
}

func signLines(h http.Header, lines []SignedLine, p SignatureParams, sign HTTPSigner) error {
	if err := p.validate(); err != nil {
		return err
	}
	params, err := p.serialise(lines)
	if err != nil {
		return err
	}
	signature, err := sign(SignatureBase(lines, params))
	if err != nil {
		return fmt.Errorf("http signature: %w", err)
	}
	h.Set(headerInput, signatureLabel+"="+params)
	text := base64.StdEncoding.EncodeToString(signature)
	h.Set(headerSignature, signatureLabel+"=:"+text+":")
	return nil
}

// requestLines are a request's covered components. The length is that of the body, so that a
// body sent in chunks covers the same line.
func requestLines(
	h http.Header, method, targetURI string, length int64,
) ([]SignedLine, error) {
	digest, err := oneHeader(h, headerDigest)
	if err != nil {
		return nil, err
	}
	lines := []SignedLine{
		{`"@method"`, method},
		{`"@target-uri"`, targetURI},
		{`"content-digest"`, digest},
	}
	if length > 0 {
		contentType, err := oneHeader(h, headerType)
		if err != nil {
			return nil, err
		}
		lines = append(
			lines,
			SignedLine{`"content-length"`, strconv.FormatInt(length, 10)},
			SignedLine{`"content-type"`, contentType},
		)
	}
	return lines, checkLines(lines)
}

func responseLines(h http.Header, status int, request SignedRequest) ([]SignedLine, error) {
	if status < 200 || status > 599 {
		return nil, fmt.Errorf("http signature: status %d", status)
	}
	digest, err := oneHeader(h, headerDigest)
	if err != nil {
		return nil, err
	}
	lines := []SignedLine{
		{`"@status"`, strconv.Itoa(status)},
		{`"content-digest"`, digest},
		{`"@method";req`, request.Method},
		{`"@target-uri";req`, request.TargetURI},
		{`"content-digest";req`, request.ContentDigest},
	}
	return lines, checkLines(lines)
}

// checkLines keeps a value from reaching into the next line of the base.
func checkLines(lines []SignedLine) error {
	for _, line := range lines {
		if line.Value == "" {
			return fmt.Errorf("http signature: %s is empty", line.Component)
		}
		for _, c := range []byte(line.Value) {
			if c < ' ' || c > '~' {
				return fmt.Errorf("http signature: %s is not printable", line.Component)
			}
		}
	}
	return nil
}

// oneHeader is the value of a header that must be there once, trimmed (RFC 9421 section 2.1).
func oneHeader(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("http signature: want one %s header", name)
	}
	return strings.Trim(values[0], " \t"), nil
}

// serialise writes the component list and parameters as the structured field that is both the
// header's value and the last line of the base.
func (p SignatureParams) serialise(lines []SignedLine) (string, error) {
	params := httpsfv.NewParams()
	params.Add("created", p.Created)
	params.Add("expires", p.Expires)
	params.Add("keyid", p.KeyID)
	params.Add("nonce", p.Nonce)
	params.Add("tag", p.Tag)
	text, err := httpsfv.Marshal(httpsfv.List{httpsfv.InnerList{
		Items: nil, Params: params,
	}})
	if err != nil {
		return "", fmt.Errorf("http signature: %w", err)
	}
	return "(" + componentList(lines) + ")" + strings.TrimPrefix(text, "()"), nil
}

func componentList(lines []SignedLine) string {
	names := make([]string, len(lines))
	for i, line := range lines {
		names[i] = line.Component
	}
	return strings.Join(names, " ")
}

// validate checks everything about the parameters that needs no clock.
func (p SignatureParams) validate() error {
	if p.Tag != TagSNP {
		return fmt.Errorf("http signature: tag %.16q", p.Tag)
	}
	if raw, err := decode64(p.KeyID); err != nil || len(raw) != 32 {
		return errors.New("http signature: key id is not a thumbprint")
	}
	if len(p.Nonce) < NonceBytesMin || len(p.Nonce) > NonceBytesMax {
		return fmt.Errorf("http signature: nonce of %d characters", len(p.Nonce))
	}
	for _, c := range []byte(p.Nonce) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' {
			return errors.New("http signature: nonce is not base64url text")
		}
	}
	if p.Created < 0 || p.Expires <= p.Created || p.Expires-p.Created > SignatureWindow {
		return fmt.Errorf("http signature: want a life of 1 to %d seconds", SignatureWindow)
	}
	return nil
}
