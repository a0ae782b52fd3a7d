package signer_test

import (
	"errors"
	"slices"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"
)

// shared is a journal that others write too.
type shared struct {
	*signer.Memory
	settled int64
	refuse  bool
}

// Settled implements signer.SharedFile.
func (s *shared) Settled() int64 { return s.settled }

// Append implements signer.JournalFile: with refuse set the bytes are there and not settled.
func (s *shared) Append(p []byte) error {
	if err := s.Memory.Append(p); err != nil {
		return err
	}
	if s.refuse {
		return signer.ErrResting
	}
	s.settled = int64(len(s.Bytes()))
	return nil
}

func openShared(tb testing.TB, p *parts, file *shared) *signer.Signer {
	tb.Helper()
	s, err := signer.New(signer.Config{
		Keys: p.keys, Journal: file, Names: p.names, Sealing: signer.SeededHPKE{}, Random: p.random,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestRest: at rest nothing is signed, and what is not settled is not shown; after it the signer
// knows what others signed.
func TestRest(t *testing.T) {
	p := newParts(t, seoul, 1)
	begin := int64(len(p.journal.Bytes()))
	other := p.mustOpen(t)
	c := newChain(seoul, tokyo)
	first, second := c.add(t, "note", `{}`), c.add(t, "note", `{}`)
	signed, err := other.SignMessages([][]byte{first})
	if err != nil {
		t.Fatal(err)
	}
	one := int64(len(p.journal.Bytes()))
	if _, err := other.SignMessages([][]byte{second}); err != nil {
		t.Fatal(err)
	}
	file := &shared{Memory: signer.NewMemory(p.journal.Bytes()), settled: begin}
	s := openShared(t, p, file)
	knows := func(want ...string) {
		t.Helper()
		got, err := s.SignedMessages(tokyo, 1, signer.MessagesMax)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d messages, want %d: %v", len(got), len(want), err)
		}
	}
	knows()
	if _, err := s.SignMessage(first); !errors.Is(err, signer.ErrResting) {
		t.Errorf("signed at rest: %v", err)
	}
	wantFault(t, signer.ErrResting, fault.Unavailable, "")
	file.settled = one
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	knows(signed[0])
	if err := s.Wake(); !errors.Is(err, signer.ErrResting) {
		t.Errorf("woken before the end is settled: %v", err)
	}
	// The second message was never on a majority: another replica's journal has a third one.
	if err := file.Truncate(one); err != nil {
		t.Fatal(err)
	}
	if err := s.Wake(); err != nil {
		t.Fatal(err)
	}
	third := mustEncode(t, wire.Message{
		Version: wire.MessageVersion, Type: "note", ID: c.uuid(), From: seoul, To: tokyo,
		Thread: c.uuid(), Seq: 2, Prev: wire.MessageHash(first), Epoch: 1,
		CreatedAt: 1_760_000_000_000, ExpiresAt: 1_760_000_060_000, Body: []byte(`{}`),
	})
	jws, err := s.SignMessage(third)
	if err != nil {
		t.Fatal(err)
	}
	knows(signed[0], jws)
	s.Rest()
	if _, err := s.SignMessage(third); !errors.Is(err, signer.ErrResting) {
		t.Errorf("signed at rest: %v", err)
	}
	knows(signed[0], jws)
}

// TestUnsettledAppend: a signature whose record found no majority does not leave, and after Wake
// the journal says whether it was made.
func TestUnsettledAppend(t *testing.T) {
	for _, stays := range []bool{true, false} {
		p := newParts(t, seoul, 1)
		file := &shared{Memory: signer.NewMemory(p.journal.Bytes())}
		begin := int64(len(file.Bytes()))
		file.settled = begin
		s := openShared(t, p, file)
		if err := s.Wake(); err != nil {
			t.Fatal(err)
		}
		c := newChain(seoul, tokyo)
		lost, other := mustEncode(t, c.next("note", `{}`)), mustEncode(t, c.next("note", `{"x":1}`))
		file.refuse = true
		for range 2 {
			if _, err := s.SignMessage(lost); !errors.Is(err, signer.ErrResting) ||
				errors.Is(err, signer.ErrJournal) {
				t.Fatalf("%v", err)
			}
		}
		if err := s.Wake(); !errors.Is(err, signer.ErrResting) {
			t.Fatalf("woken: %v", err)
		}
		if seq, _ := s.LastMessage(tokyo); seq != 0 {
			t.Errorf("message %d is taken for signed", seq)
		}
		file.refuse = false
		if !stays {
			if err := file.Truncate(begin); err != nil {
				t.Fatal(err)
			}
		}
		file.settled = int64(len(file.Bytes()))
		if err := s.Wake(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SignMessage(lost); err != nil {
			t.Errorf("the same again: %v", err)
		}
		_, err := s.SignMessage(other)
		if f, ok := fault.Of(err); !ok || f.Code != fault.Conflict {
			t.Errorf("a second message 1: %v", err)
		}
	}
}

// TestRefreshDestroys: a replica at rest destroys the keys of members whose destruction is
// settled, and opens the names of the others.
func TestRefreshDestroys(t *testing.T) {
	p := newParts(t, seoul, 1)
	begin := p.journal.Bytes()
	other := p.mustOpen(t)
	sealed := map[string][]byte{}
	for _, member := range []string{"mem_1", "mem_2"} {
		text, err := other.SealName(member, "name of "+member)
		if err != nil {
			t.Fatal(err)
		}
		sealed[member] = text
	}
	copied := signer.NewNameMemory()
	for _, member := range []string{"mem_1", "mem_2"} {
		key, _, _ := p.names.Load(member)
		if err := copied.Save(member, key); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.DestroyName("mem_1"); err != nil {
		t.Fatal(err)
	}
	p.names = copied
	file := &shared{Memory: signer.NewMemory(begin), settled: int64(len(begin))}
	s := openShared(t, p, file)
	if name, err := s.OpenName("mem_1", sealed["mem_1"]); err != nil || name != "name of mem_1" {
		t.Fatalf("%q, %v", name, err)
	}
	file.Memory = signer.NewMemory(p.journal.Bytes())
	file.settled = int64(len(file.Bytes()))
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	if keys, _ := copied.Keys("mem_1"); len(keys) > 0 {
		t.Error("the key is still there")
	}
	_, err := s.OpenName("mem_1", sealed["mem_1"])
	wantFault(t, err, fault.NotFound, "member")
	if name, err := s.OpenName("mem_2", sealed["mem_2"]); err != nil || name != "name of mem_2" {
		t.Errorf("%q, %v", name, err)
	}
	_, err = s.SealName("mem_2", "x")
	wantFault(t, err, fault.Unavailable, "")
	_, err = s.SealName("mem_3", "x")
	wantFault(t, err, fault.Unavailable, "")
}

// TestFrames counts whole frames at their place.
func TestFrames(t *testing.T) {
	p, _, _, ends := history(t)
	whole := p.journal.Bytes()
	for i, end := range ends[1:] {
		count, size := signer.Frames(whole[ends[0]:end], int64(ends[0]))
		if count != i+1 || size != int64(end-ends[0]) {
			t.Errorf("%d frames of %d bytes before byte %d", count, size, end)
		}
	}
	if count, size := signer.Frames(whole[ends[0]:], int64(ends[0])+1); count != 0 || size != 0 {
		t.Errorf("%d frames of %d bytes at the wrong place", count, size)
	}
}
