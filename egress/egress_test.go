package egress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/egress"
)

// sandbox is the policy of most tests: loopback, small limits.
var sandbox = egress.Policy{Loopback: true, Timeout: 5 * time.Second, BodyMax: 1000}

// newClient makes a client that is closed with the test.
func newClient(tb testing.TB, p egress.Policy) *egress.Client {
	tb.Helper()
	c := egress.New(p)
	tb.Cleanup(c.Close)
	return c
}

// serve starts a loopback server.
func serve(tb testing.TB, handler http.HandlerFunc) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

// port returns the port of a server.
func port(tb testing.TB, server *httptest.Server) string {
	tb.Helper()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

func TestDo(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Sent"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %d %s", r.Method, r.Host, r.URL, r.ContentLength, body)
	})
	c := newClient(t, sandbox)
	host := "tokyo.localhost:" + port(t, server)
	header := http.Header{"X-Sent": {"yes"}}
	got, err := c.Do(t.Context(), "POST", "http://"+host+"/a?b=c", header, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	want := "POST " + host + " /a?b=c 4 body"
	if got.Status != http.StatusTeapot || string(got.Body) != want {
		t.Errorf("got %d %q, want 418 %q", got.Status, got.Body, want)
	}
	if got.Header.Get("X-Seen") != "yes" || len(header) != 1 {
		t.Errorf("headers: answer %v, ours now %v", got.Header, header)
	}
	got, err = c.Do(t.Context(), "GET", server.URL+"/", nil, nil)
	if want := "GET " + server.Listener.Addr().String() + " / 0 "; err != nil ||
		string(got.Body) != want {
		t.Errorf("got %q, %v, want %q", got.Body, err, want)
	}
}

