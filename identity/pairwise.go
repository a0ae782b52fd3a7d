package identity

import (
	"errors"
)

// PairwiseKey is a node's secret from which all its pairwise ids come. It never changes: with
// another key every member would be a stranger to every company.
type PairwiseKey struct{ key [32]byte }

// NewPairwiseKey takes 32 random bytes. Zeros are refused, as what a forgotten key looks like.
func NewPairwiseKey(secret []byte) (PairwiseKey, error) {
	if len(secret) != 32 || [32]byte(secret) == [32]byte{} {
		return PairwiseKey{}, errors.New("identity: a pairwise key has 32 random bytes")
	}
	return PairwiseKey{key: [32]byte(secret)}, nil
}

// PairwiseID is how one company knows one member. The same member has another at every other
// company, and nobody without the node's key can tell that two of them are hers (the pairwise
// subject of OpenID Connect Core section 8.1). Companies of one node never share a sector.
type PairwiseID [32]byte

// PairwiseID derives the id of a member at a company: HMAC-SHA256 over both ids. It panics with
// a key that NewPairwiseKey did not make.
func (k PairwiseKey) PairwiseID(company, member [16]byte) PairwiseID {
	if k.key == [32]byte{} {
		panic("identity: pairwise id without a key")
	}
	return mac(&k.key, "pairwise", company[:], member[:])
}

// ParsePairwiseID reads what String writes.
func ParsePairwiseID(text string) (PairwiseID, error) {
	raw, err := decode64(text)
	if err != nil || len(raw) != len(PairwiseID{}) {
		return PairwiseID{}, errors.New("identity: not a pairwise id")
	}
	return PairwiseID(raw), nil
}

// String is the id in 43 characters of base64url.
func (id PairwiseID) String() string { return encode64(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id PairwiseID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as strictly as ParsePairwiseID.
func (id *PairwiseID) UnmarshalText(text []byte) error {
	parsed, err := ParsePairwiseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
