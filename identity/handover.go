package identity

import (
	"crypto/subtle"
	"fmt"
	"io"
	"strings"

	"seyfert/fault"
	"seyfert/wire"
)

// HandOverTriesMax bounds the wrong secrets that may be tried on one hand-over.
const HandOverTriesMax = 5

// secretText is the number of characters of a hand-over secret: 60 bits.
const secretText = 12

// HandOver is what a node keeps of the secret with which the recipient of an order confirms
// that she has it: a hash, and how often it was guessed at. The secret itself is with her alone
// until she shows it to the courier.
type HandOver struct {
	// Salt keeps the hashes of two orders apart.
	Salt [16]byte `cbor:"1,keyasint"`
	// Hash is H("identity/hand-over", order, salt, secret).
	Hash [32]byte `cbor:"2,keyasint"`
	// Tries counts the wrong secrets.
	Tries uint8 `cbor:"3,keyasint,omitempty"`
	// Done says that the right one was given.
	Done bool `cbor:"4,keyasint,omitempty"`
}

// NewHandOver draws the secret of an order. The text is for its recipient, such as
// "7K2M-9QXA-0FZ4"; it is not kept.
func NewHandOver(order [16]byte, random io.Reader) (HandOver, string, error) {
	var draw [16 + 8]byte
	if _, err := io.ReadFull(random, draw[:]); err != nil {
		return HandOver{}, "", fmt.Errorf("identity: hand-over: %w", err)
	}
	secret := crockford.EncodeToString(draw[16:])[:secretText]
	h := HandOver{Salt: [16]byte(draw[:16])}
	h.Hash = h.hash(order, secret)
	return h, inGroups(secret), nil
}

func (h HandOver) hash(order [16]byte, secret string) [32]byte {
	return wire.Hash("identity/hand-over", order[:], h.Salt[:], []byte(secret))
}

// Confirm tries a secret and returns what to keep from now on, which is to be kept also when
// there is an error: a wrong try counts. After HandOverTriesMax of them even the right secret
// is refused, and people must settle it.
func (h HandOver) Confirm(order [16]byte, text string) (HandOver, error) {
	if h.Done {
		return h, fault.New(fault.Conflict, "secret", "The hand-over was confirmed before.")
	}
	if h.Tries >= HandOverTriesMax {
		return h, fault.New(fault.TooMany, "secret",
			"The hand-over had %d wrong secrets.", HandOverTriesMax)
	}
	hash := h.hash(order, plainSecret(text))
	if subtle.ConstantTimeCompare(hash[:], h.Hash[:]) != 1 {
		h.Tries++
		return h, fault.New(fault.Refused, "secret", "The secret is wrong.")
	}
	h.Done = true
	return h, nil
}

// plainSecret takes a secret as people type it: in small letters, with or without its hyphens,
// with O for 0 and I or L for 1 (Crockford's base 32). Anything else is no secret at all.
func plainSecret(text string) string {
	if len(text) > 4*secretText {
		return ""
	}
	text = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").
		Replace(strings.ToUpper(text))
	if len(text) != secretText {
		return ""
	}
	return text
}