func TestProductionReachesNoLoopback(t *testing.T) {
	var hits atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	c := newClient(t, egress.Policy{})
	for _, target := range []string{
		server.URL, "https://localhost:" + port(t, server), "http://127.0.0.1/",
	} {
		_, err := c.Do(t.Context(), "GET", target, nil, nil)
		if !errors.Is(err, egress.ErrURL) {
			t.Errorf("Do(%s) = %v, want ErrURL", target, err)
		}
		_, err = c.HTTP().Get(target)
		if !errors.Is(err, egress.ErrURL) {
			t.Errorf("HTTP().Get(%s) = %v, want ErrURL", target, err)
		}
	}
	for _, literal := range []string{
		"10.0.0.1", "169.254.169.254", "192.168.0.1", "[fe80::1]", "[::ffff:127.0.0.1]",
		"[64:ff9b::7f00:1]", "0.0.0.0", "[::]", "100.64.0.1", "224.0.0.1",
	} {
		_, err := c.Do(t.Context(), "GET", "https://"+literal+"/", nil, nil)
		if !errors.Is(err, egress.ErrAddress) {
			t.Errorf("Do(%s) = %v, want ErrAddress", literal, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

func TestSandboxIsStrictElsewhere(t *testing.T) {
	c := newClient(t, sandbox)
	for _, literal := range []string{"10.0.0.1", "169.254.169.254", "0.0.0.0"} {
		_, err := c.Do(t.Context(), "GET", "https://"+literal+"/", nil, nil)
		if !errors.Is(err, egress.ErrAddress) {
			t.Errorf("Do(%s) = %v, want ErrAddress", literal, err)
		}
	}
	_, err := c.Do(t.Context(), "GET", "http://example.com/", nil, nil)
	if !errors.Is(err, egress.ErrURL) {
		t.Errorf("plain http to a public name: %v, want ErrURL", err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var hits atomic.Int64
	inner := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
	})
	c := newClient(t, sandbox)
	got, err := c.Do(t.Context(), "POST", server.URL, nil, []byte("x"))
	if err != nil || got.Status != http.StatusTemporaryRedirect {
		t.Errorf("got %d, %v, want 307", got.Status, err)
	}
	resp, err := c.HTTP().Get(server.URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("got %v, %v, want 307", resp, err)
	}
	resp.Body.Close()
	if hits.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestProxyOfEnvironmentIsIgnored(t *testing.T) {
	var hits atomic.Int64
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, sandbox)
	target := "http://shop.localhost:" + port(t, server)
	if _, err := c.Do(t.Context(), "GET", target, nil, nil); err != nil {
		t.Error(err)
	}
	if hits.Load() != 0 {
		t.Error("the request went through the proxy")
	}
}

func TestBodyLimits(t *testing.T) {
	var hits atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		var size int
		fmt.Sscan(r.URL.RawQuery, &size)
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		w.Write(bytes.Repeat([]byte("x"), size))
	})
	c := newClient(t, sandbox)
	for _, path := range []string{"/plain", "/chunked"} {
		for size, want := range map[int]error{
			0: nil, 999: nil, 1000: nil, 1001: egress.ErrTooLarge, 90000: egress.ErrTooLarge,
		} {
			target := fmt.Sprintf("%s%s?%d", server.URL, path, size)
			got, err := c.Do(t.Context(), "GET", target, nil, nil)
			if !errors.Is(err, want) || err == nil && len(got.Body) != size {
				t.Errorf("%s?%d: %d bytes, %v, want %v", path, size, len(got.Body), err, want)
			}
			resp, err := c.HTTP().Get(target)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(resp.Body); !errors.Is(err, want) {
				t.Errorf("HTTP %s?%d: %v, want %v", path, size, err, want)
			}
			resp.Body.Close()
		}
	}
	before := hits.Load()
	if _, err := c.Do(t.Context(), "POST", server.URL, nil, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	_, err := c.Do(t.Context(), "POST", server.URL, nil, make([]byte, 1001))
	if !errors.Is(err, egress.ErrTooLarge) || hits.Load() != before+1 {
		t.Errorf("request over the limit: %v after %d hits", err, hits.Load()-before)
	}
}

func TestHeaderLimit(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", egress.HeaderMax))
	})
	c := newClient(t, sandbox)
	if _, err := c.Do(t.Context(), "GET", server.URL, nil, nil); err == nil {
		t.Error("a header over the limit was accepted")
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow-body" {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	p := sandbox
	p.Timeout = 50 * time.Millisecond
	c := newClient(t, p)
	for _, path := range []string{"/", "/slow-body"} {
		_, err := c.Do(t.Context(), "GET", server.URL+path, nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want DeadlineExceeded", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, sandbox).Do(ctx, "GET", server.URL, nil, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBodyIsNeverSentTwice(t *testing.T) {
	var hits atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if hits.Add(1) == 1 {
			return // The connection is kept, which is when a transport would try again.
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	c := newClient(t, sandbox)
	header := http.Header{"Idempotency-Key": {"1"}}
	if _, err := c.Do(t.Context(), "POST", server.URL, header, []byte("pay")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), "POST", server.URL, header, []byte("pay")); err == nil {
		t.Error("a lost connection gave an answer")
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests arrived, want 2", hits.Load())
	}
}

func TestErrorsHideThePath(t *testing.T) {
	c := newClient(t, sandbox)
	for _, target := range []string{
		"http://127.0.0.1:1/hook/secret?token=secret", "http://[::1/secret", "secret://x/secret",
	} {
		_, err := c.Do(t.Context(), "GET", target, nil, nil)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error for %q: %v", target, err)
		}
	}
}

func TestProtocolSwitchIsRefused(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "upgrade")
		w.Header().Set("Upgrade", "other")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	c := newClient(t, sandbox)
	header := http.Header{"Connection": {"upgrade"}, "Upgrade": {"other"}}
	if _, err := c.Do(t.Context(), "GET", server.URL, header, nil); err == nil {
		t.Error("a protocol switch was accepted")
	}
}

func TestNewRefusesNegativeLimits(t *testing.T) {
	for _, p := range []egress.Policy{{Timeout: -1}, {BodyMax: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%+v) did not panic", p)
				}
			}()
			egress.New(p)
		}()
	}
}

func TestConnectionsMaxIsReached(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, egress.ConnectionsMax+1)
	server := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	c := newClient(t, sandbox)
	done := make(chan error, egress.ConnectionsMax)
	for range egress.ConnectionsMax {
		go func() {
			_, err := c.Do(t.Context(), "GET", server.URL, nil, nil)
			done <- err
		}()
	}
	for range egress.ConnectionsMax {
		<-arrived
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, "GET", server.URL, nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) || len(arrived) != 0 {
		t.Errorf("one connection over the limit: %v, %d arrived", err, len(arrived))
	}
	close(release)
	for range egress.ConnectionsMax {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
