package node

import (
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// noAccount, noBookTransfer and noHold are what a caller is told of what is not there, or not
// the caller's.
func noAccount() *fault.Error {
	return fault.New(fault.NotFound, "account", "There is no such account.").
		Because(fault.UnknownAccount)
}

func noBookTransfer() *fault.Error {
	return fault.New(fault.NotFound, "transfer", "There is no such transfer.").
		Because(fault.UnknownTransfer)
}

func noHold() *fault.Error {
	return fault.New(fault.NotFound, "hold", "There is no such hold.").Because(fault.UnknownHold)
}

// ownerOf is the caller in the ledger's words; ok is false for callers who own no accounts.
func ownerOf(by Caller) (owner ledger.OwnerID, ok bool) {
	switch by.Kind {
	case journal.Company:
		var id core.CompanyID
		err := parseID("company", by.ID, &id)
		return ledger.OwnerID(id), err == nil
	case journal.Member:
		var id core.MemberID
		err := parseID("member", by.ID, &id)
		return ledger.OwnerID(id), err == nil
	}
	return owner, false
}

// watcher is a caller who looks at history: it sees the lines of its own accounts, the operator
// those of all.
type watcher struct {
	v     core.View
	all   bool
	owner ledger.OwnerID
}

func watch(v core.View, by Caller) watcher {
	owner, owns := ownerOf(by)
	return watcher{v: v, all: isOperator(by) && !owns, owner: owner}
}

// sees says whether an account is the watcher's to look at.
func (w watcher) sees(id ledger.AccountID) bool {
	if w.all {
		return true
	}
	account, exists := w.v.Balance(id)
	return exists && w.owner != (ledger.OwnerID{}) && account.Owner == w.owner
}

// any says whether one side of one of the records is the watcher's.
func (w watcher) any(records []ledger.Record) bool {
	for _, r := range records {
		if w.sees(r.Debit) || w.sees(r.Credit) {
			return true
		}
	}
	return false
}

// BookAccount reads an account: the operator any, others their own.
func (n *Node) BookAccount(by Caller, account string) (view BookAccount, err error) {
	id, err := wire.ParseID[ledger.AccountKind](account)
	if err != nil {
		return BookAccount{}, noAccount()
	}
	err = noAccount()
	n.state.Read(func(v core.View) {
		row, exists := v.Account(id)
		if exists && owns(by, row.Owner) {
			view, err = bookAccountView(v, row), nil
		}
	})
	return view, err
}

// BookTransfer reads a transfer of the books as it stands.
func (n *Node) BookTransfer(by Caller, transfer string) (view BookTransfer, err error) {
	id, err := wire.ParseID[ledger.TransferKind](transfer)
	if err != nil {
		return BookTransfer{}, noBookTransfer()
	}
	err = noBookTransfer()
	n.state.Read(func(v core.View) {
		records, exists := v.FindTransfer(id)
		if exists && watch(v, by).any(records) {
			view, err = transferAsItStands(v, by, records), nil
		}
	})
	return view, err
}

// BookHold reads a hold as it stands.
func (n *Node) BookHold(by Caller, hold string) (view BookHold, err error) {
	id, err := wire.ParseID[ledger.HoldKind](hold)
	if err != nil {
		return BookHold{}, noHold()
	}
	err = noHold()
	n.state.Read(func(v core.View) {
		made, live, ended, exists := v.FindHold(id)
		if exists && watch(v, by).any([]ledger.Record{made}) {
			view, err = holdAsItStands(v, by, made, live, ended), nil
		}
	})
	return view, err
}

// transferAsPosted shows what never changes of a transfer, so that a repeated request gets the
// same answer for ever.
func transferAsPosted(w watcher, records []ledger.Record) BookTransfer {
	first := records[0]
	t := BookTransfer{
		ID: first.Transfer.String(), Code: first.Code, Recorded: milli(first.Time),
		Effective: effectiveOf(first), Legs: make([]BookLeg, 0, len(records)),
	}
	if first.Kind == ledger.RecordCaptured {
		t.Hold = first.Hold.String()
	}
	if !first.Reverses.IsZero() {
		t.Reverses = first.Reverses.String()
	}
	for _, r := range records {
		debit, credit := w.sees(r.Debit), w.sees(r.Credit)
		if !debit && !credit {
			continue
		}
		leg := BookLeg{Number: r.Number, Amount: r.Amount}
		if debit {
			leg.Debit = r.Debit.String()
			leg.DebitBalance = &money.Signed{Amount: r.DebitBalance, Negative: r.DebitNegative}
		}
		if credit {
			leg.Credit = r.Credit.String()
			leg.CreditBalance = &money.Signed{Amount: r.CreditBalance, Negative: r.CreditNegative}
		}
		t.Legs = append(t.Legs, leg)
	}
	return t
}

// newestText is the newest metadata of something, if the caller may see it.
func newestText(v core.View, by Caller, subject string) (core.MetadataRow, bool) {
	rows := v.Metadata(subject, 1)
	if len(rows) == 0 || !owns(by, rows[0].Owner) {
		return core.MetadataRow{}, false
	}
	return rows[0], true
}

// Annotations lists the versions of the metadata of an account, transfer or hold, newest first,
// from below a version (0: from the newest).
func (n *Node) Annotations(by Caller, subject string, below uint64, limit int) (
	[]Annotation, error,
) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	annotations := []Annotation{}
	seen := false
	n.state.Read(func(v core.View) {
		for _, row := range v.MetadataBelow(subject, below, limit) {
			if owns(by, row.Owner) {
				annotations = append(annotations, annotationView(row))
			}
		}
		seen = len(annotations) > 0 || below == 0 && seesSubject(v, by, subject)
	})
	if !seen {
		return nil, noSubject()
	}
	return annotations, nil
}

