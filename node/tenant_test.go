package node_test

import (
	"context"
	"testing"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/node"
)

// TestTenantsSeeTheirOwn: whatever belongs to another company or member is not found, with the
// same words as what does not exist; the operator finds everything.
func TestTenantsSeeTheirOwn(t *testing.T) {
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	claim, err := m.tokyo.node.Claim(m.shop.caller, c.ID)
	must(t, err)
	lee := m.seoul.customer("Lee", 1)
	wallet, err := m.seoul.node.Wallet(m.customer.caller, m.customer.id)
	must(t, err)
	till, err := m.tokyo.node.Wallet(m.shop.caller, m.shop.id)
	must(t, err)
	tests := []struct {
		name          string
		own, stranger person
		read          func(by node.Caller) error
	}{
		{"wallet of a member", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Wallet(by, m.customer.id)
			return err
		}},
		{"wallet of a member, by a company", m.customer, m.local, func(by node.Caller) error {
			_, err := m.seoul.node.Wallet(by, m.customer.id)
			return err
		}},
		{"wallet of a company", m.shop, m.neighbor, func(by node.Caller) error {
			_, err := m.tokyo.node.Wallet(by, m.shop.id)
			return err
		}},
		{"entries of a member", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Entries(by, wallet.Balances[0].Account, 0, 10)
			return err
		}},
		{"entries of a company", m.shop, m.neighbor, func(by node.Caller) error {
			_, err := m.tokyo.node.Entries(by, till.Balances[0].Account, 0, 10)
			return err
		}},
		{"deposits", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Deposits(by, m.customer.id, 10)
			return err
		}},
		{"order", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Order(by, m.order.ID)
			return err
		}},
		{"claim", m.shop, m.neighbor, func(by node.Caller) error {
			_, err := m.tokyo.node.Claim(by, c.ID)
			return err
		}},
		{"transfer of the payer", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Transfer(by, claim.Transfer)
			return err
		}},
		{"transfer of the payee", m.shop, m.neighbor, func(by node.Caller) error {
			_, err := m.tokyo.node.Transfer(by, claim.Transfer)
			return err
		}},
		{"member", m.customer, lee, func(by node.Caller) error {
			_, err := m.seoul.node.Member(by, m.customer.id)
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.read(test.own.caller); err != nil {
				t.Errorf("the owner: %v", err)
			}
			if err := test.read(test.own.at.operator); err != nil {
				t.Errorf("the operator: %v", err)
			}
			for _, by := range []node.Caller{
				test.stranger.caller, {}, {Kind: journal.Public}, {Kind: journal.Peer, ID: m.osaka.did},
			} {
				f, ok := fault.Of(test.read(by))
				if !ok || f.Code != fault.NotFound {
					t.Errorf("%v of %q: %v, want not found", by.Kind, by.ID, f)
				}
			}
		})
	}
}

// TestProofsBelongToTheirOwners: a stranger is told that there is no such transfer, the owner
// that the day is not closed yet.
func TestProofsBelongToTheirOwners(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	claim, err := m.tokyo.node.Claim(m.shop.caller, c.ID)
	must(t, err)
	lee := m.seoul.customer("Lee", 1)
	tests := []struct {
		name string
		by   person
		code fault.Code
	}{
		{"payer", m.customer, fault.Refused},
		{"another customer", lee, fault.NotFound},
		{"a shop beside her", m.local, fault.NotFound},
		{"payee", m.shop, fault.Refused},
		{"another shop", m.neighbor, fault.NotFound},
		{"a shop elsewhere", m.third, fault.NotFound},
	}
	for _, test := range tests {
		_, err := test.by.at.node.Bundle(ctx, test.by.caller, claim.Transfer)
		if f, ok := fault.Of(err); !ok || f.Code != test.code {
			t.Errorf("%s: %v, want %s", test.name, err, test.code)
		}
	}
}

