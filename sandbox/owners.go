package sandbox

import (
	"context"
	"slices"

	"seyfert/client"
	"seyfert/money"
	"seyfert/web"
)

// Bounds of the owners on the world's page.
const (
	// ownersShown is how many companies, and how many members, of a node the page shows.
	ownersShown = 4
	// ownersListed is how many of each a node lists at most; there may be more.
	ownersListed = 200
)

// owners are the wallets of a node that the page shows, and how many it leaves out.
type owners struct {
	shown []web.WorldWallet
	more  int
	least bool // a list was full, and more is at least that
}

// owner is a company or a member.
type owner struct{ id, name string }

// owners reads the wallets of a node's companies and members, those of the world's own people
// first and then the newest.
func (p *worldPage) owners(ctx context.Context, place *Place) (owners, error) {
	companies, err := place.Operator.Companies(ctx)
	if err != nil {
		return owners{}, err
	}
	members, err := place.Operator.Members(ctx)
	if err != nil {
		return owners{}, err
	}
	lists := [2][]owner{}
	for _, c := range companies {
		lists[0] = append(lists[0], owner{c.ID, c.Name})
	}
	for _, m := range members {
		lists[1] = append(lists[1], owner{m.ID, m.Name})
	}
	var seen owners
	for _, list := range lists {
		seen.least = seen.least || len(list) >= ownersListed
		chosen := p.choose(list)
		seen.more += len(list) - len(chosen)
		for _, o := range chosen {
			wallet, err := p.wallet(ctx, place, o)
			if err != nil {
				return owners{}, err
			}
			seen.shown = append(seen.shown, wallet)
		}
	}
	return seen, nil
}

// choose takes ownersShown of a list that is oldest first.
func (p *worldPage) choose(list []owner) []owner {
	list = slices.Clone(list)
	slices.Reverse(list)
	own := func(o owner) bool { return p.home(o.id) != "" }
	slices.SortStableFunc(list, func(a, b owner) int {
		switch {
		case own(a) == own(b):
			return 0
		case own(a):
			return -1
		}
		return 1
	})
	return list[:min(len(list), ownersShown)]
}

// home is where one of the world's own people is found; nowhere for anyone else.
func (p *worldPage) home(id string) string {
	switch id {
	case p.world.Customer.Member:
		return "/wallet"
	case p.world.Shop.company:
		return p.world.Shop.URL
	}
	return ""
}

// wallet reads what an owner has; each balance leads to the lines of its account.
func (p *worldPage) wallet(ctx context.Context, place *Place, o owner) (web.WorldWallet, error) {
	language := "ko"
	if place == p.world.Tokyo {
		language = "ja"
	}
	view := web.WorldWallet{Owner: web.NewParty(o.name, language), URL: p.home(o.id)}
	wallet, err := place.Operator.WalletOf(ctx, o.id)
	if err != nil {
		return view, err
	}
	for _, balance := range wallet.Balances {
		if !balance.Posted.IsZero() || balance.Posted.Currency() == money.KRW {
			view.Balances = append(view.Balances, web.WorldBalance{
				Amount: balance.Available, Ledger: ledgerURL(place.Name, balance),
			})
		}
	}
	return view, nil
}

func ledgerURL(node string, b client.Balance) string { return "/ledger/" + node + "/" + b.Account }
