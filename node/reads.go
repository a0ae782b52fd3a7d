package node

import (
	"context"
	"slices"
	"time"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/payment"
)

// This file is the one read gateway: every read says for whom it is, and what the caller may
// not see is not found, so that ids of others tell nothing.

func isOperator(by Caller) bool {
	return by.Kind == journal.Operator || by.Kind == journal.System
}

// owns says whether the caller may see what belongs to an owner.
func owns(by Caller, owner string) bool {
	if isOperator(by) {
		return true
	}
	return (by.Kind == journal.Company || by.Kind == journal.Member) && by.ID == owner
}

func notFound(what string) error {
	return fault.New(fault.NotFound, what, "There is no such %s.", what)
}

// Wallet reads the wallet of a company or a member.
func (n *Node) Wallet(by Caller, owner string) (Wallet, error) {
	if !owns(by, owner) {
		return Wallet{}, notFound("wallet")
	}
	w := Wallet{Owner: owner, Balances: []Balance{}, Virtual: []VirtualAccount{}}
	n.state.Read(func(v core.View) {
		for _, row := range v.AccountsOf(owner, core.PurposeWallet) {
			account, _ := v.Balance(row.ID)
			posted, _ := account.Balance()
			w.Balances = append(w.Balances, Balance{
				Account: row.ID.String(), Posted: posted, Held: account.DebitsPending,
				Available: account.Available(),
			})
		}
		for _, row := range v.Virtuals(owner) {
			if account, exists := v.Account(row.Account); exists &&
				account.Purpose == core.PurposeWallet { // others lead into the owner's books
				w.Virtual = append(w.Virtual, virtualView(row))
			}
		}
		currencies := v.Node().Currencies
		slices.SortStableFunc(w.Balances, func(a, b Balance) int {
			return slices.Index(currencies, a.Posted.Currency()) -
				slices.Index(currencies, b.Posted.Currency())
		})
	})
	if len(w.Balances) == 0 {
		return Wallet{}, notFound("wallet")
	}
	return w, nil
}

// Span bounds the lines of an account by when they were recorded: from From on, before To. A zero
// time is no bound.
type Span struct{ From, To time.Time }

// Entries lists an account's history, newest first, from below a line number (0: from the
// newest).
func (n *Node) Entries(by Caller, account string, before uint64, limit int) ([]Entry, error) {
	return n.Statement(by, account, Span{}, before, limit)
}

// Statement is Entries within a span of time.
func (n *Node) Statement(by Caller, account string, span Span, before uint64, limit int) (
	[]Entry, error,
) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	id, err := n.ownAccount(by, account)
	if err != nil {
		return nil, err
	}
	entries, last := []Entry{}, uint64(0)
	if before == 0 && !span.To.IsZero() {
		end := read(n.state, func(v core.View) uint64 {
			return v.NumberAt(span.To.UnixMilli()) - 1
		})
		if last = n.lastUpTo(id, end); last == 0 {
			return entries, nil
		}
	}
	from := int64(0)
	if !span.From.IsZero() {
		from = span.From.UnixMilli()
	}
	n.state.Read(func(v core.View) {
		for _, line := range v.HistoryFrom(id, last, before, limit) {
			if line.Record.Time < from {
				return
			}
			entries = append(entries, entryView(id, line))
		}
	})
	return entries, nil
}

func checkLimit(limit int) error {
	if limit < 1 || limit > core.PageMax {
		return fault.New(fault.Invalid, "limit", "A page has 1 to %d rows.", core.PageMax)
	}
	return nil
}

// Offer reads an offer. Anyone who has the id may, such as the payer's node: it names no payer
// and does not say what is bought.
func (n *Node) Offer(id string) (Offer, error) {
	row, err := n.offerRow(id)
	if err != nil {
		return Offer{}, err
	}
	return n.offerView(row), nil
}

// OfferPage reads an offer with its basket, for the checkout page of this node, which anyone can
// open who has the id. What it returns must not go to another node.
func (n *Node) OfferPage(id string) (Offer, error) {
	row, err := n.offerRow(id)
	if err != nil {
		return Offer{}, err
	}
	return n.pageOffer(row), nil
}

