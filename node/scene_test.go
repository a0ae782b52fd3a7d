package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"seyfert/auth"
	"seyfert/chain"
	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/peer"
	"seyfert/signer"
	"seyfert/table"
	"seyfert/wire"
)

// errDropped is what a caller gets whose command or post was dropped by a test.
var errDropped = errors.New("dropped by the test")

// scene is a few nodes in memory that trust each other, with a clock, a chain and every
// message in the hands of the test.
type scene struct {
	t      *testing.T
	now    time.Time
	chain  *chain.Memory
	random *rand.ChaCha8
	actors []*actor
	rogue  *rogue
}

// actor is one node of a scene.
type actor struct {
	scene    *scene
	did      string
	node     *node.Node
	signer   *signer.Signer
	journal  *journal.Memory
	tables   *countedTables
	records  *countedRecords
	setup    node.Setup
	operator node.Caller
	// drop, if set, says which commands never reach the journal.
	drop func(c journal.Command) bool
	// posted is everything that this node sent, in order.
	posted []wire.Message
	// received is every byte that came from other nodes: messages, and answers to its own.
	received []byte
	// log is what the node wrote into its log.
	log bytes.Buffer
}

// Propose implements node.Journal.
func (a *actor) Propose(ctx context.Context, c journal.Command) (journal.Result, error) {
	if a.drop != nil && a.drop(c) {
		return journal.Result{}, errDropped
	}
	return a.journal.Propose(ctx, c)
}

// Post implements node.Transport.
func (a *actor) Post(ctx context.Context, to peer.Address, jws []string) ([]peer.Answer, error) {
	for _, text := range jws {
		a.posted = append(a.posted, readMessage(a.scene.t, text))
	}
	if r := a.scene.rogue; r != nil && to.DID == r.did {
		return r.take(jws), nil
	}
	other := a.scene.actor(to.DID)
	for _, text := range jws {
		other.received = append(other.received, text...)
	}
	answers, err := other.node.Receive(ctx, a.did, jws)
	text, encodeErr := json.Marshal(answers)
	must(a.scene.t, encodeErr)
	a.received = append(a.received, text...)
	return answers, err
}

