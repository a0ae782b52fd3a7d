// Package signer holds a node's keys and decides what may be signed with them. It parses what
// it signs, writes the signer journal and waits for the disk before a signature leaves, so
// that neither a crash nor a restored database can make a node contradict itself.
//
// It never touches domain rules, the network, the clock or the node's database, and no key
// leaves it. DESIGN.md names the rules and what each failure leads to; docs/keys.md has the
// table of every key. A Signer lives in the node's process today and can move behind a socket,
// since everything goes in and out as bytes.
package signer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"seyfert/fault"
	"seyfert/wire"
)

// Config is what a Signer is made of; every field is required.
type Config struct {
	// Keys are the node's keys.
	Keys Keys
	// Journal holds the signer journal of exactly this node. With a SharedFile the signer is at
	// rest until Wake.
	Journal JournalFile
	// Names keeps the members' keys.
	Names NameStore
	// Sealing makes HPKE envelopes: HPKE, or SeededHPKE in a simulation.
	Sealing Sealing
	// Random makes members' keys and nonces; it is read by one call at a time.
	Random io.Reader
}

func (c Config) validate() error {
	if c.Keys.identity == nil || c.Journal == nil || c.Names == nil || c.Sealing == nil ||
		c.Random == nil {
		return errors.New("signer: a field of Config is not set")
	}
	return nil
}

// Signer signs for one node. It is safe for concurrent use; signatures are made one call at a
// time, each call with one fsync.
type Signer struct {
	keys         Keys
	identity     ed25519.PublicKey
	keyID        string
	sealingKey   *ecdh.PublicKey
	sealingKeyID string
	sealing      Sealing
	close        []io.Closer

	// mu guards everything below.
	mu      sync.Mutex
	closed  bool
	shared  SharedFile // nil when nobody else writes the journal
	resting bool
	journal *journal
	state   *state
	names   NameStore
	random  io.Reader
	gone    []string // members whose destruction was replayed and not yet carried out
}

// Open opens the key directory that Create made, takes its lock and replays the signer
// journal. It refuses files that others may read, a directory that another process uses, key
// files that do not belong together, and a journal of another node or with damage in it.
func Open(dir string) (*Signer, error) {
	return open(dir, func(file JournalFile, names NameStore) (JournalFile, NameStore, error) {
		return file, names, nil
	})
}

func open(
	dir string, wrap func(JournalFile, NameStore) (JournalFile, NameStore, error),
) (_ *Signer, err error) {
	keys, err := readKeys(dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	closers := []io.Closer{lock}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(closers))
		}
	}()
	file, err := OpenFile(filepath.Join(dir, journalFile))
	if err != nil {
		return nil, err
	}
	closers = append([]io.Closer{file}, closers...)
	own, err := OpenNameFiles(filepath.Join(dir, nameDir))
	if err != nil {
		return nil, err
	}
	journal, names, err := wrap(file, own)
	if err != nil {
		return nil, err
	}
	s, err := New(Config{
		Keys: keys, Journal: journal, Names: names, Sealing: HPKE{}, Random: rand.Reader,
	})
	if err != nil {
		return nil, err
	}
	s.close = closers
	return s, nil
}

// Begin makes an empty file the signer journal of a new node. It is called once in a node's
// life, by Create or by a simulation; New never begins a journal by itself, since an empty one
// may be a lost one.
func Begin(keys Keys, file JournalFile) error {
	j, err := createJournal(file)
	if err != nil {
		return err
	}
	own := keys.owner()
	payload, err := wire.Marshal([]record{{Node: &own}})
	if err != nil {
		return fmt.Errorf("signer journal: %w", err)
	}
	_, err = j.append(payload)
	return err
}

