package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// caller posts for one of those who use the node at the same time. In process and over HTTP it
// is implemented in different ways; each has state of its own and one goroutine.
type caller interface {
	// post sends the caller's next batch and returns after it was answered, with the number of
	// transfers that were carried out. A transfer that was refused is an error: the load is
	// made so that none can be.
	post(ctx context.Context) (transfers int, err error)
}

// posted is what came of a load.
type posted struct {
	transfers uint64
	calls     uint64
	elapsed   time.Duration
	latency   Histogram
	// silence is the longest time in which no caller at all was answered.
	silence time.Duration
}

// answers notes when answers come. Callers share it without a lock.
type answers struct {
	start   time.Time
	last    atomic.Int64 // nanoseconds since start
	silence atomic.Int64
}

// note tells that an answer came now.
func (a *answers) note(now time.Time) {
	at := int64(now.Sub(a.start))
	gap := at - a.last.Swap(at)
	for {
		longest := a.silence.Load()
		if gap <= longest || a.silence.CompareAndSwap(longest, gap) {
			return
		}
	}
}

// drive lets all callers post, each its next batch as soon as the last one is answered, for the
// given time. Batches under way at its end are waited for and counted. The first error ends it.
func drive(ctx context.Context, callers []caller, length time.Duration) (*posted, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over atomic.Bool
	timer := time.AfterFunc(length, func() { over.Store(true) })
	defer timer.Stop()
	parts := make([]*posted, len(callers))
	a := &answers{start: time.Now()}
	var running sync.WaitGroup
	for i, c := range callers {
		running.Go(func() {
			parts[i] = &posted{}
			for !over.Load() && ctx.Err() == nil {
				if err := parts[i].one(ctx, c, a); err != nil {
					cancel(err)
				}
			}
		})
	}
	running.Wait()
	total := &posted{elapsed: time.Since(a.start), silence: time.Duration(a.silence.Load())}
	for _, part := range parts {
		total.transfers += part.transfers
		total.calls += part.calls
		total.latency.Merge(&part.latency)
	}
	return total, context.Cause(ctx)
}

// one posts one batch.
func (p *posted) one(ctx context.Context, c caller, a *answers) error {
	start := time.Now()
	transfers, err := c.post(ctx)
	if err != nil {
		return err
	}
	end := time.Now()
	p.latency.Add(end.Sub(start))
	a.note(end)
	p.transfers += uint64(transfers)
	p.calls++
	return nil
}

// repeat lets all callers post side by side until so many transfers are posted in all, for
// filling a node.
func repeat(ctx context.Context, callers []caller, transfers int) (uint64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Uint64
	var running sync.WaitGroup
	for _, c := range callers {
		running.Go(func() {
			for done.Load() < uint64(transfers) && ctx.Err() == nil {
				n, err := c.post(ctx)
				if err != nil {
					cancel(err)
				}
				done.Add(uint64(n))
			}
		})
	}
	running.Wait()
	return done.Load(), context.Cause(ctx)
}
