package api

import (
	"context"
	"net/http"

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
		id: "listDeposits", method: http.MethodGet, path: "/v1/deposits", tag: tagWallets,
		summary: "List the caller's own deposits, newest first", roles: []role{company, member},
	}, func(ctx context.Context, in *Page) (*answer[list[node.Deposit]], error) {
		by := callerOf(ctx)
		return respondList(g.node.Deposits(by, by.ID, in.Limit))
	})
}
