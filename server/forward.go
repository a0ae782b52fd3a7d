package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strconv"
	"sync/atomic"
	"time"

	"seyfert/api"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/node"
)

const (
	// headerClient names the client of a request that another replica brings.
	headerClient = "Seyfert-Client-Address"
	// AtLeastMax is how long a read waits until a replica has seen what it asks for.
	AtLeastMax = 5 * time.Second
	// relayMax is how long an answer of the leader waits until this replica has seen what it is
	// about.
	relayMax = 2 * time.Second
	// answerMax is how long the leader has for an answer.
	answerMax = api.AnswerTimeout + 5*time.Second
	// wholeBytesMax is the longest body that is read before the leader is asked, so that it can
	// be sent again over another connection; longer ones pass through.
	wholeBytesMax = api.BodyBytesMax
)

// gate answers what this replica can answer, and brings the rest to the leader.
type gate struct {
	s     *Server
	local http.Handler
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said := &indexed{ResponseWriter: w, state: g.s.state}
	defer said.mark()
	if g.s.replica == nil || g.s.role.leads() || reads(r) && g.s.replica.shows(r.URL.Path) {
		g.here(said, r)
		return
	}
	g.forward(said, r)
}

// reads says whether a request changes nothing.
func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead ||
		r.Method == http.MethodOptions
}

// shows says whether this replica answers for a path that is only read: one without a vote may
// be far behind, and some answers need what only the leader may do.
func (r *replica) shows(path string) bool {
	return r.voter.Load() && r.ready.Load() && !api.OfLeader(path)
}

// here answers a request on this replica.
func (g *gate) here(w http.ResponseWriter, r *http.Request) {
	if least := r.Header.Get(api.HeaderAtLeast); least != "" && reads(r) {
		if err := g.s.await(r.Context(), least); err != nil {
			refuse(w, err)
			return
		}
	}
	g.local.ServeHTTP(w, r)
}

// refuse answers with an error that is a fault, or says that the caller has stopped waiting.
func refuse(w http.ResponseWriter, err error) {
	f, ok := fault.Of(err)
	if !ok {
		f = fault.New(fault.Unavailable, "", "The request ended before its answer.")
	}
	api.WriteFault(w, f)
}

// forwarded answers what other replicas bring: this one leads, or nobody does.
func (s *Server) forwarded(local http.Handler) http.Handler {
	g := &gate{s, local}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := &indexed{ResponseWriter: w, state: s.state}
		defer said.mark()
		r.RemoteAddr = r.Header.Get(headerClient)
		r.Header.Del(headerClient)
		if !s.role.leads() {
			api.WriteFault(said, errNoLeader())
			return
		}
		g.here(said, r)
	})
}

// await waits until this replica has seen what Seyfert-At-Least asks for: an entry by its index,
// or all that was acknowledged before now.
func (s *Server) await(ctx context.Context, least string) error {
	ctx, cancel := context.WithTimeout(ctx, AtLeastMax)
	defer cancel()
	index, err := strconv.ParseUint(least, 10, 64)
	if least == "now" {
		index, err = s.barrier(ctx)
		if err != nil {
			return errNoLeader()
		}
	}
	if err != nil {
		return fault.New(fault.Invalid, api.HeaderAtLeast,
			"This is the number of a journal entry, or the word now.")
	}
	if s.journal.WaitApplied(ctx, index) != nil {
		return fault.New(fault.Unavailable, "", "This replica has not seen entry %d yet.", index).
			Because(fault.Behind)
	}
	return nil
}

// marker is what the leader says about the newest entry.
type marker struct {
	Index uint64 `json:"index"`
}

// barrier says up to which entry everything is that was acknowledged before. One question to the
// leader answers all who ask at a time.
func (s *Server) barrier(ctx context.Context) (uint64, error) {
	if s.replica == nil {
		return s.journal.Barrier(ctx)
	}
	return s.replica.barriers.next(ctx)
}

