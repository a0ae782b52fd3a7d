package client

import (
	"context"
	"net/url"
	"time"

	"seyfert/money"
)

// OfferRequest asks a shop's node to sign an offer.
type OfferRequest struct {
	Amount money.Amount `json:"amount"`
	// Basket says what is sold; its lines add up to Amount. It may be empty. Its texts are on the
	// checkout page; in the signed offer stands a salted hash of it.
	Basket []Line `json:"basket,omitempty"`
	// PayeeKey is the shop's key as PayeeKey writes it: claims must be signed with it.
	PayeeKey string `json:"payee_key"`
	// Origins are the web origins that the offer may be shown at.
	Origins []string `json:"origins,omitempty"`
	// ReturnURL is where the receipt is brought; it is at one of the origins.
	ReturnURL string `json:"return_url,omitempty"`
	// ExpiresIn is the offer's life in seconds; zero leaves it to the node.
	ExpiresIn int `json:"expires_in,omitempty"`
}

// CreateOffer signs an offer of the caller. For companies.
func (c *Client) CreateOffer(ctx context.Context, r OfferRequest) (Offer, error) {
	var offer Offer
	err := c.create(ctx, "/v1/offers", r, &offer)
	return offer, err
}

// Offers lists the company's own offers, newest first, at most limit (0: as many as the node
// likes).
func (c *Client) Offers(ctx context.Context, limit int) ([]Offer, error) {
	return rows[Offer](ctx, c, "/v1/offers", limited(limit))
}

// Offer reads an offer. Anyone with its id may; it comes without the basket.
func (c *Client) Offer(ctx context.Context, id string) (Offer, error) {
	var offer Offer
	err := c.get(ctx, "/v1/offers/"+url.PathEscape(id), nil, &offer)
	return offer, err
}

// ReadOffer reads a signed offer of any node before approving it. For members.
func (c *Client) ReadOffer(ctx context.Context, jws string) (OfferTerms, error) {
	var terms OfferTerms
	err := c.post(ctx, "/v1/offers/read", map[string]string{"offer": jws}, &terms)
	return terms, err
}

// Approve approves a signed offer: the money is held and the receipt made. For members.
func (c *Client) Approve(ctx context.Context, jws string) (Order, error) {
	var order Order
	err := c.create(ctx, "/v1/orders", map[string]string{"offer": jws}, &order)
	return order, err
}

// Orders lists the member's own orders, newest first, at most limit (0: as many as the node
// likes).
func (c *Client) Orders(ctx context.Context, limit int) ([]Order, error) {
	return rows[Order](ctx, c, "/v1/orders", limited(limit))
}

// Order reads an order of the member.
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	var order Order
	err := c.get(ctx, "/v1/orders/"+url.PathEscape(id), nil, &order)
	return order, err
}

// SubmitClaim claims the money of a receipt and waits a while for the answer; the claim may
// still be pending then. A refusal is an answer and no error. For companies.
func (c *Client) SubmitClaim(ctx context.Context, r ClaimRequest) (Claim, error) {
	var claim Claim
	err := c.post(ctx, "/v1/claims", r, &claim)
	return claim, err
}

// Claim reads a claim of the company as it stands.
func (c *Client) Claim(ctx context.Context, id string) (Claim, error) {
	return c.claim(ctx, id, 0)
}

// WaitClaim asks until a claim is not pending any more or ctx ends.
func (c *Client) WaitClaim(ctx context.Context, id string) (Claim, error) {
	for {
		claim, err := c.claim(ctx, id, WaitMax)
		if err != nil || claim.State != ClaimPending {
			return claim, err
		}
		if err := ctx.Err(); err != nil {
			return claim, err
		}
	}
}

func (c *Client) claim(ctx context.Context, id string, wait time.Duration) (Claim, error) {
	var claim Claim
	err := c.get(ctx, "/v1/claims/"+url.PathEscape(id), waiting(wait), &claim)
	return claim, err
}
