package core

import (
	"seyfert/clearing"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/table"
	"seyfert/wire"
)

type (
	companyKind struct{}
	memberKind  struct{}
	noticeKind  struct{}
	messageKind struct{}
)

func (companyKind) Prefix() string { return "com" }
func (memberKind) Prefix() string  { return "mem" }
func (noticeKind) Prefix() string  { return "dep" }
func (messageKind) Prefix() string { return "msg" }

type (
	// CompanyID names a company hosted on the node.
	CompanyID = wire.ID[companyKind]
	// MemberID names a person or business that owns wallets on the node.
	MemberID = wire.ID[memberKind]
	// DepositID names a deposit that a rail announced.
	DepositID = wire.ID[noticeKind]
	// MessageID names a message between two nodes.
	MessageID = wire.ID[messageKind]
)

// NodeRow is the one row about the node itself. Setup comes from the first command; the rest
// is where the state stands.
type NodeRow struct {
	DID        string           `cbor:"1,keyasint"`
	Network    string           `cbor:"2,keyasint"`
	Currencies []money.Currency `cbor:"3,keyasint"`
	Thresholds []money.Amount   `cbor:"4,keyasint"`
	Descriptor string           `cbor:"5,keyasint"`
	Serial     uint32           `cbor:"6,keyasint"`
	TipHeight  int64            `cbor:"7,keyasint"`
	TipHash    [32]byte         `cbor:"8,keyasint"`
	LastSeq    uint64           `cbor:"9,keyasint"` // last number given to an event
	ChainSeq   uint64           `cbor:"10,keyasint"`
	LastSize   uint64           `cbor:"11,keyasint"` // size of the newest checkpoint
	LastDay    uint32           `cbor:"12,keyasint"`
	Peers      uint32           `cbor:"13,keyasint"`
}

// Cursor says how far the state has come. It is written with each entry and is not part of
// what the state hash covers, since it holds that hash.
type Cursor struct {
	Index     uint64   `cbor:"1,keyasint"`
	Time      int64    `cbor:"2,keyasint"`
	StateHash [32]byte `cbor:"3,keyasint"`
	Records   uint64   `cbor:"4,keyasint"`
	Leaves    int64    `cbor:"5,keyasint"`
}

// CompanyRow is a company. Alias is the name that offers pay to; it says nothing about the
// company's accounts.
type CompanyRow struct {
	ID      CompanyID `cbor:"1,keyasint"`
	Name    string    `cbor:"2,keyasint"`
	Alias   string    `cbor:"3,keyasint"`
	Created int64     `cbor:"4,keyasint"`
}

// MemberRow is a member. The name is sealed with the member's own key, which is kept outside
// the journal, so that destroying the key erases the name everywhere.
type MemberRow struct {
	ID         MemberID `cbor:"1,keyasint"`
	SealedName []byte   `cbor:"2,keyasint"`
	Created    int64    `cbor:"3,keyasint"`
}

// Uses of a credential.
const (
	// UseKey is an API key, UseSession a signed-in browser, UseCode a one-time sign-in code.
	UseKey     = "key"
	UseSession = "session"
	UseCode    = "code"
)

// CredentialRow is a key, session or code, known by the hash of its secret alone.
type CredentialRow struct {
	Hash    [32]byte              `cbor:"1,keyasint"`
	Use     string                `cbor:"2,keyasint"`
	Kind    journal.PrincipalKind `cbor:"3,keyasint"`
	Subject string                `cbor:"4,keyasint"`
	Created int64                 `cbor:"5,keyasint"`
	Expires int64                 `cbor:"6,keyasint"`
	Revoked bool                  `cbor:"7,keyasint"`
}

// Purposes of ledger accounts.
const (
	PurposeWallet     = "wallet"
	PurposeNostro     = "nostro"
	PurposeSuspense   = "suspense"
	PurposePayable    = "payable"
	PurposeReceivable = "receivable"
	PurposeInFlight   = "in flight"
)

// OwnerNode owns the node's own accounts.
const OwnerNode = "node"

// AccountRow says whose a ledger account is and what it is for. Detail is the peer or the rail
// of the node's own accounts.
type AccountRow struct {
	ID       ledger.AccountID `cbor:"1,keyasint"`
	Owner    string           `cbor:"2,keyasint"`
	Purpose  string           `cbor:"3,keyasint"`
	Detail   string           `cbor:"4,keyasint"`
	Currency money.Currency   `cbor:"5,keyasint"`
	Created  int64            `cbor:"6,keyasint"`
}

// VirtualRow is a virtual account: a number at a bank that outside money can be sent to.
type VirtualRow struct {
	Rail     string           `cbor:"1,keyasint"`
	Bank     string           `cbor:"2,keyasint"`
	Number   string           `cbor:"3,keyasint"`
	Currency money.Currency   `cbor:"4,keyasint"`
	Account  ledger.AccountID `cbor:"5,keyasint"`
	Owner    string           `cbor:"6,keyasint"`
	Created  int64            `cbor:"7,keyasint"`
}

