package signer_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/merkle"
	"seyfert/signer"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

func offer(tb testing.TB, iss, jti, value string) []byte {
	tb.Helper()
	return mustJCS(tb, map[string]string{"iss": iss, "jti": jti, "amount": value})
}

func TestSignOffer(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	payload := offer(t, seoul, "off_1", "15000")
	first, err := s.SignOffer(payload)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := wire.ParseJWS(first)
	if err != nil || jws.Typ != wire.TypOffer || jws.Verify(s.Identity()) != nil {
		t.Fatalf("%+v, %v", jws, err)
	}
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		again, err := s.SignOffer(payload)
		if err != nil || again != first {
			t.Fatalf("again: %q, %v", again, err)
		}
		_, err = s.SignOffer(offer(t, seoul, "off_1", "1"))
		wantFault(t, err, fault.Conflict, "jti")
	}
	for _, c := range []struct {
		payload []byte
		code    fault.Code
		field   string
	}{
		{offer(t, tokyo, "off_2", "1"), fault.Invalid, "iss"},
		{offer(t, seoul, "", "1"), fault.Invalid, "jti"},
		{offer(t, seoul, strings.Repeat("x", 65), "1"), fault.Invalid, "jti"},
		{[]byte(`{"iss":"` + seoul + `","jti":7}`), fault.Invalid, "jti"},
		{[]byte(`{"ISS":"` + seoul + `","jti":"off_2"}`), fault.Invalid, "iss"},
		{[]byte(`{ "iss":"` + seoul + `"}`), fault.Invalid, "offer"},
		{[]byte(`[]`), fault.Invalid, "offer"},
		{
			offer(t, seoul, "off_2", strings.Repeat("1", signer.OfferBytesMax)),
			fault.TooLarge, "offer",
		},
	} {
		_, err := s.SignOffer(c.payload)
		wantFault(t, err, c.code, c.field)
	}
}

func TestOfferCrash(t *testing.T) {
	for _, kept := range []int{0, math.MaxInt} {
		p := newParts(t, seoul, 1)
		s := p.mustOpen(t)
		p.journal.FailAppend(1, kept, errPower)
		if _, err := s.SignOffer(offer(t, seoul, "off_1", "1")); !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		_, err := p.crash(t).SignOffer(offer(t, seoul, "off_1", "2"))
		if kept == 0 && err != nil {
			t.Fatal(err)
		}
		if kept > 0 {
			wantFault(t, err, fault.Conflict, "jti")
		}
	}
}

