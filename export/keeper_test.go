package export_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"seyfert/client"
	"seyfert/money"
	"seyfert/sandbox"
)

// mustWorld starts a sandbox, whose node tokyo keeps the books.
func mustWorld(t *testing.T, cfg sandbox.Config) *sandbox.World {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w, err := sandbox.Open(t.Context(), cfg)
	must(t, err)
	return w
}

// expiryMax is how long the last of a keeper's holds may take to expire, so that books are at rest.
const expiryMax = 2 * time.Second

// keeper is a company that does with its books whatever can be done.
type keeper struct {
	t        *testing.T
	node     *client.Client // with the company's key
	key, id  string
	random   *rand.Rand
	accounts map[money.Currency][]string
	holds    []client.BookHold
	posted   []string
}

// mustKeeper opens a company with accounts in two currencies.
func mustKeeper(t *testing.T, operator *client.Client, name string, seed uint64) *keeper {
	t.Helper()
	company, err := operator.CreateCompany(t.Context(), name)
	must(t, err)
	k := &keeper{
		t: t, node: operator.With(company.APIKey), key: company.APIKey, id: company.Company.ID,
		random: rand.New(rand.NewPCG(seed, 1)), accounts: map[money.Currency][]string{},
	}
	for _, currency := range []money.Currency{money.KRW, money.USD} {
		var wanted []client.NewAccount
		for i := range 6 {
			wanted = append(wanted, client.NewAccount{
				Kind:     []string{client.KindAsset, client.KindLiability}[i%2],
				Currency: currency.Code(), Code: uint16(1000 + i), Name: fmt.Sprintf("Account %d", i),
				Metadata: map[string]string{"place": fmt.Sprint(i)},
			})
		}
		opened, err := k.node.OpenAccounts(t.Context(), wanted)
		must(t, err)
		for _, a := range opened {
			k.accounts[currency] = append(k.accounts[currency], a.ID)
		}
	}
	return k
}

// pair draws a currency, two of its accounts and an amount.
func (k *keeper) pair() (debit, credit string, amount money.Amount) {
	currency := []money.Currency{money.KRW, money.USD}[k.random.IntN(2)]
	of := k.accounts[currency]
	from := k.random.IntN(len(of))
	to := (from + 1 + k.random.IntN(len(of)-1)) % len(of)
	return of[from], of[to], money.New(currency, 1+k.random.Uint64N(100_000))
}

// act does something. A refusal by a rule is as good as a success; what fails is told.
func (k *keeper) act(ctx context.Context) error {
	debit, credit, amount := k.pair()
	text := map[string]string{"note": fmt.Sprintf("%d \"é\" \n", k.random.IntN(100))}
	reference := fmt.Sprintf("invoice %d", k.random.IntN(50))
	var err error
	switch choice := k.random.IntN(20); {
	case choice < 8:
		legs := []client.Leg{{Debit: debit, Credit: credit, Amount: amount}}
		for range k.random.IntN(3) {
			d, c, a := k.pair()
			legs = append(legs, client.Leg{Debit: d, Credit: c, Amount: a})
		}
		var posted client.BookTransfer
		posted, err = k.node.Post(ctx, client.TransferRequest{
			Legs: legs, Code: uint16(choice), Reference: reference, Metadata: text,
		})
		k.posted = append(k.posted, posted.ID)
	case choice < 10:
		items := make([]client.Item, 1+k.random.IntN(40))
		for i := range items {
			d, c, a := k.pair()
			items[i] = client.Item{Debit: d, Credit: c, Amount: &a}
		}
		_, err = k.node.PostItems(ctx, "all", items)
	case choice < 14:
		request := client.HoldRequest{Debit: debit, Credit: credit, Amount: amount}
		if choice == 13 {
			soon := time.Now().Add(300 * time.Millisecond).UTC().Truncate(time.Millisecond)
			request.Expires = &soon
		}
		var held client.BookHold
		held, err = k.node.Hold(ctx, request)
		k.holds = append(k.holds, held)
	case choice < 18 && len(k.holds) > 0:
		at := k.random.IntN(len(k.holds))
		hold := k.holds[at]
		if choice == 17 {
			_, err = k.node.Void(ctx, hold.ID)
			break
		}
		part := money.New(hold.Amount.Currency(), 1+k.random.Uint64N(50_000))
		_, err = k.node.Capture(ctx, hold.ID, client.CaptureRequest{
			Amount: &part, More: choice == 14,
		})
	case choice == 18 && len(k.posted) > 0:
		_, err = k.node.Reverse(ctx, k.posted[k.random.IntN(len(k.posted))], client.Reversal{})
	default:
		flags := []string{}
		_, err = k.node.ChangeAccount(ctx, debit, client.AccountChange{Flags: &flags})
	}
	if p, refused := errors.AsType[*client.Problem](err); refused && p.Status < 500 {
		return nil
	}
	return err
}

// mustAct does many things.
func (k *keeper) mustAct(times int) {
	k.t.Helper()
	for range times {
		must(k.t, k.act(k.t.Context()))
	}
}

