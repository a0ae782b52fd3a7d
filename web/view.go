package web

import (
	"fmt"
	"net/url"
	"time"

	"seyfert/money"
)

// seenParam is the query parameter with which a poll says which version it shows.
const seenParam = "seen"

// Frame is what every page shows around its content. A handler sets the exported fields but
// Lang, which Render sets from the request.
type Frame struct {
	Lang    Lang   // the language of the answer
	Place   string // the node or place named in the bar, such as "seoul"
	Home    string // where the mark leads; empty where it leads nowhere
	Demo    bool   // the chain is a demo chain, whose proofs prove nothing outside
	Zone    string // the node's time zone as a reader knows it, such as "KST"; may be empty
	SignOut string // where a sign-out form posts to; empty without a session
	// Security is the page of passkeys and sessions; empty without a session.
	Security string
	Sandbox  string   // first page of the sandbox that this page belongs to; empty elsewhere
	Forms    []string // other origins that this page's forms lead to
	Version  string   // changes with what the page shows; empty on a page that does not poll

	here url.URL // the request's URL
}

func (f *Frame) frame() *Frame { return f }

// SwitchURL is this page in the other language.
func (f *Frame) SwitchURL() string { return f.with(langParam, string(f.Lang.other())) }

// PollURL is this page, for a browser that shows its present version.
func (f *Frame) PollURL() string { return f.with(seenParam, f.Version) }

// with is the page's own path and query with one parameter set; what an earlier poll or
// language switch added is left out.
func (f *Frame) with(param, value string) string {
	query := f.here.Query()
	query.Del(seenParam)
	query.Del(langParam)
	query.Set(param, value)
	return f.here.Path + "?" + query.Encode()
}

// Party is a person or a business as a reader sees it.
type Party struct {
	Name  string // in its own script, such as "神田紙店"
	Lang  string // language of Name ("ja"), empty where it needs none
	Latin string // a name in Latin letters beside it; may be empty
}

// Proof is how far the proof of something has grown.
type Proof struct {
	Level         ProofLevel
	Confirmations int // blocks on top of and including the anchor's; 0 before Anchored
}

// ProofLevel is a rung of the proof ladder.
type ProofLevel int

// The rungs, in order.
const (
	InJournal ProofLevel = iota
	Checkpointed
	Anchored
	Confirmed
)

// Status is a state that is told by shape, word and colour; see statusChips.
type Status string

// The states of this release's pages.
const (
	Paid     Status = "paid"
	Held     Status = "held"
	Sending  Status = "sending"
	Claimed  Status = "claimed"
	Waiting  Status = "waiting"
	Refunded Status = "refunded"
	Expired  Status = "expired"
	Declined Status = "declined"
	Received Status = "received"
	Healthy  Status = "healthy"
	Paying   Status = "paying"
	Stopped  Status = "stopped"
)

// Flow is the direction of an amount on its owner's page.
type Flow int

// The directions. Neutral amounts carry no sign.
const (
	Out     Flow = -1
	Neutral Flow = 0
	In      Flow = 1
)

// Line is one line of a basket or an offer.
type Line struct {
	Key    string // message key of the name, or
	Name   string // the name itself
	Note   string // message key of a second line; may be empty
	Amount money.Amount
}

// SignIn is the wallet's door: a one-time code, filled in or to be typed, and a button.
type SignIn struct {
	Frame
	Action  string // where the form posts "code" and "return"
	Code    string // from the link that was followed; may be empty
	Return  string // where to go afterwards
	Door    string // where a sandbox makes a code and leads back; empty elsewhere
	Refused bool   // the code just sent is not valid, or not any more
	Passkey *Doors // nil where browsers make no passkeys
	Wrong   bool   // the passkey just used does not hold
}

// Doors are where a passkey leads in.
type Doors struct {
	Action, Begin   string // post the ceremony's answer, and fetch its question
	SignUp, Recover string // pages
}

func (*SignIn) page() string { return "signin" }

// Problem says what happened, what did not happen to the money, and what to do.
type Problem struct {
	Frame
	Title     string // message key
	Text      string // message key
	RequestID string
	Back      string // where the one button leads
}

func (*Problem) page() string { return "problem" }

// WalletHome is a member's wallet: money, history, and ways in.
type WalletHome struct {
	Frame
	Owner    Party
	Purses   []Purse // the first is drawn large
	Days     []HistoryDay
	Older    string // URL of the page before; may be empty
	Accounts []VirtualAccount
	Advice   string // "passkey" or "codes" where one is missing; empty otherwise
}

func (*WalletHome) page() string { return "home" }

