package core_test

import (
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/wire"
)

// principals are callers of every kind, living and dead, that are not the one wanted.
func (s *script) strangers(but journal.PrincipalKind) map[string]journal.Principal {
	all := map[string]journal.Principal{
		"system":                   system(),
		"operator":                 operator(),
		"member":                   s.customer(),
		"company":                  principal(journal.Company, s.local.String(), "Here"),
		"rail":                     bank(),
		"another rail":             {Kind: journal.Rail, ID: "cards"},
		"peer":                     {Kind: journal.Peer, ID: s.tokyo.did, Key: s.tokyo.keyID()},
		"public":                   {Kind: journal.Public},
		"operator without a key":   {Kind: journal.Operator, ID: core.OwnerNode},
		"operator with a dead key": principal(journal.Operator, core.OwnerNode, "ended"),
		"operator with a member's session": principal(journal.Operator, core.OwnerNode,
			"session"),
		"member with a company's key": principal(journal.Member, s.member.String(), "Here"),
		"member with her spent code":  principal(journal.Member, s.member.String(), "code"),
		"company with a member's session": principal(journal.Company, s.local.String(),
			"session"),
	}
	kinds := map[journal.PrincipalKind][]string{
		journal.System: {"system"}, journal.Operator: {"system", "operator"},
		journal.Member: {"member"}, journal.Company: {"company"}, journal.Rail: {"rail"},
		journal.Peer: {"peer"},
	}
	for _, name := range kinds[but] {
		delete(all, name)
	}
	return all
}

// TestRights: core itself checks who may do what, since it trusts no shell: everyone but the
// one kind of caller is refused, and nothing is left behind.
func TestRights(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	offer := s.offer(m, s.local, "Here", 5)
	order := s.approval(offer)
	claim := s.claim(offer, core.OrderRow{Receipt: order.Receipt})
	claim.Company, claim.Payer = s.local, m.did
	channel := m.core.View().SentFrom(s.tokyo.did, 1, 1)
	if len(channel) != 0 {
		t.Fatal("seoul has said something")
	}
	session := secret("session")
	tests := []struct {
		name string
		kind uint16
		by   journal.PrincipalKind
		body any
	}{
		{"configure", core.KindConfigure, journal.System, core.Configure{DID: m.did}},
		{"describe", core.KindDescribe, journal.System, core.Describe{Serial: 9}},
		{"tick", core.KindTick, journal.System, struct{}{}},
		{"add a company", core.KindAddCompany, journal.Operator, core.AddCompany{
			ID: core.CompanyID(id[companyKind](m)), Name: "x", Alias: "x",
		}},
		{"add a member", core.KindAddMember, journal.Operator, core.AddMember{
			ID: core.MemberID(id[companyKind](m)),
		}},
		{"add a credential", core.KindAddCredential, journal.Operator, core.AddCredential{
			Hash: [32]byte{1}, Use: core.UseKey, Kind: journal.Operator, Subject: core.OwnerNode,
		}},
		{"open a virtual account", core.KindOpenVirtual, journal.Operator, core.OpenVirtual{
			Rail: "bank", Bank: "hana", Number: "9", Currency: 410, Owner: s.member.String(),
		}},
		{"deposit", core.KindDeposit, journal.Rail, core.Deposit{
			Rail: "bank", Notice: "x", Amount: won(1),
		}},
		{"make an offer", core.KindCreateOffer, journal.Company, core.CreateOffer{
			Company: s.local, JWS: offer.JWS,
		}},
		{"order", core.KindApproveOrder, journal.Member, order},
		{"claim", core.KindSubmitClaim, journal.Company, claim},
		{"add a peer", core.KindAddPeer, journal.Operator, core.AddPeer{
			DID: "did:web:osaka.example",
		}},
		{"receive", core.KindReceive, journal.Peer, core.Receive{
			JWS: s.tokyo.sign(wire.TypMessage, s.hello(t)),
		}},
		{"note a delivery", core.KindDelivered, journal.System, core.Delivered{
			Peer: s.tokyo.did,
		}},
		{"close a day", core.KindCloseDay, journal.Operator, core.CloseDay{Day: 1}},
		{"sign a checkpoint", core.KindSignCheckpoint, journal.System, core.SignCheckpoint{}},
		{"start on the chain", core.KindStartChain, journal.System, core.StartChain{Row: "x"}},
		{"say what was sent", core.KindSentChain, journal.System, core.SentChain{Row: "x"}},
		{"say what was seen", core.KindSeeChain, journal.System, core.SeeChain{Height: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, by := range s.strangers(test.by) {
				f := m.refused(test.kind, by, test.body)
				if f.Code != fault.Forbidden && f.Code != fault.Unauthenticated {
					t.Errorf("%s: %v", name, f)
				}
			}
		})
	}
	f := m.refused(core.KindEndCredential, principal(journal.Company, s.local.String(), "Here"),
		core.EndCredential{Hash: session})
	if f.Code != fault.Forbidden {
		t.Errorf("a company ends a member's session: %v", f)
	}
}

