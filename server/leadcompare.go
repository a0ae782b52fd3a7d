package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/node"
)

// splitsMax is how often in a row a difference between replicas is seen that no majority
// decides, because one of them can't be asked, before all that are there stop.
const splitsMax = 3

// condition is what a replica says of itself.
type condition struct {
	// Rule is the newest rule version that its program knows, Index its newest entry.
	Rule  uint16 `json:"rule"`
	Index uint64 `json:"index"`
	// Hash is its state hash after the entry that was asked for; empty if it does not know it.
	Hash string `json:"hash,omitempty"`
	// Full says that its disk has no room.
	Full bool `json:"full,omitempty"`
}

// serveStatus tells another replica how this one stands.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(cmp.Or(r.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		http.Error(w, "after is the number of an entry", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout/2)
	defer cancel()
	_ = s.journal.WaitApplied(ctx, after) // one that is behind has no hash
	said := condition{Rule: core.RuleVersion, Full: s.room.low.Load()}
	s.state.Read(func(v core.View) {
		said.Index = v.Cursor().Index
		if hash, ok := v.HashAfter(after); ok && after > 0 {
			said.Hash = hex.EncodeToString(hash[:])
		}
	})
	writeJSON(w, said)
}

// writeJSON answers another replica.
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a replica that is gone asks again
}

// askStatus asks a replica how it stands; nil if it does not say.
func (s *Server) askStatus(ctx context.Context, id journal.ReplicaID, after uint64) *condition {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var said condition
	if s.ask(ctx, id, pathStatus+"?after="+strconv.FormatUint(after, 10), &said) != nil {
		return nil
	}
	return &said
}

// askVoters asks all other voters at once.
func (s *Server) askVoters(ctx context.Context, after uint64) []*condition {
	if s.replica == nil {
		return nil
	}
	var others []journal.ReplicaID
	for _, m := range s.journal.Replicas() {
		if m.Voter && m.ID != s.journal.Self().ID {
			others = append(others, m.ID)
		}
	}
	said := make([]*condition, len(others))
	var asking sync.WaitGroup
	for i, id := range others {
		asking.Go(func() { said[i] = s.askStatus(ctx, id, after) })
	}
	asking.Wait()
	return said
}

// diverged says that this replica must stop: its state is not that of the others, or nobody can
// say whose is right.
type diverged struct{ text string }

// Error implements error.
func (e *diverged) Error() string { return e.text }

// compare holds the replicas' states against each other while this one leads.
func (s *Server) compare(ctx context.Context) {
	splits := 0
	agree := func(ctx context.Context, index uint64, hash [32]byte) (bool, error) {
		switch judge(hash, s.askVoters(ctx, index)) {
		case minority:
			return false, &diverged{fmt.Sprintf("after entry %d most replicas have another state "+
				"than this one, which leads: this replica has diverged; stop it and replace its "+
				"state by a copy", index)}
		case split:
			splits++
			s.log.Error("replicas have different states, and no majority says which is right",
				slog.Uint64("entry", index), slog.Int("time", splits))
			if splits < splitsMax {
				return false, nil
			}
			return false, errors.Join(&diverged{fmt.Sprintf("after entry %d the replicas have "+
				"different states, and no majority says which is right: all stop; run seyfert "+
				"serve --check on each: it tells whose state is what the journal leads to",
				index)}, node.Compare(ctx, s.room, index, hash))
		case unknown:
			return false, nil
		}
		splits = 0
		return true, nil
	}
	for ctx.Err() == nil {
		err := node.CompareReplicas(ctx, s.state, s.room, s.compareEvery, agree)
		if stop, ok := errors.AsType[*diverged](err); ok {
			s.suspect.Store(true)
			s.fail(stop)
			return
		}
		pause(ctx, tendEvery) // the disk is full, say
	}
}

// verdict is what the voters' states say about the leader's.
type verdict uint8

const (
	// unknown: too few answer, and those that do have the leader's state.
	unknown verdict = iota
	// majority: most voters have the leader's state. Whoever has another one stops.
	majority
	// minority: most voters have another state, all the same one. The leader stops.
	minority
	// split: there are several states, and no majority has the same one.
	split
)

// judge counts the states of the leader and of the other voters, some of which did not answer.
func judge(own [32]byte, others []*condition) verdict {
	need := (len(others)+1)/2 + 1
	leader := hex.EncodeToString(own[:])
	have := map[string]int{leader: 1}
	for _, said := range others {
		if said != nil && said.Hash != "" {
			have[said.Hash]++
		}
	}
	for hash, count := range have {
		if count < need {
			continue
		}
		if hash == leader {
			return majority
		}
		return minority
	}
	if len(have) > 1 {
		return split
	}
	return unknown
}
