package node_test

import (
	"context"
	"testing"
	"time"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// TestUnboundHoldExpires: an order that nobody claims gives the money back at its time, and
// the offer can be ordered no more.
func TestUnboundHoldExpires(t *testing.T) {
	m := newMarket(t)
	m.later(node.OfferTerm - time.Millisecond)
	if got := m.customer.won(); got != balance(100_000, 15_000) {
		t.Errorf("before the time the customer has %+v", got)
	}
	m.later(time.Millisecond)
	if got := m.customer.won(); got != balance(100_000, 0) {
		t.Errorf("at the time the customer has %+v", got)
	}
	order, err := m.seoul.node.Order(m.customer.caller, m.order.ID)
	must(t, err)
	if order.State != core.OrderExpired {
		t.Errorf("the order is %s", order.State)
	}
	_, err = m.seoul.node.Approve(context.Background(), m.customer.caller, node.Request{},
		m.offer.JWS)
	if f, ok := fault.Of(err); !ok || f.Code != fault.Refused || f.Field != "offer" {
		t.Errorf("an expired offer: %v", err)
	}
}

// TestBoundHoldOutlivesClocks: once a claim matched, only the transfer's own messages end the
// hold, however late they come.
func TestBoundHoldOutlivesClocks(t *testing.T) {
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.tokyo.deliver() // claim.present; seoul binds and writes its prepare
	m.later(100 * 24 * time.Hour)
	m.later(100 * 24 * time.Hour)
	m.customer.signIn()
	order, err := m.seoul.node.Order(m.customer.caller, m.order.ID)
	must(t, err)
	if got := m.customer.won(); got != balance(100_000, 15_000) || order.State != core.OrderBound {
		t.Errorf("the order is %s and the customer has %+v", order.State, got)
	}
	m.settle()
	if got := m.customer.won(); got != balance(85_000, 0) {
		t.Errorf("in the end the customer has %+v", got)
	}
	if state := m.shop.state(c); state != core.ClaimPaid {
		t.Errorf("in the end the claim is %s", state)
	}
}

// TestExpiryBesidesARefusal: an entry whose only command is refused still lets holds expire,
// and no event of it is lost or numbered twice.
func TestExpiryBesidesARefusal(t *testing.T) {
	m := newMarket(t)
	m.now = m.now.Add(node.OfferTerm)
	_, err := m.seoul.node.Approve(context.Background(), m.customer.caller, node.Request{},
		m.offer.JWS)
	if err == nil {
		t.Fatal("an expired offer was ordered")
	}
	if got := m.customer.won(); got != balance(100_000, 0) {
		t.Errorf("the customer has %+v", got)
	}
	must(t, m.seoul.node.Tick(context.Background()))
	m.seoul.customer("Lee", 1)
	events, err := m.seoul.node.Events(m.seoul.operator, 0, core.PageMax)
	must(t, err)
	expired := 0
	for i, e := range events {
		if e.Seq != uint64(i)+1 {
			t.Errorf("event %d has number %d", i+1, e.Seq)
		}
		if e.Kind == "order "+core.OrderExpired {
			expired++
		}
	}
	if expired != 1 {
		t.Errorf("%d events say that the order expired", expired)
	}
}

// transfers lists the bodies of one type that a node sent.
func sent[T any](t *testing.T, a *actor, kind string) (bodies []T) {
	t.Helper()
	for _, m := range a.posted {
		if m.Type == kind {
			var body T
			must(t, wire.UnmarshalJCS(m.Body, &body))
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// TestTooLittleCredit: the shop's node rejects what its credit does not allow (T04); the hold
// is given back and the claim refused. With more credit a new order is paid.
func TestTooLittleCredit(t *testing.T) {
	m := newMarket(t)
	m.trust(m.tokyo, m.seoul.setup.Descriptor, 20_000)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	if state := m.shop.state(c); state != core.ClaimPaid {
		t.Fatalf("a claim within the credit is %s", state)
	}
	offer := m.shop.offer(5_001)
	order := m.customer.approve(offer)
	over := m.shop.claim(offer, order.Receipt)
	m.shop.submit(over)
	m.settle()
	rejects := sent[clearing.Reject](t, m.tokyo, core.TypeReject)
	if len(rejects) != 1 || rejects[0].Code != clearing.CodeCredit {
		t.Errorf("tokyo rejected with %+v", rejects)
	}
	if state := m.shop.state(over); state != core.ClaimRefused {
		t.Errorf("the claim is %s", state)
	}
	order, err := m.seoul.node.Order(m.customer.caller, order.ID)
	must(t, err)
	if got := m.customer.won(); got != balance(85_000, 0) || order.State != core.OrderVoid {
		t.Errorf("the order is %s and the customer has %+v", order.State, got)
	}
	if got := m.shop.won(); got != balance(15_000, 0) {
		t.Errorf("the shop has %+v", got)
	}
	m.trust(m.tokyo, m.seoul.setup.Descriptor, 20_001)
	order = m.customer.approve(offer) // a void order does not use the offer up
	c = m.shop.claim(offer, order.Receipt)
	m.shop.submit(c)
	m.settle()
	if state := m.shop.state(c); state != core.ClaimPaid {
		t.Errorf("with more credit the claim is %s", state)
	}
	if again := m.shop.submit(over); again.State != core.ClaimRefused {
		t.Errorf("the rejected claim is %s now", again.State)
	}
}

// TestTooLittleTime: a quote that is too old when it arrives is refused before the hold is
// bound, and a prepare that arrives too late is rejected (R02).
func TestTooLittleTime(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.mine(clearing.MarginPrepare + 1) // the quote is not valid any more
	_, err := m.seoul.node.WatchChain(ctx)
	must(t, err)
	m.settle()
	if state := m.shop.state(c); state != core.ClaimRefused {
		t.Errorf("a claim with an old quote is %s", state)
	}
	if got := m.customer.won(); got != balance(100_000, 15_000) {
		t.Errorf("the customer has %+v", got)
	}
	late := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(late)
	m.tokyo.deliver()
	m.mine(clearing.MarginQuote - clearing.MarginPrepare + 1)
	for range 3 {
		_, err = m.tokyo.node.WatchChain(ctx)
		must(t, err)
	}
	m.settle()
	rejects := sent[clearing.Reject](t, m.tokyo, core.TypeReject)
	if len(rejects) != 1 || rejects[0].Code != clearing.CodeTime {
		t.Errorf("tokyo rejected with %+v", rejects)
	}
	if got := m.customer.won(); got != balance(100_000, 0) {
		t.Errorf("the customer has %+v", got)
	}
}

// TestOrders: what a member can't order is refused and holds nothing.
func TestOrders(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	yen, err := m.tokyo.node.CreateOffer(ctx, m.shop.caller, node.Request{}, node.OfferRequest{
		Amount: money.New(money.JPY, 100), PayeeKey: keyText(m.shop),
	})
	must(t, err)
	tests := []struct {
		name, offer string
		by          node.Caller
		code        fault.Code
	}{
		{"more than she has", m.shop.offer(85_001).JWS, m.customer.caller, fault.Refused},
		{"in a currency that she has nothing of", yen.JWS, m.customer.caller, fault.Refused},
		{"ordered already", m.offer.JWS, m.customer.caller, fault.Conflict},
		{"a flipped bit", flipPart(m.offer.JWS, 2, 3), m.customer.caller, fault.Refused},
		{"no offer", "x", m.customer.caller, fault.Invalid},
		{"by a company", m.shop.offer(1).JWS, m.local.caller, fault.Forbidden},
		{"by the operator", m.shop.offer(1).JWS, m.seoul.operator, fault.Forbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := m.seoul.node.Approve(ctx, test.by, node.Request{}, test.offer)
			if f, ok := fault.Of(err); !ok || f.Code != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
			if got := m.customer.won(); got != balance(100_000, 15_000) {
				t.Errorf("the customer has %+v", got)
			}
		})
	}
	m.customer.approve(m.shop.offer(85_000)) // all that is left
	if got := m.customer.won(); got != balance(100_000, 100_000) {
		t.Errorf("the customer has %+v", got)
	}
}
