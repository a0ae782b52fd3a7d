package peer_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/egress"
	"seyfert/peer"
	"seyfert/wire"
)

// mustDescribe makes the signed descriptor of a node whose key is made from its name.
func mustDescribe(tb testing.TB, did string) string {
	tb.Helper()
	key := newKey(did)
	seed := wire.Hash("test-seal", []byte(did))
	sealing, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := wire.Descriptor{
		DID: did,
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(key.public, 0, 1<<41, 1<<42),
			wire.NewSealingJWK(sealing.PublicKey(), 0, 1<<41, 1<<42),
		}},
		RecoveryKeyHash: newKey(did + " recovery").KeyID(),
		Endpoints:       wire.Endpoints{SNP: "https://snp.example"},
		Currencies:      []wire.DescriptorCurrency{{Code: "KRW"}},
		Rails:           []string{},
		Chain:           wire.DescriptorChain{Network: "regtest", Lanes: []wire.Lane{}},
		TimeZone:        "Asia/Seoul",
		PolicyVersion:   1,
	}.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	j := wire.JWS{Typ: wire.TypDescriptor, KeyID: key.KeyID(), Payload: payload}
	j.Signature = ed25519.Sign(key.private, j.Input())
	return j.Compact()
}

// serveText starts a host that answers every request with one text, and returns its port.
func serveText(tb testing.TB, text string) string {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != peer.PathDescriptor || r.Method != http.MethodGet {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Write([]byte(text))
		}))
	tb.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

func TestFetch(t *testing.T) {
	c := newSeoul(t, newClock())
	text := mustDescribe(t, tokyoDID)
	port := serveText(t, text)
	for _, host := range []string{"tokyo.localhost", "Tokyo.LocalHost"} {
		got, err := c.Fetch(t.Context(), "http://"+host+":"+port)
		if err != nil || got != text {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestFetchNamesTheHost(t *testing.T) {
	c := newSeoul(t, newClock())
	for did, want := range map[string]bool{
		tokyoDID:                       true,
		tokyoDID + "%3A1":              false,
		"did:web:localhost":            false,
		"did:web:osaka.localhost":      false,
		"did:web:tokyo.localhost.com":  false,
		"did:web:x.tokyo.localhost":    false,
		"did:web:bank.example":         false,
		"did:web:bank.example%3A65535": false,
	} {
		port := serveText(t, mustDescribe(t, did))
		_, err := c.Fetch(t.Context(), "http://tokyo.localhost:"+port)
		if want != (err == nil) || !want && !errors.Is(err, peer.ErrAnswer) {
			t.Errorf("%s: %v", did, err)
		}
	}
	// A DID with a port names that port: the port is only known once the host listens.
	var text string
	server := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	text = mustDescribe(t, tokyoDID+"%3A"+port)
	if _, err := c.Fetch(t.Context(), "http://tokyo.localhost:"+port); err != nil {
		t.Error(err)
	}
}

func TestFetchRefusesBadTexts(t *testing.T) {
	c := newSeoul(t, newClock())
	good := mustDescribe(t, tokyoDID)
	first, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	for name, text := range map[string]string{
		"empty":           "",
		"json":            `{"did":"did:web:tokyo.localhost"}`,
		"new line":        good + "\n",
		"no signature":    first + "." + payload + ".",
		"other signature": first + "." + payload + "." + flip(signature),
		"other payload":   first + "." + flip(payload) + "." + signature,
		"large":           strings.Repeat("A", wire.CompactBytesMax+1),
	} {
		_, err := c.Fetch(t.Context(), "http://tokyo.localhost:"+serveText(t, text))
		if !errors.Is(err, peer.ErrAnswer) {
			t.Errorf("%s: %v, want ErrAnswer", name, err)
		}
	}
}

// flip changes the tenth character of a base64url text.
func flip(text string) string {
	other := "A"
	if text[10] == 'A' {
		other = "B"
	}
	return text[:10] + other + text[11:]
}

func TestFetchFailures(t *testing.T) {
	c := newSeoul(t, newClock())
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, err := c.Fetch(t.Context(), server.URL)
	got, ok := errors.AsType[*peer.StatusError](err)
	if !ok || got.Status != http.StatusNotFound || !strings.Contains(err.Error(), "404") {
		t.Errorf("no descriptor there: %v", err)
	}
	if _, err := c.Fetch(t.Context(), "http://bank.example"); !errors.Is(err, egress.ErrURL) {
		t.Errorf("plain http: %v", err)
	}
	if _, err := c.Fetch(t.Context(), "https://10.0.0.1"); !errors.Is(err, egress.ErrAddress) {
		t.Errorf("inner address: %v", err)
	}
}
