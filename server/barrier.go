package server

import (
	"context"
	"sync"
)

// barriers lets all who want to know at a time up to which entry everything is that was
// acknowledged before share one question to the leader. One is under way and one waits: whoever
// comes while one is under way needs the next, for the answer may be older than his request.
type barriers struct {
	mu      sync.Mutex // guards waiting
	waiting *barrier
	wanted  chan struct{} // has room for one
	ended   chan struct{} // closed when no question is asked any more
}

// barrier is one question.
type barrier struct {
	done chan struct{} // closed when index and err are set
	// index is the newest entry that the leader had.
	index uint64
	err   error
}

func newBarriers() *barriers {
	return &barriers{wanted: make(chan struct{}, 1), ended: make(chan struct{})}
}

// next waits for the answer to a question that is put after the call.
func (b *barriers) next(ctx context.Context) (uint64, error) {
	b.mu.Lock()
	if b.waiting == nil {
		b.waiting = &barrier{done: make(chan struct{})}
		b.wanted <- struct{}{} // run has taken the one before, as waiting was nil
	}
	asked := b.waiting
	b.mu.Unlock()
	select {
	case <-asked.done:
		return asked.index, asked.err
	case <-b.ended:
		return 0, errNoLeader()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run puts the questions, one after the other, until ctx ends.
func (b *barriers) run(ctx context.Context, ask func(context.Context) (uint64, error)) {
	defer close(b.ended)
	for {
		select {
		case <-b.wanted:
		case <-ctx.Done():
			return
		}
		b.mu.Lock()
		now := b.waiting
		b.waiting = nil
		b.mu.Unlock()
		asking, cancel := context.WithTimeout(ctx, AtLeastMax)
		now.index, now.err = ask(asking)
		cancel()
		close(now.done)
	}
}
