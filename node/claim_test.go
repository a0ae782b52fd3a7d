package node_test

import (
	"context"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/money"
)

// TestClaimAgain: the same claim gets the same answer at every stage, another one under the
// id is a conflict, another one on the receipt is told to the bound key alone.
func TestClaimAgain(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	for _, want := range []string{core.ClaimPending, core.ClaimPending} {
		if got := m.shop.submit(c); got.State != want {
			t.Errorf("the claim is %s", got.State)
		}
	}
	m.settle()
	first, second := m.shop.submit(c), m.shop.submit(c)
	if first != second || first.State != core.ClaimPaid {
		t.Errorf("%+v, then %+v", first, second)
	}
	other := c
	other.Amount = money.New(money.KRW, 1)
	_, err := m.tokyo.node.SubmitClaim(ctx, m.shop.caller, m.shop.sign(other))
	if f, ok := fault.Of(err); !ok || f.Code != fault.Conflict {
		t.Errorf("another claim under the id: %v", err)
	}
	again := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(again)
	m.settle()
	if state := m.shop.state(again); state != core.ClaimConflict {
		t.Errorf("a second claim on the receipt is %s", state)
	}
	foreign := m.neighbor.sign(m.shop.claim(m.offer, m.order.Receipt))
	m.shop.submit(foreign)
	m.settle()
	if state := m.shop.state(foreign); state != core.ClaimRefused {
		t.Errorf("a second claim with another key is %s", state)
	}
	if got := m.shop.won(); got != balance(15_000, 0) {
		t.Errorf("the shop has %+v", got)
	}
}

// TestPaidClaimElsewhere: a claim that was paid, byte for byte, tells other nodes' companies
// nothing. (It once stopped the payer's node.)
func TestPaidClaimElsewhere(t *testing.T) {
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	for _, by := range []person{m.local, m.third} {
		if got := by.submit(c); got.State != core.ClaimRefused {
			t.Errorf("%s says %s", by.at.did, got.State)
		}
	}
	m.settle()
	if got := m.customer.won(); got != balance(85_000, 0) {
		t.Errorf("the customer has %+v", got)
	}
}

// TestClaimHere: a shop of the payer's own node is paid at once, by the same rules.
func TestClaimHere(t *testing.T) {
	m := newMarket(t)
	offer := m.local.offer(20_000)
	order := m.customer.approve(offer)
	foul := m.shop.sign(m.local.claim(offer, order.Receipt))
	if got := m.local.submit(foul); got.State != core.ClaimRefused {
		t.Errorf("another key: %s", got.State)
	}
	neighbor := m.seoul.shop("Next door")
	if got := neighbor.submit(m.local.claim(offer, order.Receipt)); got.State != core.ClaimRefused {
		t.Errorf("another company: %s", got.State)
	}
	c := m.local.claim(offer, order.Receipt)
	if got := m.local.submit(c); got.State != core.ClaimPaid {
		t.Fatalf("the claim is %s", got.State)
	}
	if got := m.local.submit(c); got.State != core.ClaimPaid {
		t.Errorf("the same claim is %s", got.State)
	}
	if got := m.local.submit(m.local.claim(offer, order.Receipt)); got.State != core.ClaimConflict {
		t.Errorf("another claim is %s", got.State)
	}
	if got := neighbor.submit(m.local.claim(offer, order.Receipt)); got.State != core.ClaimRefused {
		t.Errorf("another company's claim on a paid receipt is %s", got.State)
	}
	if got := m.customer.won(); got != balance(80_000, 15_000) {
		t.Errorf("the customer has %+v", got)
	}
	if got := m.local.won(); got != balance(20_000, 0) {
		t.Errorf("the shop has %+v", got)
	}
}
