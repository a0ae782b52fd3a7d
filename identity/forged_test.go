package identity_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"seyfert/identity"
)

// The tests of this file write credentials by hand, as an issuer who errs or means harm could.

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func digestOf(disclosure string) string {
	sum := sha256.Sum256([]byte(disclosure))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// forge signs members, which follow those that every credential has, with the issuer's key.
func forge(members string, disclosures ...string) string {
	return forgeToken(`{"alg":"EdDSA","typ":"dc+sd-jwt"}`, `{"iss":"`+testIssuer+`","vct":"`+
		identity.KindRealName+`","exp":1800000000`+members+`}`) +
		"~" + strings.Join(append(disclosures, ""), "~")
}

func forgeToken(header, payload string) string {
	_, priv := mustKey(fillIssuer)
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(ed25519.Sign(priv, []byte(input))))
}

func verifyForged(text string) (identity.Verified, error) {
	c, err := identity.Parse(text)
	if err != nil {
		return identity.Verified{}, err
	}
	e := expected()
	e.Audience, e.Nonce = "", ""
	return c.Verify(e)
}

func TestForgedAccepted(t *testing.T) {
	name := b64(`["salt", "name", "A"]`)
	element := b64(`["salt", {"x": 1}]`)
	empty := b64(`["salt", "", null]`)
	hidden := `"l":[{"...":"` + digestOf(element) + `"}]`
	for about, text := range map[string]string{
		"plain":             forge(``),
		"one":               forge(`,"_sd":["`+digestOf(name)+`"]`, name),
		"an algorithm":      forge(`,"_sd_alg":"sha-256","_sd":["`+digestOf(name)+`"]`, name),
		"an element":        forge(`,"l":[{"...":"`+digestOf(element)+`"}]`, element),
		"an empty name":     forge(`,"_sd":["`+digestOf(empty)+`"]`, empty),
		"nothing disclosed": forge(`,"_sd":["` + digestOf(name) + `"],` + hidden),
		"no digests":        forge(`,"_sd":[]`),
		"a float":           forge(`,"f":1.5e3`),
		"a holder":          forgeHolder(`"kty":"OKP","crv":"Ed25519"`),
		"a status":          forgeStatus(1, testList),
	} {
		if _, err := verifyForged(text); err != nil {
			t.Errorf("%s: %v", about, err)
		}
	}
}

