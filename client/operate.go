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

// PeerRequest pins a peer.
type PeerRequest struct {
	// URL is scheme and host at which the peer serves its descriptor.
	URL string `json:"url"`
	// Thumbprint is the signing key that was compared with the peer's operator; empty accepts
	// what is served at first contact.
	Thumbprint string `json:"thumbprint,omitempty"`
	// Credit is what the peer may owe the node, per currency.
	Credit []money.Amount `json:"credit,omitempty"`
}

// AddPeer pins a peer's keys and gives it credit, or changes the credit. For the operator.
func (c *Client) AddPeer(ctx context.Context, r PeerRequest) (Peer, error) {
	var p Peer
	err := c.post(ctx, "/v1/peers", r, &p)
	return p, err
}

// Events lists what happened from a number on, oldest first: everything for the operator, their
// own for others. If there is nothing yet it waits at most so long. next is the from of the
// following call.
func (c *Client) Events(ctx context.Context, from uint64, limit int, wait time.Duration) (
	events []Event, next uint64, err error,
) {
	query := limited(limit)
	query.Set("from", strconv.FormatUint(from, 10))
	query.Set("wait", waiting(wait).Get("wait"))
	var body list[Event]
	if err := c.get(ctx, "/v1/events", query, &body); err != nil {
		return nil, from, err
	}
	next, err = strconv.ParseUint(body.Next, 10, 64)
	return body.Data, next, err
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
