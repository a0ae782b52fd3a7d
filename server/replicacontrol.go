package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"seyfert/fault"
	"seyfert/journal"
)

// Orders about a node's replicas come over the control socket of any of them, as those for a
// backup do: over the network nobody can make himself a replica, which gets all keys. The one
// that leads carries them out; others hand them on.

// What a ReplicaOrder asks for.
const (
	ReplicaList     = "list"
	ReplicaAdd      = "add"
	ReplicaRemove   = "remove"
	ReplicaTransfer = "transfer"
)

// ReplicaOrder is one order.
type ReplicaOrder struct {
	Do string `json:"do"`
	// ID names the replica that is added or removed, Address where an added one is reached.
	ID      journal.ReplicaID `json:"id,omitempty"`
	Address string            `json:"address,omitempty"`
}

// ReplicaState is a replica as another one sees it.
type ReplicaState struct {
	ID      journal.ReplicaID `json:"id"`
	Address string            `json:"address"`
	// Votes says that it counts for a majority, Leads that it takes the commands.
	Votes bool `json:"votes"`
	Leads bool `json:"leads"`
	// Answers says that it was reached just now.
	Answers bool `json:"answers"`
	// Index is its newest entry, or the newest that the leader knows it to have; 0 if neither is
	// known.
	Index uint64 `json:"index"`
	// Level says that it has all that the node has signed, as far as the leader knows.
	Level bool `json:"level"`
}

// ReplicaAnswer is what came of an order: an error, or the replicas as they are now.
type ReplicaAnswer struct {
	Error string `json:"error,omitempty"`
	// Elsewhere says that the one that was asked does not lead.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Self is the replica that was asked.
	Self     journal.ReplicaID `json:"self,omitempty"`
	Replicas []ReplicaState    `json:"replicas,omitempty"`
}

// Times of orders.
const (
	// orderTimeout bounds an order, with the time in which the replicas elect a leader.
	orderTimeout = 20 * time.Second
	// orderAgain is the time between two tries to find the leader.
	orderAgain = 200 * time.Millisecond
)

func readOrder(r *http.Request) (order ReplicaOrder, err error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, orderBytesMax))
	if err := errors.Join(err, json.Unmarshal(text, &order)); err != nil {
		return order, fmt.Errorf("read the order: %w", err)
	}
	return order, nil
}

