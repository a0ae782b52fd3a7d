package node

import (
	"time"

	"seyfert/money"
)

// The types below are what use cases answer, in the words of the API. Ids are texts with their
// prefix, times are UTC.

// Company is a company hosted on the node.
type Company struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Alias   string    `json:"alias" doc:"the name that offers pay to"`
	Created time.Time `json:"created_at"`
}

// Member is a member of the node; only the operator and the member see the name.
type Member struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
}

// VirtualAccount is a number that outside money can be sent to.
type VirtualAccount struct {
	Rail     string    `json:"rail"`
	Bank     string    `json:"bank"`
	Number   string    `json:"number"`
	Currency string    `json:"currency"`
	Owner    string    `json:"owner"`
	Account  string    `json:"account" doc:"where money goes that is sent to the number"`
	Created  time.Time `json:"created_at"`
}

// Balance is one currency of a wallet.
type Balance struct {
	Account string `json:"account"`
	// Posted is the ledger balance, Held what holds reserve of it, Available the rest.
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

// Deposit is money that came in over a rail.
type Deposit struct {
	ID      string       `json:"id"`
	Rail    string       `json:"rail"`
	Notice  string       `json:"notice"`
	Amount  money.Amount `json:"amount"`
	Owner   string       `json:"owner"`
	Created time.Time    `json:"created_at"`
	Entry   uint64       `json:"entry" doc:"its number in history, which has a proof"`
	Proof   string       `json:"proof" enum:"journal,checkpoint,anchored,confirmed"`
	Anchor  *ChainRow    `json:"anchor,omitempty" doc:"the anchor of the day that covers it"`
}

// Entry is one line of an account's history.
type Entry struct {
	Number   uint64       `json:"number"`
	Account  string       `json:"account"`
	Transfer string       `json:"transfer,omitempty"`
	Hold     string       `json:"hold,omitempty"`
	Kind     string       `json:"kind" doc:"posted, held, bound, captured, voided, expired, reversed"`
	Code     uint16       `json:"code" doc:"the reason, by the caller's own numbers"`
	Side     string       `json:"side" enum:"debit,credit"`
	Amount   money.Amount `json:"amount"`
	Balance  money.Signed `json:"balance" doc:"posted balance after this line"`
	At       time.Time    `json:"at" doc:"when it was recorded"`
	// Effective is when the money counts from.
	Effective time.Time `json:"effective_at,omitzero" doc:"when moved money counts from"`
}

// Offer is an offer of a company of this node. JWS is what a wallet needs to answer it. Basket
// and Salt are there for the company alone: with them it can prove later what was bought.
type Offer struct {
	ID        string       `json:"id"`
	Company   string       `json:"company"`
	Name      string       `json:"name" doc:"the company's name as the wallet shows it"`
	Amount    money.Amount `json:"amount"`
	Basket    []Line       `json:"basket,omitempty" doc:"for the company only"`
	Salt      string       `json:"basket_salt,omitempty" doc:"hexadecimal, for the company only"`
	Alias     string       `json:"payee_alias"`
	Hash      string       `json:"hash"`
	JWS       string       `json:"offer"`
	ReturnURL string       `json:"return_url"`
	State     string       `json:"state" enum:"open,claimed,paid,expired"`
	Created   time.Time    `json:"created_at"`
	Expires   time.Time    `json:"expires_at"`
	Checkout  string       `json:"checkout_url"`
}

// Line is one line of a basket.
type Line struct {
	Text   string       `json:"text"`
	Amount money.Amount `json:"amount"`
}

// Order is what a member approved. Receipt is the sealed token for the shop.
type Order struct {
	ID        string       `json:"id"`
	Offer     string       `json:"offer"`
	OfferHash string       `json:"offer_hash"`
	Payee     string       `json:"payee"`
	PayeeNode string       `json:"payee_node"`
	Amount    money.Amount `json:"amount"`
	State     string       `json:"state" enum:"held,bound,paid,expired,void"`
	Receipt   string       `json:"receipt"`
	ReturnURL string       `json:"return_url"`
	Created   time.Time    `json:"created_at"`
	Changed   time.Time    `json:"changed_at"`
	Expires   time.Time    `json:"expires_at"`
	// Transfer is the payment between the nodes, once a claim matched.
	Transfer string `json:"transfer,omitempty"`
	Proof    string `json:"proof" enum:"none,journal,checkpoint,anchored,confirmed"`
	// Confirmations counts blocks on top of the anchor's, itself included.
	Confirmations int64 `json:"confirmations"`
}

// OfferTerms is a signed offer as a wallet reads it before approving.
type OfferTerms struct {
	ID        string       `json:"id"`
	Node      string       `json:"node"`
	Name      string       `json:"name"`
	Amount    money.Amount `json:"amount"`
	ReturnURL string       `json:"return_url"`
	Expires   time.Time    `json:"expires_at"`
	// Verified says that the offer's signature holds under the key pinned for its node.
	Verified bool `json:"verified"`
}

// Claim is a shop's claim. Nothing in it is about the payer but the payer's node.
type Claim struct {
	ID       string       `json:"id"`
	Offer    string       `json:"offer"`
	Amount   money.Amount `json:"amount"`
	State    string       `json:"state" enum:"pending,paid,refused,conflict"`
	Transfer string       `json:"transfer,omitempty"`
	Created  time.Time    `json:"created_at"`
	Changed  time.Time    `json:"changed_at"`
}

// Transfer is a payment between two nodes.
type Transfer struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction" enum:"out,in"`
	Peer      string       `json:"peer"`
	Amount    money.Amount `json:"amount"`
	State     string       `json:"state" enum:"prepared,fulfilled,cleared,void,rejected"`
	Offer     string       `json:"offer"`
	Due       string       `json:"due" doc:"date on which the obligation is due"`
	ClearSeq  uint32       `json:"clear_seq"`
	Created   time.Time    `json:"created_at"`
	Cleared   *time.Time   `json:"cleared_at,omitempty"`
	Record    *ChainRow    `json:"record,omitempty" doc:"its encrypted record on the chain"`
	Proof     string       `json:"proof" enum:"none,journal,checkpoint,anchored,confirmed"`
	Anchor    *ChainRow    `json:"anchor,omitempty" doc:"the anchor of the day that covers it"`
}