func readMessage(t *testing.T, text string) wire.Message {
	t.Helper()
	jws, err := wire.ParseJWS(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.ParseMessage(jws.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newScene makes nodes with these names. Each gives every other credit of so many won.
func newScene(t *testing.T, credit uint64, names ...string) *scene {
	t.Helper()
	s := &scene{
		t: t, now: time.UnixMilli(1_795_000_000_000).UTC(),
		random: rand.NewChaCha8([32]byte{3}),
	}
	var err error
	s.chain, err = chain.NewMemory(func() time.Time { return s.now })
	must(t, err)
	s.mine(10)
	for _, name := range names {
		s.actors = append(s.actors, s.newActor(name))
	}
	s.mine(1)
	for _, a := range s.actors {
		for _, other := range s.actors {
			if a != other {
				s.trust(a, other.setup.Descriptor, credit)
			}
		}
	}
	s.settle()
	return s
}

func (s *scene) trust(a *actor, descriptor string, credit uint64) {
	s.t.Helper()
	_, err := a.node.AddPeer(context.Background(), a.operator, node.PeerTerms{
		URL: "http://peer.localhost:1", Descriptor: descriptor,
		Credit: []money.Amount{money.New(money.KRW, credit)},
	})
	must(s.t, err)
}

func (s *scene) newActor(name string) *actor {
	s.t.Helper()
	a := &actor{scene: s, did: "did:web:" + name + ".localhost"}
	keys, err := signer.NewKeys(s.random, a.did, "regtest")
	must(s.t, err)
	file := signer.NewMemory(nil)
	must(s.t, signer.Begin(keys, file))
	a.signer, err = signer.New(signer.Config{
		Keys: keys, Journal: file, Names: signer.NewNameMemory(), Random: s.random,
		Sealing: signer.SeededHPKE{Seed: [32]byte{9}},
	})
	must(s.t, err)
	a.tables = &countedTables{Store: table.NewMemory()}
	a.records = &countedRecords{Records: table.NewRecordsMemory(ledger.RecordSize)}
	stores := core.NewMemory().Stores()
	stores.Tables, stores.History = a.tables, a.records
	c, err := core.Open(stores, ledger.NewBook())
	must(s.t, err)
	state := node.NewState(c, nil)
	a.journal, err = journal.NewMemory(journal.Settings{
		Node: a.did, Rule: core.RuleVersion, Now: func() int64 { return s.now.UnixMilli() },
		Seed: func() (b [32]byte) { s.random.Read(b[:]); return b },
	}, state, nil)
	must(s.t, err)
	a.node, err = node.New(node.Config{
		State: state, Journal: a, Signer: a.signer, Chain: s.chain, Transport: a,
		Now: func() time.Time { return s.now }, Random: s.random,
		Log: slog.New(slog.NewTextHandler(&a.log, nil)),
	})
	must(s.t, err)
	a.configure(name)
	return a
}

// configure gives a node its descriptor, its setup and an operator's key.
func (a *actor) configure(name string) {
	t, ctx := a.scene.t, context.Background()
	t.Helper()
	lane, err := a.scene.chain.Fund(ctx, a.signer.LaneScript(0), 1_000_000)
	must(t, err)
	secret, key, err := auth.NewKey(a.scene.random, false)
	must(t, err)
	a.setup = node.Setup{
		Currencies:  []money.Currency{money.KRW, money.JPY},
		Thresholds:  []money.Amount{money.New(money.KRW, 10_000)},
		OperatorKey: key,
	}
	a.setup.Descriptor, err = node.Describe(a.signer, node.Description{
		SNP: "http://" + name + ".localhost:1", API: "http://" + name + ".localhost:1",
		Currencies: a.setup.Currencies, Rails: []string{"bank"},
		Lanes: []signer.Lane{{N: 0, Outpoint: wire.Outpoint(lane), Value: 1_000_000}},
	})
	must(t, err)
	must(t, a.node.Configure(ctx, a.setup))
	a.operator, err = a.node.Authenticate(string(secret))
	must(t, err)
}

func (s *scene) actor(did string) *actor {
	for _, a := range s.actors {
		if a.did == did {
			return a
		}
	}
	s.t.Fatalf("no node %s", did)
	return nil
}

func (s *scene) mine(n int) {
	s.t.Helper()
	_, err := s.chain.Mine(context.Background(), n, []byte{0x51})
	must(s.t, err)
}

// settle lets every node work until none has anything to do.
func (s *scene) settle() {
	s.t.Helper()
	ctx := context.Background()
	for range 50 {
		done := 0
		for _, a := range s.actors {
			done += a.deliver()
			signed, err := a.node.SignDays(ctx)
			must(s.t, err)
			read, err := a.node.WatchChain(ctx)
			must(s.t, err)
			wrote, err := a.node.WriteChain(ctx)
			must(s.t, err)
			done += signed + read + wrote
		}
		if done == 0 {
			return
		}
	}
	s.t.Fatal("the nodes do not come to rest")
}

// deliver sends a node's messages to everyone, once.
func (a *actor) deliver() (done int) {
	a.scene.t.Helper()
	for _, p := range a.peers() {
		taken, err := a.node.Deliver(context.Background(), p.DID)
		must(a.scene.t, err)
		done += taken
	}
	return done
}

func (a *actor) peers() []node.Peer {
	a.scene.t.Helper()
	peers, err := a.node.Peers(a.operator)
	must(a.scene.t, err)
	return peers
}

// later lets time pass, and every node see it.
func (s *scene) later(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	for _, a := range s.actors {
		must(s.t, a.node.Tick(context.Background()))
	}
}

// person is a member or a company of a node, with a session or a key.
type person struct {
	at     *actor
	id     string
	caller node.Caller
	key    ed25519.PrivateKey // a company's, for claims
}

// customer opens a member with so many won.
func (a *actor) customer(name string, won uint64) person {
	t, ctx := a.scene.t, context.Background()
	t.Helper()
	m, err := a.node.CreateMember(ctx, a.operator, node.Request{}, name)
	must(t, err)
	p := person{at: a, id: m.ID}
	p.signIn()
	_, err = a.node.OpenVirtualAccount(ctx, a.operator, node.Request{}, node.VirtualAccount{
		Rail: "bank", Bank: "hana", Number: m.ID, Currency: "KRW", Owner: m.ID,
	})
	must(t, err)
	_, err = a.node.TakeNotice(ctx, node.Notice{
		Rail: "bank", ID: "first " + m.ID, Bank: "hana", Number: m.ID,
		Amount: money.New(money.KRW, won),
	})
	must(t, err)
	return p
}

func (p *person) signIn() {
	t, ctx := p.at.scene.t, context.Background()
	t.Helper()
	code, _, err := p.at.node.CreateSignIn(ctx, p.at.operator, p.id)
	must(t, err)
	session, _, err := p.at.node.SignIn(ctx, string(code))
	must(t, err)
	p.caller, err = p.at.node.Authenticate(string(session))
	must(t, err)
}

// shop opens a company with a key for its claims.
func (a *actor) shop(name string) person {
	t := a.scene.t
	t.Helper()
	c, secret, err := a.node.CreateCompany(context.Background(), a.operator, node.Request{}, name)
	must(t, err)
	caller, err := a.node.Authenticate(string(secret))
	must(t, err)
	var seed [32]byte
	a.scene.random.Read(seed[:])
	return person{at: a, id: c.ID, caller: caller, key: ed25519.NewKeyFromSeed(seed[:])}
}

// offer asks for so many won for three minutes.
func (p person) offer(won uint64) node.Offer {
	p.at.scene.t.Helper()
	pub := p.key.Public().(ed25519.PublicKey)
	o, err := p.at.node.CreateOffer(context.Background(), p.caller, node.Request{},
		node.OfferRequest{
			Amount:   money.New(money.KRW, won),
			PayeeKey: base64.RawURLEncoding.EncodeToString(pub),
		})
	must(p.at.scene.t, err)
	return o
}

func (p person) approve(o node.Offer) node.Order {
	p.at.scene.t.Helper()
	order, err := p.at.node.Approve(context.Background(), p.caller, node.Request{}, o.JWS)
	must(p.at.scene.t, err)
	return order
}

// claim is what a shop sends for an offer and a receipt, signed with its key.
func (p person) claim(o node.Offer, receipt string) node.ClaimRequest {
	p.at.scene.t.Helper()
	var random [10]byte
	p.at.scene.random.Read(random[:])
	c := node.ClaimRequest{
		ID:      payment.ClaimID(wire.NewUUID(p.at.scene.now.UnixMilli(), random)).String(),
		Receipt: receipt, Offer: o.JWS, Amount: o.Amount,
	}
	return p.sign(c)
}

// sign signs a claim, whatever it says, with the shop's key.
func (p person) sign(c node.ClaimRequest) node.ClaimRequest {
	p.at.scene.t.Helper()
	jws, err := wire.ParseJWS(c.Offer)
	must(p.at.scene.t, err)
	offer, err := payment.ParseOffer(jws.Payload)
	must(p.at.scene.t, err)
	var id payment.ClaimID
	must(p.at.scene.t, id.UnmarshalText([]byte(c.ID)))
	digest := payment.ClaimDigest(id, c.Receipt, payment.OfferHash(jws.Payload), offer.Alias,
		c.Amount)
	c.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(p.key, digest[:]))
	return c
}

func (p person) submit(c node.ClaimRequest) node.Claim {
	p.at.scene.t.Helper()
	claim, err := p.at.node.SubmitClaim(context.Background(), p.caller, c)
	must(p.at.scene.t, err)
	return claim
}

// state reads a claim's state again.
func (p person) state(c node.ClaimRequest) string {
	p.at.scene.t.Helper()
	claim, err := p.at.node.Claim(p.caller, c.ID)
	must(p.at.scene.t, err)
	return claim.State
}

// won is what a person has in won.
func (p person) won() node.Balance {
	p.at.scene.t.Helper()
	w, err := p.at.node.Wallet(p.caller, p.id)
	must(p.at.scene.t, err)
	b := w.Balances[0]
	b.Account = ""
	return b
}

func balance(posted, held uint64) node.Balance {
	return node.Balance{
		Posted: money.New(money.KRW, posted), Held: money.New(money.KRW, held),
		Available: money.New(money.KRW, posted-held),
	}
}

func keyText(p person) string {
	return base64.RawURLEncoding.EncodeToString(p.key.Public().(ed25519.PublicKey))
}
