package signer_test

import (
	"errors"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
)

// history signs three messages and returns the parts, the payloads, a fork of the last one and
// the journal's length after each call.
func history(tb testing.TB) (p *parts, payloads [][]byte, fork []byte, ends []int) {
	tb.Helper()
	p = newParts(tb, seoul, 1)
	s := p.mustOpen(tb)
	ends = append(ends, len(p.journal.Bytes()))
	c := newChain(seoul, tokyo)
	for i := range 3 {
		if i == 2 {
			fork = mustEncode(tb, c.next("peer.amend", `{"fork":1}`))
		}
		payloads = append(payloads, c.add(tb, "peer.propose", `{"long":"text so that the `+
			`record is longer than one sector of a disk, which a base64 payload soon is"}`))
		if _, err := s.SignMessage(payloads[i]); err != nil {
			tb.Fatal(err)
		}
		ends = append(ends, len(p.journal.Bytes()))
	}
	return p, payloads, fork, ends
}

// reopen opens a signer over other journal bytes.
func (p *parts) reopen(data []byte) (*signer.Signer, *signer.Memory, error) {
	memory := signer.NewMemory(data)
	s, err := (&parts{p.keys, memory, p.names, p.random}).open()
	return s, memory, err
}

func TestTornTailIsCut(t *testing.T) {
	p, payloads, fork, ends := history(t)
	data := p.journal.Bytes()
	torn := map[string][]byte{}
	for _, keep := range []int{1, 4, 11, 12, 13, 300, ends[3] - ends[2] - 1} {
		torn["short"+string(rune('0'+len(torn)))] = data[:ends[2]+keep]
	}
	// Unwritten sectors read as zeros: the tail from some sector on, one in the middle, all.
	for from := (ends[2]/512 + 1) * 512; from < len(data); from += 512 {
		holes := append([]byte{}, data...)
		clear(holes[from:min(from+512, len(holes))])
		torn["hole"+string(rune('0'+len(torn)))] = holes
		tail := append([]byte{}, data...)
		clear(tail[from:])
		torn["tail"+string(rune('0'+len(torn)))] = tail
	}
	all := append([]byte{}, data...)
	clear(all[ends[2]:])
	torn["all"] = all
	for name, data := range torn {
		t.Run(name, func(t *testing.T) {
			s, memory, err := p.reopen(data)
			if err != nil {
				t.Fatal(err)
			}
			if len(memory.Bytes()) != ends[2] {
				t.Fatalf("%d bytes stay, want %d", len(memory.Bytes()), ends[2])
			}
			if _, err := s.SignMessage(payloads[1]); err != nil {
				t.Fatal(err)
			}
			// The third signature never left, so another third message may be signed.
			if _, err := s.SignMessage(fork); err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.reopen(memory.Bytes()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestLostJournalIsRefused(t *testing.T) {
	p, _, _, ends := history(t)
	data := p.journal.Bytes()
	for size := range ends[0] {
		_, _, err := p.reopen(data[:size])
		if !errors.Is(err, signer.ErrCorrupt) {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	wantText(t, signer.Begin(p.keys, p.journal), "must be an empty file")
	broken := signer.NewMemory(nil)
	broken.FailAppend(1, 3, errPower)
	if err := signer.Begin(p.keys, broken); !errors.Is(err, errPower) {
		t.Fatal(err)
	}
}

func TestCorruptionIsRefused(t *testing.T) {
	p, _, _, ends := history(t)
	whole := p.journal.Bytes()
	damaged := func(t *testing.T, name string, data []byte) {
		t.Helper()
		_, memory, err := p.reopen(data)
		if !errors.Is(err, signer.ErrCorrupt) {
			t.Fatalf("%s: %v", name, err)
		}
		wantText(t, err, "do not delete or cut it", "keep the node stopped")
		if string(memory.Bytes()) != string(data) {
			t.Fatalf("%s: the damaged journal was changed", name)
		}
	}
	// Any flipped bit, in the last record too: it was durable and its signature may have left.
	for at := 0; at < len(whole); at += 11 {
		data := append([]byte{}, whole...)
		data[at] ^= 1 << (at % 8)
		damaged(t, "bit flip", data)
	}
	// A lost sector before whole records.
	data := append([]byte{}, whole...)
	clear(data[512:1024])
	damaged(t, "lost sector", data)
	// A record taken out: the rest no longer stands where it was written.
	damaged(t, "removed record", append(append([]byte{}, whole[:ends[1]]...), whole[ends[2]:]...))
	damaged(t, "garbage at the end", append(append([]byte{}, whole...), "garbage garbage"...))
	damaged(t, "another file", []byte("-----BEGIN PRIVATE KEY----- and more"))
	tail := make([]byte, signer.FrameBytesMax+13)
	damaged(t, "more than one write", append(append([]byte{}, whole...), tail...))
}

func TestJournalOfAnotherNodeIsRefused(t *testing.T) {
	p, _, _, ends := history(t)
	whole := p.journal.Bytes()
	for name, other := range map[string]*parts{
		"other node": newParts(t, tokyo, 1), "other keys": newParts(t, seoul, 2),
	} {
		_, _, err := other.reopen(whole)
		if err == nil {
			t.Fatalf("%s: opened", name)
		}
		wantText(t, err, "belongs to "+seoul)
	}
	// Without its first record it says nobody's name.
	_, _, err := p.reopen(append(append([]byte{}, whole[:25]...), whole[ends[0]:]...))
	if err == nil {
		t.Fatal("opened without its first record")
	}
}

func TestClosedSignerRefuses(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.SignMessage(newChain(seoul, tokyo).add(t, "peer.propose", `{}`))
	wantFault(t, err, fault.Unavailable, "")
	_, err = s.SpendLane(signer.AnchorRequest{Row: "r", Payload: daily(1)})
	wantFault(t, err, fault.Unavailable, "")
	wantFault(t, s.DestroyName("mem_1"), fault.Unavailable, "")
}

func TestConfigIsChecked(t *testing.T) {
	p := newParts(t, seoul, 1)
	whole := signer.Config{
		Keys: p.keys, Journal: p.journal, Names: p.names,
		Sealing: signer.HPKE{}, Random: p.random,
	}
	for _, part := range []func(*signer.Config){
		func(c *signer.Config) { c.Keys = signer.Keys{} },
		func(c *signer.Config) { c.Journal = nil },
		func(c *signer.Config) { c.Names = nil },
		func(c *signer.Config) { c.Sealing = nil },
		func(c *signer.Config) { c.Random = nil },
	} {
		c := whole
		part(&c)
		if _, err := signer.New(c); err == nil {
			t.Fatal("opened without a part")
		}
	}
}

func FuzzJournal(f *testing.F) {
	p, payloads, _, ends := history(f)
	whole := p.journal.Bytes()
	f.Add(whole)
	f.Add(whole[:ends[1]+5])
	f.Add(append(append([]byte{}, whole...), make([]byte, 600)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, memory, err := p.reopen(data)
		if err != nil {
			return
		}
		// What opened opens again unchanged, and still answers.
		if _, again, err := p.reopen(memory.Bytes()); err != nil ||
			string(again.Bytes()) != string(memory.Bytes()) {
			t.Fatal(err)
		}
		if _, err := s.SignMessage(payloads[0]); err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatal(err)
			}
		}
	})
}
