package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"seyfert/client"
	"seyfert/money"
)

// request is what a node was sent.
type request struct {
	method, path, query, body, authorization, key, media string
}

// node is a node that answers what a test tells it to, and remembers what it was sent.
type node struct {
	url    string
	mu     sync.Mutex
	asked  []request
	answer func(n int, w http.ResponseWriter)
}

func newNode(t *testing.T, answer func(n int, w http.ResponseWriter)) *node {
	t.Helper()
	n := &node{answer: answer}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	n.url = server.URL
	return n
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	n.asked = append(n.asked, request{
		r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Get("Authorization"),
		r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"),
	})
	count := len(n.asked)
	n.mu.Unlock()
	n.answer(count, w)
}

func (n *node) requests() []request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

// say answers with a status and a JSON text.
func say(status int, text string) func(int, http.ResponseWriter) {
	return func(_ int, w http.ResponseWriter) {
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func mustBe(t *testing.T, err error, status int, code string) *client.Problem {
	t.Helper()
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Status != status || p.Code != code {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	return p
}

func TestProblem(t *testing.T) {
	n := newNode(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(422)
		io.WriteString(w, `{"type":"/problems/refused","title":"Refused","status":422,
			"detail":"Too little.","code":"refused","field":"amount","request_id":"req_1",
			"errors":[{"field":"amount","detail":"Too little."}],"later":1}`)
	})
	_, err := client.New(client.Config{URL: n.url + "/"}).Wallet(t.Context())
	p := mustBe(t, err, 422, client.CodeRefused)
	if p.Type != "/problems/refused" || p.Field != "amount" || p.RequestID != "req_1" ||
		p.RetryAfter != 7*time.Second || len(p.Errors) != 1 || p.Title != "Refused" {
		t.Errorf("the problem is %+v", p)
	}
	if want := "client: 422 refused: amount: Too little."; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if len(n.requests()) != 1 {
		t.Errorf("asked %d times", len(n.requests()))
	}
}

// TestProblemOfOthers reads what something between answers, which knows no problems.
func TestProblemOfOthers(t *testing.T) {
	for _, text := range []string{"<html>", "", "{", `{"code":"forged"}`} {
		n := newNode(t, func(_ int, w http.ResponseWriter) {
			w.Header().Set("X-Request-Id", "r")
			w.WriteHeader(403)
			io.WriteString(w, text)
		})
		_, err := client.New(client.Config{URL: n.url}).Wallet(t.Context())
		if p := mustBe(t, err, 403, ""); p.RequestID != "r" || p.Title != "Forbidden" {
			t.Errorf("the problem of %q is %+v", text, p)
		}
	}
}

// TestRetries holds that a call is sent again when the node asks for it, with the same key.
func TestRetries(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		n := newNode(t, func(count int, w http.ResponseWriter) {
			if count < 3 {
				say(status, `{"code":"too_many"}`)(count, w)
				return
			}
			say(201, `{"id":"off_1"}`)(count, w)
		})
		c := client.New(client.Config{URL: n.url, Key: "sk_test_1"})
		offer, err := c.CreateOffer(t.Context(), client.OfferRequest{
			Amount: money.New(money.KRW, 5),
		})
		if err != nil || offer.ID != "off_1" {
			t.Fatalf("%d: %v", status, err)
		}
		asked := n.requests()
		if len(asked) != 3 || asked[0] != asked[1] || asked[1] != asked[2] ||
			len(asked[0].key) != 32 || asked[0].authorization != "Bearer sk_test_1" {
			t.Errorf("%d: asked %v", status, asked)
		}
		if _, err := c.Approve(t.Context(), "a.b.c"); err != nil {
			t.Fatal(err)
		}
		if last := n.requests()[3]; last.key == asked[0].key {
			t.Error("two calls have one key")
		}
	}
}

func TestTriesMax(t *testing.T) {
	n := newNode(t, say(503, `{"code":"unavailable"}`))
	_, err := client.New(client.Config{URL: n.url}).Health(t.Context())
	mustBe(t, err, 503, client.CodeUnavailable)
	if got := len(n.requests()); got != client.TriesMax {
		t.Errorf("asked %d times, want %d", got, client.TriesMax)
	}
}

// TestNoRetry holds what is sent once: what is wrong stays wrong, and what nobody may repeat.
func TestNoRetry(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 413, 422, 500} {
		n := newNode(t, say(status, `{}`))
		_, err := client.New(client.Config{URL: n.url}).Status(t.Context())
		mustBe(t, err, status, "")
		if got := len(n.requests()); got != 1 {
			t.Errorf("%d: asked %d times", status, got)
		}
	}
	n := newNode(t, say(502, `{}`))
	_, err := client.New(client.Config{URL: n.url}).SignIn(t.Context(), "code_1")
	mustBe(t, err, 502, "")
	if got := len(n.requests()); got != 1 {
		t.Errorf("a code was sent %d times", got)
	}
	slow := newNode(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "31")
		w.WriteHeader(429)
	})
	if _, err := client.New(client.Config{URL: slow.url}).Status(t.Context()); err == nil {
		t.Error("no error")
	}
	if got := len(slow.requests()); got != 1 {
		t.Errorf("asked %d times although the node asked for a long wait", got)
	}
}

