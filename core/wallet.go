package core

import (
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/proof"
	"seyfert/table"
	"seyfert/wire"
)

// Transfer codes of the ledger: why money moved.
const (
	CodeDeposit  uint16 = 1 // nostro -> wallet
	CodePayLocal uint16 = 2 // wallet -> wallet of a company of this node
	CodePayOut   uint16 = 3 // wallet -> in flight -> payable
	CodePayIn    uint16 = 4 // receivable -> in flight -> wallet
)

// openVirtual binds a number that a bank issued to a wallet.
func openVirtual(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[OpenVirtual](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if body.Rail == "" || body.Bank == "" || body.Number == "" ||
		len(body.Rail)+len(body.Bank)+len(body.Number) > TextMax {
		return nil, fault.New(fault.Invalid, "number", "A bank and a number are needed.")
	}
	if !s.carries(body.Currency) {
		return nil, fault.New(fault.Invalid, "currency", "This node does not carry the currency.")
	}
	to, refused := s.receiver(body)
	if refused != nil {
		return nil, refused
	}
	key := VirtualKey{body.Rail, body.Bank, body.Number}
	if _, taken := get(s, s.tables.virtuals, key); taken {
		return nil, fault.New(fault.Conflict, "number", "This number is in use.")
	}
	row := VirtualRow{
		Rail: body.Rail, Bank: body.Bank, Number: body.Number, Currency: body.Currency,
		Account: to, Owner: body.Owner, Created: s.now,
	}
	put(s, s.tables.virtuals, key, row)
	s.state("virtual account", body.Owner, wire.MustMarshal(row))
	return row, nil
}

// receiver is the account that a virtual account pays into. One of the books is a liability: what
// the node holds of the company's money.
func (s *step) receiver(v OpenVirtual) (ledger.AccountID, *fault.Error) {
	if v.Account == nil {
		wallet, exists := s.find(v.Owner, PurposeWallet, "", v.Currency)
		if !exists {
			return wallet.ID, fault.New(fault.NotFound, "owner", "The owner has no wallet here.")
		}
		return wallet.ID, nil
	}
	row, exists := get(s, s.tables.accounts, *v.Account)
	switch {
	case !exists || row.Purpose != PurposeBook || row.Owner != v.Owner:
		return row.ID, fault.New(fault.NotFound, "account", "The owner has no such account.").
			Because(fault.UnknownAccount)
	case row.Currency != v.Currency:
		return row.ID, fault.New(fault.Invalid, "currency",
			"The account is of another currency.").Because(fault.MixedCurrencies)
	case row.Kind != ledger.Liability:
		return row.ID, fault.New(fault.Invalid, "account", "Deposits go into a liability.")
	}
	return row.ID, nil
}

// deposit credits money that a rail says has come in. The rail's own id makes it happen once;
// money for a number that is not known waits in suspense and is never lost.
func deposit(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Deposit](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.Rail || c.Principal.ID != body.Rail {
		return nil, denied()
	}
	if body.Notice == "" || body.Amount.IsZero() ||
		len(body.Notice)+len(body.Rail)+len(body.Bank)+len(body.Number) > 2*TextMax {
		return nil, fault.New(fault.Invalid, "notice", "A notice has an id and an amount.")
	}
	key, content := NoticeKey{body.Rail, body.Notice}, wire.Hash("notice", c.Body)
	if old, seen := get(s, s.tables.deposits, key); seen {
		if old.Hash != content {
			return nil, fault.New(fault.Conflict, "notice", "This notice came with other content.")
		}
		return old, nil
	}
	currency := body.Amount.Currency()
	if !s.carries(currency) {
		return nil, fault.New(fault.Invalid, "amount.currency",
			"This node does not carry the currency.")
	}
	row := DepositRow{
		ID: newID[DepositID](s), Rail: body.Rail, Notice: body.Notice, Bank: body.Bank,
		Number: body.Number, Amount: body.Amount, At: s.now, Hash: content,
		Transfer: newID[ledger.TransferID](s), Owner: OwnerNode,
	}
	virtual, known := get(s, s.tables.virtuals, VirtualKey{body.Rail, body.Bank, body.Number})
	if known && virtual.Currency == currency {
		row.Account, row.Owner = virtual.Account, virtual.Owner
	} else {
		row.Account = s.account(OwnerNode, PurposeSuspense, body.Rail, currency)
	}
	nostro := s.account(OwnerNode, PurposeNostro, body.Rail, currency)
	credit := func() *fault.Error {
		return s.post(row.Transfer, CodeDeposit, ledger.Leg{
			Debit: nostro, Credit: row.Account, Amount: body.Amount,
		})
	}
	if refused = credit(); refused != nil && row.Owner != OwnerNode {
		// The account is closed, frozen or full. The money is here all the same.
		row.Account = s.account(OwnerNode, PurposeSuspense, body.Rail, currency)
		row.Owner = OwnerNode
		refused = credit()
	}
	if refused != nil {
		return nil, refused
	}
	put(s, s.tables.deposits, key, row)
	s.state("deposit", row.ID.String(), wire.MustMarshal(row))
	s.event(EventRow{
		Kind: "deposit", Amount: row.Amount, Subject: row.ID.String(), Owner: row.Owner,
	})
	return row, nil
}

// account returns the account of a purpose and opens it the first time. Wallets and suspense
// are what the node owes its customers and may not fall below zero.
func (s *step) account(owner, purpose, detail string, currency money.Currency) ledger.AccountID {
	if row, exists := s.find(owner, purpose, detail, currency); exists {
		return row.ID
	}
	kind, flags := ledger.Liability, ledger.NoOverdraft|ledger.Managed
	switch purpose {
	case PurposeNostro, PurposeReceivable:
		kind, flags = ledger.Asset, ledger.Managed
	case PurposeInFlight:
		flags = ledger.Managed
	}
	row := AccountRow{
		ID: newID[ledger.AccountID](s), Owner: owner, Purpose: purpose, Detail: detail,
		Currency: currency, Created: s.now,
	}
	spec := ledger.Spec{
		ID: row.ID, Owner: ownerID(owner), Currency: currency, Kind: kind, Flags: flags,
	}
	check(s.draft.Open(spec))
	put(s, s.tables.accounts, row.ID, row)
	return row.ID
}

// ownerID is the owner of an account as the ledger keeps it: zero for the node itself.
func ownerID(owner string) ledger.OwnerID {
	if id, err := wire.ParseID[companyKind](owner); err == nil {
		return ledger.OwnerID(id)
	}
	if id, err := wire.ParseID[memberKind](owner); err == nil {
		return ledger.OwnerID(id)
	}
	return ledger.OwnerID{}
}

func (s *step) find(owner, purpose, detail string, currency money.Currency) (AccountRow, bool) {
	var found AccountRow
	var exists bool
	key := ownerKey(owner, purpose, detail).Uint16(uint16(currency))
	check(s.tables.accounts.ScanIndex(s.tx, s.tables.byOwner, key,
		func(_ []byte, row AccountRow) bool {
			found, exists = row, true
			return false
		}))
	return found, exists
}

// post posts legs as one transfer. History and the audit leaves of it follow at commit.
func (s *step) post(id ledger.TransferID, code uint16, legs ...ledger.Leg) *fault.Error {
	number := s.nextRecord()
	refused := refusal(s.draft.Post(&ledger.Transfer{ID: id, Code: code, Legs: legs}))
	if refused == nil {
		s.remember(id, number)
	}
	return refused
}

// hold reserves money, for ever under the hold's id.
func (s *step) hold(h ledger.Hold) *fault.Error {
	if s.core.ids.find(h.ID, s.now) != 0 {
		return fault.New(fault.Conflict, "hold", "This id was used for something else.")
	}
	number := s.nextRecord()
	refused := refusal(s.draft.Hold(h))
	if refused == nil {
		s.remember(h.ID, number)
	}
	return refused
}

// capture takes an amount of a hold and ends it.
func (s *step) capture(id ledger.HoldID, transfer ledger.TransferID, code uint16,
	amount money.Amount, further ...ledger.Leg,
) *fault.Error {
	number := s.nextRecord()
	t := &ledger.Transfer{ID: transfer, Code: code, Legs: further}
	if refused := refusal(s.draft.Capture(id, t, amount, false)); refused != nil {
		return refused
	}
	s.remember(transfer, number)
	s.remember(endOfHold(id), number)
	return nil
}

// void frees a hold that must be live.
func (s *step) void(id ledger.HoldID) {
	number := s.nextRecord()
	check(s.draft.Void(id))
	s.remember(endOfHold(id), number)
}

// stateChange is the audit record of a domain row that changed.
type stateChange struct {
	What    string   `cbor:"1,keyasint"`
	Subject string   `cbor:"2,keyasint"`
	Row     [32]byte `cbor:"3,keyasint"` // hash of the row, so that no row's text is in a leaf
	At      int64    `cbor:"4,keyasint"`
}

func (s *step) state(what, subject string, row []byte) {
	change := stateChange{what, subject, wire.Hash("row", row), s.now}
	s.leaf(proof.KindState, wire.MustMarshal(change))
}

// expireHolds gives back what was held for claims that never came. Only unbound holds end by
// time; the ledger does not list others as due.
func (s *step) expireHolds() {
	for _, id := range s.draft.Due(s.now, ExpireMax) {
		number := s.nextRecord()
		check(s.draft.Expire(id, s.now))
		var order OrderRow
		var found bool
		check(s.tables.orders.ScanIndex(s.tx, s.tables.byHold, table.Key{}.Fixed(id[:]),
			func(_ []byte, row OrderRow) bool {
				order, found = row, true
				return false
			}))
		s.remember(endOfHold(id), number)
		if !found {
			continue // it was held by a batch of instructions
		}
		if order.State != OrderHeld {
			panic("core: a due hold belongs to an order that holds nothing")
		}
		s.changeOrder(order, OrderExpired)
	}
}
