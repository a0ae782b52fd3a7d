package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/web"
)

// Bounds of the demo shop.
const (
	// shopOrdersMax is the number of orders that are kept; the oldest go first.
	shopOrdersMax = 1000
	// shopBasketsMax is the number of visitors with a basket; one more empties all baskets.
	shopBasketsMax = 1000
	// shopFormMax bounds a form, in bytes.
	shopFormMax = 16 << 10
	// shopCookie names a visitor; it means nothing outside the shop.
	shopCookie = "visitor"
	// offerLife is how long the shop's offers stand.
	offerLife = 180 * time.Second
)

// Shop is the demo shop: a company of tokyo that knows nothing of Seyfert but its public API.
type Shop struct {
	URL     string
	company string
	api     *client.Client
	apiKey  string // shown on the world's page, for first tries
	key     ed25519.PrivateKey
	// payNode is the wallet that the checkout page is told about first, checkout where that page is.
	payNode  string
	checkout string
	world    string // the world's page
	pages    *web.Pages
	file     string
	now      func() time.Time

	// mu guards books and is held while they are written to the file.
	mu    sync.Mutex
	books shopBooks
}

// shopBooks is what the shop remembers.
type shopBooks struct {
	// Baskets maps a visitor to the goods in the basket.
	Baskets map[string][]string `json:"baskets"`
	Orders  []shopOrder         `json:"orders"`
	// Made counts all orders, so that a number is never used twice.
	Made int `json:"made"`
}

// shopOrder is one order at the shop. It knows the payment by its reference, and no payer.
type shopOrder struct {
	Number  string              `json:"number"`
	Visitor string              `json:"visitor"`
	Goods   []string            `json:"goods"`
	Amount  money.Amount        `json:"amount"`
	Offer   client.Offer        `json:"offer"`
	Claim   client.ClaimRequest `json:"claim,omitzero"`
	State   string              `json:"state"`
	Paid    time.Time           `json:"paid_at,omitzero"`
}

func newShop(w *World, id shopIdentity) (*Shop, error) {
	seed, err := hex.DecodeString(id.KeySeed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("the shop's key can't be read")
	}
	pages, err := web.New()
	if err != nil {
		return nil, err
	}
	s := &Shop{
		URL: strings.Replace(w.URL, "localhost", "shop.localhost", 1), pages: pages,
		company: id.Company, apiKey: id.APIKey,
		api: newClient(w.Tokyo.URL, id.APIKey), key: ed25519.NewKeyFromSeed(seed),
		payNode: w.Seoul.URL, checkout: w.Tokyo.URL, world: w.URL,
		file: filepath.Join(w.cfg.Dir, "shop.json"), now: w.cfg.Now,
	}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.books)
}

func (s *Shop) payeeKey() string { return client.PayeeKey(s.key.Public().(ed25519.PublicKey)) }

// handler serves the shop's pages. Forms come from its own origin, but for the one by which a
// wallet brings a receipt.
func (s *Shop) handler() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /{$}", s.window)
	own.HandleFunc("POST /basket", s.basket)
	own.HandleFunc("POST /pay", s.pay)
	own.HandleFunc("GET /orders/{number}", s.order)
	own.Handle("GET /static/", s.pages.Static())
	own.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, http.StatusNotFound, "missing")
	})
	mux := http.NewServeMux()
	mux.Handle("/", http.NewCrossOriginProtection().Handler(own))
	mux.HandleFunc("POST /return", s.take)
	return http.MaxBytesHandler(mux, shopFormMax)
}

func (s *Shop) frame() web.Frame {
	return web.Frame{Home: "/", Demo: true, Zone: "UTC", Sandbox: s.world}
}

func name() web.Party { return web.NewParty("神田紙店 Kanda Paper", "ja") }

