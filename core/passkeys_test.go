package core_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// verified are the flags of an authenticator that saw and verified its user.
const verified = 0x05

func public() journal.Principal { return journal.Principal{Kind: journal.Public} }

// holder is a member who signed up with a passkey.
type holder struct {
	*script
	m      *machine
	member core.MemberID
	me     journal.Principal
	key    core.NewPasskey
	count  uint32
}

// signUp lets someone sign up at seoul under the newest rules.
func signUp(t testing.TB) *holder {
	t.Helper()
	s := newScript(t)
	h := &holder{script: s, m: s.seoul}
	activateAll(h.m)
	h.member = core.MemberID(id[companyKind](h.m))
	h.key = passkeyOf("first")
	row := do[core.MemberRow](h.m, core.KindSignUp, public(), h.signingUp("at sign-up"))
	if row.ID != h.member {
		t.Fatal("another member")
	}
	h.me = principal(journal.Member, h.member.String(), "at sign-up")
	return h
}

func (h *holder) signingUp(session string) core.SignUp {
	return core.SignUp{
		Member:  core.AddMember{ID: h.member, SealedName: []byte("sealed")},
		Passkey: h.key, Session: secret(session), Expires: start * 2,
	}
}

func passkeyOf(name string) core.NewPasskey {
	return core.NewPasskey{ID: []byte(name), Public: []byte("cose " + name), Flags: verified}
}

// use is an assertion by a passkey, whose counter rises.
func (h *holder) use(name string, challenge [32]byte) core.Assertion {
	h.count++
	return core.Assertion{
		Passkey: core.PasskeyHash([]byte(name)), Challenge: challenge, Flags: verified,
		Counter: h.count,
	}
}

// signIn opens a session by passkey.
func (h *holder) signIn(session string) journal.Principal {
	h.t.Helper()
	do[core.PasskeyRow](h.m, core.KindUsePasskey, public(), core.UsePasskey{
		Assertion: h.use("first", secret(session)), Session: secret(session), Expires: start * 2,
	})
	return principal(journal.Member, h.member.String(), session)
}

// fund gives the member money.
func (h *holder) fund() {
	h.t.Helper()
	do[core.VirtualRow](h.m, core.KindOpenVirtual, operator(), core.OpenVirtual{
		Rail: "bank", Bank: "hana", Number: "110-2", Currency: won(0).Currency(),
		Owner: h.member.String(),
	})
	h.deposit("n2", "110-2", 100_000)
}

// approving is an order of an offer with an assertion over exactly it.
func (h *holder) approving(offer core.OfferRow) core.PasskeyOrder {
	h.t.Helper()
	order := h.approval(offer)
	order.Member = h.member
	jws, err := wire.ParseJWS(order.Offer)
	if err != nil {
		h.t.Fatal(err)
	}
	o, err := payment.ParseOffer(jws.Payload)
	if err != nil {
		h.t.Fatal(err)
	}
	var source ledger.AccountID
	for _, row := range h.m.core.View().AccountsOf(h.member.String(), core.PurposeWallet) {
		if row.Currency == o.Total().Currency() {
			source = row.ID
		}
	}
	approval, err := payment.ApprovalOf(o, source, order.Handle)
	if err != nil {
		h.t.Fatal(err)
	}
	return core.PasskeyOrder{
		Order: order, Assertion: h.use("first", approval.Challenge()),
		Evidence: core.Evidence{
			Data: []byte("data"), Client: []byte("client"), Signature: []byte("signature"),
		},
	}
}

