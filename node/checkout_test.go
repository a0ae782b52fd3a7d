package node_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/peer"
	"seyfert/signer"
	"seyfert/wire"
)

// world is two nodes in memory, a chain and a clock, in one thread.
type world struct {
	t      *testing.T
	now    time.Time
	chain  *chain.Memory
	nodes  map[string]*node.Node
	random *rand.ChaCha8
}

func (w *world) clock() time.Time { return w.now }

// Post implements node.Transport: it hands messages straight to the other node.
func (w *world) Post(ctx context.Context, to peer.Address, jws []string) ([]peer.Answer, error) {
	m, err := wire.ParseJWS(jws[0])
	if err != nil {
		return nil, err
	}
	message, err := wire.ParseMessage(m.Payload)
	if err != nil {
		return nil, err
	}
	return w.nodes[to.DID].Receive(ctx, message.From, jws)
}

func operator() node.Caller { return node.Caller{Kind: journal.System, ID: core.OwnerNode} }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, now: time.UnixMilli(1_795_000_000_000), nodes: map[string]*node.Node{},
		random: rand.NewChaCha8([32]byte{7}),
	}
	var err error
	if w.chain, err = chain.NewMemory(w.clock); err != nil {
		t.Fatal(err)
	}
	w.mine(10)
	descriptors := map[string]string{}
	for _, name := range []string{"seoul", "tokyo"} {
		did := "did:web:" + name + ".localhost"
		descriptors[did] = w.addNode(did, name)
	}
	for did, n := range w.nodes {
		for other, descriptor := range descriptors {
			if other == did {
				continue
			}
			_, err := n.AddPeer(context.Background(), operator(), node.PeerTerms{
				URL: "http://" + other, Descriptor: descriptor,
				Credit: []money.Amount{money.New(money.KRW, 1_000_000)},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

func (w *world) addNode(did, name string) string {
	w.t.Helper()
	ctx := context.Background()
	keys, err := signer.NewKeys(w.random, did, "regtest")
	if err != nil {
		w.t.Fatal(err)
	}
	file := signer.NewMemory(nil)
	if err := signer.Begin(keys, file); err != nil {
		w.t.Fatal(err)
	}
	s, err := signer.New(signer.Config{
		Keys: keys, Journal: file, Names: signer.NewNameMemory(),
		Sealing: signer.SeededHPKE{Seed: [32]byte{9}}, Random: w.random,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	lane, err := w.chain.Fund(ctx, s.LaneScript(0), 1_000_000)
	if err != nil {
		w.t.Fatal(err)
	}
	descriptor, err := node.Describe(s, node.Description{
		SNP: "http://" + name + ".localhost:1", API: "http://" + name + ".localhost:1",
		Currencies: []money.Currency{money.KRW, money.JPY}, Rails: []string{"bank"},
		Lanes: []signer.Lane{{N: 0, Outpoint: wire.Outpoint(lane), Value: 1_000_000}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := core.Open(core.NewMemory().Stores(), ledger.NewBook())
	if err != nil {
		w.t.Fatal(err)
	}
	state := node.NewState(c, nil)
	seed := func() (b [32]byte) { w.random.Read(b[:]); return b }
	j, err := journal.NewMemory(journal.Settings{
		Node: did, Rule: core.RuleVersion, Seed: seed,
		Now: func() int64 { return w.now.UnixMilli() },
	}, state, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := node.New(node.Config{
		State: state, Journal: j, Signer: s, Chain: w.chain, Transport: w, Now: w.clock,
		Random: w.random, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.nodes[did] = n
	err = n.Configure(ctx, node.Setup{
		Currencies: []money.Currency{money.KRW, money.JPY}, Descriptor: descriptor,
		Thresholds:  []money.Amount{money.New(money.KRW, 10_000)},
		OperatorKey: [32]byte{1},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return descriptor
}

func (w *world) mine(n int) {
	w.t.Helper()
	if _, err := w.chain.Mine(context.Background(), n, []byte{0x51}); err != nil {
		w.t.Fatal(err)
	}
}

// settle runs every worker until none has anything to do.
func (w *world) settle() {
	w.t.Helper()
	ctx := context.Background()
	for range 50 {
		done := 0
		for did, n := range w.nodes {
			for other := range w.nodes {
				if other != did {
					done += w.count(n.Deliver(ctx, other))
				}
			}
			done += w.count(n.SignDays(ctx))
			done += w.count(n.WatchChain(ctx))
			done += w.count(n.WriteChain(ctx))
		}
		if done == 0 {
			return
		}
	}
	w.t.Fatal("the nodes do not come to rest")
}

func (w *world) count(n int, err error) int {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestCheckout(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	seoul, tokyo := w.nodes["did:web:seoul.localhost"], w.nodes["did:web:tokyo.localhost"]
	w.settle()

	member, err := seoul.CreateMember(ctx, node.Caller{Kind: journal.Operator}, node.Request{}, "Kim")
	if err == nil {
		t.Fatal("an operator without a key made a member")
	}
	opSeoul := node.Caller{
		Kind: journal.Operator, ID: core.OwnerNode,
		Key: "0100000000000000000000000000000000000000000000000000000000000000",
	}
	opTokyo := opSeoul
	member, err = seoul.CreateMember(ctx, opSeoul, node.Request{}, "Kim")
	must(t, err)
	company, apiKey, err := tokyo.CreateCompany(ctx, opTokyo, node.Request{}, "Kanda Paper")
	must(t, err)
	code, _, err := seoul.CreateSignIn(ctx, opSeoul, member.ID)
	must(t, err)
	session, _, err := seoul.SignIn(ctx, string(code))
	must(t, err)
	customer, err := seoul.Authenticate(string(session))
	must(t, err)
	shop, err := tokyo.Authenticate(string(apiKey))
	must(t, err)
	_, err = seoul.OpenVirtualAccount(ctx, opSeoul, node.Request{}, node.VirtualAccount{
		Rail: "bank", Bank: "hana", Number: "110-1", Currency: "KRW", Owner: member.ID,
	})
	must(t, err)
	_, err = seoul.TakeNotice(ctx, node.Notice{
		Rail: "bank", ID: "n1", Bank: "hana", Number: "110-1", Amount: money.New(money.KRW, 100_000),
	})
	must(t, err)

	pub, key, _ := ed25519.GenerateKey(w.random)
	offer, err := tokyo.CreateOffer(ctx, shop, node.Request{}, node.OfferRequest{
		Amount:   money.New(money.KRW, 15_000),
		PayeeKey: base64.RawURLEncoding.EncodeToString(pub),
	})
	must(t, err)
	order, err := seoul.Approve(ctx, customer, node.Request{}, offer.JWS)
	must(t, err)

	jws, _ := wire.ParseJWS(offer.JWS)
	claimID := wire.NewUUID(w.now.UnixMilli(), [10]byte{3})
	digest := payment.ClaimDigest(payment.ClaimID(claimID), order.Receipt,
		payment.OfferHash(jws.Payload), offer.Alias, offer.Amount)
	claim, err := tokyo.SubmitClaim(ctx, shop, node.ClaimRequest{
		ID: payment.ClaimID(claimID).String(), Receipt: order.Receipt, Offer: offer.JWS,
		Amount: offer.Amount, Signature: base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, digest[:])),
	})
	must(t, err)
	if claim.State != "pending" {
		t.Fatalf("claim is %s", claim.State)
	}
	w.settle()
	claim, err = tokyo.Claim(shop, claim.ID)
	must(t, err)
	if claim.State != "paid" {
		t.Fatalf("claim is %s", claim.State)
	}
	wallet, err := seoul.Wallet(customer, member.ID)
	must(t, err)
	if got := wallet.Balances[0].Available; got != money.New(money.KRW, 85_000) {
		t.Fatalf("customer has %v", got)
	}
	wallet, err = tokyo.Wallet(shop, company.ID)
	must(t, err)
	if got := wallet.Balances[0].Available; got != money.New(money.KRW, 15_000) {
		t.Fatalf("shop has %v", got)
	}
	for _, n := range []*node.Node{seoul, tokyo} {
		_, err = n.CloseDay(ctx, operator(), 0)
		must(t, err)
	}
	w.settle()
	w.mine(6)
	w.settle()
	for _, n := range []*node.Node{seoul, tokyo} {
		bundle, err := n.Bundle(ctx, operator(), claim.Transfer)
		must(t, err)
		if len(bundle) == 0 {
			t.Fatal("empty bundle")
		}
	}
	order, err = seoul.Order(customer, order.ID)
	must(t, err)
	if order.State != "paid" || order.Proof != "confirmed" {
		t.Fatalf("order is %s, proof %s", order.State, order.Proof)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
