package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/bench"
)

func mustDial(tb testing.TB, address string) *bench.Line {
	tb.Helper()
	l, err := bench.Dial(context.Background(), address, "bench.localhost", "/v1/transfers",
		"sk_test_1", "application/json")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l
}

// answering is a server of net/http whose answer the request's body asks for.
func answering(tb testing.TB, seen func(r *http.Request)) string {
	tb.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			tb.Error(err)
		}
		seen(r)
		var status, size int
		var kind string
		if _, err := fmt.Sscan(string(body), &status, &size, &kind); err != nil {
			tb.Error(err)
		}
		text := strings.Repeat("x", size)
		if kind == "whole" {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		w.WriteHeader(status)
		for from := 0; from < size; from += 1000 {
			io.WriteString(w, text[from:min(from+1000, size)])
			if kind == "chunks" {
				w.(http.Flusher).Flush()
			}
		}
	}))
	tb.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestLine asks net/http over one connection, again after each refusal.
func TestLine(t *testing.T) {
	from := map[string]bool{}
	line := mustDial(t, answering(t, func(r *http.Request) {
		from[r.RemoteAddr] = true
		got := []string{
			r.Method, r.URL.Path, r.Host, r.Header.Get("Authorization"),
			r.Header.Get("Content-Type"),
		}
		want := []string{
			"POST", "/v1/transfers", "bench.localhost", "Bearer sk_test_1", "application/json",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}))
	for _, kind := range []string{"whole", "chunks", "any"} {
		for _, status := range []int{200, 201, 400, 401, 409, 422, 429, 500, 503} {
			for _, size := range []int{0, 1, 999, 70_000, 300_000} {
				text, err := line.Ask(fmt.Appendf(nil, "%d %d %s", status, size, kind))
				if status > 299 {
					want := fmt.Sprintf("answers %d: %s", status, strings.Repeat("x", min(size, 500)))
					if err == nil || !strings.HasSuffix(err.Error(), want) {
						t.Errorf("%d %d %s: %v", status, size, kind, err)
					}
				} else if err != nil || len(text) != size || strings.Trim(string(text), "x") != "" {
					t.Errorf("%d %d %s: %d bytes, %v", status, size, kind, len(text), err)
				}
			}
		}
	}
	if _, err := line.Ask([]byte("204 0 any")); err != nil {
		t.Error(err)
	}
	if len(from) != 1 {
		t.Errorf("%d connections", len(from))
	}
}

// TestLineRefuses gives answers that are none.
func TestLineRefuses(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, answer := range map[string]string{
		"nothing":      "",
		"half a head":  "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"half a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"no length":    "HTTP/1.1 200 OK\r\n\r\nab",
		"below zero":   "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nab",
		"too long":     "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nab",
		"no status":    "HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n",
		"another":      "SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"on its way":   "HTTP/1.1 103 Early Hints\r\n\r\n",
	} {
		line := mustDial(t, listener.Addr().String())
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		// The request is small: the connection holds it whether it is read or not.
		io.WriteString(conn, answer)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if text, err := line.Ask([]byte("{}")); err == nil {
			t.Errorf("%s: taken for %q", name, text)
		}
		conn.Close()
	}
}
