package client

import (
	"context"
	"net/url"
	"time"
)

// Wallet reads the caller's own wallet. For companies and members.
func (c *Client) Wallet(ctx context.Context) (Wallet, error) {
	var w Wallet
	err := c.get(ctx, "/v1/wallet", nil, &w)
	return w, err
}

// WalletOf reads the wallet of a company or member. For itself and the operator.
func (c *Client) WalletOf(ctx context.Context, owner string) (Wallet, error) {
	var w Wallet
	err := c.get(ctx, "/v1/wallets/"+url.PathEscape(owner), nil, &w)
	return w, err
}

// Entries lists an account's history, newest first, below a line number (0: from the newest),
// at most limit lines (0: as many as the node likes). The Number of the last line is the before
// of the following page.
func (c *Client) Entries(ctx context.Context, account string, before uint64, limit int) (
	[]Entry, error,
) {
	return c.Statement(ctx, account, time.Time{}, time.Time{}, before, limit)
}

// Deposits lists the caller's own deposits, newest first, at most limit (0: as many as the
// node likes).
func (c *Client) Deposits(ctx context.Context, limit int) ([]Deposit, error) {
	return rows[Deposit](ctx, c, "/v1/deposits", limited(limit))
}
