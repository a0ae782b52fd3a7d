package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"seyfert/api"
	"seyfert/client"
	"seyfert/node"
)

// TestRequestIDs holds that an id is taken over if it is plain and short, and made otherwise.
func TestRequestIDs(t *testing.T) {
	p := alone(t, settings{})
	made := regexp.MustCompile(`^req_[0-9a-f]{24}$`)
	for given, taken := range map[string]bool{
		"a": true, strings.Repeat("Z", api.RequestIDMax): true, "8f3e-1.b_C": true,
		"": false, strings.Repeat("Z", api.RequestIDMax+1): false, "a b": false, "<a>": false,
		"키": false,
	} {
		answer, _ := p.send("GET", "/healthz", http.Header{api.HeaderRequestID: {given}}, nil)
		got := answer.Header.Get(api.HeaderRequestID)
		if taken && got != given || !taken && !made.MatchString(got) {
			t.Errorf("given %q, got %q", given, got)
		}
	}
}

// TestHeaders holds what every answer says to browsers and caches.
func TestHeaders(t *testing.T) {
	p := alone(t, settings{})
	for _, path := range []string{"/healthz", "/v1/status", "/v1/none", "/v1/days"} {
		answer, _ := p.send("GET", path, nil, nil)
		h := answer.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Set-Cookie") != "" || h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	answer, _ := p.send("GET", "/v1/status", nil, nil)
	if !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Error("a 401 does not say how to authenticate")
	}
	secure := p.config(settings{})
	secure.Secure = true
	handler, err := api.New(secure)
	must(t, err)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("a node on https lets browsers come by http")
	}
}

// TestKinds holds that each type of problem is explained at its address.
func TestKinds(t *testing.T) {
	p := alone(t, settings{})
	for _, code := range []string{
		client.CodeMalformed, client.CodeInvalid, client.CodeUnauthenticated,
		client.CodeForbidden, client.CodeNotFound, client.CodeConflict, client.CodeRefused,
		client.CodeTooLarge, client.CodeTooMany, client.CodeUnavailable, client.CodeInternal,
		"method_not_allowed", "unsupported_media_type", "timeout",
	} {
		answer, body := p.send("GET", "/problems/"+code, nil, nil)
		if answer.StatusCode != 200 || len(body) == 0 {
			t.Errorf("%s: %d %s", code, answer.StatusCode, body)
		}
	}
}

// TestOwnFaults holds that a fault of our own is logged and its text goes no further.
func TestOwnFaults(t *testing.T) {
	p := newPeople(t)
	p.names.broken = errors.New("disk sector 7 of /var/keys")
	answer, got := p.send("GET", "/v1/members", http.Header{
		"Authorization": {"Bearer " + p.place.key},
	}, nil)
	var problem client.Problem
	must(t, json.Unmarshal(got, &problem))
	if answer.StatusCode != 500 || problem.Code != client.CodeInternal ||
		problem.Detail != "The node has a fault of its own." || problem.Field != "" ||
		strings.Contains(string(got), "sector") {
		t.Errorf("the answer is %s", got)
	}
	log := p.log.String()
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, problem.RequestID) ||
		!strings.Contains(log, "sector 7") {
		t.Errorf("the log is %s", log)
	}
}

// TestConfig refuses a handler that lacks a part.
func TestConfig(t *testing.T) {
	p := alone(t, settings{})
	for what, spoil := range map[string]func(c *api.Config){
		"no node":          func(c *api.Config) { c.Node = nil },
		"no clock":         func(c *api.Config) { c.Now = nil },
		"no randomness":    func(c *api.Config) { c.Random = nil },
		"no log":           func(c *api.Config) { c.Log = nil },
		"no origin":        func(c *api.Config) { c.Origin = "" },
		"a bare origin":    func(c *api.Config) { c.Origin = "seoul.example" },
		"a slashed origin": func(c *api.Config) { c.Origin += "/" },
	} {
		c := p.config(settings{})
		spoil(&c)
		if _, err := api.New(c); err == nil {
			t.Errorf("a handler with %s was made", what)
		}
	}
	c := p.config(settings{})
	c.Receiver, c.Bank, c.Fetch, c.CheckoutURL = nil, nil, nil, nil
	handler, err := api.New(c)
	must(t, err)
	for path, want := range map[string]int{
		"/snp/v1/messages": 404, "/rail/bank/notices": 404, "/v1/peers": 401,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("{}")))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	mux := http.NewServeMux()
	for _, pattern := range api.Patterns() {
		mux.Handle(pattern, handler) // panics at a pattern that is none
	}
}

