// Package peer carries messages between nodes: it finds a node's descriptor, posts signed
// batches, and checks who sent a request and who answered one (protocol.md A1 to A3).
//
// What it authenticates is transport only; the evidence is the signed message inside. It never
// decides what a message means, whether to believe a new key, or whether to repeat a POST: a
// repeat sends the same bytes and gets the same stored answer, so an error here always means
// "unknown, ask again" and never "not delivered".
package peer

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"seyfert/egress"
	"seyfert/wire"
)

// The paths of a node that its peers ask for.
const (
	// PathMessages is under the endpoint that the descriptor names "snp".
	PathMessages = "/snp/v1/messages"
	// PathDescriptor is under the node's host (RFC 8615).
	PathDescriptor = "/.well-known/seyfert-node"
	// TypeMessages is the media type of a batch (protocol.md A3).
	TypeMessages = "application/jose+json"
)

const (
	// SignatureSeconds is the life of the signatures made here. It is short because the
	// other side remembers a nonce for the life and wire.SignatureWindow after it.
	SignatureSeconds = 60
	// RetryAfterMax is the longest wait that another node can ask for.
	RetryAfterMax = time.Hour
	// nonceSize is the random part of a signature in bytes.
	nonceSize = 16
)

// ErrAnswer says that an answer came which the peer did not sign, or which does not fit what
// was asked. Something between the nodes may have made it up, so nothing may be concluded.
var ErrAnswer = errors.New("peer: answer not from the peer")

// StatusError is an answer other than 200 to a whole request. It is not signed: a load
// balancer may have sent it before the node saw anything.
type StatusError struct {
	// Status is the HTTP status code.
	Status int
	// RetryAfter is the wait that was asked for, at most RetryAfterMax; zero if none was.
	RetryAfter time.Duration
}

// Error implements error.
func (e *StatusError) Error() string {
	return "peer: status " + strconv.Itoa(e.Status)
}

// Address is where and as whom another node answers.
type Address struct {
	// DID names the node.
	DID string
	// URL is the snp endpoint of its descriptor, without a slash at the end.
	URL string
	// Key is the pinned signing key that its answers are checked with.
	Key ed25519.PublicKey
}

// Signer signs as this node. Both methods may be called from several goroutines at once.
type Signer interface {
	// KeyID is the thumbprint of the signing key.
	KeyID() string
	// SignHTTP signs a signature base that carries the tag "snp", and no other text.
	SignHTTP(input []byte) ([]byte, error)
}

// Client sends to other nodes. It is safe for concurrent use.
type Client struct {
	out    *egress.Client
	signer Signer
	now    func() int64

	mu     sync.Mutex // guards random, which a simulation shares
	random io.Reader
}

// NewClient makes a Client. out must allow bodies of wire.BatchBytesMax; now is in Unix
// seconds; random makes nonces.
func NewClient(out *egress.Client, s Signer, now func() int64, random io.Reader) *Client {
	return &Client{out: out, signer: s, now: now, random: random}
}

// Fetch asks a node for its descriptor (protocol.md A1). base is scheme and host, such as
// "https://bank.example". The text that comes back is signed by the key it names, and its DID
// names the host that was asked; whether that key is the node's is for the caller to compare
// with what it has pinned.
func (c *Client) Fetch(ctx context.Context, base string) (descriptorJWS string, err error) {
	header := http.Header{"Accept": {"application/jose"}}
	answer, err := c.out.Do(ctx, http.MethodGet, base+PathDescriptor, header, nil)
	if err != nil {
		return "", fmt.Errorf("descriptor of %s: %w", base, err)
	}
	if answer.Status != http.StatusOK {
		return "", fmt.Errorf("descriptor of %s: %w", base, statusError(answer))
	}
	text := string(answer.Body)
	d, _, err := wire.ParseDescriptor(text)
	if err != nil {
		return "", fmt.Errorf("%w: descriptor of %s: %w", ErrAnswer, base, err)
	}
	if !namesHost(d.DID, base) {
		return "", fmt.Errorf("%w: %s serves the descriptor of %s", ErrAnswer, base, d.DID)
	}
	return text, nil
}

