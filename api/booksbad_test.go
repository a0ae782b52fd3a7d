package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/client"
)

// refusal is what the answer to a bad request has to be.
type refusal struct {
	what, path, body, key string
	status                int
	code, reason, field   string
}

// mustRefuse sends a bad request as the company and checks the problem, and that nothing changed.
func (b books) mustRefuse(r refusal) {
	b.t.Helper()
	h := http.Header{
		"Authorization": {"Bearer " + b.key}, "Content-Type": {"application/json"},
	}
	if r.key != "" {
		h.Set("Idempotency-Key", r.key)
	}
	before := b.sums()
	answer, text := b.p.send("POST", r.path, h, strings.NewReader(r.body))
	var p client.Problem
	must(b.t, json.Unmarshal(text, &p))
	want := "/problems/" + r.code
	if r.reason != "" {
		want = "/problems/" + r.reason
	}
	if answer.StatusCode != r.status || p.Code != r.code || p.Reason != r.reason ||
		p.Type != want || p.Field != r.field || p.Title == "" || p.Detail == "" {
		b.t.Errorf("%s: %.300s, want %d %s %s about %s", r.what, text, r.status, r.code,
			r.reason, r.field)
	}
	if after := b.sums(); after != before {
		b.t.Errorf("%s: balances were %s, are %s", r.what, before, after)
	}
	if r.reason != "" {
		explained, body := b.p.send("GET", p.Type, nil, nil)
		if explained.StatusCode != http.StatusOK || len(body) == 0 {
			b.t.Errorf("%s is not explained", p.Type)
		}
	}
}

// sums are all balances of the company's accounts.
func (b books) sums() string {
	b.t.Helper()
	accounts := b.mustGet("/v1/accounts?limit=200")["data"].([]any)
	var out strings.Builder
	for _, a := range accounts {
		account := a.(map[string]any)
		fmt.Fprintln(&out, account["id"], account["debits_posted"], account["credits_posted"],
			account["debits_pending"], account["credits_pending"])
	}
	return out.String()
}

// patch changes an account.
func (b books) patch(account, body string) {
	b.t.Helper()
	answer, text := b.p.send("PATCH", "/v1/accounts/"+account, http.Header{
		"Authorization": {"Bearer " + b.key},
	}, strings.NewReader(body))
	if answer.StatusCode != http.StatusOK {
		b.t.Fatalf("PATCH %s: %s", body, text)
	}
}

// badAmounts are amounts that are none, and what is wrong with each.
func badAmounts() map[string]refusal {
	bad := func(status int, code, reason, field string) refusal {
		return refusal{status: status, code: code, reason: reason, field: field}
	}
	return map[string]refusal{
		`{"currency":"KRW","value":"0"}`:  bad(400, "invalid", "zero_amount", "amount.value"),
		`{"currency":"KRW","value":"-5"}`: bad(400, "invalid", "negative_amount", "amount.value"),
		`{"currency":"KRW","value":"1.5"}`: bad(400, "invalid", "amount_precision",
			"amount.value"),
		`{"currency":"JPY","value":"1.00"}`: bad(400, "invalid", "amount_precision",
			"amount.value"),
		`{"currency":"KRW","value":"340282366920938463463374607431768211456"}`: bad(413,
			"too_large", "amount_overflow", "amount.value"),
		`{"currency":"KRW","value":"` + strings.Repeat("9", 60) + `"}`: bad(413, "too_large",
			"amount_overflow", "amount.value"),
		`{"currency":"XXX","value":"5"}`:      bad(400, "invalid", "", "amount.currency"),
		`{"currency":"krw","value":"5"}`:      bad(400, "invalid", "", "amount.currency"),
		`{"currency":"KRW","value":"05"}`:     bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":"5e3"}`:    bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":"5,000"}`:  bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":" 5"}`:     bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":""}`:       bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":"NaN"}`:    bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":"\u0661"}`: bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW","value":5}`:        bad(400, "invalid", "", "amount.value"),
		`{"currency":"KRW"}`:                  bad(400, "invalid", "", "amount.value"),
		`{"value":"5"}`:                       bad(400, "invalid", "", "amount.currency"),
		`{"currency":"KRW","value":"5","x":1}`: bad(400, "invalid", "",
			"amount.x"),
		`{"currency":"KRW","value":"5","value":"6"}`: bad(400, "malformed", "", "amount.value"),
		`"5"`:  bad(400, "invalid", "", "amount"),
		`5`:    bad(400, "invalid", "", "amount"),
		`null`: bad(400, "invalid", "", "amount"),
	}
}