// DepositRow is one deposit that a rail announced; Notice is the rail's own id of it.
type DepositRow struct {
	ID       DepositID         `cbor:"1,keyasint"`
	Rail     string            `cbor:"2,keyasint"`
	Notice   string            `cbor:"3,keyasint"`
	Bank     string            `cbor:"4,keyasint"`
	Number   string            `cbor:"5,keyasint"`
	Amount   money.Amount      `cbor:"6,keyasint"`
	Account  ledger.AccountID  `cbor:"7,keyasint"`
	Owner    string            `cbor:"8,keyasint"`
	Transfer ledger.TransferID `cbor:"9,keyasint"`
	At       int64             `cbor:"10,keyasint"`
	Hash     [32]byte          `cbor:"11,keyasint"`
}

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

// LeafRow is one audit leaf: what is hashed into the journal tree.
type LeafRow struct {
	Kind uint16   `cbor:"1,keyasint"`
	Salt [32]byte `cbor:"2,keyasint"`
	Data []byte   `cbor:"3,keyasint"`
}

// DayRow is one closed day: the checkpoint over the journal tree and its anchor.
type DayRow struct {
	Day    uint32   `cbor:"1,keyasint"`
	Size   uint64   `cbor:"2,keyasint"`
	Root   [32]byte `cbor:"3,keyasint"`
	Origin string   `cbor:"4,keyasint"`
	Note   string   `cbor:"5,keyasint"`
	Row    string   `cbor:"6,keyasint"`
	Closed int64    `cbor:"7,keyasint"`
}

// EventRow is one line of what happened, for people and for streams. It holds no personal
// data: Subject is an id.
type EventRow struct {
	Seq     uint64       `cbor:"1,keyasint"`
	At      int64        `cbor:"2,keyasint"`
	Kind    string       `cbor:"3,keyasint"`
	Amount  money.Amount `cbor:"4,keyasint"`
	Subject string       `cbor:"5,keyasint"`
	Offer   string       `cbor:"6,keyasint"` // ties both nodes' events of one payment together
	Peer    string       `cbor:"7,keyasint"`
	Owner   string       `cbor:"8,keyasint"` // company or member that may see it; empty: operator
}

// replayRow is the answer that a repeated idempotency id gets again.
type replayRow struct {
	Kind   uint16   `cbor:"1,keyasint"`
	Hash   [32]byte `cbor:"2,keyasint"`
	Answer []byte   `cbor:"3,keyasint"`
}

// schema is every table of a node. Prefix bytes are part of the format and never reused.
type schema struct {
	node        table.Table[struct{}, NodeRow]
	cursor      table.Table[struct{}, Cursor]
	replays     table.Table[[32]byte, replayRow]
	companies   table.Table[CompanyID, CompanyRow]
	members     table.Table[MemberID, MemberRow]
	credentials table.Table[[32]byte, CredentialRow]
	accounts    table.Table[ledger.AccountID, AccountRow]
	byOwner     table.Index[AccountRow]
	virtuals    table.Table[VirtualKey, VirtualRow]
	byHolder    table.Index[VirtualRow]
	deposits    table.Table[NoticeKey, DepositRow]
	depositsOf  table.Index[DepositRow]
	offers      table.Table[payment.OfferID, OfferRow]
	offersOf    table.Index[OfferRow]
	orders      table.Table[payment.OrderID, OrderRow]
	byHandle    table.Index[OrderRow]
	ordersOf    table.Index[OrderRow]
	byHold      table.Index[OrderRow]
	byOffer     table.Index[OrderRow]
	claims      table.Table[payment.ClaimID, ClaimRow]
	byQuote     table.Index[ClaimRow]
	claimsOf    table.Index[ClaimRow]
	peers       table.Table[string, PeerRow]
	byKey       table.Index[PeerRow]
	channels    table.Table[string, ChannelRow]
	sent        table.Table[MessageKey, MessageRow]
	received    table.Table[MessageKey, MessageRow]
	transfers   table.Table[clearing.TransferID, TransferRow]
	positions   table.Table[PositionKey, PositionRow]
	chain       table.Table[string, ChainRow]
	chainOpen   table.Index[ChainRow]
	chainSeq    table.Index[ChainRow]
	bySpent     table.Index[ChainRow]
	leaves      table.Table[uint64, LeafRow]
	hashes      table.Table[uint64, [32]byte]
	days        table.Table[uint32, DayRow]
	daysBySize  table.Index[DayRow]
	daysDown    table.Index[DayRow]
	daysOpen    table.Index[DayRow]
	events      table.Table[uint64, EventRow]
	eventsBy    table.Index[EventRow]
}

// VirtualKey finds a virtual account by where money was sent.
type VirtualKey struct{ Rail, Bank, Number string }

// NoticeKey finds a deposit by the rail's own id.
type NoticeKey struct{ Rail, Notice string }

// MessageKey finds a message in one direction of a channel.
type MessageKey struct {
	Peer string
	Seq  uint64
}

// PositionKey finds a position.
type PositionKey struct {
	Peer, Direction string
	Currency        money.Currency
	Due             uint16
}