// Post sends messages, in order, in one signed request, and returns one answer for each. The
// messages must be as many as Fit says or fewer. After any error the caller does not know
// what the peer has taken, and sends the same texts again. Errors: *StatusError, ErrAnswer,
// those of egress, or the signer's.
func (c *Client) Post(ctx context.Context, to Address, jws []string) ([]Answer, error) {
	answers, err := c.post(ctx, to, jws)
	if err != nil {
		return nil, fmt.Errorf("post to %s: %w", to.DID, err)
	}
	return answers, nil
}

// post is Post without the name of the peer around its errors.
func (c *Client) post(ctx context.Context, to Address, jws []string) ([]Answer, error) {
	body, err := wire.EncodeBatch(jws)
	if err != nil {
		return nil, err
	}
	target := to.URL + PathMessages
	r, err := http.NewRequest(http.MethodPost, target, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed endpoint", egress.ErrURL)
	}
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", TypeMessages)
	params, err := c.params()
	if err != nil {
		return nil, err
	}
	if err := wire.SignRequest(r, target, body, params, c.signer.SignHTTP); err != nil {
		return nil, err
	}
	answer, err := c.out.Do(ctx, http.MethodPost, target, r.Header, body)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, statusError(answer)
	}
	sent := wire.NewSignedRequest(http.MethodPost, target, body, params.Nonce)
	if err := c.checkAnswer(answer, sent, to.Key); err != nil {
		return nil, err
	}
	answers, err := ParseAnswers(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if len(answers) != len(jws) {
		return nil, fmt.Errorf(
			"%w: %d answers to %d messages", ErrAnswer, len(answers), len(jws))
	}
	return answers, nil
}

// checkAnswer says whether the pinned key signed this answer to this request.
func (c *Client) checkAnswer(
	answer egress.Response, sent wire.SignedRequest, pinned ed25519.PublicKey,
) error {
	find := func(keyID string) (ed25519.PublicKey, bool) {
		known := len(pinned) == ed25519.PublicKeySize && wire.Thumbprint(pinned) == keyID
		return pinned, known
	}
	_, err := wire.VerifyResponse(
		answer.Header, answer.Status, answer.Body, sent, c.now(), find)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

// params makes the parameters of one signature, with a new nonce.
func (c *Client) params() (wire.SignatureParams, error) {
	var raw [nonceSize]byte
	c.mu.Lock()
	_, err := io.ReadFull(c.random, raw[:])
	c.mu.Unlock()
	if err != nil {
		return wire.SignatureParams{}, fmt.Errorf("random for a nonce: %w", err)
	}
	nonce := base64.RawURLEncoding.EncodeToString(raw[:])
	return paramsAt(c.now(), c.signer.KeyID(), nonce), nil
}

// paramsAt makes the parameters of a signature that is made now.
func paramsAt(now int64, keyID, nonce string) wire.SignatureParams {
	return wire.SignatureParams{
		Created: now,
		Expires: now + SignatureSeconds,
		KeyID:   keyID,
		Nonce:   nonce,
		Tag:     wire.TagSNP,
	}
}

// statusError keeps what little an unsigned answer may say.
func statusError(answer egress.Response) error {
	e := &StatusError{Status: answer.Status}
	seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 31)
	if err == nil {
		e.RetryAfter = min(time.Duration(seconds)*time.Second, RetryAfterMax)
	}
	return e
}

// namesHost says whether a node's DID names the host that was asked, port included. A DID
// without a port means the scheme's own port; on localhost, where each node of a sandbox has
// a port that its name need not carry, it means any.
func namesHost(did, base string) bool {
	named, err := wire.DIDHost(did)
	if err != nil {
		return false
	}
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	asked := strings.ToLower(u.Host)
	if named == asked {
		return true
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return named == host && (local || u.Scheme == "https" && port == "443")
}
