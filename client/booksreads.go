package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"seyfert/money"
)

// Search says which transfers or holds, or which accounts, are looked for. Zero values ask for
// nothing.
type Search struct {
	// Account is one that the transfer or hold names.
	Account string
	// Company is one whose accounts it names, for the operator.
	Company string
	// From and To bound when it was recorded: from From on, before To.
	From, To time.Time
	// State is one of "posted" and "reversed", or of "held", "captured", "voided", "expired".
	State string
	// Reference is the caller's own text; it stands alone with State. Not for holds.
	Reference string
	// Cursor is the Next of the page before; empty is the first page.
	Cursor string
	// Limit is how many rows a page has at most; 0 leaves it to the node.
	Limit int
}

// query writes the search as the node reads it.
func (s Search) query() url.Values {
	query := limited(s.Limit)
	for name, value := range map[string]string{
		"account": s.Account, "company": s.Company, "state": s.State,
		"reference": s.Reference, "cursor": s.Cursor,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	setTime(query, "from", s.From)
	setTime(query, "to", s.To)
	return query
}

// setTime adds a time to a query; the zero time is left out.
func setTime(query url.Values, name string, at time.Time) {
	if !at.IsZero() {
		query.Set(name, at.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
	}
}

// Found is a page of a listing. Next is the cursor of the page after it; it is empty on the last
// one. A page may be short, or empty, and still have a next one: the node bounds what one call
// looks through.
type Found[T any] struct {
	Rows []T    `json:"data"`
	Next string `json:"next"`
}

// BookTransfers searches transfers of the books, newest first; those under a reference come
// oldest first.
func (c *Client) BookTransfers(ctx context.Context, s Search) (Found[BookTransfer], error) {
	var found Found[BookTransfer]
	err := c.get(ctx, "/v1/transfers", s.query(), &found)
	return found, err
}

// BookHolds searches holds, newest first.
func (c *Client) BookHolds(ctx context.Context, s Search) (Found[BookHold], error) {
	var found Found[BookHold]
	query := s.query()
	query.Del("reference")
	err := c.get(ctx, "/v1/holds", query, &found)
	return found, err
}

// AccountSearch says which accounts are listed. Zero values ask for nothing.
type AccountSearch struct {
	// Owner is a company, or "node"; for the operator.
	Owner    string
	Code     uint16
	Currency string
	// After is the Next of the page before.
	After string
	Limit int
}

// BookAccounts lists accounts in the order of their ids.
func (c *Client) BookAccounts(ctx context.Context, s AccountSearch) (Found[BookAccount], error) {
	query := limited(s.Limit)
	for name, value := range map[string]string{
		"owner": s.Owner, "currency": s.Currency, "after": s.After,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.Code != 0 {
		query.Set("code", strconv.Itoa(int(s.Code)))
	}
	var found Found[BookAccount]
	err := c.get(ctx, "/v1/accounts", query, &found)
	return found, err
}

// Statement lists an account's history within a span of time, newest first: what was recorded
// from From on, before To; zero times are no bound. Before is the Number of the last line of the
// page before, 0 for the first page.
func (c *Client) Statement(ctx context.Context, account string, from, to time.Time,
	before uint64, limit int,
) ([]Entry, error) {
	query := limited(limit)
	setTime(query, "from", from)
	setTime(query, "to", to)
	if before != 0 {
		query.Set("before", strconv.FormatUint(before, 10))
	}
	return rows[Entry](ctx, c, "/v1/accounts/"+url.PathEscape(account)+"/entries", query)
}

// PastBalance is the posted balance of an account as of a moment.
type PastBalance struct {
	Account string       `json:"account"`
	Balance money.Signed `json:"balance"`
	// Recorded and Effective are what was asked for.
	Recorded  time.Time  `json:"recorded_at"`
	Effective *time.Time `json:"effective_at"`
	// LastEntry is the number of the account's last entry up to Recorded.
	LastEntry uint64 `json:"last_entry"`
}

// BalanceAt reads the posted balance of an account: of what was recorded up to one time, what
// counts up to the other. A zero time is no bound.
func (c *Client) BalanceAt(ctx context.Context, account string, recorded, effective time.Time) (
	PastBalance, error,
) {
	query := url.Values{}
	setTime(query, "recorded_at", recorded)
	setTime(query, "effective_at", effective)
	var past PastBalance
	err := c.get(ctx, "/v1/accounts/"+url.PathEscape(account)+"/balance", query, &past)
	return past, err
}

// SetMetadata sets the metadata of an account, transfer or hold; what it was stays readable.
func (c *Client) SetMetadata(ctx context.Context, subject string, pairs map[string]string) (
	Annotation, error,
) {
	if pairs == nil {
		pairs = map[string]string{}
	}
	var set Annotation
	err := c.do(ctx, call{
		method: http.MethodPut, path: "/v1/metadata/" + url.PathEscape(subject),
		body: map[string]any{"metadata": pairs},
	}, &set)
	return set, err
}

// Metadata lists the versions of the metadata of an account, transfer or hold, newest first,
// below a version (0: from the newest).
func (c *Client) Metadata(ctx context.Context, subject string, below uint64, limit int) (
	[]Annotation, error,
) {
	query := limited(limit)
	if below != 0 {
		query.Set("below", strconv.FormatUint(below, 10))
	}
	return rows[Annotation](ctx, c, "/v1/metadata/"+url.PathEscape(subject), query)
}
