package node

import (
	"context"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// Limits of what one read of the change stream does.
const (
	// ChangesMax bounds the changes of one page.
	ChangesMax = 2000
	// DetailsMax bounds the details of one page.
	DetailsMax = 500
	// ChangesScanMax bounds what one page looks through for a caller who sees a part of it. A page
	// that ends there is short or empty, and its Next leads on.
	ChangesScanMax = 100_000
	// changesHeldMax bounds what is looked through without letting an entry in between.
	changesHeldMax = 1000
)

// Change is one line of the node's history: a leg of a transfer, or a change of a hold. It is
// what /v1/entries lists and what /v1/changes streams. An account of another owner is left out
// for a company, with its balance.
type Change struct {
	Number    uint64       `json:"number" doc:"its place in history, from 1 without a gap"`
	Index     uint64       `json:"index" doc:"the journal entry that it came with"`
	At        time.Time    `json:"at" doc:"when it was recorded"`
	Effective *time.Time   `json:"effective_at,omitempty" doc:"when it counts from, if not at"`
	Expires   *time.Time   `json:"expires_at,omitempty" doc:"of a new hold"`
	Kind      string       `json:"kind" enum:"posted,captured,held,bound,voided,expired,reversed"`
	Code      uint16       `json:"code" doc:"the reason, by the caller's own numbers"`
	Leg       uint16       `json:"leg" doc:"the leg's place in its transfer, from 0"`
	Transfer  string       `json:"transfer,omitempty"`
	Hold      string       `json:"hold,omitempty"`
	Reverses  string       `json:"reverses,omitempty" doc:"the transfer that this one undoes"`
	More      bool         `json:"more,omitempty" doc:"after a capture the rest stays held"`
	Debit     string       `json:"debit,omitempty" doc:"account; absent if another owner's"`
	Credit    string       `json:"credit,omitempty" doc:"account; absent if another owner's"`
	Amount    money.Amount `json:"amount"`
	// The posted balances of both accounts after this line, each on its normal side.
	DebitBalance  *money.Signed `json:"debit_balance,omitempty"`
	CreditBalance *money.Signed `json:"credit_balance,omitempty"`
}

// ChangePage is a run of the change stream, in the order of history.
type ChangePage struct {
	Changes []Change `json:"data"`
	Next    uint64   `json:"next" doc:"the from of the page after this one"`
	Newest  uint64   `json:"newest" doc:"number of the newest change on this node; 0 for none"`
}

// Detail is something that belongs to the books and is no line of history: an account that was
// opened or changed, or metadata that was set.
type Detail struct {
	Number   uint64       `json:"number" doc:"its place among details, growing but with gaps"`
	At       time.Time    `json:"at"`
	Account  *BookAccount `json:"account,omitempty" doc:"as it stands now"`
	Metadata *Annotation  `json:"metadata,omitempty" doc:"the version that was written then"`
}

// DetailPage is a run of details, in their order.
type DetailPage struct {
	Details []Detail `json:"data"`
	Next    uint64   `json:"next" doc:"the from of the page after this one"`
}

// Changes lists the changes that a caller sees, from a history number on: all for the operator,
// those of its own accounts for a company. What is shown is durable and keeps its number for ever.
func (n *Node) Changes(by Caller, from uint64, limit int) (ChangePage, error) {
	if err := follows(by, limit, ChangesMax); err != nil {
		return ChangePage{}, err
	}
	page := ChangePage{Changes: []Change{}, Next: max(from, 1)}
	for last := page.Next + ChangesScanMax; page.Next < last; {
		done := false
		n.state.Read(func(v core.View) { done = page.extend(v, watch(v, by), limit) })
		if done {
			break
		}
	}
	return page, nil
}

// Change reads one line of history by its number.
func (n *Node) Change(by Caller, number uint64) (change Change, err error) {
	err = notFound("number")
	n.state.Read(func(v core.View) {
		if number == 0 || number > v.Cursor().Records {
			return
		}
		r, w := v.Record(number), watch(v, by)
		if debit, credit := w.sees(r.Debit), w.sees(r.Credit); debit || credit {
			change, err = changeView(r, debit, credit), nil
		}
	})
	return change, err
}

// NumberAt is the number of the first line of history that was recorded at a time or after it, and
// of the next one to come if there is none.
func (n *Node) NumberAt(at time.Time) uint64 {
	return read(n.state, func(v core.View) uint64 { return v.NumberAt(at.UnixMilli()) })
}

// extend adds what is next in history and says whether the page is full or at its end.
func (p *ChangePage) extend(v core.View, w watcher, limit int) (done bool) {
	p.Newest = v.Cursor().Records
	stop := p.Next + changesHeldMax
	v.RecordsFrom(p.Next, func(r ledger.Record) bool {
		if debit, credit := w.sees(r.Debit), w.sees(r.Credit); debit || credit {
			p.Changes = append(p.Changes, changeView(r, debit, credit))
		}
		p.Next = r.Number + 1
		return p.Next < stop && len(p.Changes) < limit
	})
	return len(p.Changes) == limit || p.Next > p.Newest
}

// WaitChanges is Changes, but waits for the first one, at most until ctx ends. Also a page without
// changes leads on: what was seen not to be the caller's is not looked at again.
func (n *Node) WaitChanges(ctx context.Context, by Caller, from uint64, limit int) (
	ChangePage, error,
) {
	for {
		changed := n.state.Changed()
		page, err := n.Changes(by, from, limit)
		if err != nil || len(page.Changes) > 0 || page.Next <= page.Newest {
			return page, err
		}
		if !n.await(ctx, changed) {
			return page, nil
		}
		from = page.Next
	}
}

// await waits for the next entry and says whether one came. A node that closes, and a caller who
// goes, end it.
func (n *Node) await(ctx context.Context, changed <-chan struct{}) bool {
	select {
	case <-changed:
		return true
	case <-n.ended:
	case <-ctx.Done():
	}
	return false
}

// Ended is closed when the node makes nobody wait any more.
func (n *Node) Ended() <-chan struct{} { return n.ended }

// Details lists the accounts and metadata that changed, from a number on: all for the operator,
// its own for a company.
func (n *Node) Details(by Caller, from uint64, limit int) (DetailPage, error) {
	if err := follows(by, limit, DetailsMax); err != nil {
		return DetailPage{}, err
	}
	page := DetailPage{Details: []Detail{}, Next: max(from, 1)}
	for range ChangesScanMax / changesHeldMax {
		done := false
		n.state.Read(func(v core.View) { done = page.extend(v, by, limit) })
		if done {
			break
		}
	}
	return page, nil
}

// extend adds what is next among the details and says whether the page is full or at its end.
func (p *DetailPage) extend(v core.View, by Caller, limit int) (done bool) {
	looked := 0
	v.RowChanges(p.Next-1, func(c core.RowChange) bool {
		looked++
		p.Next = c.Leaf + 2 // numbers are from 1, leaves from 0
		if d, seen := detailView(v, by, c); seen {
			p.Details = append(p.Details, d)
		}
		return looked < changesHeldMax && len(p.Details) < limit
	})
	return len(p.Details) == limit || looked < changesHeldMax
}

func detailView(v core.View, by Caller, c core.RowChange) (d Detail, seen bool) {
	d = Detail{Number: c.Leaf + 1, At: milli(c.At)}
	switch c.What {
	case core.WhatAccount:
		id, err := wire.ParseID[ledger.AccountKind](c.Subject)
		row, exists := v.Account(id)
		if err != nil || !exists || !owns(by, row.Owner) {
			return d, false
		}
		account := bookAccountView(v, row)
		d.Account = &account
	case core.WhatMetadata:
		row, exists := v.MetadataOf(c)
		if !exists || !owns(by, row.Owner) {
			return d, false
		}
		annotation := annotationView(row)
		d.Metadata = &annotation
	default:
		return d, false
	}
	return d, true
}

// follows checks that a caller may follow the books, and how many lines of a page it asks for.
func follows(by Caller, limit, most int) error {
	if by.Kind != journal.Company && !isOperator(by) {
		return forbidden()
	}
	if limit < 1 || limit > most {
		return fault.New(fault.Invalid, "limit", "A page has 1 to %d rows.", most)
	}
	return nil
}

// changeView shows a record to someone who may see its debit account, its credit account, or
// both.
func changeView(r ledger.Record, seesDebit, seesCredit bool) Change {
	c := Change{
		Number: r.Number, Index: r.Index, At: milli(r.Time), Kind: r.Kind.String(),
		Code: r.Code, Leg: r.Leg, More: r.More, Amount: r.Amount,
	}
	if r.Effective != 0 {
		at := milli(r.Effective)
		if r.Kind == ledger.RecordHeld {
			c.Expires = &at
		} else {
			c.Effective = &at
		}
	}
	if !r.Transfer.IsZero() {
		c.Transfer = r.Transfer.String()
	}
	if !r.Hold.IsZero() {
		c.Hold = r.Hold.String()
	}
	if !r.Reverses.IsZero() {
		c.Reverses = r.Reverses.String()
	}
	if seesDebit {
		c.Debit = r.Debit.String()
		c.DebitBalance = &money.Signed{Amount: r.DebitBalance, Negative: r.DebitNegative}
	}
	if seesCredit {
		c.Credit = r.Credit.String()
		c.CreditBalance = &money.Signed{Amount: r.CreditBalance, Negative: r.CreditNegative}
	}
	return c
}
