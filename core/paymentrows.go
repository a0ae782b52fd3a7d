package core

import (
	"seyfert/clearing"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
)

// States of an offer.
const (
	OfferOpen    = "open"
	OfferClaimed = "claimed"
	OfferPaid    = "paid"
)

// OfferRow is an offer of one of the node's companies. Basket and Salt do not leave the node but
// to the company; Basket also to whoever opens the offer's checkout page.
type OfferRow struct {
	ID      payment.OfferID `cbor:"1,keyasint"`
	Company CompanyID       `cbor:"2,keyasint"`
	JWS     string          `cbor:"3,keyasint"`
	Hash    [32]byte        `cbor:"4,keyasint"`
	Amount  money.Amount    `cbor:"5,keyasint"`
	Expires int64           `cbor:"6,keyasint"`
	State   string          `cbor:"7,keyasint"`
	Created int64           `cbor:"8,keyasint"`
	PaidBy  payment.ClaimID `cbor:"9,keyasint"`
	Basket  []payment.Line  `cbor:"10,keyasint"`
	Salt    [16]byte        `cbor:"11,keyasint"`
}

// States of an order, seen by the member.
const (
	// OrderHeld: approved, the money is held, no claim has come.
	OrderHeld = "held"
	// OrderBound: a claim matched; the hold follows the transfer and no clock ends it.
	OrderBound = "bound"
	// OrderPaid: the hold was captured.
	OrderPaid = "paid"
	// OrderExpired: no claim came in time; the hold was given back.
	OrderExpired = "expired"
	// OrderVoid: the transfer was rejected; the hold was given back.
	OrderVoid = "void"
)

// OrderRow is what a member approved.
type OrderRow struct {
	ID        payment.OrderID     `cbor:"1,keyasint"`
	Member    MemberID            `cbor:"2,keyasint"`
	Offer     payment.OfferID     `cbor:"3,keyasint"`
	OfferHash [32]byte            `cbor:"4,keyasint"`
	Issuer    string              `cbor:"5,keyasint"`
	Payee     string              `cbor:"6,keyasint"`
	PayeeKey  []byte              `cbor:"7,keyasint"`
	Amount    money.Amount        `cbor:"8,keyasint"`
	Expires   int64               `cbor:"9,keyasint"` // Unix seconds
	Handle    [16]byte            `cbor:"10,keyasint"`
	Receipt   string              `cbor:"11,keyasint"`
	Hold      ledger.HoldID       `cbor:"12,keyasint"`
	State     string              `cbor:"13,keyasint"`
	Claim     payment.ClaimID     `cbor:"14,keyasint"`
	Digest    [32]byte            `cbor:"15,keyasint"`
	Transfer  clearing.TransferID `cbor:"16,keyasint"`
	Created   int64               `cbor:"17,keyasint"`
	Changed   int64               `cbor:"18,keyasint"`
	OfferJWS  string              `cbor:"19,keyasint"`
}

// States of a claim, seen by the shop.
const (
	ClaimPending  = "pending"
	ClaimPaid     = "paid"
	ClaimRefused  = "refused"
	ClaimConflict = "conflict"
)

// ClaimRow is a claim that one of the node's companies made.
type ClaimRow struct {
	ID       payment.ClaimID     `cbor:"1,keyasint"`
	Company  CompanyID           `cbor:"2,keyasint"`
	Offer    payment.OfferID     `cbor:"3,keyasint"`
	Payer    string              `cbor:"4,keyasint"`
	Amount   money.Amount        `cbor:"5,keyasint"`
	State    string              `cbor:"6,keyasint"`
	Quote    clearing.Quote      `cbor:"7,keyasint"`
	Transfer clearing.TransferID `cbor:"8,keyasint"`
	Created  int64               `cbor:"9,keyasint"`
	Changed  int64               `cbor:"10,keyasint"`
	Content  [32]byte            `cbor:"11,keyasint"` // hash of what the shop sent
}