// ChainRow is one thing that the node writes on the Bitcoin chain.
type ChainRow struct {
	ID            string `json:"id"`
	Kind          string `json:"kind" enum:"record,anchor"`
	State         string `json:"state" enum:"ready,started,sent,confirmed"`
	Network       string `json:"network"`
	TxID          string `json:"txid,omitempty"`
	Height        int64  `json:"height"`
	Block         string `json:"block,omitempty"`
	Confirmations int64  `json:"confirmations"`
	Peer          string `json:"peer,omitempty"`
	Day           string `json:"day,omitempty"`
}

// Day is one closed day.
type Day struct {
	Day        string    `json:"day" doc:"date in the node's calendar"`
	Size       uint64    `json:"size" doc:"leaves that the checkpoint covers"`
	Root       string    `json:"root"`
	Checkpoint string    `json:"checkpoint" doc:"the signed note; empty until it is signed"`
	Closed     time.Time `json:"closed_at"`
	Anchor     ChainRow  `json:"anchor"`
}

// Peer is a node that this one trades with.
type Peer struct {
	DID        string     `json:"did"`
	URL        string     `json:"url"`
	Thumbprint string     `json:"thumbprint"`
	Books      []Position `json:"books"`
	Sent       uint64     `json:"sent"`
	Delivered  uint64     `json:"delivered"`
	Received   uint64     `json:"received"`
}

// Position is what stands between the node and a peer in one currency.
type Position struct {
	Currency string `json:"currency"`
	// Payable is what this node owes, Receivable what it is owed, InFlight what is reserved.
	Payable    money.Amount `json:"payable"`
	Receivable money.Amount `json:"receivable"`
	InFlight   money.Amount `json:"in_flight"`
	// Limit is the credit that this node gives the peer.
	Limit *money.Amount `json:"limit,omitempty"`
}

// Status is the node at a glance.
type Status struct {
	DID        string    `json:"did"`
	Network    string    `json:"network"`
	Thumbprint string    `json:"thumbprint"`
	Index      uint64    `json:"index" doc:"entries in the journal"`
	StateHash  string    `json:"state_hash"`
	Leaves     int64     `json:"leaves"`
	Time       time.Time `json:"time" doc:"time of the newest entry"`
	TipHeight  int64     `json:"tip_height"`
	Currencies []string  `json:"currencies"`
	LastDay    *Day      `json:"last_day,omitempty"`
}

// Event is one line of what happened.
type Event struct {
	Seq     uint64        `json:"seq"`
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind"`
	Amount  *money.Amount `json:"amount,omitempty"`
	Subject string        `json:"subject"`
	Offer   string        `json:"offer,omitempty"`
	Peer    string        `json:"peer,omitempty"`
}
