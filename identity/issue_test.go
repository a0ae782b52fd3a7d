package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/fault"
	"seyfert/identity"
	"seyfert/wire"
)

const (
	testIssuer = "did:web:seoul.example"
	testShop   = "https://shop.example"
	testNow    = 1_790_000_000
	testList   = "https://seoul.example/status/1"
)

// counter is a source of bytes that never repeats and is the same in each test.
type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], c.n)
		p[i] = wire.Digest(wire.Hash("test", word[:]))[0]
		c.n++
	}
	return len(p), nil
}

// mustKey is the Ed25519 key whose seed is filled with one byte.
func mustKey(fill byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
	return priv.Public().(ed25519.PublicKey), priv
}

const (
	fillIssuer = 1
	fillHolder = 2
)

func testStatement() identity.Statement {
	return identity.Statement{
		Kind: identity.KindRealName, Issuer: testIssuer,
		IssuedAt: testNow, Expires: testNow + 90*24*3600, Decoys: 3,
		Claims: map[string]any{
			"name":        identity.Hidden{Value: "김영희"},
			"age_over_19": identity.Hidden{Value: true},
			"country":     identity.Hidden{Value: "KR"},
			"level":       2,
			"address": identity.Hidden{Value: map[string]any{
				"city": identity.Hidden{Value: "서울특별시"},
				"zip":  identity.Hidden{Value: "06236"},
			}},
			"langs": []any{identity.Hidden{Value: "ko"}, identity.Hidden{Value: "en"}, "x"},
			"a/b~c": identity.Hidden{Value: nil},
		},
	}
}

