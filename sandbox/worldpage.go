package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/node"
	"seyfert/spv"
	"seyfert/web"
)

// Bounds of the world's page.
const (
	// eventsKept is how many events of each node the page remembers.
	eventsKept = 400
	// logShown is how many lines the log shows.
	logShown = 40
	// blocksShown is how many blocks the page shows.
	blocksShown = 12
	// gatherTimeout bounds the reads behind one page, nodeTimeout those of one node: less than
	// half, so that one that does not answer leaves time for the other.
	gatherTimeout = 5 * time.Second
	nodeTimeout   = 2 * time.Second
)

// worldPage shows the whole world on one page, from the nodes' public APIs.
type worldPage struct {
	world *World
	pages *web.Pages
	// mu guards seen, the events read so far by node.
	mu   sync.Mutex
	seen map[string][]client.Event
}

// pages serves the world's page and the shop, told apart by the host's name. Other names are
// refused, so that no page of the internet can reach the world through a name of its own.
func (w *World) pages() (http.Handler, error) {
	pages, err := web.New()
	if err != nil {
		return nil, err
	}
	p := &worldPage{world: w, pages: pages, seen: map[string][]client.Event{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("GET /wallet", p.enter)
	mux.HandleFunc("POST /close-day", p.closeDay)
	mux.HandleFunc("POST /mine", p.mine)
	mux.HandleFunc("POST /deposit", p.deposit)
	mux.HandleFunc("GET /blocks/{height}", p.block)
	mux.HandleFunc("GET /descriptors/{node}", p.descriptor)
	mux.HandleFunc("GET /ledger/{node}/{account}", p.ledger)
	mux.Handle("GET /static/", pages.Static())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.problem(w, r, http.StatusNotFound, "missing")
	})
	worldHandler := http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, shopFormMax))
	shop := w.Shop.handler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			host = name
		}
		switch host {
		case "shop.localhost":
			shop.ServeHTTP(rw, r)
		case "localhost", "127.0.0.1", "[::1]", "::1":
			worldHandler.ServeHTTP(rw, r)
		default:
			http.Error(rw, "this name is not served here", http.StatusMisdirectedRequest)
		}
	}), nil
}

// enter signs the visitor in as the customer: the operator of seoul makes a one-time code, and
// the wallet asks before it spends it.
func (p *worldPage) enter(w http.ResponseWriter, r *http.Request) {
	code, err := p.world.Seoul.Operator.CreateSignIn(r.Context(), p.world.Customer.Member)
	if err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	more := url.Values{"lang": {string(web.RequestLang(r))}}
	if to := r.URL.Query().Get("return"); to != "" {
		more.Set("return", to) // the wallet judges where it leads
	}
	http.Redirect(w, r, code.URL+"&"+more.Encode(), http.StatusSeeOther)
}

func (p *worldPage) closeDay(w http.ResponseWriter, r *http.Request) {
	// Nothing to close is an answer, not a failure: the page shows what is closed already.
	if err := p.world.CloseDay(r.Context()); err != nil && !isRefused(err) {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	p.after(w, r)
}

// isRefused says whether a node refused for a rule of the domain.
func isRefused(err error) bool {
	problem, ok := errors.AsType[*client.Problem](err)
	return ok && problem.Code == client.CodeRefused
}

// deposit lets the bank announce money for the customer and waits until it is there, so that
// the page that follows shows it.
func (p *worldPage) deposit(w http.ResponseWriter, r *http.Request) {
	amount := money.New(money.KRW, DepositKRW)
	before, err := p.world.Bank.Waiting(), p.world.pay(r.Context(), p.world.Customer.Number, amount)
	if err == nil {
		err = poll(r.Context(), func() (bool, error) { return p.world.Bank.Waiting() <= before, nil })
	}
	if err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	p.after(w, r)
}

func (p *worldPage) mine(w http.ResponseWriter, r *http.Request) {
	if err := p.world.Mine(r.Context(), 1); err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	p.after(w, r)
}

func (p *worldPage) after(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("HX-Request") != "" {
		p.show(w, r)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *worldPage) problem(w http.ResponseWriter, r *http.Request, status int, key string) {
	err := p.pages.Render(w, r, status, &web.Problem{
		Frame: web.Frame{Home: "/", Demo: true}, Title: "problem." + key,
		Text: "problem." + key + ".text", Back: "/",
	})
	if err != nil {
		http.Error(w, "the page can't be shown", http.StatusInternalServerError)
	}
}

func (p *worldPage) show(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), gatherTimeout)
	defer cancel()
	view, err := p.view(ctx, web.RequestLang(r))
	if err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	r.URL.Path = "/" // what a form's answer polls for is the page itself
	if err := p.pages.Render(w, r, http.StatusOK, view); err != nil {
		p.problem(w, r, http.StatusInternalServerError, "fault")
	}
}