// TestBadBookAmounts sends each bad amount in every request that has one.
func TestBadBookAmounts(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "1000")+"}", "", http.StatusCreated)
	hold := b.mustPost("/v1/holds", "{"+leg(b.cash, b.safe, "600")+"}", "",
		http.StatusCreated)["id"].(string)
	for amount, want := range badAmounts() {
		sides := fmt.Sprintf(`"debit":"%s","credit":"%s","amount":%s`, b.cash, b.safe, amount)
		for _, form := range []struct{ path, body, prefix string }{
			{"/v1/transfers", "{" + sides + "}", ""},
			{"/v1/transfers", `{"legs":[{` + sides + "}]}", "legs[0]."},
			{"/v1/holds", "{" + sides + "}", ""},
			{"/v1/holds/" + hold + "/capture", `{"amount":` + amount + "}", ""},
			{
				"/v1/transfers/bulk", `{"mode":"each","items":[{` + leg(b.cash, b.sale, "1") +
					"},{" + sides + "}]}", "items[1].",
			},
		} {
			r := want
			r.what, r.path, r.body = form.path+" "+amount, form.path, form.body
			r.field = form.prefix + want.field
			b.mustRefuse(r)
		}
	}
}

// TestRefusedTransfers has a case for each rule that forbids a transfer, in a request of its own
// and as an item of a bulk in both modes.
func TestRefusedTransfers(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	other := p.mustKeepBooks("Other")
	open := func(more string) string {
		return b.mustOpen(`{"kind":"asset","currency":"KRW"` + more + `}`)
	}
	yen := b.mustOpen(`{"kind":"asset","currency":"JPY"}`)
	closed, in, out := open(""), open(""), open("")
	b.patch(closed, `{"flags":["closed"]}`)
	b.patch(in, `{"flags":["frozen_in"]}`)
	b.patch(out, `{"flags":["frozen_out"]}`)
	low := open(`,"limits":{"floor":{"currency":"KRW","value":"-100"}}`)
	high := open(`,"limits":{"ceiling":{"currency":"KRW","value":"100"}}`)
	slow := open(`,"limits":{"velocity":{"period_seconds":3600,"amount":` +
		`{"currency":"KRW","value":"100"}}}`)
	seldom := open(`,"limits":{"velocity":{"period_seconds":3600,"count":1}}`)
	b.mustPost("/v1/transfers", "{"+leg(b.cash, seldom, "1")+"}", "", http.StatusCreated)
	full := open("")
	most := "340282366920938463463374607431768211455"
	unknown := "acc_01M7Q5CQG0EG494N32ME2JRC65"
	wallet := p.wallet(b.shop)
	cases := []struct {
		what, body          string
		status              int
		code, reason, field string
	}{
		{"poor", leg(b.cash, b.safe, "1"), 422, "refused", "insufficient_funds", "amount"},
		{"floor", leg(b.cash, low, "101"), 422, "refused", "under_floor", "amount"},
		{"ceiling", leg(high, b.sale, "101"), 422, "refused", "over_ceiling", "amount"},
		{"velocity", leg(b.cash, slow, "101"), 422, "refused", "velocity_exceeded", "amount"},
		{"count", leg(b.cash, seldom, "1"), 422, "refused", "velocity_exceeded", "amount"},
		{"closed debit", leg(closed, b.sale, "1"), 422, "refused", "account_closed", "debit"},
		{"closed credit", leg(b.cash, closed, "1"), 422, "refused", "account_closed", "credit"},
		{"frozen in", leg(in, b.sale, "1"), 422, "refused", "account_frozen", "debit"},
		{"frozen out", leg(b.cash, out, "1"), 422, "refused", "account_frozen", "credit"},
		{"unknown debit", leg(unknown, b.sale, "1"), 404, "not_found", "unknown_account", "debit"},
		{"unknown", leg(b.cash, unknown, "1"), 404, "not_found", "unknown_account", "credit"},
		{"another's", leg(b.cash, other.safe, "1"), 404, "not_found", "unknown_account", "credit"},
		{"no id", leg(b.cash, "x", "1"), 400, "invalid", "", "credit"},
		{"managed", leg(b.cash, wallet, "1"), 403, "forbidden", "account_managed", "credit"},
		{"itself", leg(b.cash, b.cash, "1"), 400, "invalid", "same_account", "credit"},
		{"yen", leg(b.cash, yen, "1"), 400, "invalid", "mixed_currencies", "amount.currency"},
		{
			"nothing there", leg(b.cash, b.safe, "1") + `,"balancing":"credit"`, 422, "refused",
			"nothing_to_move", "amount",
		},
		{"a sum", leg(full, b.sale, most), 413, "too_large", "amount_overflow", "amount"},
		{
			"late", leg(b.cash, b.sale, "1") + `,"effective_at":"2026-11-18T00:00:00.0001Z"`, 400,
			"invalid", "", "effective_at",
		},
		{
			"an id of the future", leg(b.cash, b.sale, "1") +
				`,"id":"txn_7ZZZZZZZZZEG494N32ME2JRC65"`, 400, "invalid", "", "id",
		},
		{
			"another kind of id", leg(b.cash, b.sale, "1") +
				`,"id":"hld_01M7Q5CQG0EG494N32ME2JRC65"`, 400, "invalid", "", "id",
		},
		{
			"a long reference", leg(b.cash, b.sale, "1") + `,"reference":"` +
				strings.Repeat("r", 129) + `"`, 400, "invalid", "", "reference",
		},
		{
			"long metadata", leg(b.cash, b.sale, "1") + `,"metadata":{"a":"` +
				strings.Repeat("r", 513) + `"}`, 413, "too_large", "", "metadata",
		},
		{
			"a further leg", `"legs":[{` + leg(b.cash, b.sale, "1") + "},{" +
				leg(b.cash, unknown, "1") + "}]", 404, "not_found", "unknown_account",
			"legs[1].credit",
		},
		{
			"a sum of legs", `"legs":[{` + leg(b.cash, b.sale, "1") + "},{" +
				leg(b.cash, b.safe, "1") + "}]", 422, "refused", "insufficient_funds",
			"legs[1].amount",
		},
		{"nothing at all", "", 400, "invalid", "", "debit"},
		{"no legs", `"legs":[]`, 400, "invalid", "", "legs"},
	}
	b.mustPost("/v1/transfers", "{"+leg(full, b.sale, "1")+"}", "", http.StatusCreated)
	for _, c := range cases {
		r := refusal{c.what, "/v1/transfers", "{" + c.body + "}", "", c.status, c.code, c.reason, c.field}
		b.mustRefuse(r)
		good := "{" + leg(b.cash, b.sale, "1") + "}"
		r.path, r.field = "/v1/transfers/bulk", "items[1]."+c.field
		r.body = `{"mode":"all","items":[` + good + ",{" + c.body + "}]}"
		b.mustRefuse(r)
		if c.status == 400 && c.reason == "" || c.field == "metadata" {
			continue // the form of an item is judged before any is carried out
		}
		r.body = `{"mode":"each","items":[{` + c.body + "}," + good + "]}"
		results := b.mustPost(r.path, r.body, "", http.StatusOK)["results"].([]any)
		problem, _ := results[0].(map[string]any)["problem"].(map[string]any)
		if problem["reason"] != c.reason || problem["field"] != "items[0]."+c.field ||
			problem["code"] != c.code || problem["status"] != float64(c.status) ||
			results[1].(map[string]any)["status"] != "created" {
			t.Errorf("%s in mode each: %v", c.what, results)
		}
	}
}

