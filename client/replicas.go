package client

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// reasonNoLeader is the reason of a problem that says that nothing was done, as no replica of
	// the node takes changes at the moment; reasonBehind of one that says that this replica has
	// not seen what a read asks for.
	reasonNoLeader = "no_leader"
	reasonBehind   = "behind"

	// headerIndex names in an answer the newest journal entry that it can be about, headerAtLeast
	// with a read the one that whoever answers has to have seen, or atLeastNow.
	headerIndex   = "Seyfert-Index"
	headerAtLeast = "Seyfert-At-Least"
	atLeastNow    = "now"
)

// replicas are the addresses of one node. All clients that come of one share them.
type replicas struct {
	urls []string
	// seen is the greatest index that any answer named; zero says that none did.
	seen atomic.Uint64

	mu  sync.Mutex // guards now
	now int        // the one that answered last
}

func newReplicas(first string, others []string) *replicas {
	r := &replicas{urls: []string{strings.TrimSuffix(first, "/")}}
	for _, url := range others {
		r.urls = append(r.urls, strings.TrimSuffix(url, "/"))
	}
	return r
}

func (r *replicas) count() int { return len(r.urls) }

// current is the replica to ask.
func (r *replicas) current() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.urls[r.now]
}

// leave goes on to the next replica, unless another call did so already.
func (r *replicas) leave(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.urls[r.now] == url {
		r.now = (r.now + 1) % len(r.urls)
	}
}

// saw keeps an index that an answer names. One that is no number says nothing.
func (r *replicas) saw(index string) {
	named, err := strconv.ParseUint(index, 10, 64)
	if err != nil {
		return
	}
	for seen := r.seen.Load(); named > seen; seen = r.seen.Load() {
		if r.seen.CompareAndSwap(seen, named) {
			return
		}
	}
}

// least is what whoever answers a call has to have seen; empty asks for nothing.
func (c *Client) least(what call) string {
	if what.method != http.MethodGet && what.method != http.MethodHead {
		return ""
	}
	if c.now {
		return atLeastNow
	}
	if seen := c.nodes.seen.Load(); seen > 0 {
		return strconv.FormatUint(seen, 10)
	}
	return ""
}

// electing says whether an error only tells that no replica leads.
func electing(err error) bool {
	p, answered := errors.AsType[*Problem](err)
	return answered && p.Reason == reasonNoLeader
}

// elsewhere says whether another replica may answer a call at once that one did not. A call that
// nobody may repeat goes on only where the first replica was certainly not reached.
func (what call) elsewhere(err error) bool {
	if electing(err) {
		return true
	}
	if _, useless := errors.AsType[*finalError](err); useless {
		return false
	}
	if p, answered := errors.AsType[*Problem](err); answered {
		return p.Reason == reasonBehind
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !what.once || ok && dial.Op == "dial"
}
