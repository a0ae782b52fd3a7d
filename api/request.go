package api

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/wire"
)

// Limits of one request.
const (
	// BodyBytesMax bounds the body of a request to /v1.
	BodyBytesMax = 64 << 10
	// BodyTimeoutDefault is the time in which a body must arrive.
	BodyTimeoutDefault = 10 * time.Second
	// WaitMax is the longest that a caller may ask to wait for something.
	WaitMax = 20 * time.Second
	// AnswerTimeout is the time for the whole of an answer, waits included.
	AnswerTimeout = WaitMax + 20*time.Second
	// RequestIDMax is the longest request id that is taken over from the caller.
	RequestIDMax = 64
	// KeyBytesMax is the longest Idempotency-Key.
	KeyBytesMax = 255
)

// HeaderRequestID carries the id of a request, taken over from the caller or made here.
const HeaderRequestID = "X-Request-Id"

// Headers by which whoever reads says how new it must be.
const (
	// HeaderIndex names, in every answer, a journal entry that the replica had seen.
	HeaderIndex = "Seyfert-Index"
	// HeaderAtLeast asks, with a read, for a state behind that entry; "now" asks for all that was
	// acknowledged before.
	HeaderAtLeast = "Seyfert-At-Least"
)

// OfLeader says of a path that is read whether only the leading replica can answer: where the
// answer is signed, or holds what was signed.
func OfLeader(path string) bool {
	return strings.HasPrefix(path, "/snp/") || strings.HasPrefix(path, "/rail/") ||
		strings.HasSuffix(path, "/proof") || strings.HasSuffix(path, "/verify")
}

// headerKey carries the client's name for a request that must happen once.
const headerKey = "Idempotency-Key"

// about is what is known of a request before its endpoint sees it. Its context carries one.
type about struct {
	id, address string
	// by is who it was authenticated as; known says that this was done.
	by    node.Caller
	known bool
}

// aboutKey is the key of an about in a context.
type aboutKey struct{}

// aboutOf is what is known of the request that ctx belongs to.
func aboutOf(ctx context.Context) *about {
	if a, ok := ctx.Value(aboutKey{}).(*about); ok {
		return a
	}
	return &about{}
}

// requestID is the id of the request that ctx belongs to.
func requestID(ctx context.Context) string { return aboutOf(ctx).id }

// callerOf is who the request was authenticated as.
func callerOf(ctx context.Context) node.Caller {
	a := aboutOf(ctx)
	if !a.known {
		panic("api: an operation without authentication asks for its caller")
	}
	return a.by
}

// ServeHTTP implements http.Handler: it does what holds for every request and hands it on.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &about{id: g.takeRequestID(r), address: auth.ClientKey(r, g.cfg.Proxies)}
	r = r.WithContext(context.WithValue(r.Context(), aboutKey{}, a))
	h := w.Header()
	values := []string{a.id, "nosniff", "no-store"} // in one place; the names are canonical
	h[HeaderRequestID] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	h["Cache-Control"] = values[2:3:3]
	if g.cfg.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if err := take(g.address, a.address, g.cfg.Now()); err != nil {
		g.write(w, r, err)
		return
	}
	if err := g.checkRoute(r); err != nil {
		g.write(w, r, err)
		return
	}
	if err := checkKey(r.Header); err != nil {
		g.write(w, r, err)
		return
	}
	if r.URL.Path == peer.PathMessages {
		release, err := g.admitBatch(r)
		if err != nil {
			w.Header().Set("Connection", "close")
			g.write(w, r, err)
			return
		}
		defer release()
	}
	if isBulk(r) {
		by, release, err := g.admitBulk(r)
		if err != nil {
			w.Header().Set("Connection", "close")
			g.write(w, r, err)
			return
		}
		defer release()
		a.by, a.known = by, true
	}
	controller := http.NewResponseController(w)
	// Not every server can set deadlines; those that can not have their own.
	controller.SetWriteDeadline(time.Now().Add(AnswerTimeout))
	body, err := g.readBody(controller, r)
	if err != nil {
		w.Header().Set("Connection", "close")
		g.write(w, r, err)
		return
	}
	r.Body = newWholeBody(body)
	g.mux.ServeHTTP(w, r)
}

