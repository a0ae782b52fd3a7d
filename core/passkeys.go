package core

import (
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/payment"
	"seyfert/table"
	"seyfert/wire"
)

// Limits of what signs a member in.
const (
	// PasskeysMax bounds the living passkeys of a member.
	PasskeysMax = 20
	// passkeyIDMax and passkeyBytesMax bound a passkey's id and public key, in bytes.
	passkeyIDMax    = 1023
	passkeyBytesMax = 1024
	// EvidenceMax bounds what is kept of an assertion, in bytes.
	EvidenceMax = 4096
	// RecentMax is how old a sign-in by passkey may be that changes what signs a member in.
	RecentMax = 5 * time.Minute
)

// flagsNeeded are the bits of an authenticator's data which say that a person was there and was
// verified.
const flagsNeeded = 1<<0 | 1<<2

// PasskeyRow is one passkey of a member. A removed one stays, so that its id never comes back.
type PasskeyRow struct {
	ID     []byte   `cbor:"1,keyasint"`
	Member MemberID `cbor:"2,keyasint"`
	// Number counts the member's passkeys from 1 on; people know them by it.
	Number uint32 `cbor:"3,keyasint"`
	Public []byte `cbor:"4,keyasint"`
	// Counter is the newest that the authenticator has shown; 0 where it keeps none.
	Counter uint32 `cbor:"5,keyasint"`
	// Flags are those of the newest authenticator data.
	Flags   byte  `cbor:"6,keyasint"`
	Created int64 `cbor:"7,keyasint"`
	Used    int64 `cbor:"8,keyasint"`
	Removed int64 `cbor:"9,keyasint"` // 0 while it lives
}

// ApprovalRow is the evidence of an order that was approved with a passkey, by its challenge: no
// challenge approves twice.
type ApprovalRow struct {
	Challenge [32]byte        `cbor:"1,keyasint"`
	Order     payment.OrderID `cbor:"2,keyasint"`
	Passkey   [32]byte        `cbor:"3,keyasint"`
	Flags     byte            `cbor:"4,keyasint"`
	Counter   uint32          `cbor:"5,keyasint"`
	At        int64           `cbor:"6,keyasint"`
	Evidence  Evidence        `cbor:"7,keyasint"`
}

// Evidence is what an authenticator gave out, for whoever checks an approval with the passkey's
// public key: Signature is over Data and the SHA-256 of Client, which holds the challenge. Core
// keeps it and does not look into it.
type Evidence struct {
	Data      []byte `cbor:"1,keyasint"`
	Client    []byte `cbor:"2,keyasint"`
	Signature []byte `cbor:"3,keyasint"`
}

// NewPasskey is a passkey as the shell has verified it.
type NewPasskey struct {
	ID      []byte `cbor:"1,keyasint"`
	Public  []byte `cbor:"2,keyasint"`
	Flags   byte   `cbor:"3,keyasint"`
	Counter uint32 `cbor:"4,keyasint"`
}

// Assertion is what a passkey has signed, as the shell has verified it.
type Assertion struct {
	Passkey   [32]byte `cbor:"1,keyasint"` // PasskeyHash of its id
	Challenge [32]byte `cbor:"2,keyasint"`
	Flags     byte     `cbor:"3,keyasint"`
	Counter   uint32   `cbor:"4,keyasint"`
}

// SignUp opens a member with a passkey and a session.
type SignUp struct {
	Member  AddMember  `cbor:"1,keyasint"`
	Passkey NewPasskey `cbor:"2,keyasint"`
	Session [32]byte   `cbor:"3,keyasint"`
	Expires int64      `cbor:"4,keyasint"`
}

// AddPasskey adds a passkey to the principal's own. A session that a recovery code opened ends
// with it.
type AddPasskey struct {
	Member  MemberID   `cbor:"1,keyasint"`
	Passkey NewPasskey `cbor:"2,keyasint"`
}

// RemovePasskey takes one away for ever, and ends the sessions that it opened elsewhere.
type RemovePasskey struct {
	Member  MemberID `cbor:"1,keyasint"`
	Passkey [32]byte `cbor:"2,keyasint"`
}