// seenNode is what one read of a node brought. A node that did not answer is stopped, and has
// nothing but the events that were read before.
type seenNode struct {
	place   *Place
	stopped bool
	status  client.Status
	peers   []client.Peer
	rows    []client.ChainRow
	owners  owners
	events  []client.Event
}

func (p *worldPage) view(ctx context.Context, lang web.Lang) (*web.World, error) {
	w := p.world
	var nodes []seenNode
	for _, place := range p.places() {
		nodes = append(nodes, p.look(ctx, place))
	}
	tip, _, err := w.Chain.Tip(ctx)
	if err != nil {
		return nil, err
	}
	view := &web.World{
		Frame: web.Frame{
			Home: "/", Demo: true, Zone: "UTC",
			Version: fmt.Sprintf("%d-%d-%d", nodes[0].status.Index, nodes[1].status.Index, tip),
		},
		Now: w.cfg.Now().UTC(), Runs: true, Mine: "/mine", CloseDay: "/close-day",
		Deposit: "/deposit", Top: money.New(money.KRW, DepositKRW),
		Network: w.Chain.Network(),
		Doors: []web.Door{
			{Key: "door.shop", Icon: "shop", URL: w.Shop.URL + "/?lang=" + string(lang)},
			{Key: "door.wallet", Icon: "wallet", URL: "/wallet"},
			{Key: "door.api", Icon: "api", URL: w.Tokyo.URL + "/docs"},
		},
		Attach: web.Attach{
			API: w.Tokyo.URL, Key: w.Shop.apiKey, Body: p.curlBody(),
		},
	}
	view.Nodes = p.nodes(nodes)
	view.Moving = p.moving(ctx, nodes)
	view.Blocks, err = p.blocks(ctx, tip, nodes)
	view.NextMark = waiting(nodes)
	view.Log = p.log(nodes)
	return view, err
}

func (p *worldPage) curlBody() string {
	return fmt.Sprintf(`{"amount": {"currency": "KRW", "value": "15000"},
       "payee_key": %q,
       "expires_in": 180}`, p.world.Shop.payeeKey())
}

// look reads one node, and says so if it does not answer.
func (p *worldPage) look(ctx context.Context, place *Place) seenNode {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	seen, err := p.read(ctx, place)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		return seenNode{place: place, stopped: true, events: slices.Clone(p.seen[place.Name])}
	}
	return seen
}

// read gathers one node and goes on with its events where the last read stopped.
func (p *worldPage) read(ctx context.Context, place *Place) (s seenNode, err error) {
	s.place = place
	if s.status, err = place.Operator.Status(ctx); err != nil {
		return s, err
	}
	if s.peers, err = place.Operator.Peers(ctx); err != nil {
		return s, err
	}
	if s.rows, err = place.Operator.ChainRows(ctx); err != nil {
		return s, err
	}
	if s.owners, err = p.owners(ctx, place); err != nil {
		return s, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		known := p.seen[place.Name]
		from := uint64(1)
		if len(known) > 0 {
			from = known[len(known)-1].Seq + 1
		}
		events, err := place.Operator.Events(ctx, from, 200)
		if err != nil {
			return s, err
		}
		known = append(known, events...)
		p.seen[place.Name] = known[max(0, len(known)-eventsKept):]
		if len(events) < 200 {
			s.events = slices.Clone(p.seen[place.Name])
			return s, nil
		}
	}
}

