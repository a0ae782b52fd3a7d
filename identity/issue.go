package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"seyfert/fault"
)

// DecoysMax bounds the decoys beside each list of digests.
const DecoysMax = 16

// CopiesMax bounds the copies of one batch.
const CopiesMax = 64

// Hidden marks a member of an object or an element of an array that its holder may keep to
// herself. Claims inside it may be hidden in turn.
type Hidden struct{ Value any }

// Statement is what an issuer says of a person.
type Statement struct {
	// Kind is the vct.
	Kind string
	// Issuer is the iss.
	Issuer string
	// IssuedAt and Expires are Unix seconds.
	IssuedAt int64
	// Expires is the first second at which the credential holds no more.
	Expires int64
	// Claims are of string, bool, nil, int, int64, map[string]any, []any and Hidden.
	Claims map[string]any
	// Decoys is the number of digests of nothing beside each list of digests, so that the
	// length of a list does not say how much is hidden (section 4.2.5).
	Decoys int
}

// Copy is what differs between the copies of one statement: each has a holder key and a status
// of its own, so that no two presentations can be told to be of one person.
type Copy struct {
	// Holder is a fresh key of the person.
	Holder ed25519.PublicKey
	// Status is a place that no other credential has.
	Status StatusAt
}

// Batch drafts a copy of the statement for each of copies, to be signed with the key of issuer.
// random gives fresh salts. The copies' times are rounded down to the day, so that the second
// of their issue does not tie them together.
func (s Statement) Batch(
	copies []Copy, issuer ed25519.PublicKey, random io.Reader,
) ([]Draft, error) {
	s.IssuedAt -= s.IssuedAt % day
	s.Expires -= s.Expires % day
	if err := s.validate(); err != nil {
		return nil, err
	}
	if len(copies) == 0 || len(copies) > CopiesMax {
		return nil, fault.New(fault.Invalid, "copies", "A batch has 1 to %d copies.", CopiesMax)
	}
	drafts := make([]Draft, len(copies))
	for i, c := range copies {
		for _, other := range copies[:i] {
			if other.Holder.Equal(c.Holder) || other.Status == c.Status {
				return nil, fault.New(fault.Invalid, "copies",
					"Two copies have one key or one status.")
			}
		}
		var err error
		if drafts[i], err = s.draft(c, issuer, random); err != nil {
			return nil, err
		}
	}
	return drafts, nil
}

func (s Statement) validate() error {
	switch {
	case s.Kind == "" || s.Issuer == "" || !utf8.ValidString(s.Kind+s.Issuer):
		return unreadable("The statement has no kind or no issuer.")
	case s.IssuedAt < 0 || s.Expires <= s.IssuedAt || s.Expires-s.IssuedAt > LifeMax:
		return unreadable("A credential lives from one day to %d days.", LifeMax/day)
	case s.Decoys < 0 || s.Decoys > DecoysMax:
		return unreadable("A list of digests has at most %d decoys.", DecoysMax)
	}
	for _, name := range append([]string{"iat"}, signedAlone...) {
		if _, there := s.Claims[name]; there {
			return unreadable("The claim %s is not one of the statement's own.", name)
		}
	}
	return nil
}

func (s Statement) draft(
	c Copy, issuer ed25519.PublicKey, random io.Reader,
) (Draft, error) {
	if len(c.Holder) != ed25519.PublicKeySize {
		return Draft{}, unreadable("The holder's key is not one of Ed25519.")
	}
	if err := c.Status.Validate(); err != nil {
		return Draft{}, err
	}
	f := &folding{random: random, decoys: s.Decoys}
	payload, err := f.object(s.Claims, 1)
	if err != nil {
		return Draft{}, err
	}
	if len(f.list) > DisclosuresMax || f.digests > DigestsMax {
		return Draft{}, fault.New(fault.TooLarge, "credential",
			"A credential has at most %d disclosures and %d digests.", DisclosuresMax, DigestsMax)
	}
	payload["iss"], payload["vct"] = s.Issuer, s.Kind
	payload["iat"], payload["exp"] = s.IssuedAt, s.Expires
	payload["cnf"] = map[string]any{"jwk": newJWK(c.Holder)}
	payload["status"] = c.Status.claim()
	payload[algorithmName] = hashName
	d, err := newDraft(TypCredential, issuer, payload)
	if err != nil {
		return Draft{}, err
	}
	d.after = join("", f.list)
	size := len(d.Input()) + 1 + signatureText + len(d.after)
	if size+bindingRoom > CredentialBytesMax {
		return Draft{}, fault.New(fault.TooLarge, "credential",
			"A credential has at most %d bytes.", CredentialBytesMax)
	}
	return d, nil
}

