package server_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"seyfert/money"
	"seyfert/node"
	"seyfert/verify"
)

// TestPagesSignIn opens a wallet with a code that a link carries.
func TestPagesSignIn(t *testing.T) {
	w := newWorld(t)
	b, code := newBrowser(t), w.seoul.code(w.member.ID)
	link := w.seoul.origin + "/wallet/sign-in?return=%2Fwallet%3Fpage%3D1&code=" + code
	b.get(w.seoul.origin+"/").leads(t, "/wallet")
	b.get(w.seoul.origin+"/wallet").leads(t, "/wallet/sign-in")
	for range 3 { // a link may be looked at, by people and by programs
		b.get(link).shows(t, 200, "Your wallet at seoul", "used only when you press", code)
	}
	b.get(link+"&lang=ko").shows(t, 200, "seoul의 내 지갑", "버튼을 눌러야")
	spend := url.Values{"code": {code}, "return": {"/wallet?page=1"}}
	got := b.post(w.seoul.origin+"/wallet/sign-in", spend)
	got.leads(t, "/wallet?page=1")
	cookie := got.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "seyfert=mst_") || !strings.Contains(cookie, "HttpOnly") ||
		!strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("cookie %q", cookie)
	}
	b.get(w.seoul.origin+"/wallet?lang=en").shows(t, 200, "Kim Hana", "KRW\u00a0100,000", "110-1",
		"Hanbit Bank", `data-copy="110-1"`, "Deposit")
	b.get(w.seoul.origin+"/wallet?lang=ko").shows(t, 200, "100,000원", "가상계좌", "입금")
	b.get(w.seoul.origin+"/wallet").shows(t, 200, "100,000원")

	newBrowser(t).post(w.seoul.origin+"/wallet/sign-in", spend).
		shows(t, 403, "not valid, or not any more", `name="code"`)
	b.post(w.seoul.origin+"/wallet/sign-out", nil).leads(t, "/wallet/sign-in")
	b.get(w.seoul.origin+"/wallet").leads(t, "/wallet/sign-in")
}

// TestPagesReturnStaysInside tries to be led elsewhere by signing in.
func TestPagesReturnStaysInside(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{
		"https://evil.example/wallet", "//evil.example/wallet", `/\evil.example`,
		"/wallet/../../x", "javascript:alert(1)", "wallet", "/v1/offers", "/wallet/sign-in",
		"/walletx", "\x00", strings.Repeat("/wallet/", 1000),
	} {
		got := newBrowser(t).post(w.seoul.origin+"/wallet/sign-in", url.Values{
			"code": {w.seoul.code(w.member.ID)}, "return": {to},
		})
		got.leads(t, "/wallet")
	}
}

