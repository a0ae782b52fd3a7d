package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// restart measures how long a node takes to start that holds many transfers: at its newest cut,
// or at the cut before they came, so that all of them are replayed from the journal.
func (r *run) restart(ctx context.Context) (err error) {
	p, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.stop(); err != nil { // with a cut
		return err
	}
	if _, err := p.start(ctx); err != nil {
		return err
	}
	books, filled, err := r.fill(ctx, p)
	if err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	r.figures.Transfers = filled
	if r.c.Way == Replay {
		held, err := dropNewestCut(filepath.Join(p.dir, cutsDir))
		if err != nil {
			return err
		}
		r.figures.Transfers = books.records + filled - held
	}
	if err := probeSync(r.dir, &r.sync); err != nil {
		return err
	}
	if err := r.startAgain(ctx, p); err != nil {
		return err
	}
	if _, err := p.check(books, r.c, filled); err != nil {
		return fmt.Errorf("after the start: %w", err)
	}
	r.ended()
	return nil
}

// fill posts what the node shall hold, and returns what its books were before.
func (r *run) fill(ctx context.Context, p *place) (before books, filled uint64, err error) {
	callers, err := p.callers(ctx, r.c)
	if err != nil {
		return before, 0, err
	}
	defer func() { err = errors.Join(err, hangUp(callers)) }()
	if before, err = p.books(r.c.Accounts); err != nil {
		return before, 0, err
	}
	if filled, err = repeat(ctx, callers, r.c.Transfers); err != nil {
		return before, 0, err
	}
	_, err = p.check(before, r.c, filled)
	return before, filled, err
}

// startAgain measures the start itself.
func (r *run) startAgain(ctx context.Context, p *place) error {
	var took, used time.Duration
	err := r.profiled(func() error {
		spending, err := spend()
		if err != nil {
			return err
		}
		if took, err = p.start(ctx); err != nil {
			return err
		}
		used, r.figures.Others, err = spending.end()
		return err
	})
	if err != nil {
		return err
	}
	f := r.figures
	f.Start, f.Seconds = round(took.Seconds()), round(took.Seconds())
	if r.c.Way == Replay {
		f.PerSecond = round(float64(f.Transfers) / took.Seconds())
		f.CPU = round(float64(used) / float64(time.Microsecond) / float64(f.Transfers))
	}
	return nil
}
