package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"seyfert/fault"
)

// Lead is one stretch of leadership. What a node does towards the outside it does only while it
// leads.
type Lead struct {
	// Term numbers the leaderships of all replicas, rising, and no two have the same.
	Term uint64
	// Over is closed when the leadership has ended. Another replica may lead before that.
	Over <-chan struct{}
}

// NotLeader answers a proposal to a replica that does not lead: nothing was written. It is a
// *fault.Error (unavailable) too.
type NotLeader struct {
	// Leader is who leads, as far as this replica knows; the zero Replica if it knows of none.
	Leader Replica
}

// Error implements error.
func (e *NotLeader) Error() string { return e.Unwrap().Error() }

// Unwrap returns what callers of the node are told.
func (e *NotLeader) Unwrap() error {
	if e.Leader.ID == "" {
		return fault.New(fault.Unavailable, "", "no replica leads at the moment; send the same "+
			"request again").Because(fault.NoLeader)
	}
	return fault.New(fault.Unavailable, "", "this replica does not lead; the one at %s does",
		e.Leader.Address).Because(fault.NoLeader)
}

// notifyRoom is how many changes of leadership raft can tell before it waits for watch.
const notifyRoom = 64

// lead is a stretch of leadership, from when everything before it is applied.
type lead struct {
	term uint64
	over chan struct{}
}

// roles says whether this replica leads.
type roles struct {
	// elected is closed when raft has led for the first time.
	elected chan struct{}
	first   sync.Once

	// asking counts questions to raft that only a running raft answers; added to with state held
	// while this replica leads.
	asking sync.WaitGroup

	state   sync.Mutex // guards all below
	now     *lead
	changed chan struct{} // closed and replaced with each change
}

func newRoles() *roles {
	return &roles{elected: make(chan struct{}), changed: make(chan struct{})}
}

// current returns the leadership that there is, nil if this replica does not lead.
func (r *roles) current() *lead {
	r.state.Lock()
	defer r.state.Unlock()
	return r.now
}

// set begins a leadership, or ends one with nil.
func (r *roles) set(next *lead) {
	r.state.Lock()
	defer r.state.Unlock()
	if r.now != nil {
		close(r.now.over)
	}
	r.now = next
	close(r.changed)
	r.changed = make(chan struct{})
}

// ask counts a question, if a leadership lasts.
func (r *roles) ask(of *lead) bool {
	r.state.Lock()
	defer r.state.Unlock()
	if r.now != of {
		return false
	}
	r.asking.Add(1)
	return true
}

// Leading waits until this replica leads and has applied every entry of the leaders before it.
// An error is a *fault.Error (unavailable) when the journal has ended, or comes from ctx.
func (j *Raft) Leading(ctx context.Context) (Lead, error) {
	for {
		j.roles.state.Lock()
		now, changed := j.roles.now, j.roles.changed
		j.roles.state.Unlock()
		if now != nil {
			return Lead{Term: now.term, Over: now.over}, nil
		}
		select {
		case <-changed:
		case <-j.halted:
			return Lead{}, errStopped
		case <-ctx.Done():
			return Lead{}, waitError(ctx)
		}
	}
}

// Leader returns who leads, as far as this replica knows.
func (j *Raft) Leader() (leader Replica, ok bool) {
	address, id := j.raft.LeaderWithID()
	return Replica{ID: ReplicaID(id), Address: string(address), Voter: true}, id != ""
}

// watch follows who leads, and ends raft after the first failure or when Close has seen every
// caller answered.
func (j *Raft) watch(notify <-chan bool) {
	defer close(j.halted)
	for ended := false; !ended; {
		select {
		case leads := <-notify:
			if leads {
				j.lead()
			} else {
				j.follow()
			}
		case <-j.broken:
			ended = true
		case <-j.answered:
			j.leave()
			ended = true
		}
	}
	j.roles.set(nil)
	j.roles.asking.Wait()
	j.disconnect()
	if err := j.raft.Shutdown().Error(); err != nil {
		j.fail(fmt.Errorf("journal: end raft: %w", err))
	}
}