// TestLostAnswers holds that a broken connection is tried again, and a code is not.
func TestLostAnswers(t *testing.T) {
	lose := func(count int, w http.ResponseWriter) {
		if count == 1 {
			connection, _, _ := http.NewResponseController(w).Hijack()
			connection.Close()
			return
		}
		say(201, `{"id":"mem_1","session":"mst_1"}`)(count, w)
	}
	n := newNode(t, lose)
	member, err := client.New(client.Config{URL: n.url}).Once("k").CreateMember(t.Context(), "Kim")
	asked := n.requests()
	if err != nil || member.ID != "mem_1" || len(asked) != 2 || asked[0] != asked[1] ||
		asked[0].key != "k" {
		t.Errorf("%v, asked %v", err, asked)
	}
	n = newNode(t, lose)
	if _, err := client.New(client.Config{URL: n.url}).SignIn(t.Context(), "c"); err == nil {
		t.Error("a lost answer to a code is no error")
	}
}

func TestContextEndsTries(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := newNode(t, func(int, http.ResponseWriter) { cancel() })
	n.answer = func(count int, w http.ResponseWriter) {
		say(503, `{}`)(count, w)
		cancel()
	}
	if _, err := client.New(client.Config{URL: n.url}).Health(ctx); err == nil {
		t.Error("no error")
	}
	if got := len(n.requests()); got != 1 {
		t.Errorf("asked %d times", got)
	}
}

func TestAnswers(t *testing.T) {
	for _, text := range []string{"", "{", "<html>", `{"index":"x"}`} {
		n := newNode(t, say(200, text))
		if _, err := client.New(client.Config{URL: n.url}).Health(t.Context()); err == nil {
			t.Errorf("the answer %q was read", text)
		}
	}
	long := newNode(t, func(_ int, w http.ResponseWriter) {
		chunk := make([]byte, 1<<20)
		for range client.AnswerBytesMax>>20 + 1 {
			w.Write(chunk)
		}
	})
	_, err := client.New(client.Config{URL: long.url}).Status(t.Context())
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an endless answer: %v", err)
	}
	for _, url := range []string{"", "tokyo.example", "ftp://tokyo.example", "http://\x00"} {
		if _, err := client.New(client.Config{URL: url}).Health(t.Context()); err == nil {
			t.Errorf("%q was asked", url)
		}
	}
	_, err = client.New(client.Config{
		URL: long.url, Random: iotest.ErrReader(errors.New("broken")),
	}).CreateMember(t.Context(), "Kim")
	if err == nil || len(long.requests()) != 1 {
		t.Errorf("a call without a key was sent: %v", err)
	}
}

