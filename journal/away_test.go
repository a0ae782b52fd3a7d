package journal_test

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/journal"
)

// TestHeldWithoutMajority reads on a replica whose others are away what its machine holds: that was
// settled once, though nobody says so again, and may be more than the last place that is known.
func TestHeldWithoutMajority(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	mustPropose(t, c.leader().Raft, "a", "b", "c")
	left := c.follower()
	c.catchUp(left)
	for _, r := range c.replicas {
		if r != left {
			r.kill()
		}
	}
	held := left.LastIndex()
	left.mustStop()
	left.machine.state.Lock()
	left.machine.cut()
	left.machine.state.Unlock()
	left.mustStart()
	if got := left.LastIndex(); got != held || held == 0 {
		t.Errorf("the last entry is %d, want %d", got, held)
	}
	var bodies []string
	err := left.Read(1, func(_ uint64, e journal.Entry) bool {
		for _, command := range e.Commands {
			bodies = append(bodies, string(command.Body))
		}
		return true
	})
	if diff := cmp.Diff(left.machine.bodies(), bodies); diff != "" || err != nil {
		t.Errorf("read with %v (-machine +journal):\n%s", err, diff)
	}
}

// TestAloneRefused: while another member lives, nothing is changed.
func TestAloneRefused(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(2)
	left := c.follower()
	c.catchUp(left)
	left.mustStop()
	living := errors.New("it lives")
	var asked []journal.Replica
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{Listener: socket, Key: left.key})
	if err != nil {
		t.Fatal(err)
	}
	_, err = journal.Open(journal.RaftConfig{
		Dir: filepath.Join(left.dir, "journal"), Settings: settings(0), Machine: &tape{},
		SegmentBytes: 64 << 10, Files: left.disk, Cluster: &journal.Cluster{Layer: layer},
		Alone: true, Lost: func(others []journal.Replica) error {
			asked = others
			return living
		},
	})
	if !errors.Is(err, living) || len(asked) != 1 || asked[0].ID == left.id {
		t.Fatalf("asked of %+v it opened with %v", asked, err)
	}
	left.mustStart()
	if r := left.Replicas(); len(r) != 2 {
		t.Errorf("the replicas are %+v", r)
	}
}