func (p *worldPage) nodes(nodes []seenNode) []web.WorldNode {
	owners := map[string]web.Party{
		"seoul": web.NewParty("한강결제 Hangang Pay", "ko"),
		"tokyo": web.NewParty("隅田トラスト Sumida Trust", "ja"),
	}
	var views []web.WorldNode
	for i, s := range nodes {
		v := web.WorldNode{
			Name: s.place.Name, Owner: owners[s.place.Name], Tone: string("ab"[i]),
			Status: web.Healthy, Entries: s.status.Index,
			Wallets: s.owners.shown, More: s.owners.more, Least: s.owners.least,
		}
		if s.stopped {
			v.Status = web.Stopped
			views = append(views, v)
			continue
		}
		v.Links = []web.Door{{Key: "door.descriptor", URL: "/descriptors/" + s.place.Name}}
		if day := s.status.LastDay; day != nil {
			if day.Anchor.Height > 0 {
				v.Anchor = &web.AnchorFact{
					At: day.Closed, Height: day.Anchor.Height, TxID: day.Anchor.TxID,
				}
				v.Block = blockURL(day.Anchor.Height)
			}
			v.Links = append(v.Links, web.Door{
				Key: "door.checkpoint", URL: s.place.URL + "/log/checkpoint",
			})
		}
		for _, peer := range s.peers {
			for _, books := range peer.Books {
				if !books.Payable.IsZero() {
					v.Owes = append(v.Owes, web.Owed{
						Peer: web.NodeName(peer.DID), Amount: books.Payable,
					})
				}
				if !books.InFlight.IsZero() {
					v.Status = web.Paying
				}
			}
		}
		views = append(views, v)
	}
	return views
}

// blocks lists the newest blocks with what the nodes wrote in them.
func (p *worldPage) blocks(ctx context.Context, tip int64, nodes []seenNode) ([]web.Block, error) {
	var blocks []web.Block
	for height := tip; height > max(0, tip-blocksShown); height-- {
		block, err := p.world.Chain.Block(ctx, height)
		if err != nil {
			return nil, err
		}
		header, err := spv.ParseHeader(block.Header)
		if err != nil {
			return nil, err
		}
		view := web.Block{
			Height: height, URL: blockURL(height), Tip: height == tip,
			At:           time.Unix(int64(header.Time), 0).UTC(),
			Transactions: len(block.Txs), Confirmations: int(tip - height + 1),
		}
		for _, s := range nodes {
			for _, row := range s.rows {
				if row.Height == height && row.State == "confirmed" {
					view.Marks = append(view.Marks, mark(s, row))
				}
			}
		}
		blocks = append(blocks, view)
	}
	return blocks, nil
}

// waiting lists what the nodes have sent and no block holds yet.
func waiting(nodes []seenNode) []web.BlockMark {
	var marks []web.BlockMark
	for _, s := range nodes {
		for _, row := range s.rows {
			if row.State != "confirmed" {
				marks = append(marks, mark(s, row))
			}
		}
	}
	return marks
}

func mark(s seenNode, row client.ChainRow) web.BlockMark {
	m := web.BlockMark{Level: web.Checkpointed, Key: "anchor", Args: []any{s.place.Name}}
	if row.Kind == "record" {
		m.Key, m.Args = "record", []any{s.place.Name, web.NodeName(row.Peer)}
	}
	if row.State == "confirmed" {
		m.Level = web.Anchored
		if row.Confirmations >= node.ConfirmationsFinal {
			m.Level = web.Confirmed
		}
	}
	return m
}

// log merges both nodes' events, newest first.
func (p *worldPage) log(nodes []seenNode) []web.Event {
	var lines []web.Event
	for _, s := range nodes {
		for _, e := range s.events[max(0, len(s.events)-logShown):] {
			lines = append(lines, web.NodeEvent(s.place.Name, node.Event(e), time.UTC))
		}
	}
	slices.SortStableFunc(lines, func(a, b web.Event) int { return b.At.Compare(a.At) })
	return lines[:min(len(lines), logShown)]
}