func TestSignCheckpoint(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	if note, err := s.LastCheckpoint(); err != nil || note != "" {
		t.Fatal(note, err)
	}
	origin := seoul + "/journal/0"
	root := [32]byte{1}
	first, err := s.SignCheckpoint(origin, 10, root)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := merkle.OpenCheckpoint(first, origin, s.Identity())
	want := merkle.Checkpoint{Origin: origin, Size: 10, Root: root}
	if diff := cmp.Diff(want, opened); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	second, err := s.SignCheckpoint(origin, 20, [32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		for size, note := range map[int64]string{10: first, 20: second} {
			again, err := s.SignCheckpoint(origin, size, [32]byte{byte(size / 10)})
			if err != nil || again != note {
				t.Fatalf("again: %q, %v", again, err)
			}
			_, err = s.SignCheckpoint(origin, size, [32]byte{9})
			wantFault(t, err, fault.Conflict, "root")
		}
		_, err = s.SignCheckpoint(origin, 15, root)
		wantFault(t, err, fault.Conflict, "size")
		if note, err := s.LastCheckpoint(); err != nil || note != second {
			t.Fatal(note, err)
		}
	}
	// A restore opens the next journal, and closes the one before.
	if _, err := p.crash(t).SignCheckpoint(seoul+"/journal/1", 1, root); err != nil {
		t.Fatal(err)
	}
	_, err = p.crash(t).SignCheckpoint(origin, 30, root)
	wantFault(t, err, fault.Conflict, "origin")
}

func TestSignCheckpointRefusals(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	for _, origin := range []string{
		"", seoul, tokyo + "/journal/0", seoul + "/journal/", seoul + "/journal/00",
		seoul + "/journal/-1", seoul + "/journal/1048577", seoul + "/journal/0\n",
	} {
		_, err := s.SignCheckpoint(origin, 1, [32]byte{})
		wantFault(t, err, fault.Invalid, "origin")
	}
	_, err := s.SignCheckpoint(seoul+"/journal/0", -1, [32]byte{})
	wantFault(t, err, fault.Invalid, "checkpoint")
	_, err = s.SignCheckpoint(seoul+"/journal/0", 0, [32]byte{1})
	wantFault(t, err, fault.Invalid, "checkpoint")
	if _, err := s.SignCheckpoint(
		fmt.Sprintf("%s/journal/%d", seoul, signer.TreesMax), 1, [32]byte{}); err != nil {
		t.Fatal(err)
	}
}

// descriptor is a good descriptor of s with serial and prevHash.
func descriptor(s *signer.Signer, serial uint32, prev wire.Digest) wire.Descriptor {
	const from, until = 1_700_000_000_000, 1_900_000_000_000
	return wire.Descriptor{
		DID: s.DID(), Serial: serial, PrevHash: prev,
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(s.Identity(), from, until, until),
			wire.NewSealingJWK(s.Sealing(), from, until, until),
		}},
		RecoveryKeyHash: s.RecoveryHash(),
		Endpoints:       wire.Endpoints{SNP: "https://seoul.localhost:8443"},
		Currencies:      []wire.DescriptorCurrency{{Code: "KRW", Scale: 0}},
		Rails:           []string{},
		Chain: wire.DescriptorChain{Network: s.Network(), Lanes: []wire.Lane{{
			Number: 0, Coin: firstCoin(0), Script: hex.EncodeToString(s.LaneScript(0)),
		}}},
		TimeZone: "Asia/Seoul", PolicyVersion: 1,
	}
}

func mustDescriptor(tb testing.TB, d wire.Descriptor) ([]byte, wire.Digest) {
	tb.Helper()
	payload, err := d.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	hash, err := d.Hash()
	if err != nil {
		tb.Fatal(err)
	}
	return payload, hash
}

func TestSignDescriptor(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	first := descriptor(s, 0, wire.Digest{})
	payload, hash := mustDescriptor(t, first)
	signed, err := s.SignDescriptor(payload)
	if err != nil {
		t.Fatal(err)
	}
	if parsed, _, err := wire.ParseDescriptor(signed); err != nil || parsed.DID != seoul {
		t.Fatal(err)
	}
	second := descriptor(s, 1, hash)
	second.PolicyVersion = 2
	next, _ := mustDescriptor(t, second)
	if _, err := s.SignDescriptor(next); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		again, err := s.SignDescriptor(payload)
		if err != nil || again != signed {
			t.Fatalf("again: %q, %v", again, err)
		}
		other := first
		other.PolicyVersion = 9
		fork, _ := mustDescriptor(t, other)
		_, err = s.SignDescriptor(fork)
		wantFault(t, err, fault.Conflict, "serial")
		last, _, err := wire.ParseDescriptor(s.LastDescriptor())
		if err != nil || last.Serial != 1 {
			t.Fatal(last.Serial, err)
		}
	}
	// The anchored hash of a signed descriptor may be written.
	err = s.SetLanes([]signer.Lane{{Outpoint: firstCoin(0), Value: coinValue}})
	if err != nil {
		t.Fatal(err)
	}
	anchor := wire.Payload{Type: wire.RecordDescriptor, Hash: hash}.Bytes()
	if _, err := s.SpendLane(signer.AnchorRequest{Row: "d", Payload: anchor}); err != nil {
		t.Fatal(err)
	}
}

