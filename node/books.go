package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"strconv"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/wire"
)

// This file is the use cases of the books: accounts that companies and the operator keep for
// themselves, and the batches of instructions that move money between them.

// AccountsMax bounds the accounts that one request opens.
const AccountsMax = core.AccountsMax

// NewItemID makes the id of one item of a request that brought none. With an idempotency key it
// follows from the caller, the key and the item's place alone, so that the same request again
// names the same things; without, it is new.
func (n *Node) NewItemID(by Caller, key string, item int) [16]byte {
	if key == "" {
		return newID[wire.UUID](n)
	}
	place := binary.BigEndian.AppendUint32([]byte{byte(by.Kind)}, uint32(item))
	hash := wire.Hash("item id", place, []byte(by.ID), []byte(key))
	// 40 bits of time are always in the past, where every id has to be.
	at := int64(binary.BigEndian.Uint64(hash[:8]) >> 24)
	return wire.NewUUID(at, [10]byte(hash[8:18]))
}

// Post carries out an encoded batch (ledger.Batch). In mode All a refusal is the error, its field
// within "items[i]"; in mode Each it stands in the answer. A key is bound to the whole batch: with
// another one it is a conflict. Without, each instruction's own id is what makes it happen once.
func (n *Node) Post(ctx context.Context, by Caller, key string, batch []byte) (
	ledger.Answer, error,
) {
	if by.Kind != journal.Company && !isOperator(by) {
		return nil, forbidden()
	}
	c := journal.Command{
		Kind: core.KindPost, Version: core.CommandVersion, Principal: by.principal(),
		Body: batch,
	}
	if key != "" {
		c.ID, c.RequestHash = commandID(key), sha256.Sum256(batch)
	}
	result, err := n.cfg.Journal.Propose(ctx, c)
	if err != nil {
		return nil, err
	}
	if result.Fault != nil {
		return nil, result.Fault
	}
	return result.Body, nil
}

// postOne carries out a batch that is one transfer or one change of a hold, and returns the
// outcome of its first instruction.
func (n *Node) postOne(ctx context.Context, by Caller, key string, b *ledger.Batch) (
	ledger.Outcome, error,
) {
	answer, err := n.Post(ctx, by, key, b.Encode())
	if err != nil {
		return ledger.Outcome{}, err
	}
	results, _, err := answer.Read(b.Len())
	if err != nil {
		return ledger.Outcome{}, err
	}
	return results[0], nil
}

// PostTransfer carries out a batch of the legs of one transfer: a posting, a capture or a
// reversal. What it returns is the same whenever the same is asked for again; created says
// whether it happened now. The key is as in Post; ids that follow from it bind it already.
func (n *Node) PostTransfer(ctx context.Context, by Caller, key string, b *ledger.Batch) (
	t BookTransfer, created bool, err error,
) {
	result, err := n.postOne(ctx, by, key, b)
	if err != nil {
		return BookTransfer{}, false, err
	}
	n.state.Read(func(v core.View) {
		t = transferAsPosted(watch(v, by), v.RecordsOf(result.Number))
	})
	if len(b.Attachments) > 0 { // the texts of the first time are the same, or it had failed
		t.Reference, t.Metadata = b.Attachments[0].Reference, b.Attachments[0].Metadata
	}
	return t, result.Status == ledger.Created, nil
}

// PostHold carries out a batch of one new hold, on the terms of PostTransfer.
func (n *Node) PostHold(ctx context.Context, by Caller, key string, b *ledger.Batch) (
	h BookHold, created bool, err error,
) {
	result, err := n.postOne(ctx, by, key, b)
	if err != nil {
		return BookHold{}, false, err
	}
	n.state.Read(func(v core.View) {
		h = holdAsMade(watch(v, by), v.Record(result.Number))
	})
	if len(b.Attachments) > 0 { // as for a transfer
		h.Reference, h.Metadata = b.Attachments[0].Reference, b.Attachments[0].Metadata
	}
	return h, result.Status == ledger.Created, nil
}

// PostVoid carries out a batch of one void and returns the hold as it stands.
func (n *Node) PostVoid(ctx context.Context, by Caller, key string, b *ledger.Batch) (
	BookHold, error,
) {
	result, err := n.postOne(ctx, by, key, b)
	if err != nil {
		return BookHold{}, err
	}
	hold := read(n.state, func(v core.View) ledger.HoldID { return v.Record(result.Number).Hold })
	return n.BookHold(by, hold.String())
}

// NewAccount is an account to be opened.
type NewAccount struct {
	// ID is the caller's own; zero makes one.
	ID ledger.AccountID
	// Owner is a company's id or core.OwnerNode; empty is the caller itself.
	Owner    string
	Code     uint16
	Kind     string
	Currency string
	Flags    []string
	Limits   AccountLimits
	Name     string
	Metadata map[string]string
}

