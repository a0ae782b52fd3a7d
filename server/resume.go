package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/merkle"
	"seyfert/mirror"
	"seyfert/node"
	"seyfert/signer"
)

// resumingName is the file in a copy that says that its parts are on their way into the node's
// own places: from there on a resume that was interrupted is ended, not begun anew.
const resumingName = "resuming"

func (c Config) resumingFile() string { return filepath.Join(c.restoredDir(), resumingName) }

// resume makes a restored copy the node again: its state gets a journal that begins behind it,
// and the next start is an ordinary one. That is for a copy which knows everything that the node
// ever signed; protocol.md B5 says what else would have to be done before.
func (s *Server) resume(ctx context.Context, copied node.Restored, log *slog.Logger) error {
	if !exists(s.cfg.resumingFile()) {
		for _, dir := range []string{s.cfg.stateDir(), s.cfg.journalDir()} {
			if exists(dir) {
				return fmt.Errorf("resume: %s is there beside the copy: move it away", dir)
			}
		}
		if err := s.cfg.checkOwn(); err != nil {
			return err
		}
		if err := s.settle(ctx, copied, log); err != nil {
			return err
		}
	}
	for _, move := range [][2]string{
		{filepath.Join(copied.Dir, "journal"), s.cfg.journalDir()},
		{copied.StateDir(), s.cfg.stateDir()},
	} {
		if exists(move[0]) {
			if err := os.Rename(move[0], move[1]); err != nil {
				return err
			}
		}
	}
	done := copied.Dir + ".done"
	if err := errors.Join(syncDir(s.cfg.Dir), os.RemoveAll(done), os.Rename(copied.Dir, done),
		syncDir(s.cfg.Dir), os.RemoveAll(done)); err != nil {
		return err
	}
	log.Warn("a restored copy is the node again: what the node did later is in no book of it",
		slog.Uint64("entry", copied.At))
	return nil
}

// checkOwn refuses keys that were brought with what one replica has for itself: a node that is
// resumed is the only replica, with a name of its own, and has promised nobody anything.
func (c Config) checkOwn() error {
	var found []string
	for _, name := range []string{filepath.Base(c.replicaKeyFile()), mirror.TermsName} {
		if exists(filepath.Join(c.keysDir(), name)) {
			found = append(found, name)
		}
	}
	they, them := "it belongs", "it"
	switch len(found) {
	case 0:
		return nil
	case 2:
		they, them = "they belong", "both"
	}
	return fmt.Errorf("resume: %s holds %s of a replica; %s to that replica alone. Remove %s, and "+
		"start again. Nothing was changed", c.keysDir(), strings.Join(found, " and "), they, them)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// settle opens the copy, holds it against the signer journal, and makes its journal.
func (s *Server) settle(ctx context.Context, copied node.Restored, log *slog.Logger) (err error) {
	if err := s.openCopy(ctx, copied, log); err != nil {
		return err
	}
	store, state := s.store, s.state
	s.store, s.state = nil, nil
	defer func() {
		if store != nil {
			err = errors.Join(err, store.Close())
		}
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}()
	if err := checkSignedLater(s.cfg, state); err != nil {
		return err
	}
	at, err := copied.Settle(store, state)
	store = nil
	if err != nil {
		return err
	}
	log.Info("the copy is taken for the node's state", slog.Uint64("entry", copied.At),
		slog.Time("time", time.UnixMilli(at).UTC()))
	begun := filepath.Join(copied.Dir, "journal") // of an interrupted resume, if it is there
	if err := errors.Join(os.RemoveAll(begun), journal.Begin(begun, copied.At, at)); err != nil {
		return err
	}
	marker, err := os.Create(s.cfg.resumingFile())
	if err != nil {
		return err
	}
	return errors.Join(marker.Sync(), marker.Close(), syncDir(copied.Dir))
}

// checkSignedLater refuses a state that does not know everything that the node has signed. The
// signer journal must be the newest one: it is the only witness.
func checkSignedLater(cfg Config, state *node.State) error {
	keys, err := signer.Open(cfg.keysDir())
	if err != nil {
		return fmt.Errorf("resume: the node's keys and its newest signer journal are needed in %s: "+
			"%w", cfg.keysDir(), err)
	}
	defer keys.Close()
	var own core.NodeRow
	state.Read(func(v core.View) { own = v.Node() })
	if keys.DID() != own.DID || keys.Network() != own.Network {
		return fmt.Errorf("resume: the keys in %s are those of %s on %s, the copy is of %s on %s",
			cfg.keysDir(), keys.DID(), keys.Network(), own.DID, own.Network)
	}
	later, err := signedLater(keys, state)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if len(later) == 0 {
		return nil
	}
	return fmt.Errorf("resume: the node signed later than the entry that this copy stands behind, "+
		"and the copy does not know it: %s. On these books it would contradict what it has said. "+
		"Restore a newer backup, or a later entry; if there is none, RECOVERY is needed "+
		"(protocol.md B5), which this release does not do: the copy can be read",
		strings.Join(later, "; "))
}

// signedLater lists what the signer journal holds and the state does not know.
func signedLater(keys *signer.Signer, state *node.State) (later []string, err error) {
	state.Read(func(v core.View) {
		for _, peer := range keys.Peers() {
			later = append(later, messagesLater(keys, v, peer)...)
		}
		for _, id := range keys.Rows() {
			if _, known := v.ChainRow(id); !known {
				later = append(later, fmt.Sprintf("the transaction of chain row %s", id))
			}
		}
		var more []string
		more, err = checkpointLater(keys, v)
		later = append(later, more...)
	})
	return later, err
}

// messagesLater compares what was signed to a peer with what the state has for it.
func messagesLater(keys *signer.Signer, v core.View, peer string) []string {
	signed, hash := keys.LastMessage(peer)
	channel, _ := v.Channel(peer)
	if signed > channel.SendSeq {
		return []string{fmt.Sprintf("messages %d to %d to %s", channel.SendSeq+1, signed, peer)}
	}
	if row, held := v.Sent(peer, signed); !held || row.Hash != hash {
		return []string{fmt.Sprintf("another message %d to %s", signed, peer)}
	}
	return nil
}

// checkpointLater compares the newest checkpoint that was signed with the state's journal tree.
func checkpointLater(keys *signer.Signer, v core.View) ([]string, error) {
	note, err := keys.LastCheckpoint()
	if err != nil || note == "" {
		return nil, err
	}
	signed, err := merkle.OpenCheckpoint(note, core.Origin(keys.DID()), keys.Identity())
	if err != nil {
		return nil, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	// A day is closed in the journal before its checkpoint is signed.
	for _, day := range v.Days(core.PageMax) {
		if int64(day.Size) == signed.Size && day.Root == signed.Root {
			return nil, nil
		}
	}
	return []string{fmt.Sprintf("the checkpoint of %d leaves of the journal tree, of which the "+
		"copy has %d, and of a day that the copy has not closed so", signed.Size,
		v.Cursor().Leaves)}, nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// checkResume says what keeps a directory from being resumed, or from being read.
func (c Config) checkResume(found, wanted bool) error {
	switch {
	case wanted && !found:
		return fmt.Errorf("resume: there is no restored copy in %s", c.restoredDir())
	case found && !wanted && exists(c.resumingFile()):
		return fmt.Errorf("a resume of the copy in %s was interrupted: start with --resume again",
			c.restoredDir())
	}
	return nil
}
