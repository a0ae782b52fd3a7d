package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"seyfert/fault"
	"seyfert/passkey"
)

// device is an authenticator made by hand, with all that can be wrong about one.
type device struct {
	key     *ecdsa.PrivateKey
	id      []byte
	origin  string
	host    string
	flags   byte
	counter uint32
	typ     string // replaces the type of the ceremony
	cross   bool   // asked in a frame of another site
	handle  []byte
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &device{
		key: key, id: []byte("a passkey's id"), origin: "https://seoul.example",
		host: "seoul.example", flags: 0x05, counter: 1, handle: []byte("user"),
	}
}

func b64(p []byte) string { return base64.RawURLEncoding.EncodeToString(p) }

func (d *device) client(typ string, challenge [32]byte) []byte {
	if d.typ != "" {
		typ = d.typ
	}
	text, _ := json.Marshal(map[string]any{
		"type": typ, "challenge": b64(challenge[:]), "origin": d.origin, "crossOrigin": d.cross,
	})
	return text
}

func (d *device) data(attested []byte) []byte {
	host := sha256.Sum256([]byte(d.host))
	flags := d.flags
	if attested != nil {
		flags |= 0x40
	}
	out := append(host[:], flags)
	return append(binary.BigEndian.AppendUint32(out, d.counter), attested...)
}

func (d *device) create(t testing.TB, challenge [32]byte) []byte {
	t.Helper()
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public, err := cbor.Marshal(map[int]any{
		1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:],
	})
	if err != nil {
		t.Fatal(err)
	}
	attested := append(make([]byte, 16), byte(len(d.id)>>8), byte(len(d.id)))
	attested = append(append(attested, d.id...), public...)
	object, err := cbor.Marshal(map[string]any{
		"fmt": "none", "attStmt": map[string]any{}, "authData": d.data(attested),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON":    b64(d.client("webauthn.create", challenge)),
		"attestationObject": b64(object), "transports": []string{"internal"},
	})
}

func (d *device) answer(response map[string]any) []byte {
	text, _ := json.Marshal(map[string]any{
		"id": b64(d.id), "rawId": b64(d.id), "type": "public-key",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response":               response,
	})
	return text
}

func (d *device) get(t testing.TB, challenge [32]byte) []byte {
	t.Helper()
	client, data := d.client("webauthn.get", challenge), d.data(nil)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data),
		"signature": b64(signature), "userHandle": b64(d.handle),
	})
}

func mustSite(t *testing.T) *passkey.Site {
	t.Helper()
	site, err := passkey.New("https://seoul.example", "seoul")
	if err != nil {
		t.Fatal(err)
	}
	return site
}

var asked = [32]byte{7}

// wrongs are what makes an answer worth nothing, whichever ceremony it is for.
func wrongs() map[string]func(*device) {
	return map[string]func(*device){
		"another origin":   func(d *device) { d.origin = "https://evil.example" },
		"a subdomain":      func(d *device) { d.origin = "https://x.seoul.example" },
		"plain http":       func(d *device) { d.origin = "http://seoul.example" },
		"another port":     func(d *device) { d.origin = "https://seoul.example:8443" },
		"another site":     func(d *device) { d.host = "evil.example" },
		"nobody verified":  func(d *device) { d.flags = 0x01 },
		"nobody there":     func(d *device) { d.flags = 0x04 },
		"another ceremony": func(d *device) { d.typ = "payment.get" },
		"a foreign frame":  func(d *device) { d.cross = true },
	}
}

