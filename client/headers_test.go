package client_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"seyfert/client"
)

// linked makes n headers that each name the one before; salt tells branches apart.
func linked(n int, salt byte) []byte {
	var all []byte
	var last [32]byte
	for i := range n {
		var header [80]byte
		copy(header[4:], last[:])
		header[36] = salt
		binary.LittleEndian.PutUint32(header[76:], uint32(i))
		once := sha256.Sum256(header[:])
		last = sha256.Sum256(once[:])
		all = append(all, header[:]...)
	}
	return all
}

// chainNode serves pages of headers; chain gives what it has for the nth request.
func chainNode(t *testing.T, chain func(n int) []byte) (c *client.Client, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		from, err := strconv.Atoi(r.URL.Query().Get("from"))
		count, errCount := strconv.Atoi(r.URL.Query().Get("count"))
		if err != nil || errCount != nil || count > 10_000 {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		all := chain(*asked)
		low := min(80*from, len(all))
		w.Write(all[low:min(low+80*count, len(all))])
	}))
	t.Cleanup(server.Close)
	return client.New(client.Config{URL: server.URL}), asked
}

// TestHeadersInPages: headers are read page by page to the end, whatever their number.
func TestHeadersInPages(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 9_999: 1, 10_000: 2, 20_001: 3} {
		all := linked(n, 0)
		c, asked := chainNode(t, func(int) []byte { return all })
		got, err := c.Headers(t.Context())
		if err != nil || !bytes.Equal(got, all) || *asked != want {
			t.Errorf("%d headers: got %d in %d pages, %v", n, len(got)/80, *asked, err)
		}
	}
}

// TestHeadersOfTwoBranches: pages of different branches are never put together.
func TestHeadersOfTwoBranches(t *testing.T) {
	one, other := linked(10_001, 1), linked(10_002, 2)
	c, asked := chainNode(t, func(n int) []byte {
		if n == 1 {
			return one
		}
		return other
	})
	got, err := c.Headers(t.Context())
	if err != nil || !bytes.Equal(got, other) || *asked != 4 {
		t.Errorf("got %d headers in %d pages, %v", len(got)/80, *asked, err)
	}
	c, asked = chainNode(t, func(n int) []byte {
		if n%2 == 1 {
			return one
		}
		return other
	})
	if got, err := c.Headers(t.Context()); err == nil || *asked != 2*client.TriesMax {
		t.Errorf("got %d headers of a chain that never rests, in %d pages", len(got)/80, *asked)
	}
	c, _ = chainNode(t, func(int) []byte { return one[:81] })
	if _, err := c.Headers(t.Context()); err == nil {
		t.Error("half a header passed")
	}
}
