package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// bookBodies are good forms of the bodies of the books: each has every member that it may have,
// though not every one together makes sense.
func bookBodies() map[string]map[string]any {
	won := map[string]any{"currency": "KRW", "value": "1000"}
	txn, hold := "txn_01M7Q5CQG0EG494N32ME2JRC65", "hld_01M7Q5CQG0EG494N32ME2JRC65"
	debit, credit := "acc_01M7Q5CQG0EG494N32ME2JRC65", "acc_01M7Q5CQG0EG494N32ME2JRC66"
	leg := map[string]any{
		"debit": debit, "credit": credit, "amount": won, "balancing": "debit",
	}
	account := map[string]any{
		"id": debit, "owner": "node", "code": 1000, "kind": "asset", "currency": "KRW",
		"flags": []any{"no_overdraft"}, "name": "Cash", "metadata": map[string]any{"a": "b"},
		"limits": map[string]any{"floor": won},
	}
	texts := func(body map[string]any) map[string]any {
		body["code"], body["reference"] = 7, "invoice 1"
		body["effective_at"] = "2026-11-18T00:00:00Z"
		body["metadata"] = map[string]any{"a": "b"}
		return body
	}
	item := texts(map[string]any{
		"action": "post", "id": txn, "debit": debit, "credit": credit, "amount": won,
	})
	held := texts(map[string]any{
		"id": hold, "debit": debit, "credit": credit, "amount": won,
		"expires_at": "2027-11-18T00:00:00Z",
	})
	delete(held, "effective_at")
	return map[string]map[string]any{
		"NewAccount":     account,
		"NewAccounts":    {"accounts": []any{account}},
		"ChangedAccount": {"flags": []any{"frozen_in"}, "limits": map[string]any{"floor": won}},
		"NewTransfer": texts(map[string]any{
			"id": txn, "debit": debit, "credit": credit, "amount": won, "balancing": "debit",
			"legs": []any{leg},
		}),
		"NewReversal": texts(map[string]any{"id": txn}),
		"NewHold":     held,
		"NewCapture": texts(map[string]any{
			"id": txn, "amount": won, "more": true, "legs": []any{leg},
		}),
		"NewVoid": {"id": txn},
		"NewExchange": texts(map[string]any{
			"id": txn, "fixed": "sell",
			"sell": map[string]any{"debit": debit, "credit": credit, "amount": won},
			"buy":  map[string]any{"debit": debit, "credit": credit},
			"rate": map[string]any{
				"base": "KRW", "quote": "JPY", "value": "0.1", "rounding": "floor",
			},
		}),
		"NewMetadata": {"metadata": map[string]any{"a": "b"}},
		"NewBatch":    {"mode": "each", "items": []any{item}},
	}
}

// books is a company with accounts in won that hold nothing yet.
type books struct {
	shop
	t    testing.TB
	p    *place
	cash string // an asset
	sale string // an income
	safe string // an asset without overdraft
	// position is the position account in won, where a test exchanges.
	position string
}

// mustKeepBooks opens a company and its accounts.
func (p *place) mustKeepBooks(name string) books {
	p.t.Helper()
	b := books{shop: p.mustOpenShop(name), t: p.t, p: p}
	b.cash = b.mustOpen(`{"kind":"asset","currency":"KRW","code":1000,"name":"Cash"}`)
	b.sale = b.mustOpen(`{"kind":"income","currency":"KRW","code":4000}`)
	b.safe = b.mustOpen(`{"kind":"asset","currency":"KRW","flags":["no_overdraft"]}`)
	return b
}

// mustOpen opens an account and returns its id.
func (b books) mustOpen(body string) string {
	b.t.Helper()
	return b.mustPost("/v1/accounts", body, "", http.StatusCreated)["id"].(string)
}

// post sends a body as the company.
func (b books) post(path, body, key string) (int, map[string]any) {
	b.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + b.key}, "Content-Type": {"application/json"}}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	answer, text := b.p.send("POST", path, h, strings.NewReader(body))
	var out map[string]any
	must(b.t, json.Unmarshal(text, &out))
	return answer.StatusCode, out
}

