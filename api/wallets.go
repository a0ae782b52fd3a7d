package api

import (
	"context"
	"net/http"
	"strconv"

	"seyfert/node"
)

const tagWallets = "wallets"

func (g *gate) mountWallets() {
	register(g, operation{
		id: "getWallet", method: http.MethodGet, path: "/v1/wallet", tag: tagWallets,
		summary: "Read the caller's own wallet", roles: []role{company, member},
	}, func(ctx context.Context, _ *struct{}) (*answer[node.Wallet], error) {
		by := callerOf(ctx)
		return respond(g.node.Wallet(by, by.ID))
	})
	register(g, operation{
		id: "getWalletOf", method: http.MethodGet, path: "/v1/wallets/{owner}", tag: tagWallets,
		summary: "Read the wallet of a company or member",
		roles:   []role{operator, company, member},
	}, func(ctx context.Context, in *struct {
		Owner string `path:"owner"`
	},
	) (*answer[node.Wallet], error) {
		wallet, err := g.node.Wallet(callerOf(ctx), in.Owner)
		return respond(wallet, renamed(err, map[string]string{"wallet": "owner"}))
	})
	register(g, operation{
		id: "listEntries", method: http.MethodGet, path: "/v1/accounts/{id}/entries",
		tag: tagWallets, summary: "List an account's history, newest first",
		roles: []role{operator, company, member},
	}, g.listEntries)
	register(g, operation{
		id: "listDeposits", method: http.MethodGet, path: "/v1/deposits", tag: tagWallets,
		summary: "List the caller's own deposits, newest first", roles: []role{company, member},
	}, func(ctx context.Context, in *Page) (*answer[list[node.Deposit]], error) {
		by := callerOf(ctx)
		return respondList(g.node.Deposits(by, by.ID, in.Limit))
	})
}

func (g *gate) listEntries(ctx context.Context, in *struct {
	Page
	ID     string `path:"id"`
	Before uint64 `query:"before" doc:"only lines below this number: next of the page before"`
},
) (*answer[list[node.Entry]], error) {
	rows, err := g.node.Entries(callerOf(ctx), in.ID, in.Before, in.Limit)
	if err != nil {
		return nil, renamed(err, map[string]string{"account": "id"})
	}
	body := list[node.Entry]{Data: rows}
	if len(rows) == in.Limit {
		body.Next = strconv.FormatUint(rows[len(rows)-1].Number, 10)
	}
	return respond(body, nil)
}
