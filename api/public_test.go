package api_test

import (
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"seyfert/client"
	"seyfert/merkle"
	"seyfert/wire"
)

// TestIdentity reads what a node says about itself, and checks that all of it says the same.
func TestIdentity(t *testing.T) {
	p := alone(t, settings{})
	text, err := p.as("").Descriptor(t.Context())
	must(t, err)
	descriptor, _, err := wire.ParseDescriptor(text)
	must(t, err)
	if descriptor.DID != p.did || descriptor.Endpoints.SNP != p.url {
		t.Errorf("the descriptor is of %s at %s", descriptor.DID, descriptor.Endpoints.SNP)
	}
	for _, path := range []string{"/jwks.json", "/.well-known/jwks.json"} {
		answer, body := p.send("GET", path, nil, nil)
		var keys wire.JWKS
		must(t, json.Unmarshal(body, &keys))
		if answer.Header.Get("Content-Type") != "application/jwk-set+json" ||
			!slices.Equal(keys.Keys, descriptor.Keys.Keys) {
			t.Errorf("%s is %s", path, body)
		}
	}
	for _, path := range []string{"/did.json", "/.well-known/did.json"} {
		answer, body := p.send("GET", path, nil, nil)
		var document struct {
			ID        string   `json:"id"`
			Assertion []string `json:"assertionMethod"`
			Agreement []string `json:"keyAgreement"`
			Methods   []struct {
				ID  string            `json:"id"`
				Key map[string]string `json:"publicKeyJwk"`
			} `json:"verificationMethod"`
		}
		must(t, json.Unmarshal(body, &document))
		signing := p.did + "#" + p.signer.KeyID()
		if answer.Header.Get("Content-Type") != "application/did+json" || document.ID != p.did ||
			!slices.Equal(document.Assertion, []string{signing}) ||
			len(document.Agreement) != 1 || len(document.Methods) != 2 ||
			document.Methods[0].ID != signing || document.Methods[0].Key["crv"] != "Ed25519" {
			t.Errorf("%s is %s", path, body)
		}
	}
}

// TestLog closes a day and reads the journal tree as an auditor does: the signed checkpoint,
// and the tiles that it covers.
func TestLog(t *testing.T) {
	p := alone(t, settings{})
	p.mustOpenShop("Kanda Paper")
	answer, body := p.send("GET", "/log/checkpoint", nil, nil)
	mustAnswer(t, answer, body, 404, "not_found", "checkpoint")
	day, err := p.operator().CloseDay(t.Context(), "")
	must(t, err)
	_, err = p.node.SignDays(t.Context())
	must(t, err)
	_, note := p.send("GET", "/log/checkpoint", nil, nil)
	origin := p.did + "/journal/0"
	checkpoint, err := merkle.OpenCheckpoint(string(note), origin,
		ed25519.PublicKey(p.signer.Identity()))
	must(t, err)
	if uint64(checkpoint.Size) != day.Size {
		t.Errorf("the checkpoint is of %d leaves, the day of %d", checkpoint.Size, day.Size)
	}
	width := checkpoint.Size % 256
	path := "/log/tile/0/000.p/" + string(rune('0'+width))
	answer, tile := p.send("GET", path, nil, nil)
	if answer.StatusCode != 200 || int64(len(tile)) != 32*width ||
		!strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d, %d bytes", path, answer.StatusCode, len(tile))
	}
	for _, path := range []string{
		"/log/tile/0/001", "/log/tile/0/000.p/0", "/log/tile/9/000", "/log/tile/0/x", "/log/tile/x",
		"/log/tile/0/000.p/255",
	} {
		p.mustRefuse(try{
			what: "tile", method: "GET", url: path, status: 404, code: "not_found", field: "tile",
		})
	}
	days, err := p.as("").Days(t.Context())
	must(t, err)
	if len(days) != 1 || days[0].Checkpoint != string(note) {
		t.Errorf("the days are %+v", days)
	}
}

// TestCloseDay names the day that is wrong.
func TestCloseDay(t *testing.T) {
	p := alone(t, settings{})
	for _, day := range []string{"2026-02-30", "1969-12-31", "1970-01-01", "today", "2026-1-1"} {
		p.mustRefuse(try{
			what: "day", method: "POST", url: "/v1/days/close", key: p.key,
			body: `{"day":"` + day + `"}`, status: 400, code: "invalid", field: "day",
		})
	}
}

// TestPeers names what is wrong with a peer that is to be added.
func TestPeers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	add := func(terms client.PeerTerms) error {
		_, err := w.seoul.operator().AddPeer(ctx, terms)
		return err
	}
	mustBe(t, add(client.PeerTerms{URL: "http://none.localhost:1"}), 422, "refused", "url")
	mustBe(t, add(client.PeerTerms{URL: "http://10.0.0.1"}), 422, "refused", "url")
	for _, url := range []string{
		"file:///etc/passwd", "x", "HTTP://a.localhost", w.tokyo.url + "/v1", w.tokyo.url + "?k=v",
		w.tokyo.url + "#f", strings.Replace(w.tokyo.url, "//", "//kim:pass@", 1),
	} {
		mustBe(t, add(client.PeerTerms{URL: url}), 400, "invalid", "url")
	}
	mustBe(t, add(client.PeerTerms{
		URL: w.tokyo.url, Thumbprint: strings.Repeat("A", 43),
	}), 422, "refused", "thumbprint")
	peers, err := w.seoul.operator().Peers(ctx)
	must(t, err)
	if len(peers) != 1 || peers[0].DID != w.tokyo.did ||
		peers[0].Thumbprint != w.tokyo.signer.KeyID() {
		t.Errorf("the peers are %+v", peers)
	}
}
