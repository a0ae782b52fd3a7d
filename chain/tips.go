package chain

import (
	"context"
	"slices"
	"sync"
)

// tips tells subscribers of new tip heights. Each subscriber's queue holds one height: a
// reader that is slow finds the latest tip, not a list of old ones.
type tips struct {
	mu     sync.Mutex
	open   []chan int64
	closed bool
}

// subscribe registers a reader until ctx ends, stop is called or tips closes; after that the
// channel is closed. stop may be called more than once.
func (t *tips) subscribe(ctx context.Context) (heights <-chan int64, stop func()) {
	queue := make(chan int64, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		close(queue)
		return queue, func() {}
	}
	t.open = append(t.open, queue)
	detach := context.AfterFunc(ctx, func() { t.remove(queue) })
	return queue, func() {
		detach()
		t.remove(queue)
	}
}

func (t *tips) remove(queue chan int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.open, queue); i >= 0 {
		t.open = slices.Delete(t.open, i, i+1)
		close(queue)
	}
}

// publish puts height into each queue in place of what nobody has read yet. It never waits:
// only publish fills a queue, and it holds mu.
func (t *tips) publish(height int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, queue := range t.open {
		select {
		case <-queue:
		default:
		}
		queue <- height
	}
}

func (t *tips) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, queue := range t.open {
		close(queue)
	}
	t.open = nil
}
