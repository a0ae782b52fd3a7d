package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
	"seyfert/wire"
)

// Limits of what one visitor may send and ask for.
const (
	// FormBytesMax bounds the body of a form.
	FormBytesMax = 64 << 10
	// throttleKeys is how many addresses and members are remembered.
	throttleKeys = 1 << 16
)

// signInLimit is for one address, and counts wrong codes alone.
func signInLimit() auth.Limit {
	return auth.Limit{Burst: 20, Every: 3 * time.Second, Keys: throttleKeys}
}

// offerLimit is for one member: each look at an offer is a request to another node.
func offerLimit() auth.Limit {
	return auth.Limit{Burst: 30, Every: time.Second, Keys: throttleKeys}
}

// NodeConfig is what a node's pages are made of. Every field but Proxies, Sandbox and TestKey
// is required.
type NodeConfig struct {
	Node *node.Node
	// Origin is the public origin of the node, such as "https://seoul.example".
	Origin string
	// Secure says that browsers reach the node by https.
	Secure bool
	// Proxies are the networks of the operator's own proxies, as auth.CheckProxies takes them:
	// from there X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Now is the clock, which decides what has expired.
	Now func() time.Time
	// Demo marks a test bed: its chain proves nothing outside, and http to loopback is allowed.
	Demo bool
	// Sandbox is the first page of the test bed that the node belongs to, where "/wallet" makes
	// a one-time code; empty elsewhere.
	Sandbox string
	// TestKey gives a key that the explorer fills in and whose it is; nil, and outside of a test
	// bed, fills in none.
	TestKey func() (owner, key string)
	// Fetch gets an offer from another node through the one client for outgoing requests.
	Fetch func(ctx context.Context, url string) (status int, body []byte, err error)
	Log   *slog.Logger
}

func (c NodeConfig) validate() error {
	switch {
	case c.Node == nil || c.Now == nil || c.Fetch == nil || c.Log == nil:
		return errors.New("web: node, clock, fetch or log missing")
	case !strings.HasPrefix(c.Origin, "https://") && !strings.HasPrefix(c.Origin, "http://"):
		return errors.New("web: the origin is not scheme and host")
	}
	if err := auth.CheckProxies(c.Proxies); err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}

// NodePages are the pages that a node serves to people: the wallet and the checkout.
type NodePages struct {
	cfg     NodeConfig
	pages   *Pages
	cross   *http.CrossOriginProtection
	signIns *auth.Throttle // by address
	offers  *auth.Throttle // by member
	// signUps and ceremonies are by address.
	signUps, ceremonies *auth.Throttle
	// passkeys is nil where browsers make none: at a plain address.
	passkeys *node.Passkeys
	// explorer is the template of the explorer's page.
	explorer *template.Template
}

// NewNode makes the pages of a node. An error is a fault of the program or names a missing field.
func NewNode(cfg NodeConfig) (*NodePages, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	pages, err := New()
	if err != nil {
		return nil, err
	}
	explorer, err := template.ParseFS(files, explorerFile)
	if err != nil {
		return nil, fmt.Errorf("read the explorer's page: %w", err)
	}
	passkeys, err := cfg.Node.Passkeys(cfg.Origin)
	if err != nil {
		cfg.Log.Info("no passkeys at this origin", "reason", err.Error())
	}
	return &NodePages{
		cfg: cfg, pages: pages, explorer: explorer, cross: http.NewCrossOriginProtection(),
		signIns: auth.NewThrottle(signInLimit()), offers: auth.NewThrottle(offerLimit()),
		signUps: auth.NewThrottle(signUpLimit()), ceremonies: auth.NewThrottle(ceremonyLimit()),
		passkeys: passkeys,
	}, nil
}