// TestEventsBelongToTheirOwners: a member sees her own events, in pages of their own, and
// nothing of what happened to others in between.
func TestEventsBelongToTheirOwners(t *testing.T) {
	m := newMarket(t)
	for range 3 {
		m.seoul.customer("Lee", 1) // others' events, more than a page
	}
	m.customer.approve(m.local.offer(1))
	var kinds []string
	for from := uint64(0); ; {
		page, err := m.seoul.node.Events(m.customer.caller, from, 2)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			kinds = append(kinds, e.Kind)
			from = e.Seq + 1
		}
	}
	want := []string{"deposit", "order held", "order held"}
	if len(kinds) != len(want) || kinds[0] != want[0] || kinds[1] != want[1] || kinds[2] != want[2] {
		t.Errorf("she sees %v, want %v", kinds, want)
	}
}

// TestRights: what only one kind of caller may do is refused to all others, and changes nothing.
func TestRights(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	public := node.Caller{Kind: journal.Public}
	tests := []struct {
		name string
		by   []node.Caller
		do   func(by node.Caller) error
	}{
		{
			"open a company",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, _, err := m.seoul.node.CreateCompany(ctx, by, node.Request{}, "x")
				return err
			},
		},
		{
			"open a member",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, err := m.seoul.node.CreateMember(ctx, by, node.Request{}, "x")
				return err
			},
		},
		{
			"sign a member in",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, _, err := m.seoul.node.CreateSignIn(ctx, by, m.customer.id)
				return err
			},
		},
		{
			"open a virtual account",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, err := m.seoul.node.OpenVirtualAccount(ctx, by, node.Request{},
					node.VirtualAccount{
						Rail: "bank", Bank: "hana", Number: "9", Currency: "KRW", Owner: m.local.id,
					})
				return err
			},
		},
		{
			"give a peer credit",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, err := m.seoul.node.AddPeer(ctx, by, node.PeerTerms{
					URL: "http://x.localhost:1", Descriptor: m.tokyo.setup.Descriptor,
					Credit: []money.Amount{money.New(money.KRW, 1)},
				})
				return err
			},
		},
		{
			"close a day",
			[]node.Caller{m.local.caller, m.customer.caller, public},
			func(by node.Caller) error {
				_, err := m.seoul.node.CloseDay(ctx, by, 0)
				return err
			},
		},
		{
			"make an offer",
			[]node.Caller{m.customer.caller, m.seoul.operator, public, m.shop.caller},
			func(by node.Caller) error {
				_, err := m.seoul.node.CreateOffer(ctx, by, node.Request{}, node.OfferRequest{
					Amount: money.New(money.KRW, 1), PayeeKey: keyText(m.local),
				})
				return err
			},
		},
		{
			"claim",
			[]node.Caller{m.customer.caller, m.seoul.operator, public, m.shop.caller},
			func(by node.Caller) error {
				_, err := m.seoul.node.SubmitClaim(ctx, by, m.shop.claim(m.offer, m.order.Receipt))
				return err
			},
		},
		{
			"order",
			[]node.Caller{m.local.caller, m.seoul.operator, public},
			func(by node.Caller) error {
				_, err := m.seoul.node.Approve(ctx, by, node.Request{}, m.local.offer(1).JWS)
				return err
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, by := range test.by {
				f, ok := fault.Of(test.do(by))
				if !ok || (f.Code != fault.Forbidden && f.Code != fault.NotFound &&
					f.Code != fault.Unauthenticated) {
					t.Errorf("%v %s: %v, want a refusal", by.Kind, by.ID, f)
				}
			}
		})
	}
	for _, list := range []func(by node.Caller) error{
		func(by node.Caller) error { _, err := m.seoul.node.Peers(by); return err },
		func(by node.Caller) error { _, err := m.seoul.node.Companies(by); return err },
		func(by node.Caller) error { _, err := m.seoul.node.Members(by); return err },
		func(by node.Caller) error { _, err := m.seoul.node.ChainRows(by); return err },
		func(by node.Caller) error { _, err := m.seoul.node.Status(by); return err },
	} {
		for _, by := range []node.Caller{m.local.caller, m.customer.caller, public} {
			if f, ok := fault.Of(list(by)); !ok || f.Code != fault.Forbidden {
				t.Errorf("a list for the operator: %v", f)
			}
		}
	}
}