// window shows goods, basket and the visitor's orders.
func (s *Shop) window(w http.ResponseWriter, r *http.Request) {
	visitor := s.visitor(w, r)
	s.mu.Lock()
	basket := slices.Clone(s.books.Baskets[visitor])
	var orders []web.ShopOrderLine
	for _, order := range slices.Backward(s.books.Orders) {
		if order.Visitor == visitor && len(orders) < 5 {
			orders = append(orders, web.ShopOrderLine{
				Number: order.Number, Amount: order.Amount, Status: s.status(order),
				URL: "/orders/" + order.Number,
			})
		}
	}
	s.mu.Unlock()
	frame := s.frame()
	frame.Forms = []string{s.checkout} // browsers hold a form's redirect to the page's policy too
	view := &web.Shop{
		Frame: frame, Name: name(), Put: "/basket", Pay: "/pay", Orders: orders,
		Basket: lines(basket), Total: total(basket),
	}
	for _, g := range goods() {
		view.Goods = append(view.Goods, web.Good{
			ID: g.id, Price: money.New(money.KRW, g.price), InBasket: slices.Contains(basket, g.id),
		})
	}
	s.render(w, r, http.StatusOK, view)
}

// basket puts a good into the basket or takes it out.
func (s *Shop) basket(w http.ResponseWriter, r *http.Request) {
	visitor, id := s.visitor(w, r), r.PostFormValue("good")
	known := slices.ContainsFunc(goods(), func(g good) bool { return g.id == id })
	if !known {
		s.problem(w, r, http.StatusBadRequest, "invalid")
		return
	}
	err := s.change(func(b *shopBooks) {
		basket := slices.DeleteFunc(b.Baskets[visitor], func(have string) bool { return have == id })
		if r.PostFormValue("do") == "add" {
			basket = append(basket, id)
		}
		b.fill(visitor, basket)
	})
	if err != nil {
		s.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	if r.Header.Get("HX-Request") != "" {
		s.window(w, r)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// fill keeps a visitor's basket.
func (b *shopBooks) fill(visitor string, basket []string) {
	delete(b.Baskets, visitor)
	if len(basket) == 0 {
		return
	}
	if b.Baskets == nil || len(b.Baskets) >= shopBasketsMax {
		b.Baskets = map[string][]string{}
	}
	b.Baskets[visitor] = basket
}

// pay makes an offer at tokyo and sends the visitor to its checkout page.
func (s *Shop) pay(w http.ResponseWriter, r *http.Request) {
	visitor := s.visitor(w, r)
	s.mu.Lock()
	basket := slices.Clone(s.books.Baskets[visitor])
	s.mu.Unlock()
	if len(basket) == 0 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	offer, err := s.api.CreateOffer(r.Context(), client.OfferRequest{
		Amount: total(basket), Basket: offerLines(basket, web.RequestLang(r)),
		PayeeKey: s.payeeKey(),
		Origins:  []string{s.URL}, ReturnURL: s.URL + "/return",
		ExpiresIn: int(offerLife / time.Second),
	})
	if err != nil {
		s.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	err = s.change(func(b *shopBooks) {
		b.Made++
		b.Orders = append(b.Orders, shopOrder{
			Number:  fmt.Sprintf("KP-%s-%04d", s.now().UTC().Format("20060102"), b.Made),
			Visitor: visitor, Goods: basket, Amount: offer.Amount, Offer: offer, State: "open",
		})
		b.Orders = b.Orders[max(0, len(b.Orders)-shopOrdersMax):]
	})
	if err != nil {
		s.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	http.Redirect(w, r, s.checkoutURL(offer, web.RequestLang(r)), http.StatusSeeOther)
}

// checkoutURL leads to tokyo's checkout of an offer, with the visitor's language and the wallet
// that most visitors of this world have.
func (s *Shop) checkoutURL(offer client.Offer, lang web.Lang) string {
	query := url.Values{"node": {s.payNode}, "lang": {string(lang)}}
	return offer.Checkout + "?" + query.Encode()
}

// take receives a sealed receipt from a wallet, claims with it and shows the order. Whoever
// brings the receipt need not be known: it is worth something to this shop alone.
func (s *Shop) take(w http.ResponseWriter, r *http.Request) {
	offer, receipt := r.PostFormValue("offer"), r.PostFormValue("receipt")
	order, found := s.find(func(o shopOrder) bool { return o.Offer.ID == offer })
	if !found || receipt == "" {
		s.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	if order.State == "open" {
		if err := s.claim(r.Context(), order, receipt); err != nil {
			s.problem(w, r, http.StatusServiceUnavailable, "unavailable")
			return
		}
	}
	http.Redirect(w, r, "/orders/"+order.Number, http.StatusSeeOther)
}

// claim signs a claim once and keeps it before it is sent, so that a repeat is the same claim.
func (s *Shop) claim(ctx context.Context, order shopOrder, receipt string) error {
	request := order.Claim
	if request.Receipt != receipt {
		var err error
		request, err = client.SignClaim(s.key, rand.Reader, s.now(), order.Offer.JWS, receipt,
			order.Amount)
		if err != nil {
			return err
		}
		if err := s.update(order.Number, func(o *shopOrder) { o.Claim = request }); err != nil {
			return err
		}
	}
	claim, err := s.api.SubmitClaim(ctx, request)
	if err != nil {
		return err
	}
	return s.update(order.Number, func(o *shopOrder) { o.settle(claim) })
}

// settle takes up what tokyo says about the claim.
func (o *shopOrder) settle(claim client.Claim) {
	switch claim.State {
	case "paid":
		o.State, o.Paid = "paid", claim.Changed
	case "pending":
		o.State = "claimed"
	default:
		o.State, o.Claim = "open", client.ClaimRequest{}
	}
}

// order shows one order to its visitor; a claim that was under way is asked after.
func (s *Shop) order(w http.ResponseWriter, r *http.Request) {
	visitor := s.visitor(w, r)
	order, found := s.find(func(o shopOrder) bool {
		return o.Number == r.PathValue("number") && o.Visitor == visitor
	})
	if !found {
		s.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	if order.State == "claimed" {
		if claim, err := s.api.Claim(r.Context(), order.Claim.ID); err == nil {
			err = s.update(order.Number, func(o *shopOrder) { o.settle(claim); order = *o })
			if err != nil {
				s.problem(w, r, http.StatusServiceUnavailable, "unavailable")
				return
			}
		}
	}
	view := &web.ShopOrder{
		Frame: s.frame(), Name: name(), Number: order.Number, Status: s.status(order),
		Lines: lines(order.Goods), Amount: order.Amount, At: order.Offer.Created,
	}
	switch {
	case order.State == "paid":
		view.Reference, view.At = order.Claim.ID, order.Paid
	case view.Status == web.Waiting:
		view.Version = order.State
		view.PayURL = s.checkoutURL(order.Offer, web.RequestLang(r))
	}
	s.render(w, r, http.StatusOK, view)
}

func (s *Shop) status(o shopOrder) web.Status {
	switch {
	case o.State == "paid":
		return web.Paid
	case o.State == "claimed" || s.now().Before(o.Offer.Expires):
		return web.Waiting
	}
	return web.Expired
}

func (s *Shop) find(match func(shopOrder) bool) (shopOrder, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.books.Orders, match)
	if at < 0 {
		return shopOrder{}, false
	}
	return s.books.Orders[at], true
}

func (s *Shop) update(number string, edit func(*shopOrder)) error {
	return s.change(func(b *shopBooks) {
		for i := range b.Orders {
			if b.Orders[i].Number == number {
				edit(&b.Orders[i])
				if b.Orders[i].State == "paid" {
					delete(b.Baskets, b.Orders[i].Visitor)
				}
			}
		}
	})
}

// change edits the books and writes them, replacing the file in one step.
func (s *Shop) change(edit func(*shopBooks)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.books)
	text, err := json.Marshal(s.books)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// visitor names the browser by a random cookie.
func (s *Shop) visitor(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(shopCookie); err == nil && len(c.Value) == 32 {
		return c.Value
	}
	var random [16]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	value := hex.EncodeToString(random[:])
	http.SetCookie(w, &http.Cookie{
		Name: shopCookie, Value: value, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: 30 * 24 * 60 * 60,
	})
	return value
}

func (s *Shop) problem(w http.ResponseWriter, r *http.Request, status int, key string) {
	s.render(w, r, status, &web.Problem{
		Frame: s.frame(), Title: "problem." + key, Text: "problem." + key + ".text", Back: "/",
	})
}

func (s *Shop) render(w http.ResponseWriter, r *http.Request, status int, v web.View) {
	if err := s.pages.Render(w, r, status, v); err != nil {
		http.Error(w, "the page can't be shown", http.StatusInternalServerError)
	}
}
