package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/wire"
)

// nodeKeys are the keys of a test node: fills of its seeds.
const (
	fillIdentity = 1
	fillSealing  = 2
	fillRecovery = 3
	fillNext     = 4
)

func testLane(number uint32) wire.Lane {
	return wire.Lane{
		Number: number, Coin: vectorCoin(byte(number)),
		Script: "5120" + strings.Repeat("ab", 32),
	}
}

func testDescriptor(tb testing.TB) wire.Descriptor {
	tb.Helper()
	identity, _ := mustKey(tb, fillIdentity)
	recovery, _ := mustKey(tb, fillRecovery)
	return wire.Descriptor{
		DID: "did:web:seoul.localhost%3A8443",
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(identity, 1, 2, 3),
			wire.NewSealingJWK(mustX25519(tb, fillSealing).PublicKey(), 1, 2, 3),
		}},
		RecoveryKeyHash: wire.Thumbprint(recovery),
		Endpoints:       wire.Endpoints{SNP: "http://seoul.localhost:8443"},
		Currencies:      []wire.DescriptorCurrency{{Code: "BTC", Scale: 8}, {Code: "KRW"}},
		Rails:           []string{"bank", "bitcoin"},
		Chain: wire.DescriptorChain{
			Network: "regtest", Lanes: []wire.Lane{testLane(0), testLane(1)},
		},
		TimeZone:      "Asia/Seoul",
		PolicyVersion: 1,
	}
}

// mustSignDescriptor signs d with the key of the given fill and returns the compact JWS.
func mustSignDescriptor(tb testing.TB, d wire.Descriptor, fill byte) string {
	tb.Helper()
	payload, err := d.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	pub, priv := mustKey(tb, fill)
	j := wire.JWS{Typ: wire.TypDescriptor, KeyID: wire.Thumbprint(pub), Payload: payload}
	j.Signature = ed25519.Sign(priv, j.Input())
	return j.Compact()
}

// mustFollow is a descriptor that follows d, not endorsed by anyone.
func mustFollow(tb testing.TB, d wire.Descriptor) wire.Descriptor {
	tb.Helper()
	hash, err := d.Hash()
	if err != nil {
		tb.Fatal(err)
	}
	d.Serial++
	d.PrevHash = hash
	return d
}

// mustEndorse adds the endorsement of the key of the given fill.
func mustEndorse(tb testing.TB, d *wire.Descriptor, fill byte) {
	tb.Helper()
	text, err := d.EndorsedText()
	if err != nil {
		tb.Fatal(err)
	}
	pub, priv := mustKey(tb, fill)
	input := wire.JWSInput(wire.TypDescriptor, wire.Thumbprint(pub), text)
	d.Endorsements = append(d.Endorsements, wire.NewEndorsement(pub, ed25519.Sign(priv, input)))
	slices.SortFunc(d.Endorsements, func(a, b wire.Endorsement) int {
		return strings.Compare(a.KeyID, b.KeyID)
	})
}

// rotate puts the key of fillNext first.
func rotate(tb testing.TB, d *wire.Descriptor) {
	tb.Helper()
	next, _ := mustKey(tb, fillNext)
	d.Keys.Keys = append(
		[]wire.JWK{wire.NewSigningJWK(next, 2, 3, 4)}, d.Keys.Keys...)
}