// wallet is the account of a company's wallet in won.
func (p *place) wallet(s shop) string {
	p.t.Helper()
	_, err := p.operator().OpenVirtualAccount(p.t.Context(), client.VirtualAccount{
		Rail: "bank", Bank: "hana", Number: s.id, Currency: "KRW", Owner: s.id,
	})
	must(p.t, err)
	w, err := s.Wallet(p.t.Context())
	must(p.t, err)
	return w.Balances[0].Account
}

// TestRefusedHolds has a case for each rule about holds and reversals.
func TestRefusedHolds(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	other := p.mustKeepBooks("Other")
	b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "10000")+"}", "", http.StatusCreated)
	hold := func(more string) string {
		return b.mustPost("/v1/holds", "{"+leg(b.cash, b.safe, "100")+more+"}", "",
			http.StatusCreated)["id"].(string)
	}
	live, captured, voided := hold(""), hold(""), hold("")
	expires := p.clock.Now().Add(time.Minute).Format(time.RFC3339)
	expired := hold(`,"expires_at":"` + expires + `"`)
	b.mustPost("/v1/holds/"+captured+"/capture", "", "", http.StatusCreated)
	b.mustPost("/v1/holds/"+voided+"/void", "", "", http.StatusOK)
	p.clock.add(time.Minute)
	posted := b.mustPost("/v1/transfers", "{"+leg(b.cash, b.sale, "5")+"}", "",
		http.StatusCreated)["id"].(string)
	undone := b.mustPost("/v1/transfers/"+posted+"/reverse", "", "",
		http.StatusCreated)["id"].(string)
	unknown := "_01M7Q5CQG0EG494N32ME2JRC65"
	capture := func(hold string) string { return "/v1/holds/" + hold + "/capture" }
	void := func(hold string) string { return "/v1/holds/" + hold + "/void" }
	reverse := func(id string) string { return "/v1/transfers/" + id + "/reverse" }
	much := `{"amount":{"currency":"KRW","value":"101"}}`
	yen := `{"amount":{"currency":"JPY","value":"1"}}`
	for _, r := range []refusal{
		{"captured", capture(captured), "", "", 422, "refused", "hold_ended", "id"},
		{"voided", capture(voided), "", "", 422, "refused", "hold_ended", "id"},
		{"expired", capture(expired), "", "", 422, "refused", "hold_expired", "id"},
		{"void of captured", void(captured), "", "", 422, "refused", "hold_ended", "id"},
		{"void of expired", void(expired), "", "", 422, "refused", "hold_expired", "id"},
		{"above", capture(live), much, "", 422, "refused", "hold_exceeded", "amount"},
		{"yen", capture(live), yen, "", 400, "invalid", "mixed_currencies", "amount.currency"},
		{"none", capture("hld" + unknown), "", "", 404, "not_found", "unknown_hold", "id"},
		{"void of none", void("hld" + unknown), "", "", 404, "not_found", "unknown_hold", "id"},
		{"no id", void("x"), "", "", 404, "not_found", "", "id"},
		{
			"expiry passed", "/v1/holds", "{" + leg(b.cash, b.safe, "1") + `,"expires_at":"` +
				expires + `"}`, "", 400, "invalid", "expiry_passed", "expires_at",
		},
		{
			"poor", "/v1/holds", "{" + leg(b.cash, b.safe, "10000") + "}", "", 422, "refused",
			"insufficient_funds", "amount",
		},
		{"twice", reverse(posted), "", "", 422, "refused", "already_reversed", "id"},
		{"a reversal", reverse(undone), "", "", 422, "refused", "not_reversible", "id"},
		{"nothing", reverse("txn" + unknown), "", "", 404, "not_found", "unknown_transfer", "id"},
		{"a hold", reverse(live), "", "", 404, "not_found", "", "id"},
	} {
		b.mustRefuse(r)
	}
	for _, path := range []string{capture(live), void(live), reverse(posted)} {
		status, out := other.post(path, "", "")
		if status != http.StatusNotFound || out["field"] != "id" {
			t.Errorf("another company: %s: %d %v", path, status, out)
		}
	}
}

