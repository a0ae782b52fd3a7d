package core

import (
	"slices"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/table"
	"seyfert/wire"
)

// Limits of sessions and of codes.
const (
	// SessionsMax bounds the living sessions of a member; one more ends the oldest.
	SessionsMax = 50
	// RecoveryCodesMax bounds the recovery codes of a member.
	RecoveryCodesMax = 8
)

// How a session was opened.
const (
	SessionByCode    = "code"
	SessionByPasskey = "passkey"
)

// SessionRow is a session of a member in her list. Whether it still lives says its credential.
type SessionRow struct {
	Hash    [32]byte `cbor:"1,keyasint"`
	Member  MemberID `cbor:"2,keyasint"`
	How     string   `cbor:"3,keyasint"`
	Passkey [32]byte `cbor:"4,keyasint"` // PasskeyHash, where it was opened by one
	Created int64    `cbor:"5,keyasint"`
	Expires int64    `cbor:"6,keyasint"`
}

// RecoveryRow holds a member's recovery codes by the hashes of their secrets.
type RecoveryRow struct {
	Member  MemberID       `cbor:"1,keyasint"`
	Codes   []RecoveryCode `cbor:"2,keyasint"`
	Created int64          `cbor:"3,keyasint"`
}

// RecoveryCode is one of them.
type RecoveryCode struct {
	Hash  [32]byte `cbor:"1,keyasint"`
	Spent int64    `cbor:"2,keyasint"` // 0 until it is
}

// unspent are the hashes of the codes that may be used, as keys.
func (r RecoveryRow) unspent() [][]byte {
	var keys [][]byte
	for _, code := range r.Codes {
		if code.Spent == 0 {
			keys = append(keys, hash32(code.Hash))
		}
	}
	return keys
}

// SetRecovery replaces all recovery codes of the principal.
type SetRecovery struct {
	Member MemberID   `cbor:"1,keyasint"`
	Codes  [][32]byte `cbor:"2,keyasint"`
}

// UseRecoveryCode spends a recovery code for a session that may only add a passkey.
type UseRecoveryCode struct {
	Code    [32]byte `cbor:"1,keyasint"`
	Session [32]byte `cbor:"2,keyasint"`
	Expires int64    `cbor:"3,keyasint"`
}

// EndSessions ends all sessions of the principal but the one it came with.
type EndSessions struct {
	Member MemberID `cbor:"1,keyasint"`
}

// openSession makes a session of a member and lists it.
func (s *step) openSession(member MemberID, hash [32]byte, expires int64, how string,
	passkey [32]byte,
) *fault.Error {
	row, refused := s.newSession(member, hash, expires, UseSession)
	if refused == nil {
		s.listSession(row, how, passkey)
	}
	return refused
}

func (s *step) newSession(member MemberID, hash [32]byte, expires int64, use string) (
	CredentialRow, *fault.Error,
) {
	if _, exists := s.credential(hash); exists {
		return CredentialRow{}, fault.New(fault.Conflict, "session", "This session exists.")
	}
	row := CredentialRow{
		Hash: hash, Use: use, Kind: journal.Member, Subject: member.String(),
		Created: s.now, Expires: expires,
	}
	s.putCredential(row)
	s.state("credential", row.Subject, wire.MustMarshal(row))
	return row, nil
}

// listSession puts a new session into its member's list, takes out those that ended, and ends the
// oldest if there are too many.
func (s *step) listSession(session CredentialRow, how string, passkey [32]byte) {
	member, err := wire.ParseID[memberKind](session.Subject)
	check(err)
	kept := 0
	for _, old := range s.sessionsOf(member) { // newest first
		credential, _ := s.credential(old.Hash)
		if credential.live(s.now) {
			if kept++; kept < SessionsMax {
				continue
			}
			s.revoke(credential)
		}
		check(s.tables.sessions.Delete(s.tx, old.Hash))
	}
	put(s, s.tables.sessions, session.Hash, SessionRow{
		Hash: session.Hash, Member: member, How: how, Passkey: passkey,
		Created: session.Created, Expires: session.Expires,
	})
}

