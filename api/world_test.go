package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/auth"
	"seyfert/chain"
	"seyfert/client"
	"seyfert/core"
	"seyfert/egress"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/signer"
	"seyfert/wire"
)

// bankSecret is what the bank and each node share.
const bankSecret = "a secret of the bank and the node"

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// place is one node behind a real server, its workers driven by the test.
type place struct {
	t      testing.TB
	did    string
	url    string
	node   *node.Node
	state  *node.State
	signer *signer.Signer
	out    *egress.Client
	clock  *clock
	log    *diary
	key    string // the operator's
	handle http.Handler
	names  *names
	chain  *chain.Memory
	queue  *queue
}

// queue is a journal whose queue a test can fill.
type queue struct {
	*journal.Memory
	full atomic.Bool
}

// Propose implements node.Journal.
func (q *queue) Propose(ctx context.Context, c journal.Command) (journal.Result, error) {
	if q.full.Load() {
		return journal.Result{}, fault.New(fault.TooMany, "", "too many commands are waiting")
	}
	return q.Memory.Propose(ctx, c)
}

// diary is what a node logs, at every level, from all its goroutines.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// names are the keys of members' names, on a disk that can break.
type names struct {
	*signer.NameMemory
	broken error
}

// Load implements signer.NameStore.
func (n *names) Load(member string) ([32]byte, bool, error) {
	if n.broken != nil {
		return [32]byte{}, false, n.broken
	}
	return n.NameMemory.Load(member)
}

// settings are what a test may want otherwise.
type settings struct {
	limits      api.Limits
	bodyTimeout time.Duration
	streams     api.Streams
}

// newPlace starts a node of the given name on a chain.
func newPlace(t testing.TB, name string, c *clock, coins *chain.Memory, s settings) *place {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	p := &place{
		t: t, did: "did:web:" + name + ".localhost", clock: c, log: &diary{},
		url: "http://" + name + ".localhost:" + port, chain: coins,
		out:   egress.New(egress.Policy{Loopback: true}),
		names: &names{NameMemory: signer.NewNameMemory()},
	}
	p.build()
	p.handle, err = api.New(p.config(s))
	must(t, err)
	server := &http.Server{Handler: p.handle}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close(); p.out.Close() })
	return p
}

// build makes the node of memory parts.
func (p *place) build() {
	p.t.Helper()
	keys, err := signer.NewKeys(rand.Reader, p.did, "regtest")
	must(p.t, err)
	file := signer.NewMemory(nil)
	must(p.t, signer.Begin(keys, file))
	p.signer, err = signer.New(signer.Config{
		Keys: keys, Journal: file, Names: p.names,
		Sealing: signer.SeededHPKE{Seed: [32]byte{9}}, Random: rand.Reader,
	})
	must(p.t, err)
	lane, err := p.chain.Fund(context.Background(), p.signer.LaneScript(0), 1_000_000)
	must(p.t, err)
	c, err := core.Open(core.NewMemory().Stores(), ledger.NewBook())
	must(p.t, err)
	p.state = node.NewState(c, nil)
	entries, err := journal.NewMemory(journal.Settings{
		Node: p.did, Rule: core.RuleVersion,
		Seed: func() (b [32]byte) { rand.Read(b[:]); return b },
		Now:  func() int64 { return p.clock.Now().UnixMilli() },
	}, p.state, nil)
	must(p.t, err)
	p.queue = &queue{Memory: entries}
	p.node, err = node.New(node.Config{
		State: p.state, Journal: p.queue, Signer: p.signer, Chain: p.chain,
		Transport: peer.NewClient(p.out, p.signer, p.unix, rand.Reader),
		Now:       p.clock.Now, Random: rand.Reader, Log: p.logger(),
	})
	must(p.t, err)
	p.configure(lane)
}

func (p *place) configure(lane [36]byte) {
	p.t.Helper()
	currencies := []money.Currency{money.KRW, money.JPY, money.BTC}
	descriptor, err := node.Describe(p.signer, node.Description{
		SNP: p.url, API: p.url, Currencies: currencies, Rails: []string{bank.Rail},
		Lanes: []signer.Lane{{N: 0, Outpoint: wire.Outpoint(lane), Value: 1_000_000}},
	})
	must(p.t, err)
	key, hash, err := auth.NewKey(rand.Reader, false)
	must(p.t, err)
	p.key = string(key)
	must(p.t, p.node.Configure(context.Background(), node.Setup{
		Currencies: currencies, Descriptor: descriptor, OperatorKey: hash,
		Thresholds: []money.Amount{money.New(money.KRW, 10_000)},
	}))
}

func (p *place) unix() int64 { return p.clock.Now().Unix() }

