package server_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/money"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/server"
	"seyfert/wire"
)

// clock is a clock that runs and can be set forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// place is one node, started as `seyfert serve` starts it.
type place struct {
	t        *testing.T
	origin   string
	node     *node.Node
	operator node.Caller
	cfg      server.Config
}

// world is two nodes that trade, a member of seoul with money and a shop on tokyo.
type world struct {
	t            *testing.T
	clock        *clock
	chain        *chain.Memory
	seoul, tokyo *place
	member       node.Member
	shop         node.Caller
	shopKey      ed25519.PrivateKey
}

const (
	shopName   = "神田紙店 Kanda Paper"
	shopOrigin = "http://shop.localhost:7400"
	deposit    = 100_000
	price      = 15_000
)

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, clock: &clock{}}
	var err error
	w.chain, err = chain.NewMemory(w.clock.Now)
	must(t, err)
	w.mine(10)
	w.seoul, w.tokyo = w.start("seoul"), w.start("tokyo")
	for _, pair := range [][2]*place{{w.seoul, w.tokyo}, {w.tokyo, w.seoul}} {
		_, err := pair[0].node.AddPeer(ctx, pair[0].operator, node.PeerTerms{
			URL: pair[1].origin, Descriptor: pair[1].node.Descriptor(),
			Credit: []money.Amount{money.New(money.KRW, 1_000_000)},
		})
		must(t, err)
	}
	w.member = w.seoul.addMember("김하나 Kim Hana", "110-1")
	_, apiKey, err := w.tokyo.node.CreateCompany(ctx, w.tokyo.operator, node.Request{}, shopName)
	must(t, err)
	w.shop, err = w.tokyo.node.Authenticate(string(apiKey))
	must(t, err)
	_, w.shopKey, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return w
}

