package server

import (
	"fmt"

	"seyfert/core"
	"seyfert/merkle"
	"seyfert/node"
	"seyfert/signer"
)

// checkMemory holds the state that the journal led to against the signer's own journal. What is
// signed was in the journal before, so a journal that does not hold it has lost its end: it is
// an older copy, or a disk dropped what was answered. A node on such a journal would deny money
// that it acknowledged, and its peers' books would contradict its own.
func checkMemory(state *node.State, s *signer.Signer) error {
	lost := func(what string) error {
		return fmt.Errorf("the journal is older than the signer journal: it does not hold %s, "+
			"which was signed: put back the newest copy of the journal, and if there is none keep "+
			"the node stopped", what)
	}
	for _, peer := range s.Peers() {
		seq, hash := s.LastMessage(peer)
		var row core.MessageRow
		var held bool
		state.Read(func(v core.View) { row, held = v.Sent(peer, seq) })
		if !held || row.Hash != hash {
			return lost(fmt.Sprintf("message %d to %s", seq, peer))
		}
	}
	note, err := s.LastCheckpoint()
	if err != nil || note == "" {
		return err
	}
	signed, err := merkle.OpenCheckpoint(note, core.Origin(s.DID()), s.Identity())
	if err != nil {
		return fmt.Errorf("read the newest checkpoint: %w", err)
	}
	leaves := int64(0)
	state.Read(func(v core.View) { leaves = v.Cursor().Leaves })
	if leaves < signed.Size {
		return lost(fmt.Sprintf("the checkpoint of %d leaves", signed.Size))
	}
	return nil
}