func (n *Node) offerRow(id string) (core.OfferRow, error) {
	var offer payment.OfferID
	if err := parseID("offer", id, &offer); err != nil {
		return core.OfferRow{}, err
	}
	var row core.OfferRow
	var exists bool
	n.state.Read(func(v core.View) { row, exists = v.Offer(offer) })
	if !exists {
		return core.OfferRow{}, notFound("offer")
	}
	return row, nil
}

// Offers lists the caller's own offers, newest first, with baskets and salts.
func (n *Node) Offers(by Caller, limit int) ([]Offer, error) {
	var id core.CompanyID
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	if by.Kind != journal.Company || parseID("company", by.ID, &id) != nil {
		return nil, forbidden()
	}
	offers := []Offer{}
	for _, row := range read(n.state, func(v core.View) []core.OfferRow {
		return v.Offers(id, limit)
	}) {
		offers = append(offers, n.ownOffer(row))
	}
	return offers, nil
}

// Order reads an order of the caller.
func (n *Node) Order(by Caller, id string) (Order, error) {
	var order payment.OrderID
	if err := parseID("order", id, &order); err != nil {
		return Order{}, err
	}
	var view Order
	found := false
	n.state.Read(func(v core.View) {
		row, exists := v.Order(order)
		if found = exists && owns(by, row.Member.String()); found {
			view = n.orderView(v, row)
		}
	})
	if !found {
		return Order{}, notFound("order")
	}
	return view, nil
}

// Orders lists the caller's own orders, newest first.
func (n *Node) Orders(by Caller, limit int) ([]Order, error) {
	var id core.MemberID
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	if by.Kind != journal.Member || parseID("member", by.ID, &id) != nil {
		return nil, forbidden()
	}
	orders := []Order{}
	n.state.Read(func(v core.View) {
		for _, row := range v.Orders(id, limit) {
			orders = append(orders, n.orderView(v, row))
		}
	})
	return orders, nil
}

// Deposits lists what came in for an owner, newest first.
func (n *Node) Deposits(by Caller, owner string, limit int) ([]Deposit, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	if !owns(by, owner) {
		return nil, notFound("wallet")
	}
	deposits := []Deposit{}
	n.state.Read(func(v core.View) {
		for _, row := range v.Deposits(owner, limit) {
			deposits = append(deposits, depositView(v, row))
		}
	})
	return deposits, nil
}

// Claim reads a claim of the caller's company.
func (n *Node) Claim(by Caller, id string) (Claim, error) {
	var claim payment.ClaimID
	if err := parseID("claim", id, &claim); err != nil {
		return Claim{}, err
	}
	var row core.ClaimRow
	var exists bool
	n.state.Read(func(v core.View) { row, exists = v.Claim(claim) })
	if !exists || !owns(by, row.Company.String()) {
		return Claim{}, notFound("claim")
	}
	return claimView(row), nil
}

// WaitClaim is Claim, but waits for the end of a pending claim, at most until ctx ends.
func (n *Node) WaitClaim(ctx context.Context, by Caller, id string) (Claim, error) {
	for {
		changed := n.state.Changed()
		claim, err := n.Claim(by, id)
		if err != nil || claim.State != core.ClaimPending {
			return claim, err
		}
		select {
		case <-changed:
		case <-n.ended:
			return claim, nil
		case <-ctx.Done():
			return claim, nil
		}
	}
}

// Transfer reads a transfer with a peer: the operator any, a company or member its own.
func (n *Node) Transfer(by Caller, id string) (Transfer, error) {
	var transfer clearing.TransferID
	if err := parseID("transfer", id, &transfer); err != nil {
		return Transfer{}, err
	}
	var view Transfer
	found := false
	n.state.Read(func(v core.View) {
		row, exists := v.Transfer(transfer)
		if found = exists && n.mayProve(v, by, row); found {
			view = n.transferView(v, row)
		}
	})
	if !found {
		return Transfer{}, notFound("transfer")
	}
	return view, nil
}

func milli(t int64) time.Time { return time.UnixMilli(t).UTC() }
