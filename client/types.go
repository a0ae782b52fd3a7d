package client

import (
	"time"

	"seyfert/money"
)

// Company is a company hosted on the node.
type Company struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Alias   string    `json:"alias"`
	Created time.Time `json:"created_at"`
}

// Member is a member of the node.
type Member struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
}

// VirtualAccount is a number that outside money can be sent to.
type VirtualAccount struct {
	Rail     string `json:"rail"`
	Bank     string `json:"bank"`
	Number   string `json:"number"`
	Currency string `json:"currency"`
	Owner    string `json:"owner"`
	// Account is where money goes that is sent to the number: of the owner's books, or the wallet.
	Account string    `json:"account,omitempty"`
	Created time.Time `json:"created_at"`
}

// Balance is one currency of a wallet: Available is Posted less what holds reserve.
type Balance struct {
	Account   string       `json:"account"`
	Posted    money.Amount `json:"posted"`
	Held      money.Amount `json:"held"`
	Available money.Amount `json:"available"`
}

// Wallet is what a member or a company has on the node.
type Wallet struct {
	Owner    string           `json:"owner"`
	Balances []Balance        `json:"balances"`
	Virtual  []VirtualAccount `json:"virtual_accounts"`
}

// Available is what can be spent in a currency; ok is false if the wallet has none of it.
func (w Wallet) Available(c money.Currency) (amount money.Amount, ok bool) {
	for _, balance := range w.Balances {
		if balance.Available.Currency() == c {
			return balance.Available, true
		}
	}
	return money.Amount{}, false
}

// Deposit is money that came in over a rail.
type Deposit struct {
	ID      string       `json:"id"`
	Rail    string       `json:"rail"`
	Notice  string       `json:"notice"`
	Amount  money.Amount `json:"amount"`
	Owner   string       `json:"owner"`
	Created time.Time    `json:"created_at"`
	// Entry is its number in history, for EntryProof; Proof and Anchor are as in Transfer.
	Entry  uint64    `json:"entry"`
	Proof  string    `json:"proof"`
	Anchor *ChainRow `json:"anchor"`
}

// Entry is one line of an account's history. Side is "debit" or "credit", Balance the posted
// balance after the line.
type Entry struct {
	Number   uint64       `json:"number"`
	Account  string       `json:"account"`
	Transfer string       `json:"transfer"`
	Hold     string       `json:"hold"`
	Kind     string       `json:"kind"`
	Code     uint16       `json:"code"`
	Side     string       `json:"side"`
	Amount   money.Amount `json:"amount"`
	Balance  money.Signed `json:"balance"`
	At       time.Time    `json:"at"`
	// Effective is when moved money counts from; zero where none moved.
	Effective time.Time `json:"effective_at"`
}

// Line is one line of a basket.
type Line struct {
	Text   string       `json:"text"`
	Amount money.Amount `json:"amount"`
}

// Offer is an offer of a company. JWS is what a wallet needs to answer it. Basket and Salt are
// there for the company alone: the signed offer carries the hash of the two, so that the company
// can prove later what was bought and the payer's node does not learn it.
type Offer struct {
	ID        string       `json:"id"`
	Company   string       `json:"company"`
	Name      string       `json:"name"`
	Amount    money.Amount `json:"amount"`
	Basket    []Line       `json:"basket,omitempty"`
	Salt      string       `json:"basket_salt,omitempty"` // hexadecimal
	Alias     string       `json:"payee_alias"`
	Hash      string       `json:"hash"`
	JWS       string       `json:"offer"`
	ReturnURL string       `json:"return_url"`
	State     string       `json:"state"`
	Created   time.Time    `json:"created_at"`
	Expires   time.Time    `json:"expires_at"`
	Checkout  string       `json:"checkout_url"`
}

// OfferTerms is a signed offer as a wallet reads it before approving. Verified says that its
// signature holds under the key that the member's node has pinned for the shop's.
type OfferTerms struct {
	ID        string       `json:"id"`
	Node      string       `json:"node"`
	Name      string       `json:"name"`
	Amount    money.Amount `json:"amount"`
	ReturnURL string       `json:"return_url"`
	Expires   time.Time    `json:"expires_at"`
	Verified  bool         `json:"verified"`
}

// The states of an order.
const (
	OrderHeld    = "held"
	OrderBound   = "bound"
	OrderPaid    = "paid"
	OrderExpired = "expired"
	OrderVoid    = "void"
)

