package signer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"seyfert/fault"
	"seyfert/wire"
)

// keyBytes is the length of every secret: an Ed25519 seed, an X25519 scalar, a BIP 32 seed and
// an HMAC key are all 32 bytes.
const keyBytes = 32

// Keys are one node's keys. Create makes and stores them, Open reads them back; a simulation
// makes them with NewKeys. The zero value is of no use.
type Keys struct {
	did, network string
	identity     ed25519.PrivateKey
	sealing      *ecdh.PrivateKey
	anchorSeed   [keyBytes]byte
	lanes        *laneKeys
	preimage     [keyBytes]byte
	// recoveryHash is the thumbprint of the recovery key, to which descriptors commit.
	recoveryHash string
	// recoverySeed is known only to the call that made the keys: the key belongs offline.
	recoverySeed [keyBytes]byte
}

// NewKeys makes the keys of a node from random. The same bytes give the same keys.
func NewKeys(random io.Reader, did, network string) (Keys, error) {
	if err := checkNode(did, network); err != nil {
		return Keys{}, err
	}
	k := Keys{did: did, network: network}
	var identity, sealing [keyBytes]byte
	for _, secret := range []*[keyBytes]byte{
		&identity, &sealing, &k.recoverySeed, &k.anchorSeed, &k.preimage,
	} {
		if _, err := io.ReadFull(random, secret[:]); err != nil {
			return Keys{}, fmt.Errorf("make keys: %w", err)
		}
	}
	k.identity = ed25519.NewKeyFromSeed(identity[:])
	var err error
	if k.sealing, err = ecdh.X25519().NewPrivateKey(sealing[:]); err != nil {
		return Keys{}, fmt.Errorf("make keys: %w", err)
	}
	if k.lanes, err = newLaneKeys(k.anchorSeed[:], network); err != nil {
		return Keys{}, err
	}
	recovery := ed25519.NewKeyFromSeed(k.recoverySeed[:])
	k.recoveryHash = wire.Thumbprint(recovery.Public().(ed25519.PublicKey))
	return k, nil
}

// owner is what the first record of the node's signer journal says.
func (k Keys) owner() nodeOpened {
	public := k.identity.Public().(ed25519.PublicKey)
	return nodeOpened{DID: k.did, Network: k.network, KeyID: wire.Thumbprint(public)}
}

// check binds the key files to each other: a file that was damaged, or that came from another
// node, changes it. It tells nothing about the secrets.
func (k Keys) check() ([32]byte, error) {
	lane, err := k.lanes.key(0)
	if err != nil {
		return [32]byte{}, err
	}
	mac := hmac.New(sha256.New, k.preimage[:])
	mac.Write([]byte("seyfert/v1/check"))
	return wire.Hash("keys", []byte(k.did), []byte(k.network),
		k.identity.Public().(ed25519.PublicKey), k.sealing.PublicKey().Bytes(), lane.script,
		mac.Sum(nil), []byte(k.recoveryHash)), nil
}

// checkNode refuses a did or a network that no node can have.
func checkNode(did, networkName string) error {
	if err := wire.CheckDID(did); err != nil {
		return fault.New(fault.Invalid, "did", "%v", err)
	}
	_, err := network(networkName)
	return err
}