// TestPasskey makes a passkey and signs with it.
func TestPasskey(t *testing.T) {
	site, d := mustSite(t), newDevice(t)
	key, err := site.Created(asked, d.create(t, asked))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key.ID, d.id) || key.Counter != 1 || key.Flags&0x05 != 0x05 {
		t.Errorf("made %+v", key)
	}
	find := func(id []byte) (passkey.Known, bool) {
		return passkey.Known{Owner: d.handle, Public: key.Public}, bytes.Equal(id, d.id)
	}
	d.counter = 9
	proof, err := site.Asserted(asked, d.get(t, asked), find)
	if err != nil || proof.Counter != 9 || !bytes.Equal(proof.ID, d.id) {
		t.Fatalf("asserted %+v: %v", proof, err)
	}
	client := sha256.Sum256(proof.Client)
	digest := sha256.Sum256(append(bytes.Clone(proof.Data), client[:]...))
	if !ecdsa.VerifyASN1(&d.key.PublicKey, digest[:], proof.Signature) ||
		!bytes.Contains(proof.Client, []byte(b64(asked[:]))) {
		t.Error("the evidence does not hold")
	}
	if _, err := site.Asserted([32]byte{8}, d.get(t, asked), find); !told(err, fault.Refused) {
		t.Errorf("another challenge: %v", err)
	}
	for name, spoil := range wrongs() {
		bad := *d
		spoil(&bad)
		if _, err := site.Asserted(asked, bad.get(t, asked), find); !told(err, fault.Refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*device){
		"another's handle": func(d *device) { d.handle = []byte("other") },
		"another's id":     func(d *device) { d.id = []byte("other") },
		"another key":      func(d *device) { d.key = newDevice(t).key },
	} {
		bad := *d
		spoil(&bad)
		if _, err := site.Asserted(asked, bad.get(t, asked), find); !told(err, fault.Refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCreatedRefuses: what is wrong with a new passkey.
func TestCreatedRefuses(t *testing.T) {
	site, d := mustSite(t), newDevice(t)
	if _, err := site.Created([32]byte{8}, d.create(t, asked)); !told(err, fault.Refused) {
		t.Errorf("another challenge: %v", err)
	}
	for name, spoil := range wrongs() {
		bad := *d
		spoil(&bad)
		if _, err := site.Created(asked, bad.create(t, asked)); !told(err, fault.Refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "{}", "null", strings.Repeat("x", passkey.AnswerMax+1)} {
		if _, err := site.Created(asked, []byte(text)); !told(err, fault.Invalid) {
			t.Errorf("%.10q: %v", text, err)
		}
		none := func([]byte) (passkey.Known, bool) { return passkey.Known{}, false }
		if _, err := site.Asserted(asked, []byte(text), none); !told(err, fault.Invalid) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}

func told(err error, code fault.Code) bool {
	f, ok := fault.Of(err)
	return ok && f.Code == code
}

// TestNew: browsers make passkeys for names alone, and over https outside of localhost.
func TestNew(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://seoul.example": true, "https://seoul.example:8443": true,
		"http://localhost:7400": true, "http://seoul.localhost:7401": true,
		"http://seoul.example": false, "http://127.0.0.1:7400": false, "https://[::1]": false,
		"https://seoul.example/": false, "": false, "seoul.example": false,
		"http://evil-localhost": false,
	} {
		if _, err := passkey.New(origin, "seoul"); (err == nil) != want {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// TestAsk: the questions ask for what the answers are judged by.
func TestAsk(t *testing.T) {
	site := mustSite(t)
	create := string(site.AskCreate(asked, passkey.User{ID: []byte("user"), Name: "이름"},
		[][]byte{[]byte("old")}))
	get := string(site.AskGet(asked, nil))
	for _, want := range []string{
		`"userVerification":"required"`, `"challenge":"` + b64(asked[:]) + `"`,
	} {
		if !strings.Contains(create, want) || !strings.Contains(get, want) {
			t.Errorf("a question lacks %s: %s %s", want, create, get)
		}
	}
	for _, want := range []string{
		`"residentKey":"required"`, `"id":"seoul.example"`, `"id":"` + b64([]byte("user")) + `"`,
		`"id":"` + b64([]byte("old")) + `"`, "이름",
	} {
		if !strings.Contains(create, want) {
			t.Errorf("the question lacks %s: %s", want, create)
		}
	}
	if strings.Contains(get, "allowCredentials") || !strings.Contains(get, `"seoul.example"`) {
		t.Error(get)
	}
}

// TestCeremonies: each is found once, in its time, and there is a limit.
func TestCeremonies(t *testing.T) {
	var c passkey.Ceremonies[string]
	now := time.UnixMilli(1_795_000_000_000)
	id := [16]byte{1}
	if err := c.Begin(id, "first", now); err != nil {
		t.Fatal(err)
	}
	if of, ok := c.End(id, now); !ok || of != "first" {
		t.Error("a ceremony was lost")
	}
	if _, ok := c.End(id, now); ok {
		t.Error("a ceremony ended twice")
	}
	for i := range passkey.CeremoniesMax {
		if err := c.Begin([16]byte{2, byte(i), byte(i >> 8)}, "", now); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Begin(id, "late", now); !told(err, fault.TooMany) {
		t.Errorf("one too many: %v", err)
	}
	now = now.Add(passkey.CeremonyLife)
	if _, ok := c.End([16]byte{2}, now); ok {
		t.Error("an old ceremony ended")
	}
	if err := c.Begin(id, "late", now); err != nil {
		t.Errorf("old ceremonies are in the way: %v", err)
	}
}

// FuzzAnswers: whatever a browser sends is refused or holds, and stops nothing.
func FuzzAnswers(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	d := &device{
		key: key, id: []byte("id"), origin: "https://seoul.example", host: "seoul.example",
		flags: 0x05, handle: []byte("user"),
	}
	f.Add(d.create(f, asked))
	f.Add(d.get(f, asked))
	site, err := passkey.New("https://seoul.example", "seoul")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if made, err := site.Created(asked, answer); err == nil && len(made.ID) > passkey.IDMax {
			t.Error("an id without end")
		}
		_, err := site.Asserted(asked, answer, func([]byte) (passkey.Known, bool) {
			return passkey.Known{Owner: d.handle, Public: []byte("no key")}, true
		})
		if err == nil {
			t.Error("an assertion by no key holds")
		}
	})
}