// Mount adds the pages to a mux beside the API.
func (p *NodePages) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+staticPath, p.pages.Static())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, walletPath, http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+explorerPath, p.open(p.explore))
	mux.HandleFunc("GET "+scalarPath, p.open(p.scalar))
	mux.HandleFunc("GET /checkout/{offer}", p.open(p.checkout))
	mux.HandleFunc("GET "+signInPath, p.open(p.showSignIn))
	mux.HandleFunc("POST "+signInPath, p.open(p.form(p.signIn)))
	mux.HandleFunc("POST /wallet/sign-out", p.open(p.form(p.signOut)))
	p.mountPasskeys(mux)
	p.mountSecurity(mux)
	mux.HandleFunc("GET "+walletPath, p.members(p.home))
	mux.HandleFunc("GET /wallet/orders/{id}", p.members(p.payment))
	mux.HandleFunc("GET /wallet/orders/{id}/verify", p.members(p.verify))
	mux.HandleFunc("GET /wallet/orders/{id}/proof", p.members(p.proof))
	mux.HandleFunc("GET /wallet/orders/{id}/receipt", p.members(p.receipt))
	mux.HandleFunc("GET /wallet/deposits/{id}", p.members(p.deposit))
	mux.HandleFunc("GET /wallet/deposits/{id}/proof", p.members(p.depositProof))
	mux.HandleFunc("GET "+approvePath, p.members(p.showApprove))
	mux.HandleFunc("POST "+approvePath, p.open(p.form(p.approve)))
	mux.HandleFunc("GET /wallet/", p.open(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "path", "There is no such page.")
	}))
}

// Paths that lead to each other.
const (
	walletPath  = "/wallet"
	signInPath  = "/wallet/sign-in"
	approvePath = "/wallet/approve"
)

// page answers a request or says why not, before it has written anything.
type page func(http.ResponseWriter, *http.Request) error

// memberPage is a page of a signed-in member.
type memberPage func(http.ResponseWriter, *http.Request, visitor) error

// visitor is a member with a living session.
type visitor struct {
	node.Caller
	Name string
}

// open serves a page, and a problem page in its place if it fails.
func (p *NodePages) open(serve page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil && r.Context().Err() == nil {
			p.problem(w, r, err)
		}
	}
}

// form serves what a form of our own pages posts: from our own origin, bounded and readable.
func (p *NodePages) form(serve page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		if p.cross.Check(r) != nil {
			return trouble{status: http.StatusForbidden, title: "foreign"}
		}
		r.Body = http.MaxBytesReader(w, r.Body, FormBytesMax)
		if err := r.ParseForm(); err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				return fault.New(fault.TooLarge, "", "A form has at most %d bytes.", FormBytesMax)
			}
			return fault.New(fault.Invalid, "", "The form can't be read.")
		}
		return serve(w, r)
	}
}

// members serves a page to a signed-in member and sends everyone else to the door.
func (p *NodePages) members(serve memberPage) http.HandlerFunc {
	return p.open(func(w http.ResponseWriter, r *http.Request) error {
		who, ok, err := p.visitor(r)
		if err != nil {
			return err
		}
		if !ok {
			http.Redirect(w, r, signInURL(r), http.StatusSeeOther)
			return nil
		}
		return serve(w, r, who)
	})
}

// signInURL is the door, in the language that was asked for, which leads on to the page that
// was.
func signInURL(r *http.Request) string {
	to := r.URL.RequestURI()
	if to == walletPath {
		return signInPath
	}
	query := url.Values{"return": {to}}
	if lang, ok := parseLang(r.URL.Query().Get(langParam)); ok {
		query.Set(langParam, string(lang))
	}
	return signInPath + "?" + query.Encode()
}

// visitor finds who a request's cookie belongs to. Only a member's session opens a wallet: an
// API key in the cookie does not.
func (p *NodePages) visitor(r *http.Request) (visitor, bool, error) {
	token, ok := auth.Cookie(r, p.cfg.Secure)
	if !ok || !strings.HasPrefix(token, node.SessionPrefix+"_") {
		return visitor{}, false, nil
	}
	caller, err := p.cfg.Node.Authenticate(token)
	if err != nil {
		return visitor{}, false, nil // an ended session is like none
	}
	member, err := p.cfg.Node.Member(caller, caller.ID)
	if err != nil {
		if _, refused := fault.Of(err); refused {
			return visitor{}, false, nil
		}
		return visitor{}, false, err
	}
	return visitor{Caller: caller, Name: member.Name}, true, nil
}

