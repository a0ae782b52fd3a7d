package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"seyfert/wire"
)

const (
	testURI   = "https://b.example/snp/v1/messages"
	testNow   = 1_900_000_000
	testNonce = "AAECAwQFBgcICQoLDA0ODw"
)

func mustKey(tb testing.TB, fill byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	tb.Helper()
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
	return priv.Public().(ed25519.PublicKey), priv
}

func signWith(priv ed25519.PrivateKey) wire.HTTPSigner {
	return func(input []byte) ([]byte, error) { return ed25519.Sign(priv, input), nil }
}

func keysOf(pubs ...ed25519.PublicKey) wire.HTTPKeys {
	return func(keyID string) (ed25519.PublicKey, bool) {
		for _, pub := range pubs {
			if wire.Thumbprint(pub) == keyID {
				return pub, true
			}
		}
		return nil, false
	}
}

func paramsFor(pub ed25519.PublicKey) wire.SignatureParams {
	return wire.SignatureParams{
		Created: testNow, Expires: testNow + 60, KeyID: wire.Thumbprint(pub),
		Nonce: testNonce, Tag: wire.TagSNP,
	}
}

func mustRequest(tb testing.TB, method, body string) *http.Request {
	tb.Helper()
	r, err := http.NewRequest(method, testURI, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/jose+json")
	}
	return r
}

func mustSignRequest(tb testing.TB, method, body string) http.Header {
	tb.Helper()
	pub, priv := mustKey(tb, 1)
	r := mustRequest(tb, method, body)
	err := wire.SignRequest(r, testURI, []byte(body), paramsFor(pub), signWith(priv))
	if err != nil {
		tb.Fatal(err)
	}
	return r.Header
}

// RFC 9421 appendix B.2.6: the published base and signature of an Ed25519 request.
func TestSignatureBaseVector(t *testing.T) {
	seed, err := base64.RawURLEncoding.DecodeString("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU")
	if err != nil {
		t.Fatal(err)
	}
	lines := []wire.SignedLine{
		{Component: `"date"`, Value: "Tue, 20 Apr 2021 02:07:55 GMT"},
		{Component: `"@method"`, Value: "POST"},
		{Component: `"@path"`, Value: "/foo"},
		{Component: `"@authority"`, Value: "example.com"},
		{Component: `"content-type"`, Value: "application/json"},
		{Component: `"content-length"`, Value: "18"},
	}
	base := wire.SignatureBase(lines, `("date" "@method" "@path" "@authority" "content-type" `+
		`"content-length");created=1618884473;keyid="test-key-ed25519"`)
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(seed), base)
	const want = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu" +
		"4A0w6vuQv5lIp5WPpBKRCw=="
	if got := base64.StdEncoding.EncodeToString(signature); got != want {
		t.Errorf("signature %s, want %s, of base\n%s", got, want, base)
	}
}

