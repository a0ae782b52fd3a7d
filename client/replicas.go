package client

import (
	"errors"
	"net"
	"strings"
	"sync"
)

// reasonNoLeader is the reason of a problem that says that nothing was done, as no replica of the
// node takes changes at the moment.
const reasonNoLeader = "no_leader"

// replicas are the addresses of one node. All clients that come of one share them.
type replicas struct {
	urls []string

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
	if _, answered := errors.AsType[*Problem](err); answered {
		return false
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !what.once || ok && dial.Op == "dial"
}
