package signer

import (
	"fmt"

	"seyfert/fault"
	"seyfert/wire"
)

// ErrLocked is what a locked signer answers to whatever needs a key or the signer journal.
var ErrLocked error = fault.New(fault.Unavailable, "",
	"this node is a restored copy without keys; it signs nothing").Because(fault.ReadOnly)

// Locked returns a signer without keys and without a journal, for a node that is only read. It
// says who the node is, by the node's own descriptor, and answers ErrLocked to the rest.
func Locked(d wire.Descriptor) (*Signer, error) {
	identity, keyID, err := d.SigningKey()
	if err != nil {
		return nil, fmt.Errorf("the node's descriptor: %w", err)
	}
	sealing, sealingKeyID, err := d.SealingKey()
	if err != nil {
		return nil, fmt.Errorf("the node's descriptor: %w", err)
	}
	return &Signer{
		keys: Keys{
			did: d.DID, network: d.Chain.Network, recoveryHash: d.RecoveryKeyHash,
		},
		identity: identity, keyID: keyID, sealingKey: sealing, sealingKeyID: sealingKeyID,
		sealing: HPKE{}, state: newState(), journal: &journal{failed: ErrLocked},
	}, nil
}

// locked says whether there are no keys.
func (s *Signer) locked() bool { return s.keys.identity == nil }
