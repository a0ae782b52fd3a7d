package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"seyfert/client"
)

// many are replicas of one node, each with an answer of its own.
type many struct {
	t    *testing.T
	urls []string
	mu   sync.Mutex // guards asked and keys
	// asked are the replicas in the order in which they were asked, keys what came with it.
	asked []int
	keys  []string
}

func newMany(t *testing.T, answers ...http.HandlerFunc) *many {
	t.Helper()
	m := &many{t: t}
	for i, answer := range answers {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.mu.Lock()
			m.asked = append(m.asked, i)
			m.keys = append(m.keys, r.Header.Get("Idempotency-Key"))
			m.mu.Unlock()
			answer(w, r)
		}))
		t.Cleanup(server.Close)
		m.urls = append(m.urls, server.URL)
	}
	return m
}

// order is which replicas were asked so far.
func (m *many) order() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *many) client() *client.Client {
	return client.New(client.Config{URL: m.urls[0], Others: m.urls[1:]})
}

func noLeader(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"code":"unavailable","reason":"no_leader"}`)
}

func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func created(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"company":{"id":"com_1"}}`)
}

// TestOthers: the next replica is asked when one breaks off, can't be reached or knows no leader,
// at once and with the same key; and then that one first.
func TestOthers(t *testing.T) {
	m := newMany(t, noLeader, breakOff, created)
	m.urls = slices.Insert(m.urls, 1, "http://127.0.0.1:1")
	c := m.client()
	made, err := c.CreateCompany(t.Context(), "Kanda")
	if err != nil || made.Company.ID != "com_1" {
		t.Fatal(made, err)
	}
	if !slices.Equal(m.order(), []int{0, 1, 2}) || len(slices.Compact(m.keys)) != 1 {
		t.Errorf("asked %v with the keys %v", m.order(), m.keys)
	}
	if _, err := c.With("another key").CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Error(err)
	}
	if got := m.order()[3:]; !slices.Equal(got, []int{2}) {
		t.Errorf("then asked %v", got)
	}
}

// TestElection: while no replica leads nothing is done, and a call is sent for longer than it
// would be otherwise.
func TestElection(t *testing.T) {
	var asked atomic.Int64
	m := newMany(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > client.TriesMax {
			created(w, r)
			return
		}
		noLeader(w, r)
	})
	if _, err := m.client().CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Error(err)
	}
}

// TestOnceAtOneReplica: what nobody may repeat goes to the next replica only where the one before
// did not get it.
func TestOnceAtOneReplica(t *testing.T) {
	m := newMany(t, breakOff, created)
	if _, err := m.client().SignIn(t.Context(), "code"); err == nil {
		t.Error("it was answered")
	}
	if !slices.Equal(m.order(), []int{0}) {
		t.Errorf("asked %v", m.order())
	}
	for _, before := range []http.HandlerFunc{noLeader, nil} {
		m := newMany(t, before, created)
		want := []int{0, 1}
		if before == nil {
			m.urls[0], want = "http://127.0.0.1:1", []int{1}
		}
		if _, err := m.client().SignIn(t.Context(), "code"); err != nil {
			t.Error(err)
		}
		if !slices.Equal(m.order(), want) {
			t.Errorf("asked %v, want %v", m.order(), want)
		}
	}
}

// TestWrongAnywhere: a refusal is one on every replica.
func TestWrongAnywhere(t *testing.T) {
	m := newMany(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}, created)
	_, err := m.client().CreateCompany(t.Context(), "Kanda")
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != http.StatusForbidden {
		t.Error(err)
	}
	if !slices.Equal(m.order(), []int{0}) {
		t.Errorf("asked %v", m.order())
	}
}