// serveReplicaControl answers an order that came over the control socket.
func (s *Server) serveReplicaControl(w http.ResponseWriter, r *http.Request) {
	order, err := readOrder(r)
	if err == nil && s.replica == nil {
		err = fmt.Errorf("this node runs as one replica that others can't reach: write " +
			`"replica": {"listen": "HOST:PORT"} into its configuration and start it again`)
	}
	if err != nil {
		writeJSON(w, ReplicaAnswer{Error: err.Error()})
		return
	}
	if order.Do == ReplicaRemove && order.ID == s.journal.Self().ID {
		writeJSON(w, ReplicaAnswer{Error: "this is the replica that would be removed: give the " +
			"order on the machine of another one, which sees whether the others go on without it"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	writeJSON(w, s.order(ctx, order))
}

// order has the leader carry out an order, whoever that is, and looks for it for a while.
func (s *Server) order(ctx context.Context, order ReplicaOrder) ReplicaAnswer {
	for {
		answer := s.carryOut(ctx, order)
		leader, ok := s.journal.Leader()
		if answer.Elsewhere && ok && leader.ID != s.journal.Self().ID {
			var from ReplicaAnswer
			err := s.askReplica(ctx, leader.ID, http.MethodPost, "/replica/order", order, &from)
			if err != nil {
				from = ReplicaAnswer{Elsewhere: true, Error: "ask the leader: " + err.Error()}
			}
			answer = from
		}
		if !answer.Elsewhere {
			answer.Self = s.journal.Self().ID
			return answer
		}
		if order.Do == ReplicaList {
			return s.list(ctx) // as far as this one knows
		}
		select {
		case <-ctx.Done():
			answer.Error = "no replica leads, so nothing was done: " + answer.Error + ". Look at " +
				"seyfert replica list, and start replicas until a majority answers"
			return answer
		case <-time.After(orderAgain):
		}
	}
}

// carryOut does what is ordered, on the leader.
func (s *Server) carryOut(ctx context.Context, order ReplicaOrder) ReplicaAnswer {
	if leader, ok := s.journal.Leader(); !ok || leader.ID != s.journal.Self().ID {
		return ReplicaAnswer{Elsewhere: true, Error: "this replica does not lead"}
	}
	var err error
	switch order.Do {
	case ReplicaList:
	case ReplicaAdd:
		err = s.journal.Add(ctx, order.ID, order.Address)
	case ReplicaRemove:
		err = s.remove(ctx, order.ID)
	case ReplicaTransfer:
		err = s.transfer(ctx)
	default:
		err = fmt.Errorf("%.40q is no order", order.Do)
	}
	if _, elsewhere := errors.AsType[*journal.NotLeader](err); elsewhere {
		return ReplicaAnswer{Elsewhere: true, Error: err.Error()}
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return ReplicaAnswer{Error: f.Message}
	}
	if err != nil {
		return ReplicaAnswer{Error: err.Error()}
	}
	return s.list(ctx)
}

// remove takes a replica out, unless those that are left could not go on without it.
func (s *Server) remove(ctx context.Context, id journal.ReplicaID) error {
	voters, answering := 0, 0
	for _, r := range s.list(ctx).Replicas {
		if !r.Votes || r.ID == id {
			continue
		}
		voters++
		if r.Answers {
			answering++
		}
	}
	if voters > 0 && answering <= voters/2 {
		return fmt.Errorf("only %d of the %d replicas that would be left answer, and no majority "+
			"could go on: start them first. Nothing was changed", answering, voters)
	}
	// What was signed must be on a majority of those that vote now, before others do.
	if err := s.settleSigner(ctx); err != nil {
		return fmt.Errorf("the signer journal is not on a majority of the replicas: %w: nothing "+
			"was changed, try again", err)
	}
	return s.journal.Remove(ctx, id)
}

// transfer hands leadership over and waits until the others have a leader.
func (s *Server) transfer(ctx context.Context) error {
	if voters := slices.DeleteFunc(s.journal.Replicas(), func(r journal.Replica) bool {
		return !r.Voter
	}); len(voters) < 2 {
		return errors.New("no other replica votes: there is nobody to take over. Nothing was changed")
	}
	if err := s.journal.TransferLeadership(ctx); err != nil {
		return err
	}
	for {
		if leader, ok := s.journal.Leader(); ok && leader.ID != s.journal.Self().ID {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("leadership was handed over, and nobody is known to have it: look at " +
				"seyfert replica list")
		case <-time.After(orderAgain):
		}
	}
}

// list returns the replicas as this one sees them, and asks each whether it is there.
func (s *Server) list(ctx context.Context) ReplicaAnswer {
	self := s.journal.Self().ID
	answer := ReplicaAnswer{Self: self}
	leader, led := s.journal.Leader()
	var asking sync.WaitGroup
	members := s.journal.Replicas()
	answer.Replicas = make([]ReplicaState, len(members))
	for i, m := range members {
		state := &answer.Replicas[i]
		*state = ReplicaState{
			ID: m.ID, Address: m.Address, Votes: m.Voter, Leads: led && m.ID == leader.ID,
			Answers: m.ID == self,
		}
		state.Index, _ = s.journal.Progress(m.ID)
		if m.ID == self {
			state.Index, state.Level = s.journal.LastIndex(), true
			continue
		}
		if led && leader.ID == self {
			state.Level = s.levelOf(m.ID)
		}
		asking.Go(func() {
			if said := s.askStatus(ctx, m.ID, 0); said != nil {
				state.Answers, state.Index = true, said.Index
			}
		})
	}
	asking.Wait()
	return answer
}

// OrderReplicas gives an order to the running replica of a configuration, on this machine.
func OrderReplicas(ctx context.Context, cfg Config, order ReplicaOrder) (ReplicaAnswer, error) {
	path, release, err := cfg.reach()
	if err != nil {
		return ReplicaAnswer{}, err
	}
	defer release()
	text, err := json.Marshal(order)
	if err != nil {
		return ReplicaAnswer{}, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/replica",
		bytes.NewReader(text))
	if err != nil {
		return ReplicaAnswer{}, err
	}
	reply, err := client.Do(request)
	if err != nil {
		return ReplicaAnswer{}, fmt.Errorf("reach the replica by %s: %w: is it running, and is "+
			"this its user?", cfg.controlFile(), err)
	}
	defer reply.Body.Close()
	var answer ReplicaAnswer
	if err := json.NewDecoder(reply.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("the replica broke off: %w: look at seyfert replica list before "+
			"asking again", err)
	}
	if answer.Error != "" {
		return answer, errors.New(answer.Error)
	}
	return answer, nil
}