func (b books) mustPost(path, body, key string, status int) map[string]any {
	b.t.Helper()
	got, out := b.post(path, body, key)
	if got != status {
		b.t.Fatalf("POST %s %s: %d %v", path, body, got, out)
	}
	return out
}

// mustGet reads as the company.
func (b books) mustGet(path string) map[string]any {
	b.t.Helper()
	answer, text := b.p.send("GET", path, http.Header{"Authorization": {"Bearer " + b.key}}, nil)
	var out map[string]any
	must(b.t, json.Unmarshal(text, &out))
	if answer.StatusCode != http.StatusOK {
		b.t.Fatalf("GET %s: %s", path, text)
	}
	return out
}

// mustHave checks the posted balance of an account.
func (b books) mustHave(account, value string) {
	b.t.Helper()
	balance := b.mustGet("/v1/accounts/" + account)["balance"].(map[string]any)
	if balance["value"] != value {
		b.t.Errorf("the balance is %v, want %s", balance, value)
	}
}

// leg is the usual part of a transfer's body.
func leg(debit, credit, value string) string {
	return fmt.Sprintf(`"debit":"%s","credit":"%s","amount":{"currency":"KRW","value":"%s"}`,
		debit, credit, value)
}

func TestTransfersMoveMoney(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	made := b.mustPost("/v1/transfers", "{"+leg(b.cash, b.sale, "1000")+
		`,"code":7,"reference":"invoice 1","metadata":{"a":"ㄱ"}}`, "", http.StatusCreated)
	b.mustHave(b.cash, "1000")
	b.mustHave(b.sale, "1000")
	got := b.mustGet("/v1/transfers/" + made["id"].(string))
	if got["state"] != "posted" || got["reference"] != "invoice 1" || got["code"] != 7.0 {
		t.Errorf("%v", got)
	}
	undone := b.mustPost("/v1/transfers/"+made["id"].(string)+"/reverse", "", "",
		http.StatusCreated)
	b.mustHave(b.cash, "0")
	got = b.mustGet("/v1/transfers/" + made["id"].(string))
	if got["state"] != "reversed" || got["reversed_by"] != undone["id"] {
		t.Errorf("%v", got)
	}
}

func TestHoldsReserveMoney(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "1000")+"}", "", http.StatusCreated)
	hold := b.mustPost("/v1/holds", "{"+leg(b.cash, b.safe, "600")+"}", "",
		http.StatusCreated)["id"].(string)
	b.mustPost("/v1/holds/"+hold+"/capture",
		`{"amount":{"currency":"KRW","value":"100"},"more":true}`, "", http.StatusCreated)
	b.mustHave(b.safe, "900")
	got := b.mustGet("/v1/holds/" + hold)
	if got["state"] != "held" || got["left"].(map[string]any)["value"] != "500" {
		t.Errorf("%v", got)
	}
	freed := b.mustPost("/v1/holds/"+hold+"/void", "", "", http.StatusOK)
	if freed["state"] != "voided" {
		t.Errorf("%v", freed)
	}
	b.mustHave(b.safe, "900")
}

func TestBulk(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	good := "{" + leg(b.cash, b.sale, "5") + "}"
	poor := "{" + leg(b.cash, b.safe, "5") + "}"
	out := b.mustPost("/v1/transfers/bulk", `{"mode":"each","items":[`+good+","+poor+","+good+
		`]}`, "key", http.StatusOK)
	var statuses []string
	for _, r := range out["results"].([]any) {
		statuses = append(statuses, r.(map[string]any)["status"].(string))
	}
	if fmt.Sprint(statuses) != "[created refused created]" {
		t.Errorf("%v", out)
	}
	again := b.mustPost("/v1/transfers/bulk", `{"mode":"each","items":[`+good+","+poor+","+good+
		`]}`, "key", http.StatusOK)
	if again["results"].([]any)[0].(map[string]any)["status"] != "exists" {
		t.Errorf("%v", again)
	}
	b.mustHave(b.cash, "10")
}