// lead begins a leadership: all entries of others are applied before anything is proposed.
func (j *Raft) lead() {
	j.roles.first.Do(func() { close(j.roles.elected) })
	if j.transport != nil {
		j.transport.forget()
	}
	term := j.raft.CurrentTerm()
	if err := j.raft.Barrier(0).Error(); err != nil || j.raft.CurrentTerm() != term {
		return // it is over already, as notify will tell
	}
	at, err := j.lastTime()
	if err != nil {
		j.fail(err)
		return
	}
	j.launching.Lock()
	j.newest = max(j.newest, at)
	j.launching.Unlock()
	j.roles.set(&lead{term: term, over: make(chan struct{})})
}

// lastTime returns the time of the newest applied entry. One that a cut held when the journal
// was opened is read for it.
func (j *Raft) lastTime() (int64, error) {
	last, err := j.applier.lastIndex()
	if err != nil {
		return 0, err
	}
	at := j.applier.newestTime()
	place, ok := j.store.Place(last)
	if !ok {
		return at, nil
	}
	var log raft.Log
	if err := j.store.GetLog(place, &log); err != nil {
		return 0, err
	}
	e, err := DecodeEntry(log.Data)
	return max(at, e.Header.Time), err
}

// follow ends a leadership. Those who wait for entries under way are told that nobody knows.
func (j *Raft) follow() {
	j.roles.set(nil)
	j.applier.forget()
	if j.cluster == nil {
		// A single voter gives up leadership only when its store fails.
		j.fail(errors.New("journal: leadership was lost"))
	}
}

// Barrier waits until everything that was acknowledged before the call, by any replica, is
// applied here, and returns the index of the newest applied entry: what is read then is not
// old. It is for the leader; others answer a *NotLeader.
func (j *Raft) Barrier(ctx context.Context) (index uint64, err error) {
	lead := j.roles.current()
	if lead == nil {
		return 0, j.refusal()
	}
	committed := j.raft.CommitIndex()
	if err := j.verify(ctx, lead); err != nil {
		return 0, err
	}
	return j.waitApplied(ctx, j.store.Commands(committed))
}

// verify asks a majority whether this replica still leads.
func (j *Raft) verify(ctx context.Context, lead *lead) error {
	if j.cluster == nil {
		return nil
	}
	if !j.roles.ask(lead) {
		return j.refusal()
	}
	outcome := make(chan error, 1)
	go func() {
		defer j.roles.asking.Done()
		outcome <- j.confirm()
	}()
	select {
	case err := <-outcome:
		// Raft may have lost leadership meanwhile and won it again: a majority has then confirmed
		// another one than this, and another leader may have acknowledged something between.
		if err != nil || j.raft.CurrentTerm() != lead.term {
			return j.refusal()
		}
		return nil
	case <-lead.over:
		return j.refusal()
	case <-ctx.Done():
		return waitError(ctx)
	}
}

// confirm asks the voters whether raft still leads. Raft 1.8.0 takes the word of a replica without
// a vote for one, so while there is such a member it has to get an entry onto a majority.
func (j *Raft) confirm() error {
	if j.allVote() {
		if err := j.raft.VerifyLeader().Error(); err != nil || j.allVote() {
			return err
		}
	}
	return j.raft.Barrier(0).Error()
}

// allVote says whether every member has a vote.
func (j *Raft) allVote() bool {
	for _, m := range j.Replicas() {
		if !m.Voter {
			return false
		}
	}
	return true
}

// WaitApplied waits until the entry of an index is applied here, so that what is read then is at
// least as new as what a caller has seen on another replica.
func (j *Raft) WaitApplied(ctx context.Context, index uint64) error {
	_, err := j.waitApplied(ctx, index)
	return err
}

func (j *Raft) waitApplied(ctx context.Context, index uint64) (uint64, error) {
	for {
		last, grown := j.applier.growth()
		if last >= index {
			return last, nil
		}
		select {
		case <-grown:
		case <-j.halted:
			return 0, errStopped
		case <-ctx.Done():
			return 0, waitError(ctx)
		}
	}
}