func noSubject() *fault.Error {
	return fault.New(fault.NotFound, "subject", "There is nothing with this id.")
}

// seesSubject says whether the caller may see an account, transfer or hold by its id.
func seesSubject(v core.View, by Caller, subject string) bool {
	if id, err := wire.ParseID[ledger.AccountKind](subject); err == nil {
		row, exists := v.Account(id)
		return exists && owns(by, row.Owner)
	}
	w := watch(v, by)
	if id, err := wire.ParseID[ledger.TransferKind](subject); err == nil {
		records, exists := v.FindTransfer(id)
		return exists && w.any(records)
	}
	id, err := wire.ParseID[ledger.HoldKind](subject)
	if err != nil {
		return false
	}
	made, _, _, exists := v.FindHold(id)
	return exists && w.any([]ledger.Record{made})
}

// effectiveOf is when a posted record counts from.
func effectiveOf(r ledger.Record) time.Time {
	if r.Effective != 0 {
		return milli(r.Effective)
	}
	return milli(r.Time)
}

// States of a transfer of the books.
const (
	TransferPosted   = "posted"
	TransferReversed = "reversed"
)

func transferAsItStands(v core.View, by Caller, records []ledger.Record) BookTransfer {
	t := transferAsPosted(watch(v, by), records)
	t.State = TransferPosted
	if reversal, exists := v.Reversal(records[0].Transfer); exists {
		t.State, t.ReversedBy = TransferReversed, reversal.Transfer.String()
	}
	if row, exists := newestText(v, by, t.ID); exists {
		t.Reference, t.Metadata = row.Reference, row.Metadata
	}
	return t
}

// holdAsMade shows what never changes of a hold.
func holdAsMade(w watcher, made ledger.Record) BookHold {
	h := BookHold{
		ID: made.Hold.String(), Number: made.Number, Code: made.Code, Amount: made.Amount,
		Recorded: milli(made.Time),
	}
	if w.sees(made.Debit) {
		h.Debit = made.Debit.String()
	}
	if w.sees(made.Credit) {
		h.Credit = made.Credit.String()
	}
	if made.Effective != 0 {
		expires := milli(made.Effective)
		h.Expires = &expires
	}
	return h
}

func holdAsItStands(v core.View, by Caller, made ledger.Record, live *ledger.Hold,
	ended *ledger.Record,
) BookHold {
	h := holdAsMade(watch(v, by), made)
	if row, exists := newestText(v, by, h.ID); exists {
		h.Reference, h.Metadata = row.Reference, row.Metadata
	}
	if live != nil {
		left, captured := live.Left(), live.Captured
		h.State, h.Left, h.Captured = live.State.String(), &left, &captured
		return h
	}
	at := milli(ended.Time)
	h.State, h.Ended = ended.Kind.String(), &at
	return h
}

// CurrencyAt is the currency of the history record with a number.
func (n *Node) CurrencyAt(number uint64) money.Currency {
	return read(n.state, func(v core.View) money.Currency {
		return v.Record(number).Amount.Currency()
	})
}
