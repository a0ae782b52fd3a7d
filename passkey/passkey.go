// Package passkey makes what a browser is asked in a WebAuthn ceremony (Level 3) and judges what
// it answers: for this site, this challenge, by a user that the authenticator has verified.
//
// It wraps go-webauthn and knows no node: who owns a passkey, whether it lives and where its
// counter stands are rows of the node. It takes time and randomness from its caller. Nothing here
// says who made an authenticator: no attestation is asked for, and none is judged.
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"seyfert/fault"
)

// Limits of what a browser may send.
const (
	// IDMax bounds a passkey's id in bytes (WebAuthn, section 4).
	IDMax = 1023
	// PublicMax bounds a passkey's public key in bytes: an RSA key of 4096 bits has room.
	PublicMax = 1024
	// AnswerMax bounds a browser's answer in bytes.
	AnswerMax = 16 << 10
	// timeout is how long a browser is asked to wait for its user.
	timeout = 2 * time.Minute
)

// Flags of the authenticator's data (WebAuthn, section 6.1) that others look at.
const (
	FlagPresent  byte = 1 << 0
	FlagVerified byte = 1 << 2
	// FlagBackup says that the passkey can be on several devices.
	FlagBackup byte = 1 << 3
)

// Site is who passkeys are made for: one origin, whose host is the relying party's id.
type Site struct{ origin, host, name string }

// New makes the site of an origin, such as "https://seoul.example". Browsers make no passkey for a
// plain address, nor over plain http outside of localhost: then there is an error.
func New(origin, name string) (*Site, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return nil, fmt.Errorf("passkey: %q is not an origin", origin)
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, fmt.Errorf("passkey: %s is an address and not a name", host)
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("passkey: %s is not https", origin)
	}
	return &Site{origin: origin, host: host, name: name}, nil
}

// User is whom a passkey is made for. ID tells nobody anything and is what a passkey brings back;
// Name is shown by the browser and goes nowhere else.
type User struct {
	ID   []byte
	Name string
}

// algorithms are the signatures that this site takes, the wanted one first.
func algorithms() []protocol.CredentialParameter {
	var list []protocol.CredentialParameter
	for _, algorithm := range []webauthncose.COSEAlgorithmIdentifier{
		webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256,
	} {
		list = append(list, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: algorithm,
		})
	}
	return list
}

// AskCreate is the question for a new passkey as JSON for
// PublicKeyCredential.parseCreationOptionsFromJSON. An authenticator that holds one of have makes
// no other.
func (s *Site) AskCreate(challenge [32]byte, user User, have [][]byte) []byte {
	options := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{
			CredentialEntity: protocol.CredentialEntity{Name: s.name}, ID: s.host,
		},
		User: protocol.UserEntity{
			CredentialEntity: protocol.CredentialEntity{Name: user.Name},
			DisplayName:      user.Name, ID: protocol.URLEncodedBase64(user.ID),
		},
		Challenge: challenge[:], Parameters: algorithms(),
		Timeout:               int(timeout.Milliseconds()),
		CredentialExcludeList: described(have),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(),
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation,
	}
	return mustJSON(options)
}

// AskGet is the question for an assertion as JSON for
// PublicKeyCredential.parseRequestOptionsFromJSON: by one of the passkeys of allowed, or by any
// that the user has for this site if there are none.
func (s *Site) AskGet(challenge [32]byte, allowed [][]byte) []byte {
	return mustJSON(protocol.PublicKeyCredentialRequestOptions{
		Challenge: challenge[:], Timeout: int(timeout.Milliseconds()), RelyingPartyID: s.host,
		AllowedCredentials: described(allowed), UserVerification: protocol.VerificationRequired,
	})
}

func described(ids [][]byte) []protocol.CredentialDescriptor {
	var list []protocol.CredentialDescriptor
	for _, id := range ids {
		list = append(list, protocol.CredentialDescriptor{
			Type: protocol.PublicKeyCredentialType, CredentialID: id,
		})
	}
	return list
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("passkey: a question is not JSON: " + err.Error())
	}
	return text
}