// TestPagesPay pays an offer in the browser, from checkout to the downloaded proof.
func TestPagesPay(t *testing.T) {
	w := newWorld(t)
	b, offer := newBrowser(t), w.offer(shopOrigin+"/return?shop=1")
	checkout := w.tokyo.origin + "/checkout/" + offer.ID
	b.get(checkout).shows(t, 200, "KRW\u00a015,000", "Kanda Paper", "Washi tape",
		`data-state="waiting"`, "data-until=", shopOrigin+"/")
	b.get(checkout+"?lang=ko").shows(t, 200, "15,000원", "남은 승인 시간")
	named := b.get(checkout + "?lang=en&node=" + strings.TrimPrefix(w.seoul.origin, "http://"))
	approve := w.approveURL(w.offerURL(offer))
	approve = strings.Replace(approve, "?offer=", "?lang=en&offer=", 1)
	named.shows(t, 200, strings.ReplaceAll(approve, "&", "&amp;"), "Pay in this browser")

	got := b.get(approve)
	door := "/wallet/sign-in?" + url.Values{
		"lang": {"en"}, "return": {strings.TrimPrefix(approve, w.seoul.origin)},
	}.Encode()
	got.leads(t, door)
	b.post(w.seoul.origin+"/wallet/sign-in", url.Values{
		"code":   {w.seoul.code(w.member.ID)},
		"return": {b.get(w.seoul.origin+door).field(t, "return")},
	}).leads(t, strings.TrimPrefix(approve, w.seoul.origin))

	sheet := b.get(approve)
	sheet.shows(t, 200, "Kanda Paper", "checked by tokyo", "KRW\u00a015,000", "Won wallet",
		"KRW\u00a0100,000", "Not your name", "data-until=")
	if strings.Contains(sheet.body, "Washi") {
		t.Error("the payer's node knows what is bought")
	}
	got = b.post(w.seoul.origin+"/wallet/approve", sheet.form(t, "approve"))
	path := strings.TrimSuffix(got.header.Get("Location"), "/receipt")
	if got.status != 303 || !strings.HasPrefix(path, "/wallet/orders/ord_") {
		t.Fatalf("approved: %d to %q: %s", got.status, path, words(got.body))
	}
	b.post(w.seoul.origin+"/wallet/approve", sheet.form(t, "approve")).
		leads(t, path+"/receipt") // a second click is the same order

	order := w.seoul.origin + path
	given := b.get(order + "/receipt")
	given.shows(t, 200, `action="`+shopOrigin+`/return?shop=1"`, "Go to", "data-hand-over")
	if policy := given.header.Get("Content-Security-Policy"); !strings.Contains(policy,
		"form-action 'self' "+shopOrigin) {
		t.Errorf("policy %q", policy)
	}
	if given.field(t, "offer") != offer.ID {
		t.Error("the shop is not told which offer")
	}
	b.get(w.seoul.origin+"/wallet").shows(t, 200, ">KRW\u00a085,000</data></small>", "Held")
	b.get(order).shows(t, 200, "Held", path+"/receipt")
	b.get(order+"/proof").shows(t, 409, "no proof to download yet")

	if claim := w.claim(offer, given.field(t, "receipt")); claim.State != "paid" {
		t.Fatalf("claim is %s", claim.State)
	}
	b.get(checkout).shows(t, 200, `data-state="paid"`, "has <data")
	b.get(checkout+"?seen=paid").shows(t, 204)
	w.until(func() bool { return strings.Contains(b.get(order).body, "Paid") })
	b.get(order+"/receipt").leads(t, path)
	b.get(order+"?lang=ko").shows(t, 200, "결제 완료", "저널에 기록")
	b.get(order+"?lang=en").shows(t, 200, "At day close", "Once the day is closed")
	b.get(w.seoul.origin+"/wallet").shows(t, 200, "KRW\u00a085,000", path)
	b.get(order+"/proof").shows(t, 409)
	w.proveInBrowser(b, path)
	b.get(order+"/verify").leads(t, path+"#verify")
}

// proveInBrowser closes the day and checks that what the page offers is a proof.
func (w *world) proveInBrowser(b *browser, path string) {
	t, order := w.t, w.seoul.origin+path
	_, err := w.seoul.node.CloseDay(t.Context(), w.seoul.operator, 0)
	must(t, err)
	w.until(func() bool {
		days := w.seoul.node.Days()
		return days[0].Checkpoint != "" && days[0].Anchor.TxID != ""
	})
	b.get(order).shows(t, 200, "In the signed root over", "Checkpointed")
	w.mine(1)
	w.until(func() bool { return strings.Contains(b.get(order).body, "Anchored in Bitcoin</h3><p>Block") })
	b.get(order).shows(t, 200, "1 of 6 so far")
	w.mine(5)
	w.until(func() bool { return strings.Contains(b.get(order).body, "Final by") })
	shown := b.get(order)
	bundle := b.get(order + "/proof")
	bundle.shows(t, 200)
	name := strings.TrimPrefix(bundle.header.Get("Content-Disposition"), `attachment; filename="`)
	name = strings.TrimSuffix(name, `"`)
	shown.shows(t, 200, "Final by this node", path+"/proof",
		"go run ./cmd/seyfert verify "+name, "--headers headers.bin --node ")
	_, pin, _ := strings.Cut(shown.body, "--node ")
	headers := b.get(w.seoul.origin + "/v1/chain/headers")
	report := verify.Check([]byte(bundle.body), verify.Options{
		Headers: []byte(headers.body), Pin: pin[:43],
	})
	if !report.OK {
		t.Errorf("the downloaded proof does not hold: %+v", report)
	}
	b.get(order+"?lang=ko").shows(t, 200, "확인 6회", "증명되지 않은 것")
}

// until waits for the nodes' workers.
func (w *world) until(done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("waited 10 seconds in vain")
		}
	}
}