// New makes a Signer of parts that are open already and replays the journal. The caller keeps
// the parts and closes them after Close.
func New(c Config) (*Signer, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &Signer{
		keys: c.Keys, names: c.Names, sealing: c.Sealing, random: c.Random, state: newState(),
	}
	s.identity = c.Keys.identity.Public().(ed25519.PublicKey)
	s.keyID = wire.Thumbprint(s.identity)
	s.sealingKey = c.Keys.sealing.PublicKey()
	s.sealingKeyID = wire.SealingThumbprint(s.sealingKey)
	settled := int64(math.MaxInt64)
	if s.shared, s.resting = c.Journal.(SharedFile); s.resting {
		settled = s.shared.Settled()
	}
	var err error
	if s.journal, err = openJournal(c.Journal, settled, s.replay); err != nil {
		return nil, err
	}
	if err := s.checkOwner(); err != nil {
		return nil, err
	}
	if err := s.destroyGone(); err != nil {
		return nil, err
	}
	return s, nil
}

// checkOwner makes sure that the journal is this node's. One without a first record is refused:
// a node that forgot what it signed must not sign again (protocol.md B5.2).
func (s *Signer) checkOwner() error {
	own := s.keys.owner()
	switch node := s.state.node; {
	case node == nil:
		return fmt.Errorf("%w: it names no node: %s", ErrCorrupt, restoreAdvice)
	case *node != own:
		return fmt.Errorf("the signer journal belongs to %s on %s with key %s, not to these keys",
			node.DID, node.Network, node.KeyID)
	}
	return nil
}

// Close ends the Signer's use of its files and gives the lock back. Every later call that
// reads or writes them is refused.
func (s *Signer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return closeAll(s.close)
}

func closeAll(closers []io.Closer) error {
	var errs []error
	for _, c := range closers {
		if err := c.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// usable refuses calls after Close, after a failed write and at rest. The caller holds mu.
func (s *Signer) usable() error {
	if err := s.readable(); err != nil {
		return err
	}
	if s.resting {
		return ErrResting
	}
	return s.journal.failed
}

// DID returns the node's id.
func (s *Signer) DID() string { return s.keys.did }

// Network returns the name of the Bitcoin network that the node anchors on.
func (s *Signer) Network() string { return s.keys.network }

// Identity returns the public key that verifies the node's messages, descriptors, offers,
// checkpoints and HTTP signatures.
func (s *Signer) Identity() ed25519.PublicKey { return s.identity }

// KeyID returns the RFC 7638 thumbprint of Identity.
func (s *Signer) KeyID() string { return s.keyID }

// Sealing returns the public key that receipts and sealed bodies for this node are sealed to.
func (s *Signer) Sealing() *ecdh.PublicKey { return s.sealingKey }

// SealingKeyID returns the RFC 7638 thumbprint of Sealing.
func (s *Signer) SealingKeyID() string { return s.sealingKeyID }

// RecoveryHash returns the RFC 7638 thumbprint of the offline recovery key, to which the
// descriptor commits.
func (s *Signer) RecoveryHash() string { return s.keys.recoveryHash }

// Preimage returns HMAC-SHA-256 of the node's preimage secret over input, which is the channel
// followed by the JCS form of all prepare fields except the condition (protocol.md B3.1). The
// payee's node rebuilds a preimage with it and stores none.
func (s *Signer) Preimage(input []byte) [32]byte {
	mac := hmac.New(sha256.New, s.keys.preimage[:])
	mac.Write(input)
	return [32]byte(mac.Sum(nil))
}

// ChannelShared returns the X25519 secret of this node and a peer, from which a channel's root
// follows (protocol.md B7). It opens every record of every channel between the two, so it
// stays in the node. Errors: invalid for a key that is no point or of low order.
func (s *Signer) ChannelShared(peer []byte) ([]byte, error) {
	if s.locked() {
		return nil, ErrLocked
	}
	public, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return nil, fault.New(fault.Invalid, "peer", "the peer's key is not an X25519 key")
	}
	// ECDH refuses the all-zero result that low-order points give (RFC 7748 section 6.1).
	shared, err := s.keys.sealing.ECDH(public)
	if err != nil {
		return nil, fault.New(fault.Invalid, "peer", "the peer's key is of low order")
	}
	return shared, nil
}
