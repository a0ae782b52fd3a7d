package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seyfert/sandbox"
	"seyfert/verify"
)

// shopFor fills the basket and goes to the checkout.
func (r *reader) shopFor(w *world, lang string, goods ...string) {
	r.Helper()
	r.open(w.Shop.URL + "/?lang=" + lang)
	r.see(".goods")
	r.judge("shop")
	for _, good := range goods {
		r.use("#put-" + good)
		r.see("#put-" + good + `[aria-pressed="true"]`)
	}
	r.judge("basket")
	if r.width < 640 {
		r.use(".paybar .pay-seyfert")
	} else {
		r.use(".basket .pay-seyfert")
	}
	r.see(".timer")
	r.judge("checkout")
}

// walletOf goes on from the checkout to the wallet and signs in with a code of the sandbox.
func (r *reader) walletOf() {
	r.Helper()
	r.use(".co-pay a.btn.primary")
	r.see("#code")
	r.judge("sign-in")
	r.use("#door")
	r.do(chromedp.WaitNotPresent("#code", chromedp.ByQuery))
	r.judge("code")
	r.use("button.primary")
	r.see(`button[value="approve"]`)
	r.judge("approve")
}

// TestBrowserCheckout is the whole path with a mouse on a desk: shop, checkout, wallet, paid,
// both ledgers, the day's anchor, its proof, and all of it again after a restart.
func TestBrowserCheckout(t *testing.T) {
	r := mustBrowse(t, 1280, "en", "light")
	cfg := sandbox.Config{Dir: t.TempDir(), Listen: mustFreePorts(t)}
	w := mustOpen(t, cfg)
	r.open(w.URL)
	r.says("main", "No payment yet", "KRW 100,000", "none yet")
	r.judge("world-new")
	r.use(`[id="door.shop"]`)
	r.see(".goods")
	r.shopFor(w, "en", "notebook", "tape")
	r.says(".co-offer", "To pay KRW 15,000", "Washi notebook A5 KRW 9,800", "checked by tokyo")
	r.walletOf()
	r.says("main", "神田紙店 Kanda Paper", "KRW 15,000", "KRW 100,000", "The shop will learn")
	r.use(`button[value="approve"]`)
	r.says("h1", "Paid. Thank you")
	r.says("main", "KRW 15,000", "Payer not known to the shop")
	r.judge("paid")
	order := r.location()

	r.open(w.URL)
	r.says("main", "Last payment Paid KRW 15,000", "Recorded chain next block",
		"Anchored chain day close")
	r.says("article:first-of-type", "seoul", "KRW 85,000", "Owes tokyo KRW 15,000")
	r.says("article:last-of-type", "tokyo", "KRW 15,000")
	r.judge("world-paid")
	r.ledgers(w)
	r.use("#close-day")
	r.says(".blocks", "record seoul → tokyo", "anchor seoul", "anchor tokyo")
	for range 5 {
		r.mine()
	}
	r.says("#log", "Anchor is in block", "Transfer of KRW 15,000 with tokyo cleared")
	r.judge("world-anchored")

	r.use("#open-payment")
	r.says("main", "−KRW 15,000", "6 confirmations", "Final by this node", "What it does not prove")
	r.judge("payment")
	pin := r.text("#verify .checks .hash")
	bundle := r.download("#verify a[download]")
	headers, err := w.Tokyo.Operator.Headers(t.Context()) // from the other node
	if err != nil {
		t.Fatal(err)
	}
	report := verify.Check(bundle, verify.Options{
		Headers: headers, Pin: pin, PeerPin: w.Tokyo.Thumbprint, Confirmations: 6,
	})
	if !report.OK || pin != w.Seoul.Thumbprint {
		t.Errorf("the page pins %s\n%s", pin, report.Text())
	}
	payment := r.location()

	r.open("about:blank") // or the page would ask for what is not there
	w.mustClose(t)
	w = mustOpen(t, cfg)
	r.open(order)
	r.says("h1", "Paid. Thank you")
	r.open(payment)
	r.says("main", "−KRW 15,000", "6 confirmations")
	r.open(w.URL)
	r.says("main", "Last payment Paid KRW 15,000", "KRW 85,000", "6 conf.")
	r.judge("world-again")
}

