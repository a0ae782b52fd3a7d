package core_test

import (
	"fmt"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
)

// TestRecent: passkeys and codes change only right after a sign-in by passkey.
func TestRecent(t *testing.T) {
	h := signUp(t)
	add := core.AddPasskey{Member: h.member, Passkey: passkeyOf("second")}
	codes := core.SetRecovery{Member: h.member, Codes: [][32]byte{secret("r1")}}
	remove := core.RemovePasskey{Member: h.member, Passkey: core.PasskeyHash([]byte("first"))}
	h.m.now += core.RecentMax.Milliseconds()
	for kind, body := range map[uint16]any{
		core.KindAddPasskey: add, core.KindSetRecovery: codes, core.KindRemovePasskey: remove,
	} {
		f := h.m.refused(kind, h.me, body)
		if f.Code != fault.Forbidden || f.Field != "session" {
			t.Errorf("kind %d: %v", kind, f)
		}
	}
	do[core.CredentialRow](h.m, core.KindAddCredential, operator(), core.AddCredential{
		Hash: secret("a code"), Use: core.UseCode, Kind: journal.Member,
		Subject: h.member.String(), Expires: start * 2,
	})
	do[core.CredentialRow](h.m, core.KindRedeemCode, public(), core.RedeemCode{
		Code: secret("a code"), Session: secret("by code"), Expires: start * 2,
	})
	byCode := principal(journal.Member, h.member.String(), "by code")
	if f := h.m.refused(core.KindAddPasskey, byCode, add); f.Code != fault.Forbidden {
		t.Errorf("an operator's code adds a passkey: %v", f)
	}
	do[core.PasskeyRow](h.m, core.KindAddPasskey, h.signIn("again"), add)
}

// TestFirstPasskey: a member without one adds it with what she has, a session.
func TestFirstPasskey(t *testing.T) {
	s := newScript(t)
	activateAll(s.seoul)
	do[core.PasskeyRow](s.seoul, core.KindAddPasskey, s.customer(), core.AddPasskey{
		Member: s.member, Passkey: passkeyOf("first"),
	})
	s.seoul.refused(core.KindAddPasskey, s.customer(), core.AddPasskey{
		Member: s.member, Passkey: passkeyOf("second"),
	})
}

// TestLastPasskey: the last passkey stays until there are recovery codes; one that is removed signs
// nobody in and never comes back.
func TestLastPasskey(t *testing.T) {
	h := signUp(t)
	remove := core.RemovePasskey{Member: h.member, Passkey: core.PasskeyHash([]byte("first"))}
	if f := h.m.refused(core.KindRemovePasskey, h.me, remove); f.Code != fault.Refused {
		t.Errorf("the last one: %v", f)
	}
	do[int](h.m, core.KindSetRecovery, h.me, core.SetRecovery{
		Member: h.member, Codes: [][32]byte{secret("r1")},
	})
	do[core.PasskeyRow](h.m, core.KindRemovePasskey, h.me, remove)
	if f := h.m.refused(core.KindRemovePasskey, h.me, remove); f.Code != fault.NotFound {
		t.Errorf("again: %v", f)
	}
	f := h.m.refused(core.KindUsePasskey, public(), core.UsePasskey{
		Assertion: h.use("first", secret("x")), Session: secret("x"), Expires: start * 2,
	})
	if f.Code != fault.Unauthenticated {
		t.Errorf("a removed one signs in: %v", f)
	}
	h.m.refused(core.KindAddPasskey, h.me, core.AddPasskey{Member: h.member, Passkey: h.key})
}

// TestRecovery: a code works once, for a session that adds one passkey and does nothing else.
func TestRecovery(t *testing.T) {
	h := signUp(t)
	h.fund()
	set := core.SetRecovery{Member: h.member, Codes: [][32]byte{secret("r1"), secret("r2")}}
	do[int](h.m, core.KindSetRecovery, h.me, set)
	code := func(name, session string) core.UseRecoveryCode {
		return core.UseRecoveryCode{
			Code: secret(name), Session: secret(session), Expires: h.m.now + 60_000,
		}
	}
	do[core.CredentialRow](h.m, core.KindUseRecovery, public(), code("r1", "one"))
	if f := h.m.refused(core.KindUseRecovery, public(), code("r1", "two")); f.Field != "code" {
		t.Errorf("twice: %v", f)
	}
	h.m.refused(core.KindUseRecovery, public(), code("never", "two"))
	one := principal(journal.Member, h.member.String(), "one")
	for kind, body := range map[uint16]any{
		core.KindSetRecovery: set, core.KindEndSessions: core.EndSessions{Member: h.member},
		core.KindRemovePasskey: core.RemovePasskey{
			Member: h.member, Passkey: core.PasskeyHash([]byte("first")),
		},
		core.KindPasskeyOrder:  h.approving(h.offer(h.m, h.local, "Here", 5)),
		core.KindEndCredential: core.EndCredential{Hash: secret("at sign-up")},
	} {
		if f := h.m.refused(kind, one, body); f.Code != fault.Forbidden {
			t.Errorf("kind %d: %v", kind, f)
		}
	}
	add := core.AddPasskey{Member: h.member, Passkey: passkeyOf("second")}
	do[core.PasskeyRow](h.m, core.KindAddPasskey, one, add)
	add.Passkey = passkeyOf("third")
	h.m.refused(core.KindAddPasskey, one, add)
	// New codes replace the old ones.
	do[int](h.m, core.KindSetRecovery, h.signIn("again"), core.SetRecovery{
		Member: h.member, Codes: [][32]byte{secret("r3")},
	})
	h.m.refused(core.KindUseRecovery, public(), code("r2", "two"))
	do[core.CredentialRow](h.m, core.KindUseRecovery, public(), code("r3", "late"))
	h.m.now += 60_000
	late := principal(journal.Member, h.member.String(), "late")
	if f := h.m.refused(core.KindAddPasskey, late, add); f.Code != fault.Unauthenticated {
		t.Errorf("after its time: %v", f)
	}
}

