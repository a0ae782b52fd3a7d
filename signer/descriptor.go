package signer

import (
	"bytes"
	"encoding/hex"

	"seyfert/fault"
	"seyfert/wire"
)

// signedDescriptor is the journal's record of a descriptor. Lanes are the first coins that it
// publishes, by lane number.
type signedDescriptor struct {
	Serial uint32          `cbor:"1,keyasint"`
	Hash   [32]byte        `cbor:"2,keyasint"`
	Lanes  []wire.Outpoint `cbor:"3,keyasint"`
	JWS    string          `cbor:"4,keyasint"`
}

// SignDescriptor signs the JCS payload of the node's descriptor and returns the compact JWS.
// The descriptor must name this node, its keys, its recovery key, its network and its lane
// scripts. There is one per serial: the first has serial 0, each next one follows the last by
// serial and prevHash, and no lane that was published changes its first coin. The same payload
// again gives the same bytes. Errors: invalid, conflict.
func (s *Signer) SignDescriptor(payload []byte) (string, error) {
	d, err := wire.ParseDescriptorPayload(payload)
	if err != nil {
		return "", fault.New(fault.Invalid, "descriptor", "%v", err)
	}
	if err := s.checkDescriptor(d); err != nil {
		return "", err
	}
	hash := wire.DescriptorHash(wire.DIDHash(d.DID), d.Serial, payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return "", err
	}
	if before, ok := s.state.documents[d.Serial]; ok {
		return s.repeatDescriptor(before, hash)
	}
	lanes, err := s.checkSuccession(d)
	if err != nil {
		return "", err
	}
	signed := signedDescriptor{
		Serial: d.Serial, Hash: hash, Lanes: lanes, JWS: s.jws(wire.TypDescriptor, payload),
	}
	if err := s.write(record{Descriptor: &signed}); err != nil {
		return "", err
	}
	return signed.JWS, nil
}

// LastDescriptor returns the newest descriptor that was signed as a compact JWS, or nothing.
func (s *Signer) LastDescriptor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.latest == nil {
		return ""
	}
	return s.state.latest.JWS
}

// repeatDescriptor answers for a serial that is taken. The caller holds mu.
func (s *Signer) repeatDescriptor(before kept, hash [32]byte) (string, error) {
	if before.hash != hash {
		return "", fault.New(fault.Conflict, "serial",
			"another descriptor with this serial was signed: %x", before.hash)
	}
	r, err := s.read(before.at)
	if err != nil {
		return "", err
	}
	if r.Descriptor == nil {
		return "", errKind(before.at)
	}
	return r.Descriptor.JWS, nil
}

// checkDescriptor compares a descriptor with the node's keys.
func (s *Signer) checkDescriptor(d wire.Descriptor) error {
	if d.DID != s.keys.did {
		return fault.New(fault.Invalid, "did", "the descriptor is of another node")
	}
	if _, id, err := d.SigningKey(); err != nil || id != s.keyID {
		return fault.New(fault.Invalid, "keys", "the current signing key is not this node's")
	}
	if _, id, err := d.SealingKey(); err != nil || id != s.sealingKeyID {
		return fault.New(fault.Invalid, "keys", "the current sealing key is not this node's")
	}
	if d.RecoveryKeyHash != s.keys.recoveryHash {
		return fault.New(fault.Invalid, "recoveryKeyHash", "it names another recovery key")
	}
	if d.Chain.Network != s.keys.network {
		return fault.New(fault.Invalid, "chain.network", "the node anchors on %s", s.keys.network)
	}
	for n, l := range d.Chain.Lanes {
		script, err := hex.DecodeString(l.Script)
		if err != nil || !bytes.Equal(script, s.LaneScript(n)) {
			return fault.New(fault.Invalid, "chain.lanes", "lane %d has a foreign script", n)
		}
	}
	return nil
}

// checkSuccession makes sure that a new descriptor follows the last, and returns the first
// coins of its lanes. The caller holds mu.
func (s *Signer) checkSuccession(d wire.Descriptor) ([]wire.Outpoint, error) {
	last := s.state.latest
	switch {
	case last == nil && d.Serial != 0:
		return nil, fault.New(fault.Conflict, "serial", "the first descriptor has serial 0")
	case last != nil && d.Serial != last.Serial+1:
		return nil, fault.New(fault.Conflict, "serial",
			"serial %d does not follow %d", d.Serial, last.Serial)
	case last != nil && d.PrevHash != last.Hash:
		return nil, fault.New(fault.Conflict, "prevHash",
			"prevHash is not the last descriptor's %x", last.Hash)
	}
	lanes := []wire.Outpoint{}
	for n, published := range d.Chain.Lanes {
		known := s.state.lanes[n]
		if known != nil && known.first.Outpoint != published.Coin {
			return nil, fault.New(fault.Conflict, "chain.lanes",
				"lane %d begins with coin %s", n, known.first.Outpoint)
		}
		if last != nil && n < len(last.Lanes) && last.Lanes[n] != published.Coin {
			return nil, fault.New(fault.Conflict, "chain.lanes",
				"lane %d was published with coin %s", n, last.Lanes[n])
		}
		lanes = append(lanes, published.Coin)
	}
	return lanes, nil
}