// TestReusedIDs asks again under an id or a key: the same gets the same answer, anything else a
// conflict that names the field.
func TestReusedIDs(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "1000")+"}", "", http.StatusCreated)
	id := "txn_01M7Q5CQG0EG494N32ME2JRC65"
	more := `,"code":7,"effective_at":"2026-11-18T00:00:00Z","reference":"invoice 1",` +
		`"metadata":{"a":"b"}`
	good := leg(b.cash, b.sale, "5") + more
	changed := map[string]string{
		"amount":          leg(b.cash, b.sale, "6") + more,
		"debit":           leg(b.safe, b.sale, "5") + more,
		"credit":          leg(b.cash, b.safe, "5") + more,
		"amount.currency": strings.Replace(good, "KRW", "JPY", 1),
		"code":            strings.Replace(good, `"code":7`, `"code":8`, 1),
		"effective_at":    strings.Replace(good, "2026-11-18T00", "2026-11-18T01", 1),
		"reference":       strings.Replace(good, "invoice 1", "invoice 2", 1),
		"metadata":        strings.Replace(good, `"a":"b"`, `"a":"c"`, 1),
		"legs": `"legs":[{` + leg(b.cash, b.sale, "5") + "},{" +
			leg(b.cash, b.sale, "5") + "}]" + more,
	}
	for name, form := range map[string]struct{ id, key string }{
		"id": {`,"id":"` + id + `"`, ""}, "key": {"", "the-key"},
	} {
		first := b.mustPost("/v1/transfers", "{"+good+form.id+"}", form.key, http.StatusCreated)
		again := b.mustPost("/v1/transfers", "{"+good+form.id+"}", form.key, http.StatusOK)
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("%s: the same request got %v and %v", name, first, again)
		}
		for field, body := range changed {
			b.mustRefuse(refusal{
				name + " " + field, "/v1/transfers", "{" + body + form.id + "}", form.key, 409,
				"conflict", "id_reused", field,
			})
		}
		b.mustRefuse(refusal{
			name + " without texts", "/v1/transfers", "{" + leg(b.cash, b.sale, "5") +
				`,"code":7,"effective_at":"2026-11-18T00:00:00Z"` + form.id + "}", form.key, 409,
			"conflict", "id_reused", "reference",
		})
		after := b.mustPost("/v1/transfers/"+first["id"].(string)+"/reverse", "", "",
			http.StatusCreated)
		again = b.mustPost("/v1/transfers", "{"+good+form.id+"}", form.key, http.StatusOK)
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("%s: after %v the same request got %v", name, after["id"], again)
		}
	}
	other := p.mustKeepBooks("Other")
	other.mustPost("/v1/transfers", "{"+leg(other.cash, other.sale, "5")+"}", "the-key",
		http.StatusCreated)
	status, out := other.post("/v1/transfers", "{"+leg(other.cash, other.sale, "5")+`,"id":"`+id+
		`"}`, "")
	if status != http.StatusConflict {
		t.Errorf("another company's id: %d %v", status, out)
	}
}

