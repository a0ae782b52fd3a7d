package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"seyfert/client"
)

// TestForeignBooks lets a company ask for everything of another one's books: each is told that
// there is no such thing, and lists show nothing of it.
func TestForeignBooks(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	kim := p.mustSignIn("Kim", "110-1", "1000")
	made := b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "1000")+
		`,"reference":"invoice 1","metadata":{"a":"b"}}`, "", http.StatusCreated)["id"].(string)
	hold := b.mustPost("/v1/holds", "{"+leg(b.cash, b.safe, "600")+"}", "",
		http.StatusCreated)["id"].(string)
	for _, path := range []string{
		"/v1/accounts/" + b.cash, "/v1/accounts/" + b.cash + "/entries", "/v1/transfers/" + made,
		"/v1/accounts/" + b.cash + "/balance", "/v1/holds/" + hold, "/v1/metadata/" + made,
		"/v1/metadata/" + b.cash, "/v1/metadata/" + hold, "/v1/transfers?account=" + b.cash,
		"/v1/holds?account=" + b.cash, "/v1/accounts?owner=" + b.id,
		"/v1/transfers?company=" + b.id, "/v1/holds?company=" + b.id,
	} {
		p.mustRefuse(try{
			what: "a company", method: "GET", url: path, key: other.key, status: 404,
			code: "not_found", field: "*",
		})
		status, code, field := 404, "not_found", "*"
		if strings.Contains(path, "?") || strings.Contains(path, "metadata") {
			status, code, field = 403, "forbidden", "Authorization"
		}
		p.mustRefuse(try{
			what: "a member", method: "GET", url: path, key: kim.session, status: status,
			code: code, field: field,
		})
	}
	for path, body := range map[string]string{
		"/v1/transfers/" + made + "/reverse": "", "/v1/holds/" + hold + "/capture": "",
		"/v1/holds/" + hold + "/void": "",
	} {
		if status, out := other.post(path, body, ""); status != 404 || out["field"] != "id" {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	for path, method := range map[string]string{
		"/v1/accounts/" + b.cash: "PATCH", "/v1/metadata/" + made: "PUT",
	} {
		p.mustRefuse(try{
			what: "a company", method: method, url: path, key: other.key,
			body:   map[string]string{"PATCH": `{"flags":[]}`, "PUT": `{"metadata":{}}`}[method],
			status: 404, code: "not_found", field: "id",
		})
	}
	for _, path := range []string{
		"/v1/transfers", "/v1/holds", "/v1/transfers?reference=invoice+1",
	} {
		if rows := other.mustGet(path)["data"].([]any); len(rows) != 0 {
			t.Errorf("%s shows %v", path, rows)
		}
		if rows := b.mustGet(path)["data"].([]any); len(rows) != 1 {
			t.Errorf("%s shows the owner %v", path, rows)
		}
	}
	if rows := other.mustGet("/v1/accounts?limit=200")["data"].([]any); len(rows) != 3 {
		t.Errorf("the other company lists %v", rows)
	}
	b.mustHave(b.safe, "1000")
}

// TestOperatorBetweenCompanies: each company sees its own side of a transfer that the operator
// made between them, and nothing of the other's account.
func TestOperatorBetweenCompanies(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	operator := books{shop: shop{Client: p.operator(), key: p.key}, t: t, p: p}
	made := operator.mustPost("/v1/transfers", "{"+leg(b.cash, other.sale, "700")+
		`,"metadata":{"why":"secret"},"reference":"secret"}`, "", http.StatusCreated)
	id := made["id"].(string)
	for _, side := range []struct {
		of             books
		sees, seesNot  string
		mine, not      string
		balance, other string
	}{
		{b, "debit", "credit", b.cash, other.sale, "debit_balance", "credit_balance"},
		{other, "credit", "debit", other.sale, b.cash, "credit_balance", "debit_balance"},
	} {
		for _, path := range []string{"/v1/transfers/" + id, "/v1/transfers"} {
			got := fmt.Sprint(side.of.mustGet(path))
			if !strings.Contains(got, side.mine) || strings.Contains(got, side.not) ||
				strings.Contains(got, side.other) || strings.Contains(got, "secret") {
				t.Errorf("%s: %s", path, got)
			}
		}
		side.of.mustHave(side.mine, "700")
	}
	whole := fmt.Sprint(operator.mustGet("/v1/transfers/" + id))
	if !strings.Contains(whole, b.cash) || !strings.Contains(whole, other.sale) ||
		!strings.Contains(whole, "secret") {
		t.Errorf("the operator sees %s", whole)
	}
	// Neither can undo it.
	if status, out := b.post("/v1/transfers/"+id+"/reverse", "", ""); status != 404 {
		t.Errorf("%d %v", status, out)
	}
}

// TestVirtualAccountsOfBooks lets money from a bank into an account of a company's books, and into
// suspense where that takes none.
func TestVirtualAccountsOfBooks(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	customer := b.mustOpen(`{"kind":"liability","currency":"KRW"}`)
	virtual := func(owner, number, account, currency string) (client.VirtualAccount, error) {
		return p.operator().OpenVirtualAccount(t.Context(), client.VirtualAccount{
			Rail: "bank", Bank: "hana", Number: number, Currency: currency, Owner: owner,
			Account: account,
		})
	}
	made, err := virtual(b.id, "7", customer, "KRW")
	must(t, err)
	if made.Account != customer {
		t.Errorf("%+v", made)
	}
	for _, c := range []struct {
		owner, account, currency string
		status                   int
		code, field              string
	}{
		{b.id, b.cash, "KRW", 400, "invalid", "account"},
		{b.id, customer, "JPY", 400, "invalid", "currency"},
		{other.id, customer, "KRW", 404, "not_found", "account"},
		{b.id, "acc_01M7Q5CQG0EG494N32ME2JRC65", "KRW", 404, "not_found", "account"},
		{b.id, "x", "KRW", 404, "not_found", "account"},
	} {
		_, err := virtual(c.owner, "8", c.account, c.currency)
		mustBe(t, err, c.status, c.code, c.field)
	}
	deposit := func(notice, value string) {
		if answer, body := p.notice(notice, "7", value); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", notice, body)
		}
	}
	deposit("one", "1000")
	b.mustHave(customer, "1000")
	b.patch(customer, `{"flags":["frozen_in"]}`)
	deposit("two", "500")
	b.mustHave(customer, "1000")
	wallet, err := b.Wallet(t.Context())
	must(t, err)
	if len(wallet.Virtual) != 0 {
		t.Errorf("the wallet shows %v", wallet.Virtual)
	}
}