func mustSeal(tb testing.TB, d identity.Draft, priv ed25519.PrivateKey) string {
	tb.Helper()
	text, err := d.Seal(ed25519.Sign(priv, d.Input()))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func mustIssue(tb testing.TB, s identity.Statement) string {
	tb.Helper()
	issuer, priv := mustKey(fillIssuer)
	holder, _ := mustKey(fillHolder)
	copies := []identity.Copy{{
		Holder: holder, Status: identity.StatusAt{URI: testList, Index: 77},
	}}
	drafts, err := s.Batch(copies, issuer, &counter{})
	if err != nil {
		tb.Fatal(err)
	}
	return mustSeal(tb, drafts[0], priv)
}

func mustParse(tb testing.TB, text string) identity.Credential {
	tb.Helper()
	c, err := identity.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func expected() identity.Expected {
	issuer, _ := mustKey(fillIssuer)
	return identity.Expected{
		Typ: identity.TypCredential, Kind: identity.KindRealName, Issuer: testIssuer,
		Key: issuer, Audience: testShop, Nonce: "n-1", Now: testNow,
	}
}

// mustPresent shows the given claims to the test's shop.
func mustPresent(tb testing.TB, text string, claims ...string) string {
	tb.Helper()
	shown, err := mustParse(tb, text).Present(claims)
	if err != nil {
		tb.Fatal(err)
	}
	holder, priv := mustKey(fillHolder)
	d, err := shown.Bind(holder, testShop, "n-1", testNow)
	if err != nil {
		tb.Fatal(err)
	}
	return mustSeal(tb, d, priv)
}

func TestIssuePresentVerify(t *testing.T) {
	text := mustIssue(t, testStatement())
	shown := mustPresent(t, text, "/age_over_19", "/address/city", "/langs/1", "/a~1b~0c")
	got, err := mustParse(t, shown).Verify(expected())
	if err != nil {
		t.Fatal(err)
	}
	holder, _ := mustKey(fillHolder)
	midnight := int64(testNow - testNow%86400)
	want := map[string]any{
		"iss": testIssuer, "vct": identity.KindRealName,
		"iat": number(midnight), "exp": number(midnight + 90*86400),
		"cnf": map[string]any{"jwk": map[string]any{
			"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(holder),
		}},
		"status": map[string]any{"status_list": map[string]any{
			"idx": number(77), "uri": testList,
		}},
		"level": number(2), "age_over_19": true, "a/b~c": nil,
		"address": map[string]any{"city": "서울특별시"}, "langs": []any{"en", "x"},
	}
	if diff := cmp.Diff(want, got.Claims); diff != "" {
		t.Error(diff)
	}
	slices.Sort(got.Disclosed)
	if diff := cmp.Diff([]string{
		"/address", "/address/city", "/age_over_19", "/a~1b~0c", "/langs/1",
	}, got.Disclosed); diff != "" {
		t.Error(diff)
	}
	if got.Status != (identity.StatusAt{URI: testList, Index: 77}) || !holder.Equal(got.Holder) {
		t.Errorf("status %v, holder %v", got.Status, got.Holder)
	}
	for _, secret := range []string{"김영희", "06236", "KR", "name", "zip", "country"} {
		for part := range strings.SplitSeq(strings.ReplaceAll(shown, ".", "~"), "~") {
			raw, err := base64.RawURLEncoding.DecodeString(part)
			if err == nil && bytes.Contains(raw, []byte(`"`+secret+`"`)) {
				t.Errorf("%s is in the presentation: %s", secret, raw)
			}
		}
	}
}

func number(n int64) json.Number {
	text, _ := json.Marshal(n)
	return json.Number(text)
}

// Without a key binding a credential is only checked by its holder; with one of another key,
// audience, nonce or set of disclosures it is nobody's.
func TestBinding(t *testing.T) {
	text := mustIssue(t, testStatement())
	alone := expected()
	alone.Audience, alone.Nonce = "", ""
	if _, err := mustParse(t, text).Verify(alone); err != nil {
		t.Error(err)
	}
	if _, err := mustParse(t, text).Verify(expected()); err == nil {
		t.Error("accepted without a key binding")
	}
	stolen, stolenKey := mustKey(9)
	whole := mustParse(t, text)
	if _, err := whole.Bind(stolen, testShop, "n-1", testNow); err == nil {
		t.Error("bound with a key that it is not bound to")
	}
	for _, bad := range []string{"", "\xff", strings.Repeat("x", identity.AudienceBytesMax+1)} {
		holder, _ := mustKey(fillHolder)
		if _, err := whole.Bind(holder, bad, "n-1", testNow); err == nil {
			t.Errorf("bound for %.9q", bad)
		}
		if _, err := whole.Bind(holder, testShop, bad, testNow); err == nil {
			t.Errorf("bound in answer to %.9q", bad)
		}
	}
	shown := mustPresent(t, text, "/name")
	cut := strings.LastIndex(shown, "~")
	// The key binding of one presentation, moved to another of the same credential.
	other := mustPresent(t, text, "/country")
	moved := other[:strings.LastIndex(other, "~")] + shown[cut:]
	if _, err := mustParse(t, moved).Verify(expected()); err == nil {
		t.Error("a key binding was moved")
	}
	// A key binding signed with a thief's key, all else right.
	parts := strings.Split(shown[cut+1:], ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	forged := wire.JWS{Typ: identity.TypBinding, KeyID: wire.Thumbprint(stolen), Payload: payload}
	forged.Signature = ed25519.Sign(stolenKey, forged.Input())
	if _, err := mustParse(t, shown[:cut+1]+forged.Compact()).Verify(expected()); err == nil {
		t.Error("a key binding of another key was accepted")
	}
	// A key binding by the right key under the typ of a credential.
	holder, priv := mustKey(fillHolder)
	mistyped := wire.JWS{
		Typ: identity.TypCredential, KeyID: wire.Thumbprint(holder), Payload: payload,
	}
	mistyped.Signature = ed25519.Sign(priv, mistyped.Input())
	if _, err := mustParse(t, shown[:cut+1]+mistyped.Compact()).Verify(expected()); err == nil {
		t.Error("a key binding of another typ was accepted")
	}
	d, err := whole.Bind(holder, testShop, "n-1", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Seal(ed25519.Sign(stolenKey, d.Input())); err == nil {
		t.Error("sealed with a wrong signature")
	}
}

// The copies of a batch share nothing that a verifier could compare, but what they say openly.
func TestBatchIsUnlinkable(t *testing.T) {
	issuer, priv := mustKey(fillIssuer)
	var copies []identity.Copy
	for i := range byte(identity.CopiesMax) {
		holder, _ := mustKey(100 + i)
		copies = append(copies, identity.Copy{
			Holder: holder, Status: identity.StatusAt{URI: testList, Index: 1000 - int64(i)},
		})
	}
	drafts, err := testStatement().Batch(copies, issuer, &counter{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, draft := range drafts {
		c := mustParse(t, mustSeal(t, draft, priv))
		for _, d := range c.Disclosures() {
			if seen[d.Salt] || seen[d.Digest()] {
				t.Fatal("a salt or digest is in two copies")
			}
			seen[d.Salt], seen[d.Digest()] = true, true
		}
	}
	full, _ := mustKey(99)
	for name, bad := range map[string][]identity.Copy{
		"none":     nil,
		"too many": append(slices.Clone(copies), identity.Copy{Holder: full}),
		"one key": {copies[0], {
			Holder: copies[0].Holder, Status: copies[1].Status,
		}},
		"one status": {copies[0], {
			Holder: copies[1].Holder, Status: copies[0].Status,
		}},
		"no key":    {{Status: copies[0].Status}},
		"no status": {{Holder: copies[0].Holder}},
		"http":      {{Holder: full, Status: identity.StatusAt{URI: "http://seoul.example/1"}}},
	} {
		if _, err := testStatement().Batch(bad, issuer, &counter{}); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
	if _, err := testStatement().Batch(copies, issuer, io.LimitReader(&counter{}, 99)); err == nil {
		t.Error("issued without chance")
	}
	if _, err := testStatement().Batch(copies, issuer[:31], &counter{}); err == nil {
		t.Error("issued with half a key")
	}
}

// The length of a list of digests says nothing of a claim, with decoys.
func TestDecoys(t *testing.T) {
	for decoys := range identity.DecoysMax + 1 {
		s := testStatement()
		s.Decoys = decoys
		text := mustIssue(t, s)
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var payload struct {
			SD []string `json:"_sd"`
		}
		if err := json.Unmarshal(raw, &payload); err != nil {
			t.Fatal(err)
		}
		if len(payload.SD) != 5+decoys || !slices.IsSorted(payload.SD) {
			t.Errorf("%d decoys: %d digests, sorted %v", decoys, len(payload.SD),
				slices.IsSorted(payload.SD))
		}
		if _, err := mustParse(t, mustPresent(t, text, "/name")).Verify(expected()); err != nil {
			t.Errorf("%d decoys: %v", decoys, err)
		}
	}
}

func TestStatementRefuses(t *testing.T) {
	deep := any("x")
	for range identity.DepthMax {
		deep = map[string]any{"a": identity.Hidden{Value: deep}}
	}
	many := []any{}
	for range identity.DisclosuresMax + 1 {
		many = append(many, identity.Hidden{Value: 1})
	}
	for name, change := range map[string]func(*identity.Statement){
		"no kind":     func(s *identity.Statement) { s.Kind = "" },
		"no issuer":   func(s *identity.Statement) { s.Issuer = "" },
		"no life":     func(s *identity.Statement) { s.Expires = s.IssuedAt },
		"long life":   func(s *identity.Statement) { s.Expires += identity.LifeMax },
		"before 1970": func(s *identity.Statement) { s.IssuedAt = -86400 },
		"decoys":      func(s *identity.Statement) { s.Decoys = identity.DecoysMax + 1 },
		"less decoys": func(s *identity.Statement) { s.Decoys = -1 },
		"own iss":     func(s *identity.Statement) { s.Claims["iss"] = "x" },
		"own iat":     func(s *identity.Statement) { s.Claims["iat"] = 1 },
		"hidden cnf":  func(s *identity.Statement) { s.Claims["cnf"] = identity.Hidden{Value: 1} },
		"_sd":         func(s *identity.Statement) { s.Claims["_sd"] = []any{} },
		"hidden _sd":  func(s *identity.Statement) { s.Claims["_sd"] = identity.Hidden{Value: 1} },
		"_sd inside":  func(s *identity.Statement) { s.Claims["o"] = map[string]any{"_sd": 1} },
		"...":         func(s *identity.Statement) { s.Claims["..."] = 1 },
		"_sd_alg":     func(s *identity.Statement) { s.Claims["_sd_alg"] = "sha-256" },
		"float":       func(s *identity.Statement) { s.Claims["f"] = 1.5 },
		"struct":      func(s *identity.Statement) { s.Claims["s"] = struct{ A int }{1} },
		"strings":     func(s *identity.Statement) { s.Claims["s"] = []string{"x"} },
		"twice hidden": func(s *identity.Statement) {
			s.Claims["h"] = identity.Hidden{Value: identity.Hidden{}}
		},
		"large number":  func(s *identity.Statement) { s.Claims["n"] = int64(1 << 60) },
		"not UTF-8":     func(s *identity.Statement) { s.Claims["t"] = "\xff" },
		"name no UTF-8": func(s *identity.Statement) { s.Claims["\xff"] = 1 },
		"deep":          func(s *identity.Statement) { s.Claims["d"] = deep },
		"many":          func(s *identity.Statement) { s.Claims["m"] = many },
		"long": func(s *identity.Statement) {
			s.Claims["l"] = identity.Hidden{Value: strings.Repeat("x", identity.CredentialBytesMax)}
		},
	} {
		s := testStatement()
		change(&s)
		issuer, _ := mustKey(fillIssuer)
		holder, _ := mustKey(fillHolder)
		copies := []identity.Copy{{Holder: holder, Status: identity.StatusAt{URI: testList}}}
		_, err := s.Batch(copies, issuer, &counter{})
		if _, ours := fault.Of(err); !ours {
			t.Errorf("%s: %v", name, err)
		}
	}
}
