package core

import (
	"slices"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/wire"
)

// configure is the first command of a journal. The same configuration again changes nothing; a
// differing one is refused, so that a replica with another file cannot take part.
func configure(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Configure](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	if s.node.DID != "" {
		same := s.node.DID == body.DID && s.node.Network == body.Network &&
			slices.Equal(s.node.Currencies, body.Currencies) &&
			slices.Equal(s.node.Thresholds, body.Thresholds)
		if !same {
			return nil, fault.New(fault.Conflict, "config",
				"The configuration differs from the one in the journal.")
		}
		return s.node, nil
	}
	if wire.CheckDID(body.DID) != nil || len(body.Currencies) == 0 {
		return nil, fault.New(fault.Invalid, "config", "A node needs a did:web and currencies.")
	}
	s.node.DID, s.node.Network, s.node.Rule = body.DID, body.Network, s.newest
	s.node.Currencies, s.node.Thresholds = body.Currencies, body.Thresholds
	s.node.Descriptor = body.Descriptor
	s.putCredential(CredentialRow{
		Hash: body.OperatorKey, Use: UseKey, Kind: journal.Operator, Subject: OwnerNode,
		Created: s.now,
	})
	s.event(EventRow{Kind: "configured", Subject: body.DID})
	return s.node, nil
}

// describe takes up a newer descriptor of this node. The shell has checked signatures and the
// chain of descriptors; core checks that serials rise.
func describe(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Describe](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	if body.Serial <= s.node.Serial {
		return nil, fault.New(fault.Conflict, "serial", "The serial must rise.")
	}
	s.node.Descriptor, s.node.Serial = body.Descriptor, body.Serial
	s.event(EventRow{Kind: "described", Subject: s.node.DID})
	return s.node, nil
}

// tick carries time alone: due holds are expired before any command of an entry runs.
func tick(s *step, c journal.Command) (any, *fault.Error) {
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	return s.now, nil
}

