package wire

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Limits of a descriptor.
const (
	// DescriptorBytesMax bounds its JCS text.
	DescriptorBytesMax = 64 << 10
	// CurrenciesMax, RailsMax and LanesMax bound its lists.
	CurrenciesMax = 64
	// RailsMax bounds the rails that a node names.
	RailsMax = 64
	// LanesMax bounds the anchor coins that a node keeps.
	LanesMax = 16
	// EndorsementsMax is one by the old key and one by the recovery key.
	EndorsementsMax = 2
	// wordBytesMax bounds rails and time zones.
	wordBytesMax = 64
	// urlBytesMax bounds an endpoint.
	urlBytesMax = 512
)

// Descriptor is what a node says about itself (A1), signed by its own key as a JWS and chained
// by hash to the one before it.
type Descriptor struct {
	// DID names the node.
	DID string `json:"did"`
	// Serial counts descriptors from 0; it rises by one, and may leap only by recovery.
	Serial uint32 `json:"serial"`
	// PrevHash is the DescriptorHash of the descriptor before; zero for serial 0.
	PrevHash Digest `json:"prevHash"`
	// Keys holds the current signing and sealing key first, then older ones.
	Keys JWKS `json:"keys"`
	// RecoveryKeyHash is the thumbprint of the offline Ed25519 recovery key.
	RecoveryKeyHash string `json:"recoveryKeyHash"`
	// Endpoints are the node's base URLs.
	Endpoints Endpoints `json:"endpoints"`
	// Currencies are those that the node keeps accounts in.
	Currencies []DescriptorCurrency `json:"currencies"`
	// Rails names the node's connections to outside money.
	Rails []string `json:"rails"`
	// Chain names the node's anchor coins.
	Chain DescriptorChain `json:"chain"`
	// TimeZone is the IANA zone whose days the daily root follows.
	TimeZone string `json:"timeZone"`
	// PolicyVersion is the version of the node's published policy, from 1.
	PolicyVersion uint32 `json:"policyVersion"`
	// Endorsements are signatures by the key before and by the recovery key. They are over the
	// descriptor without this member, so that the new key signs over them in turn.
	Endorsements []Endorsement `json:"endorsements,omitempty"`
}

// Endpoints are base URLs without a trailing slash.
type Endpoints struct {
	// SNP is where peers send messages: its paths begin with /snp/v1 under it.
	SNP string `json:"snp"`
	// API is the node's public API; empty if it has none.
	API string `json:"api,omitempty"`
}

// DescriptorCurrency is a currency and the decimals of its minor unit.
type DescriptorCurrency struct {
	Code  string `json:"code"`
	Scale uint8  `json:"scale"`
}

// DescriptorChain is a Bitcoin network and the node's lanes on it.
type DescriptorChain struct {
	Network string `json:"network"`
	Lanes   []Lane `json:"lanes"`
}

// Lane is one chain of anchor coins. Output 1 of each spend is the next coin.
type Lane struct {
	// Number is the lane's, from 0 in order.
	Number uint32 `json:"n"`
	// Coin is the first coin of the lane.
	Coin Outpoint `json:"outpoint"`
	// Script is that coin's P2TR output script in hexadecimal.
	Script string `json:"script"`
}

// Endorsement is a signature by a key that a descriptor is not served under.
type Endorsement struct {
	// KeyID is the key's thumbprint.
	KeyID string `json:"kid"`
	// X is the Ed25519 public key in base64url.
	X string `json:"x"`
	// Signature is over JWSInput(TypDescriptor, KeyID, EndorsedText) in base64url.
	Signature string `json:"sig"`
}

// Validate checks everything that a descriptor alone can show, except signatures.
func (d Descriptor) Validate() error {
	if err := CheckDID(d.DID); err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	if (d.Serial == 0) != d.PrevHash.IsZero() {
		return errors.New("descriptor: prevHash and serial do not go together")
	}
	if err := d.Keys.Validate(); err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	if raw, err := decode64(d.RecoveryKeyHash); err != nil || len(raw) != 32 {
		return errors.New("descriptor: recoveryKeyHash is not a thumbprint")
	}
	if _, ok := d.Keys.Find(d.RecoveryKeyHash); ok {
		return errors.New("descriptor: the recovery key may not be in use")
	}
	if err := d.Endpoints.validate(); err != nil {
		return err
	}
	if err := d.validateCurrencies(); err != nil {
		return err
	}
	if err := d.Chain.validate(); err != nil {
		return err
	}
	if err := checkWord(d.TimeZone); err != nil {
		return fmt.Errorf("descriptor: timeZone: %w", err)
	}
	if d.PolicyVersion == 0 {
		return errors.New("descriptor: policyVersion counts from 1")
	}
	return d.validateEndorsements()
}

// SigningKey is the current Ed25519 key and its thumbprint; a descriptor that Validate refuses
// may have none.
func (d Descriptor) SigningKey() (ed25519.PublicKey, string, error) {
	key, ok := d.Keys.current(CurveEd25519)
	if !ok {
		return nil, "", errors.New("descriptor: no signing key")
	}
	pub, err := key.Signing()
	return pub, key.KeyID, err
}

// SealingKey is the current X25519 key and its thumbprint.
func (d Descriptor) SealingKey() (*ecdh.PublicKey, string, error) {
	key, ok := d.Keys.current(CurveX25519)
	if !ok {
		return nil, "", errors.New("descriptor: no sealing key")
	}
	pub, err := key.Sealing()
	return pub, key.KeyID, err
}

