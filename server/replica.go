package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"seyfert/journal"
	"seyfert/mirror"
)

// Between replicas.
const (
	// ForwardsMax is how many requests a replica has at the leader at a time; one more is
	// answered with 429.
	ForwardsMax = 1024
	// replicaIdleMax is how many silent connections are kept to each replica.
	replicaIdleMax = 256
	// replicaAnswerMax bounds an answer of another replica to this one.
	replicaAnswerMax = mirror.AnswerBytesMax
	// askTimeout bounds a question to another replica that may be dead.
	askTimeout = 2 * time.Second
	// watchEvery is how often a replica looks who leads and who the members are.
	watchEvery = 50 * time.Millisecond
	// silentPaces is for how many of the journal's paces a replica still shows what it has while
	// it hears of no leader.
	silentPaces = 5
)

// replica is what a node of several replicas has beside a node that is alone.
type replica struct {
	layer  *journal.TLSLayer
	client *http.Client
	proxy  *httputil.ReverseProxy
	http   *http.Server
	mirror *mirror.Mirror
	// journal is nil until it is open.
	journal atomic.Pointer[journal.Raft]
	// forwards has one value for each request that is at the leader.
	forwards chan struct{}
	serving  sync.WaitGroup
	barriers *barriers
	// voter says that this replica has a vote, ready that its state has been that of the leader
	// since it last heard of none for longer than patience.
	voter, ready atomic.Bool
	patience     time.Duration

	mu sync.Mutex // guards the following
	// leader is who leads; reign ends when another one does.
	leader journal.ReplicaID
	reign  context.Context
	depose context.CancelFunc
	heard  time.Time // when a leader was last known
}

// openReplica makes the connections between the replicas; the journal lets others in.
func (s *Server) openReplica(parts Parts) error {
	key, err := s.cfg.makeReplica()
	if err != nil {
		return err
	}
	known, _, err := s.cfg.known()
	if err != nil {
		return err
	}
	listener := parts.ReplicaListener
	if listener == nil {
		if listener, err = net.Listen("tcp", s.cfg.Replica.Listen); err != nil {
			return fmt.Errorf("listen for the other replicas: %w", err)
		}
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{
		Listener: listener, Key: key, Address: s.cfg.Replica.Advertise, Known: known,
		Dial: parts.ReplicaDial,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	r := &replica{
		layer: layer, forwards: make(chan struct{}, ForwardsMax), barriers: newBarriers(),
		patience: silentPaces * cmp.Or(parts.Pace, journal.PaceDefault),
	}
	r.reign, r.depose = context.WithCancel(context.Background())
	transport := &http.Transport{
		DialContext:         newDialer(layer).dial,
		MaxIdleConnsPerHost: replicaIdleMax, IdleConnTimeout: idleTimeout,
		DisableCompression: true,
	}
	r.client = &http.Client{Transport: transport}
	s.replica = r
	s.replica.proxy = s.newProxy(transport)
	return nil
}

// makeReplica reads this replica's key, or makes what a replica has of its own: the file in which
// the mirror keeps its promises comes first, for one that is lost later must be missed.
func (c Config) makeReplica() (ed25519.PrivateKey, error) {
	if _, err := os.Stat(c.replicaKeyFile()); errors.Is(err, fs.ErrNotExist) {
		if err := mirror.Begin(c.terms()); err != nil {
			return nil, err
		}
	}
	return replicaKey(c, rand.Reader)
}

func (c Config) terms() *mirror.Terms {
	return mirror.OpenTerms(filepath.Join(c.keysDir(), mirror.TermsName))
}

// cluster is how the journal takes part; nil when this replica is alone.
func (s *Server) cluster(parts Parts) (*journal.Cluster, error) {
	if s.replica == nil {
		return nil, nil
	}
	_, joins, err := s.cfg.known()
	return &journal.Cluster{Layer: s.replica.layer, Join: joins, Pace: parts.Pace}, err
}

// only says whether this replica is the node's only one.
func (s *Server) only() bool {
	if s.replica == nil {
		return true
	}
	members := s.journal.Replicas()
	return len(members) == 1 && members[0].ID == s.journal.Self().ID
}

// serveReplicas answers the other replicas.
func (s *Server) serveReplicas(local http.Handler, log *slog.Logger) {
	own := s.replicaRoutes()
	forwarded := s.forwarded(local)
	s.replica.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// A replica that forwards always names the client, so that no client's path is
			// ever taken for one of the replicas' own.
			if _, is := r.Header[headerClient]; is {
				forwarded.ServeHTTP(w, r)
				return
			}
			own.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: 2 * idleTimeout,
		MaxHeaderBytes: 2 * headerBytesMax,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, keyReplica, peerOf(conn))
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	doors := newDoors(s.replica.layer.Listener(journal.ProtocolForward))
	s.replica.serving.Go(doors.run)
	s.replica.serving.Go(func() {
		_ = s.replica.http.Serve(doors) // until it is shut
	})
}

// replicaRoutes are what replicas ask each other.
func (s *Server) replicaRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathMirror, s.serveMirror)
	mux.HandleFunc("GET "+pathStatus, s.serveStatus)
	mux.HandleFunc("GET "+pathBarrier, s.serveBarrier)
	mux.HandleFunc("GET /replica/keys", s.serveReplicaKeys)
	mux.HandleFunc("POST /replica/order", s.serveReplicaOrder)
	return mux
}

