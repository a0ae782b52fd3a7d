package node_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"seyfert/node"
)

// device is an authenticator made by hand that holds one passkey.
type device struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	user    []byte
	origin  string
	counter uint32
}

const siteOfTests = "http://seoul.localhost:1"

func newDevice(t *testing.T, id string) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &device{t: t, key: key, id: []byte(id), origin: siteOfTests}
}

func text64(p []byte) string { return base64.RawURLEncoding.EncodeToString(p) }

// question is what a device looks at in a ceremony.
type question struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
	Allowed []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
}

func (d *device) read(c node.Ceremony) question {
	d.t.Helper()
	var q question
	must(d.t, json.Unmarshal(c.Ask, &q))
	return q
}

func (d *device) client(typ, challenge string) []byte {
	text, err := json.Marshal(map[string]any{
		"type": typ, "challenge": challenge, "origin": d.origin, "crossOrigin": false,
	})
	must(d.t, err)
	return text
}

// data is the authenticator's data: present and verified, with a counter that rises.
func (d *device) data(attested []byte) []byte {
	d.counter++
	host, flags := sha256.Sum256([]byte("seoul.localhost")), byte(0x05)
	if attested != nil {
		flags |= 0x40
	}
	out := append(host[:], flags)
	return append(binary.BigEndian.AppendUint32(out, d.counter), attested...)
}

func (d *device) answer(response map[string]string) []byte {
	text, err := json.Marshal(map[string]any{
		"id": text64(d.id), "rawId": text64(d.id), "type": "public-key", "response": response,
	})
	must(d.t, err)
	return text
}

// create makes the passkey that a ceremony asks for.
func (d *device) create(c node.Ceremony) []byte {
	d.t.Helper()
	q := d.read(c)
	user, err := base64.RawURLEncoding.DecodeString(q.User.ID)
	must(d.t, err)
	d.user = user
	point, err := d.key.PublicKey.Bytes()
	must(d.t, err)
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	must(d.t, err)
	attested := append(make([]byte, 16), byte(len(d.id)>>8), byte(len(d.id)))
	object, err := cbor.Marshal(map[string]any{
		"fmt": "none", "attStmt": map[string]any{},
		"authData": d.data(append(append(attested, d.id...), public...)),
	})
	must(d.t, err)
	return d.answer(map[string]string{
		"clientDataJSON":    text64(d.client("webauthn.create", q.Challenge)),
		"attestationObject": text64(object),
	})
}

// sign answers a ceremony with an assertion.
func (d *device) sign(c node.Ceremony) []byte {
	d.t.Helper()
	client, data := d.client("webauthn.get", d.read(c).Challenge), d.data(nil)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	must(d.t, err)
	return d.answer(map[string]string{
		"clientDataJSON": text64(client), "authenticatorData": text64(data),
		"signature": text64(signature), "userHandle": text64(d.user),
	})
}
