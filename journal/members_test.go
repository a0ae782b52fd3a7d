package journal_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

// TestGrowUnderLoad makes three replicas of one, and five of three, while commands come.
func TestGrowUnderLoad(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(1)
	l := c.startLoad(4)
	l.wait(20)
	for range 4 {
		c.mustJoin()
		l.see()
		l.wait(20)
	}
	l.end()
	c.mustLead(func(leader *replica) error {
		sixth := journal.IDOf(make([]byte, ed25519.PublicKeySize))
		if err := leader.Add(t.Context(), sixth, "127.0.0.1:1"); err != nil {
			return err
		}
		wantFault(t, leader.Promote(t.Context(), sixth), fault.TooMany, "")
		return leader.Remove(t.Context(), sixth)
	})
	for _, r := range c.leader().Replicas() {
		if key, err := r.ID.Key(); err != nil || len(key) != 32 || !r.Voter || r.Address == "" {
			t.Errorf("a member is %+v: %v", r, err)
		}
	}
}

// TestPromoteNeedsProgress gives no vote to a replica that is far behind.
func TestPromoteNeedsProgress(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(1)
	leader := c.leader()
	var seed [32]byte
	gone := journal.IDOf(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err := leader.Add(t.Context(), gone, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	for n := range journal.PromoteLagMax {
		mustPropose(t, leader.Raft, fmt.Sprint(n))
	}
	wantFault(t, leader.Promote(t.Context(), gone), fault.Refused, "id")
	if _, ok := leader.Progress(gone); ok {
		t.Error("a replica that is not there makes progress")
	}
	if index, ok := leader.Progress(leader.id); !ok || index != journal.PromoteLagMax {
		t.Errorf("the leader is at %d", index)
	}
	if err := leader.Remove(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	r := c.mustJoin()
	waitFor(t, func() bool {
		index, ok := leader.Progress(r.id)
		return ok && index == journal.PromoteLagMax
	})
	if _, ok := r.Progress(leader.id); ok {
		t.Error("a replica that follows knows of progress")
	}
}

// TestForeignKey opens the journal of a replica with another's key.
func TestForeignKey(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	first := c.replicas[0]
	first.mustStop()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{
		Listener: socket, Key: ed25519.NewKeyFromSeed(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = journal.Open(journal.RaftConfig{
		Dir: filepath.Join(first.dir, "journal"), Settings: settings(0), Machine: &tape{},
		SegmentBytes: 64 << 10, Files: first.disk, Cluster: &journal.Cluster{Layer: layer},
	})
	if err == nil || !strings.Contains(err.Error(), "is no member") {
		t.Fatalf("opened with %v", err)
	}
	if _, err := net.Dial("tcp", socket.Addr().String()); err == nil {
		t.Error("the layer is left open")
	}
}

// TestAlone goes on with the one replica that is left of three.
func TestAlone(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	l.wait(20)
	l.end()
	left := c.follower()
	c.catchUp(left)
	for _, r := range c.replicas {
		r.kill()
	}
	left.alone = true
	left.mustStart()
	c.replicas = []*replica{left}
	if err := second(left.Leading(t.Context())); err != nil {
		t.Fatal(err)
	}
	if r := left.Replicas(); len(r) != 1 || r[0].ID != left.id {
		t.Fatalf("the replicas are %+v", r)
	}
	l.see()
	l.stop.Store(false)
	mustPropose(t, left.Raft, "still here")
	l.end()
	left.mustStop()
	left.alone = false
	left.mustStart()
	c.mustJoin()
	c.mustJoin()
	l.end()
}

// TestOneBecomesThree starts a replica that was alone, and had no name, as one of several.
func TestOneBecomesThree(t *testing.T) {
	c := newCluster(t, 0)
	dir, disk := t.TempDir(), wal.NewDisk()
	k := openKeeper(t, filepath.Join(dir, "state"), 0)
	j := mustOpenRaft(t, journal.RaftConfig{
		Dir: filepath.Join(dir, "journal"), Settings: settings(0), Machine: k, Cuts: k,
		SegmentBytes: 64 << 10, Files: disk,
	})
	mustPropose(t, j, "a", "b")
	if err := j.Add(t.Context(), j.Self().ID, "elsewhere:1"); err == nil {
		t.Error("a replica that is alone added one")
	}
	mustClose(t, j)
	first := c.mustMake(dir, disk)
	first.mustStart()
	c.mustGrow(2)
	mustPropose(t, c.leader().Raft, "c")
	for _, r := range c.replicas {
		c.catchUp(r)
		wantSame(t, r.machine.bodies(), "a", "b", "c")
	}
	for _, r := range c.replicas[1:] {
		c.mustLead(func(leader *replica) error { return leader.Remove(t.Context(), r.id) })
		r.mustStop()
	}
	first.mustStop()
	k = openKeeper(t, filepath.Join(dir, "state"), 0)
	j = mustOpenRaft(t, journal.RaftConfig{
		Dir: filepath.Join(dir, "journal"), Settings: settings(0), Machine: k, Cuts: k,
		SegmentBytes: 64 << 10, Files: disk,
	})
	mustPropose(t, j, "d")
	wantSame(t, k.bodies(), "a", "b", "c", "d")
	mustClose(t, j)
}

// TestSeveralNeedACluster opens the journal of one of three as if it were alone.
func TestSeveralNeedACluster(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	r := c.follower()
	r.mustStop()
	_, err := journal.Open(journal.RaftConfig{
		Dir: filepath.Join(r.dir, "journal"), Settings: settings(0), Machine: &tape{},
		SegmentBytes: 64 << 10, Files: r.disk,
	})
	if err == nil || !strings.Contains(err.Error(), "3 members") {
		t.Fatalf("opened with %v", err)
	}
}

func wantSame(tb testing.TB, have []string, want ...string) {
	tb.Helper()
	if !slices.Equal(have, want) {
		tb.Fatalf("have %q, want %q", have, want)
	}
}

// TestRemovedReplica takes replicas out while commands come, the leader last. What is removed has
// no say and hears nothing more.
func TestRemovedReplica(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	l.wait(20)
	gone := c.follower()
	c.mustLead(func(leader *replica) error {
		if leader == gone {
			return leader.TransferLeadership(t.Context())
		}
		return leader.Remove(t.Context(), gone.id)
	})
	if n := len(c.leader().Replicas()); n != 2 {
		t.Errorf("%d replicas are left", n)
	}
	l.wait(20)
	waitFor(t, func() bool { // what it was sent before may still be to apply
		seen := gone.LastIndex()
		l.wait(20)
		return gone.LastIndex() == seen
	})
	gone.mustStop()
	l.see()
	err := c.leader().Remove(t.Context(), c.leader().id)
	if !errors.As(err, new(*journal.NotLeader)) {
		t.Errorf("a leader removed itself: %v", err)
	}
	l.wait(20)
	l.end()
}

// TestHandOver passes leadership around while commands come: nobody is left in doubt.
func TestHandOver(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	for range 5 {
		l.wait(10)
		leader := c.leader()
		lead, err := leader.Leading(t.Context())
		if err != nil {
			continue
		}
		if err := leader.TransferLeadership(t.Context()); err != nil {
			t.Logf("not handed over: %v", err) // a busy machine, and it is the leader still
			continue
		}
		<-lead.Over
		now, err := c.leader().Leading(t.Context())
		if err == nil && now.Term <= lead.Term {
			t.Errorf("term %d after %d", now.Term, lead.Term)
		}
	}
	l.end()
}

// TestBarrierNeedsVoters: what a replica without a vote says does not make a leader that no voter
// hears sure that it still leads.
func TestBarrierNeedsVoters(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	follows := c.mustMake(t.TempDir(), wal.NewDisk())
	follows.mustStart()
	c.mustLead(func(leader *replica) error {
		return leader.Add(t.Context(), follows.id, follows.address)
	})
	c.catchUp(follows)
	leader := c.leader()
	mustPropose(t, leader.Raft, "a")
	if index, err := leader.Barrier(t.Context()); err != nil || index == 0 {
		t.Fatalf("with all voters it is at %d: %v", index, err)
	}
	for _, r := range c.replicas {
		if r != leader && r != follows {
			r.lines.cut()
		}
	}
	if index, err := leader.Barrier(t.Context()); err == nil {
		t.Errorf("without a voter it is at %d", index)
	}
}

// TestFollowerNamesTheLeader holds what a follower answers, and what can be read of it.
func TestFollowerNamesTheLeader(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	leader := c.leader()
	mustPropose(t, leader.Raft, "a", "b")
	index, err := leader.Barrier(t.Context())
	if err != nil || index != 2 {
		t.Fatalf("the leader is at %d: %v", index, err)
	}
	follower := c.follower()
	if err := follower.WaitApplied(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	if b := follower.machine.bodies(); len(b) != 2 {
		t.Fatalf("the follower holds %q", b)
	}
	_, err = follower.Propose(t.Context(), command("c"))
	wantFault(t, err, fault.Unavailable, "")
	if not, ok := errors.AsType[*journal.NotLeader](err); !ok || not.Leader.ID != leader.id ||
		not.Leader.Address != leader.address || !strings.Contains(not.Error(), leader.address) {
		t.Errorf("a follower answered %v", err)
	}
	for name, refused := range map[string]error{
		"barrier": second(follower.Barrier(t.Context())),
		"add":     follower.Add(t.Context(), leader.id, "elsewhere:1"),
		"promote": follower.Promote(t.Context(), leader.id),
		"remove":  follower.Remove(t.Context(), leader.id),
		"hand":    follower.TransferLeadership(t.Context()),
	} {
		if name == "promote" { // it votes already
			if refused != nil {
				t.Error(refused)
			}
		} else if !errors.As(refused, new(*journal.NotLeader)) {
			t.Errorf("%s on a follower: %v", name, refused)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := follower.WaitApplied(ctx, index+1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited for what never comes: %v", err)
	}
	if known, ok := follower.Leader(); !ok || known.ID != leader.id {
		t.Errorf("the follower follows %+v", known)
	}
}

func second[T any](_ T, err error) error { return err }

// TestMembersAreLimited fills a cluster.
func TestMembersAreLimited(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(1)
	leader := c.leader()
	for n := range journal.MembersMax - 1 {
		// They are never there, and as long as they do not vote nobody misses them.
		id := journal.IDOf(append(make([]byte, 31), byte(n)))
		if err := leader.Add(t.Context(), id, "127.0.0.1:"+string(rune('1'+n))); err != nil {
			t.Fatal(err)
		}
	}
	id := journal.IDOf(append(make([]byte, 31), 99))
	wantFault(t, leader.Add(t.Context(), id, "127.0.0.1:99"), fault.TooMany, "")
	wantFault(t, leader.Add(t.Context(), "no key", "127.0.0.1:99"), fault.Invalid, "id")
	wantFault(t, leader.Add(t.Context(), id, ""), fault.Invalid, "address")
	long := string(make([]byte, journal.AddressMax+1))
	wantFault(t, leader.Add(t.Context(), id, long), fault.Invalid, "address")
	wantFault(t, leader.Add(t.Context(), id, leader.address), fault.Conflict, "address")
	wantFault(t, leader.Promote(t.Context(), id), fault.NotFound, "id")
	wantFault(t, leader.Remove(t.Context(), id), fault.NotFound, "id")
	mustPropose(t, leader.Raft, "still goes on")
}
