package signer

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"seyfert/fault"
	"seyfert/merkle"
	"seyfert/wire"
)

// Limits of signed statements.
const (
	// OfferBytesMax bounds the payload of an offer.
	OfferBytesMax = 8 << 10
	// offerIDBytesMax is the longest id of an offer.
	offerIDBytesMax = 64
	// TreesMax is the greatest n of a journal's origin <did>/journal/<n>: n rises by one at a
	// restore (protocol.md B5.1), so a node never comes near it.
	TreesMax = 1 << 20
)

// signedOffer is the journal's record of an offer.
type signedOffer struct {
	ID   string   `cbor:"1,keyasint"`
	Hash [32]byte `cbor:"2,keyasint"`
	JWS  string   `cbor:"3,keyasint"`
}

// signedCheckpoint is the journal's record of a checkpoint.
type signedCheckpoint struct {
	Tree uint64   `cbor:"1,keyasint"`
	Size int64    `cbor:"2,keyasint"`
	Root [32]byte `cbor:"3,keyasint"`
	Note string   `cbor:"4,keyasint"`
}

// tree is everything signed about one journal tree.
type tree struct {
	sizeLast int64
	sizes    map[int64]kept
}

// SignOffer signs the JCS payload of an offer and returns the compact JWS of type
// wire.TypOffer. The offer's iss must be this node and its jti names it: the same jti with the
// same payload gives the same bytes, with another payload it is refused. Errors: invalid,
// conflict, too_large.
func (s *Signer) SignOffer(payload []byte) (string, error) {
	id, err := s.checkOffer(payload)
	if err != nil {
		return "", err
	}
	hash := wire.Hash("offer", payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return "", err
	}
	if before, ok := s.state.offers[id]; ok {
		if before.hash != hash {
			return "", fault.New(fault.Conflict, "jti", "another offer with this id was signed")
		}
		r, err := s.read(before.at)
		if err != nil {
			return "", err
		}
		if r.Offer == nil {
			return "", errKind(before.at)
		}
		return r.Offer.JWS, nil
	}
	offer := signedOffer{ID: id, Hash: hash, JWS: s.jws(wire.TypOffer, payload)}
	if err := s.write(record{Offer: &offer}); err != nil {
		return "", err
	}
	return offer.JWS, nil
}

// checkOffer returns the id of an offer of this node. What else an offer must hold is the
// payment room's rule.
func (s *Signer) checkOffer(payload []byte) (id string, err error) {
	if len(payload) > OfferBytesMax {
		return "", fault.New(fault.TooLarge, "offer", "the offer is over %d bytes", OfferBytesMax)
	}
	var members map[string]json.RawMessage
	if !wire.IsJCS(payload) || json.Unmarshal(payload, &members) != nil {
		return "", fault.New(fault.Invalid, "offer", "the offer is not a canonical JSON object")
	}
	var issuer string
	if err := json.Unmarshal(members["iss"], &issuer); err != nil || issuer != s.keys.did {
		return "", fault.New(fault.Invalid, "iss", "the offer is not of this node")
	}
	if err := json.Unmarshal(members["jti"], &id); err != nil || id == "" ||
		len(id) > offerIDBytesMax {
		return "", fault.New(fault.Invalid, "jti", "the offer's id is not a text of 1 to %d bytes",
			offerIDBytesMax)
	}
	return id, nil
}

// SignCheckpoint signs the root of the first size leaves of the journal tree origin, which is
// <did>/journal/<n>, as a C2SP signed note. A tree never shrinks, never has two roots at one
// size, and is closed once a tree with a greater n was signed; the same checkpoint again gives
// the same note. Errors: invalid, conflict.
func (s *Signer) SignCheckpoint(origin string, size int64, root [32]byte) (string, error) {
	number, err := s.treeNumber(origin)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return "", err
	}
	if before, ok := s.state.checkpoint(number, size); ok {
		if before.hash != root {
			return "", fault.New(fault.Conflict, "root",
				"another root of the first %d leaves was signed: %x", size, before.hash)
		}
		return s.readNote(before.at)
	}
	if number < s.state.treeLast {
		return "", fault.New(fault.Conflict, "origin",
			"journal %d is signed already, so %d is closed", s.state.treeLast, number)
	}
	if t := s.state.trees[number]; t != nil && size < t.sizeLast {
		return "", fault.New(fault.Conflict, "size",
			"a checkpoint of %d leaves was signed; a tree does not shrink to %d", t.sizeLast, size)
	}
	note, err := merkle.SignCheckpoint(
		merkle.Checkpoint{Origin: origin, Size: size, Root: root}, s.Identity(),
		func(text []byte) ([]byte, error) { return ed25519.Sign(s.keys.identity, text), nil })
	if err != nil {
		return "", fault.New(fault.Invalid, "checkpoint", "%v", err)
	}
	signed := signedCheckpoint{Tree: number, Size: size, Root: root, Note: note}
	if err := s.write(record{Checkpoint: &signed}); err != nil {
		return "", err
	}
	return note, nil
}

// LastCheckpoint returns the newest checkpoint signed as a note, or nothing: the first leaf of
// the tree that follows a restore (protocol.md B5.1).
func (s *Signer) LastCheckpoint() (note string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.readable(); err != nil {
		return "", err
	}
	t := s.state.trees[s.state.treeLast]
	if t == nil {
		return "", nil
	}
	return s.readNote(t.sizes[t.sizeLast].at)
}

func (s *Signer) readNote(at ref) (string, error) {
	r, err := s.read(at)
	if err == nil && r.Checkpoint == nil {
		err = errKind(at)
	}
	if err != nil {
		return "", err
	}
	return r.Checkpoint.Note, nil
}

// treeNumber reads n of an origin of this node.
func (s *Signer) treeNumber(origin string) (uint64, error) {
	digits, ok := strings.CutPrefix(origin, s.keys.did+"/journal/")
	number, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || strconv.FormatUint(number, 10) != digits || number > TreesMax {
		return 0, fault.New(fault.Invalid, "origin", "the origin is not %s/journal/n", s.keys.did)
	}
	return number, nil
}

func (st *state) checkpoint(number uint64, size int64) (kept, bool) {
	t := st.trees[number]
	if t == nil {
		return kept{}, false
	}
	k, ok := t.sizes[size]
	return k, ok
}

func (st *state) applyCheckpoint(c signedCheckpoint, at ref) {
	t := st.trees[c.Tree]
	if t == nil {
		t = &tree{sizes: map[int64]kept{}}
		st.trees[c.Tree] = t
	}
	t.sizes[c.Size] = kept{hash: c.Root, at: at}
	t.sizeLast = c.Size
	st.treeLast = c.Tree
}

// errKind says that a journal reference leads to a record of another kind.
func errKind(at ref) error {
	return fmt.Errorf("signer journal at byte %d: a record of another kind", at.offset)
}
