package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/sandbox"
	"seyfert/spv"
)

// answer is what a visitor got.
type answer struct {
	status int
	url    *url.URL
	body   string
}

// mustGet follows redirects to a page.
func mustGet(t *testing.T, visitor *http.Client, address string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mustDo(t, visitor, r)
}

// mustPost sends a form.
func mustPost(t *testing.T, visitor *http.Client, address string, form url.Values) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address,
		strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return mustDo(t, visitor, r)
}

func mustDo(t *testing.T, visitor *http.Client, r *http.Request) answer {
	t.Helper()
	response, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Request.URL, string(body)}
}

// shows fails unless the answer has the status and the texts; blanks and markup between words
// do not matter.
func (a answer) shows(t *testing.T, status int, texts ...string) {
	t.Helper()
	plain := strings.Join(strings.Fields(tags.ReplaceAllString(a.body, " ")), " ")
	if a.status != status {
		t.Errorf("%s: status %d, want %d: %.200s", a.url, a.status, status, plain)
	}
	for _, text := range texts {
		if !strings.Contains(plain, text) {
			t.Errorf("%s does not show %q", a.url, text)
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// mustCustomer signs the customer in at seoul by the API.
func mustCustomer(t *testing.T, w *world) *client.Client {
	t.Helper()
	code, err := w.Seoul.Operator.CreateSignIn(t.Context(), w.Customer.Member)
	if err != nil {
		t.Fatal(err)
	}
	session, err := w.Seoul.Operator.With("").SignIn(t.Context(), code.Code)
	if err != nil {
		t.Fatal(err)
	}
	return w.Seoul.Operator.With(session.Session)
}

// mustOrder puts goods into the basket and goes to the checkout; it returns the offer.
func mustOrder(t *testing.T, w *world, visitor *http.Client, goods ...string) client.Offer {
	t.Helper()
	for _, id := range goods {
		form := url.Values{"good": {id}, "do": {"add"}}
		mustPost(t, visitor, w.Shop.URL+"/basket", form).shows(t, 200, "In basket")
	}
	checkout := mustPost(t, visitor, w.Shop.URL+"/pay", nil)
	checkout.shows(t, 200, "To pay", "Pay in this browser")
	if checkout.url.Query().Get("node") != w.Seoul.URL {
		t.Errorf("the checkout is told another wallet: %s", checkout.url)
	}
	offer, err := w.Tokyo.Operator.With("").Offer(t.Context(),
		strings.TrimPrefix(checkout.url.Path, "/checkout/"))
	if err != nil {
		t.Fatal(err)
	}
	return offer
}

// mustPay approves an offer and brings the receipt to the shop, as the wallet's page does.
func mustPay(t *testing.T, w *world, visitor *http.Client, offer client.Offer) answer {
	t.Helper()
	order, err := mustCustomer(t, w).Approve(t.Context(), offer.JWS)
	if err != nil {
		t.Fatal(err)
	}
	return mustPost(t, visitor, w.Shop.URL+"/return", url.Values{
		"offer": {offer.ID}, "receipt": {order.Receipt}, "order": {order.ID},
	})
}

// TestRestart opens a world again on its directory: nothing is lost and everything goes on.
func TestRestart(t *testing.T) {
	cfg := sandbox.Config{Dir: t.TempDir(), Listen: mustFreePorts(t)}
	w, visitor := mustOpen(t, cfg), newVisitor(t)
	paid := mustPay(t, w, visitor, mustOrder(t, w, visitor, "notebook", "tape"))
	paid.shows(t, 200, "Paid. Thank you", "KRW 15,000", "not known to the shop")
	offer := mustOrder(t, w, visitor, "tape")
	if err := w.CloseDay(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w
	w.mustClose(t)

	w = mustOpen(t, cfg)
	if w.Customer != before.Customer || w.Seoul.Thumbprint != before.Seoul.Thumbprint {
		t.Errorf("other people: %+v, %+v", before.Customer, w.Customer)
	}
	mustGet(t, visitor, paid.url.String()).shows(t, 200, "Paid. Thank you", "KRW 15,000")
	world := mustGet(t, visitor, w.URL)
	world.shows(t, 200, "KRW 85,000", "KRW 15,000", "Last payment", "Owes tokyo", "block 104",
		"anchor seoul", "record seoul → tokyo")
	mustPay(t, w, visitor, offer).shows(t, 200, "Paid. Thank you", "KRW 5,200")
	mustGet(t, visitor, w.Shop.URL).shows(t, 200, "The basket is empty", "KRW 15,000 Paid")
	mustGet(t, visitor, w.URL).shows(t, 200, "KRW 79,800", "KRW 20,200")
}

// TestShopRefuses sends the shop what it must not take; no order changes.
func TestShopRefuses(t *testing.T) {
	w := mustOpen(t, sandbox.Config{})
	visitor := newVisitor(t)
	offer := mustOrder(t, w, visitor, "notebook", "tape")
	order := mustGet(t, visitor, w.Shop.URL+"/orders/"+orderNumber(t, visitor, w))
	order.shows(t, 200, "Waiting for your payment")

	shop := w.Shop.URL
	mustPost(t, visitor, shop+"/basket", url.Values{"good": {"gold"}}).shows(t, 400)
	large := url.Values{"good": {"pen"}, "do": {strings.Repeat("x", 16<<10)}}
	mustPost(t, visitor, shop+"/basket", large).shows(t, 400)
	mustPost(t, visitor, shop+"/return", url.Values{"offer": {offer.ID}}).shows(t, 404)
	mustPost(t, visitor, shop+"/return", url.Values{
		"offer": {strings.ToLower(offer.ID)}, "receipt": {"v1.x.y.z"},
	}).shows(t, 404)
	mustGet(t, visitor, shop+"/nothing").shows(t, 404, "There is nothing here")
	mustGet(t, newVisitor(t), order.url.String()).shows(t, 404) // another visitor
	empty := mustPost(t, newVisitor(t), shop+"/pay", nil)
	empty.shows(t, 200, "The basket is empty")

	foreign, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop+"/pay", nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Header.Set("Origin", w.Seoul.URL)
	mustDo(t, visitor, foreign).shows(t, 403)
	mustGet(t, visitor, order.url.String()).shows(t, 200, "Waiting for your payment")
	mustPay(t, w, visitor, offer).shows(t, 200, "Paid. Thank you")
}

// orderNumber is the newest order that the shop's window lists.
func orderNumber(t *testing.T, visitor *http.Client, w *world) string {
	t.Helper()
	found := regexp.MustCompile(`href="/orders/([^"]+)"`).
		FindStringSubmatch(mustGet(t, visitor, w.Shop.URL).body)
	if found == nil {
		t.Fatal("the window lists no order")
	}
	return found[1]
}

// TestShopExpires lets an offer pass its time: the order says so, and what was held without a
// claim is given back.
func TestShopExpires(t *testing.T) {
	var c clock
	w, visitor := mustOpen(t, sandbox.Config{Now: c.now}), newVisitor(t)
	offer := mustOrder(t, w, visitor, "pen")
	customer := mustCustomer(t, w)
	order, err := customer.Approve(t.Context(), offer.JWS)
	if err != nil {
		t.Fatal(err)
	}
	mustGet(t, visitor, w.URL).shows(t, 200, "Payment in flight Held", "KRW 68,000")
	number := orderNumber(t, visitor, w)
	c.advance(181 * time.Second)
	mustGet(t, visitor, w.Shop.URL+"/orders/"+number).shows(t, 200, "Not paid")
	for order.State != "expired" {
		if order, err = customer.Order(t.Context(), order.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	mustGet(t, visitor, w.URL).shows(t, 200, "Last payment Expired", "Given back", "KRW 100,000")
	if late := mustPost(t, visitor, w.Shop.URL+"/return", url.Values{
		"offer": {offer.ID}, "receipt": {order.Receipt},
	}); !strings.Contains(late.body, "Not paid") {
		t.Errorf("a late receipt: %d %.300s", late.status, late.body)
	}
	mustGet(t, visitor, w.URL).shows(t, 200, "KRW 100,000", "KRW 0")
}

// TestWorldRefuses answers strangers and unknown addresses without doing anything.
func TestWorldRefuses(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{Bare: true}), newVisitor(t)
	tip, _, err := w.Chain.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rebound := strings.Replace(w.URL, "localhost", "rebound.example", 1)
	mustGet(t, visitor, rebound).shows(t, http.StatusMisdirectedRequest)
	for _, path := range []string{
		"/mine", "/nothing", "/blocks/x", "/blocks/-1", "/blocks/9999",
		"/descriptors/osaka",
	} {
		mustGet(t, visitor, w.URL+path).shows(t, 404, "There is nothing here")
	}
	for _, path := range []string{"/mine", "/close-day"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		mustDo(t, visitor, r).shows(t, 403)
	}
	if now, _, err := w.Chain.Tip(t.Context()); err != nil || now != tip {
		t.Errorf("strangers made block %d of %d: %v", now, tip, err)
	}
	mustGet(t, visitor, w.URL+"/wallet?return=//evil.example/").shows(t, 200, "Sign in")
}

// TestWorldEvidence follows the chain by hand: each block names the one before.
func TestWorldEvidence(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{Bare: true}), newVisitor(t)
	if err := w.CloseDay(t.Context()); err != nil {
		t.Fatal(err)
	}
	tip, _, err := w.Chain.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type block struct {
		Hash, Previous string
		Header         string
		Transactions   []struct {
			TxID     string
			OpReturn string `json:"op_return"`
			Wrote    struct{ Node, Kind, Day string }
		}
	}
	next, wrote := "", map[string]bool{}
	for height := tip; height >= 0; height-- {
		var b block
		page := mustGet(t, visitor, fmt.Sprintf("%s/blocks/%d", w.URL, height))
		if err := json.Unmarshal([]byte(page.body), &b); err != nil {
			t.Fatalf("block %d: %v", height, err)
		}
		if next != "" && b.Hash != next {
			t.Errorf("block %d is %s, the one after it names %s", height, b.Hash, next)
		}
		next = b.Previous
		for _, tx := range b.Transactions {
			wrote[tx.Wrote.Node+" "+tx.Wrote.Kind] = true
		}
	}
	if next != spv.HashString([32]byte{}) || !wrote["seoul anchor"] || !wrote["tokyo anchor"] {
		t.Errorf("the first block names %s; written: %v", next, wrote)
	}
	var described struct{ Descriptor struct{ DID string } }
	page := mustGet(t, visitor, w.URL+"/descriptors/seoul")
	if err := json.Unmarshal([]byte(page.body), &described); err != nil ||
		described.Descriptor.DID != "did:web:seoul.localhost" {
		t.Errorf("the descriptor is %.200s: %v", page.body, err)
	}
}

// TestShopKeepsBounds reaches the number of orders that the shop keeps: the oldest goes, and no
// number is used again.
func TestShopKeepsBounds(t *testing.T) {
	cfg := sandbox.Config{Dir: t.TempDir(), Bare: true}
	mustOpen(t, cfg).mustClose(t)
	type order struct {
		Number string       `json:"number"`
		Amount money.Amount `json:"amount"`
		Offer  client.Offer `json:"offer"`
	}
	var books struct {
		Baskets map[string][]string `json:"baskets"`
		Orders  []order             `json:"orders"`
		Made    int                 `json:"made"`
	}
	books.Baskets = map[string][]string{}
	for i := range 1000 {
		books.Baskets[fmt.Sprintf("visitor %d", i)] = []string{"ink"}
	}
	amount := money.New(money.KRW, 1)
	for i := range 1000 {
		books.Orders = append(books.Orders, order{
			fmt.Sprintf("old-%d", i), amount, client.Offer{Amount: amount},
		})
	}
	books.Made = 1000
	file := filepath.Join(cfg.Dir, "shop.json")
	text, err := json.Marshal(books)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w, visitor := mustOpen(t, cfg), newVisitor(t)
	mustOrder(t, w, visitor, "pen")
	mustOrder(t, w, visitor, "pen")
	books.Baskets = nil
	if err := json.Unmarshal(mustRead(t, file), &books); err != nil {
		t.Fatal(err)
	}
	if n := len(books.Orders); n != 1000 || books.Orders[0].Number != "old-2" {
		t.Errorf("%d orders, the oldest is %s", n, books.Orders[0].Number)
	}
	if len(books.Baskets) != 1 {
		t.Errorf("%d baskets", len(books.Baskets))
	}
	if a, b := books.Orders[998].Number, books.Orders[999].Number; a == b ||
		!strings.HasSuffix(b, "-1002") {
		t.Errorf("orders %s and %s", a, b)
	}
}

// TestWorldKeepsBounds has more events and blocks than the page keeps and shows.
func TestWorldKeepsBounds(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{}), newVisitor(t)
	mustPay(t, w, visitor, mustOrder(t, w, visitor, "tape")).shows(t, 200, "Paid")
	mustGet(t, visitor, w.URL).shows(t, 200, "Last payment Paid")
	var group sync.WaitGroup
	for range 450 {
		group.Go(func() {
			if _, err := w.Seoul.Operator.CreateMember(context.WithoutCancel(t.Context()), "A"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := w.Mine(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	page := mustGet(t, visitor, w.URL)
	page.shows(t, 200, "No payment yet") // it has left what the page remembers
	if n := strings.Count(page.body, "Member added"); n != 40 {
		t.Errorf("the log shows %d lines", n)
	}
	if n := strings.Count(page.body, `href="/blocks/`); n != 12 {
		t.Errorf("%d blocks are shown", n)
	}
}
