package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/client"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/wire"
)

// bodies are good bodies of each request, by the name of its schema.
func (p people) bodies() map[string]map[string]any {
	won := map[string]any{"currency": "KRW", "value": "1000"}
	key := strings.Repeat("A", 43)
	all := bookBodies()
	maps.Copy(all, map[string]map[string]any{
		"NewCompany": {"name": "Kanda"},
		"NewMember":  {"name": "Kim"},
		"NewSession": {"code": "code_" + key},
		"NewVirtualAccount": {
			"rail": "bank", "bank": "hana", "number": "1", "currency": "KRW", "owner": p.kim.id,
			"account": "acc_01M7Q5CQG0EG494N32ME2JRC65",
		},
		"NewOffer": {
			"amount": won, "payee_key": key, "basket": []any{map[string]any{
				"text": "Paper", "amount": won,
			}},
			"origins": []any{"http://shop.localhost"}, "return_url": "http://shop.localhost/back",
			"expires_in": 60,
		},
		"SignedOffer": {"offer": "a.b.c"},
		"NewClaim": {
			"id": "clm_01M7Q5CQG0EG494N32ME2JRC65", "receipt": "v1.a.b.c", "offer": "a.b.c",
			"amount": won, "signature": strings.Repeat("A", 86),
		},
		"WhichDay": {"day": "2026-11-18"},
		"NewPeer": {
			"url": "http://tokyo.localhost:1", "thumbprint": key, "credit": []any{won},
		},
	})
	return all
}

func mustWrite(t testing.TB, body any) string {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	return string(text)
}

// with is a body with one member replaced.
func with(body map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(body)
	changed[name] = value
	return changed
}

// TestBodies sends to each endpoint bodies that are no JSON object, that lack a member, have
// one too many, one twice, or one of another type or size.
func TestBodies(t *testing.T) {
	p := newPeople(t)
	good := p.bodies()
	for _, e := range p.doc.endpoints() {
		if e.body == "" {
			continue
		}
		body, known := good[e.body]
		if !known {
			t.Errorf("%s takes a %s that is not tested", e.id, e.body)
			continue
		}
		send := func(what, text string, code, field string) {
			p.mustRefuse(try{
				what: what, method: e.method, url: e.url("x"), key: p.key(e), body: text,
				status: 400, code: code, field: field,
			})
		}
		text := mustWrite(t, body)
		if !e.optional {
			send("nothing", "", "malformed", "body")
		}
		send("half", text[:len(text)-1], "malformed", "*")
		send("two", text+"{}", "malformed", "*")
		send("text", "hello", "malformed", "*")
		send("list", "[]", "invalid", "body")
		send("number", "7", "invalid", "body")
		send("not UTF-8", "{\"\xff\":1}", "malformed", "*")
		send("deep", strings.Repeat("[", 30_000), "malformed", "*")
		send("unknown", mustWrite(t, with(body, "surely_unknown", 1)), "invalid",
			"surely_unknown")
		p.sendMembers(e, body, send)
	}
}

// sendMembers goes through the members of a good body one by one.
func (p people) sendMembers(e endpoint, body map[string]any,
	send func(what, text, code, field string),
) {
	p.t.Helper()
	s := p.doc.Components.Schemas[e.body]
	for name, member := range s.Properties {
		if _, known := body[name]; !known {
			p.t.Errorf("%s has a member %s that is not tested", e.body, name)
		}
		if slices.Contains(s.Required, name) {
			without := maps.Clone(body)
			delete(without, name)
			send("missing", mustWrite(p.t, without), "invalid", name)
		}
		text := mustWrite(p.t, body)
		twice := `{"` + name + `":` + mustWrite(p.t, body[name]) + `,` + text[1:]
		send("twice", twice, "malformed", name)
		upper := maps.Clone(body)
		delete(upper, name)
		upper[strings.ToUpper(name)] = body[name]
		send("upper case", mustWrite(p.t, upper), "invalid", "*")
		for _, wrong := range []any{true, []any{[]any{}}, map[string]any{"x": 1}, nil, 1.5, "💸"} {
			if _, isText := wrong.(string); isText && member.Type == "string" ||
				wrong == true && member.Type == "boolean" {
				continue
			}
			p.mustRefuseMember(e, with(body, name, wrong), name)
		}
		if member.MaxLength > 0 {
			long := strings.Repeat("x", member.MaxLength+1)
			p.mustRefuseMember(e, with(body, name, long), name)
		}
		if member.MaxItems > 0 {
			long := make([]any, member.MaxItems+1)
			for i := range long {
				long[i] = body[name].([]any)[0]
			}
			p.mustRefuseMember(e, with(body, name, long), name)
		}
	}
}

// mustRefuseMember checks that the answer names the member or a part of it.
func (p people) mustRefuseMember(e endpoint, body map[string]any, name string) {
	p.t.Helper()
	before := p.hash()
	text := mustWrite(p.t, body)
	answer, got := p.send(e.method, e.url("x"), http.Header{
		"Authorization": {"Bearer " + p.key(e)},
	}, strings.NewReader(text))
	var problem client.Problem
	must(p.t, json.Unmarshal(got, &problem))
	if answer.StatusCode != 400 || problem.Code != "invalid" ||
		!strings.HasPrefix(problem.Field, name) || p.hash() != before {
		p.t.Errorf("%s %.100s: %s", e.id, text, got)
	}
}