// Key is a new passkey: what must be kept of it.
type Key struct {
	ID, Public []byte
	Flags      byte
	Counter    uint32
}

// Created judges the answer to AskCreate. The error says what is wrong and nothing of whose the
// passkey is; it is fault.Invalid for an answer that can't be read and fault.Refused otherwise.
func (s *Site) Created(challenge [32]byte, answer []byte) (Key, error) {
	if len(answer) > AnswerMax {
		return Key{}, unreadable()
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Key{}, unreadable()
	}
	_, err = parsed.Verify(text(challenge), s.host, []string{s.origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, nil, algorithms(),
		protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return Key{}, refusal(err)
	}
	data := parsed.Response.AttestationObject.AuthData
	if data.Flags.HasBackupState() && !data.Flags.HasBackupEligible() {
		return Key{}, refusal(errors.New("backed up and not to be backed up"))
	}
	key := Key{
		ID: slices.Clone(data.AttData.CredentialID), Flags: byte(data.Flags),
		Public:  slices.Clone(data.AttData.CredentialPublicKey),
		Counter: data.Counter,
	}
	if len(key.ID) == 0 || len(key.ID) > IDMax || len(key.Public) > PublicMax {
		return Key{}, refusal(errors.New("too long"))
	}
	return key, nil
}

// Assertion is a proof by a passkey: it is the holder's, verified by the authenticator, over the
// challenge. Whether the counter fits says the node, which knows where it stood.
type Assertion struct {
	ID      []byte
	Flags   byte
	Counter uint32
	// Data, Client and Signature are the evidence: Signature is by the passkey over Data and the
	// SHA-256 of Client, in which the challenge is.
	Data, Client, Signature []byte
}

// Known is what the node holds of a passkey.
type Known struct {
	// Owner is the User.ID that it was made for, Public its public key.
	Owner, Public []byte
}

// Asserted judges the answer to AskGet. find says what is held of a passkey's id; one that is not
// known is refused like one that signed wrongly.
func (s *Site) Asserted(challenge [32]byte, answer []byte,
	find func(id []byte) (Known, bool),
) (Assertion, error) {
	if len(answer) > AnswerMax {
		return Assertion{}, unreadable()
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil || len(parsed.RawID) > IDMax {
		return Assertion{}, unreadable()
	}
	known, exists := find(parsed.RawID)
	if !exists {
		return Assertion{}, refusal(errors.New("the passkey is not known"))
	}
	handle := parsed.Response.UserHandle
	if len(handle) > 0 && !slices.Equal(handle, known.Owner) {
		return Assertion{}, refusal(errors.New("the passkey is someone else's"))
	}
	err = parsed.Verify(text(challenge), s.host, "", []string{s.origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, known.Public,
		protocol.SignaturePolicy{})
	if err != nil {
		return Assertion{}, refusal(err)
	}
	data := parsed.Response.AuthenticatorData
	return Assertion{
		ID: slices.Clone(parsed.RawID), Flags: byte(data.Flags), Counter: data.Counter,
		Data:      slices.Clone(parsed.Raw.AssertionResponse.AuthenticatorData),
		Client:    slices.Clone(parsed.Raw.AssertionResponse.ClientDataJSON),
		Signature: slices.Clone(parsed.Response.Signature),
	}, nil
}

// text is a challenge as a browser hands it on.
func text(challenge [32]byte) string {
	return base64.RawURLEncoding.EncodeToString(challenge[:])
}

func unreadable() error {
	return fault.New(fault.Invalid, "passkey", "The browser's answer can't be read.")
}

// refused is what the caller is told of every answer that does not hold; Unwrap says why, for the
// log. None of the library's texts names a person.
type refused struct {
	told  *fault.Error
	cause error
}

// Error implements error.
func (r *refused) Error() string { return r.told.Error() + " (" + r.cause.Error() + ")" }

// Unwrap gives what callers are told, and the cause.
func (r *refused) Unwrap() []error { return []error{r.told, r.cause} }

func refusal(cause error) error {
	return &refused{
		fault.New(fault.Refused, "passkey", "The passkey's answer does not hold."), cause,
	}
}
