package core

import (
	"cmp"
	"maps"
	"slices"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/table"
	"seyfert/wire"
)

// AccountsMax bounds the accounts that one command opens.
const AccountsMax = 1000

// PurposeBook is the purpose of accounts that companies and the operator open for themselves.
const PurposeBook = "book"

// OpenAccount asks for one account of the books.
type OpenAccount struct {
	ID ledger.AccountID `cbor:"1,keyasint"`
	// Owner is a company's id, or OwnerNode.
	Owner    string         `cbor:"2,keyasint"`
	Code     uint16         `cbor:"3,keyasint"` // the number in the node's chart of accounts
	Kind     ledger.Kind    `cbor:"4,keyasint"`
	Currency money.Currency `cbor:"5,keyasint"`
	Flags    ledger.Flags   `cbor:"6,keyasint"`
	Limits   ledger.Limits  `cbor:"7,keyasint"`
	// Name is for people and no personal data.
	Name     string            `cbor:"8,keyasint"`
	Metadata map[string]string `cbor:"9,keyasint,omitempty"`
}

// OpenAccounts opens accounts, all or none. The answer is their rows.
type OpenAccounts struct {
	Accounts []OpenAccount `cbor:"1,keyasint"`
}

// SetAccount changes what may be changed of an account; nil stays as it is. The answer is the
// account's row.
type SetAccount struct {
	ID     ledger.AccountID `cbor:"1,keyasint"`
	Flags  *ledger.Flags    `cbor:"2,keyasint"`
	Limits *ledger.Limits   `cbor:"3,keyasint"`
}

// Annotate sets the metadata of an account, transfer or hold. What it was before stays readable.
type Annotate struct {
	Subject  string            `cbor:"1,keyasint"`
	Metadata map[string]string `cbor:"2,keyasint,omitempty"`
}

// MetadataRow is one version of the metadata of an account, transfer or hold.
type MetadataRow struct {
	Subject string `cbor:"1,keyasint"`
	// Version counts from 1.
	Version   uint64            `cbor:"2,keyasint"`
	Owner     string            `cbor:"3,keyasint"` // who may see it beside the operator
	Reference string            `cbor:"4,keyasint"`
	Metadata  map[string]string `cbor:"5,keyasint,omitempty"`
	At        int64             `cbor:"6,keyasint"`
	Number    uint64            `cbor:"7,keyasint"` // the history record it came with, if any
}

// MetadataKey finds a version of metadata; Down makes the newest the first.
type MetadataKey struct {
	Subject string
	Version uint64
}

func metadataKey(k MetadataKey) []byte { return table.Key{}.Text(k.Subject).Uint64Down(k.Version) }

