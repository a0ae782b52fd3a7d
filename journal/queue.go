package journal

import "sync"

// waiting is a command that no entry holds yet, and where its caller waits.
type waiting struct {
	command Command
	size    int
	// answer receives exactly one value and has room for it, so that a caller who went away
	// blocks nobody.
	answer chan answer
}

type answer struct {
	result Result
	err    error
}

// queue holds what waits for an entry, bounded in number and bytes. Callers add to it, one
// goroutine takes batches from it.
type queue struct {
	state  sync.Mutex // guards all below
	list   []waiting
	bytes  int
	closed bool

	// wake has room for one and holds a value whenever the list may have grown or the queue
	// was closed.
	wake chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add puts a command at the end and returns where its answer arrives.
func (q *queue) add(c Command) (<-chan answer, error) {
	w := waiting{command: c, size: c.size(), answer: make(chan answer, 1)}
	q.state.Lock()
	defer q.state.Unlock()
	if q.closed {
		return nil, errStopped
	}
	if len(q.list) == QueueCommandsMax || q.bytes+w.size > QueueBytesMax {
		return nil, errFull
	}
	q.list = append(q.list, w)
	q.bytes += w.size
	q.signal()
	return w.answer, nil
}

// signal wakes the taker. The caller holds state.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close refuses whatever comes later; what is in the queue stays to be taken.
func (q *queue) close() {
	q.state.Lock()
	defer q.state.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) isClosed() bool {
	q.state.Lock()
	defer q.state.Unlock()
	return q.closed
}

// take waits for commands and returns as many as one entry may hold, within budget encoded
// bytes. It returns none only when the queue is closed and empty.
func (q *queue) take(budget int) []waiting {
	for {
		batch, closed := q.cut(budget)
		if len(batch) > 0 || closed {
			return batch
		}
		<-q.wake
	}
}

func (q *queue) cut(budget int) (batch []waiting, closed bool) {
	q.state.Lock()
	defer q.state.Unlock()
	count, size := 0, 0
	for count < len(q.list) && count < EntryCommandsMax {
		if size+q.list[count].size > budget {
			break
		}
		size += q.list[count].size
		count++
	}
	batch = q.list[:count:count]
	q.list = q.list[count:]
	q.bytes -= size
	if len(q.list) == 0 {
		q.list = nil
	} else {
		q.signal()
	}
	return batch, q.closed && len(q.list) == 0
}
