package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"seyfert/api"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/node"
	"seyfert/signer"
	"seyfert/wire"
)

// Restore says which backup is restored.
type Restore struct {
	// From is the backup's directory.
	From string
	// At is the journal entry that the copy stands behind; 0 is the backup's last one.
	At uint64
}

// restoredDir holds an unpacked backup. While it is there, and not resumed, the node is a copy
// that is only read.
func (c Config) restoredDir() string { return filepath.Join(c.Dir, "restored") }

// unpack copies a backup into the node's directory, which must not hold a node's books yet.
func (s *Server) unpack(ctx context.Context, r Restore) error {
	for _, dir := range []string{s.cfg.stateDir(), s.cfg.journalDir(), s.cfg.restoredDir()} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s is there: a backup is restored into a new "+
				"directory; name one as \"dir\" in the configuration", dir), err)
		}
	}
	b, err := node.ReadBackup(r.From)
	if err != nil {
		return err
	}
	if b.Node != s.cfg.DID || b.Network != s.cfg.Network {
		return fmt.Errorf("the backup is of %s on %s, the configuration names %s on %s",
			b.Node, b.Network, s.cfg.DID, s.cfg.Network)
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	return b.Unpack(ctx, r.From, s.cfg.restoredDir(), r.At)
}

// restored unpacks a backup if that is asked for, and finds the copy that is to be read. It is
// nil if the directory holds a node of its own, also one that a copy was made just now.
func (s *Server) restored(ctx context.Context, parts Parts, log *slog.Logger) (
	*node.Restored, error,
) {
	if parts.Restore != nil {
		if err := s.unpack(ctx, *parts.Restore); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	copied, found, err := node.FindRestored(s.cfg.restoredDir())
	if err == nil {
		err = s.cfg.checkResume(found, parts.Resume)
	}
	if err != nil || !found {
		return nil, err
	}
	if parts.Resume {
		return nil, s.resume(ctx, copied, log)
	}
	return &copied, nil
}

// serveCopy serves a restored copy: it answers what is read and refuses the rest. It has no
// keys, no journal, no workers, and reaches nobody.
func (s *Server) serveCopy(ctx context.Context, copied node.Restored, parts Parts,
	log *slog.Logger,
) (err error) {
	s.copied = true
	if err := s.openCopy(ctx, copied, log); err != nil {
		return err
	}
	var own core.NodeRow
	s.state.Read(func(v core.View) { own = v.Node() })
	descriptor, _, err := wire.ParseDescriptor(own.Descriptor)
	if err != nil {
		return fmt.Errorf("the copy at entry %d: %w", copied.At, err)
	}
	if s.signer, err = signer.Locked(descriptor); err != nil {
		return err
	}
	s.node, err = node.New(node.Config{
		State: s.state, Journal: copied.Journal(), Signer: s.signer,
		Chain: away{network: s.cfg.Network}, Transport: away{}, Now: parts.Now,
		Random: rand.Reader, Live: s.cfg.Network == networkMainnet, Log: log,
	})
	if err != nil {
		return err
	}
	handler, err := s.handler(parts, log)
	if err != nil {
		return err
	}
	log.Warn("this is a restored copy: it can be read and changes nothing",
		slog.Uint64("entry", copied.At), slog.Uint64("backup_ends_at", copied.Backup.Index),
		slog.Time("time", copied.Backup.Time))
	return s.listen(parts, refuseOthers(handler), log)
}

// Copy says whether this is a restored copy, which is only read, and after which journal entry
// it stands.
func (s *Server) Copy() (entry uint64, ok bool) {
	if !s.copied {
		return 0, false
	}
	return s.state.Applied(), true
}

// openCopy locks the copy and opens its state.
func (s *Server) openCopy(ctx context.Context, copied node.Restored, log *slog.Logger) error {
	lock, err := os.OpenFile(filepath.Join(copied.Dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another process serves %s: %w", copied.Dir, err)
	}
	if s.store, s.state, err = copied.Open(ctx, log); err != nil {
		return fmt.Errorf("open the restored copy: %w", err)
	}
	return nil
}

// errCopy is what a copy answers when it would have to reach someone.
func errCopy() *fault.Error {
	return fault.New(fault.Unavailable, "", "This node is a restored copy: it takes part in "+
		"nothing.").
		Because(fault.ReadOnly)
}

// refuseOthers answers peers and the bank, whose endpoints a copy does not have, so that they
// try again when the node itself is back.
func refuseOthers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/snp/") || strings.HasPrefix(r.URL.Path, "/rail/") {
			api.WriteFault(w, errCopy())
			return
		}
		next.ServeHTTP(w, r)
	})
}
