package server

import (
	"log/slog"
	"net/http"
	"slices"

	"seyfert/journal"
)

// serveReplicaKeys gives a joining replica what it needs. Whoever added it has decided that its
// machine may hold the node's keys. One that votes has them, and is given nothing: what a thief
// of its key could ask for is not here.
func (s *Server) serveReplicaKeys(w http.ResponseWriter, r *http.Request) {
	caller, members := callerOf(r), s.journal.Replicas()
	at := slices.IndexFunc(members, func(m journal.Replica) bool { return m.ID == caller })
	switch {
	case at < 0:
		http.Error(w, "this replica was not added", http.StatusForbidden)
		return
	case members[at].Voter:
		http.Error(w, "this replica votes, so it has joined already: if its directory is lost, "+
			"take it out (seyfert replica remove) and let the machine join anew in an empty one",
			http.StatusForbidden)
		return
	}
	parcel, err := s.cfg.parcel(members)
	if err != nil {
		s.log.Error("a joining replica can't be given the node's keys",
			slog.String("replica", string(caller)), slog.String("error", err.Error()))
		http.Error(w, "the node's key files can't be read: see its log",
			http.StatusInternalServerError)
		return
	}
	s.log.Warn("a joining replica was given the node's keys",
		slog.String("replica", string(caller)), slog.String("address", members[at].Address))
	writeJSON(w, parcel)
}

// serveReplicaOrder carries out an order that was given on the machine of another replica. A
// replica without a vote gives none.
func (s *Server) serveReplicaOrder(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	if !slices.ContainsFunc(s.journal.Replicas(), func(m journal.Replica) bool {
		return m.ID == caller && m.Voter
	}) {
		http.Error(w, "a replica without a vote gives no orders", http.StatusForbidden)
		return
	}
	order, err := readOrder(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, s.carryOut(r.Context(), order))
}
