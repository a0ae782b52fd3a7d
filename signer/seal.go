package signer

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"seyfert/wire"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sealing makes HPKE envelopes (RFC 9180, base mode, DHKEM(X25519), HKDF-SHA256,
// ChaCha20Poly1305). HPKE and SeededHPKE implement it, and wire.Open opens what both make. It
// is an interface because crypto/hpke takes no random source, and a simulation must have one.
type Sealing interface {
	// Seal returns the encapsulated key followed by the ciphertext. It may be called from
	// several goroutines.
	Seal(pub *ecdh.PublicKey, info, aad, plain []byte) ([]byte, error)
}

// HPKE is the production Sealing: crypto/hpke with the operating system's randomness.
type HPKE struct{}

// Seal implements Sealing.
func (HPKE) Seal(pub *ecdh.PublicKey, info, aad, plain []byte) ([]byte, error) {
	return wire.Seal(pub, info, aad, plain)
}

// SeededHPKE is the Sealing of simulations: its ephemeral keys follow from a seed and from
// everything that is sealed, so that the same call always gives the same bytes. Two equal
// texts show as equal, which is why production does not use it.
type SeededHPKE struct {
	// Seed makes one simulation's envelopes differ from another's.
	Seed [32]byte
}

// Seal implements Sealing.
func (s SeededHPKE) Seal(pub *ecdh.PublicKey, info, aad, plain []byte) ([]byte, error) {
	secret := wire.Hash("seal", s.Seed[:], pub.Bytes(), info, aad, plain)
	ephemeral, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	enc := ephemeral.PublicKey().Bytes()
	shared, err := ephemeral.ECDH(pub)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	key, nonce, err := hpkeSchedule(shared, enc, pub.Bytes(), info)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead.Seal(enc, nonce, plain, aad), nil
}

// hpkeSchedule derives the key and nonce of the first message: RFC 9180 section 4.1
// (ExtractAndExpand) and section 5.1 (KeySchedule, base mode, no pre-shared key).
func hpkeSchedule(shared, enc, pub, info []byte) (key, nonce []byte, err error) {
	const kemX25519, kdfSHA256, aeadChaCha = 0x0020, 0x0001, 0x0003
	kem := binary.BigEndian.AppendUint16([]byte("KEM"), kemX25519)
	suite := binary.BigEndian.AppendUint16([]byte("HPKE"), kemX25519)
	suite = binary.BigEndian.AppendUint16(suite, kdfSHA256)
	suite = binary.BigEndian.AppendUint16(suite, aeadChaCha)
	prk, err := labeledExtract(kem, nil, "eae_prk", shared)
	if err != nil {
		return nil, nil, err
	}
	both := append(append([]byte{}, enc...), pub...)
	kemSecret, err := labeledExpand(kem, prk, "shared_secret", both, sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	pskHash, err := labeledExtract(suite, nil, "psk_id_hash", nil)
	if err != nil {
		return nil, nil, err
	}
	infoHash, err := labeledExtract(suite, nil, "info_hash", info)
	if err != nil {
		return nil, nil, err
	}
	const modeBase = 0
	context := append(append([]byte{modeBase}, pskHash...), infoHash...)
	secret, err := labeledExtract(suite, kemSecret, "secret", nil)
	if err != nil {
		return nil, nil, err
	}
	key, err = labeledExpand(suite, secret, "key", context, chacha20poly1305.KeySize)
	if err != nil {
		return nil, nil, err
	}
	nonce, err = labeledExpand(suite, secret, "base_nonce", context, chacha20poly1305.NonceSize)
	return key, nonce, err
}

// labeledExtract and labeledExpand are the functions of the same names in RFC 9180 section 4.
func labeledExtract(suite, salt []byte, label string, secret []byte) ([]byte, error) {
	labeled := append([]byte("HPKE-v1"), suite...)
	labeled = append(append(labeled, label...), secret...)
	return hkdf.Extract(sha256.New, labeled, salt)
}

func labeledExpand(suite, prk []byte, label string, info []byte, length int) ([]byte, error) {
	labeled := binary.BigEndian.AppendUint16(nil, uint16(length))
	labeled = append(append(labeled, "HPKE-v1"...), suite...)
	labeled = append(append(labeled, label...), info...)
	return hkdf.Expand(sha256.New, prk, string(labeled), length)
}
