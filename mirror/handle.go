package mirror

import (
	"context"
	"fmt"

	"seyfert/signer"
)

// Handle answers a request of the replica from, as the connection authenticated it. An error
// says nothing about the outcome; the caller asks again.
func (m *Mirror) Handle(ctx context.Context, from string, q Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	if err := m.usable(); err != nil {
		return Answer{}, err
	}
	if err := q.check(); err != nil {
		return Answer{}, fmt.Errorf("mirror: request: %w", err)
	}
	switch q.Kind {
	case AskKeys:
		return m.names.show(q)
	case AskSave:
		return m.names.accept(q)
	case AskNames:
		return m.names.compare(q)
	}
	m.disk.Lock()
	defer m.disk.Unlock()
	a, err := m.obey(from, q)
	return a, m.checked(err)
}

// obey answers a leader. The caller holds disk.
func (m *Mirror) obey(from string, q Request) (Answer, error) {
	l := m.local
	before := l.terms.Promised
	ok, err := l.promise(q.Term, from)
	if err != nil {
		return Answer{}, err
	}
	if l.terms.Promised > before {
		m.mu.Lock()
		m.lead.end()
		m.mu.Unlock()
	}
	a := Answer{Promised: l.terms.Promised}
	if !ok {
		return a, nil
	}
	switch q.Kind {
	case AskRead:
		if q.At > l.size {
			return a, nil
		}
		a.Bytes, err = l.read(q.At)
		a.Taken = err == nil
		return a, err
	case AskAppend:
		a.Taken, err = l.follow(q)
		if err != nil {
			return Answer{}, err
		}
		if a.Taken {
			m.mu.Lock()
			m.raise(min(q.Settled, l.size))
			m.mu.Unlock()
		}
	default:
		a.Taken = true
	}
	a.Size, a.Marked = l.size, last(l.terms.Spans).Term == q.Term
	if !a.Taken || q.Kind == AskPromise {
		a.Spans = l.terms.Spans
	}
	return a, nil
}

// follow takes the bytes of the leader that this replica is promised to. It is false when the
// leader must say more: where its journal comes from, or what stands before the bytes.
func (l *local) follow(q Request) (bool, error) {
	end := q.At + int64(len(q.Bytes))
	if last(l.terms.Spans).Term == q.Term {
		// What is here is the beginning of the leader's journal.
		switch {
		case q.At > l.size:
			return false, nil
		case end <= l.size:
			return true, nil
		}
		return true, l.take(l.size, l.terms.Spans, q.Bytes[l.size-q.At:])
	}
	if len(q.Spans) == 0 {
		return false, nil
	}
	same := common(l.terms.Spans, l.size, q.Spans, q.Size)
	if q.At > same {
		return false, nil
	}
	// The rest here is of no leader that had a majority for it: it would be in this leader's
	// journal.
	return true, l.take(same, q.Spans, q.Bytes[min(same-q.At, int64(len(q.Bytes))):])
}

// file is held to what the signer asks of it.
var _ signer.SharedFile = file{}