// askBarrier asks the leader, which may be this replica.
func (s *Server) askBarrier(ctx context.Context) (uint64, error) {
	index, err := s.journal.Barrier(ctx)
	if _, other := errors.AsType[*journal.NotLeader](err); !other {
		return index, err
	}
	leader, _, ok := s.replica.led()
	if !ok {
		return 0, errNoLeader()
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var said marker
	return said.Index, s.ask(ctx, leader, pathBarrier, &said)
}

// ask reads a short answer of another replica.
func (s *Server) ask(ctx context.Context, id journal.ReplicaID, path string, out any) error {
	return s.askReplica(ctx, id, http.MethodGet, path, nil, out)
}

// serveBarrier answers a replica that follows.
func (s *Server) serveBarrier(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	index, err := s.journal.Barrier(ctx)
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, marker{index})
}

// errand is a request on its way to the leader.
type errand struct {
	leader journal.ReplicaID
	// begun says that some of it may have been sent.
	begun atomic.Bool
}

type errandKey struct{}

// forward brings a request to the leader, and its answer back.
func (g *gate) forward(w http.ResponseWriter, r *http.Request) {
	leader, reign, ok := g.s.replica.led()
	if !ok {
		api.WriteFault(w, errNoLeader())
		return
	}
	select {
	case g.s.replica.forwards <- struct{}{}:
		defer func() { <-g.s.replica.forwards }()
	default:
		api.WriteFault(w, fault.New(fault.TooMany, "",
			"Too many requests are on their way to the leading replica."))
		return
	}
	if err := readWhole(r); err != nil {
		api.WriteFault(w, fault.New(fault.Invalid, "body", "The body can't be read."))
		return
	}
	e := &errand{leader: leader}
	ctx, cancel := context.WithTimeout(r.Context(), answerMax)
	defer cancel()
	// Another leader: the one that was asked may never answer.
	defer context.AfterFunc(reign, func() {
		cancel()
		if r.ContentLength != 0 && r.GetBody == nil { // the rest of a long body is not waited for
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		}
	})()
	ctx = httptrace.WithClientTrace(context.WithValue(ctx, errandKey{}, e),
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { e.begun.Store(true) }})
	g.s.replica.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// readWhole reads a short body, so that it can be sent again over another connection.
func readWhole(r *http.Request) error {
	if r.ContentLength <= 0 || r.ContentLength > wholeBytesMax {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return nil
}

// newProxy makes what carries requests to the leader.
func (s *Server) newProxy(transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn), // told to the client
		Rewrite: func(p *httputil.ProxyRequest) {
			e := p.In.Context().Value(errandKey{}).(*errand)
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", string(e.leader), p.In.Host
			p.Out.Header.Del("Expect")
			// What the operator's own proxies said is for the leader to judge.
			for _, name := range []string{
				"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
			} {
				if said := p.In.Header[name]; said != nil {
					p.Out.Header[name] = said
				}
			}
			p.Out.Header.Set(headerClient, p.In.RemoteAddr)
			p.Out.GetBody = p.In.GetBody
		},
		ModifyResponse: func(answer *http.Response) error {
			s.catchUpTo(answer)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			w.Header().Set("Connection", "close") // what is left of a long body is not waited for
			e := r.Context().Value(errandKey{}).(*errand)
			if e.begun.Load() && !reads(r) {
				api.WriteFault(w, errOutcome())
				return
			}
			api.WriteFault(w, errNoLeader())
		},
	}
}

// catchUpTo waits until this replica has seen what an answer of the leader is about: who stays
// with one replica reads what he wrote. A replica that is further behind than that answers all
// the same.
func (s *Server) catchUpTo(answer *http.Response) {
	index, err := strconv.ParseUint(answer.Header.Get(api.HeaderIndex), 10, 64)
	if err != nil || index <= s.state.Applied() {
		return
	}
	ctx, cancel := context.WithTimeout(answer.Request.Context(), relayMax)
	defer cancel()
	_ = s.journal.WaitApplied(ctx, index) // the answer says by its index what it is about
}

// indexed is an answer that names the newest entry that it can be about.
type indexed struct {
	http.ResponseWriter
	state  *node.State
	marked bool
}

// mark adds the header, unless another replica did, or the answer has begun.
func (w *indexed) mark() {
	if w.marked {
		return
	}
	w.marked = true
	if h := w.Header(); h.Get(api.HeaderIndex) == "" {
		h.Set(api.HeaderIndex, strconv.FormatUint(w.state.Applied(), 10))
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *indexed) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.mark()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *indexed) Write(p []byte) (int, error) {
	w.mark()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *indexed) Unwrap() http.ResponseWriter { return w.ResponseWriter }