// TestSessions: a member ends one session or all others; too many end the oldest.
func TestSessions(t *testing.T) {
	h := signUp(t)
	other := h.signIn("other")
	do[core.CredentialRow](h.m, core.KindEndCredential, other,
		core.EndCredential{Hash: secret("at sign-up")})
	if f := h.m.refused(core.KindEndSessions, h.me, core.EndSessions{Member: h.member}); f.Code !=
		fault.Unauthenticated {
		t.Error(f)
	}
	for i := range core.SessionsMax + 5 {
		h.signIn(fmt.Sprint("s", i))
	}
	list := h.m.core.View().Sessions(h.member, h.m.now)
	if len(list) != core.SessionsMax {
		t.Errorf("%d sessions", len(list))
	}
	newest := principal(journal.Member, h.member.String(), fmt.Sprint("s", core.SessionsMax+4))
	if ended := do[int](h.m, core.KindEndSessions, newest,
		core.EndSessions{Member: h.member}); ended != core.SessionsMax-1 {
		t.Errorf("%d ended", ended)
	}
	if list = h.m.core.View().Sessions(h.member, h.m.now); len(list) != 1 {
		t.Errorf("%d sessions are left", len(list))
	}
	if h.m.replay().core.StateHash() != h.m.core.StateHash() {
		t.Error("the replay led to another state")
	}
}

// TestPasskeyRights: a member's commands are for herself, and what strangers send is for strangers.
func TestPasskeyRights(t *testing.T) {
	h := signUp(t)
	h.fund()
	do[int](h.m, core.KindSetRecovery, h.me, core.SetRecovery{
		Member: h.member, Codes: [][32]byte{secret("r1")},
	})
	own := map[uint16]any{
		core.KindAddPasskey:    core.AddPasskey{Member: h.member, Passkey: passkeyOf("second")},
		core.KindRemovePasskey: core.RemovePasskey{Member: h.member, Passkey: hashOfFirst()},
		core.KindSetRecovery: core.SetRecovery{
			Member: h.member, Codes: [][32]byte{secret("r2")},
		},
		core.KindEndSessions:  core.EndSessions{Member: h.member},
		core.KindPasskeyOrder: h.approving(h.offer(h.m, h.local, "Here", 5)),
	}
	strangers := h.strangers(journal.Member)
	strangers["another member"] = h.customer()
	strangers["a member without a session"] = journal.Principal{
		Kind: journal.Member, ID: h.member.String(),
	}
	for name, by := range strangers {
		for kind, body := range own {
			f := h.m.refused(kind, by, body)
			if f.Code != fault.Forbidden && f.Code != fault.Unauthenticated {
				t.Errorf("kind %d by %s: %v", kind, name, f)
			}
		}
	}
	public := map[uint16]any{
		core.KindUsePasskey: core.UsePasskey{
			Assertion: h.use("first", secret("x")), Session: secret("x"), Expires: start * 2,
		},
		core.KindUseRecovery: core.UseRecoveryCode{
			Code: secret("r1"), Session: secret("x"), Expires: start * 2,
		},
	}
	strangers = h.strangers(journal.Public)
	delete(strangers, "public")
	for name, by := range strangers {
		for kind, body := range public {
			if f := h.m.refused(kind, by, body); f.Code != fault.Forbidden {
				t.Errorf("kind %d by %s: %v", kind, name, f)
			}
		}
	}
}

func hashOfFirst() [32]byte { return core.PasskeyHash([]byte("first")) }

// TestRemovedPasskeyEndsItsSessions: whoever lost a device removes its passkey, and is signed out
// there.
func TestRemovedPasskeyEndsItsSessions(t *testing.T) {
	h := signUp(t)
	do[core.PasskeyRow](h.m, core.KindAddPasskey, h.me, core.AddPasskey{
		Member: h.member, Passkey: passkeyOf("second"),
	})
	lost := h.signIn("lost")
	do[core.PasskeyRow](h.m, core.KindUsePasskey, public(), core.UsePasskey{
		Assertion: h.use("second", secret("new")), Session: secret("new"), Expires: start * 2,
	})
	kept := principal(journal.Member, h.member.String(), "new")
	do[core.PasskeyRow](h.m, core.KindRemovePasskey, kept, core.RemovePasskey{
		Member: h.member, Passkey: hashOfFirst(),
	})
	end := core.EndSessions{Member: h.member}
	for _, by := range []journal.Principal{lost, h.me} {
		if f := h.m.refused(core.KindEndSessions, by, end); f.Code != fault.Unauthenticated {
			t.Errorf("a session of the removed passkey lives: %v", f)
		}
	}
	if ended := do[int](h.m, core.KindEndSessions, kept, end); ended != 0 {
		t.Errorf("%d sessions were left", ended)
	}
}