// Paths between replicas.
const (
	pathMirror  = "/replica/mirror"
	pathStatus  = "/replica/status"
	pathBarrier = "/replica/barrier"
)

type contextKey uint8

// keyReplica is the key of who is at the other end of a connection between replicas.
const keyReplica contextKey = 0

// peerOf says who is at the other end of a connection of the layer.
func peerOf(conn net.Conn) journal.ReplicaID {
	secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return ""
	}
	for _, certificate := range secure.ConnectionState().PeerCertificates {
		if key, ok := certificate.PublicKey.(ed25519.PublicKey); ok {
			return journal.IDOf(key)
		}
	}
	return ""
}

// callerOf says which replica sent a request.
func callerOf(r *http.Request) journal.ReplicaID {
	id, _ := r.Context().Value(keyReplica).(journal.ReplicaID)
	return id
}

// replicaError is the answer of a replica that did not do what it was asked.
type replicaError struct {
	Status int
	Text   string
}

// Error implements error.
func (e *replicaError) Error() string {
	return fmt.Sprintf("another replica answers %d: %s", e.Status, e.Text)
}

// askReplica asks another replica. in is nil, bytes or what becomes JSON; out is nil, *[]byte or
// what JSON is read into.
func (s *Server) askReplica(
	ctx context.Context, id journal.ReplicaID, method, path string, in, out any,
) error {
	body, ok := in.([]byte)
	if in != nil && !ok {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+string(id)+path,
		bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := s.replica.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, replicaAnswerMax+1))
	switch {
	case err != nil:
		return err
	case len(text) > replicaAnswerMax:
		return fmt.Errorf("another replica sends more than %d bytes", replicaAnswerMax)
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return &replicaError{answer.StatusCode, string(bytes.TrimSpace(text[:min(len(text), 512)]))}
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = text
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// watch keeps account of who leads and of whether this replica votes, until ctx ends.
func (r *replica) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		r.look()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *replica) look() {
	j := r.journal.Load()
	self := j.Self().ID
	votes := false
	for _, m := range j.Replicas() {
		votes = votes || m.ID == self && m.Voter
	}
	r.voter.Store(votes)
	leader, known := j.Leader()
	r.mu.Lock()
	defer r.mu.Unlock()
	if known {
		r.heard = time.Now()
	} else if time.Since(r.heard) > r.patience {
		r.ready.Store(false)
	}
	if !known || leader.ID == r.leader {
		return // while none is known the last one may still answer
	}
	r.depose()
	r.leader = leader.ID
	r.reign, r.depose = context.WithCancel(context.Background())
}

// led returns who leads, another than this replica, and a context that ends with the reign.
func (r *replica) led() (leader journal.ReplicaID, reign context.Context, ok bool) {
	j := r.journal.Load()
	now, known := j.Leader()
	if !known || now.ID == j.Self().ID {
		return "", nil, false
	}
	r.look()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leader, r.reign, r.leader == now.ID
}

// getReady waits until this replica's state has been as new as the leader's, and again whenever
// it has heard of no leader for long, until ctx ends: what a replica shows that has just begun is
// as old as its newest cut, and that of one which was cut off as old as that. One whose
// configuration is not that of the journal fails then, not on the day when it comes to lead.
func (s *Server) getReady(ctx context.Context) {
	for {
		if !s.replica.ready.Load() && s.level(ctx) {
			if err := s.checkConfigured(); err != nil {
				s.fail(err)
				return
			}
			s.replica.ready.Store(true)
		}
		if !pause(ctx, watchEvery) {
			return
		}
	}
}

// level says whether this replica has all that was acknowledged before the call.
func (s *Server) level(ctx context.Context) bool {
	index, err := s.barrier(ctx)
	return err == nil && s.journal.WaitApplied(ctx, index) == nil && s.configured()
}