// calls runs every method of the client once.
func calls(ctx context.Context, c *client.Client) {
	c.CreateCompany(ctx, "Kanda")
	c.Companies(ctx)
	c.CreateMember(ctx, "Kim")
	c.Members(ctx)
	c.CreateSignIn(ctx, "mem_1")
	c.SignIn(ctx, "code_1")
	c.SignOut(ctx)
	c.OpenVirtualAccount(ctx, client.VirtualAccount{})
	c.Wallet(ctx)
	c.WalletOf(ctx, "mem_1")
	c.Deposits(ctx, 5)
	c.CreateOffer(ctx, client.OfferRequest{Amount: money.New(money.KRW, 1)})
	c.Offers(ctx, 5)
	c.Offer(ctx, "off_1")
	c.ReadOffer(ctx, "a.b.c")
	c.Approve(ctx, "a.b.c")
	c.Orders(ctx, 5)
	c.Order(ctx, "ord_1")
	c.SubmitClaim(ctx, client.ClaimRequest{Amount: money.New(money.KRW, 1)})
	c.Claim(ctx, "clm_1")
	c.WaitClaim(ctx, "clm_1")
	c.Transfer(ctx, "t")
	c.Proof(ctx, "t")
	c.EntryProof(ctx, 7)
	c.Headers(ctx)
	c.CloseDay(ctx, "2026-11-23")
	c.Days(ctx)
	c.ChainRows(ctx)
	c.Peers(ctx)
	c.AddPeer(ctx, client.PeerTerms{})
	c.Events(ctx, 3, 5)
	c.WaitEvents(ctx, 3, 5, time.Second)
	c.Changes(ctx, 3, 5, time.Second)
	c.Details(ctx, 3, 5)
	c.History(ctx, 3, time.Now(), 5)
	c.Change(ctx, 3)
	c.Status(ctx)
	c.Health(ctx)
	c.Descriptor(ctx)
	bookCalls(ctx, c)
}

// TestWholeAPI holds that there is a method for each endpoint of the published document, that
// each asks for an endpoint of it, and that creating calls carry a key.
func TestWholeAPI(t *testing.T) {
	text, err := os.ReadFile("../openapi/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string } `json:"parameters"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, say(200, `{"data":[],"state":"paid"}`))
	calls(t.Context(), client.New(client.Config{URL: n.url, Key: "k"}))
	missing := map[string]bool{}
	for path, methods := range document.Paths {
		for method := range methods {
			if strings.HasPrefix(path, "/v1/") {
				missing[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	for _, r := range n.requests() {
		path := template(document.Paths, r.path)
		op, known := document.Paths[path][strings.ToLower(r.method)]
		if !known {
			t.Errorf("%s %s is not in the document", r.method, r.path)
		}
		delete(missing, r.method+" "+path)
		takesKey := false
		for _, p := range op.Parameters {
			takesKey = takesKey || p.Name == "Idempotency-Key"
			if p.In == "query" && !strings.Contains(r.query, p.Name+"=") && r.method == "GET" {
				t.Errorf("%s never says %s", r.path, p.Name)
			}
		}
		if takesKey != (r.key != "") {
			t.Errorf("%s %s carries the key %q", r.method, r.path, r.key)
		}
	}
	for endpoint := range missing {
		t.Errorf("there is no method for %s", endpoint)
	}
}

// template finds the path of the document that a request's path fits.
func template[T any](paths map[string]T, path string) string {
	if _, exact := paths[path]; exact {
		return path
	}
	got := strings.Split(path, "/")
	for candidate := range paths {
		want := strings.Split(candidate, "/")
		fits := len(got) == len(want)
		for i := 0; fits && i < len(want); i++ {
			fits = want[i] == got[i] || strings.HasPrefix(want[i], "{")
		}
		if fits {
			return candidate
		}
	}
	return ""
}

func TestWith(t *testing.T) {
	n := newNode(t, say(200, `{}`))
	first := client.New(client.Config{URL: n.url, Key: "one"})
	first.With("two").Wallet(t.Context())
	first.Wallet(t.Context())
	asked := n.requests()
	if asked[0].authorization != "Bearer two" || asked[1].authorization != "Bearer one" ||
		first.URL() != n.url {
		t.Errorf("asked %v", asked)
	}
}