// TestManyItems sends bulks of the limit and of one item more.
func TestManyItems(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	item := "{" + leg(b.cash, b.sale, "1") + "}"
	bulk := func(n int) string {
		return `{"mode":"all","items":[` + strings.Repeat(item+",", n-1) + item + "]}"
	}
	out := b.mustPost("/v1/transfers/bulk", bulk(10_000), "", http.StatusOK)
	if len(out["results"].([]any)) != 10_000 {
		t.Error("a bulk of the limit got other results")
	}
	b.mustHave(b.cash, "10000")
	b.mustRefuse(refusal{
		"10,001 items", "/v1/transfers/bulk", bulk(10_001), "", 413, "too_large",
		"too_many_items", "items",
	})
	legs := func(n int) string {
		one := "{" + leg(b.cash, b.sale, "1") + "}"
		return `{"legs":[` + strings.Repeat(one+",", n-1) + one + "]}"
	}
	b.mustPost("/v1/transfers", legs(300), "", http.StatusCreated)
	b.mustRefuse(refusal{
		"1,025 legs", "/v1/transfers/bulk", `{"mode":"all","items":[` + legs(1025) + `]}`, "",
		413, "too_large", "too_many_legs", "items[0].legs",
	})
	b.mustRefuse(refusal{
		"a long body", "/v1/transfers", `{"reference":"` + strings.Repeat("r", api.BodyBytesMax) +
			`"}`, "", 413, "too_large", "", "body",
	})
	b.mustRefuse(refusal{
		"a long bulk", "/v1/transfers/bulk", `{"mode":"` + strings.Repeat("r", api.BulkBytesMax) +
			`"}`, "", 413, "too_large", "", "body",
	})
}

