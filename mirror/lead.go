package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"seyfert/signer"
)

// lead is one leadership. Mirror.mu guards it but for what never changes.
type lead struct {
	term    uint64
	spans   []Span // of the whole journal; the last is term's
	ctx     context.Context
	cancel  context.CancelFunc
	over    chan struct{} // closed by end
	ended   bool
	running sync.WaitGroup

	size    int64         // where the journal ends, with pending
	synced  int64         // up to where it is durable here
	pending []byte        // the newest bytes, which may not be durable here yet
	ready   bool          // a majority is level, so that Append works
	stuck   bool          // an Append failed, and what became of it is not known
	moved   chan struct{} // closed and replaced with every change that somebody waits for
	peers   map[string]*peer
	savings []*saving
	owed    uint64            // counts what peers were found to lack
	held    map[[32]byte]bool // keys that are on a majority
}

// end ends a leadership. The caller holds mu.
func (l *lead) end() {
	if l == nil || l.ended {
		return
	}
	l.ended = true
	close(l.over)
	l.cancel()
}

// wake wakes who waits for moved. The caller holds mu.
func (l *lead) wake() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// majority returns up to where a majority of the voters has the journal, this replica among the
// holders. The caller holds mu.
func (l *lead) majority(now Membership) int64 {
	if len(now.Voters) == 0 {
		return 0
	}
	var ends []int64
	for _, id := range now.Voters {
		switch p := l.peers[id]; {
		case id == now.Self:
			ends = append(ends, l.synced)
		case p != nil && p.marked:
			ends = append(ends, p.match)
		default:
			ends = append(ends, 0)
		}
	}
	slices.Sort(ends)
	return min(l.synced, ends[(len(ends)-1)/2])
}

// Lead makes this replica the one that signs, in a term that the node's journal gave to it and
// to nobody else. It takes the promise of a majority, the best journal among them, and brings a
// majority level with it. Then Append works and signer.Wake may be called. It tries until ctx
// ends; after an error it may be called again with the same term. Errors: ErrSuperseded,
// ErrBroken, signer.ErrResting when the replicas are not known or Close was called, ctx's.
func (m *Mirror) Lead(ctx context.Context, term uint64) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.stop()
	now := m.cfg.Members()
	if err := m.usable(); err != nil || len(now.Voters) == 0 {
		return errors.Join(err, signer.ErrResting)
	}
	if err := m.claim(term, now.Self); err != nil {
		return err
	}
	best, err := m.promises(ctx, term, now)
	if err != nil {
		return err
	}
	if err := m.adopt(ctx, term, best); err != nil {
		return err
	}
	l, err := m.begin(term)
	if err != nil {
		return err
	}
	if err := m.waitReady(ctx, l); err != nil {
		m.stop()
		return err
	}
	return nil
}

// Follow ends what Lead began and waits until nothing of it runs; an Append under way fails
// with signer.ErrResting. Without a leadership it does nothing. It waits for a Lead under way,
// whose ctx the caller ends.
func (m *Mirror) Follow() {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.stop()
}

// stop ends a leadership and waits for its goroutines. The caller holds turn.
func (m *Mirror) stop() {
	m.mu.Lock()
	l := m.lead
	l.end()
	m.lead = nil
	m.mu.Unlock()
	if l != nil {
		l.running.Wait()
	}
}

// claim promises this replica to itself. What an earlier process claimed is lost with it: nobody
// knows any more what it sent in that term.
func (m *Mirror) claim(term uint64, self string) error {
	m.disk.Lock()
	defer m.disk.Unlock()
	if promised := m.local.terms.Promised; term < promised ||
		term == promised && m.claimed != term {
		return fmt.Errorf("%w: %d, this is %d", ErrSuperseded, promised, term)
	}
	if _, err := m.local.promise(term, self); err != nil {
		return m.checked(err)
	}
	m.claimed = term
	return nil
}

// holding is a replica with the journal that it has.
type holding struct {
	id    string
	spans []Span
	size  int64
}

