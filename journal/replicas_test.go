package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"seyfert/journal"
	"seyfert/journal/wal"
)

// TestKilledLeaders ends one leader after another as a power cut does, while commands come.
func TestKilledLeaders(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	for range 4 {
		l.wait(20)
		leader := c.leader()
		leader.kill()
		l.see()
		l.wait(5)
		leader.mustStart()
		l.see()
	}
	l.wait(20)
	l.end()
}

// TestPartedLeader cuts the leader off: it gives up, the others go on, and what it had not yet
// told a majority is forgotten when the line is mended.
func TestPartedLeader(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	for range 3 {
		l.wait(20)
		leader := c.leader()
		lead, err := leader.Leading(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leader.lines.cut()
		select {
		case <-lead.Over:
		case <-time.After(20 * time.Second):
			t.Fatal("it leads alone")
		}
		l.wait(10)
		leader.lines.mend()
	}
	l.end()
}

// TestHeldLeader stops a leader's connections for a while, so that it learns late that it leads
// no more.
func TestHeldLeader(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	for range 2 {
		l.wait(20)
		leader := c.leader()
		release := leader.lines.hold()
		time.Sleep(2 * pace)
		release()
		l.wait(10)
	}
	l.end()
}

// TestPausedMachine stops the machine of a follower, then that of the leader, for a while.
func TestPausedMachine(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	l.wait(20)
	resume := c.follower().machine.pause()
	l.wait(50)
	resume()
	leader := c.leader()
	resume = leader.machine.pause()
	time.Sleep(2 * pace)
	if lead := c.leader(); lead != leader {
		t.Log("another one leads meanwhile")
	}
	resume()
	l.wait(50)
	l.end()
}

// TestLaggingFollower stops a follower and brings it back by the log, then by a cut.
func TestLaggingFollower(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	follower := c.follower()
	follower.mustStop()
	l.see()
	l.wait(5)
	follower.mustStart()
	l.see()
	c.catchUp(follower)

	c.cutEvery(20)
	follower = c.follower()
	follower.mustStop()
	l.see()
	behind := c.leader().LastIndex()
	waitFor(t, func() bool { return c.leader().FirstIndex() > behind+20 })
	follower.mustStart()
	l.see()
	c.catchUp(follower)
	if follower.machine.installs != 1 {
		t.Errorf("it took in %d cuts", follower.machine.installs)
	}
	l.wait(50)
	follower.mustStop()
	follower.mustStart()
	l.see()
	l.wait(10)
	l.end()
}

// TestNewReplicaAfterTruncation brings a replica in when the log no longer begins at the
// beginning, and makes it lead.
func TestNewReplicaAfterTruncation(t *testing.T) {
	c := newCluster(t, 20)
	c.mustGrow(1)
	l := c.startLoad(4)
	waitFor(t, func() bool { return c.leader().FirstIndex() > 40 })
	for range 2 {
		r := c.mustJoin()
		if r.machine.installs == 0 {
			t.Error("it was not sent a cut")
		}
	}
	l.see()
	l.wait(20)
	c.replicas[0].kill()
	l.see()
	l.wait(50)
	c.replicas[0].mustStart()
	l.see()
	l.wait(50)
	l.end()
}

// TestCrashBeforeItsOwnName ends a new replica when it has the cut of one that was alone, which
// says that there is one member, and nothing of its own joining: it does not take that for
// itself.
func TestCrashBeforeItsOwnName(t *testing.T) {
	c := newCluster(t, 5)
	c.mustGrow(1)
	first := c.replicas[0]
	for n := range 30 {
		mustPropose(t, first.Raft, fmt.Sprint(n))
	}
	waitFor(t, func() bool { return first.FirstIndex() > 20 })
	r := c.mustMake(t.TempDir(), wal.NewDisk())
	r.mustStart()
	broken := make(chan struct{})
	r.machine.state.Lock()
	r.machine.installed = func() {
		r.disk.Break(func(wal.Op) wal.Fault { return wal.Fault{Err: errDisk} })
		close(broken)
	}
	r.machine.state.Unlock()
	if err := first.Add(t.Context(), r.id, r.address); err != nil {
		t.Fatal(err)
	}
	<-broken
	<-r.Failed()
	r.kill()
	first.lines.cut()
	r.mustStart()
	if members := r.Replicas(); len(members) != 1 || members[0].ID != first.id {
		t.Fatalf("the cut has %+v", members)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*pace)
	defer cancel()
	if lead, err := r.Leading(ctx); err == nil {
		t.Fatalf("it leads in term %d", lead.Term)
	}
	first.lines.mend()
	c.catchUp(r)
	wantSame(t, r.machine.bodies(), first.machine.bodies()...)
}

// TestBrokenCut has a leader send cuts that cannot be taken in, and then one that can.
func TestBrokenCut(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	follower := c.follower()
	follower.mustStop()
	c.cutEvery(5)
	leader := c.leader()
	for n := range 30 {
		mustPropose(t, leader.Raft, fmt.Sprint(n))
	}
	waitFor(t, func() bool { return leader.FirstIndex() > 20 })
	leader.machine.state.Lock()
	leader.machine.faults = []func(*[]journal.CutFile){
		func(f *[]journal.CutFile) { (*f)[0].Name = "../outside" },
		func(f *[]journal.CutFile) { (*f)[0].Name = strings.Repeat("x", journal.CutNameMax+1) },
		func(f *[]journal.CutFile) { (*f)[0].Size = -1 },
		func(f *[]journal.CutFile) { (*f)[0].Size += 1 << 20 }, // more than there is
		func(f *[]journal.CutFile) { (*f)[0].Path += " is nowhere" },
		func(f *[]journal.CutFile) { (*f)[1].Name = (*f)[0].Name },
		func(f *[]journal.CutFile) { *f = make([]journal.CutFile, journal.CutFilesMax+1) },
	}
	leader.machine.state.Unlock()
	follower.mustStart()
	c.catchUp(follower)
	leader.machine.state.Lock()
	left := len(leader.machine.faults)
	leader.machine.state.Unlock()
	if left > 0 || follower.machine.installs != 1 {
		t.Errorf("%d faults are left, %d cuts were taken in", left, follower.machine.installs)
	}
	wantSame(t, follower.machine.bodies(), leader.machine.bodies()...)
}

// TestCrashAfterInstall ends a replica between taking in a cut and beginning its log behind it.
func TestCrashAfterInstall(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(3)
	l := c.startLoad(4)
	l.wait(10)
	follower := c.follower()
	follower.mustStop()
	l.see()
	c.cutEvery(20)
	behind := c.leader().LastIndex()
	waitFor(t, func() bool { return c.leader().FirstIndex() > behind+20 })
	follower.mustStart()
	crashed := make(chan struct{})
	follower.machine.state.Lock()
	follower.machine.installed = func() {
		follower.disk.Break(func(wal.Op) wal.Fault { return wal.Fault{Err: errDisk} })
		close(crashed)
	}
	follower.machine.state.Unlock()
	<-crashed
	select {
	case err := <-follower.Failed():
		if !errors.Is(err, errDisk) {
			t.Fatalf("failed with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	follower.kill()
	follower.mustStart()
	if follower.LastIndex() <= behind {
		t.Error("the cut that was taken in is forgotten")
	}
	l.see()
	l.wait(20)
	l.end()
}