func TestParseDescriptor(t *testing.T) {
	want := testDescriptor(t)
	text := mustSignDescriptor(t, want, fillIdentity)
	got, j, err := wire.ParseDescriptor(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	identity, _ := mustKey(t, fillIdentity)
	if pub, keyID, err := got.SigningKey(); err != nil || !pub.Equal(identity) || keyID != j.KeyID {
		t.Errorf("signing key %s, %v", keyID, err)
	}
	sealing := mustX25519(t, fillSealing).PublicKey()
	pub, keyID, err := got.SealingKey()
	if err != nil || !pub.Equal(sealing) || keyID != wire.SealingThumbprint(sealing) {
		t.Errorf("sealing key %s, %v", keyID, err)
	}
	hash, err := got.Hash()
	if err != nil || hash != wire.DescriptorHash(wire.DIDHash(want.DID), 0, j.Payload) {
		t.Errorf("hash %x, %v", hash, err)
	}
	if _, _, err := wire.ParseDescriptor(mustSignDescriptor(t, want, fillNext)); err == nil {
		t.Error("signed by a key that is not its own, and accepted")
	}
	_, priv := mustKey(t, fillIdentity)
	j.Typ = wire.TypMessage
	j.Signature = ed25519.Sign(priv, j.Input())
	if _, _, err := wire.ParseDescriptor(j.Compact()); err == nil {
		t.Error("a message was accepted as a descriptor")
	}
	if _, _, err := wire.ParseDescriptor(text[:len(text)-4]); err == nil {
		t.Error("a cut descriptor was accepted")
	}
}

func TestDescriptorRefuses(t *testing.T) {
	for name, change := range map[string]func(*wire.Descriptor){
		"did":             func(d *wire.Descriptor) { d.DID = "seoul" },
		"serial":          func(d *wire.Descriptor) { d.Serial = 1 },
		"prevHash":        func(d *wire.Descriptor) { d.PrevHash[0] = 1 },
		"no keys":         func(d *wire.Descriptor) { d.Keys = wire.JWKS{} },
		"recovery":        func(d *wire.Descriptor) { d.RecoveryKeyHash = "x" },
		"recovery in use": func(d *wire.Descriptor) { d.RecoveryKeyHash = d.Keys.Keys[0].KeyID },
		"snp scheme":      func(d *wire.Descriptor) { d.Endpoints.SNP = "http://seoul.example" },
		"snp other":       func(d *wire.Descriptor) { d.Endpoints.SNP = "ftp://seoul.localhost" },
		"snp slash":       func(d *wire.Descriptor) { d.Endpoints.SNP += "/" },
		"snp user":        func(d *wire.Descriptor) { d.Endpoints.SNP = "https://a@seoul.example" },
		"snp query":       func(d *wire.Descriptor) { d.Endpoints.SNP = "https://seoul.example?" },
		"snp fragment":    func(d *wire.Descriptor) { d.Endpoints.SNP = "https://seoul.example#a" },
		"snp form":        func(d *wire.Descriptor) { d.Endpoints.SNP = "HTTPS://seoul.example" },
		"snp none":        func(d *wire.Descriptor) { d.Endpoints.SNP = "" },
		"snp space":       func(d *wire.Descriptor) { d.Endpoints.SNP = "https://a b" },
		"api":             func(d *wire.Descriptor) { d.Endpoints.API = "seoul" },
		"api long": func(d *wire.Descriptor) {
			d.Endpoints.API = "https://seoul.example/" + strings.Repeat("a", 512)
		},
		"no currencies":  func(d *wire.Descriptor) { d.Currencies = nil },
		"currency case":  func(d *wire.Descriptor) { d.Currencies[1].Code = "krw" },
		"currency order": func(d *wire.Descriptor) { slices.Reverse(d.Currencies) },
		"currency scale": func(d *wire.Descriptor) { d.Currencies[0].Scale = 19 },
		"rail order":     func(d *wire.Descriptor) { slices.Reverse(d.Rails) },
		"rail empty":     func(d *wire.Descriptor) { d.Rails[0] = "" },
		"rail space":     func(d *wire.Descriptor) { d.Rails[0] = "a b" },
		"network":        func(d *wire.Descriptor) { d.Chain.Network = "litecoin" },
		"lane number":    func(d *wire.Descriptor) { d.Chain.Lanes[1].Number = 2 },
		"lane coin":      func(d *wire.Descriptor) { d.Chain.Lanes[1].Coin = d.Chain.Lanes[0].Coin },
		"lane script": func(d *wire.Descriptor) {
			d.Chain.Lanes[0].Script = "0014" + strings.Repeat("ab", 20)
		},
		"lane case": func(d *wire.Descriptor) {
			d.Chain.Lanes[0].Script = strings.ToUpper(d.Chain.Lanes[0].Script)
		},
		"lane digits": func(d *wire.Descriptor) { d.Chain.Lanes[0].Script = "x" },
		"time zone":   func(d *wire.Descriptor) { d.TimeZone = "" },
		"policy":      func(d *wire.Descriptor) { d.PolicyVersion = 0 },
		"endorsement": func(d *wire.Descriptor) { d.Endorsements = []wire.Endorsement{{}} },
		"endorsed sig": func(d *wire.Descriptor) {
			mustEndorse(t, d, fillRecovery)
			d.Endorsements[0].Signature = ""
		},
		"endorsed same": func(d *wire.Descriptor) {
			mustEndorse(t, d, fillRecovery)
			mustEndorse(t, d, fillRecovery)
		},
	} {
		d := testDescriptor(t)
		change(&d)
		if _, err := d.Encode(); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := d.Hash(); err == nil {
			t.Errorf("%s: hashed", name)
		}
	}
}

func TestDescriptorLimits(t *testing.T) {
	full := testDescriptor(t)
	full.Currencies, full.Rails, full.Chain.Lanes = nil, nil, nil
	for i := range wire.CurrenciesMax {
		code := "A" + string(rune('A'+i/26)) + string(rune('A'+i%26))
		full.Currencies = append(full.Currencies, wire.DescriptorCurrency{Code: code})
	}
	for i := range wire.RailsMax {
		full.Rails = append(full.Rails, fmt.Sprintf("rail-%02d", i))
	}
	for i := range uint32(wire.LanesMax) {
		full.Chain.Lanes = append(full.Chain.Lanes, testLane(i))
	}
	mustEndorse(t, &full, 3)
	mustEndorse(t, &full, 4)
	payload, err := full.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.ParseDescriptorPayload(payload); err != nil {
		t.Fatal(err)
	}
	long := append(bytes.Clone(payload), make([]byte, wire.DescriptorBytesMax)...)
	if _, err := wire.ParseDescriptorPayload(long); err == nil {
		t.Error("a long text was accepted")
	}
	for name, change := range map[string]func(*wire.Descriptor){
		"currencies": func(d *wire.Descriptor) {
			d.Currencies = append(d.Currencies, wire.DescriptorCurrency{Code: "ZZZ"})
		},
		"rails": func(d *wire.Descriptor) { d.Rails = append(d.Rails, "z") },
		"lanes": func(d *wire.Descriptor) { d.Chain.Lanes = append(d.Chain.Lanes, testLane(16)) },
		"endorsements": func(d *wire.Descriptor) {
			d.Endorsements = append(d.Endorsements, d.Endorsements...)
		},
	} {
		d := full
		change(&d)
		if _, err := d.Encode(); err == nil {
			t.Errorf("more %s accepted", name)
		}
	}
}

func TestCheckSuccession(t *testing.T) {
	old := testDescriptor(t)
	renewed := mustFollow(t, old)
	rotated := mustFollow(t, old)
	rotate(t, &rotated)
	mustEndorse(t, &rotated, fillIdentity)
	recovered := mustFollow(t, old)
	rotate(t, &recovered)
	recovered.Serial, recovered.PrevHash = 1000, wire.Digest{9}
	recovered.RecoveryKeyHash = wire.Thumbprint(ed25519.PublicKey(bytes.Repeat([]byte{7}, 32)))
	mustEndorse(t, &recovered, fillRecovery)
	for _, c := range []struct {
		next wire.Descriptor
		fill byte
		want wire.Succession
	}{
		{renewed, fillIdentity, wire.Renewed},
		{rotated, fillNext, wire.Rotated},
		{recovered, fillNext, wire.Recovered},
	} {
		next, _, err := wire.ParseDescriptor(mustSignDescriptor(t, c.next, c.fill))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := wire.CheckSuccession(old, next); err != nil || got != c.want {
			t.Errorf("succession %d, want %d, %v", got, c.want, err)
		}
	}
}

func TestCheckSuccessionRefuses(t *testing.T) {
	old := testDescriptor(t)
	thief := wire.Thumbprint(ed25519.PublicKey(bytes.Repeat([]byte{7}, 32)))
	for name, change := range map[string]func(*wire.Descriptor){
		"another node":  func(d *wire.Descriptor) { d.DID = "did:web:tokyo.example" },
		"same serial":   func(d *wire.Descriptor) { d.Serial, d.PrevHash = 0, wire.Digest{} },
		"leap":          func(d *wire.Descriptor) { d.Serial = 2 },
		"another chain": func(d *wire.Descriptor) { d.PrevHash[0] ^= 1 },
		"recovery key":  func(d *wire.Descriptor) { d.RecoveryKeyHash = thief },
		"new key alone": func(d *wire.Descriptor) { rotate(t, d) },
		"recovery key by the old key": func(d *wire.Descriptor) {
			rotate(t, d)
			d.RecoveryKeyHash = thief
			mustEndorse(t, d, fillIdentity)
		},
		"endorsed by another": func(d *wire.Descriptor) {
			rotate(t, d)
			mustEndorse(t, d, 9)
		},
		"endorsement of another text": func(d *wire.Descriptor) {
			rotate(t, d)
			mustEndorse(t, d, fillIdentity)
			d.PolicyVersion++
		},
		"recovery of another text": func(d *wire.Descriptor) {
			mustEndorse(t, d, fillRecovery)
			d.PolicyVersion++
		},
	} {
		next := mustFollow(t, old)
		change(&next)
		if got, err := wire.CheckSuccession(old, next); err == nil {
			t.Errorf("%s: accepted as %d", name, got)
		}
	}
}

func TestDID(t *testing.T) {
	for did, want := range map[string]string{
		"did:web:a":                                  "a",
		"did:web:seoul.example":                      "seoul.example",
		"did:web:seoul.localhost%3A8443":             "seoul.localhost:8443",
		"did:web:xn--3e0b707e.example":               "xn--3e0b707e.example",
		"did:web:" + strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
	} {
		if got, err := wire.DIDHost(did); err != nil || got != want {
			t.Errorf("%s: %s, %v", did, got, err)
		}
	}
	for _, did := range []string{
		"", "did:web:", "did:key:a", "DID:web:a", "did:web:A", "did:web:a.", "did:web:.a",
		"did:web:a..b", "did:web:-a", "did:web:a-", "did:web:a_b", "did:web:a:b", "did:web:a/b",
		"did:web:a%3a80", "did:web:a%3A", "did:web:a%3A0", "did:web:a%3A080", "did:web:a%3A65536",
		"did:web:a%3A80%3A80", "did:web:a b", "did:web:é", "did:web:" + strings.Repeat("a", 64),
		"did:web:" + strings.Repeat("a.", 127) + "a", "did:web:" + strings.Repeat("a.", 150) + "a",
	} {
		if err := wire.CheckDID(did); err == nil {
			t.Errorf("%q: accepted", did)
		}
	}
}

func TestDigest(t *testing.T) {
	text := strings.Repeat("0a", 32)
	d, err := wire.ParseDigest(text)
	if err != nil || d.String() != text || d.IsZero() {
		t.Errorf("digest %s, %v", d, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.ToUpper(text), "0g" + text[2:]} {
		if _, err := wire.ParseDigest(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func FuzzParseDescriptor(f *testing.F) {
	d := testDescriptor(f)
	payload, err := d.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	next := mustFollow(f, d)
	mustEndorse(f, &next, fillRecovery)
	if payload, err = next.Encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := wire.ParseDescriptorPayload(payload)
		if err != nil {
			return
		}
		if again, err := d.Encode(); err != nil || !bytes.Equal(again, payload) {
			t.Errorf("%q became %q, %v", payload, again, err)
		}
	})
}

func FuzzDIDHost(f *testing.F) {
	f.Add("did:web:seoul.localhost%3A8443")
	f.Fuzz(func(t *testing.T, did string) {
		host, err := wire.DIDHost(did)
		if err == nil && "did:web:"+strings.Replace(host, ":", "%3A", 1) != did {
			t.Errorf("%q names %q", did, host)
		}
	})
}
