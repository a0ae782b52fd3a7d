package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"seyfert/client"
)

const (
	headerIndex   = "Seyfert-Index"
	headerAtLeast = "Seyfert-At-Least"
)

// replica answers as a replica that has seen entries up to an index: what it is asked to have seen
// and has not is "behind".
func replica(index uint64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(headerIndex, strconv.FormatUint(index, 10))
		if r.Method != http.MethodGet {
			created(w, r)
			return
		}
		least, _ := strconv.ParseUint(r.Header.Get(headerAtLeast), 10, 64)
		if least > index {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"code":"unavailable","reason":"behind"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"index":%d}`, index)
	}
}

// TestReadsOwnWrites: a client whose replica goes away right after a write reads that write at the
// next replica that has it, and not what one shows that is behind.
func TestReadsOwnWrites(t *testing.T) {
	var gone atomic.Bool
	m := newMany(t, func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			breakOff(w, r)
		}
		replica(12)(w, r)
	}, replica(11), replica(12))
	c := m.client()
	if _, err := c.CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Fatal(err)
	}
	gone.Store(true)
	status, err := c.With("a member's session").Status(t.Context())
	if err != nil || status.Index != 12 {
		t.Errorf("read entry %d, %v", status.Index, err)
	}
	// net/http itself asks again over a new connection when the one it kept breaks off.
	if !slices.Equal(slices.Compact(m.order()), []int{0, 1, 2}) {
		t.Errorf("asked %v", m.order())
	}
}

// TestBehindForLong: replicas that are all behind are each asked once a try; the caller is told.
func TestBehindForLong(t *testing.T) {
	m := newMany(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			replica(12)(w, r)
			return
		}
		replica(10)(w, r)
	}, replica(11))
	c := m.client()
	if _, err := c.CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Status(t.Context())
	if p := mustBe(t, err, 503, client.CodeUnavailable); p.Reason != "behind" {
		t.Errorf("the problem is %+v", p)
	}
	if got := len(m.order()); got != 1+2*client.TriesMax {
		t.Errorf("asked %v", m.order())
	}
}

// asking is a node that says an index of the test's with each answer and keeps what came with each
// request: its method and Seyfert-At-Least.
type asking struct {
	url    string
	says   []string
	status int
	got    []string
}

func newAsking(t *testing.T, says ...string) *asking {
	t.Helper()
	a := &asking{says: says, status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values, there := r.Header[headerAtLeast]; there {
			a.got = append(a.got, fmt.Sprint(r.Method, values))
		} else {
			a.got = append(a.got, r.Method)
		}
		if index := a.says[len(a.got)-1]; index != "" {
			w.Header().Set(headerIndex, index)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// TestAtLeast: reads carry the greatest index that any answer named, writes none, and nothing is
// sent before one was seen, or for what is no index.
func TestAtLeast(t *testing.T) {
	a := newAsking(t, "", "twelve", "-1", "18446744073709551616", "0", "7", "5", "", "9", "")
	c := client.New(client.Config{URL: a.url})
	for range 7 {
		if _, err := c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Once("one").CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Fatal(err)
	}
	a.status = http.StatusForbidden
	if _, err := c.With("another key").Status(t.Context()); err == nil {
		t.Error("a refusal passed")
	}
	if _, err := c.Status(t.Context()); err == nil {
		t.Error("a refusal passed")
	}
	want := []string{
		"GET", "GET", "GET", "GET", "GET", "GET", "GET[7]", "POST", "GET[7]", "GET[9]",
	}
	if !slices.Equal(a.got, want) {
		t.Errorf("sent %v, want %v", a.got, want)
	}
}

// TestNow: reads of such a client ask for what is newest, seen or not; writes and the client that
// it was made of are as before.
func TestNow(t *testing.T) {
	a := newAsking(t, "3", "4", "5", "6")
	c := client.New(client.Config{URL: a.url})
	now := c.Now().With("another key")
	_, errFirst := now.Status(t.Context())
	_, errWrite := now.CreateCompany(t.Context(), "Kanda")
	_, errAgain := now.Status(t.Context())
	_, errPlain := c.Status(t.Context())
	for _, err := range []error{errFirst, errWrite, errAgain, errPlain} {
		if err != nil {
			t.Error(err)
		}
	}
	if want := []string{"GET[now]", "POST", "GET[now]", "GET[5]"}; !slices.Equal(a.got, want) {
		t.Errorf("sent %v, want %v", a.got, want)
	}
}

// TestAtLeastOfMany: whatever others do with the same client, a read asks for no less than what its
// own caller was answered before.
func TestAtLeastOfMany(t *testing.T) {
	const callers, rounds = 16, 20
	var newest atomic.Uint64
	var answered sync.Map // the index that each caller was answered last, by its key
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("Authorization")
		if r.Method == http.MethodGet {
			least, _ := strconv.ParseUint(r.Header.Get(headerAtLeast), 10, 64)
			if own, _ := answered.Load(who); own == nil || least < own.(uint64) {
				t.Errorf("%s reads at least %d after %v", who, least, own)
			}
			w.Header().Set(headerIndex, "1") // of a replica that is behind
			_, _ = io.WriteString(w, `{}`)
			return
		}
		index := newest.Add(1)
		answered.Store(who, index)
		w.Header().Set(headerIndex, strconv.FormatUint(index, 10))
		created(w, r)
	}))
	defer server.Close()
	shared := client.New(client.Config{URL: server.URL})
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			c := shared.With(strconv.Itoa(caller))
			for range rounds {
				if _, err := c.CreateCompany(t.Context(), "Kanda"); err != nil {
					t.Error(err)
				}
				if _, err := c.Status(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