// Encode returns the JCS text that is signed and hashed.
func (d Descriptor) Encode() ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	payload, err := JCS(d)
	if err != nil {
		return nil, fmt.Errorf("descriptor: %w", err)
	}
	if len(payload) > DescriptorBytesMax {
		return nil, fmt.Errorf(
			"descriptor: %d bytes, more than %d", len(payload), DescriptorBytesMax)
	}
	return payload, nil
}

// Hash is the DescriptorHash of d: the next one's PrevHash, and what is anchored.
func (d Descriptor) Hash() ([32]byte, error) {
	payload, err := d.Encode()
	if err != nil {
		return [32]byte{}, err
	}
	return DescriptorHash(DIDHash(d.DID), d.Serial, payload), nil
}

// ParseDescriptor reads a descriptor's JWS and verifies that its own current key signed it. It
// does not say whether that key is the node's: the caller compares with a pinned thumbprint
// or with the descriptor before (CheckSuccession).
func ParseDescriptor(jws string) (Descriptor, JWS, error) {
	j, err := ParseJWS(jws)
	if err != nil {
		return Descriptor{}, JWS{}, fmt.Errorf("descriptor: %w", err)
	}
	if j.Typ != TypDescriptor {
		return Descriptor{}, JWS{}, fmt.Errorf("descriptor: typ is %q", j.Typ)
	}
	d, err := ParseDescriptorPayload(j.Payload)
	if err != nil {
		return Descriptor{}, JWS{}, err
	}
	pub, _, err := d.SigningKey()
	if err != nil {
		return Descriptor{}, JWS{}, err
	}
	if err := j.Verify(pub); err != nil {
		return Descriptor{}, JWS{}, fmt.Errorf("descriptor: %w", err)
	}
	return d, j, nil
}

// ParseDescriptorPayload reads a descriptor's JCS text; nobody has vouched for it yet.
func ParseDescriptorPayload(payload []byte) (Descriptor, error) {
	if len(payload) > DescriptorBytesMax {
		return Descriptor{}, fmt.Errorf(
			"descriptor: %d bytes, more than %d", len(payload), DescriptorBytesMax)
	}
	var d Descriptor
	if err := UnmarshalJCS(payload, &d); err != nil {
		return Descriptor{}, fmt.Errorf("descriptor: %w", err)
	}
	if err := d.Validate(); err != nil {
		return Descriptor{}, err
	}
	return d, nil
}

func (e Endpoints) validate() error {
	if err := checkEndpoint(e.SNP); err != nil {
		return fmt.Errorf("descriptor: endpoint snp: %w", err)
	}
	if e.API == "" {
		return nil
	}
	if err := checkEndpoint(e.API); err != nil {
		return fmt.Errorf("descriptor: endpoint api: %w", err)
	}
	return nil
}

// checkEndpoint accepts an https URL; http is for loopback hosts, which only a sandbox has.
func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > urlBytesMax || u.String() != text {
		return errors.New("not a URL in canonical form")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Host == "" {
		return errors.New("want scheme, host and path only")
	}
	host := u.Hostname()
	loopback := host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host == "127.0.0.1" || host == "::1"
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return errors.New("want https")
	}
	if strings.HasSuffix(text, "/") {
		return errors.New("ends with a slash")
	}
	return nil
}

func (d Descriptor) validateCurrencies() error {
	if len(d.Currencies) == 0 || len(d.Currencies) > CurrenciesMax {
		return fmt.Errorf("descriptor: want 1 to %d currencies", CurrenciesMax)
	}
	for i, c := range d.Currencies {
		if err := checkCurrencyCode(c.Code); err != nil {
			return fmt.Errorf("descriptor: %w", err)
		}
		if c.Scale > scaleMax {
			return fmt.Errorf("descriptor: scale above %d", scaleMax)
		}
		if i > 0 && d.Currencies[i-1].Code >= c.Code {
			return errors.New("descriptor: currencies repeated or out of order")
		}
	}
	if len(d.Rails) > RailsMax {
		return fmt.Errorf("descriptor: more than %d rails", RailsMax)
	}
	for i, rail := range d.Rails {
		if err := checkWord(rail); err != nil {
			return fmt.Errorf("descriptor: rail: %w", err)
		}
		if i > 0 && d.Rails[i-1] >= rail {
			return errors.New("descriptor: rails repeated or out of order")
		}
	}
	return nil
}

func (c DescriptorChain) validate() error {
	if _, err := networkName(c.Network); err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	if len(c.Lanes) > LanesMax {
		return fmt.Errorf("descriptor: more than %d lanes", LanesMax)
	}
	for i, lane := range c.Lanes {
		if lane.Number != uint32(i) {
			return errors.New("descriptor: lanes are numbered from 0 in order")
		}
		script, err := hex.DecodeString(lane.Script)
		if err != nil || hex.EncodeToString(script) != lane.Script {
			return errors.New("descriptor: lane script is not lower-case hexadecimal")
		}
		// A version 1 witness program of 32 bytes: OP_1 and a push (BIP 341).
		if len(script) != 34 || script[0] != 0x51 || script[1] != 0x20 {
			return errors.New("descriptor: lane script is not P2TR")
		}
		for _, other := range c.Lanes[:i] {
			if other.Coin == lane.Coin {
				return errors.New("descriptor: two lanes begin with one coin")
			}
		}
	}
	return nil
}

// checkWord accepts names of rails and time zones: printable ASCII without spaces.
func checkWord(word string) error {
	if len(word) == 0 || len(word) > wordBytesMax {
		return errors.New("empty or too long")
	}
	for _, c := range []byte(word) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return errors.New("has a character that it may not have")
		}
	}
	return nil
}
