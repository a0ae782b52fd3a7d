package peer_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"

	"seyfert/peer"
	"seyfert/signer"
)

// TestWithTheNodesSigner posts with the signer that a node really runs, which parses what it
// signs: its reading of a signature base and this package's must be one.
func TestWithTheNodesSigner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := signer.Create(dir, rand.Reader, tokyoDID, "regtest"); err != nil {
		t.Fatal(err)
	}
	s, err := signer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := newTokyo(t)
	n.receiver, err = peer.NewReceiver(n.origin, s, seoulOnly, n.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	to := n.address()
	to.Key = s.Identity()
	c := newSeoul(t, n.clock)
	if _, err := c.Post(t.Context(), to, messages(2, 9)); err != nil {
		t.Errorf("answer signed by the node's signer: %v", err)
	}
	// The same signer on the sending side: tokyo does not know itself as a peer, so what comes
	// back is its refusal of the key, not of the signature base.
	c = peer.NewClient(newOut(t), s, n.clock.now, rand.Reader)
	_, err = c.Post(t.Context(), to, messages(2, 9))
	if refused, ok := errors.AsType[*peer.StatusError](err); !ok || refused.Status != 401 {
		t.Errorf("request signed by the node's signer: %v, want status 401", err)
	}
}
