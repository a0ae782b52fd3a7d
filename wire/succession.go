package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// Succession is how a descriptor follows the one before it.
type Succession uint8

const (
	// Renewed is signed by the same key.
	Renewed Succession = iota + 1
	// Rotated has a new signing key that the old one endorsed.
	Rotated
	// Recovered is endorsed by the offline recovery key. It overrides whatever the node's key
	// signed; operators confirm it before money moves again (A1).
	Recovered
)

// EndorsedText is the JCS text that endorsements are over: the descriptor without them.
func (d Descriptor) EndorsedText() ([]byte, error) {
	d.Endorsements = nil
	return d.Encode()
}

// NewEndorsement makes the entry for a signature by pub over
// JWSInput(TypDescriptor, Thumbprint(pub), EndorsedText).
func NewEndorsement(pub ed25519.PublicKey, signature []byte) Endorsement {
	return Endorsement{
		KeyID: Thumbprint(pub), X: encode64(pub), Signature: encode64(signature),
	}
}

// CheckSuccession says how next follows old, both of which were parsed by ParseDescriptor. The
// serial rises by one and prevHash is old's Hash, except by recovery, which may leap over
// serials that a thief has used. Only recovery may change the recovery key.
func CheckSuccession(old, next Descriptor) (Succession, error) {
	if old.DID != next.DID {
		return 0, errors.New("descriptor: of another node")
	}
	if next.Serial <= old.Serial {
		return 0, errors.New("descriptor: serial does not rise")
	}
	recovered, err := next.endorsedBy(old.RecoveryKeyHash)
	if err != nil {
		return 0, err
	}
	if recovered {
		return Recovered, nil
	}
	before, err := old.Hash()
	if err != nil {
		return 0, err
	}
	if next.Serial != old.Serial+1 || next.PrevHash != before {
		return 0, errors.New("descriptor: does not follow the one before")
	}
	if next.RecoveryKeyHash != old.RecoveryKeyHash {
		return 0, errors.New("descriptor: recovery key changed without it")
	}
	_, oldKey, err := old.SigningKey()
	if err != nil {
		return 0, err
	}
	_, nextKey, err := next.SigningKey()
	if err != nil {
		return 0, err
	}
	if oldKey == nextKey {
		return Renewed, nil
	}
	endorsed, err := next.endorsedBy(oldKey)
	if err != nil {
		return 0, err
	}
	if !endorsed {
		return 0, errors.New("descriptor: new key not endorsed by the old one")
	}
	return Rotated, nil
}

// endorsedBy says whether the key with the given thumbprint endorsed d. A wrong signature under
// that key is an error.
func (d Descriptor) endorsedBy(keyID string) (bool, error) {
	for _, e := range d.Endorsements {
		if e.KeyID != keyID {
			continue
		}
		pub, signature, err := e.parse()
		if err != nil {
			return false, err
		}
		text, err := d.EndorsedText()
		if err != nil {
			return false, err
		}
		if !ed25519.Verify(pub, JWSInput(TypDescriptor, keyID, text), signature) {
			return false, errors.New("descriptor: endorsement is wrong")
		}
		return true, nil
	}
	return false, nil
}

func (d Descriptor) validateEndorsements() error {
	if len(d.Endorsements) > EndorsementsMax {
		return fmt.Errorf("descriptor: more than %d endorsements", EndorsementsMax)
	}
	for i, e := range d.Endorsements {
		if _, _, err := e.parse(); err != nil {
			return err
		}
		if i > 0 && d.Endorsements[i-1].KeyID >= e.KeyID {
			return errors.New("descriptor: endorsements repeated or out of order")
		}
	}
	return nil
}

func (e Endorsement) parse() (ed25519.PublicKey, []byte, error) {
	pub, err := decode64(e.X)
	if err != nil || len(pub) != ed25519.PublicKeySize || Thumbprint(pub) != e.KeyID {
		return nil, nil, errors.New("descriptor: endorsement by a malformed key")
	}
	signature, err := decode64(e.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return nil, nil, errors.New("descriptor: endorsement is malformed")
	}
	return pub, signature, nil
}