// signatureText is the length of a signature in base64url, bindingRoom what stays free in a
// credential for the key binding.
const (
	signatureText = 86
	bindingRoom   = 4 << 10
)

// folding puts digests in the places of what is hidden.
type folding struct {
	random  io.Reader
	decoys  int
	list    []Disclosure
	digests int
}

func (f *folding) value(value any, depth int) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		return f.object(value, depth+1)
	case []any:
		return f.array(value, depth+1)
	case string:
		if !utf8.ValidString(value) {
			return nil, unreadable("The claims have text that is not UTF-8.")
		}
		return value, nil
	case nil, bool, int, int64:
		return value, nil
	}
	return nil, unreadable("The claims have a value of a type that they may not have.")
}

func (f *folding) object(object map[string]any, depth int) (map[string]any, error) {
	if depth > DepthMax {
		return nil, unreadable("The claims nest deeper than %d.", DepthMax)
	}
	folded := make(map[string]any, len(object)+1)
	var digests []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if isReserved(name) || !utf8.ValidString(name) {
			return nil, unreadable("No claim may have the name %q.", name)
		}
		hidden, hide := object[name].(Hidden)
		if !hide {
			value, err := f.value(object[name], depth)
			if err != nil {
				return nil, err
			}
			folded[name] = value
			continue
		}
		digest, err := f.hide(name, false, hidden.Value, depth)
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	if len(digests) == 0 {
		return folded, nil
	}
	for range f.decoys {
		digest, err := f.decoy()
		if err != nil {
			return nil, err
		}
		digests = append(digests, digest)
	}
	slices.Sort(digests) // their order would say which claim is which
	folded[digestsName] = digests
	return folded, nil
}

func (f *folding) array(list []any, depth int) ([]any, error) {
	if depth > DepthMax {
		return nil, unreadable("The claims nest deeper than %d.", DepthMax)
	}
	folded := make([]any, len(list))
	for i, element := range list {
		hidden, hide := element.(Hidden)
		if !hide {
			value, err := f.value(element, depth)
			if err != nil {
				return nil, err
			}
			folded[i] = value
			continue
		}
		digest, err := f.hide("", true, hidden.Value, depth)
		if err != nil {
			return nil, err
		}
		folded[i] = map[string]any{elementName: digest}
	}
	return folded, nil
}

// hide makes a disclosure and returns its digest. What is inside is folded first.
func (f *folding) hide(name string, element bool, value any, depth int) (string, error) {
	inner, err := f.value(value, depth)
	if err != nil {
		return "", err
	}
	salt, err := f.salt()
	if err != nil {
		return "", err
	}
	d, err := newDisclosure(salt, name, element, inner)
	if err != nil {
		return "", err
	}
	f.list = append(f.list, d)
	f.digests++
	return d.Digest(), nil
}

func (f *folding) salt() (string, error) {
	var salt [saltBytes]byte
	if _, err := io.ReadFull(f.random, salt[:]); err != nil {
		return "", fmt.Errorf("identity: salt: %w", err)
	}
	return encode64(salt[:]), nil
}

// decoy is the digest of a salt that nobody keeps.
func (f *folding) decoy() (string, error) {
	salt, err := f.salt()
	if err != nil {
		return "", err
	}
	f.digests++
	sum := sha256.Sum256([]byte(salt))
	return encode64(sum[:]), nil
}