// UsePasskey signs its owner in.
type UsePasskey struct {
	Assertion Assertion `cbor:"1,keyasint"`
	Session   [32]byte  `cbor:"2,keyasint"`
	Expires   int64     `cbor:"3,keyasint"`
}

// PasskeyOrder is an order that the member has approved with a passkey.
type PasskeyOrder struct {
	Order     ApproveOrder `cbor:"1,keyasint"`
	Assertion Assertion    `cbor:"2,keyasint"`
	Evidence  Evidence     `cbor:"3,keyasint"`
}

// PasskeyHash names a passkey: WebAuthn's own id can be long.
func PasskeyHash(id []byte) [32]byte { return wire.Hash("passkey", id) }

func signUp(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SignUp](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.Public {
		return nil, denied()
	}
	member, refused := s.openMember(body.Member)
	if refused != nil {
		return nil, refused
	}
	row, refused := s.newPasskey(member.ID, body.Passkey)
	if refused != nil {
		return nil, refused
	}
	refused = s.openSession(member.ID, body.Session, body.Expires, SessionByPasskey,
		PasskeyHash(row.ID))
	if refused != nil {
		return nil, refused
	}
	return member, nil
}

func addPasskey(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[AddPasskey](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.Member || c.Principal.ID != body.Member.String() {
		return nil, denied()
	}
	used, refused := s.used(c)
	switch {
	case refused != nil:
		return nil, refused
	case used.Use == UseRecovery:
		used.Revoked = true
		s.putCredential(used)
		s.state("credential", used.Subject, wire.MustMarshal(used))
	default:
		if refused := s.recent(c, body.Member); refused != nil {
			return nil, refused
		}
	}
	row, refused := s.newPasskey(body.Member, body.Passkey)
	if refused != nil {
		return nil, refused
	}
	return row, nil
}

// newPasskey adds a passkey that no member ever had.
func (s *step) newPasskey(member MemberID, p NewPasskey) (PasskeyRow, *fault.Error) {
	if len(p.ID) == 0 || len(p.ID) > passkeyIDMax || len(p.Public) == 0 ||
		len(p.Public) > passkeyBytesMax || p.Flags&flagsNeeded != flagsNeeded {
		return PasskeyRow{}, fault.New(fault.Invalid, "passkey", "This is no verified passkey.")
	}
	key := PasskeyHash(p.ID)
	if _, exists := get(s, s.tables.passkeys, key); exists {
		return PasskeyRow{}, fault.New(fault.Conflict, "passkey", "This passkey is in use.")
	}
	all := s.passkeysOf(member)
	if living(all) >= PasskeysMax {
		return PasskeyRow{}, fault.New(fault.Refused, "passkey",
			"A member has at most %d passkeys.", PasskeysMax)
	}
	row := PasskeyRow{
		ID: p.ID, Member: member, Number: uint32(len(all)) + 1, Public: p.Public,
		Counter: p.Counter, Flags: p.Flags, Created: s.now,
	}
	put(s, s.tables.passkeys, key, row)
	s.state("passkey", member.String(), wire.MustMarshal(row))
	return row, nil
}

// passkeysOf lists a member's passkeys, removed ones too, in the order of their numbers.
func (s *step) passkeysOf(member MemberID) []PasskeyRow {
	var rows []PasskeyRow
	check(s.tables.passkeys.ScanIndex(s.tx, s.tables.passkeysOf, table.Key{}.Fixed(member[:]),
		func(_ []byte, row PasskeyRow) bool {
			rows = append(rows, row)
			return true
		}))
	return rows
}

func living(rows []PasskeyRow) int {
	count := 0
	for _, row := range rows {
		if row.Removed == 0 {
			count++
		}
	}
	return count
}

func removePasskey(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[RemovePasskey](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.member(c, body.Member); refused != nil {
		return nil, refused
	}
	if refused := s.recent(c, body.Member); refused != nil {
		return nil, refused
	}
	row, exists := get(s, s.tables.passkeys, body.Passkey)
	if !exists || row.Member != body.Member || row.Removed != 0 {
		return nil, fault.New(fault.NotFound, "passkey", "You have no such passkey.")
	}
	recovery, _ := get(s, s.tables.recoveries, body.Member)
	if living(s.passkeysOf(body.Member)) == 1 && len(recovery.unspent()) == 0 {
		return nil, fault.New(fault.Refused, "passkey",
			"This is your only passkey, and you have no recovery codes.")
	}
	own, refused := s.used(c)
	if refused != nil {
		return nil, refused
	}
	s.endSessionsOf(body.Member, func(session SessionRow) bool {
		return session.Passkey == body.Passkey && session.Hash != own.Hash
	})
	row.Removed = s.now
	put(s, s.tables.passkeys, body.Passkey, row)
	s.state("passkey", body.Member.String(), wire.MustMarshal(row))
	return row, nil
}

// asserted checks what a passkey has signed against what is held of it, and moves its counter. An
// authenticator whose counter does not rise may have a copy.
func (s *step) asserted(a Assertion) (PasskeyRow, *fault.Error) {
	row, exists := get(s, s.tables.passkeys, a.Passkey)
	if !exists || row.Removed != 0 || a.Flags&flagsNeeded != flagsNeeded {
		return row, fault.New(fault.Unauthenticated, "passkey", "The passkey does not hold.")
	}
	counted := a.Counter != 0 || row.Counter != 0
	if counted && a.Counter <= row.Counter {
		return row, fault.New(fault.Unauthenticated, "counter", "The passkey does not hold.")
	}
	row.Counter, row.Flags, row.Used = a.Counter, a.Flags, s.now
	put(s, s.tables.passkeys, a.Passkey, row)
	return row, nil
}

func usePasskey(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[UsePasskey](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.Public {
		return nil, denied()
	}
	row, refused := s.asserted(body.Assertion)
	if refused != nil {
		return nil, refused
	}
	refused = s.openSession(row.Member, body.Session, body.Expires, SessionByPasskey,
		body.Assertion.Passkey)
	if refused != nil {
		return nil, refused
	}
	return row, nil
}

// passkeyOrder holds the member's money for an offer, if the challenge that her passkey signed is
// that of exactly this order.
func passkeyOrder(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[PasskeyOrder](c)
	if refused != nil {
		return nil, refused
	}
	order, a := body.Order, body.Assertion
	if refused := s.member(c, order.Member); refused != nil {
		return nil, refused
	}
	e := body.Evidence
	if len(e.Data)+len(e.Client)+len(e.Signature) > EvidenceMax {
		return nil, fault.New(fault.TooLarge, "passkey", "An assertion has at most %d bytes.",
			EvidenceMax)
	}
	if _, used := get(s, s.tables.approvals, a.Challenge); used {
		return nil, fault.New(fault.Conflict, "challenge", "This was approved already.")
	}
	row, refused := s.placeOrder(order, func(canonical payment.Approval) *fault.Error {
		if canonical.Challenge() != a.Challenge {
			return fault.New(fault.Refused, "challenge", "The passkey approved another order.")
		}
		passkey, refused := s.asserted(a)
		if refused == nil && passkey.Member != order.Member {
			return fault.New(fault.Unauthenticated, "passkey", "The passkey does not hold.")
		}
		return refused
	})
	if refused != nil {
		return nil, refused
	}
	evidence := ApprovalRow{
		Challenge: a.Challenge, Order: row.ID, Passkey: a.Passkey, Flags: a.Flags,
		Counter: a.Counter, At: s.now, Evidence: body.Evidence,
	}
	put(s, s.tables.approvals, a.Challenge, evidence)
	s.state("approval", row.ID.String(), wire.MustMarshal(evidence))
	return row, nil
}

// networkOfTests is the one whose coins are worth nothing.
const networkOfTests = "regtest"

// withoutPasskey says whether a session alone may order: where money is worth nothing, for a
// member who has no passkey.
func (s *step) withoutPasskey(member MemberID) *fault.Error {
	if s.rule < RulePasskeys {
		return nil
	}
	if s.node.Network != networkOfTests || living(s.passkeysOf(member)) > 0 {
		return fault.New(fault.Forbidden, "passkey", "An order is approved with a passkey.")
	}
	return nil
}
