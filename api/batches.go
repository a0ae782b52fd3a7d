package api

import (
	"net/http"
	"sync"

	"seyfert/fault"
	"seyfert/node"
)

// Limits of the batches of peers, each up to wire.BatchBytesMax, that are in memory at a time.
const (
	// BatchesMax bounds those of all peers.
	BatchesMax = 16
	// BatchesPerPeerMax bounds those of one: it waits for an answer before it sends the next.
	BatchesPerPeerMax = 4
)

// batches counts the long requests that are being read or decided.
type batches struct {
	// most bounds those of all callers, mostOf those of one.
	most, mostOf int

	mu    sync.Mutex // guards what follows
	total int
	of    map[string]int // by the caller
}

// take makes room for a batch of a caller, or says that there is none.
func (b *batches) take(caller string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total >= b.most || b.of[caller] >= b.mostOf {
		return false
	}
	b.total++
	b.of[caller]++
	return true
}

func (b *batches) release(caller string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.of[caller]--; b.of[caller] == 0 {
		delete(b.of, caller)
	}
}

// isBulk says whether a request may have a long body.
func isBulk(r *http.Request) bool {
	return r.Method == http.MethodPost &&
		(r.URL.Path == pathBulk || r.URL.Path == pathAccountsBulk)
}

// admitBulk lets a long body be read of a caller who is known, as long as there is room. The
// caller calls release when the request is done with.
func (g *gate) admitBulk(r *http.Request) (by node.Caller, release func(), err error) {
	if by, err = g.known(r, keepers()); err != nil {
		return by, nil, err
	}
	if !g.bulks.take(by.ID) {
		p := newProblem(string(fault.TooMany), "", "Too many long requests are under way.")
		p.retry = 1
		return by, nil, p
	}
	return by, func() { g.bulks.release(by.ID) }, nil
}

// admitBatch lets a batch be read that a known peer has signed for, as long as there is room.
// The caller calls release when the batch is done with.
func (g *gate) admitBatch(r *http.Request) (release func(), err error) {
	did, err := g.cfg.Receiver.Admit(r)
	if err != nil {
		if refused, ok := fault.Of(err); ok && refused.Code == fault.Unauthenticated {
			err = g.guessed(r.Context(), err)
		}
		return nil, err
	}
	if !g.batches.take(did) {
		p := newProblem(string(fault.TooMany), "", "Too many batches are under way.")
		p.retry = 1
		return nil, p
	}
	return func() { g.batches.release(did) }, nil
}
