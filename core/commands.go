package core

import (
	"seyfert/clearing"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
)

// Kinds of commands. A number is part of the journal's format and is never reused; a changed
// meaning is a new version of the command.
const (
	KindConfigure      uint16 = 1
	KindDescribe       uint16 = 2
	KindTick           uint16 = 3
	KindAddCompany     uint16 = 10
	KindAddMember      uint16 = 11
	KindAddCredential  uint16 = 12
	KindEndCredential  uint16 = 13
	KindRedeemCode     uint16 = 14
	KindSignUp         uint16 = 15
	KindAddPasskey     uint16 = 16
	KindRemovePasskey  uint16 = 17
	KindUsePasskey     uint16 = 18
	KindSetRecovery    uint16 = 19
	KindOpenVirtual    uint16 = 20
	KindDeposit        uint16 = 21
	KindUseRecovery    uint16 = 22
	KindEndSessions    uint16 = 23
	KindCreateOffer    uint16 = 30
	KindApproveOrder   uint16 = 31
	KindSubmitClaim    uint16 = 32
	KindPasskeyOrder   uint16 = 33
	KindAddPeer        uint16 = 40
	KindReceive        uint16 = 41
	KindDelivered      uint16 = 42
	KindCloseDay       uint16 = 50
	KindSignCheckpoint uint16 = 51
	KindStartChain     uint16 = 52
	KindSentChain      uint16 = 53
	KindSeeChain       uint16 = 54
	KindOpenAccounts   uint16 = 60
	KindSetAccount     uint16 = 61
	KindPost           uint16 = 62
	KindAnnotate       uint16 = 63
	KindActivate       uint16 = 70
	KindCompare        uint16 = 71
)

// CommandVersion is the version of every command kind so far.
const CommandVersion = 1

// RuleVersion is the newest version of the rules that this program decides entries by. Which one
// is in force says the state: a newer one comes into force with a KindActivate, so that a journal
// replays for ever as it was decided at first.
const RuleVersion = RulePasskeys

// The rule versions. One that a released program wrote entries under is never changed.
const (
	// RuleFirst is what every journal begins with.
	RuleFirst = 1
	// RuleTreeInHash makes the state hash cover the root of the journal tree, so that replicas
	// which differ in nothing but a leaf are told apart at the next comparison and not at the
	// end of the day.
	RuleTreeInHash = 2
	// RulePasskeys knows the commands of passkeys, recovery codes and sessions, lists sessions,
	// and takes orders without a passkey from members alone who have none, on regtest.
	RulePasskeys = 3
	// RuleKeysBind binds the id of a batch's command to the whole batch.
	RuleKeysBind = 3
)

// Limits of one command.
const (
	// TextMax bounds names and other free text, in bytes.
	TextMax = 256
	// SeenMax bounds the chain rows that one KindSeeChain reports.
	SeenMax = 256
	// CreditsMax bounds the currencies that a peer is given credit in.
	CreditsMax = 64
	// PeersMax bounds the peers of a node.
	PeersMax = 10_000
	// DaysAheadMax is how far ahead of its time a day may be closed.
	DaysAheadMax = 31
	// ExpireMax bounds the holds that one entry expires; the rest follow with the next.
	ExpireMax = 1024
)

// Configure is the first command of every journal: what all replicas must agree on.
type Configure struct {
	DID        string           `cbor:"1,keyasint"`
	Network    string           `cbor:"2,keyasint"`
	Currencies []money.Currency `cbor:"3,keyasint"`
	// Thresholds are the amounts from which a transfer gets a chain record of its own.
	Thresholds []money.Amount `cbor:"4,keyasint"`
	Descriptor string         `cbor:"5,keyasint"`
	// OperatorKey is the hash of the first operator key, made by `seyfert init`.
	OperatorKey [32]byte `cbor:"6,keyasint"`
}

// Activate brings a newer rule version into force, from the next entry on.
type Activate struct {
	Rule uint16 `cbor:"1,keyasint"`
}

