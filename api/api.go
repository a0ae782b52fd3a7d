// Package api is the face that a node shows to programs: the JSON API under /v1, the endpoints
// that peers and the bank call, the node's descriptor, its public log and its OpenAPI document.
//
// It turns requests into use cases of package node and errors into RFC 9457 problems, and it is
// the one place that bounds what a stranger may send: bodies, rates, waits. It decides nothing
// about money or rights, never reads the state but through node, and never lets a text of our
// own faults out.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"seyfert/auth"
	"seyfert/node"
	"seyfert/peer"
	"seyfert/rail/bank"
)

// Config is what the API is made of. Fields are required unless they say otherwise.
type Config struct {
	Node *node.Node
	// Receiver checks the signatures of peers; nil leaves the peers' endpoints out.
	Receiver *peer.Receiver
	// Bank reads the bank's notices; nil leaves its endpoint out.
	Bank *bank.Codec
	// Fetch gets the descriptor that a node serves at a base URL; nil refuses new peers.
	Fetch func(ctx context.Context, url string) (string, error)
	// Origin is the node's public origin, such as "https://seoul.example".
	Origin string
	// CheckoutURL is where a customer pays an offer; nil leaves checkout_url empty.
	CheckoutURL func(offer string) string
	// SignInURL is where a member uses a one-time code; nil means Origin/signin?code=CODE.
	SignInURL func(code string) string
	// Secure says that the node is reached by https only.
	Secure bool
	// Proxies are the networks of the operator's own proxies, as auth.CheckProxies takes them:
	// from there X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Now is the clock of throttles, Random the source of request ids.
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	// BodyTimeout is the time in which a body must arrive; zero means BodyTimeoutDefault.
	BodyTimeout time.Duration
	// Limits bounds how often callers may try; the zero value means DefaultLimits.
	Limits Limits
	// Streams paces the streams of changes.
	Streams Streams
}

// Limits says how often callers may try. Each is counted by itself.
type Limits struct {
	// Address counts all requests from one address.
	Address auth.Limit
	// Caller counts all requests with one key or session, and of one peer.
	Caller auth.Limit
	// Guess counts requests from one address whose key, session or code was not valid.
	Guess auth.Limit
}

// Rates of requests to a node.
const (
	// RequestsPerSecond is how many requests one address, and one key, may send in a second if
	// nobody says otherwise. A bulk is one request.
	RequestsPerSecond = 2000
	// RequestsPerSecondMax is the most that may be allowed.
	RequestsPerSecondMax = 1_000_000
)

// DefaultLimits lets one address or caller do RequestsPerSecond, and guess one key a second.
func DefaultLimits() Limits { return LimitsOf(0, 0) }

// LimitsOf lets one address and one caller do so many requests a second; 0 means
// RequestsPerSecond, and above RequestsPerSecondMax that. Twice as many may come at once.
func LimitsOf(address, caller int) Limits {
	rate := func(perSecond int) auth.Limit {
		if perSecond <= 0 {
			perSecond = RequestsPerSecond
		}
		perSecond = min(perSecond, RequestsPerSecondMax)
		return auth.Limit{
			Burst: 2 * perSecond, Every: time.Second / time.Duration(perSecond), Keys: 1 << 16,
		}
	}
	return Limits{
		Address: rate(address), Caller: rate(caller),
		Guess: auth.Limit{Burst: 20, Every: time.Second, Keys: 1 << 16},
	}
}

// gate is the API's handler.
type gate struct {
	cfg  Config
	node *node.Node
	mux  *http.ServeMux
	huma huma.API

	address, caller, guess *auth.Throttle
	batches, bulks         batches
	streams                batches

	randomMu sync.Mutex // guards cfg.Random, which need not be safe for concurrent use
}

// New makes the handler of all paths that Patterns names. Its error names a field of cfg.
func New(cfg Config) (http.Handler, error) {
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits()
	}
	if cfg.BodyTimeout == 0 {
		cfg.BodyTimeout = BodyTimeoutDefault
	}
	cfg.Streams = cfg.Streams.orDefault()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &gate{
		cfg: cfg, node: cfg.Node, mux: http.NewServeMux(),
		address: auth.NewThrottle(cfg.Limits.Address),
		caller:  auth.NewThrottle(cfg.Limits.Caller),
		guess:   auth.NewThrottle(cfg.Limits.Guess),
		batches: batches{of: map[string]int{}, most: BatchesMax, mostOf: BatchesPerPeerMax},
		bulks:   batches{of: map[string]int{}, most: BulksMax, mostOf: BulksPerCallerMax},
		streams: batches{of: map[string]int{}, most: StreamsMax, mostOf: StreamsPerCallerMax},
	}
	g.huma = humago.New(g.mux, g.settings())
	g.mountTenants()
	g.mountWallets()
	g.mountPayments()
	g.mountBooks()
	g.mountChanges()
	g.mountProofs()
	g.mountOperation()
	g.mountPublic()
	if cfg.Receiver != nil {
		g.mountPeers()
	}
	if cfg.Bank != nil {
		g.mountBank()
	}
	g.finishDocument()
	if err := g.serveDocument(); err != nil {
		return nil, err
	}
	return g, nil
}

func (c Config) validate() error {
	switch {
	case c.Node == nil:
		return errors.New("api: no node")
	case c.Now == nil || c.Random == nil || c.Log == nil:
		return errors.New("api: clock, randomness or log missing")
	case !strings.HasPrefix(c.Origin, "https://") && !strings.HasPrefix(c.Origin, "http://"):
		return fmt.Errorf("api: origin %q is not scheme and host", c.Origin)
	case strings.HasSuffix(c.Origin, "/"):
		return fmt.Errorf("api: origin %q ends in a slash", c.Origin)
	}
	if err := auth.CheckProxies(c.Proxies); err != nil {
		return fmt.Errorf("api: %w", err)
	}
	return nil
}

// Patterns lists what the handler answers, as patterns of http.ServeMux, so that pages can be
// served beside it.
func Patterns() []string {
	return []string{
		"/v1/", "/snp/", "/rail/", "/log/", "/problems/", "/healthz", "/openapi.json",
		"/jwks.json", "/did.json", "/.well-known/seyfert-node", "/.well-known/jwks.json",
		"/.well-known/did.json",
	}
}

// answer is a JSON body of type T.
type answer[T any] struct{ Body T }

// respond wraps what a use case gave.
func respond[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: body}, nil
}

// list is the body of every listing. Next, if there is one, is the cursor of the next page.
type list[T any] struct {
	Data []T    `json:"data"`
	Next string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// respondList wraps a whole listing.
func respondList[T any](rows []T, err error) (*answer[list[T]], error) {
	return respond(list[T]{Data: rows}, err)
}

// nothing is an answer without a body.
type nothing struct{}