func (p *place) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// config is how the API over the node is made.
func (p *place) config(s settings) api.Config {
	p.t.Helper()
	receiver, err := peer.NewReceiver(p.url, p.signer,
		func(keyID string) (string, ed25519.PublicKey, bool) {
			did, key, ok := p.node.PeerKey(keyID)
			return did, key, ok
		}, p.unix)
	must(p.t, err)
	return api.Config{
		Node: p.node, Receiver: receiver, Bank: bank.New([]byte(bankSecret), p.clock.Now),
		Fetch:       peer.NewClient(p.out, p.signer, p.unix, rand.Reader).Fetch,
		CheckoutURL: func(offer string) string { return p.url + "/checkout/" + offer },
		Origin:      p.url, Now: p.clock.Now, Random: rand.Reader, Log: p.logger(),
		Limits: s.limits, BodyTimeout: s.bodyTimeout, Streams: s.streams,
	}
}

// as is a client of the node with a key or session; an empty one is anonymous.
func (p *place) as(key string) *client.Client {
	p.t.Helper()
	return client.New(client.Config{URL: p.url, Key: key, HTTP: p.out.HTTP()})
}

// operator is the client of the node's operator.
func (p *place) operator() *client.Client { return p.as(p.key) }

// hash is the state hash, in hexadecimal.
func (p *place) hash() string {
	h := p.state.StateHash()
	return hex.EncodeToString(h[:])
}

// send sends a request of raw parts and gives the answer with its body.
func (p *place) send(method, path string, header http.Header, body io.Reader) (
	*http.Response, []byte,
) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, body)
	must(p.t, err)
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := p.out.HTTP().Do(r)
	must(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(p.t, err)
	return answer, text
}

// world is two nodes that trade with each other.
type world struct {
	t            *testing.T
	clock        *clock
	chain        *chain.Memory
	seoul, tokyo *place
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.UnixMilli(1_795_000_000_000).UTC()}}
	var err error
	w.chain, err = chain.NewMemory(w.clock.Now)
	must(t, err)
	w.mine(10)
	w.seoul = newPlace(t, "seoul", w.clock, w.chain, settings{})
	w.tokyo = newPlace(t, "tokyo", w.clock, w.chain, settings{})
	for _, pair := range [][2]*place{{w.seoul, w.tokyo}, {w.tokyo, w.seoul}} {
		_, err := pair[0].operator().AddPeer(t.Context(), client.PeerTerms{
			URL: pair[1].url, Thumbprint: pair[1].signer.KeyID(),
			Credit: []money.Amount{money.New(money.KRW, 1_000_000)},
		})
		must(t, err)
	}
	w.settle()
	return w
}

// alone is one node without peers.
func alone(t testing.TB, s settings) *place {
	t.Helper()
	c := &clock{now: time.UnixMilli(1_795_000_000_000).UTC()}
	coins, err := chain.NewMemory(c.Now)
	must(t, err)
	_, err = coins.Mine(t.Context(), 10, []byte{0x51})
	must(t, err)
	return newPlace(t, "seoul", c, coins, s)
}

func (w *world) mine(n int) {
	w.t.Helper()
	_, err := w.chain.Mine(context.Background(), n, []byte{0x51})
	must(w.t, err)
}

// settle runs the workers of both nodes until none has anything to do.
func (w *world) settle() {
	w.t.Helper()
	ctx := context.Background()
	for range 50 {
		done := 0
		for _, pair := range [][2]*place{{w.seoul, w.tokyo}, {w.tokyo, w.seoul}} {
			n := pair[0].node
			for _, work := range []func() (int, error){
				func() (int, error) { return n.Deliver(ctx, pair[1].did) },
				func() (int, error) { return n.SignDays(ctx) },
				func() (int, error) { return n.WatchChain(ctx) },
				func() (int, error) { return n.WriteChain(ctx) },
			} {
				count, err := work()
				must(w.t, err)
				done += count
			}
		}
		if done == 0 {
			return
		}
	}
	w.t.Fatal("the nodes do not come to rest")
}

// work settles in the background until the test ends, for calls that wait.
func (w *world) work() {
	ctx, stop := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for _, p := range []*place{w.seoul, w.tokyo} {
		workers.Go(func() { p.node.Run(ctx) })
	}
	w.t.Cleanup(func() { stop(); workers.Wait() })
}

// rest waits until no message is under way, so that what changes afterwards was asked for.
func (w *world) rest() {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		seoul, err := w.seoul.operator().Peers(w.t.Context())
		must(w.t, err)
		tokyo, err := w.tokyo.operator().Peers(w.t.Context())
		must(w.t, err)
		a, b := seoul[0], tokyo[0]
		if a.Delivered == a.Sent && b.Delivered == b.Sent && a.Sent == b.Received &&
			b.Sent == a.Received {
			return
		}
		if time.Now().After(end) {
			w.t.Fatal("the nodes do not come to rest")
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
