package identity

import (
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"

	"seyfert/fault"
)

// The times that a check allows for, in seconds.
const (
	// BindingAgeMax is how old a key binding may be.
	BindingAgeMax = 300
	// ClockSkewMax is how far another's clock may be ahead of ours.
	ClockSkewMax = 60
	// AudienceBytesMax bounds the audience and the nonce of a key binding.
	AudienceBytesMax = 512
)

// Credential is an SD-JWT as its holder keeps it, or as she shows it with a key binding
// (section 4). One that Parse made is well formed and no more: only Verify says that it holds.
type Credential struct {
	text        string // the issuer's signed text
	signed      token
	disclosures []Disclosure
	binding     string // the key binding's text, or empty
}

// Parse reads `<signed text>~<disclosure>~...~<key binding or nothing>`.
func Parse(text string) (Credential, error) {
	if len(text) > CredentialBytesMax {
		return Credential{}, fault.New(fault.TooLarge, "credential",
			"A credential has at most %d bytes.", CredentialBytesMax)
	}
	if count := strings.Count(text, "~"); count == 0 {
		return Credential{}, unreadable("The text is not a credential.")
	} else if count > DisclosuresMax+1 {
		return Credential{}, fault.New(fault.TooLarge, "credential",
			"A credential has at most %d disclosures.", DisclosuresMax)
	}
	parts := strings.Split(text, "~")
	c := Credential{text: parts[0], binding: parts[len(parts)-1]}
	var err error
	if c.signed, err = parseToken(c.text, CredentialBytesMax); err != nil {
		return Credential{}, err
	}
	for _, part := range parts[1 : len(parts)-1] {
		d, err := ParseDisclosure(part)
		if err != nil {
			return Credential{}, err
		}
		c.disclosures = append(c.disclosures, d)
	}
	return c, nil
}

// Disclosures are the claims that the credential can show, in the order of its text.
func (c Credential) Disclosures() []Disclosure { return slices.Clone(c.disclosures) }

// shown is what a key binding covers: all before it, the last "~" included (section 4.3.1).
func (c Credential) shown() string { return join(c.text, c.disclosures) }

func join(text string, disclosures []Disclosure) string {
	var b strings.Builder
	b.WriteString(text)
	for _, d := range disclosures {
		b.WriteString("~" + d.text)
	}
	return b.String() + "~"
}

// Expected is what a verifier asks of a credential. Nothing has a default: a check that was
// forgotten refuses.
type Expected struct {
	// Typ is the typ of the signed text, TypCredential for those that we issue.
	Typ string
	// Kind is the vct; empty only for texts that have none.
	Kind string
	// Issuer is the iss, whose signing key is Key: ed25519.PublicKey or *ecdsa.PublicKey (P-256).
	Issuer string
	// Key is the issuer's key, looked up by whoever asks, never taken from the text.
	Key crypto.PublicKey
	// Audience and Nonce are what the key binding must say; with both empty there must be none.
	Audience string
	// Nonce is random and used for one presentation.
	Nonce string
	// Now is Unix seconds.
	Now int64
}

// Verified is what a credential says after every check of Verify but that of its status.
type Verified struct {
	// Kind is the vct.
	Kind string
	// Claims is the payload with what was disclosed in its place and no trace of the rest.
	Claims map[string]any
	// Disclosed are JSON pointers (RFC 6901) to what was disclosed.
	Disclosed []string
	// Holder is the key that the credential is bound to, nil if to none.
	Holder crypto.PublicKey
	// Status is where the credential's status stands, the zero value if nowhere.
	Status StatusAt
	// Expires is Unix seconds.
	Expires int64
}

// Verify checks a credential against what is expected of it (section 7): type, kind, issuer,
// signature, times, every digest and disclosure, and the key binding. Whoever accepts it also
// looks its status up.
func (c Credential) Verify(e Expected) (Verified, error) {
	if err := c.signed.verify(e.Typ, e.Key); err != nil {
		return Verified{}, err
	}
	payload := c.signed.payload
	v := Verified{}
	issuer, _ := payload["iss"].(string)
	v.Kind, _ = payload["vct"].(string)
	if e.Issuer == "" || issuer != e.Issuer || v.Kind != e.Kind {
		return Verified{}, refused("The credential is of another issuer or kind.")
	}
	var err error
	if v.Expires, err = checkTimes(payload, e.Now); err != nil {
		return Verified{}, err
	}
	claims, unfolded, err := unfold(payload, c.disclosures)
	if err != nil {
		return Verified{}, err
	}
	v.Claims, v.Disclosed = claims, unfolded.pointers
	if v.Holder, err = holder(payload); err != nil {
		return Verified{}, err
	}
	if v.Status, err = statusAt(payload); err != nil {
		return Verified{}, err
	}
	if err := c.verifyBinding(e, v.Holder); err != nil {
		return Verified{}, err
	}
	return v, nil
}

// checkTimes holds nbf and iat, which may be missing, and exp, which may not: a credential
// that lives for ever could only be revoked.
func checkTimes(payload map[string]any, now int64) (expires int64, err error) {
	expires, ok := readInteger(payload["exp"])
	if !ok {
		return 0, refused("The credential has no end.")
	}
	if now >= expires {
		return 0, refused("The credential has ended.")
	}
	for _, name := range []string{"iat", "nbf"} {
		value, there := payload[name]
		if !there {
			continue
		}
		if from, ok := readInteger(value); !ok || from > now+ClockSkewMax {
			return 0, refused("The credential does not hold yet.")
		}
	}
	return expires, nil
}

// holder reads the key that a credential is bound to (RFC 7800 section 3.2).
func holder(payload map[string]any) (crypto.PublicKey, error) {
	value, there := payload["cnf"]
	if !there {
		return nil, nil
	}
	confirmation, _ := value.(map[string]any)
	jwk, ok := confirmation["jwk"].(map[string]any)
	if !ok || len(confirmation) != 1 {
		return nil, refused("The credential's holder key can't be read.")
	}
	return ParseKey(jwk)
}

// verifyBinding checks the proof that whoever shows the credential has the holder's key now and
// means this verifier (section 7.3 step 5).
func (c Credential) verifyBinding(e Expected, holder crypto.PublicKey) error {
	if e.Audience == "" && e.Nonce == "" {
		if c.binding != "" {
			return refused("The credential has a key binding that nobody asked for.")
		}
		return nil
	}
	if e.Audience == "" || e.Nonce == "" || c.binding == "" || holder == nil {
		return refused("The credential has no key binding.")
	}
	t, err := parseToken(c.binding, CredentialBytesMax)
	if err != nil {
		return err
	}
	if err := t.verify(TypBinding, holder); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(c.shown()))
	for name, want := range map[string]string{
		"aud": e.Audience, "nonce": e.Nonce, "sd_hash": encode64(sum[:]),
	} {
		have, _ := t.payload[name].(string)
		if subtle.ConstantTimeCompare([]byte(have), []byte(want)) != 1 {
			return refused("The key binding is for another presentation.")
		}
	}
	made, ok := readInteger(t.payload["iat"])
	if !ok || made > e.Now+ClockSkewMax || made < e.Now-BindingAgeMax {
		return refused("The key binding is not of now.")
	}
	return nil
}