// playPasskeys goes through every command of passkeys, with refusals between them.
func playPasskeys(t testing.TB) *machine {
	t.Helper()
	h := signUp(t)
	h.fund()
	do[core.OrderRow](h.m, core.KindPasskeyOrder, h.me,
		h.approving(h.offer(h.m, h.local, "Here", 5_000)))
	do[core.PasskeyRow](h.m, core.KindAddPasskey, h.me, core.AddPasskey{
		Member: h.member, Passkey: passkeyOf("second"),
	})
	do[int](h.m, core.KindSetRecovery, h.me, core.SetRecovery{
		Member: h.member, Codes: [][32]byte{secret("r1"), secret("r2")},
	})
	do[core.CredentialRow](h.m, core.KindUseRecovery, public(), core.UseRecoveryCode{
		Code: secret("r1"), Session: secret("recovering"), Expires: start * 2,
	})
	do[core.PasskeyRow](h.m, core.KindAddPasskey,
		principal(journal.Member, h.member.String(), "recovering"),
		core.AddPasskey{Member: h.member, Passkey: passkeyOf("third")})
	again := h.signIn("again")
	do[core.PasskeyRow](h.m, core.KindRemovePasskey, again, core.RemovePasskey{
		Member: h.member, Passkey: core.PasskeyHash([]byte("second")),
	})
	do[int](h.m, core.KindEndSessions, again, core.EndSessions{Member: h.member})
	h.m.refused(core.KindEndSessions, h.me, core.EndSessions{Member: h.member})
	return h.m
}

// TestGoldenPasskeys is TestGolden for the commands of passkeys, which came with rules of their
// own.
func TestGoldenPasskeys(t *testing.T) {
	const name = "golden-passkeys"
	if *update {
		writeGolden(t, name, playPasskeys(t))
	}
	entries, want := readGolden(t, name)
	m := &machine{t: t, entries: entries}
	if got := hexText(m.replay().core.StateHash()); got != want {
		t.Errorf("the journal leads to state %s, not to %s", got, want)
	}
}

// TestPasskeysNeedTheirRules: under older rules the commands are what they were to older programs:
// unknown.
func TestPasskeysNeedTheirRules(t *testing.T) {
	s := newScript(t)
	h := &holder{script: s, m: s.seoul, key: passkeyOf("first")}
	h.member = core.MemberID(id[companyKind](h.m))
	if f := h.m.refused(core.KindSignUp, public(), h.signingUp("x")); f.Code != fault.Invalid {
		t.Error(f)
	}
	offer := s.offer(s.seoul, s.local, "Here", 5)
	s.order(offer) // by session, as ever
}

// TestSignUp: one command opens the member, and a passkey is nobody else's.
func TestSignUp(t *testing.T) {
	h := signUp(t)
	if got := h.m.core.View().Sessions(h.member, h.m.now); len(got) != 1 ||
		got[0].How != core.SessionByPasskey {
		t.Errorf("sessions %+v", got)
	}
	h.member = core.MemberID(id[companyKind](h.m))
	if f := h.m.refused(core.KindSignUp, public(), h.signingUp("y")); f.Code != fault.Conflict {
		t.Errorf("the passkey of another: %v", f)
	}
	h.key = passkeyOf("unverified")
	h.key.Flags = 0x01
	if f := h.m.refused(core.KindSignUp, public(), h.signingUp("y")); f.Code != fault.Invalid {
		t.Errorf("nobody was verified: %v", f)
	}
	h.key = passkeyOf("other")
	for name, by := range h.strangers(journal.Public) {
		if name != "public" {
			h.m.refused(core.KindSignUp, by, h.signingUp("y"))
		}
	}
}

// TestCounter: a counter that does not rise is refused, once there is one.
func TestCounter(t *testing.T) {
	h := signUp(t)
	sign := func(count uint32, session string) core.UsePasskey {
		a := h.use("first", secret(session))
		a.Counter = count
		return core.UsePasskey{Assertion: a, Session: secret(session), Expires: start * 2}
	}
	for i, count := range []uint32{0, 0, 4, 5} {
		do[core.PasskeyRow](h.m, core.KindUsePasskey, public(),
			sign(count, string(rune('a'+i))))
	}
	for _, count := range []uint32{0, 4, 5} {
		f := h.m.refused(core.KindUsePasskey, public(), sign(count, "z"))
		if f.Field != "counter" {
			t.Errorf("counter %d: %v", count, f)
		}
	}
	none := sign(9, "z")
	none.Assertion.Flags = 0x01
	h.m.refused(core.KindUsePasskey, public(), none)
}

