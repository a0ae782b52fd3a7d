package peer

import (
	"container/heap"
	"sync"

	"seyfert/fault"
	"seyfert/wire"
)

// Limits of the memory of nonces. A nonce of this package's Client is kept for 360 seconds, so
// one peer can post about 700 batches a second, of up to 256 messages each.
const (
	// NoncesPeerMax is the most nonces remembered of one peer; its further requests are
	// refused until some have ended, and no other peer's are.
	NoncesPeerMax = 1 << 18
	// NoncesMax is the most nonces remembered of all peers.
	NoncesMax = 1 << 19
)

// Nonces remembers which requests have been seen, so that none is taken twice. A full memory
// refuses; it never forgets early. It holds only what a peer's key has signed, is safe for
// concurrent use, and is lost when the process ends: what a replay can then bring back is a
// message that was stored, which gets its stored answer.
type Nonces struct {
	mu   sync.Mutex // guards what follows
	seen map[nonceKey]struct{}
	ends nonceHeap
	// peers counts the nonces of each peer; a peer without any has no entry.
	peers map[string]int
	// forgotten is the latest end among the nonces that were dropped. Whatever ends no later
	// may have been seen, which matters only when the clock was set back.
	forgotten int64
}

// nonceKey is the hash of a peer and a nonce, cut to 16 bytes. The peer is in it, so two
// peers never meet in one key, and a peer that makes two of its own meet refuses itself.
type nonceKey [16]byte

// nonceEnd says when a nonce may be dropped.
type nonceEnd struct {
	end int64
	key nonceKey
	did string
}

// NewNonces makes an empty memory.
func NewNonces() *Nonces {
	return &Nonces{seen: make(map[nonceKey]struct{}), peers: make(map[string]int)}
}

// Use notes a peer's nonce until end, inclusive; both times are in Unix seconds. Errors:
// fault.Unauthenticated for a nonce that was used or may have been, fault.TooMany when the
// memory is full.
func (n *Nonces) Use(did, nonce string, end, now int64) error {
	sum := wire.Hash("nonce", []byte(did), []byte(nonce))
	key := nonceKey(sum[:16])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(now)
	if _, used := n.seen[key]; used || end <= n.forgotten {
		return fault.New(fault.Unauthenticated, "nonce", "The request was sent before.")
	}
	if n.peers[did] >= NoncesPeerMax || len(n.seen) >= NoncesMax {
		return fault.New(fault.TooMany, "nonce", "Too many requests in a short time.")
	}
	n.seen[key] = struct{}{}
	n.peers[did]++
	heap.Push(&n.ends, nonceEnd{end: end, key: key, did: did})
	return nil
}

// Len returns how many nonces are remembered.
func (n *Nonces) Len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.seen)
}

// forget drops what ended before now; the caller holds mu.
func (n *Nonces) forget(now int64) {
	for len(n.ends) > 0 && n.ends[0].end < now {
		last := heap.Pop(&n.ends).(nonceEnd)
		n.forgotten = max(n.forgotten, last.end)
		delete(n.seen, last.key)
		n.peers[last.did]--
		if n.peers[last.did] == 0 {
			delete(n.peers, last.did)
		}
	}
}

// nonceHeap is a heap.Interface with the earliest end on top.
type nonceHeap []nonceEnd

func (h nonceHeap) Len() int           { return len(h) }
func (h nonceHeap) Less(i, j int) bool { return h[i].end < h[j].end }
func (h nonceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nonceHeap) Push(x any)        { *h = append(*h, x.(nonceEnd)) }

func (h *nonceHeap) Pop() any {
	last := len(*h) - 1
	end := (*h)[last]
	(*h)[last] = nonceEnd{}
	*h = (*h)[:last]
	return end
}