// TestFullQueue holds that a node that takes no more commands says when to come again, and that
// the client does.
func TestFullQueue(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	p.queue.full.Store(true)
	for path, body := range map[string]string{
		"/v1/transfers":      "{" + leg(b.cash, b.sale, "1") + "}",
		"/v1/holds":          "{" + leg(b.cash, b.sale, "1") + "}",
		"/v1/accounts":       `{"kind":"asset","currency":"KRW"}`,
		"/v1/transfers/bulk": `{"mode":"each","items":[{` + leg(b.cash, b.sale, "1") + "}]}",
	} {
		h := http.Header{"Authorization": {"Bearer " + b.key}}
		answer, text := p.send("POST", path, h, strings.NewReader(body))
		mustAnswer(t, answer, text, http.StatusTooManyRequests, client.CodeTooMany, "")
		if answer.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After %q", path, answer.Header.Get("Retry-After"))
		}
	}
	p.queue.full.Store(false)
	b.mustHave(b.cash, "0")
}

// TestMetadataHistory holds that metadata is set as a new version and old ones stay.
func TestMetadataHistory(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	ctx := t.Context()
	made := b.mustPost("/v1/transfers", "{"+leg(b.cash, b.sale, "5")+
		`,"reference":"invoice 1","metadata":{"state":"new"}}`, "", http.StatusCreated)
	id := made["id"].(string)
	for _, state := range []string{"sent", "paid", "paid"} {
		p.clock.add(1e9)
		set, err := b.SetMetadata(ctx, id, map[string]string{"state": state})
		must(t, err)
		if set.Reference != "invoice 1" || set.Metadata["state"] != state {
			t.Errorf("%+v", set)
		}
	}
	var states []string
	for below := uint64(0); ; {
		versions, err := b.Metadata(ctx, id, below, 2)
		must(t, err)
		for _, v := range versions {
			states = append(states, v.Metadata["state"])
			below = v.Version
		}
		if len(versions) < 2 {
			break
		}
	}
	if fmt.Sprint(states) != "[paid sent new]" {
		t.Errorf("the versions are %v", states)
	}
	now, err := b.BookTransfer(ctx, id)
	must(t, err)
	again := b.mustGet("/v1/transfers/" + id)
	if now.Metadata["state"] != "paid" || again["reference"] != "invoice 1" {
		t.Errorf("%+v", now)
	}
	accounts, err := b.BookAccounts(ctx, client.AccountSearch{Code: 1000})
	must(t, err)
	if len(accounts.Rows) != 1 || accounts.Rows[0].ID != b.cash || accounts.Next != "" {
		t.Errorf("%+v", accounts)
	}
}
