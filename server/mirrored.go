package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"

	"seyfert/journal"
	"seyfert/mirror"
	"seyfert/signer"
)

// openSigner opens the node's keys. On one replica of several what is signed is on a majority
// before it leaves.
func (s *Server) openSigner() (err error) {
	if s.replica == nil {
		if exists(filepath.Join(s.cfg.keysDir(), mirror.TermsName)) {
			return errors.New("this is one of several replicas: \"replica\" is missing in its " +
				"configuration")
		}
		s.signer, err = signer.Open(s.cfg.keysDir())
		return err
	}
	s.signer, err = signer.OpenWith(s.cfg.keysDir(), func(
		file signer.JournalFile, names signer.NameStore,
	) (signer.SharedFile, signer.NameStore, error) {
		m, err := mirror.Open(mirror.Config{
			Journal: file, Names: names, Terms: s.cfg.terms(), Transport: (*carrier)(s),
			Members: s.replica.membership,
		})
		if err != nil {
			return nil, nil, err
		}
		s.replica.mirror = m
		return m.Journal(), m.Names(), nil
	})
	return err
}

// membership says who votes, as far as this replica knows.
func (r *replica) membership() (m mirror.Membership) {
	j := r.journal.Load()
	if j == nil {
		return m
	}
	m.Self = string(j.Self().ID)
	for _, member := range j.Replicas() {
		if member.Voter {
			m.Voters = append(m.Voters, string(member.ID))
		} else {
			m.Others = append(m.Others, string(member.ID))
		}
	}
	return m
}

// carrier brings the mirror's requests to other replicas. It implements mirror.Transport.
type carrier Server

// Call implements mirror.Transport.
func (c *carrier) Call(ctx context.Context, to string, q mirror.Request) (mirror.Answer, error) {
	data, err := q.Encode()
	if err != nil {
		return mirror.Answer{}, err
	}
	var text []byte
	s := (*Server)(c)
	err = s.askReplica(ctx, journal.ReplicaID(to), http.MethodPost, pathMirror, data, &text)
	if err != nil {
		return mirror.Answer{}, err
	}
	return mirror.DecodeAnswer(text)
}

// serveMirror answers what another replica's mirror asks.
func (s *Server) serveMirror(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mirror.RequestBytesMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q, err := mirror.DecodeRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.replica.mirror.Handle(r.Context(), string(callerOf(r)), q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	data, err := answer.Encode()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data) // a replica that is gone asks again
}

// wakeSigner makes this replica the one that signs, in a term of the journal.
func (s *Server) wakeSigner(ctx context.Context, term uint64) error {
	if s.replica == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	if err := s.replica.mirror.Lead(ctx, term); err != nil {
		return err
	}
	return s.signer.Wake()
}

// restSigner ends that. The mirror goes first: whoever waits for a majority has the signer.
func (s *Server) restSigner() {
	if s.replica != nil {
		s.replica.mirror.Follow()
		s.signer.Rest()
	}
}

// refreshSigner lets a signer at rest know what others have signed and destroyed, until ctx ends.
func (s *Server) refreshSigner(ctx context.Context) {
	for {
		grown := s.replica.mirror.Grown()
		if err := s.signer.Refresh(); err != nil {
			s.fail(err)
			return
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return
		}
	}
}

// settleSigner waits until all that was signed is on a majority, which must be before the voters
// change.
func (s *Server) settleSigner(ctx context.Context) error {
	if s.replica == nil {
		return nil
	}
	return s.replica.mirror.Settle(ctx)
}

// levelOf says whether a replica holds all that was signed, and all members' keys.
func (s *Server) levelOf(id journal.ReplicaID) bool {
	return s.replica == nil || s.replica.mirror.Level(string(id))
}