// line is an entry as the node and as the copy say it.
type line struct {
	Number, Index                       uint64
	At, Effective                       time.Time
	Kind, Transfer, Hold, Debit, Credit string
	Amount, DebitBalance, CreditBalance string
	Code, Leg                           int
	Reverses, Currency                  string
	More                                bool
}

// history reads all that a key sees of a node.
func history(t *testing.T, node *client.Client) (lines []line) {
	t.Helper()
	for from := uint64(0); ; {
		page, err := node.Changes(t.Context(), from, client.ChangesMax, 0)
		must(t, err)
		for _, c := range page.Changes {
			l := line{
				Number: c.Number, Index: c.Index, At: c.At, Effective: c.At, Kind: c.Kind,
				Transfer: c.Transfer, Hold: c.Hold, Debit: c.Debit, Credit: c.Credit,
				Amount: c.Amount.Minor(), Code: int(c.Code), Leg: int(c.Leg),
				Reverses: c.Reverses, Currency: c.Amount.Currency().Code(), More: c.More,
				DebitBalance: minor(c.DebitBalance), CreditBalance: minor(c.CreditBalance),
			}
			if c.Effective != nil {
				l.Effective = *c.Effective
			}
			lines = append(lines, l)
		}
		if from = page.Next; from > page.Newest {
			return lines
		}
	}
}

func minor(s *money.Signed) string {
	switch {
	case s == nil:
		return ""
	case s.Negative:
		return "-" + s.Amount.Minor()
	}
	return s.Amount.Minor()
}

// mustEqual compares a copy with what a node says to a key: every entry, every account's sums,
// every hold, and that transfers and their legs add up.
func mustEqual(t *testing.T, conn *pgx.Conn, node *client.Client) {
	t.Helper()
	want := history(t, node)
	rows, err := conn.Query(t.Context(), `SELECT number, journal_index, recorded_at, effective_at,
		kind, coalesce(transfer_id, ''), coalesce(hold_id, ''), coalesce(debit_account, ''),
		coalesce(credit_account, ''), amount::text, coalesce(debit_balance::text, ''),
		coalesce(credit_balance::text, ''), code, leg, coalesce(reverses, ''), currency, rest_held
		FROM entries ORDER BY number`)
	must(t, err)
	have, err := pgx.CollectRows(rows, pgx.RowToStructByPos[line])
	must(t, err)
	if diff := cmp.Diff(want, have, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Fatalf("entries (-node +copy):\n%.4000s", diff)
	}
	var accounts, legs, transfers, entries int
	mustAsk(t, conn, "SELECT count(*) FROM accounts", &accounts)
	rows, err = conn.Query(t.Context(), `SELECT id, balance::text, debits_posted::text,
		credits_posted::text, debits_pending::text, credits_pending::text FROM balances`)
	must(t, err)
	for _, b := range mustCollect[[6]string](t, rows, func(b *[6]string) []any {
		return []any{&b[0], &b[1], &b[2], &b[3], &b[4], &b[5]}
	}) {
		a, err := node.BookAccount(t.Context(), b[0])
		must(t, err)
		said := [6]string{
			a.ID, minor(&a.Balance), a.DebitsPosted.Minor(), a.CreditsPosted.Minor(),
			a.DebitsHeld.Minor(), a.CreditsHeld.Minor(),
		}
		if said != b {
			t.Errorf("account: the node says %v, the copy %v", said, b)
		}
	}
	mustAsk(t, conn, "SELECT count(*), coalesce(sum(legs), 0) FROM transfers", &transfers, &legs)
	mustAsk(t, conn, "SELECT count(*) FROM entries WHERE transfer_id IS NOT NULL", &entries)
	if legs != entries || accounts == 0 || transfers == 0 {
		t.Errorf("%d transfers have %d legs, of %d entries", transfers, legs, entries)
	}
	mustEqualHolds(t, conn, node)
}

func mustEqualHolds(t *testing.T, conn *pgx.Conn, node *client.Client) {
	t.Helper()
	rows, err := conn.Query(t.Context(),
		"SELECT id, state, captured::text, (amount - captured)::text FROM holds")
	must(t, err)
	for _, h := range mustCollect[[4]string](t, rows, func(h *[4]string) []any {
		return []any{&h[0], &h[1], &h[2], &h[3]}
	}) {
		hold, err := node.BookHold(t.Context(), h[0])
		must(t, err)
		live := hold.State == "held" || hold.State == "bound"
		if hold.State != h[1] || live && (hold.Captured.Minor() != h[2] || hold.Left.Minor() != h[3]) {
			t.Errorf("hold: the node says %+v, the copy %v", hold, h)
		}
	}
}

func mustCollect[T any](t *testing.T, rows pgx.Rows, into func(*T) []any) []T {
	t.Helper()
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v T, err error) {
		return v, row.Scan(into(&v)...)
	})
	must(t, err)
	return all
}
