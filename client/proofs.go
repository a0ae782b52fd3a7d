package client

import (
	"context"
	"net/http"
	"net/url"
)

// Transfer reads a transfer between two nodes. For the operator and those whose it is.
func (c *Client) Transfer(ctx context.Context, id string) (Transfer, error) {
	var t Transfer
	err := c.get(ctx, "/v1/transfers/"+url.PathEscape(id), nil, &t)
	return t, err
}

// Proof exports the offline proof of a cleared transfer, once its day's anchor is in a block:
// the bytes that `seyfert verify` reads. For the operator and those whose transfer it is.
func (c *Client) Proof(ctx context.Context, transfer string) ([]byte, error) {
	return c.bytes(ctx, call{
		method: http.MethodGet, path: "/v1/transfers/" + url.PathEscape(transfer) + "/proof",
	})
}

// Headers gets the chain's headers from genesis, 80 bytes each, as the node checked them.
func (c *Client) Headers(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, call{
		method: http.MethodGet, path: "/v1/chain/headers", most: FileBytesMax,
	})
}

// CloseDay closes a day of the node's calendar, such as "2026-11-23"; empty means today. For
// the operator.
func (c *Client) CloseDay(ctx context.Context, day string) (Day, error) {
	body := map[string]string{}
	if day != "" {
		body["day"] = day
	}
	var closed Day
	err := c.post(ctx, "/v1/days/close", body, &closed)
	return closed, err
}

// Days lists the closed days, oldest first.
func (c *Client) Days(ctx context.Context) ([]Day, error) {
	return rows[Day](ctx, c, "/v1/days", nil)
}

// ChainRows lists what the node wrote on the chain, oldest first. For the operator.
func (c *Client) ChainRows(ctx context.Context) ([]ChainRow, error) {
	return rows[ChainRow](ctx, c, "/v1/chain/rows", nil)
}