// takeRequestID uses the caller's id if it is a short plain text, and makes one otherwise.
func (g *gate) takeRequestID(r *http.Request) string {
	given := r.Header.Get(HeaderRequestID)
	plain := strings.Trim(given,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
	if given != "" && len(given) <= RequestIDMax && plain == "" {
		return given
	}
	var raw [12]byte
	g.randomMu.Lock()
	defer g.randomMu.Unlock()
	if _, err := io.ReadFull(g.cfg.Random, raw[:]); err != nil {
		panic("api: no randomness: " + err.Error())
	}
	id := [4 + 2*len(raw)]byte{'r', 'e', 'q', '_'}
	hex.Encode(id[4:], raw[:])
	return string(id[:])
}

// checkRoute answers for paths and methods that there are none of, so that these answers are
// problems too.
func (g *gate) checkRoute(r *http.Request) error {
	none := func() error {
		return newProblem(string(fault.NotFound), "", "There is nothing at this path.")
	}
	clean := path.Clean(r.URL.Path)
	if r.URL.Path != clean && r.URL.Path != clean+"/" {
		return none() // the mux would redirect, and a body would be lost on the way
	}
	if !utf8.ValidString(r.URL.Path) {
		return none() // no id of ours, and no text that a journal could keep
	}
	handler, pattern := g.mux.Handler(r)
	if pattern != "" {
		return nil
	}
	said := &listener{header: http.Header{}}
	handler.ServeHTTP(said, r)
	if said.status != http.StatusMethodNotAllowed {
		return none()
	}
	p := newProblem(codeMethod, "", "This path has no such method.")
	p.allow = said.header.Get("Allow")
	return p
}

// listener hears what a handler would answer, without a word of it leaving.
type listener struct {
	header http.Header
	status int
}

func (l *listener) Header() http.Header         { return l.header }
func (l *listener) Write(p []byte) (int, error) { return len(p), nil }
func (l *listener) WriteHeader(status int)      { l.status = status }

// checkKey judges the Idempotency-Key of any request that carries one.
func checkKey(h http.Header) error {
	values := h.Values(headerKey)
	if len(values) == 0 {
		return nil
	}
	key := values[0]
	printable := !strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
	if len(values) > 1 || key == "" || len(key) > KeyBytesMax || !printable {
		return newProblem(string(fault.Invalid), headerKey,
			"An Idempotency-Key is 1 to 255 printable ASCII characters, sent once.")
	}
	return nil
}

// bodyMax is the longest body that a path takes.
func bodyMax(path string) int64 {
	switch {
	case path == peer.PathMessages:
		return wire.BatchBytesMax
	case path == pathBulk || path == pathAccountsBulk:
		return BulkBytesMax
	case strings.HasPrefix(path, "/rail/"):
		return bank.NoticeBytesMax
	}
	return BodyBytesMax
}

// readBody reads the whole body before anything is decided, in bounded time and space.
func (g *gate) readBody(c *http.ResponseController, r *http.Request) ([]byte, error) {
	most := bodyMax(r.URL.Path)
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	c.SetReadDeadline(time.Now().Add(g.cfg.BodyTimeout))
	room := r.ContentLength + bytes.MinRead
	if !aboutOf(r.Context()).known {
		room = bytes.MinRead // what a stranger announces takes no room before it comes
	}
	body := bytes.NewBuffer(make([]byte, 0, max(bytes.MinRead, room)))
	_, err := body.ReadFrom(io.LimitReader(r.Body, most+1))
	if err != nil {
		if e, ok := errors.AsType[net.Error](err); (ok && e.Timeout()) ||
			errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, newProblem(codeTimeout, "body", "The body did not arrive in time.")
		}
		return nil, newProblem(codeMalformed, "body", "The body can't be read.")
	}
	if int64(body.Len()) > most {
		return nil, tooLarge(most)
	}
	// A deadline left behind would end the request while its caller waits for an answer.
	c.SetReadDeadline(time.Time{})
	return body.Bytes(), nil
}

func tooLarge(most int64) error {
	return fault.New(fault.TooLarge, "body", "The body is longer than %d bytes.", most)
}

// take counts a try and says how long to wait if it was one too many.
func take(t *auth.Throttle, key string, now time.Time) error {
	return waitAsTold(t.Take(key, now))
}

// check is take without counting.
func check(t *auth.Throttle, key string, now time.Time) error {
	return waitAsTold(t.Check(key, now))
}

func waitAsTold(wait time.Duration, ok bool) error {
	if ok {
		return nil
	}
	p := newProblem(string(fault.TooMany), "", "Too many requests; wait as Retry-After says.")
	p.retry = auth.RetrySeconds(wait)
	return p
}
