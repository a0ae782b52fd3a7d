package node_test

import (
	"context"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
)

// TestEndedCredentials: a session or code works once it is given and never after its end.
func TestEndedCredentials(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	code, _, err := m.seoul.node.CreateSignIn(ctx, m.seoul.operator, m.customer.id)
	must(t, err)
	if _, err := m.seoul.node.Authenticate(string(code)); err == nil {
		t.Error("a code is taken for a session")
	}
	session, _, err := m.seoul.node.SignIn(ctx, string(code))
	must(t, err)
	if _, _, err := m.seoul.node.SignIn(ctx, string(code)); err == nil {
		t.Error("a code signs in twice")
	}
	caller, err := m.seoul.node.Authenticate(string(session))
	must(t, err)
	must(t, m.seoul.node.SignOut(ctx, caller))
	if _, err := m.seoul.node.Authenticate(string(session)); err == nil {
		t.Error("a session outlives its end")
	}
	// Whoever was authenticated before the end is refused by core all the same.
	_, err = m.seoul.node.Approve(ctx, caller, node.Request{}, m.local.offer(1).JWS)
	if f, ok := fault.Of(err); !ok || f.Code != fault.Unauthenticated {
		t.Errorf("an ended session: %v", err)
	}
	late, _, err := m.seoul.node.CreateSignIn(ctx, m.seoul.operator, m.customer.id)
	must(t, err)
	m.later(node.CodeLife)
	if _, _, err := m.seoul.node.SignIn(ctx, string(late)); err == nil {
		t.Error("a code works after its time")
	}
	m.later(node.SessionLife)
	_, err = m.seoul.node.Approve(ctx, m.customer.caller, node.Request{}, m.local.offer(1).JWS)
	if f, ok := fault.Of(err); !ok || f.Code != fault.Unauthenticated {
		t.Errorf("a session after its time: %v", err)
	}
}

// TestDeadCodesStayOutOfTheJournal: what is no living code is refused before anything is
// proposed, so that nobody without a code can fill the journal.
func TestDeadCodesStayOutOfTheJournal(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	code := func() string {
		code, _, err := m.seoul.node.CreateSignIn(ctx, m.seoul.operator, m.customer.id)
		must(t, err)
		return string(code)
	}
	old := code()
	m.later(node.CodeLife)
	spent := code()
	session, _, err := m.seoul.node.SignIn(ctx, spent)
	must(t, err)
	_, key, err := m.seoul.node.CreateCompany(ctx, m.seoul.operator, node.Request{}, "x")
	must(t, err)
	before := m.seoul.node.State().Applied()
	for name, text := range map[string]string{
		"unknown": "code_" + strings.Repeat("A", 43), "expired": old, "spent": spent, "empty": "",
		"session": string(session), "key": string(key),
	} {
		_, _, err := m.seoul.node.SignIn(ctx, text)
		if f, ok := fault.Of(err); !ok || f.Code != fault.Unauthenticated || f.Field != "code" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := m.seoul.node.State().Applied(); after != before {
		t.Errorf("the journal grew by %d entries", after-before)
	}
}

// TestIdempotency: the same key with the same request gets the first answer, with another
// request a conflict; keys of different callers are different keys.
func TestIdempotency(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	request := func(key string, content any) node.Request {
		r, err := node.NewRequest(key, content)
		must(t, err)
		return r
	}
	offer := node.OfferRequest{Amount: money.New(money.KRW, 7), PayeeKey: keyText(m.shop)}
	sell := func(p person, key, content string) (node.Offer, error) {
		return p.at.node.CreateOffer(ctx, p.caller, request(key, content), offer)
	}
	first, err := sell(m.shop, "k", "a")
	must(t, err)
	again, err := sell(m.shop, "k", "a")
	must(t, err)
	if first.ID != again.ID || first.JWS != again.JWS {
		t.Errorf("the same key made offers %s and %s", first.ID, again.ID)
	}
	_, err = sell(m.shop, "k", "b")
	if f, ok := fault.Of(err); !ok || f.Code != fault.Conflict || f.Field != "Idempotency-Key" {
		t.Errorf("another request under the key: %v", err)
	}
	foreign, err := sell(m.neighbor, "k", "b")
	must(t, err)
	if foreign.ID == first.ID {
		t.Error("another company's key found this company's offer")
	}
	unnamed, err := sell(m.shop, "", "a")
	must(t, err)
	if other, err := sell(m.shop, "", "a"); err != nil || other.ID == unnamed.ID {
		t.Errorf("requests without a key: %v, %v", other.ID, err)
	}

	mine := m.local.offer(9)
	order, err := m.seoul.node.Approve(ctx, m.customer.caller, request("k", "o"), mine.JWS)
	must(t, err)
	same, err := m.seoul.node.Approve(ctx, m.customer.caller, request("k", "o"), mine.JWS)
	must(t, err)
	if order != same || m.customer.won() != balance(100_000, 15_009) {
		t.Errorf("the order came twice: %+v, %+v, %+v", order, same, m.customer.won())
	}
	company, secret, err := m.seoul.node.CreateCompany(ctx, m.seoul.operator, request("k", "c"), "x")
	must(t, err)
	if secret == "" {
		t.Error("a new company has no key")
	}
	twin, secret, err := m.seoul.node.CreateCompany(ctx, m.seoul.operator, request("k", "c"), "x")
	must(t, err)
	if twin.ID != company.ID || secret != "" {
		t.Errorf("a repeated company is %s, with a key: %t", twin.ID, secret != "")
	}
}

// TestNotices: a bank's notice counts once; money for nobody waits in suspense.
func TestNotices(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	notice := node.Notice{
		Rail: "bank", ID: "n7", Bank: "hana", Number: m.customer.id,
		Amount: money.New(money.KRW, 500),
	}
	for range 2 {
		_, err := m.seoul.node.TakeNotice(ctx, notice)
		must(t, err)
	}
	if got := m.customer.won(); got != balance(100_500, 15_000) {
		t.Errorf("the customer has %+v", got)
	}
	other := notice
	other.Amount = money.New(money.KRW, 501)
	_, err := m.seoul.node.TakeNotice(ctx, other)
	if f, ok := fault.Of(err); !ok || f.Code != fault.Conflict {
		t.Errorf("the same notice with more money: %v", err)
	}
	for id, change := range map[string]func(n *node.Notice){
		"unknown number":    func(n *node.Notice) { n.Number = "0" },
		"another bank":      func(n *node.Notice) { n.Bank = "shinhan" },
		"another currency":  func(n *node.Notice) { n.Amount = money.New(money.JPY, 5) },
		"somebody's prefix": func(n *node.Notice) { n.Number = n.Number[:10] },
	} {
		lost := notice
		lost.ID = id
		change(&lost)
		deposit, err := m.seoul.node.TakeNotice(ctx, lost)
		must(t, err)
		if deposit.Owner != core.OwnerNode {
			t.Errorf("%s: the money went to %s", id, deposit.Owner)
		}
	}
	foreign := notice
	foreign.ID, foreign.Amount = "usd", money.New(money.USD, 5)
	if _, err := m.seoul.node.TakeNotice(ctx, foreign); err == nil {
		t.Error("a currency that the node does not carry came in")
	}
	if got := m.customer.won(); got != balance(100_500, 15_000) {
		t.Errorf("the customer has %+v", got)
	}
}
