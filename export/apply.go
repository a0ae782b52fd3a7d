package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"seyfert/client"
	"seyfert/money"
)

// stages are the tables that batches are copied into before they are taken over. They live as long
// as the connection and are empty between two transactions.
const stages = `
CREATE TEMP TABLE stage (LIKE entries) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE stage_accounts (LIKE accounts INCLUDING DEFAULTS) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE stage_metadata (LIKE metadata) ON COMMIT DELETE ROWS`

// entryColumns, accountColumns and metadataColumns are what is copied, in the order of the values.
func entryColumns() []string {
	return []string{
		"number", "journal_index", "recorded_at", "effective_at", "expires_at", "kind", "code",
		"leg", "transfer_id", "hold_id", "reverses", "rest_held", "debit_account",
		"credit_account", "currency", "scale", "amount", "debit_balance", "credit_balance",
	}
}

func accountColumns() []string {
	return []string{
		"id", "owner", "purpose", "code", "kind", "currency", "scale", "name", "flags", "limits",
		"created_at",
	}
}

func metadataColumns() []string {
	return []string{"subject", "version", "reference", "metadata", "recorded_at"}
}

// The statements that turn what was staged into rows: what a transfer, a hold and an account have
// become follows from its entries alone.
const (
	insertEntries = `
	 INSERT INTO entries SELECT * FROM stage`

	insertTransfers = `
	 INSERT INTO transfers AS t (id, first_entry, legs, code, recorded_at, effective_at, hold_id,
	        reverses)
	 SELECT transfer_id, min(number), count(*), min(code), min(recorded_at), min(effective_at),
	        min(hold_id), min(reverses)
	 FROM stage WHERE transfer_id IS NOT NULL GROUP BY transfer_id
	 ON CONFLICT (id) DO UPDATE SET legs = t.legs + excluded.legs`

	markReversed = `
	 UPDATE transfers t SET reversed_by = s.transfer_id
	 FROM (SELECT DISTINCT reverses, transfer_id FROM stage WHERE reverses IS NOT NULL) s
	 WHERE t.id = s.reverses`

	insertHolds = `
	 INSERT INTO holds (id, entry, code, debit_account, credit_account, currency, scale, amount,
	        state, expires_at, recorded_at)
	 SELECT hold_id, number, code, debit_account, credit_account, currency, scale, amount,
	        'held', expires_at, recorded_at
	 FROM stage WHERE kind = 'held'`

	changeHolds = `
	 UPDATE holds h SET captured = h.captured + s.taken,
	        state = CASE WHEN s.ended THEN s.kind WHEN s.bound THEN 'bound' ELSE h.state END,
	        ended_at = CASE WHEN s.ended THEN s.at END
	 FROM (SELECT hold_id, coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS taken,
	              bool_or(kind = 'bound') AS bound,
	              bool_or(kind IN ('voided', 'expired') OR kind = 'captured' AND NOT rest_held)
	                  AS ended,
	              (array_agg(kind ORDER BY number DESC))[1] AS kind, max(recorded_at) AS at
	       FROM stage WHERE hold_id IS NOT NULL AND kind <> 'held' GROUP BY hold_id) s
	 WHERE h.id = s.hold_id`
)

// takeBalances adds what was staged to the accounts. It changes one row for each account.
const takeBalances = `
	UPDATE accounts a SET debits_posted = a.debits_posted + s.debits,
	       credits_posted = a.credits_posted + s.credits, balance = s.balance,
	       last_entry = s.number
	FROM (SELECT id, sum(debit) AS debits, sum(credit) AS credits, max(number) AS number,
	             (array_agg(balance ORDER BY number DESC))[1] AS balance
	      FROM (SELECT debit_account AS id, number, debit_balance AS balance,
	                   CASE WHEN transfer_id IS NULL THEN 0 ELSE amount END AS debit, 0 AS credit
	            FROM stage WHERE debit_account IS NOT NULL
	            UNION ALL
	            SELECT credit_account, number, credit_balance,
	                   0, CASE WHEN transfer_id IS NULL THEN 0 ELSE amount END
	            FROM stage WHERE credit_account IS NOT NULL) lines GROUP BY id) s
	WHERE a.id = s.id`

// unknownAccounts are those of what was staged that no detail has told of: the node's own
// accounts for payments, and wallets.
const unknownAccounts = `
	SELECT id FROM (SELECT debit_account AS id FROM stage UNION SELECT credit_account FROM stage) s
	WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM accounts a WHERE a.id = s.id)`

// countAccounts is the number of accounts of what was staged.
const countAccounts = `
	SELECT count(DISTINCT id) FROM (SELECT debit_account AS id FROM stage
	       UNION ALL SELECT credit_account FROM stage) s`

// errUnfit is a batch that does not go with what was copied before.
var errUnfit = errors.New("the copy does not fit the node's history: make a new one")

// apply takes a batch over, and says so, in one transaction.
func (p *Postgres) apply(ctx context.Context, b *batch) error {
	err := pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error {
		if err := p.hold(ctx, tx, "next_entry", b.from); err != nil {
			return err
		}
		if err := p.takeEntries(ctx, tx, b.changes); err != nil {
			return err
		}
		return p.move(ctx, tx, "next_entry", b.next)
	})
	if err != nil {
		return fmt.Errorf("copy entries from %d: %w", b.from, err)
	}
	p.next = b.next
	return nil
}

// hold checks that a transaction goes on where the last one stopped, and keeps it there.
func (p *Postgres) hold(ctx context.Context, tx pgx.Tx, cursor string, from uint64) error {
	var at uint64
	err := tx.QueryRow(ctx, "SELECT "+cursor+" FROM export FOR UPDATE").Scan(&at)
	if err == nil && at != from {
		err = fmt.Errorf("%s is %d, not %d: someone else wrote there", cursor, at, from)
	}
	return err
}

