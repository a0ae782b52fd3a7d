// Package auth says who is calling: API keys, session tokens, where a request carries them,
// and how often a caller may try.
//
// It makes and hashes credentials but keeps none: what a hash belongs to, whether it lives and
// what it may do are rows of the node. It never touches payment rules, and it takes time and
// randomness from its caller.
package auth

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"seyfert/fault"
	"seyfert/wire"
)

// The texts that API keys begin with; what follows is 43 characters of base64url.
const (
	// KeyTest opens a key that moves test money only.
	KeyTest = "sk_test_"
	// KeyLive opens a key that moves real money.
	KeyLive = "sk_live_"
)

const (
	// secretSize is the random part of each credential in bytes. At 256 bits a plain hash is
	// enough to store: there is nothing to guess, so nothing to slow down.
	secretSize = 32
	// secretLength is secretSize in base64url characters.
	secretLength = 43
	// TokenMax is the longest credential in bytes that is looked at.
	TokenMax = 128
	// PrefixMax is the longest prefix of a token in bytes.
	PrefixMax = 16
)

// redacted stands wherever a Secret would have been printed.
const redacted = "[secret]"

// Secret is a credential in clear. Printing, logging and marshalling it yield "[secret]"; the
// one place that shows it to its owner says so by converting: string(s).
type Secret string

// String implements fmt.Stringer and never shows the secret.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter, so that no verb shows the secret.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer and never shows the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler and never shows the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// NewKey makes an API key from 32 bytes of random and the hash under which the node stores it.
// The error is random's own.
func NewKey(random io.Reader, live bool) (Secret, [32]byte, error) {
	opening := KeyTest
	if live {
		opening = KeyLive
	}
	return newSecret(random, opening, "api-key")
}

// HashKey returns the hash under which the key of a request is stored. Anything but a text
// that NewKey could have made is fault.Unauthenticated.
func HashKey(text string) ([32]byte, error) {
	for _, opening := range []string{KeyTest, KeyLive} {
		if isSecret(text, opening) {
			return wire.Hash("api-key", []byte(text)), nil
		}
	}
	return [32]byte{}, refusal()
}

// NewToken makes a session token or one-time code, such as "mst_..." or "code_...", from 32
// bytes of random, and the hash under which it is stored. A prefix is 1 to PrefixMax
// lower-case letters; another one is a programmer error and panics.
func NewToken(random io.Reader, prefix string) (Secret, [32]byte, error) {
	checkPrefix(prefix)
	return newSecret(random, prefix+"_", "token")
}

// HashToken returns the hash under which a token with this prefix is stored. Anything but a
// text that NewToken could have made with it is fault.Unauthenticated; a code is so never
// taken for a session.
func HashToken(prefix, text string) ([32]byte, error) {
	checkPrefix(prefix)
	if !isSecret(text, prefix+"_") {
		return [32]byte{}, refusal()
	}
	return wire.Hash("token", []byte(text)), nil
}

// newSecret makes a credential and its hash.
func newSecret(random io.Reader, opening, tag string) (Secret, [32]byte, error) {
	var raw [secretSize]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", [32]byte{}, fmt.Errorf("random for a credential: %w", err)
	}
	text := opening + base64.RawURLEncoding.EncodeToString(raw[:])
	return Secret(text), wire.Hash(tag, []byte(text)), nil
}

// lastCharacters are those in which 32 bytes of base64url may end: the last two of its six bits are
// zeros.
const lastCharacters = "AEIMQUYcgkosw048"

// isSecret says whether a text is an opening and then the one base64url form of 32 bytes.
func isSecret(text, opening string) bool {
	if len(text) != len(opening)+secretLength || !strings.HasPrefix(text, opening) {
		return false
	}
	body := text[len(opening):]
	return isToken(body) && strings.IndexByte(lastCharacters, body[secretLength-1]) >= 0
}

// checkPrefix panics at a prefix that the program may not use.
func checkPrefix(prefix string) {
	fits := 1 <= len(prefix) && len(prefix) <= PrefixMax
	for i := range len(prefix) {
		fits = fits && 'a' <= prefix[i] && prefix[i] <= 'z'
	}
	if !fits {
		panic("auth: bad token prefix " + prefix)
	}
}

// refusal is the one answer to a malformed, unknown or ended credential, so that none of them
// can be told from the others.
func refusal() error {
	return fault.New(fault.Unauthenticated, "", "No valid credential came with the request.")
}
