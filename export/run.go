package export

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"seyfert/client"
)

// Position is how far a copy has come.
type Position struct {
	// Entries is the history number up to which entries are copied, Newest that of the node's
	// newest when it was last asked.
	Entries, Newest uint64
}

// CatchUp copies everything that the node has when it is called.
func (p *Postgres) CatchUp(ctx context.Context) (Position, error) {
	for goal := uint64(0); ; {
		b, err := p.step(ctx, 0)
		if err != nil {
			return Position{}, err
		}
		if goal == 0 {
			goal = b.newest
		}
		if p.next > goal {
			return Position{Entries: p.next - 1, Newest: b.newest}, nil
		}
	}
}

// step copies one batch, which it waits for, after the accounts that it is about.
func (p *Postgres) step(ctx context.Context, wait time.Duration) (*batch, error) {
	b, err := read(ctx, p.cfg.Node, p.next, wait)
	if err != nil {
		return nil, err
	}
	// Details are read after the entries: an account that an entry names is among them.
	for {
		page, err := p.cfg.Node.Details(ctx, p.nextDetail, client.DetailsMax)
		if err != nil {
			return nil, err
		}
		if page.Next == p.nextDetail {
			break
		}
		if err := p.takeDetails(ctx, &page); err != nil {
			return nil, err
		}
	}
	if b.next == b.from {
		return b, nil
	}
	return b, p.apply(ctx, b)
}

// follow copies until ctx ends or something fails.
func (p *Postgres) follow(ctx context.Context, failures *int) error {
	told, behind := time.Time{}, true
	for {
		b, err := p.step(ctx, waitMax)
		if err != nil {
			return err
		}
		*failures = 0
		if now := time.Now(); b.behind() != behind || behind && now.Sub(told) > time.Minute {
			told, behind = now, b.behind()
			p.cfg.Log.Info("entries are copied", slog.Uint64("to", p.next-1),
				slog.Uint64("newest", b.newest))
		}
	}
}

// Run keeps a database up to date until ctx ends. A node or a database that does not answer is
// tried again for as long as it takes; what only a person can mend ends it: a refused key, a
// schema that is not ours, rows that do not fit.
func Run(ctx context.Context, cfg Config) error {
	for failures := 0; ; {
		err := runOnce(ctx, cfg, &failures)
		if ctx.Err() != nil {
			return nil
		}
		if !passes(err) {
			return err
		}
		wait := min(100*time.Millisecond<<min(failures, 12), pauseMax)
		failures++
		cfg.Log.Warn("the copy waits and will be tried again", slog.Duration("after", wait),
			slog.String("error", err.Error()))
		if !pause(ctx, wait) {
			return nil
		}
	}
}

func runOnce(ctx context.Context, cfg Config, failures *int) error {
	p, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	err = p.follow(ctx, failures)
	_ = p.Close() // what it was told is committed or will be done again
	return err
}

// passes says whether an error may be gone the next time.
func passes(err error) bool {
	for _, final := range []error{ErrForeign, ErrNewer, errUnfit, client.ErrStream} {
		if errors.Is(err, final) {
			return false
		}
	}
	if p, answered := errors.AsType[*client.Problem](err); answered {
		return p.Status >= http.StatusInternalServerError ||
			p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout
	}
	if refused, said := errors.AsType[*pgconn.PgError](err); said {
		// Connection, transaction, resources, intervention of its operator (SQLSTATE classes).
		for _, class := range []string{"08", "40", "53", "57", "58"} {
			if strings.HasPrefix(refused.Code, class) {
				return true
			}
		}
		return false
	}
	return true
}