// Purse is the money of one currency.
type Purse struct {
	Balance   money.Amount
	Held      money.Amount
	Available money.Amount
}

// HistoryDay is the items of one day, newest first.
type HistoryDay struct {
	Day   time.Time
	Items []HistoryItem
}

// HistoryItem is one line of the history.
type HistoryItem struct {
	URL    string // empty where there is nothing to open
	Party  Party
	Key    string // message key shown before the party, such as "history.deposit"; may be empty
	At     time.Time
	Status Status
	Flow   Flow
	Amount money.Amount
	Proof  Proof
}

// VirtualAccount is a number that outside money can be sent to.
type VirtualAccount struct {
	Bank     Party
	Number   string
	Currency money.Currency
}

// WalletPayment is one payment, or one deposit, with its proof.
type WalletPayment struct {
	Frame
	Deposit    bool // money that came in, from the bank Other
	ID         string
	HomeURL    string
	Status     Status
	Proof      Proof
	Flow       Flow
	Amount     money.Amount
	Other      Party // the shop; of a deposit the bank, empty where it is not known
	OtherNode  string
	At         time.Time
	Expires    time.Time // of what is held
	Reference  string    // of the payment between the nodes; empty before a claim matched
	ReceiptURL string    // where the receipt can be handed over again; empty once claimed
	Provable   bool      // there is something whose proof grows to the chain
	Checkpoint *CheckpointFact
	Anchor     *AnchorFact
	Final      int          // confirmations that this node calls final
	Verify     *VerifyFacts // nil while there is nothing to verify
}

func (*WalletPayment) page() string { return "payment" }

// CheckpointFact is the signed root that an entry is under.
type CheckpointFact struct {
	At   time.Time
	Size uint64
	Root string // hexadecimal
}

// AnchorFact is the Bitcoin transaction that commits to a checkpoint.
type AnchorFact struct {
	At     time.Time // zero where the page does not know it
	Height int64
	TxID   string
}

// VerifyFacts are what a proof is checked with, away from the node that made it.
type VerifyFacts struct {
	Bundle     string // URL of the proof bundle
	File       string // the name under which a browser keeps it
	Headers    string // absolute URL of the block headers, which come in pages
	Page       int    // headers of one page
	Tip        int64  // height up to which headers are needed
	Thumbprint string // of the node's signing key
}

// HeadersFile is the name under which the commands keep the block headers.
const HeadersFile = "headers.bin"

// Commands fetches the headers and checks the bundle, as typed in a clone of the source. Where
// there is more than one page of headers, curl counts through them.
func (f VerifyFacts) Commands() string {
	headers := f.Headers
	if f.Tip >= int64(f.Page) {
		headers = fmt.Sprintf("'%s?from=[0-%d:%d]'", f.Headers, f.Tip, f.Page)
	}
	return "curl -fsS " + headers + " > " + HeadersFile + "\n" +
		"go run ./cmd/seyfert verify " + f.File + " \\\n" +
		"  --headers " + HeadersFile + " --node " + f.Thumbprint
}

// Approve is the sheet on which a member approves one offer.
type Approve struct {
	Frame
	Shop      Party
	CheckedBy string // the node that vouches for the shop
	Amount    money.Amount
	OfferID   string
	Sources   []Source
	Now       time.Time
	Expires   time.Time
	Whole     time.Duration // what the ring of the timer starts from
	Action    string        // posts "offer", "nonce", "source" and "decision" = approve, decline
	Offer     string        // the signed offer, sent along
	Nonce     string        // makes a second click the same order
	Short     bool          // no source has enough money
	Begin     string        // fetches the question to a passkey; empty without one
	Make      string        // where a passkey is made that is needed first; empty if it is not
	Wrong     bool          // the passkey just used does not hold
}

func (*Approve) page() string { return "approve" }

// Source is a wallet that an order can be paid from; the first that has enough is chosen.
type Source struct {
	ID        string
	Available money.Amount
	Enough    bool
	Chosen    bool
}

// HandOver is the moment between approval and shop: the browser carries the sealed receipt to
// the address that the offer names, or shows it to be carried by hand.
type HandOver struct {
	Frame
	Shop     Party
	Amount   money.Amount
	Action   string // posts "receipt", "offer" and "order"; empty where the offer names none
	Receipt  string
	Offer    string
	Order    string
	OrderURL string // the payment in the wallet
	Expires  time.Time
}

func (*HandOver) page() string { return "handover" }

// NotPaid is what a member sees after declining.
type NotPaid struct {
	Frame
	Shop    Party
	Amount  money.Amount
	ShopURL string // may be empty
}

func (*NotPaid) page() string { return "notpaid" }