func (p *Postgres) move(ctx context.Context, tx pgx.Tx, cursor string, next uint64) error {
	_, err := tx.Exec(ctx, "UPDATE export SET "+cursor+" = $1, changed_at = now()", next)
	return err
}

func (p *Postgres) takeEntries(ctx context.Context, tx pgx.Tx, changes []client.Change) error {
	if len(changes) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"stage"}, entryColumns(),
		pgx.CopyFromSlice(len(changes), func(i int) ([]any, error) {
			return entryRow(&changes[i]), nil
		}))
	if err != nil {
		return err
	}
	if err := p.fetchAccounts(ctx, tx); err != nil {
		return err
	}
	for _, statement := range [...]string{
		insertEntries, insertTransfers, markReversed, insertHolds, changeHolds,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	changed, err := tx.Exec(ctx, takeBalances)
	if err != nil {
		return err
	}
	var accounts int64
	if err := tx.QueryRow(ctx, countAccounts).Scan(&accounts); err != nil {
		return err
	}
	if changed.RowsAffected() != accounts {
		return fmt.Errorf("%d of %d accounts changed: %w", changed.RowsAffected(), accounts, errUnfit)
	}
	return nil
}

// fetchAccounts asks the node for the accounts that are not known yet.
func (p *Postgres) fetchAccounts(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, unknownAccounts)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(ids) == 0 {
		return err
	}
	accounts := make([]client.BookAccount, len(ids))
	for i, id := range ids {
		if accounts[i], err = p.cfg.Node.BookAccount(ctx, id); err != nil {
			return fmt.Errorf("read account %s: %w", id, err)
		}
	}
	return p.takeAccounts(ctx, tx, accounts)
}

// takeAccounts writes accounts as they stand. Their sums are not the node's of now but those of
// the entries that were copied.
func (p *Postgres) takeAccounts(ctx context.Context, tx pgx.Tx, accounts []client.BookAccount,
) error {
	if len(accounts) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"stage_accounts"}, accountColumns(),
		pgx.CopyFromSlice(len(accounts), func(i int) ([]any, error) {
			return accountRow(&accounts[i])
		}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO accounts AS a SELECT * FROM stage_accounts
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, code = excluded.code,
		       name = excluded.name, flags = excluded.flags, limits = excluded.limits`)
	return err
}

// takeDetails takes a page of details over, and says so, in one transaction.
func (p *Postgres) takeDetails(ctx context.Context, page *client.DetailPage) error {
	newest := map[string]int{}
	var accounts []client.BookAccount
	var texts []client.Annotation
	for _, d := range page.Details {
		switch {
		case d.Metadata != nil:
			texts = append(texts, *d.Metadata)
		case d.Account != nil:
			if at, twice := newest[d.Account.ID]; twice {
				accounts[at] = *d.Account
				continue
			}
			newest[d.Account.ID] = len(accounts)
			accounts = append(accounts, *d.Account)
		}
	}
	err := pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error {
		if err := p.hold(ctx, tx, "next_detail", p.nextDetail); err != nil {
			return err
		}
		if err := p.takeAccounts(ctx, tx, accounts); err != nil {
			return err
		}
		if err := takeTexts(ctx, tx, texts); err != nil {
			return err
		}
		return p.move(ctx, tx, "next_detail", page.Next)
	})
	if err != nil {
		return fmt.Errorf("copy details from %d: %w", p.nextDetail, err)
	}
	p.nextDetail = page.Next
	return nil
}

func takeTexts(ctx context.Context, tx pgx.Tx, texts []client.Annotation) error {
	if len(texts) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"stage_metadata"}, metadataColumns(),
		pgx.CopyFromSlice(len(texts), func(i int) ([]any, error) {
			t := &texts[i]
			pairs := make(map[string]string, len(t.Metadata))
			for key, value := range t.Metadata {
				pairs[plain(key)] = plain(value)
			}
			text, err := json.Marshal(pairs)
			return []any{t.Subject, t.Version, plain(t.Reference), text, t.At}, err
		}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO metadata SELECT * FROM stage_metadata")
	return err
}

func entryRow(c *client.Change) []any {
	effective := c.At
	if c.Effective != nil {
		effective = *c.Effective
	}
	return []any{
		c.Number, c.Index, c.At, effective, c.Expires, c.Kind, c.Code, c.Leg, none(c.Transfer),
		none(c.Hold), none(c.Reverses), c.More, none(c.Debit), none(c.Credit),
		c.Amount.Currency().Code(), c.Amount.Currency().Digits(), units(c.Amount, false),
		signed(c.DebitBalance), signed(c.CreditBalance),
	}
}

func accountRow(a *client.BookAccount) ([]any, error) {
	currency, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	limits, err := json.Marshal(a.Limits)
	return []any{
		a.ID, a.Owner, a.Purpose, a.Code, a.Kind, a.Currency, currency.Digits(), a.Name, a.Flags,
		limits, a.Created,
	}, err
}

// plain replaces the one character that a text of PostgreSQL cannot hold.
func plain(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// none is null for a text that is empty.
func none(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// units are the minor units of an amount.
func units(a money.Amount, negative bool) pgtype.Numeric {
	high, low := a.Words()
	n := new(big.Int).SetUint64(high)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(low))
	if negative {
		n.Neg(n)
	}
	return pgtype.Numeric{Int: n, Valid: true}
}

func signed(s *money.Signed) pgtype.Numeric {
	if s == nil {
		return pgtype.Numeric{}
	}
	return units(s.Amount, s.Negative)
}
