package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"seyfert/money"
)

// Limits of the change stream.
const (
	// ChangesMax is the most changes of one page, DetailsMax the most details.
	ChangesMax = 2000
	DetailsMax = 500
	// FollowPauseMax is the longest pause of Follow between two tries to reach a node that does
	// not answer.
	FollowPauseMax = 10 * time.Second
)

// The kinds of changes. The first three move money.
const (
	ChangePosted   = "posted"
	ChangeCaptured = "captured"
	ChangeReversed = "reversed"
	ChangeHeld     = "held"
	ChangeBound    = "bound"
	ChangeVoided   = "voided"
	ChangeExpired  = "expired"
)

// Change is one line of the node's history: a leg of a transfer, or a change of a hold. Numbers
// count from 1 without a gap, and a line never changes. To a company the account of another owner
// is empty, with its balance, and lines of others are left out.
type Change struct {
	Number uint64 `json:"number"`
	// Index is the journal entry that it came with, At the time of that.
	Index uint64    `json:"index"`
	At    time.Time `json:"at"`
	// Effective is when a transfer counts from, if not At; Expires is of a new hold.
	Effective *time.Time `json:"effective_at"`
	Expires   *time.Time `json:"expires_at"`
	Kind      string     `json:"kind"`
	Code      uint16     `json:"code"`
	// Leg is the leg's place in its transfer, from 0.
	Leg uint16 `json:"leg"`
	// Transfer is empty where none was posted, Hold where none is concerned, Reverses where the
	// transfer undoes no other.
	Transfer string `json:"transfer"`
	Hold     string `json:"hold"`
	Reverses string `json:"reverses"`
	// More says of a capture that the rest of the hold stays held.
	More   bool         `json:"more"`
	Debit  string       `json:"debit"`
	Credit string       `json:"credit"`
	Amount money.Amount `json:"amount"`
	// DebitBalance and CreditBalance are the posted balances of both accounts after this line.
	DebitBalance  *money.Signed `json:"debit_balance"`
	CreditBalance *money.Signed `json:"credit_balance"`
}

// ChangePage is a run of changes. Next is the from of the page after it, Newest the number of the
// newest change on the node.
type ChangePage struct {
	Changes []Change `json:"data"`
	Next    uint64   `json:"next"`
	Newest  uint64   `json:"newest"`
}

// Detail is an account that was opened or changed, or metadata that was set: what belongs to the
// books and is no line of history. Account is as it stands when it is read, Metadata the version
// that was written.
type Detail struct {
	Number   uint64       `json:"number"`
	At       time.Time    `json:"at"`
	Account  *BookAccount `json:"account"`
	Metadata *Annotation  `json:"metadata"`
}

// Annotation is one version of the metadata of an account, transfer or hold; versions count from 1.
type Annotation struct {
	Subject   string            `json:"subject"`
	Version   uint64            `json:"version"`
	Reference string            `json:"reference"`
	Metadata  map[string]string `json:"metadata"`
	At        time.Time         `json:"at"`
}

// DetailPage is a run of details, and the from of the page after it.
type DetailPage struct {
	Details []Detail `json:"data"`
	Next    uint64   `json:"next"`
}

// Changes lists changes from a history number on, at most limit (0: as many as the node likes),
// and if there is none waits for it, at most so long and WaitMax. For companies and the operator.
func (c *Client) Changes(ctx context.Context, from uint64, limit int, wait time.Duration) (
	ChangePage, error,
) {
	query := limited(limit)
	query.Set("from", strconv.FormatUint(from, 10))
	query.Set("wait", waiting(wait).Get("wait"))
	var page ChangePage
	err := c.get(ctx, "/v1/changes", query, &page)
	return page, err
}

// History lists changes that are there already, oldest first, from a history number on and, unless
// it is zero, recorded since a time; at most limit (0: as many as the node likes). For companies
// and the operator.
func (c *Client) History(ctx context.Context, from uint64, since time.Time, limit int) (
	ChangePage, error,
) {
	query := limited(limit)
	query.Set("from", strconv.FormatUint(from, 10))
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	var page ChangePage
	err := c.get(ctx, "/v1/entries", query, &page)
	return page, err
}

// Change reads one change by its number. For companies and the operator.
func (c *Client) Change(ctx context.Context, number uint64) (Change, error) {
	var change Change
	err := c.get(ctx, "/v1/entries/"+strconv.FormatUint(number, 10), nil, &change)
	return change, err
}

// Details lists accounts and metadata that changed, from a number on, at most limit (0: as many as
// the node likes). For companies and the operator.
func (c *Client) Details(ctx context.Context, from uint64, limit int) (DetailPage, error) {
	query := limited(limit)
	query.Set("from", strconv.FormatUint(from, 10))
	var page DetailPage
	err := c.get(ctx, "/v1/changes/details", query, &page)
	return page, err
}

// Follow gives every change from a history number on, in order and each once, and waits for those
// to come until ctx ends or the loop does. A node that does not answer is asked again, for as long
// as it takes: it goes on where it stopped. An error ends it: the node's refusal, or an answer
// that skips or repeats a number, which no node gives.
//
// Whoever keeps the number of the last change that was dealt with goes on later from that + 1.
func (c *Client) Follow(ctx context.Context, from uint64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		from = max(from, 1)
		for failures := 0; ctx.Err() == nil; {
			page, err := c.Changes(ctx, from, 0, WaitMax)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && refuses(err):
				yield(Change{}, err)
				return
			case err != nil:
				failures++
				if !sleep(ctx, min(retryFirst<<min(failures, 10), FollowPauseMax)) {
					return
				}
				continue
			}
			failures = 0
			if err := page.Follows(from); err != nil {
				yield(Change{}, err)
				return
			}
			for i := range page.Changes {
				if !yield(page.Changes[i], nil) {
					return
				}
			}
			from = page.Next
		}
	}
}

// refuses says whether asking again is useless.
func refuses(err error) bool {
	if _, useless := errors.AsType[*finalError](err); useless {
		return true
	}
	p, answered := errors.AsType[*Problem](err)
	return answered && p.Status >= http.StatusBadRequest &&
		p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests &&
		p.Status != http.StatusRequestTimeout
}

// ErrStream is an answer that is no part of one stream.
var ErrStream = errors.New("the node's changes are out of order")

// Follows checks that a page goes on from a number: what is in it grows and ends before Next.
func (p *ChangePage) Follows(from uint64) error {
	last := from
	for i := range p.Changes {
		if p.Changes[i].Number < last {
			return fmt.Errorf("client: change %d after %d: %w", p.Changes[i].Number, last-1,
				ErrStream)
		}
		last = p.Changes[i].Number + 1
	}
	if p.Next < last {
		return fmt.Errorf("client: the page goes on at %d after %d: %w", p.Next, last-1, ErrStream)
	}
	return nil
}
