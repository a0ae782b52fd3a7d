package journal

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// transport is what raft talks to the other replicas with. It notes what each is known to have.
type transport struct {
	*raft.NetworkTransport

	state   sync.Mutex // guards all below
	matched map[raft.ServerID]uint64
	grown   chan struct{} // closed and replaced when one has more
}

func newTransport(layer *TLSLayer) *transport {
	return &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream:  stream{layer.Listener(ProtocolRaft).(*listener)},
			MaxPool: pooledMax, Timeout: callTimeout, Logger: hclog.NewNullLogger(),
			// One call at a time to each replica. With more, raft 1.8.0 can stop sending to a
			// replica for good: its sender waits for a reader that ended at the first refusal.
			MaxRPCsInFlight: 1,
		}),
		matched: map[raft.ServerID]uint64{}, grown: make(chan struct{}),
	}
}

// AppendEntries implements raft.Transport.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress,
	args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse,
) error {
	err := t.NetworkTransport.AppendEntries(id, target, args, resp)
	if err == nil && resp.Success {
		last := args.PrevLogEntry
		if n := len(args.Entries); n > 0 {
			last = args.Entries[n-1].Index
		}
		t.note(id, last)
	}
	return err
}

// InstallSnapshot implements raft.Transport.
func (t *transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress,
	args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader,
) error {
	err := t.NetworkTransport.InstallSnapshot(id, target, args, resp, data)
	if err == nil && resp.Success {
		t.note(id, args.LastLogIndex)
	}
	return err
}

func (t *transport) note(id raft.ServerID, index uint64) {
	t.state.Lock()
	defer t.state.Unlock()
	if index <= t.matched[id] {
		return
	}
	t.matched[id] = index
	close(t.grown)
	t.grown = make(chan struct{})
}

// forget is told that this replica leads anew: the others may have lost what was not committed.
func (t *transport) forget() {
	t.state.Lock()
	defer t.state.Unlock()
	clear(t.matched)
}

// at returns raft's index up to which a replica is known to have what this one has, and a channel
// that is closed when anyone has more.
func (t *transport) at(id ReplicaID) (uint64, <-chan struct{}) {
	t.state.Lock()
	defer t.state.Unlock()
	return t.matched[raft.ServerID(id)], t.grown
}

// await waits until some replicas have what this one has, up to an index of raft's, or so long.
func (t *transport) await(ctx context.Context, ids []ReplicaID, index uint64, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, id := range ids {
		for {
			have, grown := t.at(id)
			if have >= index {
				break
			}
			select {
			case <-grown:
			case <-ctx.Done():
				return
			}
		}
	}
}
