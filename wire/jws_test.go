package wire_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/wire"
)

// vectorKey is the key of RFC 8037 appendix A.1.
func vectorKey(tb testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	tb.Helper()
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		tb.Fatal(err)
	}
	priv := ed25519.NewKeyFromSeed(seed)
	return priv.Public().(ed25519.PublicKey), priv
}

// RFC 8037 appendix A.3, whose key is also that of RFC 8032 section 7.1 test 1.
func TestThumbprintVector(t *testing.T) {
	pub, _ := vectorKey(t)
	if got := base64.RawURLEncoding.EncodeToString(pub); got !=
		"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" {
		t.Errorf("public key %s", got)
	}
	if got := wire.Thumbprint(pub); got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s", got)
	}
}

// RFC 8032 section 7.1 test 1: the library underneath signs as published.
func TestEd25519Vector(t *testing.T) {
	_, priv := vectorKey(t)
	wantHex(t, "signature", ed25519.Sign(priv, nil),
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"+
			"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
}

func mustJWS(tb testing.TB, payload string) wire.JWS {
	tb.Helper()
	pub, priv := vectorKey(tb)
	j := wire.JWS{
		Typ: wire.TypMessage, KeyID: wire.Thumbprint(pub), Payload: []byte(payload),
	}
	j.Signature = ed25519.Sign(priv, j.Input())
	return j
}

func TestJWS(t *testing.T) {
	pub, _ := vectorKey(t)
	j := mustJWS(t, `{"a":1}`)
	header := `{"alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","typ":"snp+jws"}`
	want := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`))
	if got := string(j.Input()); got != want {
		t.Errorf("input %s, want %s", got, want)
	}
	got, err := wire.ParseJWS(j.Compact())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j, got); diff != "" {
		t.Error(diff)
	}
	if err := got.Verify(pub); err != nil {
		t.Error(err)
	}
}

func TestJWSVerifyRefuses(t *testing.T) {
	pub, _ := vectorKey(t)
	other, _ := mustKey(t, 9)
	good := mustJWS(t, `{"a":1}`)
	for name, change := range map[string]func(*wire.JWS){
		"payload":   func(j *wire.JWS) { j.Payload = []byte(`{"a":2}`) },
		"typ":       func(j *wire.JWS) { j.Typ = wire.TypOffer },
		"no typ":    func(j *wire.JWS) { j.Typ = "" },
		"key id":    func(j *wire.JWS) { j.KeyID = wire.Thumbprint(other) },
		"signature": func(j *wire.JWS) { j.Signature = make([]byte, 64) },
		"cut":       func(j *wire.JWS) { j.Signature = good.Signature[:63] },
	} {
		j := good
		change(&j)
		if err := j.Verify(pub); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := good.Verify(other); err == nil {
		t.Error("verified with another key")
	}
	if err := good.Verify(pub[:31]); err == nil {
		t.Error("verified with half a key")
	}
}

func TestParseJWSRefuses(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	good := mustJWS(t, `{"a":1}`)
	parts := strings.Split(good.Compact(), ".")
	header := func(text string) string {
		return encode([]byte(text)) + "." + parts[1] + "." + parts[2]
	}
	kid, long := good.KeyID, strings.Repeat("x", 65)
	for name, text := range map[string]string{
		"nothing":          "",
		"two parts":        parts[0] + "." + parts[1],
		"four parts":       good.Compact() + ".",
		"padding":          parts[0] + "=." + parts[1] + "." + parts[2],
		"line break":       parts[0] + "\n." + parts[1] + "." + parts[2],
		"idle bits":        parts[0] + "." + encode([]byte("1"))[:1] + "R." + parts[2],
		"standard base64":  parts[0] + "." + parts[1] + "." + strings.Repeat("+", 86),
		"short signature":  parts[0] + "." + parts[1] + "." + encode(make([]byte, 63)),
		"spaced payload":   parts[0] + "." + encode([]byte(`{"a": 1}`)) + "." + parts[2],
		"no payload":       parts[0] + ".." + parts[2],
		"alg none":         header(`{"alg":"none","kid":"` + kid + `","typ":"x"}`),
		"header member":    header(`{"alg":"EdDSA","b64":true,"kid":"` + kid + `","typ":"x"}`),
		"header order":     header(`{"kid":"` + kid + `","alg":"EdDSA","typ":"x"}`),
		"typ missing":      header(`{"alg":"EdDSA","kid":"` + kid + `"}`),
		"typ empty":        header(`{"alg":"EdDSA","kid":"` + kid + `","typ":""}`),
		"typ upper case":   header(`{"alg":"EdDSA","kid":"` + kid + `","typ":"JWT"}`),
		"typ long":         header(`{"alg":"EdDSA","kid":"` + kid + `","typ":"` + long + `"}`),
		"kid short":        header(`{"alg":"EdDSA","kid":"` + kid[1:] + `","typ":"x"}`),
		"kid idle bits":    header(`{"alg":"EdDSA","kid":"` + kid[:42] + `l","typ":"x"}`),
		"more than maxima": parts[0] + "." + strings.Repeat("A", wire.CompactBytesMax) + "." + parts[2],
	} {
		if _, err := wire.ParseJWS(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestJWSLimit(t *testing.T) {
	fixed := len(mustJWS(t, `""`).Compact()) - len(base64.RawURLEncoding.EncodeToString([]byte(`""`)))
	size := base64.RawURLEncoding.DecodedLen(wire.CompactBytesMax - fixed)
	longest := mustJWS(t, `"`+strings.Repeat("x", size-2)+`"`)
	if _, err := wire.ParseJWS(longest.Compact()); err != nil {
		t.Errorf("%d bytes: %v", len(longest.Compact()), err)
	}
	longer := mustJWS(t, `"`+strings.Repeat("x", size+1)+`"`)
	if _, err := wire.ParseJWS(longer.Compact()); err == nil {
		t.Errorf("%d bytes: accepted", len(longer.Compact()))
	}
}

func TestJWSInputPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a typ with a quote was written")
		}
	}()
	wire.JWSInput(`x"`, mustJWS(t, "{}").KeyID, nil)
}

func TestJWSRoundTrip(t *testing.T) {
	pub, priv := vectorKey(t)
	rapid.Check(t, func(t *rapid.T) {
		payload, err := wire.JCS(drawJSON(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		j := wire.JWS{Typ: wire.TypOffer, KeyID: wire.Thumbprint(pub), Payload: payload}
		j.Signature = ed25519.Sign(priv, j.Input())
		got, err := wire.ParseJWS(j.Compact())
		if err != nil || got.Verify(pub) != nil {
			t.Fatalf("%s: %v", j.Compact(), err)
		}
	})
}

func FuzzParseJWS(f *testing.F) {
	f.Add(mustJWS(f, `{"a":1}`).Compact())
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if j, err := wire.ParseJWS(text); err == nil && j.Compact() != text {
			t.Errorf("%q became %q", text, j.Compact())
		}
	})
}

func TestJWK(t *testing.T) {
	pub, _ := vectorKey(t)
	seal := mustX25519(t, 0x11).PublicKey()
	signing := wire.NewSigningJWK(pub, 1, 2, 3)
	sealing := wire.NewSealingJWK(seal, 1, 2, 3)
	set := wire.JWKS{Keys: []wire.JWK{signing, sealing}}
	if err := set.Validate(); err != nil {
		t.Fatal(err)
	}
	if got, err := signing.Signing(); err != nil || !got.Equal(pub) {
		t.Errorf("signing key %x, %v", got, err)
	}
	if got, err := sealing.Sealing(); err != nil || !got.Equal(seal) {
		t.Errorf("sealing key %v, %v", got, err)
	}
	if _, err := signing.Sealing(); err == nil {
		t.Error("a signing key seals")
	}
	if _, err := sealing.Signing(); err == nil {
		t.Error("a sealing key signs")
	}
	if found, ok := set.Find(sealing.KeyID); !ok || found != sealing {
		t.Errorf("found %+v", found)
	}
	if _, ok := set.Find("x"); ok {
		t.Error("found a key that is not there")
	}
	for name, change := range map[string]func(*wire.JWK){
		"kty":           func(k *wire.JWK) { k.Type = "EC" },
		"crv":           func(k *wire.JWK) { k.Curve = "Ed448" },
		"use":           func(k *wire.JWK) { k.Use = wire.UseSeal },
		"x":             func(k *wire.JWK) { k.X += "A" },
		"kid":           func(k *wire.JWK) { k.KeyID = sealing.KeyID },
		"notBefore":     func(k *wire.JWK) { k.NotBefore = -1 },
		"notAfter":      func(k *wire.JWK) { k.NotAfter = k.NotBefore },
		"evidenceUntil": func(k *wire.JWK) { k.EvidenceUntil = k.NotAfter - 1 },
	} {
		key := signing
		change(&key)
		if key.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestJWKSRefuses(t *testing.T) {
	pub, _ := vectorKey(t)
	signing := wire.NewSigningJWK(pub, 1, 2, 3)
	sealing := wire.NewSealingJWK(mustX25519(t, 0x11).PublicKey(), 1, 2, 3)
	full := []wire.JWK{signing, sealing}
	for i := range byte(wire.KeysMax - 2) {
		more, _ := mustKey(t, 100+i)
		full = append(full, wire.NewSigningJWK(more, 1, 2, 3))
	}
	if err := (wire.JWKS{Keys: full}).Validate(); err != nil {
		t.Errorf("the most keys: %v", err)
	}
	more, _ := mustKey(t, 200)
	for name, keys := range map[string][]wire.JWK{
		"no signing key": {sealing},
		"no sealing key": {signing},
		"a key twice":    {signing, sealing, signing},
		"a bad key":      {signing, sealing, {}},
		"too many":       append(full, wire.NewSigningJWK(more, 1, 2, 3)),
	} {
		if (wire.JWKS{Keys: keys}).Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
