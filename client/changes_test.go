package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"seyfert/client"
	"seyfert/money"
)

// history serves a made-up history of so many changes, of which every third is the caller's, by
// pages of a few. fail may answer in its place.
type history struct {
	newest uint64
	one    sync.Mutex // an ended connection's handler may still run beside the next one's
	fail   func(w http.ResponseWriter, from uint64) bool
}

// ServeHTTP implements http.Handler.
func (h *history) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.one.Lock()
	defer h.one.Unlock()
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
	if err != nil || r.URL.Path != "/v1/changes" || r.URL.Query().Get("wait") != "20" {
		http.Error(w, "not what Follow asks", http.StatusTeapot)
		return
	}
	if h.fail != nil && h.fail(w, from) {
		return
	}
	page := client.ChangePage{Changes: []client.Change{}, Next: from, Newest: h.newest}
	for ; page.Next <= h.newest && len(page.Changes) < 4; page.Next++ {
		if page.Next%3 == 0 {
			page.Changes = append(page.Changes, client.Change{
				Number: page.Next, Amount: money.New(money.KRW, page.Next),
			})
		}
	}
	if err := json.NewEncoder(w).Encode(page); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// TestFollowResumes follows a node that breaks off, restarts and asks to wait: every change comes
// once and in order, also in a second loop that goes on from the middle.
func TestFollowResumes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	h := &history{newest: 300, fail: func(w http.ResponseWriter, _ uint64) bool {
		switch random.IntN(6) {
		case 0:
			panic(http.ErrAbortHandler) // the connection breaks
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			return false
		}
		return true
	}}
	server := httptest.NewServer(h)
	defer server.Close()
	node := client.New(client.Config{URL: server.URL})
	want := uint64(3)
	for _, last := range []uint64{150, 300} {
		ctx, stop := context.WithCancel(t.Context())
		for change, err := range node.Follow(ctx, want) {
			if err != nil {
				t.Fatal(err)
			}
			if change.Number != want || change.Amount != money.New(money.KRW, want) {
				t.Fatalf("change %d instead of %d", change.Number, want)
			}
			if want += 3; change.Number == last {
				break
			}
		}
		stop()
	}
}

// TestFollowEnds: a refusal ends it, an answer out of order ends it, and so does the context.
func TestFollowEnds(t *testing.T) {
	answers := map[string]string{
		"a change before the first": `{"data":[{"number":4}],"next":9,"newest":9}`,
		"a change twice":            `{"data":[{"number":5},{"number":5}],"next":9,"newest":9}`,
		"a change after the next":   `{"data":[{"number":5}],"next":5,"newest":9}`,
		"back to what was":          `{"data":[],"next":4,"newest":9}`,
	}
	for name, text := range answers {
		t.Run(name, func(t *testing.T) {
			last := follow(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte(text))
			})
			if !errors.Is(last, client.ErrStream) {
				t.Errorf("it ends with %v", last)
			}
		})
	}
	last := follow(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	})
	if p, ok := errors.AsType[*client.Problem](last); !ok || p.Status != http.StatusForbidden {
		t.Errorf("a refusal ends it with %v", last)
	}
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	for _, err := range client.New(client.Config{URL: server.URL}).Follow(ctx, 1) {
		t.Errorf("after its context it gives %v", err)
	}
}

// follow follows from 5 on and returns the error that ends it.
func follow(t *testing.T, answer http.HandlerFunc) (last error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	for _, err := range client.New(client.Config{URL: server.URL}).Follow(t.Context(), 5) {
		last = err
	}
	return last
}
