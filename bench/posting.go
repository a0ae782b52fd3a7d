package bench

import (
	"context"
	"errors"
	"time"
)

// open starts the node of a case and opens its accounts.
func (r *run) open(ctx context.Context) (p *place, err error) {
	if p, err = newPlace(r.dir, r.cfg.Log); err != nil {
		return nil, err
	}
	if _, err = p.start(ctx); err == nil {
		err = p.openAccounts(ctx, r.c.Accounts)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// post measures posting.
func (r *run) post(ctx context.Context) (err error) {
	p, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	// Only a stopped node has all of its state in files.
	if err := p.stop(); err != nil {
		return err
	}
	before, err := measureState(p.dir)
	if err != nil {
		return err
	}
	if _, err := p.start(ctx); err != nil {
		return err
	}
	callers, err := p.callers(ctx, r.c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp(callers)) }()
	books, err := p.books(r.c.Accounts)
	if err != nil {
		return err
	}
	warm, err := drive(ctx, callers, r.c.Warmup)
	if err != nil {
		return err
	}
	if books, err = p.check(books, r.c, warm.transfers); err != nil {
		return err
	}
	written, counted, err := r.timed(ctx, p, callers)
	if err != nil {
		return err
	}
	if _, err = p.check(books, r.c, counted); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	after, err := measureState(p.dir)
	if err != nil {
		return err
	}
	all := float64(warm.transfers + counted)
	r.figures.Disk = Disk{
		Journal: round(float64(written) / float64(counted)),
		History: round(float64(after.history-before.history) / all),
		Tables:  round(float64(after.tables-before.tables) / all),
		Tiles:   round(float64(after.tiles-before.tiles) / all),
	}
	r.ended()
	return nil
}

// timed lets the callers post while everything is measured. It returns the bytes that the
// journal grew by, and the number of transfers.
func (r *run) timed(ctx context.Context, p *place, callers []caller) (
	written int64, transfers uint64, err error,
) {
	if err := probeSync(r.dir, &r.sync); err != nil {
		return 0, 0, err
	}
	w, err := watch(p.dir)
	if err != nil {
		return 0, 0, err
	}
	earlier, err := w.journalBytes()
	if err != nil {
		return 0, 0, err
	}
	cuts := len(w.cuts)
	w.begin()
	var total *posted
	var used time.Duration
	err = r.profiled(func() error {
		spending, err := spend()
		if err != nil {
			return err
		}
		if total, err = drive(ctx, callers, r.c.Length); err != nil {
			return err
		}
		used, r.figures.Others, err = spending.end()
		return err
	})
	if err := errors.Join(err, w.end()); err != nil {
		return 0, 0, err
	}
	if total.transfers == 0 {
		return 0, 0, errors.New("nothing was posted")
	}
	if written, err = w.journalBytes(); err != nil {
		return 0, 0, err
	}
	f := r.figures
	f.Cuts = len(w.cuts) - cuts
	f.Transfers, f.Seconds = total.transfers, round(total.elapsed.Seconds())
	f.PerSecond = round(float64(total.transfers) / total.elapsed.Seconds())
	f.P50, f.P99 = micros(total.latency.Quantile(500)), micros(total.latency.Quantile(990))
	f.Longest, f.Pause = micros(total.latency.longest), micros(total.silence)
	f.CPU = round(float64(used) / float64(time.Microsecond) / float64(total.transfers))
	return written - earlier, total.transfers, probeSync(r.dir, &r.sync)
}
