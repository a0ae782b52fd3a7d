package core

import (
	"reflect"
	"slices"

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
	Rule       uint16           `cbor:"14,keyasint"` // the rule version in force
}

// same says whether two versions of the row hold the same. Its lists are never changed in place.
func (r NodeRow) same(other NodeRow) bool {
	same := slices.Equal(r.Currencies, other.Currencies) &&
		slices.Equal(r.Thresholds, other.Thresholds)
	r.Currencies, r.Thresholds, other.Currencies, other.Thresholds = nil, nil, nil, nil
	return same && reflect.DeepEqual(r, other)
}

// Cursor says how far the state has come. It is written with each entry and is not part of
// what the state hash covers, since it holds that hash.
type Cursor struct {
	Index     uint64   `cbor:"1,keyasint"`
	Time      int64    `cbor:"2,keyasint"`
	StateHash [32]byte `cbor:"3,keyasint"`
	Records   uint64   `cbor:"4,keyasint"`
	Leaves    int64    `cbor:"5,keyasint"`
	Lines     uint64   `cbor:"6,keyasint"`
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
	// UseRecovery is a browser that came with a recovery code: it may add a passkey.
	UseRecovery = "recovery"
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
	// Code is the number in the node's chart of accounts, Name for people.
	Code uint16      `cbor:"7,keyasint"`
	Kind ledger.Kind `cbor:"8,keyasint"`
	Name string      `cbor:"9,keyasint"`
	// Flags and Limits are what an account of the books was opened with, so that the same
	// request again is known. What binds it now is in the ledger.
	Flags  ledger.Flags   `cbor:"10,keyasint,omitempty"`
	Limits *ledger.Limits `cbor:"11,keyasint,omitempty"`
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
	receivedIDs table.Table[messageName, uint64]
	transfers   table.Table[clearing.TransferID, TransferRow]
	positions   table.Table[PositionKey, PositionRow]
	chain       table.Table[string, ChainRow]
	chainOpen   table.Index[ChainRow]
	chainSeq    table.Index[ChainRow]
	bySpent     table.Index[ChainRow]
	leaves      table.Table[uint64, LeafRow]
	days        table.Table[uint32, DayRow]
	daysBySize  table.Index[DayRow]
	daysDown    table.Index[DayRow]
	daysOpen    table.Index[DayRow]
	events      table.Table[uint64, EventRow]
	eventsBy    table.Index[EventRow]
	metadata    table.Table[MetadataKey, MetadataRow]
	byReference table.Index[MetadataRow]
	newestID    table.Table[struct{}, newestRow]
	dated       table.Table[datedKey, int64]
	passkeys    table.Table[[32]byte, PasskeyRow]
	passkeysOf  table.Index[PasskeyRow]
	recoveries  table.Table[MemberID, RecoveryRow]
	byRecovery  table.Index[RecoveryRow]
	sessions    table.Table[[32]byte, SessionRow]
	sessionsOf  table.Index[SessionRow]
	approvals   table.Table[[32]byte, ApprovalRow]
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

// messageName finds the seq under which a peer's message was taken by the message's own id.
type messageName struct {
	Peer string
	ID   wire.UUID
}

// PositionKey finds a position.
type PositionKey struct {
	Peer, Direction string
	Currency        money.Currency
	Due             uint16
}
