package auth_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"seyfert/auth"
	"seyfert/fault"
)

func TestNewKey(t *testing.T) {
	for live, opening := range map[bool]string{false: "sk_test_", true: "sk_live_"} {
		key, hash, err := auth.NewKey(rand.Reader, live)
		if err != nil {
			t.Fatal(err)
		}
		text := string(key)
		if !strings.HasPrefix(text, opening) || len(text) != len(opening)+43 {
			t.Errorf("key %q does not open with %s", text, opening)
		}
		if got, err := auth.HashKey(text); err != nil || got != hash {
			t.Errorf("HashKey = %x, %v, want %x", got, err, hash)
		}
		other, _, err := auth.NewKey(rand.Reader, live)
		if err != nil || other == key {
			t.Errorf("two keys are equal: %v", err)
		}
	}
	a, hashA, _ := auth.NewKey(bytes.NewReader(make([]byte, 32)), false)
	b, hashB, _ := auth.NewKey(bytes.NewReader(make([]byte, 32)), true)
	if a == b || hashA == hashB {
		t.Error("a test key and a live key with the same random part have one hash")
	}
}

func TestNewToken(t *testing.T) {
	token, hash, err := auth.NewToken(rand.Reader, "mst")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := auth.HashToken("mst", string(token)); err != nil || got != hash {
		t.Errorf("HashToken = %x, %v, want %x", got, err, hash)
	}
	for _, prefix := range []string{"code", "ms", "mstx", "st"} {
		if _, err := auth.HashToken(prefix, string(token)); err == nil {
			t.Errorf("a mst token was taken for a %s token", prefix)
		}
	}
	if _, err := auth.HashKey(string(token)); err == nil {
		t.Error("a token was taken for an API key")
	}
	key, _, err := auth.NewKey(rand.Reader, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.HashToken("sk", string(key)); err == nil {
		t.Error("an API key was taken for a token")
	}
}

func TestShortRandom(t *testing.T) {
	for _, random := range []io.Reader{
		bytes.NewReader(make([]byte, 31)), iotest.ErrReader(errors.New("broken")),
	} {
		if key, _, err := auth.NewKey(random, false); err == nil || key != "" {
			t.Error("a key was made without its random part")
		}
		if token, _, err := auth.NewToken(random, "mst"); err == nil || token != "" {
			t.Error("a token was made without its random part")
		}
	}
}

func TestMalformedCredentials(t *testing.T) {
	zero := strings.Repeat("A", 43)
	if _, err := auth.HashKey("sk_test_" + zero); err != nil {
		t.Fatalf("a good key: %v", err)
	}
	for _, text := range []string{
		"", "sk_test_", "sk_test_" + zero[1:], "sk_test_" + zero + "A", "sk_prod_" + zero,
		"SK_TEST_" + zero, " sk_test_" + zero, "sk_test_" + zero[1:] + "=",
		"sk_test_" + zero[1:] + "+", "sk_test_" + zero[1:] + "/", "sk_test_" + zero[1:] + "B",
		"sk_test_" + zero[1:] + "\n", "sk_test_" + zero[4:] + "\r\n\r\n", zero,
		"sk_test_" + strings.Repeat("A", 1<<20),
	} {
		_, err := auth.HashKey(text)
		f, ok := fault.Of(err)
		if !ok || f.Code != fault.Unauthenticated || strings.Contains(err.Error(), zero[2:]) {
			t.Errorf("HashKey(%.60q) = %v", text, err)
		}
		token := strings.Replace(text, "sk_test_", "mst_", 1)
		if _, err := auth.HashToken("mst", token); err == nil {
			t.Errorf("HashToken(%.60q) passed", token)
		}
	}
}

func TestBadPrefixPanics(t *testing.T) {
	long := strings.Repeat("a", auth.PrefixMax)
	if _, _, err := auth.NewToken(rand.Reader, long); err != nil {
		t.Errorf("prefix of %d bytes: %v", len(long), err)
	}
	for _, prefix := range []string{"", "a_b", "A", "a1", long + "a"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("prefix %q did not panic", prefix)
				}
			}()
			auth.NewToken(rand.Reader, prefix)
		}()
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret, _, err := auth.NewToken(rand.Reader, "mst")
	if err != nil {
		t.Fatal(err)
	}
	type session struct{ Token auth.Secret }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %10s"} {
		fmt.Fprintf(&out, verb, secret)
		fmt.Fprintf(&out, verb, session{secret})
		fmt.Fprintf(&out, verb, &session{secret})
		fmt.Fprintf(&out, verb, map[auth.Secret]auth.Secret{secret: secret})
	}
	fmt.Fprint(&out, secret, errors.New("for "+secret.String()))
	slog.New(slog.NewTextHandler(&out, nil)).Info("in", "token", secret, "in", session{secret})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("in", "token", secret, "in", session{secret})
	if err := json.NewEncoder(&out).Encode(session{secret}); err != nil {
		t.Fatal(err)
	}
	body := strings.TrimPrefix(string(secret), "mst_")
	for _, leak := range []string{body, fmt.Sprintf("%x", body), fmt.Sprintf("%X", body)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the secret was printed: %s", out.String())
		}
	}
	if !strings.Contains(out.String(), "[secret]") {
		t.Error("nothing stands in the secret's place")
	}
}

// FuzzHashKey holds that a text that passes has exactly one form.
func FuzzHashKey(f *testing.F) {
	f.Add("sk_test_" + strings.Repeat("A", 43))
	f.Add("sk_live_" + strings.Repeat("_", 42) + "8")
	f.Add("sk_test_" + strings.Repeat("A", 42) + "B")
	f.Add("mst_" + strings.Repeat("-", 42) + "w")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := auth.HashKey(text)
		if err == nil && (len(text) != 8+43 || strings.ContainsAny(text, "+/=\r\n ")) {
			t.Fatalf("%q passed", text)
		}
		_, err = auth.HashToken("mst", text)
		if err == nil && (len(text) != 4+43 || strings.ContainsAny(text, "+/=\r\n ")) {
			t.Fatalf("%q passed", text)
		}
	})
}

// TestHashKeyTakesOneForm holds what is taken for a key against the decoder of base64url: each
// last character, and characters that are none.
func TestHashKeyTakesOneForm(t *testing.T) {
	for c := range 256 {
		for _, text := range []string{
			strings.Repeat("_", 42) + string([]byte{byte(c)}),
			string([]byte{byte(c)}) + strings.Repeat("A", 42),
		} {
			raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
			want := err == nil && len(raw) == 32
			if _, err := auth.HashKey(auth.KeyTest + text); (err == nil) != want {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}