func TestForgedRefused(t *testing.T) {
	name := b64(`["salt", "name", "A"]`)
	other := b64(`["salt2", "name", "B"]`)
	element := b64(`["salt", "A"]`)
	one := `"` + digestOf(name) + `"`
	nested := func(inner string) (string, string) {
		d := b64(`["salt", "o", ` + inner + `]`)
		return d, `,"_sd":["` + digestOf(d) + `"]`
	}
	twice, twiceSD := nested(`{"_sd": [` + one + `]}`)
	twiceSD = strings.Replace(twiceSD, "[", "["+one+",", 1)
	algorithm, algorithmSD := nested(`{"_sd_alg": "sha-256"}`)
	reserved := map[string]string{}
	for _, claim := range []string{"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"} {
		d := b64(`["salt", "` + claim + `", 1]`)
		members := `,"_sd":["` + digestOf(d) + `"]`
		reserved["hidden "+claim] = forge(members, d)
	}
	for _, bad := range []string{
		`["salt"]`, `[]`, `["salt", "_sd", 1]`, `["salt", "...", 1]`, `["salt", "_sd_alg", 1]`,
		`[1, "n", 1]`, `["", "n", 1]`, `["salt", 1, 1]`, `["salt", "n", 1, 1]`, `{"a": 1}`,
		`["salt", "n", {"a": 1, "a": 2}]`, `["salt", "n", 1] x`, `["salt", "n", "` + "\xff" + `"]`,
		`["salt", "n", "\ud800"]`, `["salt", "n", 01]`, ``, `"`,
	} {
		d := b64(bad)
		reserved["disclosure "+bad] = forge(`,"_sd":["`+digestOf(d)+`"]`, d)
	}
	for about, text := range reserved {
		if _, err := verifyForged(text); err == nil {
			t.Errorf("%s: accepted", about)
		}
	}
	for about, text := range map[string]string{
		"a digest twice":               forge(`,"_sd":[`+one+`,`+one+`]`, name),
		"a digest twice, hidden":       forge(`,"_sd":[` + one + `,` + one + `]`),
		"a digest in two places":       forge(`,"_sd":[`+one+`],"o":{"_sd":[`+one+`]}`, name),
		"a digest twice, disclosed":    forge(twiceSD, name, twice),
		"an unused disclosure":         forge(`,"_sd":[`+one+`]`, name, element),
		"a name twice":                 forge(`,"_sd":[`+one+`,"`+digestOf(other)+`"]`, name, other),
		"a name that is there":         forge(`,"name":"C","_sd":[`+one+`]`, name),
		"an element among members":     forge(`,"_sd":["`+digestOf(element)+`"]`, element),
		"a member among elements":      forge(`,"l":[{"...":`+one+`}]`, name),
		"digests that are a text":      forge(`,"_sd":`+one, name),
		"a digest that is a number":    forge(`,"_sd":[1]`),
		"a digest that is short":       forge(`,"_sd":["` + digestOf(name)[1:] + `"]`),
		"an element with more":         forge(`,"l":[{"...":`+one+`,"a":1}]`, name),
		"dots as a name":               forge(`,"o":{"...":` + one + `}`),
		"dots at the top":              forge(`,"...":` + one),
		"an element of a number":       forge(`,"l":[{"...":1}]`),
		"another hash":                 forge(`,"_sd_alg":"sha-512"`),
		"no hash":                      forge(`,"_sd_alg":null`),
		"a hash inside":                forge(`,"o":{"_sd_alg":"sha-256"}`),
		"a hash in a disclosure":       forge(algorithmSD, algorithm),
		"a claim twice":                forge(`,"a":1,"a":2`),
		"an end twice":                 forge(`,"exp":1900000000`),
		"a fraction of a second":       forgeEnd(`1800000000.5`),
		"an end as text":               forgeEnd(`"1800000000"`),
		"no end":                       forgeEnd(`null`),
		"ended":                        forgeEnd(`1790000000`),
		"a holder of zeros, else good": forgeHolder(`"kty":"OKP","crv":"Ed25519","crv":"Ed25519"`),
		"not yet":                      forge(`,"nbf":1790000061`),
		"issued later":                 forge(`,"iat":1790000061`),
		"issued some day":              forge(`,"iat":"then"`),
		"a holder without a key":       forge(`,"cnf":{}`),
		"a holder with a private key":  forgeHolder(`"kty":"OKP","crv":"Ed25519","d":"A"`),
		"a holder of another curve":    forgeHolder(`"kty":"OKP","crv":"X25519"`),
		"a holder off the curve":       forgeHolder(`"kty":"EC","crv":"P-256","y":"` + zeros + `"`),
		"a holder by name":             forge(`,"cnf":{"kid":"x"}`),
		"a status of another kind":     forge(`,"status":{"bits":1}`),
		"a status out of range":        forgeStatus(1048576, testList),
		"a status below zero":          forgeStatus(-1, testList),
		"a status by http":             forgeStatus(1, "http://seoul.example"),
		"a status of a file":           forgeStatus(1, "file:///etc/passwd"),
	} {
		if _, err := verifyForged(text); err == nil {
			t.Errorf("%s: accepted", about)
		}
	}
}

// zeros are 32 zero bytes.
var zeros = strings.Repeat("A", 43)

func forgeHolder(members string) string {
	return forge(`,"cnf":{"jwk":{"x":"` + zeros + `",` + members + `}}`)
}

func forgeStatus(index int, uri string) string {
	return forge(fmt.Sprintf(`,"status":{"status_list":{"idx":%d,"uri":%q}}`, index, uri))
}

func forgeEnd(end string) string {
	return forgeToken(`{"alg":"EdDSA","typ":"dc+sd-jwt"}`, `{"iss":"`+testIssuer+
		`","vct":"`+identity.KindRealName+`","exp":`+end+`}`) + "~"
}

