package core

import (
	"seyfert/clearing"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// PeerRow is a node that this one trades with: its pinned keys and the credit it is given.
type PeerRow struct {
	DID        string            `cbor:"1,keyasint"`
	URL        string            `cbor:"2,keyasint"`
	Descriptor string            `cbor:"3,keyasint"`
	KeyID      string            `cbor:"4,keyasint"`
	Key        []byte            `cbor:"5,keyasint"`
	SealKey    []byte            `cbor:"6,keyasint"`
	Credit     []clearing.Credit `cbor:"7,keyasint"`
	Added      int64             `cbor:"8,keyasint"`
}

// ChannelRow is both hash chains with one peer.
type ChannelRow struct {
	SendSeq   uint64   `cbor:"1,keyasint"`
	SendHash  [32]byte `cbor:"2,keyasint"`
	Delivered uint64   `cbor:"3,keyasint"`
	RecvSeq   uint64   `cbor:"4,keyasint"`
	RecvHash  [32]byte `cbor:"5,keyasint"`
}

// MessageRow is one message, ours by its payload (the signer adds the signature) and theirs by
// the whole JWS, which is evidence.
type MessageRow struct {
	Seq     uint64   `cbor:"1,keyasint"`
	Hash    [32]byte `cbor:"2,keyasint"`
	Type    string   `cbor:"3,keyasint"`
	Payload []byte   `cbor:"4,keyasint"`
	JWS     string   `cbor:"5,keyasint"`
	Answer  string   `cbor:"6,keyasint"` // what was answered to a received message
	At      int64    `cbor:"7,keyasint"`
}

// Directions of a transfer.
const (
	Outgoing = "out"
	Incoming = "in"
)

// States of a transfer (protocol.md B3).
const (
	TransferPrepared  = "prepared"  // payer: sent, hold bound
	TransferFulfilled = "fulfilled" // payee: accepted and preimage given
	TransferCleared   = "cleared"   // both: the obligation stands
	TransferRejected  = "rejected"  // payee: refused
	TransferVoid      = "void"      // payer: rejected by the payee
)

// TransferRow is one transfer with a peer. The seqs say where its messages stand in the
// channel, so that evidence can be exported.
type TransferRow struct {
	ID         clearing.TransferID `cbor:"1,keyasint"`
	Direction  string              `cbor:"2,keyasint"`
	Peer       string              `cbor:"3,keyasint"`
	Amount     money.Amount        `cbor:"4,keyasint"`
	State      string              `cbor:"5,keyasint"`
	Prepare    clearing.Prepare    `cbor:"6,keyasint"`
	Fulfil     clearing.Fulfil     `cbor:"7,keyasint"`
	Ack        clearing.Ack        `cbor:"8,keyasint"`
	Hold       ledger.HoldID       `cbor:"9,keyasint"`
	Order      payment.OrderID     `cbor:"10,keyasint"`
	Claim      payment.ClaimID     `cbor:"11,keyasint"`
	Offer      payment.OfferID     `cbor:"12,keyasint"`
	PrepareSeq uint64              `cbor:"13,keyasint"`
	FulfilSeq  uint64              `cbor:"14,keyasint"`
	AckSeq     uint64              `cbor:"15,keyasint"`
	Thread     string              `cbor:"16,keyasint"`
	Leaf       int64               `cbor:"17,keyasint"` // index of the cleared leaf, if cleared
	Created    int64               `cbor:"18,keyasint"`
	Cleared    int64               `cbor:"19,keyasint"`
	Company    CompanyID           `cbor:"20,keyasint"`
}

// PositionRow sums what cleared in one direction with one peer, per currency and due date.
type PositionRow struct {
	Peer      string         `cbor:"1,keyasint"`
	Direction string         `cbor:"2,keyasint"`
	Currency  money.Currency `cbor:"3,keyasint"`
	Due       uint16         `cbor:"4,keyasint"`
	Total     money.Amount   `cbor:"5,keyasint"`
	ClearSeq  uint32         `cbor:"6,keyasint"`
}

// States of a chain row.
const (
	ChainReady     = "ready"
	ChainStarted   = "started" // an attempt was committed; its outcome is not known
	ChainSent      = "sent"
	ChainConfirmed = "confirmed"
)

// ChainRow is one thing to write on the Bitcoin chain. Core fixes the plain text; the signer
// picks the coin, seals and signs, and the outcome comes back as commands.
type ChainRow struct {
	ID    string          `cbor:"1,keyasint"`
	Seq   uint64          `cbor:"2,keyasint"`
	Type  wire.RecordType `cbor:"3,keyasint"`
	Plain []byte          `cbor:"4,keyasint"`
	// Peer and Due choose the channel keys of a sealed record.
	Peer string `cbor:"5,keyasint"`
	Due  uint16 `cbor:"6,keyasint"`
	// Day is set for daily anchors, Transfer for records.
	Day      uint32              `cbor:"7,keyasint"`
	Transfer clearing.TransferID `cbor:"8,keyasint"`
	State    string              `cbor:"9,keyasint"`
	Attempts uint32              `cbor:"10,keyasint"`
	Lease    int64               `cbor:"11,keyasint"`
	Raw      []byte              `cbor:"12,keyasint"`
	TxID     [32]byte            `cbor:"13,keyasint"`
	Outpoint [36]byte            `cbor:"14,keyasint"`
	Height   int64               `cbor:"15,keyasint"`
	Block    [32]byte            `cbor:"16,keyasint"`
	Created  int64               `cbor:"17,keyasint"`
	// From is the tip when the first attempt started. Search says that the transaction became
	// known by a repeated attempt: blocks above From were read without looking for it.
	From   int64 `cbor:"18,keyasint"`
	Search bool  `cbor:"19,keyasint"`
}