// zone is the node's calendar; it is UTC in this release, as in the node's descriptor.
const zone = "UTC"

// frame is what the pages of this node have around them.
func (p *NodePages) frame() Frame {
	return Frame{
		Place: NodeName(p.cfg.Node.DID()), Home: walletPath, Demo: p.cfg.Demo, Zone: zone,
		Sandbox: p.cfg.Sandbox,
	}
}

// memberFrame is frame for someone who can sign out.
func (p *NodePages) memberFrame() Frame {
	f := p.frame()
	f.SignOut, f.Security = "/wallet/sign-out", securityPath
	return f
}

// version names what a page shows, so that a poll can tell whether it still does.
func version(shown ...any) string {
	text, err := json.Marshal(shown)
	if err != nil {
		panic("web: a node's answer is not JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// trouble is a refusal by the pages themselves; title is the message "problem.<title>".
type trouble struct {
	status int
	title  string
	back   string        // where the one button leads; empty means the wallet
	retry  time.Duration // how long to wait; zero where waiting does not help
}

// Error implements error.
func (t trouble) Error() string { return "page refused: " + t.title }

// troubleOf tells a refusal by the node in the words of the pages; everything else is our fault.
func troubleOf(err error) trouble {
	if t, ok := errors.AsType[trouble](err); ok {
		return t
	}
	refused, ok := fault.Of(err)
	if !ok {
		return trouble{status: http.StatusInternalServerError, title: "fault"}
	}
	switch refused.Code {
	case fault.Invalid:
		return trouble{status: http.StatusBadRequest, title: "invalid"}
	case fault.Unauthenticated:
		return trouble{status: http.StatusForbidden, title: "signin", back: signInPath}
	case fault.Forbidden:
		return trouble{status: http.StatusForbidden, title: "missing"}
	case fault.NotFound:
		return trouble{status: http.StatusNotFound, title: "missing"}
	case fault.Conflict, fault.Refused:
		return trouble{status: http.StatusConflict, title: "refused"}
	case fault.TooLarge:
		return trouble{status: http.StatusRequestEntityTooLarge, title: "invalid"}
	case fault.TooMany:
		return trouble{status: http.StatusTooManyRequests, title: "toomany", retry: time.Second}
	default:
		return trouble{status: http.StatusServiceUnavailable, title: "unavailable", retry: time.Second}
	}
}

type requestKind struct{}

// Prefix implements wire.Kind.
func (requestKind) Prefix() string { return "req" }

// problem answers with a page in words. Its number stands in the log beside what was refused;
// neither holds what the visitor sent.
func (p *NodePages) problem(w http.ResponseWriter, r *http.Request, err error) {
	t := troubleOf(err)
	var random [10]byte
	p.cfg.Node.Read(random[:]) // never fails: a node without randomness stops
	id := wire.NewID[requestKind](p.cfg.Now().UnixMilli(), random).String()
	level := slog.LevelInfo
	if t.status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	p.cfg.Log.Log(r.Context(), level, "page not served", "request", id, "page", r.Pattern,
		"status", t.status, "error", err.Error())
	if t.back == "" {
		t.back = walletPath
	}
	if t.retry > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(auth.RetrySeconds(t.retry), 10))
	}
	w.Header().Set("X-Request-Id", id)
	err = p.pages.Render(w, r, t.status, &Problem{
		Frame: p.frame(), Title: "problem." + t.title, Text: "problem." + t.title + ".text",
		RequestID: id, Back: t.back,
	})
	if err != nil {
		p.cfg.Log.Error("problem page not served", "request", id, "error", err.Error())
	}
}
