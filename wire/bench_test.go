package wire_test

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"seyfert/wire"
)

func benchMessage(tb testing.TB) (wire.Message, wire.JWS) {
	tb.Helper()
	m := wire.Message{
		Version: wire.MessageVersion, Type: "transfer.prepare",
		ID: wire.NewUUID(1, [10]byte{}), Thread: wire.NewUUID(2, [10]byte{}),
		From: "did:web:seoul.example", To: "did:web:tokyo.example",
		Seq: 1, CreatedAt: 1, ExpiresAt: 2,
		Body: json.RawMessage(`{"transferId":"` + strings.Repeat("b", 600) + `"}`),
	}
	payload, err := m.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	pub, priv := mustKey(tb, 1)
	j := wire.JWS{Typ: wire.TypMessage, KeyID: wire.Thumbprint(pub), Payload: payload}
	j.Signature = ed25519.Sign(priv, j.Input())
	return m, j
}

// What one message costs a node beside its signature.
func BenchmarkMessage(b *testing.B) {
	m, j := benchMessage(b)
	compact := j.Compact()
	pub, _ := mustKey(b, 1)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			j, err := wire.ParseJWS(compact)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := wire.ParseMessage(j.Payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := j.Verify(pub); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("batch", func(b *testing.B) {
		all := make([]string, wire.MessageBatchMax)
		for i := range all {
			all[i] = compact
		}
		body, err := wire.EncodeBatch(all)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := wire.ParseBatch(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
