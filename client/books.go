package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"seyfert/ledger"
	"seyfert/money"
)

// OpenAccount opens an account of the books. For companies and the operator.
func (c *Client) OpenAccount(ctx context.Context, a NewAccount) (BookAccount, error) {
	var opened BookAccount
	err := c.create(ctx, "/v1/accounts", a, &opened)
	return opened, err
}

// OpenAccounts opens up to 1,000 accounts, all or none.
func (c *Client) OpenAccounts(ctx context.Context, accounts []NewAccount) ([]BookAccount, error) {
	var opened list[BookAccount]
	err := c.create(ctx, "/v1/accounts/bulk", map[string]any{"accounts": accounts}, &opened)
	return opened.Data, err
}

// BookAccount reads an account as it stands. For its owner and the operator.
func (c *Client) BookAccount(ctx context.Context, id string) (BookAccount, error) {
	var a BookAccount
	err := c.get(ctx, "/v1/accounts/"+url.PathEscape(id), nil, &a)
	return a, err
}

// ChangeAccount sets the flags and limits of an account; nil leaves them as they are.
func (c *Client) ChangeAccount(ctx context.Context, id string, change AccountChange) (
	BookAccount, error,
) {
	var a BookAccount
	err := c.do(ctx, call{
		method: http.MethodPatch, path: "/v1/accounts/" + url.PathEscape(id), body: change,
	}, &a)
	return a, err
}

// Post moves money by one transfer. Asked for again, under the same id or by Once, it gives the
// same answer.
func (c *Client) Post(ctx context.Context, t TransferRequest) (BookTransfer, error) {
	var posted BookTransfer
	err := c.create(ctx, "/v1/transfers", t, &posted)
	return posted, err
}

// BookTransfer reads a transfer of the books as it stands.
func (c *Client) BookTransfer(ctx context.Context, id string) (BookTransfer, error) {
	var t BookTransfer
	err := c.get(ctx, "/v1/transfers/"+url.PathEscape(id), nil, &t)
	return t, err
}

// Reverse posts the counter-entry of a transfer.
func (c *Client) Reverse(ctx context.Context, transfer string, r Reversal) (
	BookTransfer, error,
) {
	var posted BookTransfer
	err := c.create(ctx, "/v1/transfers/"+url.PathEscape(transfer)+"/reverse", r, &posted)
	return posted, err
}

// Hold reserves money to move later.
func (c *Client) Hold(ctx context.Context, h HoldRequest) (BookHold, error) {
	var made BookHold
	err := c.create(ctx, "/v1/holds", h, &made)
	return made, err
}

// BookHold reads a hold as it stands.
func (c *Client) BookHold(ctx context.Context, id string) (BookHold, error) {
	var h BookHold
	err := c.get(ctx, "/v1/holds/"+url.PathEscape(id), nil, &h)
	return h, err
}

// Capture moves what a hold reserved, or a part of it.
func (c *Client) Capture(ctx context.Context, hold string, r CaptureRequest) (
	BookTransfer, error,
) {
	var posted BookTransfer
	err := c.create(ctx, "/v1/holds/"+url.PathEscape(hold)+"/capture", r, &posted)
	return posted, err
}

// Void frees what a hold has left.
func (c *Client) Void(ctx context.Context, hold string) (BookHold, error) {
	var freed BookHold
	err := c.create(ctx, "/v1/holds/"+url.PathEscape(hold)+"/void", struct{}{}, &freed)
	return freed, err
}

// PostItems carries out up to 10,000 items in one request: all or none in mode "all", each for
// itself in mode "each". It is the JSON form of PostBatch.
func (c *Client) PostItems(ctx context.Context, mode string, items []Item) (
	[]ItemResult, error,
) {
	var answer struct {
		Results []ItemResult `json:"results"`
	}
	body := struct {
		Mode  string `json:"mode"`
		Items []Item `json:"items"`
	}{mode, items}
	err := c.create(ctx, "/v1/transfers/bulk", body, &answer)
	return answer.Results, err
}

// PostBatch carries out a batch of instructions in their binary form, which is the fastest way
// in. It gives an outcome for each instruction and, in mode Each, why some were refused. Sent
// again, the same batch has the same outcomes but for those refused: they are judged anew.
func (c *Client) PostBatch(ctx context.Context, b *ledger.Batch) (
	[]ledger.Outcome, []ledger.Refusal, error,
) {
	answer, err := c.PostEncoded(ctx, b.Encode())
	if err != nil {
		return nil, nil, err
	}
	return answer.Read(b.Len())
}

// PostEncoded is PostBatch of bytes that ledger.Batch.Encode made.
func (c *Client) PostEncoded(ctx context.Context, batch []byte) (ledger.Answer, error) {
	return c.bytes(ctx, call{
		method: http.MethodPost, path: "/v1/transfers/bulk", raw: batch,
		media: "application/vnd.seyfert.transfers",
	})
}

// ExchangeLeg is one side of an exchange: a leg between an account of the customer and the
// position account of the currency. Without an amount it is what the rate gives.
type ExchangeLeg struct {
	Debit  string        `json:"debit"`
	Credit string        `json:"credit"`
	Amount *money.Amount `json:"amount,omitempty"`
}

// Rate says that one unit of Base costs Value units of Quote, such as "1391.25". Rounding is
// "floor", "ceil", "half_even" or "half_up".
type Rate struct {
	Base     string `json:"base"`
	Quote    string `json:"quote"`
	Value    string `json:"value"`
	Rounding string `json:"rounding"`
}

