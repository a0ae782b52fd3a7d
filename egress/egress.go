// Package egress is the one client for every HTTP request that leaves a node.
//
// The addresses of most requests were chosen by someone else (a peer's descriptor, a webhook,
// an identity provider), so the client decides where a request may go: https to public
// addresses only, judged on the address that is really being connected to, with no redirect
// followed, no proxy taken from the environment, and a cap on headers, body and time. It never
// reads what the bytes mean, never retries a body that it began to send, and holds no keys.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Limits that hold for each request whatever the Policy says.
const (
	// URLMax is the longest URL in bytes.
	URLMax = 2048
	// HeaderMax is the most bytes of header that an answer may have.
	HeaderMax = 32 << 10
	// BodyDefault is the longest body in bytes when Policy.BodyMax is zero: room for a full
	// batch of messages between nodes (protocol.md A3).
	BodyDefault = 4 << 20
	// TimeoutDefault is the time for one request when Policy.Timeout is zero.
	TimeoutDefault = 15 * time.Second
	// ConnectionsMax is the most connections to one host and port; a request beyond them
	// waits for one, inside its own time.
	ConnectionsMax = 64
	// IdleMax is the most connections kept open for later requests, over all hosts.
	IdleMax = 64
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 60 * time.Second
	keepAlive        = 30 * time.Second
)

// Refusals that a caller may branch on with errors.Is. In each of them no byte of the request
// was sent, except ErrTooLarge about an answer.
var (
	// ErrURL says that the URL itself is not one that may be asked for.
	ErrURL = errors.New("egress: URL not allowed")
	// ErrAddress says that the host resolved to an address that is not public.
	ErrAddress = errors.New("egress: address not public")
	// ErrTooLarge says that a request or answer body is over Policy.BodyMax.
	ErrTooLarge = errors.New("egress: body too large")
)

// Policy says where requests may go and how much they may cost. The zero value is the
// production policy.
type Policy struct {
	// Loopback is for the sandbox and tests: it adds plain http and loopback addresses, but
	// only for loopback literals, localhost and names under .localhost (RFC 6761 section 6.3),
	// which are answered with 127.0.0.1 without asking DNS. Other names stay as strict as ever.
	Loopback bool
	// Timeout is the time for a whole request, from dialling to the last byte of the answer;
	// zero means TimeoutDefault.
	Timeout time.Duration
	// BodyMax is the longest body in bytes, sent or received; zero means BodyDefault.
	BodyMax int64
	// Resolver answers names; nil means the machine's own. Whatever it answers, the address
	// is judged again when the connection is made.
	Resolver *net.Resolver
}

// Client sends requests under one Policy. It is safe for concurrent use.
type Client struct {
	policy    Policy
	transport *http.Transport
	http      *http.Client
}

// Response is an answer read to its end.
type Response struct {
	// Status is the HTTP status code; a redirect is reported here and not followed.
	Status int
	// Header is the answer's header.
	Header http.Header
	// Body is the whole body, at most Policy.BodyMax bytes, never decompressed.
	Body []byte
}

// New makes a Client. A negative limit is a programmer error and panics.
func New(p Policy) *Client {
	if p.Timeout < 0 || p.BodyMax < 0 {
		panic("egress: negative limit in policy")
	}
	if p.Timeout == 0 {
		p.Timeout = TimeoutDefault
	}
	if p.BodyMax == 0 {
		p.BodyMax = BodyDefault
	}
	d := dialer{loopback: p.Loopback, resolver: p.Resolver}
	transport := &http.Transport{
		Proxy:       nil, // The environment does not choose where money messages pass through.
		DialContext: d.dial,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, // protocol.md A2
		},
		TLSHandshakeTimeout:    handshakeTimeout,
		DisableCompression:     true, // The cap counts the bytes that a digest covers.
		MaxIdleConns:           IdleMax,
		MaxIdleConnsPerHost:    ConnectionsMax,
		MaxConnsPerHost:        ConnectionsMax,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: HeaderMax,
		ForceAttemptHTTP2:      true,
	}
	c := &Client{policy: p, transport: transport}
	c.http = &http.Client{
		Transport:     guard{policy: p, next: transport},
		CheckRedirect: stay,
		Timeout:       p.Timeout,
	}
	return c
}

// Do sends one request and reads the whole answer. The caller keeps ownership of header and
// body and may use them again. An error that is none of ErrURL, ErrAddress and ErrTooLarge
// leaves open whether the other side got the request. The error's text names the method and
// host only: paths and queries may carry other people's secrets.
func (c *Client) Do(
	ctx context.Context, method, target string, header http.Header, body []byte,
) (Response, error) {
	if int64(len(body)) > c.policy.BodyMax {
		return Response{}, fmt.Errorf("%w: request of %d bytes", ErrTooLarge, len(body))
	}
	if _, err := checkURL(target, c.policy.Loopback); err != nil {
		return Response{}, err
	}
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Response{}, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	// Without GetBody the transport cannot send a body a second time by itself: whether to
	// repeat is decided by whoever knows what the request does.
	r.GetBody = nil
	for name, values := range header {
		r.Header[name] = append([]string(nil), values...)
	}
	answer, err := c.exchange(r)
	if err != nil {
		return Response{}, fmt.Errorf("egress: %s %s: %w", method, r.URL.Host, err)
	}
	return answer, nil
}

// exchange sends a request that was checked and reads the answer.
func (c *Client) exchange(r *http.Request) (Response, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return Response{}, bare(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// HTTP returns the same client in the standard library's type, for libraries that ask for one.
// It enforces the whole policy; the caller must not change its fields.
func (c *Client) HTTP() *http.Client {
	return c.http
}

// Close drops the connections kept for later requests; requests under way go on.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
}

// bare takes the URL off an error of the standard client.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// stay keeps the client from following a redirect: its target was not chosen by the caller.
func stay(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}

// guard applies the policy to each request that a library sends through HTTP, and caps the
// body of each answer.
type guard struct {
	policy Policy
	next   *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := checkURL(r.URL.String(), g.policy.Loopback); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close()
		return nil, errors.New("egress: protocol switch not allowed")
	}
	resp.Body = &capped{body: resp.Body, left: g.policy.BodyMax}
	return resp, nil
}

// capped reads a body up to a limit and then says ErrTooLarge, not a quiet end.
type capped struct {
	body io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	// One byte past the limit is asked for, so that a body of exactly the limit ends well.
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.body.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

// Close implements io.Closer.
func (c *capped) Close() error {
	return c.body.Close()
}