// Compare says what the leader's state hash was after an entry. A replica that had another one
// stops: its memory, its disk or its program is at fault.
type Compare struct {
	Index uint64   `cbor:"1,keyasint"`
	Hash  [32]byte `cbor:"2,keyasint"`
}

// Describe publishes a newer descriptor of the node.
type Describe struct {
	Descriptor string `cbor:"1,keyasint"`
	Serial     uint32 `cbor:"2,keyasint"`
}

// AddCompany opens a company with its first API key.
type AddCompany struct {
	ID      CompanyID `cbor:"1,keyasint"`
	Name    string    `cbor:"2,keyasint"`
	Alias   string    `cbor:"3,keyasint"`
	KeyHash [32]byte  `cbor:"4,keyasint"`
}

// AddMember opens a member. The name comes sealed.
type AddMember struct {
	ID         MemberID `cbor:"1,keyasint"`
	SealedName []byte   `cbor:"2,keyasint"`
}

// AddCredential adds a key, a session or a one-time code for a subject.
type AddCredential struct {
	Hash    [32]byte              `cbor:"1,keyasint"`
	Use     string                `cbor:"2,keyasint"`
	Kind    journal.PrincipalKind `cbor:"3,keyasint"`
	Subject string                `cbor:"4,keyasint"`
	Expires int64                 `cbor:"5,keyasint"`
}

// EndCredential revokes one.
type EndCredential struct {
	Hash [32]byte `cbor:"1,keyasint"`
}

// RedeemCode turns a one-time code into a session; the code is spent.
type RedeemCode struct {
	Code    [32]byte `cbor:"1,keyasint"`
	Session [32]byte `cbor:"2,keyasint"`
	Expires int64    `cbor:"3,keyasint"`
}

// OpenVirtual binds a bank-issued number to the wallet of an owner, or to an account of its books.
type OpenVirtual struct {
	Rail     string         `cbor:"1,keyasint"`
	Bank     string         `cbor:"2,keyasint"`
	Number   string         `cbor:"3,keyasint"`
	Currency money.Currency `cbor:"4,keyasint"`
	Owner    string         `cbor:"5,keyasint"`
	// Account is one of the owner's books, a liability; nil is the wallet.
	Account *ledger.AccountID `cbor:"6,keyasint,omitempty"`
}

// Deposit is a rail's notice of money that came in.
type Deposit struct {
	Rail   string       `cbor:"1,keyasint"`
	Notice string       `cbor:"2,keyasint"`
	Bank   string       `cbor:"3,keyasint"`
	Number string       `cbor:"4,keyasint"`
	Amount money.Amount `cbor:"5,keyasint"`
}

// CreateOffer records an offer that the node has signed, with the lines and the salt that the
// offer's basket hash is made of; both are empty if nothing is said of what is sold.
type CreateOffer struct {
	Company CompanyID      `cbor:"1,keyasint"`
	JWS     string         `cbor:"2,keyasint"`
	Basket  []payment.Line `cbor:"3,keyasint"`
	Salt    [16]byte       `cbor:"4,keyasint"`
}

// ApproveOrder holds the member's money for an offer. The receipt was sealed by the shell, and
// the offer's signature verified against the pinned key of its issuer.
type ApproveOrder struct {
	ID      payment.OrderID `cbor:"1,keyasint"`
	Member  MemberID        `cbor:"2,keyasint"`
	Offer   string          `cbor:"3,keyasint"`
	Handle  [16]byte        `cbor:"4,keyasint"`
	Receipt string          `cbor:"5,keyasint"`
	Hold    ledger.HoldID   `cbor:"6,keyasint"`
}