// TestReusedAccountIDs opens an account again under its id or key.
func TestReusedAccountIDs(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	id := `"id":"acc_01M7Q5CQG0EG494N32ME2JRC65",`
	good := `"kind":"asset","currency":"KRW","code":7,"name":"Cash","flags":["no_overdraft"],` +
		`"limits":{"floor":{"currency":"KRW","value":"0"}},"metadata":{"a":"b"}`
	first := b.mustPost("/v1/accounts", "{"+id+good+"}", "", http.StatusCreated)
	b.mustPost("/v1/transfers", "{"+leg(first["id"].(string), b.sale, "5")+"}", "",
		http.StatusCreated)
	b.patch(first["id"].(string), `{"flags":[],"limits":{}}`)
	again := b.mustPost("/v1/accounts", "{"+id+good+"}", "", http.StatusCreated)
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Errorf("the same request got %v and %v", first, again)
	}
	for field, body := range map[string]string{
		"kind":     strings.Replace(good, "asset", "income", 1),
		"currency": strings.ReplaceAll(good, "KRW", "JPY"),
		"code":     strings.Replace(good, "7", "8", 1),
		"name":     strings.Replace(good, "Cash", "Bank", 1),
		"flags":    strings.Replace(good, `"no_overdraft"`, `"frozen_in"`, 1),
		"limits":   strings.Replace(good, `"0"`, `"1"`, 1),
		"metadata": strings.Replace(good, `"b"`, `"c"`, 1),
	} {
		status, out := b.post("/v1/accounts", "{"+id+body+"}", "")
		if status != http.StatusConflict || out["reason"] != "id_reused" || out["field"] != field {
			t.Errorf("another %s: %d %v", field, status, out)
		}
		status, out = b.post("/v1/accounts/bulk", `{"accounts":[{`+good+"},{"+id+body+"}]}", "")
		if status != http.StatusConflict || out["field"] != "accounts[1]."+field {
			t.Errorf("another %s in a bulk: %d %v", field, status, out)
		}
	}
	other := p.mustKeepBooks("Other")
	status, out := other.post("/v1/accounts", "{"+id+good+"}", "")
	if status != http.StatusConflict || out["field"] != "id" {
		t.Errorf("another company: %d %v", status, out)
	}
}

