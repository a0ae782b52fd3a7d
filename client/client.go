// Package client is the Go SDK of a Seyfert node's API, for shops, wallets and operators.
//
//	shop := client.New(client.Config{URL: "https://tokyo.example", Key: "sk_test_..."})
//	offer, err := shop.CreateOffer(ctx, client.OfferRequest{Amount: amount, PayeeKey: key})
//
// Every call that changes something may be sent again without doing it twice, and is, when a
// node or the network does not answer. A Client sees in all that it reads what it was answered
// before, whichever replica of the node it asks; Now is for what others were answered too. The
// package knows the API only by its paths and JSON: it
// never imports the node.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// TriesMax is how often one call is sent when no answer comes or the node asks to wait.
	TriesMax = 4
	// RetryAfterMax is the longest wait that a node can ask for; a longer one ends the call.
	RetryAfterMax = 30 * time.Second
	// AnswerBytesMax bounds one answer, FileBytesMax the headers of a whole chain.
	AnswerBytesMax = 8 << 20
	FileBytesMax   = 256 << 20
	// WaitMax is the longest that a node waits with one answer.
	WaitMax = 20 * time.Second

	// NoLeaderMax is how long a call is sent again while the node's replicas elect a leader.
	NoLeaderMax = 20 * time.Second

	retryFirst  = 100 * time.Millisecond
	httpTimeout = 60 * time.Second
)

// Config says which node to call and as whom.
type Config struct {
	// URL is the node's origin, such as "https://tokyo.example".
	URL string
	// Others are further addresses of the same node, those of its other replicas. Another one is
	// asked when one can't be reached, says that no replica takes changes, or has not seen yet
	// what a read asks for.
	Others []string
	// Key is an API key or a session; empty calls what is public.
	Key string
	// HTTP sends the requests; nil means a client of the standard library's with a timeout.
	HTTP *http.Client
	// Random makes idempotency keys; nil means crypto/rand. Calls share it under a lock.
	Random io.Reader
}

// Client calls one node as one caller. It is safe for concurrent use.
//
// It keeps the newest journal entry that an answer named (Seyfert-Index) and asks for it with each
// read (Seyfert-At-Least), so it reads its own writes at another replica too, or gets a Problem
// with the reason "behind" if none that it knows has them. Those that With, Once and Now make of
// it share that; two of New do not. After a node was put back to an older entry make a new one.
type Client struct {
	url, key string
	nodes    *replicas
	now      bool   // reads ask for what is newest
	once     string // the Idempotency-Key of creating calls, if the caller chose one
	http     *http.Client

	randomMu *sync.Mutex // guards random
	random   io.Reader
}

// New makes a Client. A URL that is not scheme and host makes every call fail.
func New(c Config) *Client {
	client := &Client{
		url: strings.TrimSuffix(c.URL, "/"), key: c.Key, http: c.HTTP, random: c.Random,
		nodes: newReplicas(c.URL, c.Others), randomMu: &sync.Mutex{},
	}
	if client.http == nil {
		client.http = &http.Client{Timeout: httpTimeout}
	}
	if client.random == nil {
		client.random = rand.Reader
	}
	return client
}

// With is the same client for another key or session.
func (c *Client) With(key string) *Client {
	other := *c
	other.key = key
	return &other
}

// Once is the same client for one creating call that must happen once whatever becomes of this
// process: the same key and content again get the first answer. Without it each call makes a
// key of its own, which covers the tries of that call.
func (c *Client) Once(key string) *Client {
	other := *c
	other.once = key
	return &other
}

// Now is the same client with reads that are linearizable: each shows all that the node answered
// to anyone before the read began, and costs a question to the leading replica, which must be
// there. What it changes is as without it. For one call: c.Now().Wallet(ctx).
func (c *Client) Now() *Client {
	other := *c
	other.now = true
	return &other
}

// URL is the node's origin.
func (c *Client) URL() string { return c.url }

// call is one request as it is sent, however often.
type call struct {
	method, path string
	query        url.Values
	body         any
	// raw is a body that is sent as it is, of the type media.
	raw   []byte
	media string
	// key is the Idempotency-Key; empty sends none.
	key string
	// once forbids sending the call again when nobody knows whether it arrived.
	once bool
}

// get reads a JSON answer.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query}, out)
}

// post sends a JSON body that may be sent again.
func (c *Client) post(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body}, out)
}

// create sends a JSON body under an idempotency key, which is made here if the caller chose
// none.
func (c *Client) create(ctx context.Context, path string, body, out any) error {
	key := c.once
	if key == "" {
		made, err := c.newKey()
		if err != nil {
			return err
		}
		key = made
	}
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body, key: key}, out)
}

