package export_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"seyfert/client"
	"seyfert/money"
	"seyfert/sandbox"
)

// TestDocs runs every statement of docs/export.md on a copy; each question has an answer.
func TestDocs(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	mustKeepShop(t, w.Tokyo.Operator)
	mustCopy(t, c, w.Tokyo.Operator, "")
	text, err := os.ReadFile("../docs/export.md")
	must(t, err)
	statements := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(statements) < 8 {
		t.Fatalf("docs/export.md has %d statements", len(statements))
	}
	conn, err := pgx.Connect(t.Context(), c.url("postgres"))
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	for _, found := range statements {
		if !strings.HasPrefix(found[1], "SELECT") {
			_, err := conn.Exec(t.Context(), found[1])
			must(t, err)
			continue
		}
		rows, err := conn.Query(t.Context(), found[1])
		must(t, err)
		count := 0
		for rows.Next() {
			values, err := rows.Values()
			must(t, err)
			for i, field := range rows.FieldDescriptions() {
				says := field.Name == "balanced" || field.Name == "complete"
				if says && values[i] != true {
					t.Errorf("%s is %v:\n%s", field.Name, values[i], found[1])
				}
			}
			count++
		}
		if rows.Err() != nil || count == 0 {
			t.Errorf("%d rows, %v:\n%s", count, rows.Err(), found[1])
		}
	}
}

// mustKeepShop keeps a few days of a small shop's books.
func mustKeepShop(t *testing.T, operator *client.Client) {
	t.Helper()
	company, err := operator.CreateCompany(t.Context(), "Kanda Paper")
	must(t, err)
	node := operator.With(company.APIKey)
	open := func(code uint16, kind, name string) string {
		a, err := node.OpenAccount(t.Context(), client.NewAccount{
			Kind: kind, Currency: "USD", Code: code, Name: name,
		})
		must(t, err)
		return a.ID
	}
	cash, owed := open(1000, client.KindAsset, "Cash"), open(2000, client.KindLiability, "Deposits")
	sales, fees := open(4000, client.KindIncome, "Sales"), open(6000, client.KindExpense, "Fees")
	day := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	post := func(code uint16, reference string, legs ...client.Leg) string {
		posted, err := node.Post(t.Context(), client.TransferRequest{
			Legs: legs, Code: code, Reference: reference, Effective: &day,
			Metadata: map[string]string{"till": "2"},
		})
		must(t, err)
		return posted.ID
	}
	usd := func(cents uint64) money.Amount { return money.New(money.USD, cents) }
	post(1, "invoice 1001", client.Leg{Debit: cash, Credit: sales, Amount: usd(124_050)},
		client.Leg{Debit: fees, Credit: cash, Amount: usd(360)})
	wrong := post(1, "invoice 1002", client.Leg{Debit: cash, Credit: sales, Amount: usd(9_900)})
	_, err = node.Reverse(t.Context(), wrong, client.Reversal{})
	must(t, err)
	post(2, "deposit 7", client.Leg{Debit: cash, Credit: owed, Amount: usd(50_000)})
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	held, err := node.Hold(t.Context(), client.HoldRequest{
		Debit: owed, Credit: sales, Amount: usd(20_000), Expires: &later,
	})
	must(t, err)
	part := usd(12_500)
	_, err = node.Capture(t.Context(), held.ID, client.CaptureRequest{Amount: &part, More: true})
	must(t, err)
}
