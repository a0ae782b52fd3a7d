package journal

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"seyfert/fault"
)

// Limits of a cluster.
const (
	// VotersMax is the number of replicas that may vote.
	VotersMax = 5
	// MembersMax is the number of replicas, with those that only follow.
	MembersMax = 9
	// AddressMax bounds a replica's address, in bytes.
	AddressMax = 256
	// PromoteLagMax is how many logs a replica may be behind that is given a vote.
	PromoteLagMax = 1000
)

// appendEntriesMax is how many logs raft sends at a time; each may be of EntryBytesMax.
const appendEntriesMax = 16

// PaceDefault is the usual Cluster.Pace.
const PaceDefault = time.Second

// paceMin is the shortest pace that may be asked for.
const paceMin = 50 * time.Millisecond

// ReplicaID names a replica. It is its public key, so that whoever knows the members knows
// whom to trust. A replica that was never one of several has another name.
type ReplicaID string

// aloneID is the name of a replica without a key, and its address within the process.
const aloneID = "voter-1"

// IDOf returns the name of the replica that holds a key.
func IDOf(key ed25519.PublicKey) ReplicaID {
	return ReplicaID(base64.RawURLEncoding.EncodeToString(key))
}

// Key returns the replica's public key, which its name is.
func (id ReplicaID) Key() (ed25519.PublicKey, error) {
	key, err := base64.RawURLEncoding.Strict().DecodeString(string(id))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.60q is not the name of a replica", string(id))
	}
	return key, nil
}

// Replica is one replica of a node.
type Replica struct {
	// ID names it, by its public key.
	ID ReplicaID `cbor:"1,keyasint"`
	// Address is where the others reach it, host and port.
	Address string `cbor:"2,keyasint"`
	// Voter says that it counts for a majority; others only follow.
	Voter bool `cbor:"3,keyasint"`
}

func (m Replica) server() raft.Server {
	s := raft.Server{
		Suffrage: raft.Nonvoter, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Address),
	}
	if m.Voter {
		s.Suffrage = raft.Voter
	}
	return s
}

func membersOf(c raft.Configuration) []Replica {
	var members []Replica
	for _, s := range c.Servers {
		members = append(members, Replica{
			ID: ReplicaID(s.ID), Address: string(s.Address), Voter: s.Suffrage == raft.Voter,
		})
	}
	return members
}

// Cluster is what a replica of several needs. The same settings serve while it is still the only
// one: then others can be added.
type Cluster struct {
	// Layer carries the connections to the others; its key is this replica's name. The journal
	// closes it.
	Layer *TLSLayer
	// Join says that a new directory belongs to a replica which a leader will add. Without it
	// the replica is the first of a new cluster.
	Join bool
	// Pace is how long the others wait without a word from the leader before they elect one;
	// zero means PaceDefault. A leader without a majority gives up after half of it.
	Pace time.Duration
}

func (c *Cluster) complete() error {
	if c.Layer == nil {
		return errors.New("journal: a cluster without a layer")
	}
	if c.Pace == 0 {
		c.Pace = PaceDefault
	}
	if c.Pace < paceMin {
		return fmt.Errorf("journal: a pace of %v", c.Pace)
	}
	return nil
}

// self is this replica as a voter.
func (cfg *RaftConfig) self() Replica {
	if cfg.Cluster == nil {
		return Replica{ID: aloneID, Address: aloneID, Voter: true}
	}
	return Replica{ID: cfg.Cluster.Layer.ID(), Address: cfg.Cluster.Layer.Address(), Voter: true}
}

// pace sets raft's times.
func (j *Raft) pace(config *raft.Config) {
	if j.cluster == nil {
		config.HeartbeatTimeout = aloneTimeout
		config.ElectionTimeout = aloneTimeout
		config.LeaderLeaseTimeout = aloneTimeout
		return
	}
	config.HeartbeatTimeout = j.cluster.Pace
	config.ElectionTimeout = j.cluster.Pace
	config.LeaderLeaseTimeout = j.cluster.Pace / 2
}

// Self returns this replica's own name and address.
func (j *Raft) Self() Replica { return j.member }

// Members returns all replicas, as far as this one knows.
func (j *Raft) Replicas() []Replica {
	return membersOf(j.raft.GetConfiguration().Configuration())
}

func find(members []Replica, id ReplicaID) (Replica, bool) {
	for _, m := range members {
		if m.ID == id {
			return m, true
		}
	}
	return Replica{}, false
}

// others are the members beside this replica, also if it had another name before.
func (j *Raft) others(c raft.Configuration) []Replica {
	return slices.DeleteFunc(membersOf(c), func(m Replica) bool {
		return m.ID == j.member.ID || m.ID == j.store.self()
	})
}

// Progress returns the index of the newest entry that the leader knows a replica to have. It is
// for the leader; ok is false elsewhere, and of a replica that has not answered yet.
func (j *Raft) Progress(id ReplicaID) (index uint64, ok bool) {
	if j.roles.current() == nil {
		return 0, false
	}
	if id == j.member.ID {
		return j.store.Commands(j.store.Next() - 1), true
	}
	if j.transport == nil {
		return 0, false
	}
	place, _ := j.transport.at(id)
	if place == 0 {
		return 0, false
	}
	return j.store.Commands(place), true
}