// newKey makes an idempotency key.
func (c *Client) newKey() (string, error) {
	var raw [16]byte
	c.randomMu.Lock()
	defer c.randomMu.Unlock()
	if _, err := io.ReadFull(c.random, raw[:]); err != nil {
		return "", fmt.Errorf("random for an idempotency key: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// do sends a call until it is answered and decodes the answer into out, if out is not nil.
func (c *Client) do(ctx context.Context, what call, out any) error {
	data, err := c.bytes(ctx, what)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("client: answer of %s %s: %w", what.method, what.path, err)
	}
	return nil
}

// bytes sends a call until it is answered and gives the answer's body.
func (c *Client) bytes(ctx context.Context, what call) ([]byte, error) {
	var body []byte
	if what.raw != nil {
		body = what.raw
	} else if what.body != nil {
		encoded, err := json.Marshal(what.body)
		if err != nil {
			return nil, fmt.Errorf("client: body of %s %s: %w", what.method, what.path, err)
		}
		body = encoded
	}
	pause := retryFirst
	begun := time.Now()
	for try := 1; ; try++ {
		data, err := c.ask(ctx, what, body)
		wait, again := what.again(err, pause)
		if err == nil || !again || try == TriesMax {
			return data, err
		}
		if !sleep(ctx, wait) {
			return nil, err
		}
		if electing(err) && time.Since(begun) < NoLeaderMax {
			try-- // nothing was done, and it will not take long
			continue
		}
		pause *= 3
	}
}

// ask sends a call to one replica after the other, each once, until one has answered it.
func (c *Client) ask(ctx context.Context, what call, body []byte) (data []byte, err error) {
	for range c.nodes.count() {
		url := c.nodes.current()
		data, err = c.send(ctx, url, what, body)
		if err == nil || ctx.Err() != nil || !what.elsewhere(err) {
			return data, err
		}
		c.nodes.leave(url)
	}
	return data, err
}

// again says whether a call is worth another try after an error, and after which pause.
func (what call) again(err error, pause time.Duration) (time.Duration, bool) {
	if err == nil || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		return 0, false
	}
	if _, useless := errors.AsType[*finalError](err); useless {
		return 0, false
	}
	p, answered := errors.AsType[*Problem](err)
	if !answered {
		return pause, !what.once
	}
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return max(pause, p.RetryAfter), p.RetryAfter <= RetryAfterMax
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return pause, !what.once
	}
	return 0, false
}

// finalError is an error that another try would only repeat.
type finalError struct{ error }

// Unwrap gives what went wrong.
func (e *finalError) Unwrap() error { return e.error }

// send sends a call once, to one replica.
func (c *Client) send(ctx context.Context, url string, what call, body []byte) ([]byte, error) {
	target := url + what.path
	if len(what.query) > 0 {
		target += "?" + what.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, what.method, target, bytes.NewReader(body))
	if err == nil && (r.URL.Scheme != "https" && r.URL.Scheme != "http" || r.URL.Host == "") {
		err = errors.New("the node's URL is not scheme and host")
	}
	if err != nil {
		return nil, &finalError{fmt.Errorf("client: %s %s: %w", what.method, what.path, err)}
	}
	r.Header.Set("Accept", "application/json")
	if what.raw != nil {
		r.Header.Set("Content-Type", what.media)
		r.Header.Set("Accept", what.media)
	} else if what.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if what.key != "" {
		r.Header.Set("Idempotency-Key", what.key)
	}
	if least := c.least(what); least != "" {
		r.Header.Set(headerAtLeast, least)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", what.method, what.path, bare(err))
	}
	defer answer.Body.Close()
	c.nodes.saw(answer.Header.Get(headerIndex))
	data, err := io.ReadAll(io.LimitReader(answer.Body, AnswerBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("client: answer of %s %s: %w", what.method, what.path, err)
	}
	if len(data) > AnswerBytesMax {
		return nil, &finalError{fmt.Errorf("client: answer of %s %s is longer than %d bytes",
			what.method, what.path, AnswerBytesMax)}
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, problemOf(answer, data)
	}
	return data, nil
}

// bare takes the URL off an error of the standard client: queries may carry what is private.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// sleep waits, and says whether ctx still stands.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// list is the body of every listing.
type list[T any] struct {
	Data []T    `json:"data"`
	Next string `json:"next"`
}

// rows reads a whole listing.
func rows[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	var body list[T]
	err := c.get(ctx, path, query, &body)
	return body.Data, err
}

// limited is the query of a listing of at most limit rows; zero leaves it to the node.
func limited(limit int) url.Values {
	query := url.Values{}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}

// waiting is the query of a call that waits, in whole seconds rounded up.
func waiting(wait time.Duration) url.Values {
	seconds := (min(max(wait, 0), WaitMax) + time.Second - 1) / time.Second
	return url.Values{"wait": {strconv.Itoa(int(seconds))}}
}
