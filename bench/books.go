package bench

import (
	"context"
	"fmt"

	"seyfert/core"
	"seyfert/money"
	"seyfert/node"
)

// openedMany is how many accounts are opened with one command.
const openedMany = 1000

// openAccounts opens the accounts of a case. They may go below zero, so that no transfer between
// them is ever refused.
func (p *place) openAccounts(ctx context.Context, accounts int) error {
	for from := 0; from < accounts; from += openedMany {
		var next []node.NewAccount
		for place := from; place < min(from+openedMany, accounts); place++ {
			next = append(next, node.NewAccount{
				ID: accountAt(place), Code: codeBench, Kind: "liability",
				Currency: currency.String(),
			})
		}
		_, err := p.server.Node().OpenAccounts(ctx, p.by, node.Request{}, next)
		if err != nil {
			return fmt.Errorf("open accounts: %w", err)
		}
	}
	return nil
}

// books is what a node's state says of its books.
type books struct {
	records         uint64
	debits, credits money.Amount
}

// books adds up the accounts of a case.
func (p *place) books(accounts int) (b books, err error) {
	zero := money.New(currency, 0)
	b = books{debits: zero, credits: zero}
	p.server.Node().State().Read(func(v core.View) {
		b.records = v.Cursor().Records
		for place := range accounts {
			account, ok := v.Balance(accountAt(place))
			if !ok {
				err = fmt.Errorf("account %d is gone", place)
				return
			}
			if b.debits, err = b.debits.Add(account.DebitsPosted); err != nil {
				return
			}
			if b.credits, err = b.credits.Add(account.CreditsPosted); err != nil {
				return
			}
		}
	})
	return b, err
}

// check compares what callers were answered with what the node holds: every transfer once, and
// books that balance.
func (p *place) check(before books, c Case, transfers uint64) (books, error) {
	after, err := p.books(c.Accounts)
	if err != nil {
		return after, err
	}
	if after.records-before.records != transfers {
		return after, fmt.Errorf("%d transfers were answered, history grew by %d records",
			transfers, after.records-before.records)
	}
	if after.debits != after.credits {
		return after, fmt.Errorf("debits of %v, credits of %v", after.debits, after.credits)
	}
	return after, nil
}