func TestSignDescriptorRefusals(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	stranger := newParts(t, seoul, 2).mustOpen(t)
	foreign := descriptor(stranger, 0, wire.Digest{}).Keys
	for name, c := range map[string]struct {
		change func(*wire.Descriptor)
		code   fault.Code
		field  string
	}{
		"other node": {func(d *wire.Descriptor) { d.DID = tokyo }, fault.Invalid, "did"},
		"signing key": {
			func(d *wire.Descriptor) { d.Keys.Keys[0] = foreign.Keys[0] },
			fault.Invalid, "keys",
		},
		"sealing key": {
			func(d *wire.Descriptor) { d.Keys.Keys[1] = foreign.Keys[1] },
			fault.Invalid, "keys",
		},
		"recovery key": {
			func(d *wire.Descriptor) { d.RecoveryKeyHash = stranger.RecoveryHash() },
			fault.Invalid, "recoveryKeyHash",
		},
		"network": {
			func(d *wire.Descriptor) { d.Chain.Network = "mainnet" },
			fault.Invalid, "chain.network",
		},
		"lane script": {func(d *wire.Descriptor) {
			d.Chain.Lanes[0].Script = hex.EncodeToString(s.LaneScript(1))
		}, fault.Invalid, "chain.lanes"},
		"first with a past": {
			func(d *wire.Descriptor) { d.Serial, d.PrevHash = 1, wire.Digest{1} },
			fault.Conflict, "serial",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := descriptor(s, 0, wire.Digest{})
			c.change(&d)
			payload, _ := mustDescriptor(t, d)
			_, err := s.SignDescriptor(payload)
			wantFault(t, err, c.code, c.field)
		})
	}
	_, err := s.SignDescriptor([]byte(`{}`))
	wantFault(t, err, fault.Invalid, "descriptor")

	payload, hash := mustDescriptor(t, descriptor(s, 0, wire.Digest{}))
	if _, err := s.SignDescriptor(payload); err != nil {
		t.Fatal(err)
	}
	moved := descriptor(s, 1, hash)
	moved.Chain.Lanes[0].Coin = firstCoin(5)
	for _, c := range []struct {
		d     wire.Descriptor
		field string
	}{
		{descriptor(s, 2, hash), "serial"},
		{descriptor(s, 1, wire.Digest{1}), "prevHash"},
		{moved, "chain.lanes"},
	} {
		payload, _ := mustDescriptor(t, c.d)
		for _, s := range []*signer.Signer{s, p.crash(t)} {
			_, err := s.SignDescriptor(payload)
			wantFault(t, err, fault.Conflict, c.field)
		}
	}
	// The lane is published with firstCoin(0), so no other coin can open it.
	err = s.SetLanes([]signer.Lane{{N: 0, Outpoint: firstCoin(5), Value: coinValue}})
	wantFault(t, err, fault.Conflict, "lane")
}

func TestDescriptorFollowsTheLanes(t *testing.T) {
	_, s := openLane(t, coinValue)
	d := descriptor(s, 0, wire.Digest{})
	d.Chain.Lanes[0].Coin = firstCoin(3)
	payload, _ := mustDescriptor(t, d)
	_, err := s.SignDescriptor(payload)
	wantFault(t, err, fault.Conflict, "chain.lanes")
}

func FuzzSignStatement(f *testing.F) {
	p := newParts(f, seoul, 1)
	payload, _ := mustDescriptor(f, descriptor(p.mustOpen(f), 0, wire.Digest{}))
	f.Add(payload)
	f.Add(offer(f, seoul, "off_1", "1"))
	f.Add([]byte(`{"iss":null,"jti":[]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := p.fresh(t).mustOpen(t)
		for typ, sign := range map[string]func([]byte) (string, error){
			wire.TypOffer: s.SignOffer, wire.TypDescriptor: s.SignDescriptor,
		} {
			signed, err := sign(payload)
			if err != nil {
				if _, ok := fault.Of(err); !ok {
					t.Fatalf("bad input is not a fault: %v", err)
				}
				continue
			}
			jws, err := wire.ParseJWS(signed)
			if err != nil || jws.Typ != typ || jws.Verify(s.Identity()) != nil {
				t.Fatalf("%q: %v", signed, err)
			}
		}
	})
}
