package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"strings"
	"unicode/utf8"

	"seyfert/fault"
)

// ClaimsMax bounds the claims that one presentation asks for.
const ClaimsMax = 32

// Present keeps the disclosures that the given claims need and drops all others. A claim is a
// JSON pointer, such as "/address/region" or "/nationalities/0", where elements count as the
// issuer wrote them: everything hidden at or below it is shown, and above it only what it cannot
// be shown without. A claim that stands open in the signed text needs no disclosure. A claim that
// the credential does not have is refused, since whoever asked would wait for it in vain.
func (c Credential) Present(claims []string) (Credential, error) {
	if len(claims) > ClaimsMax {
		return Credential{}, fault.New(fault.TooLarge, "claims",
			"A presentation asks for at most %d claims.", ClaimsMax)
	}
	open, u, err := unfold(c.signed.payload, c.disclosures)
	if err != nil {
		return Credential{}, err
	}
	keep := make([]bool, len(c.disclosures))
	for _, claim := range claims {
		found := has(open, claim)
		for i, pointer := range u.pointers {
			if pointer == claim || strings.HasPrefix(pointer, claim+"/") {
				keep[i], found = true, true
			}
		}
		for i, pointer := range u.pointers { // what the claim, hidden or open, stands in
			keep[i] = keep[i] || strings.HasPrefix(claim, pointer+"/")
		}
		if claim == "" || !found {
			return Credential{}, fault.New(fault.NotFound, "claims",
				"The credential has no such claim.")
		}
	}
	shown := Credential{text: c.text, signed: c.signed}
	for i, d := range c.disclosures {
		if keep[i] {
			shown.disclosures = append(shown.disclosures, d)
		}
	}
	return shown, nil
}

// has says whether a pointer leads somewhere through objects alone. Elements of arrays are
// found by their disclosures: others are shown with the array that they stand in.
func has(open any, pointer string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, ok := open.(map[string]any)
		if !ok {
			return false
		}
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if open, ok = object[name]; !ok {
			return false
		}
	}
	return strings.HasPrefix(pointer, "/")
}

// Text is the credential as one line, to be kept by its holder. A presentation is what Bind
// drafts from it.
func (c Credential) Text() string { return c.shown() + c.binding }

// Bind drafts the key binding of a presentation: the holder says with her key that she shows
// exactly this to audience now, in answer to nonce (section 4.3). The sealed draft is the whole
// presentation.
func (c Credential) Bind(
	holderKey ed25519.PublicKey, audience, nonce string, now int64,
) (Draft, error) {
	if audience == "" || nonce == "" || !utf8.ValidString(audience+nonce) ||
		len(audience) > AudienceBytesMax || len(nonce) > AudienceBytesMax {
		return Draft{}, fault.New(fault.Invalid, "audience",
			"Audience and nonce have 1 to %d bytes.", AudienceBytesMax)
	}
	key, err := holder(c.signed.payload)
	if err != nil {
		return Draft{}, err
	}
	if bound, ok := key.(ed25519.PublicKey); !ok || !slices.Equal(bound, holderKey) {
		return Draft{}, fault.New(fault.Refused, "credential",
			"The credential is bound to another key.")
	}
	shown := c.shown()
	sum := sha256.Sum256([]byte(shown))
	d, err := newDraft(TypBinding, holderKey, map[string]any{
		"aud": audience, "iat": now, "nonce": nonce, "sd_hash": encode64(sum[:]),
	})
	d.before = shown
	return d, err
}
