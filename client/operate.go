package client

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"seyfert/money"
)

// Peers lists the peers and what stands between the node and each. For the operator.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	return rows[Peer](ctx, c, "/v1/peers", nil)
}

// PeerTerms is what the operator agrees with a peer.
type PeerTerms struct {
	// URL is scheme and host at which the peer serves its descriptor.
	URL string `json:"url"`
	// Thumbprint is the signing key that was compared with the peer's operator; empty accepts
	// what is served at first contact.
	Thumbprint string `json:"thumbprint,omitempty"`
	// Credit is what the peer may owe the node, per currency.
	Credit []money.Amount `json:"credit,omitempty"`
}

// AddPeer pins a peer's keys and gives it credit, or changes the credit. For the operator.
func (c *Client) AddPeer(ctx context.Context, r PeerTerms) (Peer, error) {
	var p Peer
	err := c.post(ctx, "/v1/peers", r, &p)
	return p, err
}

// Events lists what happened from a number on, oldest first, at most limit (0: as many as the
// node likes): everything for the operator, their own for others. Seq+1 of the last event is
// the from of the following page.
func (c *Client) Events(ctx context.Context, from uint64, limit int) ([]Event, error) {
	return c.WaitEvents(ctx, from, limit, 0)
}

// WaitEvents is Events, but if there is nothing yet it waits for it, at most so long and
// WaitMax.
func (c *Client) WaitEvents(ctx context.Context, from uint64, limit int, wait time.Duration) (
	[]Event, error,
) {
	query := limited(limit)
	query.Set("from", strconv.FormatUint(from, 10))
	query.Set("wait", waiting(wait).Get("wait"))
	return rows[Event](ctx, c, "/v1/events", query)
}

// Status is the node at a glance. For the operator.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.get(ctx, "/v1/status", nil, &s)
	return s, err
}

// Health says how many entries the node's journal has, if it answers at all.
func (c *Client) Health(ctx context.Context) (index uint64, err error) {
	var body struct {
		Index uint64 `json:"index"`
	}
	err = c.get(ctx, "/healthz", nil, &body)
	return body.Index, err
}

// Descriptor gets the node's own signed descriptor, a JWS.
func (c *Client) Descriptor(ctx context.Context) (string, error) {
	data, err := c.bytes(ctx, call{
		method: http.MethodGet, path: "/.well-known/seyfert-node",
	})
	return string(data), err
}
