package peer_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/egress"
	"seyfert/fault"
	"seyfert/peer"
	"seyfert/wire"
)

// keyPair is a node's signing key, used as the node's signer would use it.
type keyPair struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

// newKey makes the signing key of a name; the same name gives the same key.
func newKey(name string) keyPair {
	seed := wire.Hash("test-key", []byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	return keyPair{public: private.Public().(ed25519.PublicKey), private: private}
}

// KeyID implements peer.Signer.
func (k keyPair) KeyID() string { return wire.Thumbprint(k.public) }

// SignHTTP implements peer.Signer.
func (k keyPair) SignHTTP(input []byte) ([]byte, error) {
	return ed25519.Sign(k.private, input), nil
}

// clock is a settable clock in Unix seconds.
type clock struct{ seconds atomic.Int64 }

// newClock starts a clock at a fixed time.
func newClock() *clock {
	c := new(clock)
	c.seconds.Store(1_800_000_000)
	return c
}

func (c *clock) now() int64 { return c.seconds.Load() }

// capture is one request as it stood on the wire.
type capture struct {
	method string
	path   string
	header http.Header
	body   []byte
}

// clone copies a capture, so that a test can alter it.
func (c capture) clone() capture {
	c.header = c.header.Clone()
	c.body = bytes.Clone(c.body)
	return c
}

// tokyo is a receiving node on loopback.
type tokyo struct {
	key      keyPair
	clock    *clock
	origin   string
	receiver *peer.Receiver

	// answer makes the answers to a batch; spoil may alter what is about to be sent.
	answer func(from string, jws []string) []peer.Answer
	spoil  func(h http.Header, status int, body []byte) (int, []byte)

	mu       sync.Mutex // guards captured
	captured []capture
}

const (
	seoulDID = "did:web:seoul.localhost"
	tokyoDID = "did:web:tokyo.localhost"
)

// newTokyo starts a receiving node that knows only seoul.
func newTokyo(tb testing.TB) *tokyo {
	tb.Helper()
	n := &tokyo{key: newKey("tokyo"), clock: newClock()}
	server := httptest.NewServer(n)
	tb.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	n.origin = "http://tokyo.localhost:" + port
	n.receiver = newReceiver(tb, n.origin, n.clock)
	n.answer = func(_ string, jws []string) []peer.Answer {
		list := make([]peer.Answer, len(jws))
		for i := range list {
			list[i] = peer.Answer{Status: 200, Outcome: "accepted"}
		}
		return list
	}
	n.spoil = func(_ http.Header, status int, body []byte) (int, []byte) { return status, body }
	return n
}

// newReceiver makes tokyo's receiver, which knows only seoul.
func newReceiver(tb testing.TB, origin string, c *clock) *peer.Receiver {
	tb.Helper()
	r, err := peer.NewReceiver(origin, newKey("tokyo"), seoulOnly, c.now)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// seoulOnly is a peer.Keys that knows seoul.
func seoulOnly(keyID string) (string, ed25519.PublicKey, bool) {
	seoul := newKey("seoul")
	return seoulDID, seoul.public, keyID == seoul.KeyID()
}

// ServeHTTP implements http.Handler as a node's api room would.
func (n *tokyo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	n.captured = append(n.captured, capture{
		method: r.Method, path: r.URL.RequestURI(), header: r.Header.Clone(), body: body,
	})
	n.mu.Unlock()
	request, err := n.receiver.Verify(r, body)
	if err != nil {
		w.WriteHeader(statusOf(err))
		return
	}
	jws, err := wire.ParseBatch(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer, err := peer.EncodeAnswers(n.answer(request.DID, jws))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if err := n.receiver.Sign(w.Header(), http.StatusOK, answer, request); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	status, answer := n.spoil(w.Header(), http.StatusOK, answer)
	w.WriteHeader(status)
	w.Write(answer)
}

// requests returns what arrived so far.
func (n *tokyo) requests() []capture {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]capture(nil), n.captured...)
}

// address is where and as whom tokyo answers.
func (n *tokyo) address() peer.Address {
	return peer.Address{DID: tokyoDID, URL: n.origin, Key: n.key.public}
}

// statusOf maps the codes that Verify gives.
func statusOf(err error) int {
	f, ok := fault.Of(err)
	switch {
	case ok && f.Code == fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case ok && f.Code == fault.TooMany:
		return http.StatusTooManyRequests
	case ok && f.Code == fault.Unauthenticated:
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// newOut makes an outgoing client for loopback.
func newOut(tb testing.TB) *egress.Client {
	tb.Helper()
	out := egress.New(egress.Policy{Loopback: true, Timeout: 10 * time.Second})
	tb.Cleanup(out.Close)
	return out
}

// newSeoul makes the client of the sending node.
func newSeoul(tb testing.TB, c *clock) *peer.Client {
	tb.Helper()
	return peer.NewClient(newOut(tb), newKey("seoul"), c.now, rand.Reader)
}

// messages makes texts of a given length that stand for signed messages.
func messages(count, length int) []string {
	list := make([]string, count)
	for i := range list {
		list[i] = strings.Repeat("a", length)
	}
	return list
}