// ExchangeRequest asks for an exchange of two currencies.
type ExchangeRequest struct {
	ID   string      `json:"id,omitempty"`
	Sell ExchangeLeg `json:"sell"`
	Buy  ExchangeLeg `json:"buy"`
	Rate Rate        `json:"rate"`
	// Fixed is "sell" or "buy": the side whose amount is given; the other one's is rounded.
	Fixed     string            `json:"fixed"`
	Code      uint16            `json:"code,omitempty"`
	Effective *time.Time        `json:"effective_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Exchange exchanges two currencies at a rate, which is recorded in the transfer's metadata.
func (c *Client) Exchange(ctx context.Context, r ExchangeRequest) (BookTransfer, error) {
	var posted BookTransfer
	err := c.create(ctx, "/v1/exchanges", r, &posted)
	return posted, err
}

// NewAccount is an account to be opened. Only Kind and Currency are needed.
type NewAccount struct {
	// ID is the caller's own, acc_...
	ID string `json:"id,omitempty"`
	// Owner is a company, for the operator alone; empty is the caller.
	Owner    string `json:"owner,omitempty"`
	Code     uint16 `json:"code,omitempty"`
	Kind     string `json:"kind"`
	Currency string `json:"currency"`
	// Flags are of FlagNoOverdraft and the others.
	Flags    []string          `json:"flags,omitempty"`
	Limits   *AccountLimits    `json:"limits,omitempty"`
	Name     string            `json:"name,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// The kinds of accounts: assets and expenses grow by debits, the others by credits.
const (
	KindAsset     = "asset"
	KindLiability = "liability"
	KindEquity    = "equity"
	KindIncome    = "income"
	KindExpense   = "expense"
)

// The flags of accounts.
const (
	FlagNoOverdraft = "no_overdraft"
	FlagFrozenIn    = "frozen_in"
	FlagFrozenOut   = "frozen_out"
	FlagClosed      = "closed"
)

// AccountChange is what an account shall be from now on; nil stays as it is.
type AccountChange struct {
	Flags  *[]string      `json:"flags,omitempty"`
	Limits *AccountLimits `json:"limits,omitempty"`
}

// Leg moves an amount: it debits one account and credits another. Balancing makes the amount the
// most that is moved: what "debit", "credit" or "both" accounts let through.
type Leg struct {
	Debit     string       `json:"debit"`
	Credit    string       `json:"credit"`
	Amount    money.Amount `json:"amount"`
	Balancing string       `json:"balancing,omitempty"`
}

// TransferRequest asks for a transfer of one or more legs.
type TransferRequest struct {
	// ID is the caller's own, txn_...; empty leaves it to the node.
	ID   string `json:"id,omitempty"`
	Legs []Leg  `json:"legs"`
	// Code is the reason, by the caller's own numbers.
	Code uint16 `json:"code,omitempty"`
	// Effective is when the transfer counts from; nil is when it is recorded.
	Effective *time.Time        `json:"effective_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Reversal is what may be said of a counter-entry.
type Reversal struct {
	ID        string            `json:"id,omitempty"`
	Code      uint16            `json:"code,omitempty"`
	Effective *time.Time        `json:"effective_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// HoldRequest asks for a hold.
type HoldRequest struct {
	ID     string       `json:"id,omitempty"`
	Debit  string       `json:"debit"`
	Credit string       `json:"credit"`
	Amount money.Amount `json:"amount"`
	// Expires is when the hold ends by itself; nil is never.
	Expires   *time.Time        `json:"expires_at,omitempty"`
	Code      uint16            `json:"code,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// CaptureRequest asks for a part of a hold; the zero value takes all that is left.
type CaptureRequest struct {
	ID     string        `json:"id,omitempty"`
	Amount *money.Amount `json:"amount,omitempty"`
	// More keeps the rest held for further captures.
	More bool `json:"more,omitempty"`
	// Legs are further legs of the same transfer, such as a fee.
	Legs      []Leg             `json:"legs,omitempty"`
	Code      uint16            `json:"code,omitempty"`
	Effective *time.Time        `json:"effective_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Item is one item of a bulk; which members belong to it depends on the action.
type Item struct {
	// Action is "post", "hold", "capture", "void" or "reverse"; empty is "post".
	Action    string        `json:"action,omitempty"`
	ID        string        `json:"id,omitempty"`
	Debit     string        `json:"debit,omitempty"`
	Credit    string        `json:"credit,omitempty"`
	Amount    *money.Amount `json:"amount,omitempty"`
	Balancing string        `json:"balancing,omitempty"`
	Legs      []Leg         `json:"legs,omitempty"`
	Hold      string        `json:"hold,omitempty"`
	Transfer  string        `json:"transfer,omitempty"`
	More      bool          `json:"more,omitempty"`
	// Linked binds the item to the next one: both happen or neither does.
	Linked    bool              `json:"linked,omitempty"`
	Code      uint16            `json:"code,omitempty"`
	Effective *time.Time        `json:"effective_at,omitempty"`
	Expires   *time.Time        `json:"expires_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// ItemResult is what became of one item.
type ItemResult struct {
	// Status is "created", "exists" or "refused".
	Status string `json:"status"`
	ID     string `json:"id"`
	// Number is the item's first place in history.
	Number uint64 `json:"number"`
	// Amount is what the first leg moved, or what was held or freed.
	Amount *money.Amount `json:"amount"`
	// Problem says why the item was refused.
	Problem *Problem `json:"problem"`
}
