package identity_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/identity"
)

// vector is one example of RFC 9901.
type vector struct {
	Typ, Kind, Audience, Nonce string
	Now                        int64
	Text                       []string
	Claims                     map[string]any
	Disclosed                  []string
}

func (v vector) text() string { return strings.Join(v.Text, "") }

func (v vector) expected(tb testing.TB) identity.Expected {
	tb.Helper()
	return identity.Expected{
		Typ: v.Typ, Kind: v.Kind, Issuer: "https://issuer.example.com", Key: rfcIssuer(tb),
		Audience: v.Audience, Nonce: v.Nonce, Now: v.Now,
	}
}

func mustReadVectors(tb testing.TB) map[string]vector {
	tb.Helper()
	data, err := os.ReadFile("testdata/rfc9901.json")
	if err != nil {
		tb.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var vectors map[string]vector
	if err := decoder.Decode(&vectors); err != nil {
		tb.Fatal(err)
	}
	return vectors
}

// rfcIssuer is the issuer's key of the examples (RFC 9901 appendix A.5).
func rfcIssuer(tb testing.TB) crypto.PublicKey {
	tb.Helper()
	key, err := identity.ParseKey(map[string]any{
		"kty": "EC", "crv": "P-256",
		"x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
		"y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// The examples of RFC 9901, signatures and all.
func TestRFCVectors(t *testing.T) {
	for name, v := range mustReadVectors(t) {
		t.Run(name, func(t *testing.T) {
			c, err := identity.Parse(v.text())
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Verify(v.expected(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Claims, got.Claims); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(v.Disclosed, got.Disclosed); diff != "" {
				t.Error(diff)
			}
			if c.Text() != v.text() {
				t.Error("read and written, it is another text")
			}
		})
	}
}

// RFC 9901 sections 4.2.1, 4.2.3 and 5.1: digests, and disclosures that mean the same in other
// bytes.
func TestRFCDisclosures(t *testing.T) {
	for _, c := range []struct{ text, digest, salt, name, value string }{
		{
			"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
			"X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
			"_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius",
		},
		{
			"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
			"", "_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius",
		},
		{
			"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0",
			"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs", "lklxF5jMYlGTPUovMNIvCA", "", "FR",
		},
		{
			"WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd",
			"jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4",
			"2GLC42sKQveCfGfryNRN9w", "given_name", "John",
		},
		{
			"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0",
			"pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo", "lklxF5jMYlGTPUovMNIvCA", "", "US",
		},
	} {
		d, err := identity.ParseDisclosure(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if d.Salt != c.salt || d.Name != c.name || d.Value != c.value ||
			d.Element != (c.name == "") || d.Text() != c.text {
			t.Errorf("read %+v", d)
		}
		if c.digest != "" && d.Digest() != c.digest {
			t.Errorf("%s: digest %s, want %s", c.value, d.Digest(), c.digest)
		}
	}
}

// The examples with something changed: each must be refused, whatever it is.
func TestRFCVectorsRefused(t *testing.T) {
	v := mustReadVectors(t)["flattened"]
	parts := strings.Split(v.text(), "~")
	again := func(parts ...string) string { return strings.Join(parts, "~") }
	for name, text := range map[string]string{
		"a disclosure twice":   again(parts[0], parts[1], parts[1], parts[2], parts[3]),
		"a disclosure less":    again(parts[0], parts[1], parts[3]),
		"another order":        again(parts[0], parts[2], parts[1], parts[3]),
		"no key binding":       again(parts[0], parts[1], parts[2], ""),
		"a foreign disclosure": again(parts[0], "WyJzIiwgIm4iLCAxXQ", parts[1], parts[3]),
		"no tilde":             parts[0],
		"two tildes":           again(parts[0], parts[1], "", parts[2], parts[3]),
		"a line break":         v.text() + "\n",
	} {
		c, err := identity.Parse(text)
		if err == nil {
			_, err = c.Verify(v.expected(t))
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, change := range map[string]func(*identity.Expected){
		"typ":         func(e *identity.Expected) { e.Typ = identity.TypCredential },
		"no typ":      func(e *identity.Expected) { e.Typ = "" },
		"kind":        func(e *identity.Expected) { e.Kind = identity.KindSocial },
		"issuer":      func(e *identity.Expected) { e.Issuer = "https://example.com" },
		"no issuer":   func(e *identity.Expected) { e.Issuer = "" },
		"no key":      func(e *identity.Expected) { e.Key = nil },
		"audience":    func(e *identity.Expected) { e.Audience += "/" },
		"no audience": func(e *identity.Expected) { e.Audience = "" },
		"nonce":       func(e *identity.Expected) { e.Nonce = "1234567891" },
		"unasked":     func(e *identity.Expected) { e.Audience, e.Nonce = "", "" },
		"too late":    func(e *identity.Expected) { e.Now += identity.BindingAgeMax },
		"too early":   func(e *identity.Expected) { e.Now -= 57 + identity.ClockSkewMax },
		"ended":       func(e *identity.Expected) { e.Now = 1883000000 },
	} {
		c, err := identity.Parse(v.text())
		if err != nil {
			t.Fatal(err)
		}
		e := v.expected(t)
		change(&e)
		if _, err := c.Verify(e); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// No bit of an example is idle: wherever one is turned over, the example is refused.
func TestRFCVectorEveryBit(t *testing.T) {
	v := mustReadVectors(t)["flattened"]
	for at := range len(v.text()) {
		changed := []byte(v.text())
		changed[at] ^= 1
		c, err := identity.Parse(string(changed))
		if err == nil {
			_, err = c.Verify(v.expected(t))
		}
		if err == nil {
			t.Errorf("byte %d changed, and accepted", at)
		}
	}
}

// A signature of P-256 is one under the header's ES256 and under nothing else.
func TestES256Header(t *testing.T) {
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"ES256", "ES384", "EdDSA", "none", ""} {
		input := b64(`{"alg":"`+algorithm+`","typ":"dc+sd-jwt"}`) + "." + b64(`{"iss":"`+
			testIssuer+`","vct":"`+identity.KindRealName+`","exp":1800000000}`)
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		for form, text := range map[string][]byte{
			"whole": signature, "cut": signature[:63],
			"padded": slices.Insert(slices.Clone(signature), 32, 0),
		} {
			c := mustParse(t, input+"."+b64(string(text))+"~")
			e := expected()
			e.Key, e.Audience, e.Nonce = &priv.PublicKey, "", ""
			_, err := c.Verify(e)
			if good := form == "whole" && algorithm == "ES256"; (err == nil) != good {
				t.Errorf("%q, %s: %v", algorithm, form, err)
			}
		}
	}
}

// RFC 9901 appendix A.2, presented in parts: what hides an element is shown with what it hides.
func TestRFCPresent(t *testing.T) {
	v := mustReadVectors(t)["complex"]
	whole, err := identity.Parse(v.text())
	if err != nil {
		t.Fatal(err)
	}
	evidence := "/verified_claims/verification/evidence/0"
	for _, c := range []struct{ ask, want []string }{
		{nil, []string{}},
		{[]string{evidence + "/method"}, []string{evidence, evidence + "/method"}},
		{[]string{evidence}, []string{evidence, evidence + "/method"}},
		{
			[]string{"/verified_claims/claims/address/country"},
			[]string{"/verified_claims/claims/address"},
		},
		{[]string{"/iss", "/verified_claims/claims/given_name"}, []string{
			"/verified_claims/claims/given_name",
		}},
	} {
		shown, err := whole.Present(c.ask)
		if err != nil {
			t.Fatal(err)
		}
		got, err := shown.Verify(v.expected(t))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Disclosed, c.want) {
			t.Errorf("asked %q, shown %q, want %q", c.ask, got.Disclosed, c.want)
		}
	}
	for _, ask := range []string{
		"", "/", "verified_claims", "/none", "/verified_claims/claims/address/none", "/iss/x",
		"/verified_claims/verification/evidence/1",
	} {
		if _, err := whole.Present([]string{ask}); err == nil {
			t.Errorf("%q: presented", ask)
		}
	}
	if _, err := whole.Present(make([]string, identity.ClaimsMax+1)); err == nil {
		t.Error("more claims than may be asked for")
	}
}
