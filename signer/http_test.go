package signer_test

import (
	"crypto/ed25519"
	"net/http"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"
)

func TestSignHTTPSignsWhatWireBuilds(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	const target = "http://tokyo.localhost:8444/snp/v1/messages"
	params := wire.SignatureParams{
		Created: 1_760_000_000, Expires: 1_760_000_300, KeyID: s.KeyID(),
		Nonce: "0123456789abcdef", Tag: wire.TagSNP,
	}
	key := func(keyID string) (ed25519.PublicKey, bool) {
		return s.Identity(), keyID == s.KeyID()
	}
	for _, body := range []string{"", `{"messages":[]}`} {
		r, err := http.NewRequest("POST", target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/jose+json")
		if err := wire.SignRequest(r, target, []byte(body), params, s.SignHTTP); err != nil {
			t.Fatal(err)
		}
		if _, err := wire.VerifyRequest(
			r.Header, "POST", target, []byte(body), params.Created, key); err != nil {
			t.Fatal(err)
		}
		request := wire.NewSignedRequest("POST", target, []byte(body), params.Nonce)
		h := http.Header{}
		if err := wire.SignResponse(h, 200, []byte("{}"), request, params, s.SignHTTP); err != nil {
			t.Fatal(err)
		}
	}
}

// base is a good signature base of s with one text replaced.
func base(s *signer.Signer, from, to string) []byte {
	text := `"@method": POST
"@target-uri": http://tokyo.localhost/snp/v1/messages
"content-digest": sha-512=:AA==:
"@signature-params": ("@method" "@target-uri" "content-digest");created=100;expires=400;` +
		`keyid="` + s.KeyID() + `";nonce="0123456789abcdef";tag="snp"`
	return []byte(strings.Replace(text, from, to, 1))
}

func TestSignHTTPRefusals(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	if _, err := s.SignHTTP(base(s, "", "")); err != nil {
		t.Fatal(err)
	}
	jws := wire.JWSInput(wire.TypMessage, s.KeyID(), []byte(`{}`))
	for name, c := range map[string]struct {
		input []byte
		field string
	}{
		"empty":            {nil, "signature"},
		"a message":        {jws, "signature"},
		"a checkpoint":     {[]byte(seoul + "/journal/0\n1\nAAAA\n"), "signature"},
		"other tag":        {base(s, `tag="snp"`, `tag="other"`), "tag"},
		"token tag":        {base(s, `tag="snp"`, `tag=snp`), "tag"},
		"no tag":           {base(s, `;tag="snp"`, ``), "tag"},
		"other key":        {base(s, `keyid="`, `keyid="x`), "keyid"},
		"no expiry":        {base(s, `;expires=400`, ``), "expires"},
		"too long a life":  {base(s, `expires=400`, `expires=401`), "expires"},
		"expired at birth": {base(s, `expires=400`, `expires=100`), "expires"},
		"text for a time":  {base(s, `created=100`, `created="100"`), "expires"},
		"no nonce":         {base(s, `nonce="0123456789abcdef"`, `nonce=""`), "nonce"},
		"spaces":           {base(s, `;created`, `; created`), "signature"},
		"two lists":        {base(s, `tag="snp"`, `tag="snp", ("@method")`), "signature"},
		"not a list":       {base(s, `("@method" "@target-uri" "content-digest")`, `"a"`), "signature"},
		"unparsable":       {base(s, `("@method"`, `("@method`), "signature"},
		"line not covered": {base(s, ` "content-digest");`, `);`), "signature"},
		"line missing":     {base(s, "\"@method\": POST\n", ""), "signature"},
		"order differs": {
			base(s, `("@method" "@target-uri"`, `("@target-uri" "@method"`),
			"signature",
		},
		"digest uncovered":  {base(s, "\"content-digest\": sha-512=:AA==:\n", ""), "signature"},
		"line after params": {append(base(s, "", ""), "\nmore"...), "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.SignHTTP(c.input)
			wantFault(t, err, fault.Invalid, c.field)
		})
	}
	bare := []byte(strings.ReplaceAll(strings.ReplaceAll(string(base(s, "", "")),
		"\"content-digest\": sha-512=:AA==:\n", ""), ` "content-digest"`, ""))
	_, err := s.SignHTTP(bare)
	wantFault(t, err, fault.Invalid, "signature")
	long := base(s, "messages", strings.Repeat("m", signer.HTTPInputBytesMax))
	_, err = s.SignHTTP(long)
	wantFault(t, err, fault.TooLarge, "signature")
}

func FuzzSignHTTP(f *testing.F) {
	s := newParts(f, seoul, 1).mustOpen(f)
	f.Add(base(s, "", ""))
	f.Add(base(s, `"@method"`, `"@method";req`))
	f.Add([]byte(`"@signature-params": ();tag="snp"`))
	f.Fuzz(func(t *testing.T, input []byte) {
		signature, err := s.SignHTTP(input)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("bad input is not a fault: %v", err)
			}
			return
		}
		if !ed25519.Verify(s.Identity(), input, signature) || input[0] != '"' {
			t.Fatalf("%q", input)
		}
	})
}