// promises asks all voters for their promise and returns the best journal of a majority, which
// this replica is part of: its own unless another one's is better.
func (m *Mirror) promises(ctx context.Context, term uint64, now Membership) (holding, error) {
	m.disk.Lock()
	best := holding{id: now.Self, spans: m.local.terms.Spans, size: m.local.size}
	m.disk.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer cancel()
	answers := make(chan holding, len(now.Voters))
	refused := make(chan error, len(now.Voters))
	count := 0
	for _, id := range now.Voters {
		if id == now.Self {
			count++
			continue
		}
		asked.Go(func() {
			a, err := m.insist(ctx, id, Request{Kind: AskPromise, Term: term})
			if err == nil && !a.Taken {
				err = fmt.Errorf("%w: %d, this is %d", ErrSuperseded, a.Promised, term)
			}
			if err != nil {
				refused <- err
				return
			}
			answers <- holding{id: id, spans: a.Spans, size: a.Size}
		})
	}
	for ; count <= len(now.Voters)/2; count++ {
		select {
		case h := <-answers:
			if len(h.spans) > 0 && newer(h.spans, h.size, best.spans, best.size) {
				best = h
			}
		case err := <-refused:
			return holding{}, err
		case <-ctx.Done():
			return holding{}, ctx.Err()
		}
	}
	return best, nil
}

// insist calls a replica until it answers.
func (m *Mirror) insist(ctx context.Context, id string, q Request) (Answer, error) {
	for {
		a, err := m.call(ctx, id, q)
		if err == nil {
			return a, nil
		}
		if err := sleep(ctx, retryPause); err != nil {
			return Answer{}, err
		}
	}
}

// call calls a replica once, for a bounded time, and believes nothing that cannot be.
func (m *Mirror) call(ctx context.Context, id string, q Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	a, err := m.cfg.Transport.Call(ctx, id, q)
	if err == nil {
		err = a.check()
	}
	return a, err
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// adopt makes another replica's journal this one's own, chunk by chunk; every step is a
// beginning of that journal. The other one changes it for nobody but the leader of this term.
func (m *Mirror) adopt(ctx context.Context, term uint64, from holding) error {
	at, err := m.graft(term, from, -1, nil)
	for err == nil && at < from.size {
		var a Answer
		a, err = m.insist(ctx, from.id, Request{Kind: AskRead, Term: term, At: at})
		if err == nil && (!a.Taken || len(a.Bytes) == 0) {
			err = fmt.Errorf("%w: %d, this is %d", ErrSuperseded, a.Promised, term)
		}
		if err == nil {
			at, err = m.graft(term, from, at, a.Bytes)
		}
	}
	return err
}

// graft takes bytes of another journal that stand at at, or with at below 0 finds out where they
// must begin. It returns where the next ones must.
func (m *Mirror) graft(term uint64, from holding, at int64, p []byte) (int64, error) {
	m.disk.Lock()
	defer m.disk.Unlock()
	l := m.local
	if l.terms.Promised != term {
		return 0, ErrSuperseded
	}
	if at < 0 {
		at = common(l.terms.Spans, l.size, from.spans, from.size)
	}
	err := m.checked(l.take(at, from.spans, p))
	return at + int64(len(p)), err
}

// begin opens the term's span and starts to tend the other replicas.
func (m *Mirror) begin(term uint64) (*lead, error) {
	m.disk.Lock()
	defer m.disk.Unlock()
	if m.local.terms.Promised != term {
		return nil, ErrSuperseded
	}
	if err := m.checked(m.local.begin(term)); err != nil {
		return nil, err
	}
	l := &lead{
		term: term, spans: m.local.terms.Spans, size: m.local.size, synced: m.local.size,
		over: make(chan struct{}), moved: make(chan struct{}), peers: map[string]*peer{},
		held: map[[32]byte]bool{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lead = l
	l.running.Go(func() { m.tendAll(l) })
	return l, nil
}

// waitReady waits until a majority has all of the journal that the term began with.
func (m *Mirror) waitReady(ctx context.Context, l *lead) error {
	for {
		now := m.cfg.Members()
		m.mu.Lock()
		end, moved := l.majority(now), l.moved
		m.raise(end)
		l.ready = end >= l.size
		ready := l.ready
		m.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-moved:
		case <-l.over:
			return ErrSuperseded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