// hello is a message of tokyo that nothing follows from.
func (s *script) hello(t *testing.T) []byte {
	t.Helper()
	payload, err := wire.Message{
		Version: wire.MessageVersion, Type: "peer.propose", ID: wire.UUID(id[companyKind](s.tokyo)),
		From: s.tokyo.did, To: s.seoul.did, Thread: wire.UUID(id[companyKind](s.tokyo)), Seq: 1,
		Epoch: 1, CreatedAt: start, ExpiresAt: start, Body: []byte("{}"),
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// TestTenants: with a living key of its own, a company or member still moves nothing that
// belongs to another.
func TestTenants(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	other := s.company(m, "Other")
	offer := s.offer(m, s.local, "Here", 5)
	order := s.approval(offer)
	stranger := core.MemberID(id[companyKind](m))
	do[core.MemberRow](m, core.KindAddMember, operator(), core.AddMember{ID: stranger})
	do[core.CredentialRow](m, core.KindAddCredential, operator(), core.AddCredential{
		Hash: secret("hers"), Use: core.UseSession, Kind: journal.Member,
		Subject: stranger.String(),
	})
	her := principal(journal.Member, stranger.String(), "hers")
	if f := m.refused(core.KindApproveOrder, her, order); f.Code != fault.Forbidden {
		t.Errorf("another member's order: %v", f)
	}
	order.Member = stranger
	if f := m.refused(core.KindApproveOrder, her, order); f.Code != fault.Refused {
		t.Errorf("an order without money: %v", f)
	}
	theirs := principal(journal.Company, other.String(), "Other")
	if f := m.refused(core.KindCreateOffer, theirs, core.CreateOffer{
		Company: s.local, JWS: offer.JWS,
	}); f.Code != fault.Forbidden {
		t.Errorf("an offer in another's name: %v", f)
	}
	if f := m.refused(core.KindCreateOffer, theirs, core.CreateOffer{
		Company: other, JWS: offer.JWS,
	}); f.Code != fault.Invalid {
		t.Errorf("another's offer: %v", f)
	}
	paid := s.order(offer)
	claim := s.claim(offer, paid)
	claim.Company, claim.Payer, claim.Claim.Alias = other, m.did, "pay:Here"
	claim.Local = s.facts(claim.Claim, paid)
	row := do[core.ClaimRow](m, core.KindSubmitClaim, theirs, claim)
	if row.State != core.ClaimRefused {
		t.Errorf("another company's claim is %s", row.State)
	}
	claim.Company = s.local
	f := m.refused(core.KindSubmitClaim, principal(journal.Company, s.local.String(), "Here"),
		claim)
	if f.Code != fault.Conflict {
		t.Errorf("a claim id of another company: %v", f)
	}
	if held, _ := m.core.View().Order(paid.ID); held.State != core.OrderHeld {
		t.Errorf("the order is %s", held.State)
	}
}

// FuzzApply: no body of any command, by whomever, stops the node or breaks the books.
func FuzzApply(f *testing.F) {
	s := play(f)
	for _, data := range append(s.seoul.entries, s.tokyo.entries...) {
		e, err := journal.DecodeEntry(data)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range e.Commands {
			f.Add(c.Kind, byte(c.Principal.Kind), c.Body)
		}
	}
	template := newScript(f)
	m := template.seoul
	bys := map[byte]journal.Principal{}
	for _, by := range []journal.Principal{
		operator(), template.customer(), bank(),
		{Kind: journal.Public},
		principal(journal.Company, template.local.String(), "Here"),
		{Kind: journal.Peer, ID: template.tokyo.did, Key: template.tokyo.keyID()},
	} {
		bys[byte(by.Kind)] = by
	}
	cut, image := m.stores.Cut(m.core)
	f.Fuzz(func(t *testing.T, kind uint16, by byte, body []byte) {
		principal, ok := bys[by]
		if !ok || len(body) > journal.BodyBytesMax {
			return // the system's commands are the shell's own: their faults may stop the node
		}
		book, err := ledger.DecodeBook(image)
		if err != nil {
			t.Fatal(err)
		}
		c, err := core.Open(cut.Clone().Stores(), book)
		if err != nil {
			t.Fatal(err)
		}
		header := journal.Header{Format: journal.Format, Node: m.did, Time: m.now, Rule: 1}
		c.Apply(c.Applied()+1, journal.Entry{Header: header, Commands: []journal.Command{{
			Kind: kind, Version: core.CommandVersion, Principal: principal, Body: body,
		}}})
		for _, total := range c.View().Totals() {
			if total.Debits != total.Credits {
				t.Fatalf("%s debited, %s credited", total.Debits, total.Credits)
			}
		}
	})
}