// TestPasskeyOrder: core takes the order that was approved and no other, once, by a living passkey
// of the member.
func TestPasskeyOrder(t *testing.T) {
	h := signUp(t)
	h.fund()
	offer := h.offer(h.m, h.local, "Here", 5_000)
	for name, spoil := range map[string]func(*core.PasskeyOrder){
		"another handle": func(o *core.PasskeyOrder) { o.Order.Handle[0]++ },
		"another offer": func(o *core.PasskeyOrder) {
			o.Order.Offer = h.offer(h.m, h.local, "Here", 6_000).JWS
		},
		"another challenge": func(o *core.PasskeyOrder) { o.Assertion.Challenge[0]++ },
		"nobody verified":   func(o *core.PasskeyOrder) { o.Assertion.Flags = 0x01 },
		"too much evidence": func(o *core.PasskeyOrder) {
			o.Evidence.Client = make([]byte, core.EvidenceMax)
		},
		"unknown passkey": func(o *core.PasskeyOrder) { o.Assertion.Passkey[0]++ },
		"another member":  func(o *core.PasskeyOrder) { o.Order.Member = h.script.member },
	} {
		order := h.approving(offer)
		spoil(&order)
		if f := h.m.refused(core.KindPasskeyOrder, h.me, order); f == nil {
			t.Errorf("%s was taken", name)
		}
	}
	// Another member's passkey over the right challenge.
	first := *h
	h.member, h.key = core.MemberID(id[companyKind](h.m)), passkeyOf("hers")
	do[core.MemberRow](h.m, core.KindSignUp, public(), h.signingUp("hers"))
	order := first.approving(offer)
	order.Assertion.Passkey = core.PasskeyHash([]byte("hers"))
	if f := h.m.refused(core.KindPasskeyOrder, first.me, order); f.Field != "passkey" {
		t.Errorf("another member's passkey: %v", f)
	}
	order = first.approving(offer)
	row := do[core.OrderRow](h.m, core.KindPasskeyOrder, first.me, order)
	if f := h.m.refused(core.KindPasskeyOrder, first.me, order); f.Field != "challenge" {
		t.Errorf("twice: %v", f)
	}
	again := first.approving(offer)
	if f := h.m.refused(core.KindPasskeyOrder, first.me, again); f.Field != "offer" {
		t.Errorf("the offer twice: %v", f)
	}
	want := core.ApprovalRow{
		Challenge: order.Assertion.Challenge, Order: row.ID, Passkey: order.Assertion.Passkey,
		Flags: verified, Counter: order.Assertion.Counter, At: row.Created,
		Evidence: order.Evidence,
	}
	got, _ := h.m.core.View().Approval(order.Assertion.Challenge)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOrderWithoutPasskey: a session alone orders for those who have no passkey, in tests alone.
func TestOrderWithoutPasskey(t *testing.T) {
	h := signUp(t)
	h.fund()
	order := h.approval(h.offer(h.m, h.local, "Here", 5))
	order.Member = h.member
	if f := h.m.refused(core.KindApproveOrder, h.me, order); f.Code != fault.Forbidden {
		t.Errorf("a member with a passkey: %v", f)
	}
	h.order(h.offer(h.m, h.local, "Here", 6)) // one without
}

// TestOrderOnMainnet: where money is real, nobody orders by session alone.
func TestOrderOnMainnet(t *testing.T) {
	seed := secret("shop key")
	s := &script{
		t: t, seoul: newMachine(t, "seoul"), shopKey: ed25519.NewKeyFromSeed(seed[:]),
	}
	do[core.NodeRow](s.seoul, core.KindConfigure, system(), core.Configure{
		DID: s.seoul.did, Network: "mainnet", Currencies: []money.Currency{money.KRW},
		Descriptor: "first", OperatorKey: secret("operator"),
	})
	activateAll(s.seoul)
	s.local = s.company(s.seoul, "Here")
	s.settleMember()
	order := s.approval(s.offer(s.seoul, s.local, "Here", 5))
	if f := s.seoul.refused(core.KindApproveOrder, s.customer(), order); f.Field != "passkey" {
		t.Error(f)
	}
}
