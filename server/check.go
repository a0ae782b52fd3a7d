package server

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"seyfert/core"
	"seyfert/merkle"
	"seyfert/node"
)

// scratchDir is where a check replays the journal. It is on the disk of the state, which must
// have room for another one.
func (c Config) scratchDir() string { return filepath.Join(c.Dir, "check.scratch") }

// check holds the open state against the journal, and the journal tree against the newest
// checkpoint that was signed, and tells what it compared.
func (s *Server) check(ctx context.Context, told func(step string), log *slog.Logger) error {
	s.suspect.Store(true) // until it has passed: a cut would drop an older one, which may be sound
	checked, err := node.Check{
		State: s.state, Store: s.store, Journal: s.journal, Scratch: s.cfg.scratchDir(),
		Told: told, Log: log,
	}.Run(ctx)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	signed, err := s.checkSigned()
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	s.suspect.Store(false)
	told("passed: " + checked.String() + signed)
	return nil
}

// checkSigned compares the root of the journal tree with the newest checkpoint that the signer's
// own journal has, which nobody who changes the state can change.
func (s *Server) checkSigned() (words string, err error) {
	note, err := s.signer.LastCheckpoint()
	if err != nil || note == "" {
		return "; no checkpoint of the tree was signed yet", err
	}
	signed, err := merkle.OpenCheckpoint(note, core.Origin(s.signer.DID()), s.signer.Identity())
	if err != nil {
		return "", fmt.Errorf("read the newest checkpoint: %w", err)
	}
	leaves := int64(0)
	s.state.Read(func(v core.View) { leaves = v.Cursor().Leaves })
	if s.replica != nil && signed.Size > leaves {
		return "; this replica has not yet seen all of the newest signed checkpoint", nil
	}
	var root merkle.Hash
	s.state.Read(func(v core.View) { root, err = v.Root(signed.Size) })
	if err != nil {
		return "", err
	}
	if root != signed.Root {
		return "", fmt.Errorf("the journal tree of %d leaves has the root %x, the signed "+
			"checkpoint says %x: journal and state were changed together; keep the node stopped "+
			"and restore a backup", signed.Size, root, signed.Root)
	}
	return fmt.Sprintf("; the signed checkpoint of %d leaves has the same root", signed.Size), nil
}
