// Package spv checks Bitcoin by itself: headers and their work, transactions and the Merkle
// branches that tie them to a header.
//
// It never touches a network, a file or a clock, holds no key, and believes no source of
// chain data: whatever a node of ours or somebody else's says about the chain passes through
// here first. It shares no code with the engines that make blocks, so that a fault in those
// does not vouch for itself. It does not run scripts and does not know the coins: what it
// shows is that work was done upon a transaction, which is what simplified payment
// verification is.
//
// Hashes are kept in wire order, the order in which SHA-256 gives their bytes; only
// HashString and ParseHash use the reversed order that people see.
package spv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
)

// Network names a Bitcoin network.
type Network string

// The networks whose rules this package knows.
const (
	// Mainnet is Bitcoin itself.
	Mainnet Network = "mainnet"
	// Signet is the public test network of BIP 325. Its blocks also carry a signature,
	// which headers do not show and which is not checked here.
	Signet Network = "signet"
	// Regtest is a private network on which anyone can make blocks: a chain on it proves
	// nothing to outsiders.
	Regtest Network = "regtest"
)

// rules are the consensus parameters of one network that headers are held to.
type rules struct {
	genesis Header
	// limitBits is the easiest target allowed, in compact form.
	limitBits uint32
	// retargets says that the target changes every RetargetBlocks blocks; without it every
	// block has limitBits.
	retargets bool
}

// genesisMerkleRoot is the same on all networks: one coinbase transaction, the one of
// 3 January 2009.
const genesisMerkleRoot = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"

// rules returns the parameters of n, or an error if n is not a network known here.
func (n Network) rules() (rules, error) {
	var r rules
	switch n {
	case Mainnet:
		r = rules{
			genesis:   Header{Time: 1231006505, Nonce: 2083236893},
			limitBits: 0x1d00ffff,
			retargets: true,
		}
	case Signet:
		r = rules{
			genesis:   Header{Time: 1598918400, Nonce: 52613770},
			limitBits: 0x1e0377ae,
			retargets: true,
		}
	case Regtest:
		r = rules{
			genesis:   Header{Time: 1296688602, Nonce: 2},
			limitBits: 0x207fffff,
		}
	default:
		return rules{}, fmt.Errorf("spv: no network %q", string(n))
	}
	root, err := ParseHash(genesisMerkleRoot)
	if err != nil {
		panic(err)
	}
	r.genesis.Version = 1
	r.genesis.MerkleRoot = root
	r.genesis.Bits = r.limitBits
	return r, nil
}

// Genesis returns the first header of the network, or an error if the network is not known.
func (n Network) Genesis() (Header, error) {
	r, err := n.rules()
	return r.genesis, err
}

// Limit returns the easiest target that a block of the network may have, for Header.CheckPoW.
func (n Network) Limit() (*big.Int, error) {
	r, err := n.rules()
	if err != nil {
		return nil, err
	}
	return Target(r.limitBits)
}

// doubleHash is SHA-256 applied twice, Bitcoin's hash of headers, transactions and branches.
func doubleHash(data []byte) [32]byte {
	once := sha256.Sum256(data)
	return sha256.Sum256(once[:])
}

// HashString writes a block hash or transaction id as people see it: hexadecimal, last byte
// first.
func HashString(hash [32]byte) string {
	slices.Reverse(hash[:])
	return hex.EncodeToString(hash[:])
}

// ParseHash reads what HashString writes: exactly 64 hexadecimal digits in lower case.
func ParseHash(text string) ([32]byte, error) {
	var hash [32]byte
	if len(text) != 2*len(hash) {
		return hash, fmt.Errorf("spv: a hash of %d characters", len(text))
	}
	if _, err := hex.Decode(hash[:], []byte(text)); err != nil {
		return [32]byte{}, fmt.Errorf("spv: a hash that is not hexadecimal")
	}
	slices.Reverse(hash[:])
	if HashString(hash) != text {
		return [32]byte{}, fmt.Errorf("spv: a hash with capital digits")
	}
	return hash, nil
}
