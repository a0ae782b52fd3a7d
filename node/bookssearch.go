package node

import (
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/wire"
)

// SearchMax bounds the lines of history that one search looks at. A page may end there before it
// is full; its cursor leads on.
const SearchMax = 10_000

// Search says which transfers or holds are looked for. Zero values ask for nothing.
type Search struct {
	// Account is one that the transfer or hold names, Company one whose accounts it names.
	Account, Company string
	// From and To bound when it was recorded: from From on, before To.
	From, To time.Time
	// State is as a read gives it.
	State string
	// Reference is the caller's own text. It stands alone with State.
	Reference string
	// Cursor is the Next of the page before.
	Cursor uint64
	Limit  int
}

// finding is a search on its way through history, from its newest line back.
type finding struct {
	n       *Node
	by      Caller
	q       Search
	account ledger.AccountID
	owner   ledger.OwnerID
	own     bool // of owner alone
	// next is the number to look at, first the one to end with.
	next, first uint64
}

// find prepares a search.
func (n *Node) find(by Caller, q Search) (*finding, error) {
	if err := checkLimit(q.Limit); err != nil {
		return nil, err
	}
	f := &finding{n: n, by: by, q: q}
	if f.owner, f.own = ownerOf(by); !f.own && !isOperator(by) {
		return nil, forbidden()
	}
	if q.Company != "" {
		var id core.CompanyID
		if err := parseID("company", q.Company, &id); err != nil {
			return nil, err
		}
		if f.own && ledger.OwnerID(id) != f.owner {
			return nil, notFound("company")
		}
		f.owner, f.own = ledger.OwnerID(id), true
	}
	if q.Account != "" {
		id, err := n.ownAccount(by, q.Account)
		if err != nil {
			return nil, err
		}
		f.account = id
	}
	n.bound(f)
	return f, nil
}

// bound turns the times of a search and its cursor into numbers.
func (n *Node) bound(f *finding) {
	n.state.Read(func(v core.View) {
		f.first, f.next = 1, v.Cursor().Records
		if !f.q.From.IsZero() {
			f.first = v.NumberAt(f.q.From.UnixMilli())
		}
		if !f.q.To.IsZero() {
			f.next = v.NumberAt(f.q.To.UnixMilli()) - 1
		}
		if f.q.Cursor != 0 {
			f.next = min(f.next, f.q.Cursor-1)
		}
	})
	if f.account.IsZero() {
		return
	}
	f.next = n.lastUpTo(f.account, f.next)
}

// names says whether a record is of the account or the owner that is searched for.
func (f *finding) names(v core.View, r ledger.Record) bool {
	if !f.account.IsZero() {
		return r.Debit == f.account || r.Credit == f.account
	}
	if !f.own {
		return true
	}
	w := watcher{v: v, owner: f.owner}
	return w.sees(r.Debit) || w.sees(r.Credit)
}

// below is the number to look at after a record.
func (f *finding) below(r ledger.Record) uint64 {
	if f.account.IsZero() {
		return r.Number - 1
	}
	_, _, previous, _ := r.Of(f.account)
	return previous
}

// picked is what became of a record that a search came to.
type picked struct {
	// full says that the page takes no more.
	full bool
	// from is the first number of what the record belongs to: what is below was not looked at.
	from uint64
	// read is how many more records it took to know.
	read int
}

// run goes back through history and calls pick with each record that fits, until pick says that
// the page is full. Next is the cursor of the page after it, 0 at the end.
func (f *finding) run(pick func(v core.View, r ledger.Record) picked) (next uint64) {
	for looked := 0; looked < SearchMax; {
		full := false
		f.n.state.Read(func(v core.View) {
			for held := 0; held < heldRecords && looked < SearchMax; held++ {
				if f.next < f.first || f.next == 0 || full {
					return
				}
				r := v.Record(f.next)
				f.next = f.below(r)
				looked++
				next = r.Number
				if f.names(v, r) {
					p := pick(v, r)
					full, next = p.full, p.from
					held, looked = held+p.read, looked+p.read
				}
			}
		})
		if f.next < f.first || f.next == 0 {
			return 0
		}
		if full {
			return next
		}
	}
	return next
}

