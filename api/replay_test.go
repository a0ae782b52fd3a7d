package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/auth"
	"seyfert/client"
	"seyfert/money"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/rail/banksim"
	"seyfert/wire"
)

// TestIdempotency repeats every request that carries a key: the same gets the same answer, and
// another under the same key is a conflict that names it.
func TestIdempotency(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	offer := p.kanda.mustOffer(t, 1000)
	second := p.kanda.mustOffer(t, 2000)
	amount := money.New(money.KRW, 700)
	calls := map[string]func(c *client.Client, other bool) (string, error){
		p.place.key: func(c *client.Client, other bool) (string, error) {
			made, err := c.CreateMember(ctx, map[bool]string{false: "Park", true: "Choi"}[other])
			return made.ID, err
		},
		p.kanda.key: func(c *client.Client, other bool) (string, error) {
			r := client.OfferRequest{Amount: amount, PayeeKey: strings.Repeat("A", 43)}
			if other {
				r.ExpiresIn = 90
			}
			made, err := c.CreateOffer(ctx, r)
			return made.ID + made.JWS, err
		},
		p.kim.session: func(c *client.Client, other bool) (string, error) {
			made, err := c.Approve(ctx, map[bool]string{false: offer.JWS, true: second.JWS}[other])
			return made.ID + made.Receipt, err
		},
	}
	for key, call := range calls {
		once := p.as(key).Once("the-same-key")
		first, err := call(once, false)
		must(t, err)
		again, err := call(once, false)
		must(t, err)
		if first != again {
			t.Errorf("the same request got %s and %s", first, again)
		}
		_, err = call(once, true)
		mustBe(t, err, http.StatusConflict, client.CodeConflict, "Idempotency-Key")
	}
	// The key is the caller's own: another caller's, and another call's, is another key.
	if _, err := p.other.Once("the-same-key").CreateOffer(ctx, client.OfferRequest{
		Amount: amount, PayeeKey: strings.Repeat("B", 42) + "A",
	}); err != nil {
		t.Error(err)
	}
	_, err := p.operator().Once("the-same-key").CreateCompany(ctx, "Park")
	mustBe(t, err, http.StatusConflict, client.CodeConflict, "Idempotency-Key")
	mustHave(t, p.kim.Client, 99_000)
}

// TestKeysAreShownOnce holds that a repeated request gets the company and not its key.
func TestKeysAreShownOnce(t *testing.T) {
	p := newPeople(t)
	once := p.operator().Once("k")
	first, err := once.CreateCompany(t.Context(), "Kanda")
	must(t, err)
	again, err := once.CreateCompany(t.Context(), "Kanda")
	must(t, err)
	if first.APIKey == "" || again.APIKey != "" || first.Company.ID != again.Company.ID {
		t.Errorf("got %v and %v", first, again)
	}
	if _, err := p.as(first.APIKey).Wallet(t.Context()); err != nil {
		t.Errorf("the first key: %v", err)
	}
}

// TestCodesAreSpent holds that a one-time code makes one session, and only in its time.
func TestCodesAreSpent(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	code, err := p.operator().CreateSignIn(ctx, p.kim.id)
	must(t, err)
	if !strings.HasSuffix(code.URL, code.Code) || !strings.HasPrefix(code.URL, p.url) {
		t.Errorf("the code's page is %s", code.URL)
	}
	_, err = p.as("").SignIn(ctx, code.Code)
	must(t, err)
	_, err = p.as("").SignIn(ctx, code.Code)
	mustBe(t, err, http.StatusUnauthorized, client.CodeUnauthenticated, "code")
	late, err := p.operator().CreateSignIn(ctx, p.kim.id)
	must(t, err)
	p.clock.add(time.Hour)
	_, err = p.as("").SignIn(ctx, late.Code)
	mustBe(t, err, http.StatusUnauthorized, client.CodeUnauthenticated, "code")
}

