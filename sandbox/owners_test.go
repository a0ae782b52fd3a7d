package sandbox_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/sandbox"
)

// mustSell lets a company that is not the world's own sell something to the customer.
func mustSell(t *testing.T, w *world, name string) {
	t.Helper()
	ctx := t.Context()
	company, err := w.Tokyo.Operator.CreateCompany(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shop := w.Tokyo.Operator.With(company.APIKey)
	amount := money.New(money.KRW, 12_300)
	offer, err := shop.CreateOffer(ctx, client.OfferRequest{
		Amount: amount, PayeeKey: client.PayeeKey(key.Public().(ed25519.PublicKey)), ExpiresIn: 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	order, err := mustCustomer(t, w).Approve(ctx, offer.JWS)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := client.SignClaim(key, rand.Reader, time.Now(), offer.JWS, order.Receipt, amount)
	if err != nil {
		t.Fatal(err)
	}
	if paid, err := shop.SubmitClaim(ctx, claim); err != nil || paid.State != client.ClaimPaid {
		t.Fatalf("the claim is %q: %v", paid.State, err)
	}
}

// TestWorldShowsOwners pays a company that came later: it is named as the payee, and stands on
// the page with its balance and the line behind it. The page leaves out what is too much.
func TestWorldShowsOwners(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{}), newVisitor(t)
	mustSell(t, w, "My first shop")
	page := mustGet(t, visitor, w.URL)
	page.shows(t, 200, "Last payment Paid KRW 12,300 → My first shop",
		"My first shop KRW 12,300", "Kanda Paper KRW 0", "Kim Minji KRW 87,700")
	if strings.Contains(page.body, "more</p>") {
		t.Error("the page says that it leaves someone out")
	}
	ledgers := regexp.MustCompile(`href="(/ledger/[^"]+)"[^>]*>(?:<[^>]*>)?KRW.(87,700|12,300)`).
		FindAllStringSubmatch(page.body, -1)
	if len(ledgers) != 2 {
		t.Fatalf("%d balances lead to a ledger: %q", len(ledgers), ledgers)
	}
	mustGet(t, visitor, w.URL+ledgers[0][1]).shows(t, 200, "in the books of seoul",
		"Hold captured Debit KRW 12,300 KRW 87,700", "Posted Credit KRW 100,000 KRW 100,000")
	mustGet(t, visitor, w.URL+ledgers[1][1]).shows(t, 200, "in the books of tokyo",
		"Credit KRW 12,300 KRW 12,300")
	mustGet(t, newVisitor(t), w.URL+ledgers[1][1]+"?lang=ko").shows(t, 200, "원장 내역",
		"대변 12,300원")
	for _, wrong := range []string{
		strings.Replace(ledgers[0][1], "seoul", "osaka", 1), "/ledger/seoul/x",
		strings.Replace(ledgers[0][1], "seoul", "tokyo", 1), ledgers[0][1] + "?before=x",
	} {
		mustGet(t, visitor, w.URL+wrong).shows(t, 404, "There is nothing here")
	}

	for i := range 4 {
		time.Sleep(2 * time.Millisecond) // ids made within one millisecond have no order
		if _, err := w.Tokyo.Operator.CreateCompany(t.Context(), fmt.Sprintf("Later %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	page = mustGet(t, visitor, w.URL)
	page.shows(t, 200, "Kanda Paper KRW 0", "Later 3 KRW 0", "Later 1 KRW 0", "and 2 more")
	if strings.Contains(page.body, "Later 0") {
		t.Error("a fifth company is shown")
	}
}

// TestLedgerPages reaches the lines of one page: the rest is on the next.
func TestLedgerPages(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{}), newVisitor(t)
	wallet, err := w.Seoul.Operator.WalletOf(t.Context(), w.Customer.Member)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 52 {
		amount := money.New(money.KRW, uint64(i+1))
		if err := w.Bank.Deposit(t.Context(), w.Customer.Number, amount); err != nil {
			t.Fatal(err)
		}
	}
	for _, balance := range wallet.Balances {
		if balance.Posted.Currency() != money.KRW {
			continue
		}
		address, lines := w.URL+"/ledger/seoul/"+balance.Account, 0
		for end := time.Now().Add(10 * time.Second); lines < 53 && time.Now().Before(end); {
			entries, err := w.Seoul.Operator.Entries(t.Context(), balance.Account, 0, 200)
			if err != nil {
				t.Fatal(err)
			}
			lines = len(entries)
		}
		first := mustGet(t, visitor, address)
		first.shows(t, 200, "KRW 101,378", "Older lines")
		older := regexp.MustCompile(`href="(\?before=[0-9]+)"`).FindStringSubmatch(first.body)
		if n := strings.Count(first.body, "Posted"); n != 50 || older == nil {
			t.Fatalf("%d lines, older %q", n, older)
		}
		second := mustGet(t, visitor, address+older[1])
		second.shows(t, 200, "KRW 100,000")
		if n := strings.Count(second.body, "Posted"); n != 3 {
			t.Errorf("%d lines on the second page", n)
		}
		return
	}
	t.Error("no wallet in KRW")
}

// TestWorldWithoutNode renders the page when a node does not answer any more.
func TestWorldWithoutNode(t *testing.T) {
	w, visitor := mustOpen(t, sandbox.Config{}), newVisitor(t)
	mustPay(t, w, visitor, mustOrder(t, w, visitor, "tape")).shows(t, 200, "Paid")
	mustGet(t, visitor, w.URL).shows(t, 200, "tokyo", "Healthy", "→ 神田紙店 Kanda Paper")
	answering := w.Tokyo.Operator
	w.Tokyo.Operator = client.New(client.Config{
		URL: "http://127.0.0.1:1", Key: "none", HTTP: http.DefaultClient,
	})
	page := mustGet(t, visitor, w.URL)
	page.shows(t, 200, "Stopped It does not answer now", "Healthy", "Kim Minji KRW 94,800",
		"Last payment Paid KRW 5,200", "Bitcoin chain", "Transfer of KRW 5,200")
	w.Tokyo.Operator = answering
	page = mustGet(t, visitor, w.URL)
	if page.shows(t, 200, "KRW 5,200"); strings.Contains(page.body, "Stopped") {
		t.Error("the node answers again and is called stopped")
	}
}
