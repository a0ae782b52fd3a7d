package api

import (
	"net/http"
	"sync"

	"seyfert/fault"
)

// Limits of the batches of peers, each up to wire.BatchBytesMax, that are in memory at a time.
const (
	// BatchesMax bounds those of all peers.
	BatchesMax = 16
	// BatchesPerPeerMax bounds those of one: it waits for an answer before it sends the next.
	BatchesPerPeerMax = 4
)

// batches counts the batches that are being read or decided.
type batches struct {
	mu    sync.Mutex // guards what follows
	total int
	of    map[string]int // by the peer's DID
}

// take makes room for a batch of a peer, or says that there is none.
func (b *batches) take(did string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total >= BatchesMax || b.of[did] >= BatchesPerPeerMax {
		return false
	}
	b.total++
	b.of[did]++
	return true
}

func (b *batches) release(did string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.of[did]--; b.of[did] == 0 {
		delete(b.of, did)
	}
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