// TestNotices takes the bank's word once, whatever the bank does wrong.
func TestNotices(t *testing.T) {
	p := newPeople(t)
	hana, err := banksim.New(banksim.Config{
		Name: "hana", URL: p.url + "/rail/bank/notices", Secret: []byte(bankSecret),
		HTTP: p.out.HTTP(), Now: p.clock.Now,
	})
	must(t, err)
	number, err := hana.Issue()
	must(t, err)
	_, err = p.operator().OpenVirtualAccount(t.Context(), client.VirtualAccount{
		Rail: bank.Rail, Bank: "hana", Number: number, Currency: "KRW", Owner: p.kim.id,
	})
	must(t, err)
	hana.SetFaults(banksim.Faults{Duplicate: true})
	must(t, hana.Deposit(t.Context(), number, money.New(money.KRW, 5_000)))
	if hana.Waiting() != 0 {
		t.Error("the notice was not taken")
	}
	mustHave(t, p.kim.Client, 105_000)

	_, first := p.notice("n", "110-1", "10")
	answer, again := p.notice("n", "110-1", "10")
	if answer.StatusCode != 200 || !bytes.Equal(first, again) {
		t.Errorf("the same notice again: %d %s", answer.StatusCode, again)
	}
	answer, body := p.notice("n", "110-1", "11")
	mustAnswer(t, answer, body, 409, "conflict", "notice_id")
	answer, body = p.notice("m", "110-1", "0")
	mustAnswer(t, answer, body, 400, "invalid", "amount")
	mustHave(t, p.kim.Client, 105_010)

	// Money for a number that nobody has is taken and waits at the node.
	if answer, body := p.notice("lost", "999", "10"); answer.StatusCode != 200 {
		t.Errorf("money for nobody: %s", body)
	}
	p.mustRefuse(try{
		what: "no signature", method: "POST", url: "/rail/bank/notices", body: "{}",
		status: 401, code: "unauthenticated", field: bank.HeaderTimestamp,
	})
	p.mustRefuse(try{
		what: "a wrong signature", method: "POST", url: "/rail/bank/notices", body: "{}",
		header: http.Header{
			bank.HeaderTimestamp: {fmt.Sprint(p.clock.Now().Unix())},
			bank.HeaderSignature: {strings.Repeat("0", 64)},
		},
		status: 401, code: "unauthenticated", field: bank.HeaderSignature,
	})
}

func mustAnswer(t testing.TB, answer *http.Response, body []byte, status int, code, field string) {
	t.Helper()
	var problem client.Problem
	must(t, json.Unmarshal(body, &problem))
	if answer.StatusCode != status || problem.Code != code || problem.Field != field {
		t.Errorf("%d %s, want %d %s about %s", answer.StatusCode, body, status, code, field)
	}
}

// signedRequest is a request of one node to the other, as it stands on the wire.
func (w *world) signedRequest(from, to *place, method, path string, body []byte) http.Header {
	w.t.Helper()
	r, err := http.NewRequest(method, to.url+path, nil)
	must(w.t, err)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", peer.TypeMessages)
	var nonce [16]byte
	rand.Read(nonce[:])
	now := w.clock.Now().Unix()
	must(w.t, wire.SignRequest(r, to.url+path, body, wire.SignatureParams{
		Created: now, Expires: now + 60, KeyID: from.signer.KeyID(),
		Nonce: hex.EncodeToString(nonce[:]), Tag: wire.TagSNP,
	}, from.signer.SignHTTP))
	return r.Header
}