// Order is what a member approved. Receipt is the sealed token for the shop.
type Order struct {
	ID            string       `json:"id"`
	Offer         string       `json:"offer"`
	OfferHash     string       `json:"offer_hash"`
	Payee         string       `json:"payee"`
	PayeeNode     string       `json:"payee_node"`
	Amount        money.Amount `json:"amount"`
	State         string       `json:"state"`
	Receipt       string       `json:"receipt"`
	ReturnURL     string       `json:"return_url"`
	Created       time.Time    `json:"created_at"`
	Changed       time.Time    `json:"changed_at"`
	Expires       time.Time    `json:"expires_at"`
	Transfer      string       `json:"transfer"`
	Proof         string       `json:"proof"`
	Confirmations int64        `json:"confirmations"`
}

// The states of a claim.
const (
	ClaimPending  = "pending"
	ClaimPaid     = "paid"
	ClaimRefused  = "refused"
	ClaimConflict = "conflict"
)

// Claim is a shop's claim.
type Claim struct {
	ID       string       `json:"id"`
	Offer    string       `json:"offer"`
	Amount   money.Amount `json:"amount"`
	State    string       `json:"state"`
	Transfer string       `json:"transfer"`
	Created  time.Time    `json:"created_at"`
	Changed  time.Time    `json:"changed_at"`
}

// The states of the proof of a payment, in the order that they are reached.
const (
	ProofNone       = "none"
	ProofJournal    = "journal"
	ProofCheckpoint = "checkpoint"
	ProofAnchored   = "anchored"
	ProofConfirmed  = "confirmed"
)

// Transfer is a payment between two nodes.
type Transfer struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction"`
	Peer      string       `json:"peer"`
	Amount    money.Amount `json:"amount"`
	State     string       `json:"state"`
	Offer     string       `json:"offer"`
	Due       string       `json:"due"`
	ClearSeq  uint32       `json:"clear_seq"`
	Created   time.Time    `json:"created_at"`
	Cleared   *time.Time   `json:"cleared_at"`
	Record    *ChainRow    `json:"record"`
	Proof     string       `json:"proof"`
	Anchor    *ChainRow    `json:"anchor"`
}

// ChainRow is one thing that the node writes on the Bitcoin chain: a record or an anchor.
type ChainRow struct {
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	State         string `json:"state"`
	Network       string `json:"network"`
	TxID          string `json:"txid"`
	Height        int64  `json:"height"`
	Block         string `json:"block"`
	Confirmations int64  `json:"confirmations"`
	Peer          string `json:"peer"`
	Day           string `json:"day"`
}

// Day is one closed day of the node's calendar.
type Day struct {
	Day        string    `json:"day"`
	Size       uint64    `json:"size"`
	Root       string    `json:"root"`
	Checkpoint string    `json:"checkpoint"`
	Closed     time.Time `json:"closed_at"`
	Anchor     ChainRow  `json:"anchor"`
}

// Peer is a node that this one trades with, and what stands between them.
type Peer struct {
	DID        string     `json:"did"`
	URL        string     `json:"url"`
	Thumbprint string     `json:"thumbprint"`
	Books      []Position `json:"books"`
	Sent       uint64     `json:"sent"`
	Delivered  uint64     `json:"delivered"`
	Received   uint64     `json:"received"`
}

// Position is what stands between the node and a peer in one currency: Payable is what the node
// owes, Receivable what it is owed, InFlight what is reserved.
type Position struct {
	Currency   string        `json:"currency"`
	Payable    money.Amount  `json:"payable"`
	Receivable money.Amount  `json:"receivable"`
	InFlight   money.Amount  `json:"in_flight"`
	Limit      *money.Amount `json:"limit"`
}

// Status is the node at a glance.
type Status struct {
	DID        string    `json:"did"`
	Network    string    `json:"network"`
	Thumbprint string    `json:"thumbprint"`
	Index      uint64    `json:"index"`
	StateHash  string    `json:"state_hash"`
	Leaves     int64     `json:"leaves"`
	Time       time.Time `json:"time"`
	TipHeight  int64     `json:"tip_height"`
	Currencies []string  `json:"currencies"`
	LastDay    *Day      `json:"last_day"`
}

// Event is one line of what happened.
type Event struct {
	Seq     uint64        `json:"seq"`
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind"`
	Amount  *money.Amount `json:"amount"`
	Subject string        `json:"subject"`
	Offer   string        `json:"offer"`
	Peer    string        `json:"peer"`
}