// SubmitClaim is a shop's claim with the quote that the node makes for it. Local holds the
// facts if the payer's node is this one.
type SubmitClaim struct {
	Company CompanyID      `cbor:"1,keyasint"`
	Claim   payment.Claim  `cbor:"2,keyasint"`
	Payer   string         `cbor:"3,keyasint"`
	Quote   clearing.Quote `cbor:"4,keyasint"`
	Local   *payment.Facts `cbor:"5,keyasint"`
	// KeySigned and OfferSigned are verified facts: the claim's signature under the offer's
	// payee key, and the offer under this node's own key.
	KeySigned   bool `cbor:"6,keyasint"`
	OfferSigned bool `cbor:"7,keyasint"`
}

// AddPeer pins a peer and sets the credit that this node gives it. A repeated AddPeer for a
// known peer changes the credit and the address only.
type AddPeer struct {
	DID        string            `cbor:"1,keyasint"`
	URL        string            `cbor:"2,keyasint"`
	Descriptor string            `cbor:"3,keyasint"`
	KeyID      string            `cbor:"4,keyasint"`
	Key        []byte            `cbor:"5,keyasint"`
	SealKey    []byte            `cbor:"6,keyasint"`
	Credit     []clearing.Credit `cbor:"7,keyasint"`
}

// Receive is one message of a peer, its signature verified, with what the shell found out.
type Receive struct {
	JWS string `cbor:"1,keyasint"`
	// Facts belong to a claim.present, Preimage to a transfer.prepare.
	Facts    *payment.Facts `cbor:"2,keyasint"`
	Preimage []byte         `cbor:"3,keyasint"`
	// Channel is the name of the channel in which this node owes the peer, in hex.
	Channel string `cbor:"4,keyasint"`
}

// Received is the answer to a Receive.
type Received struct {
	// Outcome is "accepted", "repeated" or "refused".
	Outcome string `cbor:"1,keyasint"`
	Code    string `cbor:"2,keyasint"`
	Detail  string `cbor:"3,keyasint"`
	// Seq and Hash are what the channel expects next to, if the message did not fit.
	Seq   uint64   `cbor:"4,keyasint"`
	Hash  [32]byte `cbor:"5,keyasint"`
	Other [32]byte `cbor:"6,keyasint"`
}

// Outcomes of a Receive.
const (
	OutcomeAccepted = "accepted"
	OutcomeRepeated = "repeated"
	OutcomeRefused  = "refused"
	OutcomeGap      = "gap"
	OutcomeFork     = "fork"
)

// Delivered says that a peer has accepted our messages up to Seq.
type Delivered struct {
	Peer string `cbor:"1,keyasint"`
	Seq  uint64 `cbor:"2,keyasint"`
}

// CloseDay fixes the journal tree's checkpoint for a day (days since 1970, node's calendar).
type CloseDay struct {
	Day uint32 `cbor:"1,keyasint"`
}

// SignCheckpoint brings the signed note of a closed day's checkpoint.
type SignCheckpoint struct {
	Day  uint32 `cbor:"1,keyasint"`
	Note string `cbor:"2,keyasint"`
}

// StartChain commits that an attempt to write a row on the chain begins, before a byte leaves.
type StartChain struct {
	Row   string `cbor:"1,keyasint"`
	Lease int64  `cbor:"2,keyasint"` // Unix milliseconds after which no byte leaves
}

// SentChain brings the transaction that carries a row.
type SentChain struct {
	Row      string   `cbor:"1,keyasint"`
	Raw      []byte   `cbor:"2,keyasint"`
	TxID     [32]byte `cbor:"3,keyasint"`
	Outpoint [36]byte `cbor:"4,keyasint"`
}

// SeeChain reports a new tip and where rows stand in its branch. Height 0 takes back a
// confirmation that a reorganisation undid.
type SeeChain struct {
	Height int64    `cbor:"1,keyasint"`
	Hash   [32]byte `cbor:"2,keyasint"`
	Seen   []Seen   `cbor:"3,keyasint"`
}

// Seen is the place of one row's transaction.
type Seen struct {
	Row    string   `cbor:"1,keyasint"`
	Height int64    `cbor:"2,keyasint"`
	Block  [32]byte `cbor:"3,keyasint"`
}