// OpenAccounts opens accounts of the books, all or none. An account that was opened before with
// the same id and the same in every field is answered as it was then. Fields of a refusal are
// within "accounts[i]".
func (n *Node) OpenAccounts(ctx context.Context, by Caller, r Request, accounts []NewAccount) (
	[]BookAccount, error,
) {
	command := core.OpenAccounts{Accounts: make([]core.OpenAccount, len(accounts))}
	for i, a := range accounts {
		open, refused := a.command(by)
		if refused != nil {
			return nil, refused.At("accounts[" + strconv.Itoa(i) + "]." + refused.Field)
		}
		if open.ID.IsZero() {
			open.ID = n.NewItemID(by, r.Key, i)
		}
		command.Accounts[i] = open
	}
	rows, _, err := propose[[]core.AccountRow](ctx, n, by, core.KindOpenAccounts, r, command)
	if err != nil {
		return nil, err
	}
	views := make([]BookAccount, len(rows))
	for i, row := range rows {
		views[i] = openedAccount(row, accounts[i].Metadata)
	}
	return views, nil
}

// command says the account in the words of core, or what is wrong with it.
func (a NewAccount) command(by Caller) (open core.OpenAccount, refused *fault.Error) {
	open = core.OpenAccount{
		ID: a.ID, Owner: a.Owner, Code: a.Code, Name: a.Name, Metadata: a.Metadata,
	}
	if open.Owner == "" {
		open.Owner = core.OwnerNode
		if by.Kind == journal.Company {
			open.Owner = by.ID
		}
	}
	if a.Name != "" && !wire.PlainText(a.Name, core.TextMax) {
		return open, fault.New(fault.Invalid, "name",
			"A name is plain text of at most %d bytes that can be seen.", core.TextMax)
	}
	var err error
	if open.Currency, err = currencyOf(a.Currency); err != nil {
		return open, fault.New(fault.Invalid, "currency", "The currency is not known.")
	}
	if open.Kind, err = kindOf(a.Kind); err != nil {
		return open, fault.New(fault.Invalid, "kind", "The kind of account is not known.")
	}
	if open.Flags, refused = flagsOf(a.Flags); refused != nil {
		return open, refused
	}
	open.Limits, refused = a.Limits.of(open.Currency)
	return open, refused
}

// AccountChange is what an account shall be from now on; nil stays as it is.
type AccountChange struct {
	Flags  *[]string
	Limits *AccountLimits
}

// SetAccount changes the flags and limits of an account.
func (n *Node) SetAccount(ctx context.Context, by Caller, account string, c AccountChange) (
	BookAccount, error,
) {
	id, err := wire.ParseID[ledger.AccountKind](account)
	if err != nil {
		return BookAccount{}, noAccount()
	}
	current, err := n.BookAccount(by, account)
	if err != nil {
		return BookAccount{}, err
	}
	command := core.SetAccount{ID: id}
	if c.Flags != nil {
		flags, refused := flagsOf(*c.Flags)
		if refused != nil {
			return BookAccount{}, refused
		}
		command.Flags = &flags
	}
	if c.Limits != nil {
		currency, err := currencyOf(current.Currency)
		if err != nil {
			return BookAccount{}, err
		}
		limits, refused := c.Limits.of(currency)
		if refused != nil {
			return BookAccount{}, refused
		}
		command.Limits = &limits
	}
	row, _, err := propose[core.AccountRow](ctx, n, by, core.KindSetAccount, Request{}, command)
	if err != nil {
		return BookAccount{}, err
	}
	return read(n.state, func(v core.View) BookAccount { return bookAccountView(v, row) }), nil
}

// Annotate sets the metadata of an account, transfer or hold; what it was stays readable. What
// stands there already is not set again.
func (n *Node) Annotate(ctx context.Context, by Caller, subject string,
	pairs map[string]string,
) (Annotation, error) {
	if by.Kind != journal.Company && !isOperator(by) {
		return Annotation{}, forbidden()
	}
	seen, held := false, []core.MetadataRow{}
	n.state.Read(func(v core.View) {
		if seen = seesSubject(v, by, subject); seen {
			held = v.Metadata(subject, 1)
		}
	})
	if !seen {
		return Annotation{}, noSubject()
	}
	if len(held) > 0 && owns(by, held[0].Owner) && maps.Equal(held[0].Metadata, pairs) {
		return annotationView(held[0]), nil
	}
	row, _, err := propose[core.MetadataRow](ctx, n, by, core.KindAnnotate, Request{},
		core.Annotate{Subject: subject, Metadata: pairs})
	if err != nil {
		return Annotation{}, err
	}
	return annotationView(row), nil
}
