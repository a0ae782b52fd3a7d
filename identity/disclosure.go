package identity

import (
	"crypto/sha256"

	"seyfert/wire"
)

// The names that RFC 9901 takes for itself (sections 4.1.1 and 4.2.4).
const (
	digestsName   = "_sd"
	algorithmName = "_sd_alg"
	elementName   = "..."
	// hashName is the only hash that we use and accept (section 4.1.1).
	hashName = "sha-256"
	// saltBytes is the length of a salt of ours (section 9.3 recommends 128 bits).
	saltBytes = 16
)

// Disclosure is one claim or array element that a credential hides behind a digest, with the
// salt that keeps the digest from being guessed (section 4.2).
type Disclosure struct {
	// Salt is random text.
	Salt string
	// Name is the claim's name; an array element has none.
	Name string
	// Element says that this is an element of an array.
	Element bool
	// Value is the claim's value, in which further claims may be hidden.
	Value any
	text  string
}

// ParseDisclosure reads one disclosure in base64url. The bytes are kept as they came: a digest
// is over what the issuer wrote, not over the value that it means.
func ParseDisclosure(text string) (Disclosure, error) {
	data, err := decode64(text)
	if err != nil {
		return Disclosure{}, unreadable("A disclosure is not base64url.")
	}
	value, err := readJSON(data)
	if err != nil {
		return Disclosure{}, unreadable("A disclosure can't be read.")
	}
	list, _ := value.([]any)
	d := Disclosure{Element: len(list) == 2, text: text}
	if len(list) != 2 && len(list) != 3 {
		return Disclosure{}, unreadable("A disclosure is not an array of two or three.")
	}
	var salted, named bool
	d.Salt, salted = list[0].(string)
	d.Value = list[len(list)-1]
	if !d.Element {
		d.Name, named = list[1].(string)
	}
	if !salted || d.Salt == "" || named == d.Element {
		return Disclosure{}, unreadable("A disclosure has no salt, or no name.")
	}
	if !d.Element && isReserved(d.Name) {
		return Disclosure{}, unreadable("A disclosure has the name of a digest.")
	}
	return d, nil
}

// newDisclosure writes a disclosure in canonical JSON.
func newDisclosure(salt, name string, element bool, value any) (Disclosure, error) {
	list := []any{salt, name, value}
	if element {
		list = []any{salt, value}
	}
	data, err := wire.JCS(list)
	if err != nil {
		return Disclosure{}, unreadable("The claims have a value that can't be signed.")
	}
	return Disclosure{
		Salt: salt, Name: name, Element: element, Value: value, text: encode64(data),
	}, nil
}

// Text is the disclosure as it stands in a credential.
func (d Disclosure) Text() string { return d.text }

// Digest is SHA-256 over the disclosure's text, in base64url (section 4.2.3).
func (d Disclosure) Digest() string {
	sum := sha256.Sum256([]byte(d.text))
	return encode64(sum[:])
}

// isReserved says whether no claim may have the name (section 7.1 step 3.c.ii).
func isReserved(name string) bool {
	return name == digestsName || name == elementName || name == algorithmName
}

// isDigest says whether a text can be a SHA-256 digest in base64url.
func isDigest(text string) bool {
	raw, err := decode64(text)
	return err == nil && len(raw) == sha256.Size
}