// TestPeerRequests sends what a peer might: the answers to whole requests are problems that
// name what is wrong, and a replay of a request is refused.
func TestPeerRequests(t *testing.T) {
	w := newWorld(t)
	batch, err := wire.EncodeBatch([]string{"a.b.c"})
	must(t, err)
	send := func(h http.Header, path string, body []byte) try {
		method := "POST"
		if body == nil {
			method = "GET"
		}
		return try{
			what: "peer", method: method, url: path, header: h, body: string(body), status: 401,
			code: "unauthenticated", field: "signature",
		}
	}
	good := w.signedRequest(w.tokyo, w.seoul, "POST", peer.PathMessages, batch)
	altered := good.Clone()
	altered.Set("Content-Digest", "sha-512=:AAAA:")
	w.seoul.mustRefuse(send(nil, peer.PathMessages, batch))
	w.seoul.mustRefuse(send(altered, peer.PathMessages, batch))
	w.seoul.mustRefuse(send(good, peer.PathMessages, append(batch, ' ')))
	w.seoul.mustRefuse(send(
		w.signedRequest(w.tokyo, w.tokyo, "POST", peer.PathMessages, batch),
		peer.PathMessages, batch))
	w.seoul.mustRefuse(send(
		w.signedRequest(w.seoul, w.seoul, "POST", peer.PathMessages, batch),
		peer.PathMessages, batch))

	answer, body := w.seoul.send("POST", peer.PathMessages, good, bytes.NewReader(batch))
	if answer.StatusCode != 200 || answer.Header.Get("Signature") == "" ||
		!strings.Contains(string(body), `"status":400`) {
		t.Errorf("a batch of no messages: %d %s", answer.StatusCode, body)
	}
	replay := send(good, peer.PathMessages, batch)
	replay.field = "nonce"
	w.seoul.mustRefuse(replay)

	for _, text := range []string{"", "{}", "[]", `{"messages":[]}`, `{ "messages":["a.b.c"]}`} {
		r := send(w.signedRequest(w.tokyo, w.seoul, "POST", peer.PathMessages, []byte(text)),
			peer.PathMessages, []byte(text))
		r.status, r.code, r.field = 400, "invalid", "messages"
		w.seoul.mustRefuse(r)
	}
}

// TestCatchUp lets a peer ask for our messages again, and nobody else.
func TestCatchUp(t *testing.T) {
	w := newWorld(t)
	w.work()
	w.mustPayOnce()
	get := func(from *place, did, query string) (*http.Response, []byte) {
		path := "/snp/v1/channels/" + did + "/messages" + query
		return w.tokyo.send("GET", path, w.signedRequest(from, w.tokyo, "GET", path, nil), nil)
	}
	answer, body := get(w.seoul, w.seoul.did, "?from=1")
	messages, err := wire.ParseBatch(body)
	must(t, err)
	if answer.StatusCode != 200 || len(messages) == 0 || answer.Header.Get("Signature") == "" {
		t.Errorf("catching up: %d %s", answer.StatusCode, body)
	}
	answer, body = get(w.seoul, w.seoul.did, "")
	if answer.StatusCode != 200 {
		t.Errorf("catching up from the start: %s", body)
	}
	answer, body = get(w.seoul, "did:web:osaka.localhost", "?from=1")
	mustAnswer(t, answer, body, 404, "not_found", "did")
	for _, query := range []string{"?from=0", "?from=x", "?from=-1", "?from=1e3"} {
		answer, body = get(w.seoul, w.seoul.did, query)
		mustAnswer(t, answer, body, 400, "invalid", "from")
	}
	answer, body = get(w.seoul, w.seoul.did, "?from=99999")
	mustAnswer(t, answer, body, 404, "not_found", "from")
	w.tokyo.mustRefuse(try{
		what: "anyone", method: "GET", url: "/snp/v1/channels/" + w.seoul.did + "/messages",
		status: 401, code: "unauthenticated", field: "signature",
	})
}

// mustPayOnce makes one payment from seoul to tokyo.
func (w *world) mustPayOnce() {
	w.t.Helper()
	kim := w.seoul.mustSignIn("Kim", "110-1", "100000")
	kanda := w.tokyo.mustOpenShop("Kanda Paper")
	offer := kanda.mustOffer(w.t, 15_000)
	order, err := kim.Approve(w.t.Context(), offer.JWS)
	must(w.t, err)
	claim := kanda.mustSign(w.t, w.clock.Now(), order.Receipt, offer)
	_, err = kanda.SubmitClaim(w.t.Context(), claim)
	must(w.t, err)
	mustHave(w.t, kanda.Client, 15_000)
}

