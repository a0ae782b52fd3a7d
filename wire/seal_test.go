package wire_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/wire"
)

// RFC 9180 appendix A.2.1: base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305, sequence 0.
func TestOpenVector(t *testing.T) {
	key := mustPrivate(t, "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
	plain, err := wire.Open(
		key,
		mustHex(t, "4f6465206f6e2061204772656369616e2055726e"),
		mustHex(t, "436f756e742d30"),
		mustHex(t, "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"+
			"1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db"+
			"21993c62ce81883d2dd1b51a28"),
	)
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "plain", plain, "4265617574792069732074727574682c20747275746820626561757479")
}

func TestSealRoundTrip(t *testing.T) {
	key := mustX25519(t, 0x11)
	rapid.Check(t, func(t *rapid.T) {
		info := rapid.SliceOf(rapid.Byte()).Draw(t, "info")
		aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := wire.Seal(key.PublicKey(), info, aad, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.Open(key, info, aad, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %x, %v", got, err)
		}
		if _, err := wire.Open(key, append(info, 1), aad, sealed); err == nil {
			t.Fatal("opened for another purpose")
		}
		if _, err := wire.Open(key, info, append(aad, 1), sealed); err == nil {
			t.Fatal("opened with another aad")
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		sealed[i] ^= 1
		// The top bit of an X25519 key is ignored by the curve, yet bound by the key schedule.
		if _, err := wire.Open(key, info, aad, sealed); err == nil {
			t.Fatalf("opened with byte %d changed", i)
		}
	})
}

func TestSealLimits(t *testing.T) {
	key := mustX25519(t, 0x11)
	longest := make([]byte, wire.SealedBytesMax-48)
	sealed, err := wire.Seal(key.PublicKey(), nil, nil, longest)
	if err != nil || len(sealed) != wire.SealedBytesMax {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	if _, err := wire.Open(key, nil, nil, sealed); err != nil {
		t.Error(err)
	}
	if _, err := wire.Seal(key.PublicKey(), nil, nil, append(longest, 0)); err == nil {
		t.Error("a longer text was sealed")
	}
	for _, size := range []int{0, 31, 32, 47} {
		if _, err := wire.Open(key, nil, nil, make([]byte, size)); err == nil {
			t.Errorf("%d bytes were opened", size)
		}
	}
	if _, err := wire.Open(key, nil, nil, append(sealed, 0)); err == nil {
		t.Error("a longer text was opened")
	}
	lowOrder := make([]byte, 48)
	if _, err := wire.Open(key, nil, nil, lowOrder); err == nil {
		t.Error("a low-order key was accepted")
	}
}

func mustReceipt(tb testing.TB) wire.SealedReceipt {
	tb.Helper()
	r, err := wire.SealReceipt(
		"did:web:seoul.localhost%3A8443", mustX25519(tb, 0x11).PublicKey(), []byte("order"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestSealedReceipt(t *testing.T) {
	key := mustX25519(t, 0x11)
	r := mustReceipt(t)
	got, err := wire.ParseSealedReceipt(r.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	if plain, err := got.Open(key); err != nil || string(plain) != "order" {
		t.Errorf("opened %q, %v", plain, err)
	}
	if _, err := got.Open(mustX25519(t, 0x22)); err == nil {
		t.Error("opened with another key")
	}
	moved := got
	moved.Node = "did:web:tokyo.example"
	if _, err := moved.Open(key); err == nil {
		t.Error("opened under another node's name")
	}
	parts := strings.Split(r.String(), ".")
	if want := parts[1] + "." + parts[2]; string(r.AAD()) != want {
		t.Errorf("aad %s, want %s", r.AAD(), want)
	}
	if _, err := wire.SealReceipt("seoul", key.PublicKey(), nil); err == nil {
		t.Error("sealed for no node")
	}
	if _, err := wire.SealReceipt(
		"did:web:a", key.PublicKey(), make([]byte, wire.ReceiptTextMax)); err == nil {
		t.Error("sealed more than a receipt holds")
	}
	if _, err := wire.SealReceipt(
		"did:web:a", key.PublicKey(), make([]byte, wire.SealedBytesMax)); err == nil {
		t.Error("sealed more than Seal takes")
	}
}

func TestParseSealedReceiptRefuses(t *testing.T) {
	good := mustReceipt(t).String()
	parts := strings.Split(good, ".")
	join := func(version, node, key, sealed string) string {
		return version + "." + node + "." + key + "." + sealed
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, text := range map[string]string{
		"nothing":      "",
		"three parts":  strings.Join(parts[:3], "."),
		"five parts":   good + ".",
		"version":      join("v2", parts[1], parts[2], parts[3]),
		"no DID":       join("v1", encode([]byte("seoul")), parts[2], parts[3]),
		"node padding": join("v1", parts[1]+"=", parts[2], parts[3]),
		"short key":    join("v1", parts[1], parts[2][4:], parts[3]),
		"bad key":      join("v1", parts[1], "!"+parts[2][1:], parts[3]),
		"short text":   join("v1", parts[1], parts[2], encode(make([]byte, 47))),
		"line break":   good + "\n",
		"long":         good + strings.Repeat("A", wire.ReceiptTextMax),
	} {
		if _, err := wire.ParseSealedReceipt(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseSealedReceipt(f *testing.F) {
	f.Add(mustReceipt(f).String())
	f.Add("v1...")
	key := mustX25519(f, 0x11)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := wire.ParseSealedReceipt(text)
		if err != nil {
			return
		}
		if r.String() != text {
			t.Errorf("%q became %q", text, r)
		}
		if plain, err := r.Open(key); err == nil && string(plain) != "order" {
			t.Errorf("opened %q", plain)
		}
	})
}

func FuzzOpen(f *testing.F) {
	key := mustX25519(f, 0x11)
	sealed, err := wire.Seal(key.PublicKey(), []byte("i"), nil, []byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := wire.Open(key, []byte("i"), nil, data)
		if err == nil && len(plain) != len(data)-48 {
			t.Errorf("opened %x as %x", data, plain)
		}
	})
}
