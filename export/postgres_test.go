package export_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"seyfert/client"
	"seyfert/export"
	"seyfert/money"
	"seyfert/sandbox"
)

// mustCopy brings a copy up to date.
func mustCopy(t *testing.T, c *cluster, node *client.Client, schema string) export.Position {
	t.Helper()
	p, err := export.Open(t.Context(), c.config(node, schema))
	must(t, err)
	at, err := p.CatchUp(t.Context())
	must(t, errors.Join(err, p.Close()))
	return at
}

func (c *cluster) config(node *client.Client, schema string) export.Config {
	return export.Config{
		Node: node, Database: c.url("postgres"), Schema: schema,
		Log: slog.New(slog.NewTextHandler(c.t.Output(), nil)),
	}
}

// TestPostgres copies books step by step, with the operator's key and with a company's, and what
// SQL says of them is what the node says.
func TestPostgres(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	operator := w.Tokyo.Operator
	kanda := mustKeeper(t, operator, "Kanda", 1)
	other := mustKeeper(t, operator, "Other", 2)
	if at := mustCopy(t, c, operator, ""); at.Entries != at.Newest {
		t.Errorf("before anything: %+v", at)
	}
	for range 4 {
		kanda.mustAct(60)
		other.mustAct(20)
		mustCopy(t, c, operator, "")
		mustCopy(t, c, kanda.node, "kanda")
	}
	time.Sleep(expiryMax)
	mustCopy(t, c, operator, "")
	mustCopy(t, c, kanda.node, "kanda")
	conn := c.mustConnect()
	mustEqual(t, conn, operator)
	mustTell(t, c, kanda, operator)
	_, err := conn.Exec(t.Context(), "SET search_path TO kanda")
	must(t, err)
	mustEqual(t, conn, kanda.node)
	var foreign int
	mustAsk(t, conn, "SELECT count(*) FROM accounts WHERE owner <> '"+kanda.id+"'", &foreign)
	if foreign != 0 {
		t.Errorf("a company's copy holds %d accounts of others", foreign)
	}
}

// mustTell looks at what comes with transfers and accounts: texts, limits, flags, major units.
func mustTell(t *testing.T, c *cluster, k *keeper, operator *client.Client) {
	t.Helper()
	conn := c.mustConnect()
	account := k.accounts[money.USD][0]
	floor := money.Signed{Amount: money.New(money.USD, 123_456_789_012), Negative: true}
	flags := []string{client.FlagFrozenIn}
	_, err := k.node.ChangeAccount(t.Context(), account, client.AccountChange{
		Flags: &flags, Limits: &client.AccountLimits{Floor: &floor},
	})
	must(t, err)
	mustCopy(t, c, operator, "")
	var frozen bool
	var place, limit, major string
	mustAsk(t, conn, `SELECT a.flags = '{frozen_in}', m.metadata->>'place',
		a.limits->'floor'->>'value', major(12345, a.scale)::text FROM accounts a
		JOIN current_metadata m ON m.subject = a.id WHERE a.id = '`+account+`'`,
		&frozen, &place, &limit, &major)
	if !frozen || place != "0" || limit != "-1234567890.12" || major != "123.45" {
		t.Errorf("the account: %v %q %q %q", frozen, place, limit, major)
	}
	var texts, reversed int
	mustAsk(t, conn, `SELECT count(*) FROM transfers t JOIN current_metadata m ON m.subject = t.id
		WHERE m.reference LIKE 'invoice %' AND m.metadata->>'note' LIKE '%é%'`, &texts)
	mustAsk(t, conn, `SELECT count(*) FROM transfers t JOIN transfers u ON u.id = t.reversed_by
		WHERE u.reverses = t.id`, &reversed)
	if texts == 0 || reversed == 0 {
		t.Errorf("%d transfers have a reference, %d were reversed", texts, reversed)
	}
}

// TestPostgresBatches copies more than one transaction takes. The border lies within a transfer,
// whose legs come together all the same.
func TestPostgresBatches(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	k := mustKeeper(t, w.Tokyo.Operator, "Kanda", 1)
	items := make([]client.Item, 3_334) // three legs each
	for i := range items {
		d, credit, amount := k.pair()
		items[i] = client.Item{Legs: []client.Leg{
			{Debit: d, Credit: credit, Amount: amount},
			{Debit: credit, Credit: d, Amount: amount},
			{Debit: d, Credit: credit, Amount: amount},
		}}
	}
	for len(items) > 0 { // the node takes 10,000 legs at a time
		most := min(len(items), 3_000)
		_, err := k.node.PostItems(t.Context(), "all", items[:most])
		must(t, err)
		items = items[most:]
	}
	d, credit, amount := k.pair()
	_, err := k.node.Post(t.Context(), client.TransferRequest{
		Legs:     []client.Leg{{Debit: d, Credit: credit, Amount: amount}},
		Metadata: map[string]string{"a\x00b": "c\x00d"},
	})
	must(t, err)
	mustCopy(t, c, w.Tokyo.Operator, "")
	conn := c.mustConnect()
	mustEqual(t, conn, w.Tokyo.Operator)
	var transactions, most, texts int
	mustAsk(t, conn, "SELECT count(*), max(n) FROM (SELECT count(*) AS n FROM entries "+
		"GROUP BY xmin::text) t", &transactions, &most)
	if transactions != 2 || most != export.BatchMax {
		t.Errorf("%d transactions, the longest of %d entries", transactions, most)
	}
	mustAsk(t, conn, "SELECT count(*) FROM metadata WHERE metadata->>'a\uFFFDb' = 'c\uFFFDd'", &texts)
	if texts != 1 {
		t.Errorf("%d texts with a character that the database does not hold", texts)
	}
}