// TestClientTypes holds that the client reads every member that the node writes.
func TestClientTypes(t *testing.T) {
	for _, pair := range [][2]any{
		{node.Company{}, client.Company{}},
		{node.Member{}, client.Member{}},
		{node.VirtualAccount{}, client.VirtualAccount{}},
		{node.Balance{}, client.Balance{}},
		{node.Wallet{}, client.Wallet{}},
		{node.Deposit{}, client.Deposit{}},
		{node.Entry{}, client.Entry{}},
		{node.Line{}, client.Line{}},
		{node.Offer{}, client.Offer{}},
		{node.OfferTerms{}, client.OfferTerms{}},
		{node.Order{}, client.Order{}},
		{node.Claim{}, client.Claim{}},
		{node.Transfer{}, client.Transfer{}},
		{node.ChainRow{}, client.ChainRow{}},
		{node.Day{}, client.Day{}},
		{node.Peer{}, client.Peer{}},
		{node.Position{}, client.Position{}},
		{node.Status{}, client.Status{}},
		{node.Event{}, client.Event{}},
		{node.BookAccount{}, client.BookAccount{}},
		{node.AccountLimits{}, client.AccountLimits{}},
		{node.Velocity{}, client.Velocity{}},
		{node.Outflow{}, client.Outflow{}},
		{node.BookTransfer{}, client.BookTransfer{}},
		{node.BookLeg{}, client.BookLeg{}},
		{node.BookHold{}, client.BookHold{}},
		{node.PastBalance{}, client.PastBalance{}},
		{node.Annotation{}, client.Annotation{}},
	} {
		ours, theirs := members(pair[0]), members(pair[1])
		if !slices.Equal(ours, theirs) {
			t.Errorf("%T has %v, the client reads %v", pair[0], ours, theirs)
		}
	}
}

// members lists the JSON members of a type, sorted.
func members(v any) []string {
	var names []string
	for field := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// FuzzRequest holds that no request, whoever sends it, gets an answer that is neither a success
// nor a problem, or one of our own faults.
func FuzzRequest(f *testing.F) {
	seeds := []struct {
		method, target, body string
	}{
		{"GET", "/v1/wallet", ""},
		{"POST", "/v1/companies", `{"name":"Kanda"}`},
		{"POST", "/v1/days/close", `{"day":"2026-11-18"}`},
		{"POST", "/v1/sessions", `{"code":"x"}`},
		{"GET", "/v1/events?from=1&limit=2&wait=0", ""},
		{"GET", "/log/tile/0/000.p/1", ""},
		{"POST", "/snp/v1/messages", `{"messages":["a.b.c"]}`},
		{"POST", "/rail/bank/notices", `{"notice_id":"1"}`},
		{"POST", "/v1/offers", `{"amount":{"currency":"KRW","value":"1"}}`},
		{"POST", "/v1/members/%FF/sign-in", ""},
	}
	for _, s := range seeds {
		f.Add(s.method, s.target, []byte(s.body))
	}
	var p *place
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		if p == nil {
			p = alone(t, settings{limits: boundless()})
		}
		p.t = t
		r, err := http.NewRequest(method, "http://x", bytes.NewReader(body))
		if err != nil {
			return
		}
		path, query, _ := strings.Cut(target, "?")
		r.URL.Path, r.URL.RawQuery = path, query
		if strings.Contains(query, "wait") {
			return // it would wait
		}
		r.Header.Set("Authorization", "Bearer "+p.key)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		p.handle.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s %s: %d %s", method, target, body, w.Code, w.Body)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%s %s %s: %d is no problem: %s", method, target, body, w.Code, w.Body)
		}
	})
}

// TestBrokenRandomness holds that a node without randomness answers nobody.
func TestBrokenRandomness(t *testing.T) {
	p := alone(t, settings{})
	c := p.config(settings{})
	c.Random = iotest.ErrReader(errors.New("broken"))
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	handler, err := api.New(c)
	must(t, err)
	defer func() {
		if recover() == nil {
			t.Error("a request was answered under an id that may repeat")
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/healthz", nil))
}
