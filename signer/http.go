package signer

import (
	"crypto/ed25519"
	"slices"
	"strings"

	"seyfert/fault"
	"seyfert/wire"

	"github.com/dunglas/httpsfv"
)

// Limits of what SignHTTP signs.
const (
	// HTTPInputBytesMax bounds a signature base.
	HTTPInputBytesMax = 16 << 10
	// HTTPSecondsMax is the longest time between created and expires (protocol.md A2).
	HTTPSecondsMax = wire.SignatureWindow
	// httpParams opens the last line of a signature base (RFC 9421 section 2.3).
	httpParams = `"@signature-params": `
)

// SignHTTP signs an RFC 9421 signature base and returns the 64 bytes of the signature. It
// accepts only a base whose parameters carry tag "snp", this node's key id and a life of at
// most HTTPSecondsMax, which covers the content's digest and either method and target or the
// status, and whose lines are exactly the covered components. Such a signature authenticates
// transport and promises nothing, so it is not journalled and waits for no disk; a base begins
// with a quotation mark, so it can never be taken for a JWS or a checkpoint. Errors: invalid,
// too_large.
func (s *Signer) SignHTTP(input []byte) ([]byte, error) {
	if len(input) > HTTPInputBytesMax {
		return nil, fault.New(fault.TooLarge, "signature",
			"the signature base is over %d bytes", HTTPInputBytesMax)
	}
	if err := s.checkHTTP(string(input)); err != nil {
		return nil, err
	}
	if s.locked() {
		return nil, ErrLocked
	}
	return ed25519.Sign(s.keys.identity, input), nil
}

func (s *Signer) checkHTTP(input string) error {
	invalid := func(why string) error { return fault.New(fault.Invalid, "signature", "%s", why) }
	lines := strings.Split(input, "\n")
	text, ok := strings.CutPrefix(lines[len(lines)-1], httpParams)
	if !ok {
		return invalid("the last line is not @signature-params")
	}
	list, err := httpsfv.UnmarshalList([]string{text})
	if err != nil || len(list) != 1 {
		return invalid("the signature parameters are not one inner list")
	}
	inner, ok := list[0].(httpsfv.InnerList)
	if !ok {
		return invalid("the signature parameters are not one inner list")
	}
	if again, err := httpsfv.Marshal(list); err != nil || again != text {
		return invalid("the signature parameters are not in canonical form")
	}
	covered, err := coveredLines(inner, lines[:len(lines)-1])
	if err != nil {
		return err
	}
	request := slices.Contains(covered, `"@method"`) && slices.Contains(covered, `"@target-uri"`)
	if !request && !slices.Contains(covered, `"@status"`) ||
		!slices.Contains(covered, `"content-digest"`) {
		return invalid("method and target, or status, and the content's digest must be covered")
	}
	return s.checkHTTPParams(inner.Params)
}

// coveredLines returns the component identifiers of the list after checking that the lines
// stand for them, one each and in order.
func coveredLines(inner httpsfv.InnerList, lines []string) ([]string, error) {
	if len(inner.Items) != len(lines) {
		return nil, fault.New(fault.Invalid, "signature", "lines and components differ in number")
	}
	covered := make([]string, len(lines))
	for i, item := range inner.Items {
		identifier, err := httpsfv.Marshal(item)
		if err != nil || !strings.HasPrefix(lines[i], identifier+": ") {
			return nil, fault.New(fault.Invalid, "signature",
				"line %d is not the component that the parameters name", i+1)
		}
		covered[i] = identifier
	}
	return covered, nil
}

func (s *Signer) checkHTTPParams(params *httpsfv.Params) error {
	value := func(name string) any {
		v, _ := params.Get(name)
		return v
	}
	if value("tag") != any(wire.TagSNP) {
		return fault.New(fault.Invalid, "tag", "the signature's tag is not %q", wire.TagSNP)
	}
	if value("keyid") != any(s.keyID) {
		return fault.New(fault.Invalid, "keyid", "the signature names another key")
	}
	created, okCreated := value("created").(int64)
	expires, okExpires := value("expires").(int64)
	if !okCreated || !okExpires || expires <= created || expires-created > HTTPSecondsMax {
		return fault.New(fault.Invalid, "expires",
			"the signature does not expire within %d s of its creation", HTTPSecondsMax)
	}
	if nonce, ok := value("nonce").(string); !ok || nonce == "" {
		return fault.New(fault.Invalid, "nonce", "the signature has no nonce")
	}
	return nil
}
