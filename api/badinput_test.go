package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"seyfert/api"
	"seyfert/client"
)

// endpoint is one operation of the published document.
type endpoint struct {
	id, method, path string
	secured          bool
	parameters       []parameter
	body             string // the name of the body's schema; empty without a JSON body
	optional         bool   // the body may be left out
}

type parameter struct {
	Name   string `json:"name"`
	In     string `json:"in"`
	Schema struct {
		Type string `json:"type"`
	} `json:"schema"`
}

type schema struct {
	Type       any               `json:"type"`
	Ref        string            `json:"$ref"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	MaxLength  int               `json:"maxLength"`
	MaxItems   int               `json:"maxItems"`
}

// document is the part of the published document that the tests walk through.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string           `json:"operationId"`
		Security    []map[string]any `json:"security"`
		Parameters  []parameter      `json:"parameters"`
		RequestBody struct {
			Required bool `json:"required"`
			Content  map[string]struct {
				Schema schema `json:"schema"`
			} `json:"content"`
		} `json:"requestBody"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

func mustReadDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(documentFile)
	must(t, err)
	var d document
	must(t, json.Unmarshal(text, &d))
	return d
}

// endpoints lists every operation under /v1, in the order of its ids.
func (d document) endpoints() []endpoint {
	var all []endpoint
	for path, methods := range d.Paths {
		for method, op := range methods {
			e := endpoint{
				id: op.OperationID, method: strings.ToUpper(method), path: path,
				secured: len(op.Security) > 0, parameters: op.Parameters,
				optional: !op.RequestBody.Required,
			}
			if s := op.RequestBody.Content["application/json"].Schema; s.Ref != "" {
				e.body = s.Ref[strings.LastIndex(s.Ref, "/")+1:]
			}
			if strings.HasPrefix(path, "/v1/") {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b endpoint) int { return strings.Compare(a.id, b.id) })
	return all
}

// url fills the path's parameters.
func (e endpoint) url(id string) string {
	path := e.path
	for _, p := range e.parameters {
		if p.In == "path" {
			path = strings.Replace(path, "{"+p.Name+"}", id, 1)
		}
	}
	return path
}

// people are callers of each role on one node.
type people struct {
	*place
	doc    document
	kim    customer
	kanda  shop
	lee    customer
	other  shop
	nobody string
}

func newPeople(t *testing.T) people {
	t.Helper()
	p := alone(t, settings{limits: boundless()})
	return people{
		place: p, doc: mustReadDocument(t),
		kim: p.mustSignIn("Kim", "110-1", "100000"), kanda: p.mustOpenShop("Kanda Paper"),
		lee: p.mustSignIn("Lee", "110-2", "50000"), other: p.mustOpenShop("Other"),
		nobody: "mst_" + strings.Repeat("A", 43),
	}
}

// boundless lets a test send as fast as it can.
func boundless() api.Limits {
	l := api.DefaultLimits()
	l.Address.Burst, l.Caller.Burst, l.Guess.Burst = 40_000, 40_000, 40_000
	return l
}

// try is one bad request and the field that the answer must name; "*" means any.
type try struct {
	what, method, url, key, body string
	header                       http.Header
	status                       int
	code, field                  string
}

// mustRefuse sends a bad request and checks that the answer is the right problem and that
// nothing has happened.
func (p *place) mustRefuse(w try) {
	p.t.Helper()
	h := http.Header{"Content-Type": {"application/json"}}
	for name, values := range w.header {
		h[name] = values
	}
	if w.key != "" {
		h.Set("Authorization", "Bearer "+w.key)
	}
	before := p.hash()
	answer, body := p.send(w.method, w.url, h, strings.NewReader(w.body))
	what := fmt.Sprintf("%s %.100s %.100s (%s)", w.method, w.url, w.body, w.what)
	var problem client.Problem
	if err := json.Unmarshal(body, &problem); err != nil ||
		answer.Header.Get("Content-Type") != "application/problem+json" {
		p.t.Errorf("%s: %d %q is no problem", what, answer.StatusCode, body)
		return
	}
	if answer.StatusCode != w.status || problem.Status != w.status || problem.Code != w.code ||
		problem.Type != "/problems/"+cmp.Or(problem.Reason, w.code) || problem.Title == "" || problem.Detail == "" {
		p.t.Errorf("%s: %s, want %d %s", what, body, w.status, w.code)
	}
	if problem.Field != w.field && w.field != "*" {
		p.t.Errorf("%s: field %q, want %q", what, problem.Field, w.field)
	}
	if w.field == "*" && problem.Field == "" {
		p.t.Errorf("%s: no field is named", what)
	}
	if id := answer.Header.Get(api.HeaderRequestID); id == "" || problem.RequestID != id {
		p.t.Errorf("%s: request id %q, in the problem %q", what, id, problem.RequestID)
	}
	if after := p.hash(); after != before {
		p.t.Errorf("%s: something has happened", what)
	}
}

// key is a caller who may use the endpoint.
func (p people) key(e endpoint) string {
	roles := map[string]string{
		"createOffer": p.kanda.key, "listOffers": p.kanda.key, "createClaim": p.kanda.key,
		"getClaim": p.kanda.key, "getWallet": p.kanda.key, "listDeposits": p.kanda.key,
		"readOffer": p.kim.session, "createOrder": p.kim.session, "listOrders": p.kim.session,
		"getOrder": p.kim.session, "endSession": p.kim.session,
	}
	if key, special := roles[e.id]; special {
		return key
	}
	if e.secured {
		return p.place.key
	}
	return ""
}

func TestUnauthenticated(t *testing.T) {
	p := newPeople(t)
	code, err := p.operator().CreateSignIn(t.Context(), p.kim.id)
	must(t, err)
	gone := p.mustSignIn("Gone", "110-3", "1")
	must(t, gone.SignOut(t.Context()))
	secrets := map[string]string{
		"no key": "", "unknown session": p.nobody, "unknown key": "sk_test_" + p.nobody[4:],
		"a code": code.Code, "an ended session": gone.session, "half a key": p.kanda.key[:20],
		"a long one": strings.Repeat("a", 5000), "another alphabet": "mst_토큰",
	}
	for _, e := range p.doc.endpoints() {
		if !e.secured {
			continue
		}
		for what, secret := range secrets {
			p.mustRefuse(try{
				what: what, method: e.method, url: e.url("x"), key: secret, body: `{"x":`,
				status: 401, code: "unauthenticated", field: "Authorization",
			})
		}
		p.mustRefuse(try{
			what: "another scheme", method: e.method, url: e.url("x"),
			header: http.Header{"Authorization": {"Basic " + p.kanda.key}},
			status: 401, code: "unauthenticated", field: "Authorization",
		})
		p.mustRefuse(try{
			what: "two headers", method: e.method, url: e.url("x"),
			header: http.Header{"Authorization": {"Bearer " + p.kanda.key, "Bearer x"}},
			status: 401, code: "unauthenticated", field: "Authorization",
		})
	}
	p.clock.add(24 * 60 * 60 * 1e9)
	p.mustRefuse(try{
		what: "an expired session", method: "GET", url: "/v1/orders", key: p.kim.session,
		status: 401, code: "unauthenticated", field: "Authorization",
	})
}

// TestRoles sends each request as each of the other roles.
func TestRoles(t *testing.T) {
	p := newPeople(t)
	callers := map[string]string{
		"operator": p.place.key, "company": p.kanda.key, "member": p.kim.session,
	}
	text, err := os.ReadFile(documentFile)
	must(t, err)
	var d struct {
		Paths map[string]map[string]struct {
			ID          string `json:"operationId"`
			Description string `json:"description"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(text, &d))
	for _, e := range p.doc.endpoints() {
		allowed := d.Paths[e.path][strings.ToLower(e.method)].Description
		if !e.secured {
			continue
		}
		for role, key := range callers {
			if strings.Contains(allowed, role) {
				continue
			}
			p.mustRefuse(try{
				what: role, method: e.method, url: e.url("x"), key: key, body: `{}`,
				status: 403, code: "forbidden", field: "Authorization",
			})
		}
	}
}

// TestParameters sends every query parameter wrong, and one that there is not.
func TestParameters(t *testing.T) {
	p := newPeople(t)
	for _, e := range p.doc.endpoints() {
		for _, q := range e.parameters {
			if q.In != "query" || q.Schema.Type != "integer" {
				continue
			}
			long := strings.Repeat("9", 40)
			for _, value := range []string{"x", "-1", "1.5", "1e3", long, "%00"} {
				p.mustRefuse(try{
					what: "query", method: e.method, url: e.url("x") + "?" + q.Name + "=" + value,
					key: p.key(e), body: "{}", status: 400, code: "invalid", field: q.Name,
				})
			}
		}
		wrong := try{
			what: "query", method: e.method, url: e.url("x") + "?surely_unknown=1", key: p.key(e),
			body: "{}", status: 400, code: "invalid", field: "surely_unknown",
		}
		p.mustRefuse(wrong)
		if e.method == "POST" {
			wrong.url = e.url("x")
			for _, key := range []string{"", " ", strings.Repeat("k", 256), "키", "a b", "a\tb"} {
				wrong.header = http.Header{"Idempotency-Key": {key}}
				wrong.field = "Idempotency-Key"
				p.mustRefuse(wrong)
			}
			wrong.header = http.Header{"Idempotency-Key": {"a", "b"}}
			p.mustRefuse(wrong)
		}
	}
	for path, most := range map[string]int{"/v1/events": 200, "/v1/deposits": 200} {
		key := p.kanda.key
		p.mustRefuse(try{
			what: "page", method: "GET", url: fmt.Sprintf("%s?limit=%d", path, most+1), key: key,
			status: 400, code: "invalid", field: "limit",
		})
		answer, body := p.send("GET", fmt.Sprintf("%s?limit=%d", path, most),
			http.Header{"Authorization": {"Bearer " + key}}, nil)
		if answer.StatusCode != 200 {
			t.Errorf("a page of the limit: %s", body)
		}
	}
}

// TestIDs asks for what is malformed, what is another kind and what is not there.
func TestIDs(t *testing.T) {
	p := newPeople(t)
	good := p.bodies()
	ids := []string{
		"x", "off_", "off_01M7Q5CQG0EG494N32ME2JRC65", "mem_01M7Q5CQG0EG494N32ME2JRC65",
		"ord_01M7Q5CQG0EG494N32ME2JRC65", "clm_01M7Q5CQG0EG494N32ME2JRC65", p.lee.id,
		"acc_01M7Q5CQG0EG494N32ME2JRC65", "%00", "%F0%9F%92%B8",
		strings.Repeat("A", 1500), "'%20or%201=1",
	}
	for _, e := range p.doc.endpoints() {
		if !strings.Contains(e.path, "{") {
			continue
		}
		for _, id := range ids {
			if id == p.lee.id && (e.id == "getWalletOf" || e.id == "createSignIn") {
				continue // the operator may see hers
			}
			before := p.node.State().Applied()
			var sent io.Reader
			if e.body != "" && !e.optional {
				sent = strings.NewReader(mustWrite(t, good[e.body]))
			}
			answer, body := p.send(e.method, e.url(id),
				http.Header{"Authorization": {"Bearer " + p.key(e)}}, sent)
			var problem client.Problem
			must(t, json.Unmarshal(body, &problem))
			if answer.StatusCode != 404 || problem.Code != "not_found" ||
				!strings.Contains(e.path, "{"+problem.Field+"}") {
				t.Errorf("%s of %.60q: %s", e.id, id, body)
			}
			// A sign-in code for nobody is a command that is refused: an entry, no change.
			if e.id != "createSignIn" && p.node.State().Applied() != before {
				t.Errorf("%s of %.60q: something has happened", e.id, id)
			}
		}
	}
}

func TestRoutes(t *testing.T) {
	p := newPeople(t)
	for _, path := range []string{
		"/v1", "/v1/", "/v1/none", "/v1//offers", "/v1/offers/", "/v1/../healthz", "/V1/offers",
		"/v1/offers/x/y", "/snp/v1/none", "/rail/none", "/log/none", "/problems/none",
		"/.well-known/none", "/favicon.ico", "/v1/companies;x", "/v1/offers/%FF%FE",
		"/v1/offers/..%2f..%2fetc",
	} {
		p.mustRefuse(try{
			what: "path", method: "GET", url: path, key: p.place.key, status: 404,
			code: "not_found",
		})
	}
	for _, e := range p.doc.endpoints() {
		before := p.hash()
		answer, body := p.send("TRACE", e.url("x"),
			http.Header{"Authorization": {"Bearer " + p.key(e)}}, strings.NewReader("{}"))
		if answer.StatusCode != 405 || !strings.Contains(answer.Header.Get("Allow"), e.method) ||
			!strings.Contains(string(body), "method_not_allowed") || p.hash() != before {
			t.Errorf("TRACE %s: %d, Allow %q", e.path, answer.StatusCode, answer.Header["Allow"])
		}
	}
}
