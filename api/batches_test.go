package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/client"
	"seyfert/peer"
	"seyfert/wire"
)

// started is a request whose head was sent and whose body was not.
type started struct {
	t    testing.TB
	conn net.Conn
}

// start opens a connection and sends a request's head for a body of so many bytes.
func (p *place) start(h http.Header, length int) started {
	p.t.Helper()
	u, err := url.Parse(p.url)
	must(p.t, err)
	conn, err := net.Dial("tcp", "127.0.0.1:"+u.Port())
	must(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n",
		peer.PathMessages, u.Host, length)
	must(p.t, h.Write(&head))
	head.WriteString("\r\n")
	_, err = conn.Write(head.Bytes())
	must(p.t, err)
	return started{p.t, conn}
}

// status waits for an answer; 0 says that none came within a time.
func (s started) status(within time.Duration) int {
	s.t.Helper()
	must(s.t, s.conn.SetReadDeadline(time.Now().Add(within)))
	answer, err := http.ReadResponse(bufio.NewReader(s.conn), nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// TestStrangersSendNoBatches: a stranger is refused by the head of its request; nothing waits
// for a body that would be thrown away, whoever's key it names.
func TestStrangersSendNoBatches(t *testing.T) {
	w := newWorld(t)
	body, err := wire.EncodeBatch([]string{strings.Repeat("a", 1<<20)})
	must(t, err)
	good := w.signedRequest(w.tokyo, w.seoul, "POST", peer.PathMessages, body)
	forged := good.Clone()
	forged.Set("Signature", "sig1=:"+strings.Repeat("A", 86)+"==:")
	self := w.signedRequest(w.seoul, w.seoul, "POST", peer.PathMessages, body)
	for name, h := range map[string]http.Header{
		"nobody": {}, "a peer's name": forged, "no peer": self,
	} {
		if got := w.seoul.start(h, len(body)).status(5 * time.Second); got != 401 {
			t.Errorf("%s: %d before the body, want 401", name, got)
		}
	}
	if got := w.seoul.start(good, wire.BatchBytesMax+1).status(5 * time.Second); got != 413 {
		t.Errorf("a body over the limit: %d, want 413", got)
	}
	if got := w.seoul.start(good, len(body)).status(100 * time.Millisecond); got != 0 {
		t.Errorf("a peer is answered %d before its body", got)
	}
}

// TestBatchesMax: all peers together have bounded room, and get it back.
func TestBatchesMax(t *testing.T) {
	w := newWorld(t)
	body, err := wire.EncodeBatch([]string{"a.b.c"})
	must(t, err)
	peers := []*place{w.tokyo}
	for _, name := range []string{"osaka", "nara", "kobe", "busan"} {
		p := newPlace(t, name, w.clock, w.chain, settings{})
		_, err := w.seoul.operator().AddPeer(t.Context(), client.PeerTerms{
			URL: p.url, Thumbprint: p.signer.KeyID(),
		})
		must(t, err)
		peers = append(peers, p)
	}
	var open []started
	for range api.BatchesPerPeerMax {
		for _, p := range peers[:api.BatchesMax/api.BatchesPerPeerMax] {
			h := w.signedRequest(p, w.seoul, "POST", peer.PathMessages, body)
			open = append(open, w.seoul.start(h, len(body)))
		}
	}
	last := peers[len(peers)-1]
	full := func() int {
		h := w.signedRequest(last, w.seoul, "POST", peer.PathMessages, body)
		return w.seoul.start(h, len(body)).status(50 * time.Millisecond)
	}
	for tries := 0; full() != http.StatusTooManyRequests; tries++ {
		if tries == 2 { // the heads above may still be under way
			t.Fatalf("%d batches and more are read at a time", len(open))
		}
	}
	for _, s := range open {
		must(t, s.conn.Close())
	}
	for tries := 0; full() != 0; tries++ {
		if tries == 100 {
			t.Fatal("connections that ended leave no room")
		}
	}
}

// TestBatchesPerPeerMax: a peer that sends no end of batches at once fills its own share alone.
func TestBatchesPerPeerMax(t *testing.T) {
	w := newWorld(t)
	body, err := wire.EncodeBatch([]string{"a.b.c"})
	must(t, err)
	start := func() started {
		return w.seoul.start(
			w.signedRequest(w.tokyo, w.seoul, "POST", peer.PathMessages, body), len(body))
	}
	var open []started
	for range api.BatchesPerPeerMax {
		open = append(open, start())
	}
	for _, s := range open {
		if got := s.status(50 * time.Millisecond); got != 0 {
			t.Fatalf("answered %d before the body", got)
		}
	}
	if got := start().status(5 * time.Second); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d, want 429", got)
	}
	for _, s := range open {
		_, err := s.conn.Write(body)
		must(t, err)
		if got := s.status(5 * time.Second); got != http.StatusOK {
			t.Errorf("a batch: %d, want 200", got)
		}
	}
	last := start()
	_, err = last.conn.Write(body)
	must(t, err)
	if got := last.status(5 * time.Second); got != http.StatusOK {
		t.Errorf("a batch afterwards: %d, want 200", got)
	}
}
