package auth

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"seyfert/wire"
)

const (
	// recoverySize is the random part of a recovery code in bytes.
	recoverySize = 15
	// recoveryGroup is how many characters of a code stand together.
	recoveryGroup = 4
	// RecoveryTextMax bounds what is looked at as a recovery code, in bytes.
	RecoveryTextMax = 64
)

// recoveryLetters are Crockford's: none is easily taken for another when read from paper.
var recoveryLetters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").
	WithPadding(base32.NoPadding)

// NewRecovery makes a recovery code of 120 random bits, such as "k3f9-…", in 6 groups of 4, and
// the hash under which it is stored.
func NewRecovery(random io.Reader) (Secret, [32]byte, error) {
	var raw [recoverySize]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", [32]byte{}, fmt.Errorf("random for a recovery code: %w", err)
	}
	text := recoveryLetters.EncodeToString(raw[:])
	var groups []string
	for rest := text; rest != ""; rest = rest[recoveryGroup:] {
		groups = append(groups, rest[:recoveryGroup])
	}
	return Secret(strings.Join(groups, "-")), wire.Hash("recovery code", []byte(text)), nil
}

// HashRecovery returns the hash of a code as a person types it: capitals, spaces and hyphens do not
// matter, o is 0, and i and l are 1.
func HashRecovery(text string) ([32]byte, error) {
	if len(text) > RecoveryTextMax {
		return [32]byte{}, refusal()
	}
	plain := strings.NewReplacer(" ", "", "-", "", "o", "0", "i", "1", "l", "1").
		Replace(strings.ToLower(text))
	raw, err := recoveryLetters.DecodeString(plain)
	if err != nil || len(raw) != recoverySize || strings.ContainsAny(plain, "\r\n") {
		return [32]byte{}, refusal()
	}
	return wire.Hash("recovery code", []byte(plain)), nil
}
