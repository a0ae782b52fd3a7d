package identity

import (
	"slices"
	"strings"

	"seyfert/fault"
	"seyfert/wire"
)

// The kinds of credentials that nodes issue: their vct (SD-JWT VC draft 24 section 2.2.2.1).
const (
	// KindRealName is what a node's operator verified of a person.
	KindRealName = "urn:seyfert:real-name:1"
	// KindSocial is that a person signed in at a provider of OpenID Connect.
	KindSocial = "urn:seyfert:social:1"
	// KindHistory is a node's statement over settled trades, in bands, never in values.
	KindHistory = "urn:seyfert:history:1"
)

// Limits of a policy.
const (
	// WantsMax bounds the claims that a company may ask for.
	WantsMax = 16
	// PurposeBytesMax bounds the text that says why.
	PurposeBytesMax = 300
)

// claimsOf are the claims that a company may ask for at all. What identifies a person at every
// company alike, such as the Korean CI and DI or a subject at a provider, is not among them.
func claimsOf(kind string) []string {
	switch kind {
	case KindRealName:
		return []string{"/age_over_14", "/age_over_19", "/country", "/name"}
	case KindSocial:
		return []string{"/provider"}
	case KindHistory:
		return []string{"/disputes", "/on_time", "/since", "/trades"}
	}
	return nil
}

// Want is one claim of one kind of credential.
type Want struct {
	// Kind is KindRealName, KindSocial or KindHistory.
	Kind string `cbor:"1,keyasint" json:"kind"`
	// Claim is a JSON pointer.
	Claim string `cbor:"2,keyasint" json:"claim"`
}

// Policy is what one company's service may ask of a customer. The zero Policy asks for nothing,
// and so does a company that never declared one: it knows the pairwise id.
type Policy struct {
	// Wants rise strictly by kind and claim.
	Wants []Want `cbor:"1,keyasint,omitempty" json:"wants"`
	// Purpose is what the customer reads before she agrees.
	Purpose string `cbor:"2,keyasint,omitempty" json:"purpose"`
}

// Validate checks that each claim may be asked for, once, and that there is a purpose for it.
func (p Policy) Validate() error {
	switch {
	case len(p.Wants) > WantsMax:
		return fault.New(fault.TooLarge, "wants", "A policy has at most %d claims.", WantsMax)
	case len(p.Purpose) > PurposeBytesMax:
		return fault.New(fault.TooLarge, "purpose", "A purpose has at most %d bytes.",
			PurposeBytesMax)
	case (strings.TrimSpace(p.Purpose) == "") != (len(p.Wants) == 0):
		return fault.New(fault.Invalid, "purpose", "A policy that asks says why, and only then.")
	}
	for i, w := range p.Wants {
		if !slices.Contains(claimsOf(w.Kind), w.Claim) {
			return fault.New(fault.Invalid, "wants", "Nobody may ask for one of the claims.")
		}
		if i > 0 && compareWants(p.Wants[i-1], w) >= 0 {
			return fault.New(fault.Invalid, "wants", "The claims are repeated or out of order.")
		}
	}
	return nil
}

func compareWants(a, b Want) int {
	if order := strings.Compare(a.Kind, b.Kind); order != 0 {
		return order
	}
	return strings.Compare(a.Claim, b.Claim)
}

// Encode is the policy's canonical CBOR.
func (p Policy) Encode() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return wire.Marshal(p)
}

// ParsePolicy reads exactly what Encode writes.
func ParsePolicy(data []byte) (Policy, error) {
	var p Policy
	if err := wire.Unmarshal(data, &p); err != nil {
		return Policy{}, fault.New(fault.Invalid, "policy", "The policy can't be read.")
	}
	return p, p.Validate()
}

// Claims are the claims of one kind that the policy asks for: what Present is given.
func (p Policy) Claims(kind string) []string {
	var claims []string
	for _, w := range p.Wants {
		if w.Kind == kind {
			claims = append(claims, w.Claim)
		}
	}
	return claims
}

// Check refuses a presentation of a kind that the policy does not ask for, and one that tells
// more. A company that got it would hold personal data without a purpose.
func (p Policy) Check(v Verified) error {
	asked := p.Claims(v.Kind)
	if len(asked) == 0 {
		return fault.New(fault.Refused, "credential",
			"The policy asks for no claim of such a credential.")
	}
	for _, pointer := range v.Disclosed {
		inside := func(claim string) bool {
			return pointer == claim || strings.HasPrefix(pointer, claim+"/")
		}
		if !slices.ContainsFunc(asked, inside) {
			return fault.New(fault.Refused, "credential",
				"The presentation discloses more than the policy asks for.")
		}
	}
	return nil
}
