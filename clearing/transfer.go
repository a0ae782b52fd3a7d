// Package clearing decides what nodes owe each other: the transfer between two nodes, the
// obligation that it leaves, the record of it on the chain and the limits of credit.
//
// It is pure and follows protocol.md B3 and B4. It never touches storage as truth, keys, the
// clock or the network; heights, never clocks, decide about money between nodes.
package clearing

import (
	"crypto/sha256"
	"encoding/hex"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Heights of protocol.md B1.
const (
	// DepthRead is D: a block is read when tip - height >= D.
	DepthRead = 5
	// MarginPrepare is the least H - tip at which a payee accepts a prepare (R02 below it).
	MarginPrepare = 12
	// MarginQuote is how far above the tip a payee sets H in a quote.
	MarginQuote = 144
	// MarginMax is the farthest H above the tip that a payer accepts: its hold may stay bound
	// that long.
	MarginMax = 1008
)

type (
	transferKind struct{}
	quoteKind    struct{}
)

func (transferKind) Prefix() string { return "trf" }
func (quoteKind) Prefix() string    { return "quo" }

type (
	// TransferID names a transfer between two nodes; the payee chooses it in its quote.
	TransferID = wire.ID[transferKind]
	// QuoteID names a quote.
	QuoteID = wire.ID[quoteKind]
)

// Quote is what the payee's node is ready to receive, fixed when it presents a claim. Condition
// is hex of SHA-256(preimage); Due is days since 1970; heights are block heights.
type Quote struct {
	ID               QuoteID            `json:"quoteId"`
	Transfer         TransferID         `json:"transferId"`
	Channel          string             `json:"channel"`
	Amount           wire.MessageAmount `json:"amount"`
	Due              uint16             `json:"due"`
	Condition        string             `json:"condition"`
	CommitByHeight   int64              `json:"commitByHeight"`
	ValidUntilHeight int64              `json:"validUntilHeight"`
}

// Prepare is the body of transfer.prepare (payer's node to payee's node).
type Prepare struct {
	Transfer       TransferID         `json:"transferId"`
	Quote          QuoteID            `json:"quoteId"`
	Channel        string             `json:"channel"`
	Amount         wire.MessageAmount `json:"amount"`
	Due            uint16             `json:"due"`
	Condition      string             `json:"condition"`
	CommitByHeight int64              `json:"commitByHeight"`
}

// Accept is the body of transfer.accept.
type Accept struct {
	Transfer    TransferID `json:"transferId"`
	PrepareHash string     `json:"prepareHash"`
}

// Reject is the body of transfer.reject; Code is an ILP-style code such as T04 or R02.
type Reject struct {
	Transfer    TransferID `json:"transferId"`
	PrepareHash string     `json:"prepareHash"`
	Code        string     `json:"code"`
}

// Fulfil is the body of transfer.fulfil.
type Fulfil struct {
	Transfer    TransferID `json:"transferId"`
	PrepareHash string     `json:"prepareHash"`
	Preimage    string     `json:"preimage"`
}

// Ack is the body of transfer.ack: the payer's statement that the obligation stands.
type Ack struct {
	Transfer    TransferID `json:"transferId"`
	PrepareHash string     `json:"prepareHash"`
	FulfilHash  string     `json:"fulfilHash"`
	Due         uint16     `json:"due"`
	ClearSeq    uint32     `json:"clearSeq"`
}

// Prepare returns the one prepare that takes up the quote.
func (q Quote) Prepare() Prepare {
	return Prepare{
		Transfer: q.Transfer, Quote: q.ID, Channel: q.Channel, Amount: q.Amount, Due: q.Due,
		Condition: q.Condition, CommitByHeight: q.CommitByHeight,
	}
}

// Offers says whether a quote is whole and for an amount. A node presents no other with a claim.
func (q Quote) Offers(amount wire.MessageAmount) bool {
	return !q.ID.IsZero() && !q.Transfer.IsZero() && q.Channel != "" && q.Amount == amount &&
		isHash(q.Condition)
}

// isHash says whether a text is 32 bytes of lower-case hex.
func isHash(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 32 && hex.EncodeToString(raw) == text
}

// Canonical returns the JCS form of a body of this package.
func Canonical(body any) []byte {
	b, err := wire.JCS(body)
	if err != nil {
		panic("clearing: a body of plain fields has no canonical form: " + err.Error())
	}
	return b
}

// BodyHash is hex of SHA-256(JCS(body)): prepareHash and fulfilHash of protocol.md B3.1.
func BodyHash(body any) string {
	sum := sha256.Sum256(Canonical(body))
	return hex.EncodeToString(sum[:])
}

// PreimageInput is what the payee's node feeds to its HMAC to get the preimage: the channel and
// all prepare fields except the condition, so that any changed field changes the preimage.
func PreimageInput(p Prepare) []byte {
	type unconditional struct {
		Transfer       TransferID         `json:"transferId"`
		Quote          QuoteID            `json:"quoteId"`
		Channel        string             `json:"channel"`
		Amount         wire.MessageAmount `json:"amount"`
		Due            uint16             `json:"due"`
		CommitByHeight int64              `json:"commitByHeight"`
	}
	fields := Canonical(unconditional{
		p.Transfer, p.Quote, p.Channel, p.Amount, p.Due, p.CommitByHeight,
	})
	return append([]byte(p.Channel), fields...)
}

// Condition is hex of SHA-256(preimage).
func Condition(preimage [32]byte) string {
	sum := sha256.Sum256(preimage[:])
	return hex.EncodeToString(sum[:])
}

// Fits says whether a fulfil answers exactly this prepare with the right preimage.
func (f Fulfil) Fits(p Prepare) bool {
	raw, err := hex.DecodeString(f.Preimage)
	if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != f.Preimage {
		return false
	}
	return f.Transfer == p.Transfer && f.PrepareHash == BodyHash(p) &&
		Condition([32]byte(raw)) == p.Condition
}

// Fits says whether an ack answers exactly this prepare and fulfil.
func (a Ack) Fits(p Prepare, f Fulfil) bool {
	return a.Transfer == p.Transfer && a.PrepareHash == BodyHash(p) &&
		a.FulfilHash == BodyHash(f) && a.Due == p.Due && a.ClearSeq > 0
}

// InTime says whether enough blocks are left at a tip to take a quote up. A payer asks it before
// it looks at the receipt, so that the answer tells nothing about one (protocol.md A4).
func (q Quote) InTime(tip int64) bool {
	return q.CommitByHeight-tip >= MarginPrepare && tip <= q.ValidUntilHeight
}

// Terms are what a payer holds a quote against: its order's amount, the channel that both nodes
// derive (hex), the tip, and today in days since 1970.
type Terms struct {
	Amount  money.Amount
	Channel string
	Tip     int64
	Today   uint32
}

// CheckQuote says whether a payer may take up a quote. The due date is the contract's, give or
// take a day of clocks and midnights.
func CheckQuote(q Quote, t Terms) error {
	if q.Transfer.IsZero() || q.ID.IsZero() {
		return fault.New(fault.Invalid, "quote", "The quote has no id.")
	}
	if !isHash(q.Condition) {
		return fault.New(fault.Invalid, "quote.condition", "The condition is not 32 bytes of hex.")
	}
	if q.Channel != t.Channel {
		return fault.New(fault.Invalid, "quote.channel", "The quote is for another channel.")
	}
	if due := uint32(q.Due); due+1 < t.Today+DueDays || due > t.Today+DueDays+1 {
		return fault.New(fault.Refused, "quote.due", "The due date is not the contract's.")
	}
	amount, tip := t.Amount, t.Tip
	if q.Amount.Value != amount.Minor() || q.Amount.Currency != amount.Currency().Code() ||
		int(q.Amount.Scale) != amount.Currency().Digits() {
		return fault.New(fault.Invalid, "quote.amount", "The quote is for another amount.")
	}
	if !q.InTime(tip) || q.CommitByHeight-tip > MarginMax {
		return fault.New(fault.Refused, "quote.commitByHeight", "The height is out of reach.")
	}
	return nil
}