// TestBrowserKeyboard pays on a phone in Korean and in the dark with nothing but the keyboard.
func TestBrowserKeyboard(t *testing.T) {
	r := mustBrowse(t, 390, "ko", "dark")
	r.keyboard = true
	w := mustOpen(t, sandbox.Config{})
	r.open(w.URL + "/?lang=ko")
	r.says("main", "아직 결제가 없습니다", "100,000원")
	r.judge("world-new")
	r.use(`[id="door.shop"]`)
	r.says("h1", "간다에서 온 종이 문구")
	r.shopFor(w, "ko", "ink")
	r.says(".co-offer", "14,500원", "쪽빛 잉크 30 ml")
	r.walletOf()
	r.says("main", "14,500원", "100,000원")
	r.use(`button[value="approve"]`)
	r.says("h1", "결제되었습니다")
	r.judge("paid")
	r.open(w.URL)
	r.says("main", "마지막 결제 결제 완료 14,500원", "85,500원")
	r.use("#close-day")
	r.says(".blocks", "앵커 seoul")
	r.mine()
	r.judge("world-anchored")
	r.use("#open-payment")
	r.says("main", "−14,500원", "앵커됨", "증명되지 않은 것")
	r.judge("payment")
	r.use(`.wal nav a, nav a[href="/wallet"]`)
	r.says("main", "85,500원", "한강은행 Hangang Bank")
	r.judge("wallet")
}

// TestBrowserNotPaid declines one offer and lets another pass its time. No money moves.
func TestBrowserNotPaid(t *testing.T) {
	var c clock
	r := mustBrowse(t, 1280, "en", "dark")
	w := mustOpen(t, sandbox.Config{Now: c.now})
	r.shopFor(w, "en", "pen")
	r.walletOf()
	approve := r.location()
	r.use(`button[value="decline"]`)
	r.says("main", "You declined to pay KRW 32,000 to 神田紙店 Kanda Paper", "No money")
	r.judge("declined")
	r.use("main a.primary")
	r.says(".basket", "Brass pen", "Total KRW 32,000", "Waiting")
	r.judge("shop-declined")

	r.use(".basket .pay-seyfert")
	r.see(".timer")
	c.advance(181 * time.Second)
	r.says("main", "This offer has expired", "Nothing was paid")
	r.judge("expired")
	r.use(".co-pay a.primary")
	r.says(".basket", "Total KRW 32,000", "Expired")
	r.judge("shop-expired")
	r.open(approve)
	r.says("main", "This offer has expired", "Nothing was approved")
	r.complainsOf("410")
	r.judge("approve-expired")
	r.open(w.URL)
	r.says("main", "No payment yet", "KRW 100,000", "KRW 0")
	r.open(w.URL + "/nothing")
	r.says("main", "There is nothing here")
	r.complainsOf("404")
	r.judge("missing")
}

// ledgers follows both balances from the world's page to the payment's lines in the nodes' books.
func (r *reader) ledgers(w *world) {
	r.Helper()
	r.use("#w-seoul-0-0")
	r.says("main", "in the books of seoul")
	r.says("#lines", "Hold captured Debit KRW 15,000 KRW 85,000", "Posted Credit KRW 100,000")
	r.judge("ledger-seoul")
	r.open(w.URL)
	r.use("#w-tokyo-0-0")
	r.says("main", "in the books of tokyo")
	r.says("#lines", "Credit KRW 15,000 KRW 15,000")
	r.judge("ledger-tokyo")
	r.open(w.URL)
}

// complainsOf takes away the complaint that a page was answered with a status.
func (r *reader) complainsOf(status string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.complaints) != 1 || !strings.Contains(r.complaints[0], status) {
		r.Errorf("want one complaint of %s, have %q", status, r.complaints)
	}
	r.complaints = nil
}

func (r *reader) location() (url string) {
	r.Helper()
	r.do(chromedp.Location(&url))
	return url
}

// mine presses the button and waits for the block.
func (r *reader) mine() {
	r.Helper()
	tip := r.text(".block.tip b")
	r.use("#mine")
	for end := time.Now().Add(stepTimeout); r.text(".block.tip b") == tip; {
		if time.Now().After(end) {
			r.Fatal("no block is mined")
		}
		r.do(chromedp.Sleep(50 * time.Millisecond))
	}
}