func addCompany(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[AddCompany](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if !wire.PlainText(body.Name, TextMax) {
		return nil, fault.New(fault.Invalid, "name",
			"A name is plain text of 1 to %d bytes that can be seen.", TextMax)
	}
	if body.Alias == "" || len(body.Alias) > TextMax {
		return nil, fault.New(fault.Invalid, "alias", "An alias has 1 to %d bytes.", TextMax)
	}
	if _, exists := get(s, s.tables.companies, body.ID); exists {
		return nil, fault.New(fault.Conflict, "id", "A company with this id exists.")
	}
	row := CompanyRow{ID: body.ID, Name: body.Name, Alias: body.Alias, Created: s.now}
	put(s, s.tables.companies, row.ID, row)
	s.putCredential(CredentialRow{
		Hash: body.KeyHash, Use: UseKey, Kind: journal.Company, Subject: row.ID.String(),
		Created: s.now,
	})
	for _, currency := range s.node.Currencies {
		s.account(row.ID.String(), PurposeWallet, "", currency)
	}
	s.state("company", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{Kind: "company", Subject: row.ID.String()})
	return row, nil
}

func addMember(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[AddMember](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	row, refused := s.openMember(body)
	if refused != nil {
		return nil, refused
	}
	return row, nil
}

// openMember makes a member with a wallet in each of the node's currencies.
func (s *step) openMember(body AddMember) (MemberRow, *fault.Error) {
	if _, exists := get(s, s.tables.members, body.ID); exists {
		return MemberRow{}, fault.New(fault.Conflict, "id", "A member with this id exists.")
	}
	row := MemberRow{ID: body.ID, SealedName: body.SealedName, Created: s.now}
	put(s, s.tables.members, row.ID, row)
	for _, currency := range s.node.Currencies {
		s.account(row.ID.String(), PurposeWallet, "", currency)
	}
	s.state("member", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{Kind: "member", Subject: row.ID.String()})
	return row, nil
}

// addCredential lets the operator issue keys and one-time codes.
func addCredential(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[AddCredential](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if _, exists := s.credential(body.Hash); exists {
		return nil, fault.New(fault.Conflict, "credential", "This credential exists.")
	}
	if !s.subjectLives(body.Kind, body.Subject) {
		return nil, fault.New(fault.NotFound, "subject", "There is no such company or member.")
	}
	row := CredentialRow{
		Hash: body.Hash, Use: body.Use, Kind: body.Kind, Subject: body.Subject,
		Created: s.now, Expires: body.Expires,
	}
	s.putCredential(row)
	s.state("credential", row.Subject, wire.MustMarshal(row))
	return row, nil
}

func endCredential(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[EndCredential](c)
	if refused != nil {
		return nil, refused
	}
	row, exists := s.credential(body.Hash)
	own := exists && c.Principal.Kind == row.Kind && c.Principal.ID == row.Subject
	refused = s.alive(c)
	if !own {
		refused = s.operator(c)
	}
	if refused != nil {
		return nil, refused
	}
	if !exists {
		return nil, fault.New(fault.NotFound, "credential", "There is no such credential.")
	}
	row.Revoked = true
	s.putCredential(row)
	s.state("credential", row.Subject, wire.MustMarshal(row))
	return row, nil
}

// redeemCode signs a member in: the one-time code is spent for a session.
func redeemCode(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[RedeemCode](c)
	if refused != nil {
		return nil, refused
	}
	code, exists := s.credential(body.Code)
	if !exists || code.Use != UseCode || !code.live(s.now) {
		return nil, fault.New(fault.Unauthenticated, "code", "The code is not valid any more.")
	}
	if _, exists := s.credential(body.Session); exists {
		return nil, fault.New(fault.Conflict, "session", "This session exists.")
	}
	code.Revoked = true
	s.putCredential(code)
	session := CredentialRow{
		Hash: body.Session, Use: UseSession, Kind: code.Kind, Subject: code.Subject,
		Created: s.now, Expires: body.Expires,
	}
	s.putCredential(session)
	s.state("credential", session.Subject, wire.MustMarshal(session))
	if s.rule >= RulePasskeys && session.Kind == journal.Member {
		s.listSession(session, SessionByCode, [32]byte{})
	}
	return session, nil
}

// live says whether a credential may be used at a time in Unix milliseconds.
func (r CredentialRow) live(now int64) bool {
	return !r.Revoked && (r.Expires == 0 || now < r.Expires)
}

// operator checks that the principal is a living operator key: core trusts no shell about who
// may still act.
func (s *step) operator(c journal.Command) *fault.Error {
	if c.Principal.Kind == journal.System {
		return nil
	}
	if c.Principal.Kind != journal.Operator {
		return denied()
	}
	return s.alive(c)
}

// alive checks that the credential that the principal used still stands and is its own.
func (s *step) alive(c journal.Command) *fault.Error {
	row, refused := s.used(c)
	if refused == nil && row.Use == UseRecovery {
		return denied()
	}
	return refused
}

// used is the living credential that the principal came with, for whatever it may be used.
func (s *step) used(c journal.Command) (CredentialRow, *fault.Error) {
	hash, err := wire.ParseDigest(c.Principal.Key)
	if err != nil {
		return CredentialRow{}, denied()
	}
	row, exists := s.credential([32]byte(hash))
	if !exists || !row.live(s.now) || row.Kind != c.Principal.Kind ||
		row.Subject != c.Principal.ID || row.Use == UseCode {
		return row, fault.New(fault.Unauthenticated, "",
			"The key or session is not valid any more.")
	}
	return row, nil
}

func (s *step) subjectLives(kind journal.PrincipalKind, subject string) bool {
	switch kind {
	case journal.Company:
		id, err := wire.ParseID[companyKind](subject)
		if err != nil {
			return false
		}
		_, exists := get(s, s.tables.companies, id)
		return exists
	case journal.Member:
		id, err := wire.ParseID[memberKind](subject)
		if err != nil {
			return false
		}
		_, exists := get(s, s.tables.members, id)
		return exists
	}
	return kind == journal.Operator && subject == OwnerNode
}

func (s *step) carries(currency money.Currency) bool {
	return slices.Contains(s.node.Currencies, currency)
}

func denied() *fault.Error {
	return fault.New(fault.Forbidden, "", "This caller may not do that.")
}
