package signer_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"
)

func TestBothSealingsOpen(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	seeded := signer.SeededHPKE{Seed: [32]byte{1}}
	for name, sealing := range map[string]signer.Sealing{
		"crypto/hpke": signer.HPKE{}, "seeded": seeded,
	} {
		t.Run(name, func(t *testing.T) {
			for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("y"), 1000)} {
				r := wire.SealedReceipt{Node: seoul, KeyID: s.SealingKeyID()}
				sealed, err := sealing.Seal(s.Sealing(), []byte(wire.InfoReceipt), r.AAD(), plain)
				if err != nil {
					t.Fatal(err)
				}
				r.Sealed = sealed
				opened, err := s.OpenReceipt(r)
				if err != nil || !bytes.Equal(opened, plain) {
					t.Fatalf("%q, %v", opened, err)
				}
			}
		})
	}
	seal := func(s signer.SeededHPKE, plain, aad string) string {
		sealed, err := s.Seal(newParts(t, seoul, 1).mustOpen(t).Sealing(), []byte("i"),
			[]byte(aad), []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		return string(sealed)
	}
	first := seal(seeded, "a", "b")
	if seal(seeded, "a", "b") != first {
		t.Fatal("the same seed gives other bytes")
	}
	for _, other := range []string{
		seal(seeded, "b", "b"), seal(seeded, "a", "c"), seal(signer.SeededHPKE{}, "a", "b"),
	} {
		if other[:32] == first[:32] {
			t.Fatal("an ephemeral key was used twice")
		}
	}
}

