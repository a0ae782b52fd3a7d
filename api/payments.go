package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
)

const tagPayments = "payments"

// newOffer is the body of POST /v1/offers.
type newOffer struct {
	Amount    money.Amount `json:"amount"`
	Basket    []node.Line  `json:"basket,omitempty" maxItems:"64"`
	PayeeKey  string       `json:"payee_key" minLength:"43" maxLength:"43"`
	Origins   []string     `json:"origins,omitempty" maxItems:"8"`
	ReturnURL string       `json:"return_url,omitempty" maxLength:"512"`
	ExpiresIn int64        `json:"expires_in,omitempty" minimum:"1" maximum:"86400" default:"180"`
}

// signedOffer is a body with an offer as its node signed it.
type signedOffer struct {
	Offer string `json:"offer" minLength:"1" maxLength:"8192" doc:"the offer's JWS"`
}

// newClaim is the body of POST /v1/claims.
type newClaim struct {
	ID        string       `json:"id" minLength:"30" maxLength:"30"`
	Receipt   string       `json:"receipt" minLength:"1" maxLength:"4096"`
	Offer     string       `json:"offer" minLength:"1" maxLength:"8192" doc:"the offer's JWS"`
	Amount    money.Amount `json:"amount"`
	Signature string       `json:"signature" minLength:"86" maxLength:"86"`
}

func (g *gate) mountPayments() {
	register(g, operation{
		id: "createOffer", method: http.MethodPost, path: "/v1/offers", tag: tagPayments,
		summary: "Sign an offer", status: http.StatusCreated, roles: []role{company},
	}, g.createOffer)
	register(g, operation{
		id: "listOffers", method: http.MethodGet, path: "/v1/offers", tag: tagPayments,
		summary: "List the company's offers, newest first", roles: []role{company},
	}, func(ctx context.Context, in *Page) (*answer[list[node.Offer]], error) {
		rows, err := g.node.Offers(callerOf(ctx), in.Limit)
		for i := range rows {
			rows[i] = g.withCheckout(rows[i])
		}
		return respondList(rows, err)
	})
	register(g, operation{
		id: "getOffer", method: http.MethodGet, path: "/v1/offers/{id}", tag: tagPayments,
		summary: "Read an offer; whoever has its id may, it names no payer and no basket",
	}, func(_ context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[node.Offer], error) {
		offer, err := g.node.Offer(in.ID)
		return respond(g.withCheckout(offer), renamed(err, map[string]string{"offer": "id"}))
	})
	register(g, operation{
		id: "readOffer", method: http.MethodPost, path: "/v1/offers/read", tag: tagPayments,
		summary: "Read a signed offer of any node before approving it", roles: []role{member},
	}, func(_ context.Context, in *struct{ Body signedOffer }) (*answer[node.OfferTerms], error) {
		return respond(g.node.ReadOffer(in.Body.Offer))
	})
	g.mountOrders()
	register(g, operation{
		id: "createClaim", method: http.MethodPost, path: "/v1/claims", tag: tagPayments,
		summary: "Claim the money of a receipt and wait for the answer", roles: []role{company},
	}, g.createClaim)
	register(g, operation{
		id: "getClaim", method: http.MethodGet, path: "/v1/claims/{id}", tag: tagPayments,
		summary: "Read a claim, or wait for its end", roles: []role{company},
	}, func(ctx context.Context, in *struct {
		Waiting
		ID string `path:"id"`
	},
	) (*answer[node.Claim], error) {
		by := callerOf(ctx)
		ctx, cancel := in.within(ctx)
		defer cancel()
		claim, err := g.node.WaitClaim(ctx, by, in.ID)
		return respond(claim, renamed(err, map[string]string{"claim": "id"}))
	})
}

func (g *gate) mountOrders() {
	register(g, operation{
		id: "createOrder", method: http.MethodPost, path: "/v1/orders", tag: tagPayments,
		summary: "Approve an offer by session, on regtest and without a passkey (else 403): the " +
			"money is held and a receipt made",
		status: http.StatusCreated, roles: []role{member},
	}, g.createOrder)
	register(g, operation{
		id: "listOrders", method: http.MethodGet, path: "/v1/orders", tag: tagPayments,
		summary: "List the member's orders, newest first", roles: []role{member},
	}, func(ctx context.Context, in *Page) (*answer[list[node.Order]], error) {
		return respondList(g.node.Orders(callerOf(ctx), in.Limit))
	})
	register(g, operation{
		id: "getOrder", method: http.MethodGet, path: "/v1/orders/{id}", tag: tagPayments,
		summary: "Read an order", roles: []role{member},
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[node.Order], error) {
		order, err := g.node.Order(callerOf(ctx), in.ID)
		return respond(order, renamed(err, map[string]string{"order": "id"}))
	})
}

func (g *gate) createOffer(ctx context.Context, in *struct {
	Idempotent
	Body newOffer
},
) (*answer[node.Offer], error) {
	request, err := in.request("createOffer", in.Body)
	if err != nil {
		return nil, err
	}
	offer, err := g.node.CreateOffer(ctx, callerOf(ctx), request, node.OfferRequest{
		Amount: in.Body.Amount, Basket: in.Body.Basket, PayeeKey: in.Body.PayeeKey,
		Origins: in.Body.Origins, ReturnURL: in.Body.ReturnURL,
		Life: time.Duration(in.Body.ExpiresIn) * time.Second,
	})
	return respond(g.withCheckout(offer), renamed(err, map[string]string{"offer.exp": "expires_in"}))
}

// renamed gives the field of this API where an error of the node names a field of what the
// request becomes: the signed offer, the claim between nodes, the deposit.
func renamed(err error, names map[string]string) error {
	refused, ok := fault.Of(err)
	if !ok {
		return err
	}
	field, known := names[refused.Field]
	if !known {
		if field, known = strings.CutPrefix(refused.Field, "offer."); !known {
			return err
		}
	}
	return refused.At(field)
}

// withCheckout adds the address at which a customer pays the offer.
func (g *gate) withCheckout(offer node.Offer) node.Offer {
	if g.cfg.CheckoutURL != nil && offer.ID != "" {
		offer.Checkout = g.cfg.CheckoutURL(offer.ID)
	}
	return offer
}

func (g *gate) createOrder(ctx context.Context, in *struct {
	Idempotent
	Body signedOffer
},
) (*answer[node.Order], error) {
	request, err := in.request("createOrder", in.Body)
	if err != nil {
		return nil, err
	}
	return respond(g.node.Approve(ctx, callerOf(ctx), request, in.Body.Offer))
}

func (g *gate) createClaim(ctx context.Context, in *struct {
	Waiting
	Body newClaim
},
) (*answer[node.Claim], error) {
	by := callerOf(ctx)
	if in.Body.Amount.IsZero() {
		return nil, fault.New(fault.Invalid, "amount", "The amount is zero.")
	}
	claim, err := g.node.SubmitClaim(ctx, by, node.ClaimRequest{
		ID: in.Body.ID, Receipt: in.Body.Receipt, Offer: in.Body.Offer,
		Amount: in.Body.Amount, Signature: in.Body.Signature,
	})
	if err != nil {
		return nil, renamed(err, map[string]string{"claim_id": "id"})
	}
	ctx, cancel := in.within(ctx)
	defer cancel()
	waited, err := g.node.WaitClaim(ctx, by, claim.ID)
	if errors.Is(err, context.Canceled) {
		return respond(claim, nil)
	}
	return respond(waited, err)
}