func TestForgedHeaders(t *testing.T) {
	payload := `{"iss":"` + testIssuer + `","vct":"` + identity.KindRealName + `","exp":1800000000}`
	for header, good := range map[string]bool{
		`{"alg":"EdDSA","typ":"dc+sd-jwt"}`:                true,
		`{"alg":"Ed25519","typ":"dc+sd-jwt","x":[1]}`:      true,
		`{"alg":"none","typ":"dc+sd-jwt"}`:                 false,
		`{"alg":"HS256","typ":"dc+sd-jwt"}`:                false,
		`{"alg":"ES256","typ":"dc+sd-jwt"}`:                false,
		`{"alg":"eddsa","typ":"dc+sd-jwt"}`:                false,
		`{"typ":"dc+sd-jwt"}`:                              false,
		`{"alg":"EdDSA"}`:                                  false,
		`{"alg":"EdDSA","typ":"kb+jwt"}`:                   false,
		`{"alg":"EdDSA","typ":"DC+SD-JWT"}`:                false,
		`{"alg":"EdDSA","typ":"dc+sd-jwt","crit":["x"]}`:   false,
		`{"alg":"EdDSA","typ":"dc+sd-jwt","b64":false}`:    false,
		`{"alg":"EdDSA","alg":"EdDSA","typ":"dc+sd-jwt"}`:  false,
		`{"alg":"EdDSA","typ":"kb+jwt","typ":"dc+sd-jwt"}`: false,
		`["EdDSA"]`: false,
	} {
		if _, err := verifyForged(forgeToken(header, payload) + "~"); (err == nil) != good {
			t.Errorf("%s: %v", header, err)
		}
	}
	// A key of the other kind never verifies, whatever the header says.
	c := mustParse(t, forgeToken(`{"alg":"ES256","typ":"dc+sd-jwt"}`, payload)+"~")
	e := expected()
	e.Audience, e.Nonce, e.Key = "", "", rfcIssuer(t)
	if _, err := c.Verify(e); err == nil {
		t.Error("an Ed25519 signature as one of P-256")
	}
	e.Key = []byte("a secret") // as if the key were one of HMAC
	if _, err := c.Verify(e); err == nil {
		t.Error("a key of no kind")
	}
}

func TestParseLimits(t *testing.T) {
	var list, digests []string
	for i := range identity.DisclosuresMax {
		d := b64(fmt.Sprintf(`["salt","c%d",%d]`, i, i))
		list, digests = append(list, d), append(digests, digestOf(d))
	}
	for len(digests) < identity.DigestsMax {
		digests = append(digests, digestOf(fmt.Sprint(len(digests))))
	}
	sd, err := json.Marshal(digests)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifyForged(forge(`,"_sd":`+string(sd), list...)); err != nil {
		t.Error(err)
	}
	more, err := json.Marshal(append(digests, digestOf("more")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifyForged(forge(`,"_sd":`+string(more), list...)); err == nil {
		t.Error("more digests accepted")
	}
	if _, err := identity.Parse(forge(``, append(list, list[0])...)); err == nil {
		t.Error("more disclosures accepted")
	}
	for _, depth := range []int{identity.DepthMax - 1, identity.DepthMax, 100_000} {
		text := forge(`,"d":` + strings.Repeat("[", min(depth, 20_000)) +
			strings.Repeat("]", min(depth, 20_000)))
		if _, err := verifyForged(text); (err == nil) != (depth < identity.DepthMax) {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
	// Disclosures in disclosures, each flat by itself.
	inner := b64(`["salt","x",1]`)
	chain := []string{inner}
	for i := range identity.DepthMax {
		inner = b64(fmt.Sprintf(`["salt","x%d",{"_sd":["%s"]}]`, i, digestOf(inner)))
		chain = append(chain, inner)
		_, err := verifyForged(forge(`,"_sd":["`+digestOf(inner)+`"]`, chain...))
		if good := i+2 <= identity.DepthMax; (err == nil) != good {
			t.Errorf("%d objects deep: %v", i+2, err)
		}
	}
	long := strings.Repeat("A", identity.CredentialBytesMax)
	for _, text := range []string{
		"", "~", "~~", "a.b.c~", long, long + "~", strings.Repeat("~", 9999),
	} {
		if _, err := identity.Parse(text); err == nil {
			t.Errorf("%.9q: parsed", text)
		}
	}
}