// Add makes a replica follow, without a vote, or changes the address of one that is a member. It
// returns when that is settled; Progress tells when the new one has caught up. It is for the
// leader. An error is a *fault.Error, or comes from ctx.
func (j *Raft) Add(ctx context.Context, id ReplicaID, address string) error {
	if _, err := id.Key(); err != nil {
		return fault.New(fault.Invalid, "id", "the replica's name is not a public key")
	}
	if address == "" || !shortText(address, AddressMax) {
		return fault.New(fault.Invalid, "address", "the replica's address is not a short text")
	}
	members := j.Replicas()
	for _, m := range members {
		if m.Address == address && m.ID != id {
			return fault.New(fault.Conflict, "address", "another replica has this address")
		}
	}
	if _, known := find(members, id); !known && len(members) == MembersMax {
		return fault.New(fault.TooMany, "", "a node has %d replicas at most", MembersMax)
	}
	return j.change(ctx, func() raft.IndexFuture {
		return j.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), 0, 0)
	})
}

// Promote gives a member a vote, once it has caught up: one that is more than PromoteLagMax logs
// behind is refused. It is for the leader. An error is a *fault.Error, or comes from ctx.
func (j *Raft) Promote(ctx context.Context, id ReplicaID) error {
	members := j.Replicas()
	member, known := find(members, id)
	voters := 0
	for _, m := range members {
		if m.Voter {
			voters++
		}
	}
	switch {
	case !known:
		return fault.New(fault.NotFound, "id", "no replica has this name")
	case member.Voter:
		return nil
	case voters == VotersMax:
		return fault.New(fault.TooMany, "", "a node has %d voters at most", VotersMax)
	case j.roles.current() == nil || j.transport == nil:
		return j.refusal()
	}
	if have, _ := j.transport.at(id); have+PromoteLagMax < j.store.Next() {
		return fault.New(fault.Refused, "id", "the replica has not caught up")
	}
	return j.change(ctx, func() raft.IndexFuture {
		return j.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(member.Address), 0, 0)
	})
}

// Remove takes a member out for ever: its key is worth nothing afterwards. It is for the leader,
// who can not remove itself: it hands leadership over and answers a *NotLeader. Other errors
// are a *fault.Error, or come from ctx.
func (j *Raft) Remove(ctx context.Context, id ReplicaID) error {
	members := j.Replicas()
	if _, known := find(members, id); !known {
		return fault.New(fault.NotFound, "id", "no replica has this name")
	}
	if id == j.member.ID {
		if len(members) == 1 {
			return fault.New(fault.Refused, "id", "it is the only replica")
		}
		if err := j.TransferLeadership(ctx); err != nil {
			return err
		}
		return j.refusal()
	}
	return j.change(ctx, func() raft.IndexFuture {
		return j.raft.RemoveServer(raft.ServerID(id), 0, 0)
	})
}

// spreadPaces is how long a change of the members waits for replicas that do not answer.
const spreadPaces = 5

// change makes one change of the members and waits until it is settled, and until every replica
// that answers knows of it. Raft 1.8.0 gives no vote to a replica that it does not know for a
// voter: were the leader lost right after a change that a majority alone knows of, those left
// might be unable to elect one.
func (j *Raft) change(ctx context.Context, start func() raft.IndexFuture) error {
	lead := j.roles.current()
	if lead == nil || j.cluster == nil || !j.roles.ask(lead) {
		return j.refusal()
	}
	outcome := make(chan error, 1)
	var settled uint64
	go func() {
		defer j.roles.asking.Done()
		future := start()
		err := future.Error()
		if err == nil {
			settled = future.Index()
		}
		outcome <- err
	}()
	select {
	case err := <-outcome:
		if err != nil {
			return fault.New(fault.Unavailable, "", "the change of replicas was not settled: %v", err)
		}
		var others []ReplicaID
		for _, other := range j.Replicas() {
			if other.Voter && other.ID != j.member.ID {
				others = append(others, other.ID)
			}
		}
		j.transport.await(ctx, others, settled, spreadPaces*j.cluster.Pace)
		return nil
	case <-lead.over:
		return errUnknown
	case <-ctx.Done():
		return waitError(ctx)
	}
}

// TransferLeadership hands leadership to the replica that has the most, after everything under
// way is answered; what waits in the queue meanwhile is refused by a *NotLeader. An error is a
// *fault.Error, or comes from ctx; after one this replica may still lead.
func (j *Raft) TransferLeadership(ctx context.Context) error {
	lead := j.roles.current()
	if lead == nil || j.cluster == nil || !j.roles.ask(lead) {
		return j.refusal()
	}
	outcome := make(chan error, 1)
	go func() {
		defer j.roles.asking.Done()
		outcome <- j.transfer(lead)
	}()
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return waitError(ctx)
	}
}

func (j *Raft) transfer(lead *lead) error {
	j.launching.Lock()
	defer j.launching.Unlock()
	j.underWay.Wait()
	if err := j.raft.LeadershipTransfer().Error(); err != nil {
		// For a moment raft may go on refusing entries, and would not be asked why.
		for errors.Is(j.raft.Barrier(0).Error(), raft.ErrLeadershipTransferInProgress) {
			time.Sleep(time.Millisecond)
		}
		return fault.New(fault.Unavailable, "", "leadership was not handed over: %v", err)
	}
	<-lead.over
	return nil
}

// leave hands leadership over, if that can be done quickly, when this replica ends.
func (j *Raft) leave() {
	if j.cluster == nil || j.roles.current() == nil {
		return
	}
	// It fails if there is nobody to take it; the others then elect one as after a crash.
	_ = j.raft.LeadershipTransfer().Error()
}