// TestPagesDecline declines, and approves without a return address.
func TestPagesDecline(t *testing.T) {
	w := newWorld(t)
	b, offer := newBrowser(t), w.offer("")
	b.signIn(w.seoul, w.member.ID)
	sheet := b.get(w.approveURL(w.offerURL(offer)))
	b.post(w.seoul.origin+"/wallet/approve", sheet.form(t, "decline")).
		shows(t, 200, "You declined to pay", "No money has moved")
	b.post(w.seoul.origin+"/wallet/approve?lang=ko", sheet.form(t, "decline")).
		shows(t, 200, "거절했습니다")
	w.untouched()
	got := b.post(w.seoul.origin+"/wallet/approve", sheet.form(t, "approve"))
	b.get(w.seoul.origin+got.header.Get("Location")+"?lang=en").shows(t, 200, "Sealed receipt", "v1.",
		"names no address")
}

// untouched checks that nothing was approved.
func (w *world) untouched() {
	w.t.Helper()
	by := node.Caller{Kind: w.seoul.operator.Kind, ID: w.seoul.operator.ID}
	wallet, err := w.seoul.node.Wallet(by, w.member.ID)
	must(w.t, err)
	if got := wallet.Balances[0].Available; got != money.New(money.KRW, deposit) {
		w.t.Errorf("available %v", got)
	}
}

// TestPagesSecondApproval approves an offer again in other ways than a second click.
func TestPagesSecondApproval(t *testing.T) {
	w := newWorld(t)
	offer := w.offer(shopOrigin + "/return")
	b, other := newBrowser(t), newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	other.signIn(w.seoul, w.seoul.addMember("Lee", "110-2").ID)
	approve := w.seoul.origin + "/wallet/approve"
	first, second := b.get(w.approveURL(w.offerURL(offer))), b.get(w.approveURL(w.offerURL(offer)))
	others := other.get(w.approveURL(w.offerURL(offer)))
	path := strings.TrimSuffix(b.post(approve, first.form(t, "approve")).header.Get("Location"),
		"/receipt")
	b.post(approve, second.form(t, "approve")).leads(t, path)
	b.get(w.approveURL(w.offerURL(offer))).leads(t, path)
	other.post(approve, others.form(t, "approve")).shows(t, 409, "approved already")
	changed := first.form(t, "approve")
	changed.Set("offer", w.offer("").JWS) // the same number for another offer
	b.post(approve, changed).shows(t, 409, "cannot be done now")

	other.get(w.seoul.origin+path).shows(t, 404, "There is nothing here")
	other.get(w.seoul.origin+path+"/proof").shows(t, 404)
	other.get(w.seoul.origin+path+"/receipt?lang=ko").shows(t, 404, "찾는 것이 없습니다")
}

// TestPagesShort shows a wallet with too little money, before and after the click.
func TestPagesShort(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	approve := w.seoul.origin + "/wallet/approve"
	last := b.get(w.approveURL(w.offerURL(w.offer("")))) // looked at while there was enough
	for range deposit / price {
		sheet := b.get(w.approveURL(w.offerURL(w.offer(""))))
		if got := b.post(approve, sheet.form(t, "approve")); got.status != 303 {
			t.Fatalf("status %d: %s", got.status, words(got.body))
		}
	}
	b.post(approve, last.form(t, "approve")).shows(t, 409, "No wallet of yours has enough")
	short := b.get(w.approveURL(w.offerURL(w.offer(""))))
	short.shows(t, 200, "No wallet of yours has enough", "not enough")
	if strings.Contains(short.body, `value="approve"`) {
		t.Error("a button approves what can't be paid")
	}
}

// TestPagesHistory turns the pages of a long history.
func TestPagesHistory(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		_, err := w.seoul.node.TakeNotice(t.Context(), node.Notice{
			Rail: "bank", ID: "more " + strconv.Itoa(i), Bank: "한빛은행 Hanbit Bank",
			Number: "110-1", Amount: money.New(money.KRW, 1),
		})
		must(t, err)
	}
	b := newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	first := b.get(w.seoul.origin + "/wallet")
	first.shows(t, 200, "/wallet?page=2")
	second := b.get(w.seoul.origin + "/wallet?page=2")
	second.shows(t, 200, "+KRW\u00a0100,000")
	b.get(w.seoul.origin+"/wallet?page=3").shows(t, 404, "There is nothing here")
	for page, want := range map[string]int{first.body: 25, second.body: 6} {
		if have := strings.Count(page, `class="item"`); have != want {
			t.Errorf("%d lines, want %d", have, want)
		}
	}
	if strings.Contains(second.body, "page=3") {
		t.Error("the last page leads on")
	}
}
