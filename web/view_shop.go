package web

import (
	"time"

	"seyfert/money"
)

// Shop is the demo shop's window and basket.
type Shop struct {
	Frame
	Name   Party
	Goods  []Good
	Basket []Line
	Total  money.Amount
	Put    string // where a good goes into or out of the basket: posts "good", "do" = add, drop
	Pay    string // where the pay button posts to
	Orders []ShopOrderLine
}

func (*Shop) page() string { return "shop" }

// Good is something the shop sells. Its name is the message "good.<ID>", its picture the
// template "pic-<ID>".
type Good struct {
	ID       string
	Price    money.Amount
	InBasket bool
}

// ShopOrderLine is an earlier order of this visitor.
type ShopOrderLine struct {
	Number string
	Amount money.Amount
	Status Status
	URL    string
}

// ShopOrder is what the shop shows of one order. It names no payer: the shop does not know.
type ShopOrder struct {
	Frame
	Name      Party
	Number    string
	Status    Status
	Lines     []Line
	Amount    money.Amount
	Reference string // of the payment; empty before it is paid
	At        time.Time
	PayURL    string // link to the open checkout; empty when there is nothing to pay
}

func (*ShopOrder) page() string { return "order" }

// CheckoutState is where a checkout stands.
type CheckoutState string

// The states. Only CheckoutWaiting and CheckoutApproved change by themselves.
const (
	CheckoutWaiting  CheckoutState = "waiting"
	CheckoutApproved CheckoutState = "approved"
	CheckoutPaid     CheckoutState = "paid"
	CheckoutExpired  CheckoutState = "expired"
)

// Checkout is the page between shop and wallet, at the shop's node.
type Checkout struct {
	Frame
	State       CheckoutState
	Shop        Party
	CheckedBy   string
	Lines       []Line
	Amount      money.Amount
	Offer       string
	Now         time.Time
	Expires     time.Time
	Whole       time.Duration
	Link        string      // this page, drawn as a QR code and offered to copy
	Wallet      *WalletDoor // the wallet that the customer named; nil before
	Node        string      // what was typed as the wallet's node
	NodeRefused bool        // it is no node's address
	Continue    string      // this page again, with the wallet's node as "node"
	ShopURL     string      // back to the shop; may be empty
}

func (*Checkout) page() string { return "checkout" }

// Live says whether the page still has to move on by itself.
func (c *Checkout) Live() bool {
	return !c.NodeRefused && (c.State == CheckoutWaiting || c.State == CheckoutApproved)
}

// WalletDoor is a wallet that this browser can go to directly.
type WalletDoor struct {
	Node string
	URL  string // where it approves this offer
	Home string // the wallet
}

// World is the sandbox's first page.
type World struct {
	Frame
	Now      time.Time
	Runs     bool // the clock runs; a test clock stands still until it is moved
	Doors    []Door
	Mine     string // forms that post there; empty leaves the button out
	CloseDay string
	Deposit  string // lets the bank pay Top into the customer's account
	Top      money.Amount
	Nodes    []WorldNode
	Moving   *Moving // the payment in flight or the last one; nil before the first
	Network  string  // such as "regtest"
	NextMark []BlockMark
	Blocks   []Block // newest first
	Log      []Event // newest first
	Attach   Attach
}

func (*World) page() string { return "world" }

// Door is a link at the top of the world; the first is the primary one.
type Door struct {
	Key  string
	Icon string
	URL  string
}

// WorldNode is a node as the world shows it.
type WorldNode struct {
	Name    string // its short name, such as "seoul"
	Owner   Party  // the institution
	Tone    string // "a" to "d"
	Status  Status
	Wallets []WorldWallet
	More    int    // owners that are not in Wallets
	Least   bool   // there may be even more than More
	Entries uint64 // journal entries
	Anchor  *AnchorFact
	Block   string // URL of the anchor's block; empty where there is none
	Owes    []Owed
	Links   []Door
}

// WorldWallet is one owner's money on a node.
type WorldWallet struct {
	Owner    Party
	URL      string // empty where there is no page
	Balances []WorldBalance
}

// WorldBalance is what a wallet has of one currency.
type WorldBalance struct {
	Amount money.Amount
	Ledger string // URL of the lines behind it
}

// Ledger is the history of one account, as its node has it in its books.
type Ledger struct {
	Frame
	Account string
	Lines   []LedgerLine // newest first
	Older   string       // URL of the page before; may be empty
}

func (*Ledger) page() string { return "ledger" }

// LedgerLine is one line of an account. Kind and Side are what the messages "ledger.kind." and
// "ledger.side." end with; Balance is the posted balance after the line.
type LedgerLine struct {
	At       time.Time
	Kind     string
	Side     string
	Amount   money.Amount
	Balance  money.Amount
	Transfer string // what moved the money, at both its accounts; empty where none moved
}

// Owed is an obligation of a node to another.
type Owed struct {
	Peer   string
	Amount money.Amount
}

// Moving is a payment on its way through the lanes.
type Moving struct {
	ID      string
	URL     string
	Status  Status // Held and Sending while it is under way
	Amount  money.Amount
	To      Party // without a name where the page does not know it
	Lanes   [3]Lane
	Steps   []Step
	Current int // index of the step that happens now; len(Steps) when all are done
}

// Lane is one place that a payment passes.
type Lane struct {
	Name string
	Key  string // message key of what it is
}

// Moves says whether the payment is under way; what follows in the chain is its proof.
func (m *Moving) Moves() bool { return m.Status == Held || m.Status == Sending }

// Down is the height of the lanes that run down a phone's page, in units of their drawing.
func (m *Moving) Down() int { return downStep * len(m.Steps) }

// Step is one step of a payment, in lane 1 to 3.
type Step struct {
	Key   string // message "step.<Key>"
	Lane  int
	At    time.Time     // zero before it happened
	After time.Duration // since the step before; unused for the first
}

// Block is a block of the chain.
type Block struct {
	Height        int64
	URL           string // what is in it; empty where there is no page
	At            time.Time
	Transactions  int
	Confirmations int
	Tip           bool
	Marks         []BlockMark
}

// BlockMark is something of ours in a block: the message "block.<Key>" with its arguments.
type BlockMark struct {
	Level ProofLevel
	Key   string
	Args  []any
}

// Event is one line of the log: the message "event.<Key>" with its arguments.
type Event struct {
	At    time.Time
	Place string
	Key   string
	Args  []any
}

// Curl is a first request: an offer of the shop.
func (a Attach) Curl() string {
	return "curl -X POST " + a.API + "/v1/offers \\\n" +
		"  -H 'Authorization: Bearer " + a.Key + "' \\\n" +
		"  -H 'Idempotency-Key: basket-8841' \\\n" +
		"  -H 'Content-Type: application/json' \\\n" +
		"  -d '" + a.Body + "'"
}

// Attach is what a start-up needs to send its first request.
type Attach struct {
	API  string // base URL
	Key  string // a test key
	Body string // the request's JSON
}