// BookTransfers searches the transfers of the books, newest first, those under one reference in
// the order of history.
func (n *Node) BookTransfers(by Caller, q Search) (found []BookTransfer, next uint64, err error) {
	if q.State != "" && q.State != TransferPosted && q.State != TransferReversed {
		return nil, 0, fault.New(fault.Invalid, "state", "A transfer is posted or reversed.")
	}
	f, err := n.find(by, q)
	if err != nil {
		return nil, 0, err
	}
	found = []BookTransfer{}
	take := func(v core.View, id ledger.TransferID) (legs int) {
		records, _ := v.FindTransfer(id)
		t := transferAsItStands(v, by, records)
		if (q.State == "" || t.State == q.State) && watch(v, by).any(records) {
			found = append(found, t)
		}
		return len(records)
	}
	if q.Reference != "" {
		next = f.under(func(v core.View, row core.MetadataRow) bool {
			id, err := wire.ParseID[ledger.TransferKind](row.Subject)
			if err == nil {
				take(v, id)
			}
			return len(found) == q.Limit
		})
		return found, next, nil
	}
	var seen ledger.TransferID
	next = f.run(func(v core.View, r ledger.Record) picked {
		if !r.Kind.Moves() {
			return picked{from: r.Number}
		}
		p := picked{from: r.Number - uint64(r.Leg)}
		if r.Transfer != seen {
			seen = r.Transfer
			p.read = take(v, r.Transfer)
			p.full = len(found) == q.Limit
		}
		return p
	})
	return found, next, nil
}

// under goes through what an owner has under a reference.
func (f *finding) under(pick func(v core.View, row core.MetadataRow) (full bool)) (next uint64) {
	owner := core.OwnerNode
	if f.q.Company != "" {
		owner = f.q.Company
	} else if f.own {
		owner = f.by.ID
	}
	f.n.state.Read(func(v core.View) {
		rows := v.ByReference(owner, f.q.Reference, f.q.Cursor, core.PageMax+1)
		for i, row := range rows {
			if pick(v, row) && i < len(rows)-1 || i == core.PageMax {
				next = row.Number + 1
				return
			}
		}
	})
	return next
}

// BookHolds searches the holds of the books, newest first.
func (n *Node) BookHolds(by Caller, q Search) (found []BookHold, next uint64, err error) {
	switch q.State {
	case "", "held", "captured", "voided", "expired":
	default:
		return nil, 0, fault.New(fault.Invalid, "state",
			"A hold is held, captured, voided or expired.")
	}
	f, err := n.find(by, q)
	if err != nil {
		return nil, 0, err
	}
	found = []BookHold{}
	next = f.run(func(v core.View, r ledger.Record) picked {
		if r.Kind != ledger.RecordHeld {
			return picked{from: r.Number}
		}
		made, live, ended, _ := v.FindHold(r.Hold)
		h := holdAsItStands(v, by, made, live, ended)
		if q.State == "" || h.State == q.State {
			found = append(found, h)
		}
		return picked{full: len(found) == q.Limit, from: r.Number}
	})
	return found, next, nil
}

// AccountSearch says which accounts are listed. Zero values ask for nothing.
type AccountSearch struct {
	Owner, Currency string
	// Code is the number in the chart of accounts; nil is any.
	Code *uint16
	// After is the id of the last account of the page before.
	After string
	Limit int
}

// AccountScanMax bounds the accounts that one listing looks at; like a search it may end there.
const AccountScanMax = 10_000

// BookAccounts lists accounts of the books in the order of their ids: the operator those of all
// or of one owner, a company its own. More says that After the last one there may be others.
func (n *Node) BookAccounts(by Caller, q AccountSearch) (
	accounts []BookAccount, next string, err error,
) {
	if err := checkLimit(q.Limit); err != nil {
		return nil, "", err
	}
	if !isOperator(by) {
		if q.Owner != "" && q.Owner != by.ID {
			return nil, "", notFound("owner")
		}
		q.Owner = by.ID
	}
	var from ledger.AccountID
	if q.After != "" {
		if from, err = wire.ParseID[ledger.AccountKind](q.After); err != nil {
			return nil, "", fault.New(fault.Invalid, "after", "This is not the id of an account.")
		}
	}
	accounts = []BookAccount{}
	for looked := 0; looked < AccountScanMax; {
		rows := 0
		n.state.Read(func(v core.View) {
			for _, row := range v.BookAccounts(q.Owner, from, core.PageMax) {
				rows++
				if row.ID == from {
					continue // of the page before
				}
				if len(accounts) == q.Limit {
					return
				}
				from = row.ID
				if row.Purpose == core.PurposeBook && q.fits(row) {
					accounts = append(accounts, bookAccountView(v, row))
				}
			}
		})
		looked += rows
		if rows < core.PageMax && len(accounts) < q.Limit {
			return accounts, "", nil
		}
		if len(accounts) == q.Limit {
			break
		}
	}
	return accounts, from.String(), nil
}

func (q AccountSearch) fits(row core.AccountRow) bool {
	return (q.Currency == "" || row.Currency.Code() == q.Currency) &&
		(q.Code == nil || row.Code == *q.Code)
}