// The digest is that of the same RFC's example request.
func TestContentDigestVector(t *testing.T) {
	const want = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BN" +
		"NyealdVLvRwEmTHWXvJwew==:"
	if got := wire.ContentDigest([]byte(`{"hello": "world"}`)); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestRequestSignature(t *testing.T) {
	pub, _ := mustKey(t, 1)
	for _, c := range []struct{ method, body, covered string }{
		{
			"POST", `{"messages":[]}`,
			`("@method" "@target-uri" "content-digest" "content-length" "content-type")`,
		},
		{"GET", "", `("@method" "@target-uri" "content-digest")`},
	} {
		h := mustSignRequest(t, c.method, c.body)
		want := "sig1=" + c.covered + ";created=1900000000;expires=1900000060;keyid=\"" +
			wire.Thumbprint(pub) + "\";nonce=\"" + testNonce + "\";tag=\"snp\""
		if got := h.Get("Signature-Input"); got != want {
			t.Errorf("input %s, want %s", got, want)
		}
		p, err := wire.VerifyRequest(h, c.method, testURI, []byte(c.body), testNow, keysOf(pub))
		if err != nil || p != paramsFor(pub) {
			t.Errorf("%s: %+v, %v", c.method, p, err)
		}
	}
}

func TestRequestSignatureRefuses(t *testing.T) {
	pub, _ := mustKey(t, 1)
	other, _ := mustKey(t, 2)
	const body = `{"messages":[]}`
	type call struct {
		h           http.Header
		method, uri string
		body        string
		now         int64
		keys        wire.HTTPKeys
	}
	set := func(name, old, replace string) func(*call) {
		return func(c *call) {
			value := c.h.Get(name)
			if !strings.Contains(value, old) {
				t.Fatalf("%s has no %q", name, old)
			}
			c.h.Set(name, strings.Replace(value, old, replace, 1))
		}
	}
	changes := map[string]func(*call){
		"method":       func(c *call) { c.method = "PUT" },
		"uri":          func(c *call) { c.uri += "?x" },
		"uri newline":  func(c *call) { c.uri += "\n" },
		"body":         func(c *call) { c.body += " " },
		"body removed": func(c *call) { c.body = "" },
		"type":         set("Content-Type", "jose", "json"),
		"type missing": func(c *call) { c.h.Del("Content-Type") },
		"type twice":   func(c *call) { c.h.Add("Content-Type", "text/plain") },
		"length":       func(c *call) { c.h.Set("Content-Length", "3") },
		"too late":     func(c *call) { c.now = testNow + 60 + wire.SignatureWindow + 1 },
		"too early":    func(c *call) { c.now = testNow - wire.SignatureWindow - 1 },
		"unknown key":  func(c *call) { c.keys = keysOf(other) },
		"wrong key": func(c *call) {
			c.keys = func(string) (ed25519.PublicKey, bool) { return other, true }
		},
		"no digest":      func(c *call) { c.h.Del("Content-Digest") },
		"no input":       func(c *call) { c.h.Del("Signature-Input") },
		"no signature":   func(c *call) { c.h.Del("Signature") },
		"two inputs":     func(c *call) { c.h.Add("Signature-Input", "sig2=()") },
		"label":          set("Signature-Input", "sig1=", "sig2="),
		"tag":            set("Signature-Input", `"snp"`, `"web"`),
		"nonce":          set("Signature-Input", testNonce, "short"),
		"other nonce":    set("Signature-Input", "AAEC", "BBEC"),
		"nonce sign":     set("Signature-Input", "AAEC", "A;EC"),
		"no nonce":       set("Signature-Input", `;nonce="`+testNonce+`"`, ""),
		"longer life":    set("Signature-Input", "1900000060", "1900000301"),
		"no life":        set("Signature-Input", "1900000060", "1900000000"),
		"uncovered body": set("Signature-Input", ` "content-digest"`, ""),
		"more covered":   set("Signature-Input", `"@method"`, `"@method" "date"`),
		"space":          set("Signature-Input", ";created", "; created"),
		"unknown param":  set("Signature-Input", ";tag", `;x="y";tag`),
		"alg":            set("Signature-Input", ";tag", `;alg="rsa-pss-sha512";tag`),
		"type of param":  set("Signature-Input", "1900000060", `"1900000060"`),
		"param twice":    set("Signature-Input", ";tag", ";created=1900000000;tag"),
		"long input":     set("Signature-Input", "sig1", strings.Repeat("s", 1024)),
		"signature":      set("Signature", "sig1=:", "sig1=:AAAA"),
		"signature form": set("Signature", "sig1=:", "sig1="),
	}
	for name, change := range changes {
		c := call{mustSignRequest(t, "POST", body), "POST", testURI, body, testNow, keysOf(pub)}
		change(&c)
		_, err := wire.VerifyRequest(c.h, c.method, c.uri, []byte(c.body), c.now, c.keys)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A peer may write the parameters in another order and name the algorithm.
func TestRequestSignatureOtherOrder(t *testing.T) {
	pub, priv := mustKey(t, 1)
	h := mustSignRequest(t, "GET", "")
	params := `("@method" "@target-uri" "content-digest");tag="snp";alg="ed25519";nonce="` +
		testNonce + `";keyid="` + wire.Thumbprint(pub) + `";created=1900000000;expires=1900000060`
	base := wire.SignatureBase([]wire.SignedLine{
		{Component: `"@method"`, Value: "GET"},
		{Component: `"@target-uri"`, Value: testURI},
		{Component: `"content-digest"`, Value: wire.ContentDigest(nil)},
	}, params)
	h.Set("Signature-Input", "sig1="+params)
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(priv, base))
	h.Set("Signature", "sig1=:"+signature+":")
	p, err := wire.VerifyRequest(h, "GET", testURI, nil, testNow, keysOf(pub))
	if err != nil || p != paramsFor(pub) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestSignRequestRefuses(t *testing.T) {
	pub, priv := mustKey(t, 1)
	r := mustRequest(t, "POST", "{}")
	if err := wire.SignRequest(r, testURI, []byte("{} "), paramsFor(pub), signWith(priv)); err == nil {
		t.Error("signed a body that the request does not carry")
	}
	p := paramsFor(pub)
	p.Tag = "other"
	if err := wire.SignRequest(r, testURI, []byte("{}"), p, signWith(priv)); err == nil {
		t.Error("signed another tag")
	}
	refusal := errors.New("no")
	refuse := func([]byte) ([]byte, error) { return nil, refusal }
	err := wire.SignRequest(r, testURI, []byte("{}"), paramsFor(pub), refuse)
	if !errors.Is(err, refusal) {
		t.Errorf("signer's error: %v", err)
	}
}

// mustSignResponse signs a 200 response to the test's request.
func mustSignResponse(tb testing.TB, request wire.SignedRequest, body []byte) http.Header {
	tb.Helper()
	pub, priv := mustKey(tb, 1)
	h := http.Header{}
	if err := wire.SignResponse(h, 200, body, request, paramsFor(pub), signWith(priv)); err != nil {
		tb.Fatal(err)
	}
	return h
}

func TestResponseSignature(t *testing.T) {
	pub, priv := mustKey(t, 1)
	request := wire.NewSignedRequest("POST", testURI, []byte(`{"messages":[]}`), testNonce)
	body := []byte(`{"results":[]}`)
	verify := func(status int, body []byte, request wire.SignedRequest) error {
		h := mustSignResponse(t, wire.NewSignedRequest(
			"POST", testURI, []byte(`{"messages":[]}`), testNonce), []byte(`{"results":[]}`))
		p, err := wire.VerifyResponse(h, status, body, request, testNow, keysOf(pub))
		if err == nil && p != paramsFor(pub) {
			t.Errorf("accepted %+v", p)
		}
		return err
	}
	if err := verify(200, body, request); err != nil {
		t.Error(err)
	}
	if verify(201, body, request) == nil || verify(99, body, request) == nil {
		t.Error("accepted another status")
	}
	if verify(200, nil, request) == nil {
		t.Error("accepted another body")
	}
	other := wire.NewSignedRequest("POST", testURI, []byte(`{}`), testNonce)
	if verify(200, body, other) == nil {
		t.Error("accepted for another request")
	}
	other = request
	other.Nonce = strings.Repeat("n", wire.NonceBytesMin)
	if verify(200, body, other) == nil {
		t.Error("accepted for another nonce")
	}
	h := http.Header{}
	if wire.SignResponse(h, 200, body, other, paramsFor(pub), signWith(priv)) == nil {
		t.Error("signed with another nonce than the request's")
	}
	if wire.SignResponse(h, 99, body, request, paramsFor(pub), signWith(priv)) == nil {
		t.Error("signed status 99")
	}
}

func FuzzVerifyRequest(f *testing.F) {
	h := mustSignRequest(f, "POST", "{}")
	f.Add(h.Get("Signature-Input"), h.Get("Signature"))
	f.Add(`sig1=();created=1`, "sig1=:AAAA:")
	f.Add(`sig1=("@method";req "a";x=?0);created=1.5;tag=*a`, "sig1=:::")
	pub, _ := mustKey(f, 1)
	f.Fuzz(func(t *testing.T, input, signature string) {
		changed := h.Clone()
		changed.Set("Signature-Input", input)
		changed.Set("Signature", signature)
		p, err := wire.VerifyRequest(changed, "POST", testURI, []byte("{}"), testNow, keysOf(pub))
		if err == nil && p != paramsFor(pub) {
			t.Errorf("accepted %+v", p)
		}
	})
}