func (s *step) sessionsOf(member MemberID) []SessionRow {
	var rows []SessionRow
	check(s.tables.sessions.ScanIndex(s.tx, s.tables.sessionsOf, table.Key{}.Fixed(member[:]),
		func(_ []byte, row SessionRow) bool {
			rows = append(rows, row)
			return true
		}))
	return rows
}

func (s *step) revoke(row CredentialRow) {
	row.Revoked = true
	s.putCredential(row)
	s.state("credential", row.Subject, wire.MustMarshal(row))
}

// recent checks that a change to what signs a member in comes right after a sign-in by passkey: a
// session that was stolen, or left open, is not enough. A member without a passkey has nothing
// better than a session.
func (s *step) recent(c journal.Command, member MemberID) *fault.Error {
	if living(s.passkeysOf(member)) == 0 {
		return nil
	}
	used, refused := s.used(c)
	if refused != nil {
		return refused
	}
	row, listed := get(s, s.tables.sessions, used.Hash)
	if !listed || row.How != SessionByPasskey || s.now-row.Created > RecentMax.Milliseconds() {
		return fault.New(fault.Forbidden, "session", "Confirm with your passkey first.")
	}
	return nil
}

func setRecovery(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SetRecovery](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.member(c, body.Member); refused != nil {
		return nil, refused
	}
	if refused := s.recent(c, body.Member); refused != nil {
		return nil, refused
	}
	if living(s.passkeysOf(body.Member)) == 0 {
		return nil, fault.New(fault.Refused, "passkey", "Make a passkey first.")
	}
	if len(body.Codes) == 0 || len(body.Codes) > RecoveryCodesMax {
		return nil, fault.New(fault.Invalid, "codes", "There are 1 to %d codes.",
			RecoveryCodesMax)
	}
	row := RecoveryRow{Member: body.Member, Created: s.now}
	for _, hash := range body.Codes {
		row.Codes = append(row.Codes, RecoveryCode{Hash: hash})
	}
	put(s, s.tables.recoveries, row.Member, row)
	s.state("recovery codes", row.Member.String(), wire.MustMarshal(row))
	return len(row.Codes), nil
}

func useRecovery(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[UseRecoveryCode](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.Public {
		return nil, denied()
	}
	var row RecoveryRow
	var found bool
	check(s.tables.recoveries.ScanIndex(s.tx, s.tables.byRecovery, hash32(body.Code),
		func(_ []byte, r RecoveryRow) bool {
			row, found = r, true
			return false
		}))
	if !found {
		return nil, fault.New(fault.Unauthenticated, "code", "The code is not valid any more.")
	}
	row.Codes = slices.Clone(row.Codes)
	for i, code := range row.Codes {
		if code.Hash == body.Code {
			row.Codes[i].Spent = s.now
		}
	}
	put(s, s.tables.recoveries, row.Member, row)
	s.state("recovery codes", row.Member.String(), wire.MustMarshal(row))
	session, refused := s.newSession(row.Member, body.Session, body.Expires, UseRecovery)
	if refused != nil {
		return nil, refused
	}
	return session, nil
}

func endSessions(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[EndSessions](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.member(c, body.Member); refused != nil {
		return nil, refused
	}
	own, refused := s.used(c)
	if refused != nil {
		return nil, refused
	}
	return s.endSessionsOf(body.Member, func(session SessionRow) bool {
		return session.Hash != own.Hash
	}), nil
}

// endSessionsOf ends those living sessions of a member that ends says, and counts them.
func (s *step) endSessionsOf(member MemberID, ends func(SessionRow) bool) int {
	ended := 0
	for _, session := range s.sessionsOf(member) {
		credential, _ := s.credential(session.Hash)
		if ends(session) && credential.live(s.now) {
			s.revoke(credential)
			ended++
		}
	}
	return ended
}
