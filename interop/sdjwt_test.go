package interop_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/identity"
	"seyfert/wire"
)

const (
	issuerName = "did:web:seoul.example"
	shop       = "https://shop.example"
	statusURI  = "https://seoul.example/status/1"
	nonce      = "an unguessable nonce"
)

// modules is the folder into which `go run -C tools ./fetch npm` puts the pinned modules.
func modules(tb testing.TB) string {
	tb.Helper()
	skip := tb.Skipf
	if os.Getenv("CI") == "true" {
		skip = tb.Fatalf
	}
	if _, err := exec.LookPath("node"); err != nil {
		skip("SKIPPED: interop: there is no node here")
	}
	hash := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		hash.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		skip("SKIPPED: interop: %v", err)
	}
	name := hex.EncodeToString(hash.Sum(nil)[:8])
	folder := filepath.Join(cache, "seyfert", "npm", name)
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		skip("SKIPPED: interop: the modules are not there: go run -C tools ./fetch npm")
	}
	return folder
}

// object is a JSON object.
type object = map[string]any

// mustDo lets Node.js do one thing. The answer says "refused" where the modules threw an error.
func mustDo(tb testing.TB, folder, what string, request object) object {
	tb.Helper()
	request["do"] = what
	input, err := json.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(tb.Context(), "node", "sdjwt.mjs", folder)
	command.Stdin, command.Stderr = bytes.NewReader(input), &stderr
	output, err := command.Output()
	if err != nil {
		tb.Fatalf("node: %v\n%s", err, stderr.Bytes())
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	decoder.UseNumber()
	var answer object
	if err := decoder.Decode(&answer); err != nil {
		tb.Fatalf("node: %v\n%s", err, output)
	}
	return answer
}

// mustAgree is mustDo for what must not be refused.
func mustAgree(tb testing.TB, folder, what string, request object) object {
	tb.Helper()
	answer := mustDo(tb, folder, what, request)
	if why, there := answer["refused"]; there {
		tb.Fatalf("%s: refused: %v", what, why)
	}
	return answer
}

// party is a key of ours.
type party struct {
	pub  ed25519.PublicKey
	priv ed25519.PrivateKey
}

func mustParty(tb testing.TB) party {
	tb.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return party{pub, priv}
}

func (p party) jwk() object {
	return object{
		"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(p.pub),
	}
}

// private is the key with its secret, for a holder who signs with the other program.
func (p party) private() object {
	jwk := p.jwk()
	jwk["d"] = base64.RawURLEncoding.EncodeToString(p.priv.Seed())
	return jwk
}

func (p party) mustSeal(tb testing.TB, d identity.Draft) string {
	tb.Helper()
	text, err := d.Seal(ed25519.Sign(p.priv, d.Input()))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// mustIssue issues a credential of ours with something hidden in every way that there is.
func mustIssue(tb testing.TB, issuer, holder party, now int64) identity.Credential {
	tb.Helper()
	drafts, err := identity.Statement{
		Kind: identity.KindRealName, Issuer: issuerName,
		IssuedAt: now - 86400, Expires: now + 30*86400, Decoys: 4,
		Claims: object{
			"name":        identity.Hidden{Value: "김영희 \u2028 <&> \"\\\u0001"},
			"age_over_19": identity.Hidden{Value: true},
			"address": identity.Hidden{Value: object{
				"city": identity.Hidden{Value: "서울특별시"}, "zip": identity.Hidden{Value: "06236"},
				"country": "KR",
			}},
			"open":  object{"inner": identity.Hidden{Value: 7}, "none": nil},
			"langs": []any{identity.Hidden{Value: "ko"}, identity.Hidden{Value: "en"}, "fr"},
			"level": 2,
		},
	}.Batch([]identity.Copy{{
		Holder: holder.pub, Status: identity.StatusAt{URI: statusURI, Index: 12345},
	}}, issuer.pub, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := identity.Parse(issuer.mustSeal(tb, drafts[0]))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// What we issue and present, @sd-jwt/core and jose verify; what we changed, they refuse.
func TestOursByTheirs(t *testing.T) {
	folder, now := modules(t), time.Now().Unix()
	issuer, holder := mustParty(t), mustParty(t)
	whole := mustIssue(t, issuer, holder, now)
	shown, err := whole.Present([]string{
		"/name", "/age_over_19", "/address/city", "/open/inner", "/langs/1",
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := shown.Bind(holder.pub, shop, nonce, now)
	if err != nil {
		t.Fatal(err)
	}
	text := holder.mustSeal(t, d)
	request := func(text string) object {
		return object{"credential": text, "issuer": issuer.jwk(), "nonce": nonce, "now": now}
	}
	answer := mustAgree(t, folder, "verify", request(text))
	ours := mustVerify(t, text, identity.Expected{
		Typ: identity.TypCredential, Kind: identity.KindRealName, Issuer: issuerName,
		Key: issuer.pub, Audience: shop, Nonce: nonce, Now: now,
	})
	if diff := cmp.Diff(ours.Claims, answer["payload"]); diff != "" {
		t.Error(diff)
	}
	header := object{
		"alg": "EdDSA", "kid": wire.Thumbprint(issuer.pub), "typ": identity.TypCredential,
	}
	if diff := cmp.Diff(header, answer["header"]); diff != "" {
		t.Error(diff)
	}
	if answer["thumbprint"] != wire.Thumbprint(issuer.pub) {
		t.Errorf("thumbprint %v", answer["thumbprint"])
	}
	binding, _ := answer["kb"].(object)["payload"].(object)
	if binding["aud"] != shop || binding["nonce"] != nonce {
		t.Errorf("key binding %v", binding)
	}
	parts := strings.Split(text, "~")
	for name, changed := range map[string]string{
		"a disclosure less": strings.Join(slices.Delete(slices.Clone(parts), 1, 2), "~"),
		"a disclosure more": strings.Replace(text, "~", "~"+whole.Disclosures()[0].Text()+"~", 1),
		"a changed payload": strings.Replace(text, ".e", ".f", 1),
	} {
		if answer := mustDo(t, folder, "verify", request(changed)); answer["refused"] == nil {
			t.Errorf("%s: they accepted it", name)
		}
	}
	other := request(text)
	other["nonce"] = "another nonce"
	if answer := mustDo(t, folder, "verify", other); answer["refused"] == nil {
		t.Error("another nonce: they accepted it")
	}
}

// A credential of ours in a wallet of theirs: @sd-jwt/core presents it, we verify.
func TestOursPresentedByTheirs(t *testing.T) {
	folder, now := modules(t), time.Now().Unix()
	issuer, holder := mustParty(t), mustParty(t)
	whole := mustIssue(t, issuer, holder, now)
	answer := mustAgree(t, folder, "present", object{
		"credential": whole.Text(), "holder": holder.private(),
		"audience": shop, "nonce": nonce, "now": now,
		"frame": object{
			"age_over_19": true, "address": object{"zip": true}, "langs": object{"0": true},
		},
	})
	text, _ := answer["credential"].(string)
	got := mustVerify(t, text, identity.Expected{
		Typ: identity.TypCredential, Kind: identity.KindRealName, Issuer: issuerName,
		Key: issuer.pub, Audience: shop, Nonce: nonce, Now: now,
	})
	slices.Sort(got.Disclosed)
	want := []string{"/address", "/address/zip", "/age_over_19", "/langs/0"}
	if diff := cmp.Diff(want, got.Disclosed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(object{"zip": "06236", "country": "KR"}, got.Claims["address"]); diff != "" {
		t.Error(diff)
	}
}

// What @sd-jwt/core issues and presents with jose's signatures, we verify; what was changed,
// we refuse.
func TestTheirsByOurs(t *testing.T) {
	folder, now := modules(t), time.Now().Unix()
	for _, algorithm := range []string{"EdDSA", "Ed25519", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			answer := mustAgree(t, folder, "issue", object{
				"algorithm": algorithm, "typ": identity.TypCredential,
				"audience": shop, "nonce": nonce, "now": now,
				"claims": object{
					"iss": "https://issuer.example", "vct": "https://issuer.example/pid",
					"iat": now, "exp": now + 1000, "name": "김영희", "rate": "1.5",
					"address": object{"city": "Seoul", "zip": "06236"},
					"langs":   []any{"ko", "en", object{"code": "fr", "level": 3}},
				},
				"hide": object{
					"_sd": []string{"name", "rate", "address"}, "_sd_decoy": 3,
					"address": object{"_sd": []string{"city", "zip"}, "_sd_decoy": 2},
					"langs":   object{"_sd": []int{0, 2}, "2": object{"_sd": []string{"level"}}},
				},
				"frame": object{
					"name": true, "address": object{"city": true},
					"langs": object{"2": object{"level": true}},
				},
			})
			theirIssuer, _ := answer["issuer"].(object)
			key, err := identity.ParseKey(theirIssuer)
			if err != nil {
				t.Fatal(err)
			}
			e := identity.Expected{
				Typ: identity.TypCredential, Kind: "https://issuer.example/pid",
				Issuer: "https://issuer.example", Key: key,
				Audience: shop, Nonce: nonce, Now: now,
			}
			text, _ := answer["credential"].(string)
			got := mustVerify(t, text, e)
			for name, want := range map[string]any{
				"name": "김영희", "rate": nil, "address": object{"city": "Seoul"},
				"langs": []any{"en", object{"code": "fr", "level": json.Number("3")}},
			} {
				if diff := cmp.Diff(want, got.Claims[name]); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			slices.Sort(got.Disclosed)
			want := []string{"/address", "/address/city", "/langs/2", "/langs/2/level", "/name"}
			if diff := cmp.Diff(want, got.Disclosed); diff != "" {
				t.Error(diff)
			}
			whole, _ := answer["whole"].(string)
			cut := strings.LastIndex(text, "~") + 1
			for name, changed := range map[string]string{
				"their whole with that key binding": whole + text[cut:],
				"no key binding":                    text[:cut],
				"a changed signature":               changeAt(text, strings.Index(text, "~")-9),
				"a changed disclosure":              changeAt(text, strings.Index(text, "~")+9),
				"a changed key binding":             changeAt(text, len(text)-9),
			} {
				c, err := identity.Parse(changed)
				if err == nil {
					_, err = c.Verify(e)
				}
				if err == nil {
					t.Errorf("%s: accepted", name)
				}
			}
		})
	}
}

// changeAt exchanges one character of base64url.
func changeAt(text string, at int) string {
	to := "A"
	if text[at] == 'A' {
		to = "B"
	}
	return text[:at] + to + text[at+1:]
}

// A list of statuses of ours, verified by jose and unpacked by Node's zlib.
func TestStatusListByTheirs(t *testing.T) {
	folder, now := modules(t), time.Now().Unix()
	issuer := mustParty(t)
	for _, bits := range []int{1, 2, 4, 8} {
		l, err := identity.NewStatusList(bits, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		entries := []int64{0, 1, 7, 8, 12345, 99_999}
		var want []any
		for i, at := range entries {
			status := identity.Status((i + 1) % (1 << bits))
			if err := l.Set(at, status); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(status)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, json.Number(text))
		}
		d, err := l.Publish(statusURI, issuer.pub, now, now+3600)
		if err != nil {
			t.Fatal(err)
		}
		answer := mustAgree(t, folder, "status", object{
			"list": issuer.mustSeal(t, d), "issuer": issuer.jwk(), "uri": statusURI,
			"entries": entries, "now": now,
		})
		if diff := cmp.Diff(any(want), answer["statuses"]); diff != "" {
			t.Errorf("%d bits: %s", bits, diff)
		}
	}
}

func mustVerify(tb testing.TB, text string, e identity.Expected) identity.Verified {
	tb.Helper()
	c, err := identity.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	v, err := c.Verify(e)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