// TestAmounts sends what is no amount wherever an amount is due.
func TestAmounts(t *testing.T) {
	p := newPeople(t)
	amounts := []string{
		`{}`, `{"currency":"KRW"}`, `{"value":"1"}`, `{"currency":"KRW","value":1}`,
		`{"currency":"KRW","value":"-1"}`, `{"currency":"KRW","value":"1.5"}`,
		`{"currency":"KRW","value":"01"}`, `{"currency":"KRW","value":"1e3"}`,
		`{"currency":"KRW","value":" 1"}`, `{"currency":"KRW","value":"1,000"}`,
		`{"currency":"krw","value":"1"}`, `{"currency":"XXX","value":"1"}`,
		`{"currency":"KRW","value":"1","value":"2"}`, `{"currency":"KRW","value":"1","x":1}`,
		`{"currency":"KRW","value":"NaN"}`, `{"currency":"KRW","value":""}`,
		`{"currency":"KRW","value":"` + strings.Repeat("9", 40) + `"}`,
		`{"currency":"KRW","value":"340282366920938463463374607431768211456"}`,
		`{"currency":"KRW","value":"9223372036854775808"}`, `{"currency":"KRW","value":"0"}`,
		`{"currency":"KRW","value":"\u0661"}`, `"15000"`, `15000`, `null`,
	}
	for _, amount := range amounts {
		for _, e := range []struct{ path, schema, key string }{
			{"/v1/offers", "NewOffer", p.kanda.key}, {"/v1/claims", "NewClaim", p.kanda.key},
		} {
			body := with(p.bodies()[e.schema], "amount", json.RawMessage(amount))
			delete(body, "basket")
			before := p.hash()
			answer, got := p.send("POST", e.path, http.Header{
				"Authorization": {"Bearer " + e.key},
			}, strings.NewReader(mustWrite(t, body)))
			var problem client.Problem
			must(t, json.Unmarshal(got, &problem))
			// A claim of an offer that can't be read may name that first.
			named := strings.HasPrefix(problem.Field, "amount") ||
				e.schema == "NewClaim" && problem.Field == "offer"
			if answer.StatusCode != 400 || !named || p.hash() != before {
				t.Errorf("%s %s: %s", e.path, amount, got)
			}
		}
	}
}

// TestOversized sends each path a body of its limit and one byte more.
func TestOversized(t *testing.T) {
	p := newPeople(t)
	limits := map[string]int{
		"/v1/offers": api.BodyBytesMax, "/v1/sessions": api.BodyBytesMax,
		"/v1/days/close": api.BodyBytesMax, "/v1/wallet": api.BodyBytesMax,
		peer.PathMessages: wire.BatchBytesMax, "/rail/bank/notices": bank.NoticeBytesMax,
	}
	for path, most := range limits {
		method := "POST"
		if path == "/v1/wallet" {
			method = "GET"
		}
		p.mustRefuse(try{
			what: "over the limit", method: method, url: path, key: p.kanda.key,
			body: strings.Repeat(" ", most+1), status: 413, code: "too_large", field: "body",
		})
		answer, body := p.send(method, path, nil, strings.NewReader(strings.Repeat(" ", most)))
		if answer.StatusCode == http.StatusRequestEntityTooLarge {
			t.Errorf("%s at the limit: %s", path, body)
		}
		// Without a length, so that the body has to be read to be found too long. Of a batch it
		// must be said: nothing of one is read before its head is found to be a peer's.
		want := http.StatusRequestEntityTooLarge
		if path == peer.PathMessages {
			want = http.StatusBadRequest
		}
		answer, body = p.send(method, path, nil,
			io.MultiReader(strings.NewReader(strings.Repeat(" ", most+1))))
		if answer.StatusCode != want {
			t.Errorf("%s chunked: %d %s", path, answer.StatusCode, body)
		}
	}
	p.mustRefuse(try{
		what: "media type", method: "POST", url: "/v1/companies", key: p.place.key,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		body:   "name=Kanda", status: 415, code: "unsupported_media_type", field: "Content-Type",
	})
}

// TestBrokenBodies sends bodies that do not come as announced.
func TestBrokenBodies(t *testing.T) {
	p := alone(t, settings{bodyTimeout: 100 * time.Millisecond})
	address := strings.TrimPrefix(p.url, "http://seoul.localhost")
	for what, test := range map[string]struct {
		text  string
		close bool
		want  string
	}{
		"slow": {"Content-Length: 100\r\n\r\n{", false, "408"},
		"lost": {"Content-Length: 100\r\n\r\n{", true, "400"},
		"chunked wrongly": {
			"Transfer-Encoding: chunked\r\n\r\nnothing like a chunk\r\n", false, "400",
		},
	} {
		connection, err := net.Dial("tcp", "127.0.0.1"+address)
		must(t, err)
		fmt.Fprintf(connection, "POST /v1/companies HTTP/1.1\r\nHost: x\r\n%s", test.text)
		if test.close {
			must(t, connection.(*net.TCPConn).CloseWrite())
		}
		connection.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, _ := io.ReadAll(connection)
		connection.Close()
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 "+test.want)) ||
			!bytes.Contains(answer, []byte(`"field":"body"`)) {
			t.Errorf("%s: %s", what, answer)
		}
	}
	if strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("a bad request was logged as our own fault: %s", p.log)
	}
}
