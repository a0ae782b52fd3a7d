package signer_test

import (
	"errors"
	"testing"

	"seyfert/signer"
	"seyfert/wire"
)

// TestLocked: a signer without keys says whose it was, and does nothing.
func TestLocked(t *testing.T) {
	own := newParts(t, seoul, 1).mustOpen(t)
	sealed, err := own.SealReceipt([]byte("receipt"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := signer.Locked(descriptor(own, 1, wire.Digest{}))
	if err != nil {
		t.Fatal(err)
	}
	if s.DID() != own.DID() || s.Network() != own.Network() || s.KeyID() != own.KeyID() ||
		!s.Identity().Equal(own.Identity()) || !s.Sealing().Equal(own.Sealing()) ||
		s.SealingKeyID() != own.SealingKeyID() || s.RecoveryHash() != own.RecoveryHash() {
		t.Error("it says that it is another node")
	}
	message := newChain(seoul, tokyo).add(t, "note", `{}`)
	for name, do := range map[string]func() error{
		"message":  func() error { _, err := s.SignMessage(message); return err },
		"messages": func() error { _, err := s.SignedMessages(tokyo, 1, 1); return err },
		"http":     func() error { _, err := s.SignHTTP(base(s, "", "")); return err },
		"checkpoint": func() error {
			_, err := s.SignCheckpoint(seoul+"/journal/0", 1, [32]byte{})
			return err
		},
		"lanes":   func() error { return s.SetLanes([]signer.Lane{{Value: 1_000_000}}) },
		"shared":  func() error { _, err := s.ChannelShared(own.Sealing().Bytes()); return err },
		"seal":    func() error { _, err := s.SealReceipt([]byte("receipt")); return err },
		"open":    func() error { _, err := s.OpenReceipt(sealed); return err },
		"name":    func() error { _, err := s.SealName("mem_1", "Kim Hana"); return err },
		"destroy": func() error { return s.DestroyName("mem_1") },
	} {
		if err := do(); !errors.Is(err, signer.ErrLocked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.LaneScript(0) != nil || s.LastDescriptor() != "" || len(s.Peers()) > 0 {
		t.Error("it knows what only keys and journal say")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