func TestReceipt(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	sealed, err := s.SealReceipt([]byte("receipt"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := wire.ParseSealedReceipt(sealed.String())
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := p.crash(t).OpenReceipt(parsed); err != nil || string(plain) != "receipt" {
		t.Fatalf("%q, %v", plain, err)
	}
	flipped := parsed
	flipped.Sealed = append([]byte{}, parsed.Sealed...)
	flipped.Sealed[40] ^= 1
	elsewhere := parsed
	elsewhere.Node = tokyo
	otherKey := parsed
	otherKey.KeyID = s.KeyID()
	var text string
	for _, bad := range []wire.SealedReceipt{flipped, elsewhere, otherKey, {}} {
		_, err := s.OpenReceipt(bad)
		wantFault(t, err, fault.Invalid, "receipt")
		if text != "" && err.Error() != text {
			t.Fatal("refusals differ")
		}
		text = err.Error()
	}
	_, err = newParts(t, seoul, 2).mustOpen(t).OpenReceipt(parsed)
	wantFault(t, err, fault.Invalid, "receipt")
	for _, size := range []int{wire.ReceiptTextMax, wire.ReceiptTextMax + 1} {
		_, err = s.SealReceipt(make([]byte, size))
		wantFault(t, err, fault.TooLarge, "receipt")
	}
}

func TestChannelShared(t *testing.T) {
	a, b := newParts(t, seoul, 1).mustOpen(t), newParts(t, tokyo, 2).mustOpen(t)
	one, err := a.ChannelShared(b.Sealing().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.ChannelShared(a.Sealing().Bytes())
	if err != nil || !bytes.Equal(one, two) {
		t.Fatal("the two nodes do not share a secret")
	}
	lowOrder := make([]byte, 32)
	lowOrder[0] = 1
	for _, peer := range [][]byte{nil, make([]byte, 31), make([]byte, 32), lowOrder} {
		_, err := a.ChannelShared(peer)
		wantFault(t, err, fault.Invalid, "peer")
	}
}

func TestPreimage(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	first := s.Preimage([]byte("channel and fields"))
	if p.crash(t).Preimage([]byte("channel and fields")) != first {
		t.Fatal("the preimage cannot be rebuilt")
	}
	if s.Preimage([]byte("channel and field")) == first ||
		newParts(t, seoul, 2).mustOpen(t).Preimage([]byte("channel and fields")) == first {
		t.Fatal("another input or key gives the same preimage")
	}
}

func TestKeysFollowFromTheirRandomness(t *testing.T) {
	s, again := newParts(t, seoul, 1).mustOpen(t), newParts(t, seoul, 1).mustOpen(t)
	other := newParts(t, seoul, 2).mustOpen(t)
	for name, of := range map[string]func(*signer.Signer) string{
		"identity": func(s *signer.Signer) string { return s.KeyID() },
		"sealing":  func(s *signer.Signer) string { return s.SealingKeyID() },
		"recovery": func(s *signer.Signer) string { return s.RecoveryHash() },
		"lane":     func(s *signer.Signer) string { return hex.EncodeToString(s.LaneScript(0)) },
	} {
		if of(s) != of(again) || of(s) == of(other) {
			t.Fatalf("%s: %s, %s, %s", name, of(s), of(again), of(other))
		}
	}
	if s.KeyID() != wire.Thumbprint(s.Identity()) || s.RecoveryHash() == s.KeyID() {
		t.Fatal("thumbprints")
	}
	_, err := signer.NewKeys(strings.NewReader("too short"), seoul, "regtest")
	wantText(t, err, "make keys")
	_, err = signer.NewKeys(nil, "seoul", "regtest")
	wantFault(t, err, fault.Invalid, "did")
	_, err = signer.NewKeys(nil, seoul, "testnet3")
	wantFault(t, err, fault.Invalid, "network")
}

func TestNameIsSealedUntilDestroyed(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	const name = "홍길동, 서울특별시"
	sealed, err := s.SealName("mem_1", name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("홍")) {
		t.Fatal("the name can be read")
	}
	again, err := s.SealName("mem_1", name)
	if err != nil || bytes.Equal(again, sealed) {
		t.Fatal("two texts under one nonce", err)
	}
	s = p.crash(t)
	for _, text := range [][]byte{sealed, again} {
		if opened, err := s.OpenName("mem_1", text); err != nil || opened != name {
			t.Fatalf("%q, %v", opened, err)
		}
	}
	if _, err := s.SealName("mem_2", "김"); err != nil {
		t.Fatal(err)
	}
	_, err = s.OpenName("mem_2", sealed)
	wantFault(t, err, fault.Invalid, "text")
	flipped := append([]byte{}, sealed...)
	flipped[30] ^= 1
	_, err = s.OpenName("mem_1", flipped)
	wantFault(t, err, fault.Invalid, "text")

	// A backup of the key, taken before the destruction, comes back with a restore.
	backup, _, err := p.names.Load("mem_1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.DestroyName("mem_1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.names.Save("mem_1", backup); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		_, err = s.OpenName("mem_1", sealed)
		wantFault(t, err, fault.NotFound, "member")
		_, err = s.SealName("mem_1", name)
		wantFault(t, err, fault.Refused, "member")
	}
	if _, ok, _ := p.names.Load("mem_1"); ok {
		t.Fatal("the restored key was not destroyed again")
	}
}

func TestDestructionCrash(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	sealed, err := s.SealName("mem_1", "a")
	if err != nil {
		t.Fatal(err)
	}
	p.journal.FailAppend(1, math.MaxInt, errPower)
	if err := s.DestroyName("mem_1"); err == nil {
		t.Fatal("the failure was hidden")
	}
	_, err = p.crash(t).OpenName("mem_1", sealed)
	wantFault(t, err, fault.NotFound, "member")
}

func TestNameRefusals(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	for _, id := range []string{"", "../mem", "mem/1", "mem.1", "회원", strings.Repeat("m", 65)} {
		_, err := s.SealName(id, "a")
		wantFault(t, err, fault.Invalid, "member")
		_, err = s.OpenName(id, nil)
		wantFault(t, err, fault.Invalid, "member")
		wantFault(t, s.DestroyName(id), fault.Invalid, "member")
	}
	_, err := s.OpenName("mem_1", make([]byte, 60))
	wantFault(t, err, fault.NotFound, "member")
	full, err := s.SealName("mem_1", strings.Repeat("x", signer.NameBytesMax))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenName("mem_1", full); err != nil {
		t.Fatal(err)
	}
	_, err = s.SealName("mem_1", strings.Repeat("x", signer.NameBytesMax+1))
	wantFault(t, err, fault.TooLarge, "text")
	for _, sealed := range [][]byte{nil, make([]byte, 23), append(full, 0)} {
		_, err = s.OpenName("mem_1", sealed)
		wantFault(t, err, fault.Invalid, "text")
	}
}
