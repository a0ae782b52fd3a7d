package clearing_test

import (
	"bytes"
	"strings"
	"testing"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// recordWithKey is a record of the payer's node that is good but for the key, perhaps.
func recordWithKey(key string) []byte {
	return clearing.Cleared{
		Payer: "did:web:seoul.example", Payee: "did:web:tokyo.example",
		Self:     "did:web:seoul.example",
		Transfer: clearing.TransferID(wire.NewUUID(1_790_812_800_000, [10]byte{1})),
		Amount:   money.New(money.KRW, 15_000), ClearSeq: 1, PeerKey: key,
	}.Encode()
}

// TestPeerKey holds the key of the other node to the one spelling of a thumbprint.
func TestPeerKey(t *testing.T) {
	key := wire.Thumbprint(make([]byte, 32))
	if c, err := clearing.ParseCleared(recordWithKey(key)); err != nil || c.PeerKey != key {
		t.Fatalf("%q, %v", c.PeerKey, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "short": key[1:], "long": key + "A", "endless": strings.Repeat("A", 4096),
		"another alphabet": "+" + key[1:], "padded": key[:42] + "=",
		// 43 characters have two bits to spare, and the decoder skips line breaks.
		"idle bits": key[:42] + "B", "line break": key[:20] + "\n" + key[21:],
	} {
		_, err := clearing.ParseCleared(recordWithKey(bad))
		if refused, ok := fault.Of(err); !ok || refused.Field != "record.peerKey" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPeerKeyMissing leaves the twelfth field out altogether.
func TestPeerKeyMissing(t *testing.T) {
	key := wire.Thumbprint(make([]byte, 32))
	data := recordWithKey(key)
	last := bytes.LastIndex(data, append([]byte{12, 0x78, 43}, key...))
	if last < 0 || data[0] != 0xac {
		t.Fatalf("not a map of twelve that ends in the key: %x", data)
	}
	data[0]--
	if _, err := clearing.ParseCleared(data[:last]); err == nil {
		t.Error("a record without a key of the other node is read")
	}
}
