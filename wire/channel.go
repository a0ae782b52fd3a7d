package wire

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// networkBytes is the length of a chain's name in layouts, zeros behind it.
const networkBytes = 8

// Channel names one direction of debt between two nodes on one chain, under one pair of X25519
// keys (B7). The payer comes first, so the two directions have different keys.
type Channel struct {
	// Network is the chain: "mainnet", "testnet4", "signet" or "regtest".
	Network string
	// Payer and Payee are the nodes' DIDs.
	Payer string
	// Payee is the DID of the node that is owed.
	Payee string
	// PayerKey and PayeeKey are the nodes' X25519 public keys.
	PayerKey [32]byte
	// PayeeKey is the payee's X25519 public key.
	PayeeKey [32]byte
	// Epoch is 1 plus the X25519 changes of both nodes since the contract.
	Epoch uint32
}

// ChannelRoot is the secret of one channel; whoever holds it reads every cycle.
type ChannelRoot [32]byte

// CycleKey is the view key of one channel and due date. It opens that cycle's records and no
// other; an auditor is given it.
type CycleKey struct {
	// Due is the due date in days since 1970-01-01.
	Due uint16 `cbor:"1,keyasint"`
	// Key is kCycle of B7.
	Key [32]byte `cbor:"2,keyasint"`
}

// Validate checks that both ends and the chain can be named in a layout.
func (c Channel) Validate() error {
	if _, err := networkName(c.Network); err != nil {
		return err
	}
	if err := CheckDID(c.Payer); err != nil {
		return fmt.Errorf("channel: payer: %w", err)
	}
	if err := CheckDID(c.Payee); err != nil {
		return fmt.Errorf("channel: payee: %w", err)
	}
	if c.Payer == c.Payee || c.Epoch == 0 {
		return errors.New("channel: want two nodes and an epoch from 1")
	}
	return nil
}

// Hash is the channel's name in hashes. An invalid channel is a programmer error and panics.
func (c Channel) Hash() [32]byte {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	payer, payee := DIDHash(c.Payer), DIDHash(c.Payee)
	return Hash("channel", mustNetwork(c.Network), payer[:], payee[:],
		c.PayerKey[:], c.PayeeKey[:], u32(c.Epoch))
}

// Root derives the channel's secret from shared, the X25519 of the two static keys. All zeros,
// the mark of a low-order key, is refused.
func (c Channel) Root(shared []byte) (ChannelRoot, error) {
	if err := c.Validate(); err != nil {
		return ChannelRoot{}, err
	}
	if len(shared) != 32 || [32]byte(shared) == [32]byte{} {
		return ChannelRoot{}, errors.New("channel: shared secret is of a low-order key")
	}
	salt := c.Hash()
	root, err := hkdf.Extract(sha256.New, shared, salt[:])
	if err != nil {
		return ChannelRoot{}, fmt.Errorf("channel: %w", err)
	}
	return ChannelRoot(root), nil
}

// Cycle is the view key for a due date in days since 1970-01-01.
func (r ChannelRoot) Cycle(due uint16) CycleKey {
	return CycleKey{Due: due, Key: expand(r, "cycle", u16(due))}
}

// Hint is what a sealed payload begins with when it spends the given coin under this key.
func (k CycleKey) Hint(coin Outpoint) [4]byte {
	key := expand(k.Key, "hint", nil)
	return [4]byte(mac(key, coin[:]))
}

// Seal encrypts a record for the transaction whose input 0 spends coin. The nonce is derived
// from the text: the same record on the same coin gives the same bytes, and another record
// another nonce, so that restoring an old copy cannot repeat a key stream.
func (k CycleKey) Seal(network string, coin Outpoint, r Record) (Payload, error) {
	if r.Due != k.Due {
		return Payload{}, errors.New("record: due on another date than the key")
	}
	plain, err := r.Plain()
	if err != nil {
		return Payload{}, err
	}
	name, err := networkName(network)
	if err != nil {
		return Payload{}, err
	}
	p := Payload{Type: r.Type, Hint: k.Hint(coin)}
	aad := sealedAAD(p, name, coin)
	p.Nonce = [8]byte(mac(expand(k.Key, "nonce", nil), aad, plain))
	box, err := k.box(p.Nonce, coin, plain, aad)
	if err != nil {
		return Payload{}, err
	}
	p.Box = box
	return p, nil
}

// Open decrypts a payload found in a transaction whose input 0 spends coin. A payload of another
// channel, direction, date, coin or chain is refused, as is one that Seal would have
// written otherwise.
func (k CycleKey) Open(network string, coin Outpoint, p Payload) (Record, error) {
	if !p.Type.Sealed() {
		return Record{}, fmt.Errorf("record: type %d is not sealed", p.Type)
	}
	name, err := networkName(network)
	if err != nil {
		return Record{}, err
	}
	if p.Hint != k.Hint(coin) {
		return Record{}, errors.New("record: not of this channel and date")
	}
	aad := sealedAAD(p, name, coin)
	aead, err := k.aead(coin)
	if err != nil {
		return Record{}, err
	}
	plain, err := aead.Open(nil, wideNonce(p.Nonce), p.Box[:], aad)
	if err != nil {
		return Record{}, errors.New("record: not of this channel and date")
	}
	if p.Nonce != [8]byte(mac(expand(k.Key, "nonce", nil), aad, plain)) {
		return Record{}, fmt.Errorf("record: nonce: %w", ErrNotCanonical)
	}
	r, err := ParseRecord(p.Type, plain)
	if err != nil {
		return Record{}, err
	}
	if r.Due != k.Due {
		return Record{}, errors.New("record: due on another date than the key")
	}
	return r, nil
}

func (k CycleKey) box(nonce [8]byte, coin Outpoint, plain, aad []byte) ([65]byte, error) {
	aead, err := k.aead(coin)
	if err != nil {
		return [65]byte{}, err
	}
	return [65]byte(aead.Seal(nil, wideNonce(nonce), plain, aad)), nil
}

// aead is the cipher for one coin: its key is never used for another.
func (k CycleKey) aead(coin Outpoint) (cipher.AEAD, error) {
	key := expand(k.Key, "msg", coin[:])
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return aead, nil
}

// sealedAAD binds a sealed payload to its type, chain and coin.
func sealedAAD(p Payload, network []byte, coin Outpoint) []byte {
	aad := append(p.head(), p.Hint[:]...)
	aad = append(aad, network...)
	return append(aad, coin[:]...)
}

func wideNonce(nonce [8]byte) []byte {
	return append(nonce[:], 0, 0, 0, 0)
}

// expand is HKDF-Expand under "seyfert/v1/" and a label.
func expand(key [32]byte, label string, rest []byte) [32]byte {
	out, err := hkdf.Expand(sha256.New, key[:], suite+label+string(rest), 32)
	if err != nil {
		panic(err) // only a length out of range can fail
	}
	return [32]byte(out)
}

func mac(key [32]byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key[:])
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// networkName is a chain's name in 8 bytes.
func networkName(network string) ([]byte, error) {
	switch network {
	case "mainnet", "testnet4", "signet", "regtest":
		name := make([]byte, networkBytes)
		copy(name, network)
		return name, nil
	}
	return nil, fmt.Errorf("network %.16q is unknown", network)
}

// mustNetwork is networkName for a name that was checked before.
func mustNetwork(network string) []byte {
	name, err := networkName(network)
	if err != nil {
		panic(err)
	}
	return name
}
