package wire

import (
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"strings"
)

// Contexts of sealed texts: the info of HPKE, one per purpose, so that a text sealed for one
// cannot be opened as another.
const (
	// InfoReceipt seals receipts.
	InfoReceipt = suite + "receipt"
	// InfoBody seals the sensitive part of a message's body to a peer.
	InfoBody = suite + "body"
)

const (
	// SealedBytesMax bounds a sealed text.
	SealedBytesMax = 64 << 10
	// ReceiptTextMax bounds the text of a receipt.
	ReceiptTextMax = 4096
	// kemBytes is the encapsulated X25519 key before the ciphertext.
	kemBytes = 32
	// sealedBytesMin is an empty text: encapsulated key and tag.
	sealedBytesMin = kemBytes + 16
)

// Seal encrypts plain to an X25519 key with HPKE in base mode: DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256, ChaCha20-Poly1305 (RFC 9180). The result is the encapsulated key, 32 bytes, and
// the ciphertext. It says nothing about who sealed it, and draws from the system's random
// source, so two calls never give the same bytes.
func Seal(pub *ecdh.PublicKey, info, aad, plain []byte) ([]byte, error) {
	if len(plain) > SealedBytesMax-sealedBytesMin {
		return nil, fmt.Errorf("seal: %d bytes, more than %d",
			len(plain), SealedBytesMax-sealedBytesMin)
	}
	key, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	kem, sender, err := hpke.NewSender(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	box, err := sender.Seal(aad, plain)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append(kem, box...), nil
}

// Open decrypts what Seal wrote for the same info and aad. Every failure is the same error.
func Open(priv *ecdh.PrivateKey, info, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < sealedBytesMin || len(sealed) > SealedBytesMax {
		return nil, errNotOpened
	}
	key, err := hpke.NewDHKEMPrivateKey(priv)
	if err != nil {
		return nil, errNotOpened
	}
	recipient, err := hpke.NewRecipient(
		sealed[:kemBytes], key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
	if err != nil {
		return nil, errNotOpened
	}
	plain, err := recipient.Open(aad, sealed[kemBytes:])
	if err != nil {
		return nil, errNotOpened
	}
	return plain, nil
}

// errNotOpened tells a prober nothing about why.
var errNotOpened = errors.New("open: not sealed for this key and purpose")

// SealedReceipt is a receipt as the shop holds it. Its text is "v1", the node's DID in base64url,
// the key id and the sealed bytes in base64url, joined by dots.
type SealedReceipt struct {
	// Node is the DID of the payer's node, where the receipt is claimed.
	Node string
	// KeyID is the thumbprint of the X25519 key that it is sealed to.
	KeyID string
	// Sealed is what Seal wrote under InfoReceipt and AAD.
	Sealed []byte
}

// receiptVersion opens a receipt's text.
const receiptVersion = "v1"

// SealReceipt seals a receipt's CBOR to a node's key.
func SealReceipt(node string, pub *ecdh.PublicKey, plain []byte) (SealedReceipt, error) {
	if err := CheckDID(node); err != nil {
		return SealedReceipt{}, fmt.Errorf("receipt: %w", err)
	}
	r := SealedReceipt{Node: node, KeyID: SealingThumbprint(pub)}
	sealed, err := Seal(pub, []byte(InfoReceipt), r.AAD(), plain)
	if err != nil {
		return SealedReceipt{}, fmt.Errorf("receipt: %w", err)
	}
	r.Sealed = sealed
	if len(r.String()) > ReceiptTextMax {
		return SealedReceipt{}, fmt.Errorf("receipt: text longer than %d", ReceiptTextMax)
	}
	return r, nil
}

// Open decrypts the receipt with the key that it names.
func (r SealedReceipt) Open(priv *ecdh.PrivateKey) ([]byte, error) {
	if SealingThumbprint(priv.PublicKey()) != r.KeyID {
		return nil, errNotOpened
	}
	return Open(priv, []byte(InfoReceipt), r.AAD(), r.Sealed)
}

// AAD is the node locator, a dot and the key id: changed, the receipt does not open.
func (r SealedReceipt) AAD() []byte {
	return []byte(encode64([]byte(r.Node)) + "." + r.KeyID)
}

// String is the receipt's text.
func (r SealedReceipt) String() string {
	return receiptVersion + "." + string(r.AAD()) + "." + encode64(r.Sealed)
}

// ParseSealedReceipt reads exactly the texts that String writes for a well-formed receipt.
func ParseSealedReceipt(s string) (SealedReceipt, error) {
	if len(s) > ReceiptTextMax {
		return SealedReceipt{}, fmt.Errorf("receipt: text longer than %d", ReceiptTextMax)
	}
	parts := strings.SplitN(s, ".", 5)
	if len(parts) != 4 || parts[0] != receiptVersion {
		return SealedReceipt{}, errors.New("receipt: want v1 and three parts")
	}
	node, err := decode64(parts[1])
	if err != nil {
		return SealedReceipt{}, fmt.Errorf("receipt: locator: %w", err)
	}
	if err := CheckDID(string(node)); err != nil {
		return SealedReceipt{}, fmt.Errorf("receipt: locator: %w", err)
	}
	key, err := decode64(parts[2])
	if err != nil || len(key) != 32 {
		return SealedReceipt{}, errors.New("receipt: key id is not a thumbprint")
	}
	sealed, err := decode64(parts[3])
	if err != nil || len(sealed) < sealedBytesMin {
		return SealedReceipt{}, errors.New("receipt: sealed part is malformed")
	}
	return SealedReceipt{Node: string(node), KeyID: parts[2], Sealed: sealed}, nil
}