// TestRates holds that a rate lets twice as many requests of one second come at once, and then
// one after another.
func TestRates(t *testing.T) {
	limits := api.LimitsOf(5, 0)
	want := auth.Limit{Burst: 10, Every: 200 * time.Millisecond, Keys: 1 << 16}
	if limits.Address != want || limits.Caller != api.DefaultLimits().Caller {
		t.Errorf("%+v", limits)
	}
	most := api.LimitsOf(api.RequestsPerSecondMax+1, 0).Address
	if most.Burst != 2*api.RequestsPerSecondMax || most.Every != time.Microsecond {
		t.Errorf("%+v", most)
	}
	auth.NewThrottle(most) // panics at what it can't keep
}

// TestThrottles reaches each limit and waits as told.
func TestThrottles(t *testing.T) {
	few := auth.Limit{Burst: 3, Every: 10 * time.Second, Keys: 100}
	tests := map[string]func(l *api.Limits, p func() *place) (string, string){
		"address": func(l *api.Limits, p func() *place) (string, string) {
			l.Address = few
			return "/healthz", ""
		},
		"caller": func(l *api.Limits, p func() *place) (string, string) {
			l.Caller = few
			return "/v1/status", p().key
		},
		"guess": func(l *api.Limits, p func() *place) (string, string) {
			l.Guess = few
			return "/v1/status", "sk_test_" + strings.Repeat("A", 43)
		},
	}
	for name, choose := range tests {
		limits := boundless()
		choose(&limits, func() *place { return &place{} })
		p := alone(t, settings{limits: limits})
		path, key := choose(&limits, func() *place { return p })
		h := http.Header{}
		if key != "" {
			h.Set("Authorization", "Bearer "+key)
		}
		for range few.Burst {
			if answer, _ := p.send("GET", path, h, nil); answer.StatusCode == 429 {
				t.Errorf("%s: refused inside the burst", name)
			}
		}
		before := p.hash()
		answer, body := p.send("GET", path, h, nil)
		mustAnswer(t, answer, body, 429, "too_many", "")
		if answer.Header.Get("Retry-After") != "10" || p.hash() != before {
			t.Errorf("%s: Retry-After %q", name, answer.Header.Get("Retry-After"))
		}
		p.clock.add(few.Every)
		if answer, _ := p.send("GET", path, h, nil); answer.StatusCode == 429 {
			t.Errorf("%s: refused after the wait", name)
		}
	}
}

// TestGuessedCodes: an address that tried too many wrong codes waits, and what it sends
// meanwhile is not even looked at.
func TestGuessedCodes(t *testing.T) {
	limits := boundless()
	limits.Guess = auth.Limit{Burst: 3, Every: 10 * time.Second, Keys: 100}
	p := alone(t, settings{limits: limits})
	ctx := t.Context()
	member, err := p.operator().CreateMember(ctx, "Kim")
	must(t, err)
	signIn := func(code string) (*http.Response, []byte) {
		h := http.Header{"Content-Type": {"application/json"}}
		return p.send("POST", "/v1/sessions", h, strings.NewReader(`{"code":"`+code+`"}`))
	}
	for range 2 * limits.Guess.Burst { // right ones do not count
		code, err := p.operator().CreateSignIn(ctx, member.ID)
		must(t, err)
		if answer, body := signIn(code.Code); answer.StatusCode != http.StatusCreated {
			t.Fatalf("a right code: %d %s", answer.StatusCode, body)
		}
	}
	code, err := p.operator().CreateSignIn(ctx, member.ID)
	must(t, err)
	before := p.hash()
	wrong := "code_" + strings.Repeat("A", 43)
	for range limits.Guess.Burst {
		answer, body := signIn(wrong)
		mustAnswer(t, answer, body, 401, "unauthenticated", "code")
	}
	for _, text := range []string{wrong, code.Code} {
		answer, body := signIn(text)
		mustAnswer(t, answer, body, 429, "too_many", "")
		if answer.Header.Get("Retry-After") != "10" {
			t.Errorf("Retry-After %q", answer.Header.Get("Retry-After"))
		}
	}
	if p.hash() != before {
		t.Error("a wrong code changed the state")
	}
	p.clock.add(limits.Guess.Every)
	if answer, body := signIn(code.Code); answer.StatusCode != http.StatusCreated {
		t.Errorf("after the wait: %d %s", answer.StatusCode, body)
	}
}
