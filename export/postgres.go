package export

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"seyfert/client"
)

// What the table export says of a copy that this program made.
const (
	format  = "seyfert-export"
	version = 1
)

// SchemaDefault is the schema that is written to if nobody says otherwise.
const SchemaDefault = "seyfert"

//go:embed schema.sql
var schema string

// lockWait is how long a start waits for the exporter before it to be gone: a database needs a
// moment to see that a killed process has left.
const lockWait = 10 * time.Second

// Config is what an export to PostgreSQL is made of.
type Config struct {
	// Node is the node whose books are copied, with the key of the operator or a company.
	Node *client.Client
	// Database is a connection string or URL as libpq takes them.
	Database string
	// Schema is the schema that is made and written to; empty means SchemaDefault.
	Schema string
	Log    *slog.Logger
}

// Postgres is a copy of a node's books in a database. It is for one goroutine.
type Postgres struct {
	cfg    Config
	conn   *pgx.Conn
	source source
	// next and nextDetail are how far the copy has come, as the table export says.
	next, nextDetail uint64
}

// Open connects to node and database, makes the schema the first time, and checks that it holds a
// copy of this node's books, made with this key. Nobody else writes to it until Close. ErrForeign
// and ErrNewer say what it refuses.
func Open(ctx context.Context, cfg Config) (_ *Postgres, err error) {
	if cfg.Schema == "" {
		cfg.Schema = SchemaDefault
	}
	p := &Postgres{cfg: cfg}
	if p.source, err = identify(ctx, cfg.Node); err != nil {
		return nil, err
	}
	if p.conn, err = pgx.Connect(ctx, cfg.Database); err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// open takes the schema for this process and reads how far it has come.
func (p *Postgres) open(ctx context.Context) error {
	if err := p.lock(ctx); err != nil {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := p.readCursor(ctx); err != nil {
		return err
	}
	if err := p.checkHistory(ctx); err != nil {
		return err
	}
	_, err := p.conn.Exec(ctx, stages)
	if err != nil {
		return fmt.Errorf("make staging tables: %w", err)
	}
	return nil
}

// Close ends the connection. What was begun and not finished leaves nothing behind.
func (p *Postgres) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return p.conn.Close(ctx)
}

// lock keeps every other exporter out of the schema for as long as the connection lives.
func (p *Postgres) lock(ctx context.Context) error {
	sum := fnv.New64a()
	sum.Write([]byte(format + " " + p.cfg.Schema))
	for end := time.Now().Add(lockWait); ; {
		var taken bool
		err := p.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(sum.Sum64())).
			Scan(&taken)
		if err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		if taken {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("another process exports to schema %s", p.cfg.Schema)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// prepare makes the schema where there is none, in one transaction, and leaves one that is not
// ours alone.
func (p *Postgres) prepare(ctx context.Context) error {
	quoted := pgx.Identifier{p.cfg.Schema}.Sanitize()
	var ours bool
	var others int
	err := p.conn.QueryRow(ctx, `SELECT coalesce(bool_or(relname = 'export' AND relkind = 'r'), false),
		count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1`, p.cfg.Schema).Scan(&ours, &others)
	if err != nil {
		return fmt.Errorf("look into the schema: %w", err)
	}
	if !ours && others > 0 {
		return fmt.Errorf("schema %s holds other tables: %w", p.cfg.Schema, ErrForeign)
	}
	return pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error {
		if !ours {
			if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quoted); err != nil {
				return fmt.Errorf("make the schema: %w", err)
			}
		}
		// For the session, and not for what a rolled back transaction leaves of it.
		if _, err := tx.Exec(ctx, "SET search_path TO "+quoted); err != nil {
			return fmt.Errorf("enter the schema: %w", err)
		}
		if ours {
			return nil
		}
		if _, err := tx.Exec(ctx, schema); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
		_, err := tx.Exec(ctx, "INSERT INTO export (format, version, node, scope) VALUES "+
			"($1, $2, $3, $4)", format, version, p.source.node, p.source.scope)
		return err
	})
}

// readCursor reads whose copy it is and how far it has come.
func (p *Postgres) readCursor(ctx context.Context) error {
	var madeBy string
	var madeWith int
	var of source
	err := p.conn.QueryRow(ctx,
		"SELECT format, version, node, scope, next_entry, next_detail FROM export").
		Scan(&madeBy, &madeWith, &of.node, &of.scope, &p.next, &p.nextDetail)
	switch {
	case err != nil:
		return fmt.Errorf("read table export of schema %s (%w): %w", p.cfg.Schema, err, ErrForeign)
	case madeBy != format:
		return fmt.Errorf("schema %s is %q: %w", p.cfg.Schema, madeBy, ErrForeign)
	case madeWith > version:
		return fmt.Errorf("schema %s has version %d, this program knows %d: %w", p.cfg.Schema,
			madeWith, version, ErrNewer)
	case of != p.source:
		return fmt.Errorf("schema %s holds %s of %s, and this is %s of %s: %w", p.cfg.Schema,
			of.scope, of.node, p.source.scope, p.source.node, ErrForeign)
	}
	return nil
}

// checkHistory compares the newest line that was copied with the node's.
func (p *Postgres) checkHistory(ctx context.Context) error {
	var number, index uint64
	var subject string
	err := p.conn.QueryRow(ctx, `SELECT number, journal_index, coalesce(transfer_id, hold_id)
		FROM entries ORDER BY number DESC LIMIT 1`).Scan(&number, &index, &subject)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the newest entry: %w", err)
	}
	return same(ctx, p.cfg.Node, number, index, subject)
}

// pause waits, and says whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