func openAccounts(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[OpenAccounts](c)
	if refused != nil {
		return nil, refused
	}
	owner, refused := s.bookkeeper(c)
	if refused != nil {
		return nil, refused
	}
	if len(body.Accounts) == 0 || len(body.Accounts) > AccountsMax {
		return nil, fault.New(fault.TooLarge, "accounts", "1 to %d accounts are opened at once.",
			AccountsMax).Because(fault.TooManyItems)
	}
	rows := make([]AccountRow, 0, len(body.Accounts))
	for i, account := range body.Accounts {
		row, refused := s.openAccount(account, c.Principal, owner)
		if refused != nil {
			return nil, within("accounts", i, refused)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s *step) openAccount(a OpenAccount, by journal.Principal, owner ledger.OwnerID,
) (AccountRow, *fault.Error) {
	row := AccountRow{
		ID: a.ID, Owner: a.Owner, Purpose: PurposeBook, Detail: a.ID.String(), Code: a.Code,
		Kind: a.Kind, Currency: a.Currency, Name: a.Name, Created: s.now, Flags: a.Flags,
	}
	if a.Limits != (ledger.Limits{}) {
		row.Limits = &a.Limits
	}
	switch {
	case by.Kind == journal.Company && a.Owner != by.ID:
		return row, fault.New(fault.Forbidden, "owner", "A company opens its own accounts.")
	case by.Kind != journal.Company && a.Owner != OwnerNode:
		id, err := wire.ParseID[companyKind](a.Owner)
		if err != nil || !s.subjectLives(journal.Company, a.Owner) {
			return row, fault.New(fault.NotFound, "owner", "There is no such company.")
		}
		owner = ledger.OwnerID(id)
	}
	if !s.carries(a.Currency) {
		return row, fault.New(fault.Invalid, "currency", "This node does not carry the currency.")
	}
	if len(a.Name) > TextMax {
		return row, fault.New(fault.TooLarge, "name", "A name has at most %d bytes.", TextMax)
	}
	if a.Flags&ledger.Managed != 0 {
		return row, fault.New(fault.Invalid, "flags", "Only the node's own accounts are managed.")
	}
	if first, taken := get(s, s.tables.accounts, a.ID); taken {
		field := s.otherAccount(first, row, a.Metadata)
		if field == "" {
			return first, nil
		}
		return row, fault.New(fault.Conflict, field, "This id was used for another account.").
			Because(fault.IDReused)
	}
	refused := refusal(s.draft.Open(ledger.Spec{
		ID: a.ID, Owner: owner, Currency: a.Currency, Kind: a.Kind, Flags: a.Flags,
		Code: a.Code, Limits: a.Limits,
	}))
	if refused != nil {
		return row, refused
	}
	put(s, s.tables.accounts, row.ID, row)
	s.state("account", row.ID.String(), wire.MustMarshal(row))
	if len(a.Metadata) == 0 {
		return row, nil
	}
	return row, s.annotate(row.ID.String(), row.Owner, "", a.Metadata, 0)
}

// otherAccount names the field in which an account that is asked for again differs from the first
// time; it is empty if there is none.
func (s *step) otherAccount(first, again AccountRow, pairs map[string]string) string {
	text, _ := get(s, s.tables.metadata, MetadataKey{first.ID.String(), 1})
	if text.At != first.Created {
		text = MetadataRow{}
	}
	switch {
	case first.Owner != again.Owner || first.Purpose != PurposeBook:
		return "account"
	case first.Code != again.Code:
		return "code"
	case first.Kind != again.Kind:
		return "kind"
	case first.Currency != again.Currency:
		return "currency"
	case first.Name != again.Name:
		return "name"
	case first.Flags != again.Flags:
		return "flags"
	case (first.Limits == nil) != (again.Limits == nil),
		first.Limits != nil && *first.Limits != *again.Limits:
		return "limits"
	case !maps.Equal(text.Metadata, pairs):
		return "metadata"
	}
	return ""
}

func setAccount(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SetAccount](c)
	if refused != nil {
		return nil, refused
	}
	owner, refused := s.bookkeeper(c)
	if refused != nil {
		return nil, refused
	}
	row, exists := get(s, s.tables.accounts, body.ID)
	account, also := s.draft.Account(body.ID)
	if !exists || !also || c.Principal.Kind == journal.Company && account.Owner != owner {
		return nil, fault.New(fault.NotFound, "account", "There is no such account.").
			Because(fault.UnknownAccount)
	}
	managed := account.Flags & ledger.Managed
	if managed != 0 && c.Principal.Kind == journal.Company {
		return nil, fault.New(fault.Forbidden, "account", "Only the operator changes this account.")
	}
	if body.Flags != nil {
		if *body.Flags&ledger.Managed != 0 {
			return nil, fault.New(fault.Invalid, "flags", "Only the node's own accounts are managed.")
		}
		if refused := refusal(s.draft.SetFlags(body.ID, *body.Flags|managed)); refused != nil {
			return nil, refused
		}
	}
	if body.Limits != nil {
		if refused := refusal(s.draft.SetLimits(body.ID, *body.Limits)); refused != nil {
			return nil, refused
		}
	}
	s.state("account", row.ID.String(), c.Body)
	return row, nil
}

// texts are what came with the instruction at a place of the batch.
func (p *posting) texts(at int) ledger.Attachment {
	found, exists := slices.BinarySearchFunc(p.batch.Attachments, uint32(at),
		func(a ledger.Attachment, at uint32) int { return cmp.Compare(a.Item, at) })
	if !exists {
		return ledger.Attachment{}
	}
	return p.batch.Attachments[found]
}

// annotate keeps the texts that came with the unit that was carried out, whose first history
// record has a number.
func (p *posting) annotate(number uint64) *fault.Error {
	if len(p.batch.Attachments) == 0 {
		return nil
	}
	owner := p.by.ID
	if p.by.Kind != journal.Company {
		owner = OwnerNode
	}
	subject := subjectOf(p.s.line(number))
	for i := range p.unit {
		a := p.texts(len(p.results) + i)
		if a.Reference == "" && len(a.Metadata) == 0 {
			continue
		}
		refused := p.s.annotate(subject, owner, a.Reference, a.Metadata, number)
		if refused != nil {
			return refused
		}
	}
	return nil
}

// otherTexts names the text in which a unit that is asked for again, and whose first history
// record has a number, differs from the first time.
func (p *posting) otherTexts(at int, first ledger.Record) string {
	row, came := get(p.s, p.s.tables.metadata, MetadataKey{subjectOf(first), 1})
	if !came || row.Number != first.Number {
		row = MetadataRow{}
	}
	switch a := p.texts(at); {
	case a.Reference != row.Reference:
		return "reference"
	case !maps.Equal(a.Metadata, row.Metadata):
		return "metadata"
	}
	return ""
}

// subjectOf is the id, as text, of the transfer or hold that a record tells of.
func subjectOf(r ledger.Record) string {
	if r.Transfer.IsZero() {
		return r.Hold.String()
	}
	return r.Transfer.String()
}

// VersionsMax bounds the versions of one subject's metadata.
const VersionsMax = 10_000

// annotate writes the next version of a subject's metadata.
func (s *step) annotate(subject, owner, reference string, pairs map[string]string, number uint64,
) *fault.Error {
	if refused := ledger.CheckMetadata(pairs); refused != nil {
		return refused
	}
	row := MetadataRow{
		Subject: subject, Version: 1, Owner: owner, Reference: reference, Metadata: pairs,
		At: s.now, Number: number,
	}
	check(s.tables.metadata.Scan(s.tx, text(subject), func(_ []byte, newest MetadataRow) bool {
		row.Version, row.Owner = newest.Version+1, newest.Owner
		row.Reference, row.Number = newest.Reference, newest.Number
		return false
	}))
	if row.Version > VersionsMax {
		return fault.New(fault.Refused, "metadata", "Metadata changes at most %d times.",
			VersionsMax)
	}
	put(s, s.tables.metadata, MetadataKey{subject, row.Version}, row)
	s.state("metadata", subject, wire.MustMarshal(row))
	return nil
}

func annotate(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Annotate](c)
	if refused != nil {
		return nil, refused
	}
	owner, refused := s.bookkeeper(c)
	if refused != nil {
		return nil, refused
	}
	accounts, known := s.accountsOf(body.Subject)
	if !known {
		return nil, fault.New(fault.NotFound, "subject", "There is nothing with this id.")
	}
	if c.Principal.Kind == journal.Company && slices.ContainsFunc(accounts,
		func(id ledger.AccountID) bool {
			account, _ := s.draft.Account(id)
			return account.Owner != owner
		}) {
		return nil, fault.New(fault.NotFound, "subject", "There is nothing with this id.")
	}
	by := OwnerNode
	if c.Principal.Kind == journal.Company {
		by = c.Principal.ID
		if held := s.newestMetadata(body.Subject); held.Version > 0 && held.Owner != by {
			return nil, fault.New(fault.Forbidden, "subject", "The operator annotated this.")
		}
	}
	if refused := s.annotate(body.Subject, by, "", body.Metadata, 0); refused != nil {
		return nil, refused
	}
	row := s.newestMetadata(body.Subject)
	return row, nil
}

func (s *step) newestMetadata(subject string) (row MetadataRow) {
	check(s.tables.metadata.Scan(s.tx, text(subject), func(_ []byte, newest MetadataRow) bool {
		row = newest
		return false
	}))
	return row
}

// accountsOf names the accounts that an account's, transfer's or hold's id concerns.
func (s *step) accountsOf(subject string) ([]ledger.AccountID, bool) {
	if id, err := wire.ParseID[ledger.AccountKind](subject); err == nil {
		_, exists := s.draft.Account(id)
		return []ledger.AccountID{id}, exists
	}
	transfer, err := wire.ParseID[ledger.TransferKind](subject)
	id := [16]byte(transfer)
	if err != nil {
		hold, err := wire.ParseID[ledger.HoldKind](subject)
		if err != nil {
			return nil, false
		}
		id = hold
	}
	number := s.core.ids.find(id, s.now)
	if number == 0 || subjectOf(s.line(number)) != subject {
		return nil, false
	}
	var accounts []ledger.AccountID
	for _, r := range s.transferRecords(number) {
		accounts = append(accounts, r.Debit, r.Credit)
	}
	return accounts, true
}
