package signer_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"
)

const (
	seoul = "did:web:seoul.localhost%3A8443"
	tokyo = "did:web:tokyo.localhost%3A8444"
	busan = "did:web:busan.localhost%3A8445"
)

// parts are what outlives a signer when its process dies.
type parts struct {
	keys    signer.Keys
	journal *signer.Memory
	names   *signer.NameMemory
	random  *rand.ChaCha8
}

// newParts makes the parts of a new node whose keys follow from seed.
func newParts(tb testing.TB, did string, seed byte) *parts {
	tb.Helper()
	random := rand.NewChaCha8([32]byte{seed})
	keys, err := signer.NewKeys(random, did, "regtest")
	if err != nil {
		tb.Fatal(err)
	}
	journal := signer.NewMemory(nil)
	if err := signer.Begin(keys, journal); err != nil {
		tb.Fatal(err)
	}
	return &parts{
		keys: keys, journal: journal, names: signer.NewNameMemory(), random: random,
	}
}

func (p *parts) open() (*signer.Signer, error) {
	return signer.New(signer.Config{
		Keys: p.keys, Journal: p.journal, Names: p.names,
		Sealing: signer.SeededHPKE{}, Random: p.random,
	})
}

func (p *parts) mustOpen(tb testing.TB) *signer.Signer {
	tb.Helper()
	s, err := p.open()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// fresh is the same node with a journal that has just begun.
func (p *parts) fresh(tb testing.TB) *parts {
	tb.Helper()
	journal := signer.NewMemory(nil)
	if err := signer.Begin(p.keys, journal); err != nil {
		tb.Fatal(err)
	}
	return &parts{p.keys, journal, p.names, p.random}
}

// crash forgets the signer and opens the same journal bytes again.
func (p *parts) crash(tb testing.TB) *signer.Signer {
	tb.Helper()
	p.journal = signer.NewMemory(p.journal.Bytes())
	return p.mustOpen(tb)
}

// chain builds messages of one node to one peer, each following the last.
type chain struct {
	from, to string
	seq      uint64
	prev     wire.Digest
	random   *rand.ChaCha8
}

func newChain(from, to string) *chain {
	return &chain{from: from, to: to, random: rand.NewChaCha8([32]byte{9})}
}

func (c *chain) uuid() wire.UUID {
	var random [10]byte
	c.random.Read(random[:])
	return wire.NewUUID(1_760_000_000_000, random)
}

// next returns the next message of the chain without advancing it.
func (c *chain) next(kind, body string) wire.Message {
	return wire.Message{
		Version: wire.MessageVersion, Type: kind, ID: c.uuid(), From: c.from, To: c.to,
		Thread: c.uuid(), Seq: c.seq + 1, Prev: c.prev, Epoch: 1,
		CreatedAt: 1_760_000_000_000, ExpiresAt: 1_760_000_060_000, Body: json.RawMessage(body),
	}
}

// add returns the next payload and advances the chain.
func (c *chain) add(tb testing.TB, kind, body string) []byte {
	tb.Helper()
	payload := mustEncode(tb, c.next(kind, body))
	c.seq++
	c.prev = wire.MessageHash(payload)
	return payload
}

func mustEncode(tb testing.TB, m wire.Message) []byte {
	tb.Helper()
	payload, err := m.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

func mustJCS(tb testing.TB, v any) []byte {
	tb.Helper()
	payload, err := wire.JCS(v)
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

// wantFault fails unless err is a fault with this code and field.
func wantFault(tb testing.TB, err error, code fault.Code, field string) {
	tb.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Field != field {
		tb.Fatalf("error %v, want %s on %q", err, code, field)
	}
}

// wantText fails unless err is no fault of a caller and says every word.
func wantText(tb testing.TB, err error, words ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want one that says %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			tb.Fatalf("error %q does not say %q", err, word)
		}
	}
}

var errPower = errors.New("power lost")