// start makes a node's keys, funds its lanes and starts it, behind proxies of these networks.
func (w *world) start(name string, proxies ...netip.Prefix) *place {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(w.t, err)
	cfg := server.Config{
		DID: "did:web:" + name + ".localhost", Dir: filepath.Join(w.t.TempDir(), name),
		Listen: listener.Addr().String(), Origin: "http://" + name + ".localhost:" + port,
		Network: "regtest", Currencies: []money.Currency{money.KRW, money.JPY},
		Thresholds:     []money.Amount{money.New(money.KRW, 10_000)},
		TrustedProxies: proxies,
	}
	made, err := server.Init(cfg, rand.Reader)
	must(w.t, err)
	for _, text := range made.Scripts {
		script, err := hex.DecodeString(text)
		must(w.t, err)
		coin, err := w.chain.Fund(w.t.Context(), script, 1_000_000)
		must(w.t, err)
		cfg.Lanes = append(cfg.Lanes, server.LaneConfig{
			Outpoint: wire.Outpoint(coin), Value: 1_000_000,
		})
	}
	if _, err := w.chain.Mine(w.t.Context(), 1, []byte{0x51}); err != nil {
		w.t.Fatal(err)
	}
	w.mine(1) // a node starts on coins that are in a block
	running, err := server.Start(w.t.Context(), cfg, server.Parts{
		Chain: w.chain, Listener: listener, Now: w.clock.Now,
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(w.t, err)
	w.t.Cleanup(func() {
		if err := running.Close(); err != nil {
			w.t.Error(err)
		}
	})
	key, err := os.ReadFile(made.OperatorFile)
	must(w.t, err)
	p := &place{t: w.t, origin: cfg.Origin, node: running.Node(), cfg: cfg}
	p.operator, err = p.node.Authenticate(strings.TrimSpace(string(key)))
	must(w.t, err)
	return p
}

func (w *world) mine(blocks int) {
	w.t.Helper()
	_, err := w.chain.Mine(context.Background(), blocks, []byte{0x51})
	must(w.t, err)
}

// addMember opens a member with a virtual account and a first deposit in won.
func (p *place) addMember(name, number string) node.Member {
	p.t.Helper()
	ctx := p.t.Context()
	member, err := p.node.CreateMember(ctx, p.operator, node.Request{}, name)
	must(p.t, err)
	_, err = p.node.OpenVirtualAccount(ctx, p.operator, node.Request{}, node.VirtualAccount{
		Rail: "bank", Bank: "한빛은행 Hanbit Bank", Number: number, Currency: "KRW",
		Owner: member.ID,
	})
	must(p.t, err)
	_, err = p.node.TakeNotice(ctx, node.Notice{
		Rail: "bank", ID: "notice " + number, Bank: "한빛은행 Hanbit Bank", Number: number,
		Amount: money.New(money.KRW, deposit),
	})
	must(p.t, err)
	return member
}

// code makes a sign-in code of a member.
func (p *place) code(member string) string {
	p.t.Helper()
	code, _, err := p.node.CreateSignIn(p.t.Context(), p.operator, member)
	must(p.t, err)
	return string(code)
}

// offer makes an offer of the shop; returnURL may be empty.
func (w *world) offer(returnURL string) node.Offer {
	w.t.Helper()
	request := node.OfferRequest{
		Amount: money.New(money.KRW, price),
		Basket: []node.Line{
			{Text: "Washi notebook A5", Amount: money.New(money.KRW, 9_800)},
			{Text: "Washi tape", Amount: money.New(money.KRW, 5_200)},
		},
		PayeeKey: base64.RawURLEncoding.EncodeToString(w.shopKey.Public().(ed25519.PublicKey)),
	}
	if returnURL != "" {
		request.Origins, request.ReturnURL = []string{shopOrigin}, returnURL
	}
	offer, err := w.tokyo.node.CreateOffer(w.t.Context(), w.shop, node.Request{}, request)
	must(w.t, err)
	return offer
}

// claim claims an offer with a receipt, as the shop does, and waits for the end.
func (w *world) claim(offer node.Offer, receipt string) node.Claim {
	w.t.Helper()
	var random [10]byte
	rand.Read(random[:])
	id := payment.ClaimID(wire.NewUUID(w.clock.Now().UnixMilli(), random))
	jws, err := wire.ParseJWS(offer.JWS)
	must(w.t, err)
	digest := payment.ClaimDigest(id, receipt, payment.OfferHash(jws.Payload), offer.Alias,
		offer.Amount)
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	claim, err := w.tokyo.node.SubmitClaim(ctx, w.shop, node.ClaimRequest{
		ID: id.String(), Receipt: receipt, Offer: offer.JWS, Amount: offer.Amount,
		Signature: base64.RawURLEncoding.EncodeToString(ed25519.Sign(w.shopKey, digest[:])),
	})
	must(w.t, err)
	claim, err = w.tokyo.node.WaitClaim(ctx, w.shop, claim.ID)
	must(w.t, err)
	return claim
}

// browser is one visitor with cookies, who looks at each answer before going on.
type browser struct {
	t      *testing.T
	client *http.Client
}

// page is an answer to a browser.
type page struct {
	status int
	header http.Header
	body   string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	dialer := &net.Dialer{}
	transport := &http.Transport{
		// Names below localhost are this machine, whatever the resolver says.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	answer, err := b.client.Do(r)
	must(b.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(b.t, err)
	if answer.StatusCode >= http.StatusInternalServerError {
		b.t.Errorf("%s %s: %d", r.Method, r.URL.Path, answer.StatusCode)
	}
	return page{answer.StatusCode, answer.Header, string(body)}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	must(b.t, err)
	return b.do(r)
}

// post sends a form as a page of the same origin does.
func (b *browser) post(address string, form url.Values) page {
	b.t.Helper()
	u, err := url.Parse(address)
	must(b.t, err)
	return b.postFrom(u.Scheme+"://"+u.Host, "same-origin", address, form)
}

// postFrom sends a form from a page of some origin.
func (b *browser) postFrom(origin, site, address string, form url.Values) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address,
		strings.NewReader(form.Encode()))
	must(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", site)
	return b.do(r)
}

// signIn opens a member's wallet.
func (b *browser) signIn(p *place, member string) {
	b.t.Helper()
	got := b.post(p.origin+"/wallet/sign-in", url.Values{"code": {p.code(member)}})
	got.leads(b.t, "/wallet")
}

// shows checks an answer's status and that the page says something.
func (p page) shows(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d", p.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not say %q:\n%s", text, words(p.body))
		}
	}
}

// leads checks a redirect.
func (p page) leads(t *testing.T, to string) {
	t.Helper()
	if p.status != http.StatusSeeOther || p.header.Get("Location") != to {
		t.Errorf("status %d to %q, want a redirect to %q:\n%s", p.status,
			p.header.Get("Location"), to, words(p.body))
	}
}

// field is the value of a hidden or chosen field of a page's form.
func (p page) field(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body)
	if found == nil {
		t.Fatalf("no field %q:\n%s", name, words(p.body))
	}
	return html.UnescapeString(found[1])
}

// form is what the approval page sends with a decision.
func (p page) form(t *testing.T, decision string) url.Values {
	t.Helper()
	return url.Values{
		"offer": {p.field(t, "offer")}, "nonce": {p.field(t, "nonce")},
		"source": {p.field(t, "source")}, "decision": {decision},
	}
}

// words is a page's main part without its markup, for messages of failed tests.
func words(body string) string {
	if _, main, ok := strings.Cut(body, "<main"); ok {
		body = "<main" + main
	}
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(text), " ")
}

// approveURL is where a wallet is asked to approve an offer.
func (w *world) approveURL(address string) string {
	return w.seoul.origin + "/wallet/approve?" + url.Values{"offer": {address}}.Encode()
}

// offerURL is where the shop's node serves an offer.
func (w *world) offerURL(offer node.Offer) string {
	return w.tokyo.origin + "/v1/offers/" + offer.ID
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func mustDecode(text string) string {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}
