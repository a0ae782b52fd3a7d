package server

import (
	"context"
	"net"
	"sync"

	"seyfert/journal"
)

// ReplicaDialsMax is how many connections a replica makes to another one at a time; more wait. So
// whoever asks all replicas for more than they have connections for takes no more of a replica's
// journal.HandshakesMax than four others may, and raft has the rest.
const ReplicaDialsMax = 12

// dialer connects to other replicas. Each has its own bound: one that is dead holds up nobody
// who wants to reach another.
type dialer struct {
	layer *journal.TLSLayer

	mu   sync.Mutex // guards slot
	slot map[journal.ReplicaID]chan struct{}
}

func newDialer(layer *journal.TLSLayer) *dialer {
	return &dialer{layer: layer, slot: map[journal.ReplicaID]chan struct{}{}}
}

// slots has a value for each connection to a replica that is being made.
func (d *dialer) slots(id journal.ReplicaID) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slot[id] == nil {
		d.slot[id] = make(chan struct{}, ReplicaDialsMax)
	}
	return d.slot[id]
}

// dial connects to the replica that an address names.
func (d *dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	id := journal.ReplicaID(host)
	slots := d.slots(id)
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return d.layer.Dial(ctx, id, journal.ProtocolForward)
}
