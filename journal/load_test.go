package journal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"seyfert/fault"
	"seyfert/journal"
)

// load proposes from several callers, each command until it is acknowledged.
type load struct {
	cluster *cluster
	stop    atomic.Bool
	callers sync.WaitGroup

	state sync.Mutex // guards all below
	sure  []string   // bodies that were acknowledged
	// replicas are those that can be asked at the moment.
	replicas []*journal.Raft
}

func (c *cluster) startLoad(callers int) *load {
	l := &load{cluster: c}
	l.see()
	for caller := range callers {
		l.callers.Go(func() {
			for n := 0; !l.stop.Load(); n++ {
				l.propose(caller, n)
			}
		})
	}
	return l
}

// see tells the callers which replicas there are.
func (l *load) see() {
	l.state.Lock()
	defer l.state.Unlock()
	l.replicas = nil
	for _, r := range l.cluster.replicas {
		if r.Raft != nil {
			l.replicas = append(l.replicas, r.Raft)
		}
	}
}

// propose tries one command on one replica after another, always with the same id.
func (l *load) propose(caller, n int) {
	body := fmt.Sprintf("%d/%d", caller, n)
	c := command(body)
	binary.BigEndian.PutUint64(c.ID[:], uint64(caller)+1)
	binary.BigEndian.PutUint64(c.ID[8:], uint64(n)+1)
	for try := 0; ; try++ {
		l.state.Lock()
		to := l.replicas[(caller+try)%len(l.replicas)]
		l.state.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		result, err := to.Propose(ctx, c)
		cancel()
		if err == nil {
			if string(result.Body) != body {
				l.cluster.tb.Errorf("%q was answered with %q", body, result.Body)
			}
			break
		}
		if f, ok := fault.Of(err); !errors.Is(err, context.DeadlineExceeded) &&
			(!ok || f.Code != fault.Unavailable) {
			l.cluster.tb.Errorf("%q was answered with %v", body, err)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	l.state.Lock()
	defer l.state.Unlock()
	l.sure = append(l.sure, body)
}

// wait waits until so many more commands are acknowledged.
func (l *load) wait(more int) {
	l.cluster.tb.Helper()
	begun := l.count()
	deadline := time.Now().Add(60 * time.Second)
	for l.count() < begun+more {
		if time.Now().After(deadline) {
			l.cluster.tb.Fatalf("%d of %d commands were acknowledged", l.count()-begun, more)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *load) count() int {
	l.state.Lock()
	defer l.state.Unlock()
	return len(l.sure)
}

// end stops the callers and holds what a cluster is for: every acknowledged command is there,
// once, and all replicas hold the same.
func (l *load) end() {
	c := l.cluster
	c.tb.Helper()
	l.stop.Store(true)
	l.callers.Wait()
	var want []string
	for _, r := range c.replicas {
		if r.Raft == nil {
			continue
		}
		c.catchUp(r)
		have := r.machine.bodies()
		if want == nil {
			want = have
			count := map[string]int{}
			for _, body := range have {
				count[body]++
			}
			for _, body := range l.sure {
				if count[body] != 1 {
					c.tb.Fatalf("%s was acknowledged and is there %d times", body, count[body])
				}
			}
		}
		if short := min(len(have), len(want)); !slices.Equal(have[:short], want[:short]) {
			c.tb.Fatal("two replicas hold different things")
		}
	}
	c.tb.Logf("%d commands were acknowledged", len(l.sure))
}
