package signer

import (
	"errors"
	"fmt"

	"seyfert/fault"
)

// ErrResting is what a signer at rest answers to whatever would sign or write, and what a
// SharedFile answers to Append when it is not known whether the bytes will stay. Nothing was
// promised; the replica that signs answers the same request.
var ErrResting error = fault.New(fault.Unavailable, "",
	"this replica does not sign at the moment; send the same request again")

// refreshBytes is about how much of the journal is replayed before others may use the signer.
const refreshBytes = 4 << 20

// SharedFile is a signer journal that a node's replicas hold together, and that others write
// while this one's signer rests.
type SharedFile interface {
	JournalFile
	// Settled returns up to which byte the journal stays as it is for ever. It never shrinks;
	// what follows may still be cut.
	Settled() int64
}

// OpenWith is Open for a replica of several: wrap gets the files of the key directory and
// returns what the signer shall use instead. The signer is at rest. Of the journal it knows what
// is settled: what follows may carry signatures that never leave.
func OpenWith(
	dir string, wrap func(JournalFile, NameStore) (SharedFile, NameStore, error),
) (*Signer, error) {
	return open(dir, func(file JournalFile, names NameStore) (JournalFile, NameStore, error) {
		return wrap(file, names)
	})
}

// Rest makes the signer refuse what would sign or write with ErrResting, until Wake. It waits
// for a call under way. Sealed texts can still be opened, HTTP signatures, which promise nothing,
// still be made, and what was signed and is settled still be read.
func (s *Signer) Rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = s.shared != nil
}

// Awake says whether the signer signs. It does not at rest, nor since an Append whose bytes may
// not stay, until the next Wake.
func (s *Signer) Awake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable() == nil
}

// Wake ends the rest on the replica that leads: it replays what others signed meanwhile. It
// fails with ErrResting when the journal ends in something that is not settled. An earlier
// Append's ErrResting is forgiven, since the journal says now what became of it. A signer that is
// not at rest stays as it is.
func (s *Signer) Wake() error {
	if err := s.Refresh(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared == nil {
		return s.readable()
	}
	size, err := s.shared.Size()
	if err != nil {
		return fmt.Errorf("signer journal size: %w", err)
	}
	if err := s.readable(); err != nil {
		return err
	}
	if size != s.journal.size {
		return ErrResting
	}
	s.journal.failed = nil
	s.resting = false
	return nil
}

// Refresh learns what others signed and destroyed meanwhile, as far as it is settled. A replica
// that does not lead calls it when the journal has grown. An error other than one of Close says
// that the journal cannot be read or contradicts itself; the owner stops the node.
func (s *Signer) Refresh() error {
	for {
		more, err := s.refresh()
		if err != nil || !more {
			return err
		}
	}
}

// refresh replays one part of what is new.
func (s *Signer) refresh() (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.readable(); err != nil || s.shared == nil {
		return false, err
	}
	settled := s.shared.Settled()
	if !s.resting && s.journal.failed == nil {
		return false, nil // all that is settled was signed here
	}
	if err := s.journal.follow(settled, refreshBytes, s.replay); err != nil {
		return false, err
	}
	if err := s.destroyGone(); err != nil {
		return false, err
	}
	return s.journal.size < settled, nil
}

// destroyGone destroys the keys of the members whose destruction was replayed. The caller holds
// mu.
func (s *Signer) destroyGone() error {
	for ; len(s.gone) > 0; s.gone = s.gone[1:] {
		if err := s.names.Destroy(s.gone[0]); err != nil {
			return fmt.Errorf("destroy member key: %w", err)
		}
	}
	return nil
}

// readable refuses calls after Close and after a failure. The caller holds mu.
func (s *Signer) readable() error {
	if s.closed {
		return fault.New(fault.Unavailable, "", "the signer is closed")
	}
	if errors.Is(s.journal.failed, ErrResting) {
		return nil
	}
	return s.journal.failed
}
