package mirror

import (
	"context"
	"errors"
	"slices"
	"time"

	"seyfert/signer"
)

// peer is what a leader knows of another replica. Mirror.mu guards it.
type peer struct {
	id     string
	known  bool              // match means something
	match  int64             // up to where its journal is the leader's
	marked bool              // it has the leader's term, so that match counts
	told   int64             // what it was told is settled
	pages  pages             // which members' keys it was compared with
	unsent map[string]uint64 // members whose keys it may lack, with lead.owed of then
	// carried is what of unsent the request under way brings.
	carried map[string]uint64
	kicked  chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
}

// kick tells the goroutines of all peers that there is something to do. The caller holds mu.
func (l *lead) kick() {
	for _, p := range l.peers {
		p.kick()
	}
}

func (p *peer) kick() {
	select {
	case p.kicked <- struct{}{}:
	default:
	}
}

// tendAll has one goroutine for each other replica, as they come and go.
func (m *Mirror) tendAll(l *lead) {
	for {
		now := m.cfg.Members()
		m.mu.Lock()
		for id, p := range l.peers {
			if !slices.Contains(now.Voters, id) && !slices.Contains(now.Others, id) {
				p.cancel()
				delete(l.peers, id)
			}
		}
		for _, id := range slices.Concat(now.Voters, now.Others) {
			if id == now.Self || l.peers[id] != nil {
				continue
			}
			p := &peer{id: id, unsent: map[string]uint64{}, kicked: make(chan struct{}, 1)}
			p.ctx, p.cancel = context.WithCancel(l.ctx)
			for _, s := range l.savings {
				p.unsent[s.id] = s.owed
			}
			l.peers[id] = p
			l.running.Go(func() { m.tend(l, p) })
		}
		m.mu.Unlock()
		m.recount(l)
		if sleep(l.ctx, probePause) != nil {
			return
		}
	}
}

// recount looks again at what a majority has, since an answer came or the replicas changed.
func (m *Mirror) recount(l *lead) {
	now := m.cfg.Members()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raise(l.majority(now))
	l.wake()
}

// tend brings one replica level and keeps it so.
func (m *Mirror) tend(l *lead, p *peer) {
	defer p.cancel()
	for probe := true; ; {
		q, found, err := m.next(l, p, probe)
		if err == nil && found {
			err = m.ask(l, p, q)
		}
		switch {
		case p.ctx.Err() != nil:
			return
		case err != nil:
			if sleep(p.ctx, retryPause) != nil {
				return
			}
			probe = true
		case !found:
			probe = m.rest(p)
		default:
			probe = false
		}
	}
}

// rest waits for something to say to a replica, or until it is to be looked at again.
func (m *Mirror) rest(p *peer) (probe bool) {
	pause := probePause
	m.mu.Lock()
	if p.told < m.settled.Load() {
		pause = tellPause
	}
	m.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.kicked:
		return false
	case <-p.ctx.Done():
		return false
	}
}

// next says what to ask a replica now: keys that it may lack, then the journal, then pages of
// members, and if there is nothing else and a probe is due, whether it is there.
func (m *Mirror) next(l *lead, p *peer, probe bool) (q Request, found bool, err error) {
	m.mu.Lock()
	unsent, paging := len(p.unsent) > 0, !p.pages.done
	q = Request{
		Kind: AskAppend, Term: l.term, At: l.synced, Size: l.size, Settled: m.settled.Load(),
		Spans: l.spans,
	}
	behind := p.known && p.match < l.size
	if p.known {
		q.At = p.match
	}
	if pendingAt := l.size - int64(len(l.pending)); behind && p.match == pendingAt {
		q.Bytes = l.pending
	}
	if p.marked {
		q.Spans, q.Size = nil, 0
	}
	known := p.marked
	m.mu.Unlock()
	switch {
	case unsent && known:
		return m.nextKeys(p)
	case behind && q.Bytes == nil:
		m.disk.Lock()
		defer m.disk.Unlock()
		q.Bytes, err = m.local.read(q.At)
		return q, true, err
	case !behind && known && paging:
		return m.nextPage(p)
	}
	return q, behind || !known || probe, nil
}

// ask asks a replica and notes the answer.
func (m *Mirror) ask(l *lead, p *peer, q Request) error {
	a, err := m.call(p.ctx, p.id, q)
	if err != nil {
		return err
	}
	if a.Promised > l.term {
		m.mu.Lock()
		defer m.mu.Unlock()
		l.end()
		return ErrSuperseded
	}
	switch q.Kind {
	case AskSave:
		return m.sent(l, p, a)
	case AskNames:
		return m.paged(l, p, q, a)
	}
	if err := m.appended(l, p, q, a); err != nil {
		return err
	}
	m.recount(l)
	return nil
}

// appended notes where a replica's journal is the leader's, and where it ends.
func (m *Mirror) appended(l *lead, p *peer, q Request, a Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.Taken {
		if a.Size > l.size {
			return errors.New("mirror: a replica has more than its leader")
		}
		p.known, p.marked, p.match, p.told = true, a.Marked, a.Size, q.Settled
		return nil
	}
	if len(a.Spans) == 0 {
		return errors.New("mirror: a replica refused without a reason")
	}
	same := common(l.spans, l.size, a.Spans, a.Size)
	if p.known && p.match == same {
		return errors.New("mirror: a replica asks for the same again")
	}
	p.known, p.marked, p.match = true, a.Marked, same
	return nil
}

// Level tells a leader whether replica id holds all of the journal and of the keys, so that it
// may be given a vote. It is false on a replica that does not lead.
func (m *Mirror) Level(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lead.level(id, m.settled.Load())
}

// level tells whether a replica holds the journal up to end and all keys. The caller holds mu.
func (l *lead) level(id string, end int64) bool {
	if l == nil || l.ended {
		return false
	}
	p := l.peers[id]
	return p != nil && p.marked && p.match >= end && p.pages.done && len(p.unsent) == 0
}

// Settle waits until all that was acknowledged is on a majority of the voters that Members names
// now. A leader calls it before each change of the voters, for a majority of the next ones must
// share a replica with those that hold it. Errors: signer.ErrResting, ctx's.
func (m *Mirror) Settle(ctx context.Context) error {
	m.mu.Lock()
	end := m.settled.Load()
	m.mu.Unlock()
	for {
		now := m.cfg.Members()
		m.mu.Lock()
		l, count := m.lead, 0
		if l == nil || l.ended || !l.ready {
			m.mu.Unlock()
			return signer.ErrResting
		}
		moved := l.moved
		for _, id := range now.Voters {
			if id == now.Self || l.level(id, end) {
				count++
			}
		}
		m.mu.Unlock()
		if count > len(now.Voters)/2 {
			return nil
		}
		select {
		case <-moved:
		case <-l.over:
			return signer.ErrResting
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