// TestBadAccounts has a case for each rule about accounts.
func TestBadAccounts(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	account := func(more string) string { return `{"kind":"asset","currency":"KRW"` + more + "}" }
	floor := func(currency, value string) string {
		return account(`,"limits":{"floor":{"currency":"` + currency + `","value":"` + value + `"}}`)
	}
	velocity := func(text string) string { return account(`,"limits":{"velocity":` + text + "}") }
	for _, r := range []refusal{
		{"no kind", "", `{"currency":"KRW"}`, "", 400, "invalid", "", "kind"},
		{"a kind", "", `{"kind":"x","currency":"KRW"}`, "", 400, "invalid", "", "kind"},
		{"a currency", "", `{"kind":"asset","currency":"XXX"}`, "", 400, "invalid", "", "currency"},
		{"dollars", "", `{"kind":"asset","currency":"USD"}`, "", 400, "invalid", "", "currency"},
		{
			"an id", "", account(`,"id":"acc_01M7Q5CQG0EG494N32ME2JRCLL"`), "",
			400, "invalid", "", "id",
		},
		{"managed", "", account(`,"flags":["managed"]`), "", 400, "invalid", "", "flags"},
		{"closed", "", account(`,"flags":["closed"]`), "", 400, "invalid", "", "flags"},
		{
			"a flag twice", "", account(`,"flags":["frozen_in","frozen_in"]`), "",
			400, "invalid", "", "flags",
		},
		{"another's", "", account(`,"owner":"node"`), "", 403, "forbidden", "", "owner"},
		{
			"a floor in yen", "", floor("JPY", "1"), "",
			400, "invalid", "mixed_currencies", "limits.floor",
		},
		{"a floor above", "", floor("KRW", "1"), "", 422, "refused", "under_floor", "limits.floor"},
		{"a floor of -0", "", floor("KRW", "-0"), "", 400, "invalid", "", "limits.floor"},
		{
			"no bound", "", velocity(`{"period_seconds":1}`), "",
			400, "invalid", "", "limits.velocity",
		},
		{
			"no period", "", velocity(`{"period_seconds":0,"count":1}`), "", 400, "invalid", "",
			"limits.velocity.period_seconds",
		},
		{"a name", "", account(`,"name":"\u0001"`), "", 400, "invalid", "", "name"},
	} {
		r.path = "/v1/accounts"
		b.mustRefuse(r)
	}
	var many []string
	for range 1001 {
		many = append(many, account(""))
	}
	b.mustRefuse(refusal{
		"1,001 accounts", "/v1/accounts/bulk", `{"accounts":[` + strings.Join(many, ",") + "]}", "",
		413, "too_large", "too_many_items", "accounts",
	})
	b.mustPost("/v1/accounts/bulk", `{"accounts":[`+strings.Join(many[:1000], ",")+"]}", "",
		http.StatusCreated)
	b.mustPost("/v1/transfers", "{"+leg(b.cash, b.sale, "5")+"}", "", http.StatusCreated)
	for body, want := range map[string]string{
		`{"flags":["closed"]}`:                                  "account_in_use flags",
		`{"flags":["managed"]}`:                                 "<nil> flags",
		`{"flags":["no_overdraft"]}`:                            "",
		`{"limits":{"floor":{"currency":"KRW","value":"6"}}}`:   "under_floor limits.floor",
		`{"limits":{"ceiling":{"currency":"KRW","value":"4"}}}`: "over_ceiling limits.ceiling",
		`{"limits":{"floor":{"currency":"JPY","value":"0"}}}`:   "mixed_currencies limits.floor",
	} {
		_, text := p.send("PATCH", "/v1/accounts/"+b.cash, http.Header{
			"Authorization": {"Bearer " + b.key},
		}, strings.NewReader(body))
		var out map[string]any
		must(t, json.Unmarshal(text, &out))
		if got := fmt.Sprint(out["reason"], " ", out["field"]); want != "" && got != want {
			t.Errorf("%s: %s", body, text)
		}
	}
}