// TestPostgresRefuses: what is not a copy of these books stays as it is.
func TestPostgresRefuses(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	operator := w.Tokyo.Operator
	kanda := mustKeeper(t, operator, "Kanda", 1)
	kanda.mustAct(20)
	mustCopy(t, c, operator, "")
	conn := c.mustConnect()
	refuse := func(name string, node *client.Client, schema string, want error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		// Run does not try again what only a person can mend.
		if err := export.Run(ctx, c.config(node, schema)); !errors.Is(err, want) || err == nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	refuse("another node", w.Seoul.Operator, "", export.ErrForeign)
	refuse("another key", kanda.node, "", export.ErrForeign)
	exec := func(statement string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
	exec("CREATE SCHEMA theirs; CREATE TABLE theirs.accounts (id int)")
	refuse("tables of someone else", operator, "theirs", export.ErrForeign)
	exec("CREATE TABLE theirs.export (id int)")
	refuse("another table export", operator, "theirs", export.ErrForeign)
	exec("UPDATE export SET version = 2")
	refuse("a newer version", operator, "", export.ErrNewer)
	exec("UPDATE export SET version = 1, format = 'other'")
	refuse("another format", operator, "", export.ErrForeign)
	exec("UPDATE export SET format = 'seyfert-export'")
	exec("UPDATE entries SET transfer_id = 'txn_other', hold_id = NULL WHERE number = " +
		"(SELECT max(number) FROM entries)")
	refuse("another history", operator, "", export.ErrForeign)
	exec("UPDATE entries SET number = number + 1000000")
	refuse("a longer history", operator, "", export.ErrForeign)
	var left int
	mustAsk(t, conn, "SELECT count(*) FROM theirs.accounts", &left)
	wrong := c.config(operator.With("sk_test_wrong"), "wrong")
	if err := export.Run(t.Context(), wrong); err == nil {
		t.Error("a wrong key is taken")
	}
}

// TestPostgresOneWriter: two exporters do not write to one schema.
func TestPostgresOneWriter(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	first, err := export.Open(t.Context(), c.config(w.Tokyo.Operator, ""))
	must(t, err)
	defer func() { must(t, first.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := export.Open(ctx, c.config(w.Tokyo.Operator, "")); err == nil {
		t.Error("a second exporter opens the schema")
	}
	other, err := export.Open(t.Context(), c.config(w.Tokyo.Operator, "beside"))
	must(t, err)
	must(t, other.Close())
}

// TestPostgresRun keeps a copy up to date while node and database end and come back.
func TestPostgresRun(t *testing.T) {
	c := mustCluster(t)
	cfg := sandbox.Config{Dir: t.TempDir(), Listen: freePorts(t)}
	w := mustWorld(t, cfg)
	kanda := mustKeeper(t, w.Tokyo.Operator, "Kanda", 3)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- export.Run(ctx, c.config(w.Tokyo.Operator, "")) }()
	kanda.mustAct(40)
	c.mustReach(w.Tokyo.Operator)
	c.stop()
	kanda.mustAct(40)
	time.Sleep(300 * time.Millisecond)
	c.start()
	c.mustReach(w.Tokyo.Operator)
	must(t, w.Close())
	time.Sleep(300 * time.Millisecond)
	w = mustWorld(t, cfg)
	defer func() { must(t, w.Close()) }()
	kanda.mustAct(40)
	time.Sleep(expiryMax)
	c.mustReach(w.Tokyo.Operator)
	stop()
	must(t, <-ended)
	mustEqual(t, c.mustConnect(), w.Tokyo.Operator)
}

// mustReach waits until the copy in schema seyfert has come to the node's newest entry.
func (c *cluster) mustReach(node *client.Client) {
	c.t.Helper()
	page, err := node.Changes(c.t.Context(), 0, 1, 0)
	must(c.t, err)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(c.t.Context(), c.url("postgres"))
		must(c.t, err)
		var next uint64
		err = conn.QueryRow(c.t.Context(), "SELECT next_entry FROM seyfert.export").Scan(&next)
		must(c.t, conn.Close(c.t.Context()))
		if err == nil && next > page.Newest {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("the copy is at %d (%v), the node at %d", next, err, page.Newest)
		}
	}
}

// freePorts finds an address with two free ports above it, which a world takes.
func freePorts(t *testing.T) string {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		port := first.Addr().(*net.TCPAddr).Port
		free := true
		for _, next := range []int{port + 1, port + 2} {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(next))
			if free = free && err == nil; err == nil {
				must(t, l.Close())
			}
		}
		must(t, first.Close())
		if free {
			return "127.0.0.1:" + strconv.Itoa(port)
		}
	}
	t.Fatal("no three free ports in a row")
	return ""
}
