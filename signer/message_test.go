package signer_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

func TestMessageTwiceIsTheSameBytes(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	c := newChain(seoul, tokyo)
	payload := c.add(t, "peer.propose", `{"a":1}`)
	first, err := s.SignMessage(payload)
	if err != nil {
		t.Fatal(err)
	}
	size := len(p.journal.Bytes())
	again, err := s.SignMessage(payload)
	if err != nil || again != first {
		t.Fatalf("again: %q, %v", again, err)
	}
	if len(p.journal.Bytes()) != size {
		t.Fatal("a repeat was journalled")
	}
	after, err := p.crash(t).SignMessage(payload)
	if err != nil || after != first {
		t.Fatalf("after a restart: %q, %v", after, err)
	}
	jws, err := wire.ParseJWS(first)
	if err != nil || jws.Typ != wire.TypMessage || string(jws.Payload) != string(payload) {
		t.Fatalf("%+v, %v", jws, err)
	}
	if err := jws.Verify(s.Identity()); err != nil {
		t.Fatal(err)
	}
}

func TestMessageForkIsRefused(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	c := newChain(seoul, tokyo)
	first := c.next("peer.propose", `{"a":1}`)
	if _, err := s.SignMessage(c.add(t, "peer.propose", `{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	second := c.next("peer.accept", `{}`)
	for name, change := range map[string]struct {
		m     wire.Message
		code  fault.Code
		field string
	}{
		"same seq, other bytes": {first, fault.Conflict, "seq"},
		"gap": {
			with(second, func(m *wire.Message) { m.Seq = 3 }),
			fault.Conflict, "seq",
		},
		"other prev": {
			with(second, func(m *wire.Message) { m.Prev[0] ^= 1 }),
			fault.Conflict, "prev",
		},
		"other epoch": {
			with(second, func(m *wire.Message) { m.Epoch = 2 }),
			fault.Conflict, "epoch",
		},
		"foreign sender": {
			with(second, func(m *wire.Message) { m.From = busan }),
			fault.Invalid, "from",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range []*signer.Signer{s, p.crash(t)} {
				_, err := s.SignMessage(mustEncode(t, change.m))
				wantFault(t, err, change.code, change.field)
			}
		})
	}
	_, err := s.SignMessage([]byte(`{"v":1}`))
	wantFault(t, err, fault.Invalid, "message")
	if _, err := s.SignMessage(mustEncode(t, second)); err != nil {
		t.Fatalf("a good message after the refusals: %v", err)
	}
}

func with(m wire.Message, change func(*wire.Message)) wire.Message {
	change(&m)
	return m
}

func TestMessageIDIsUsedOnce(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	c := newChain(seoul, tokyo)
	first := c.next("peer.propose", `{}`)
	payload := mustEncode(t, first)
	c.seq, c.prev = 1, wire.MessageHash(payload)
	second := with(c.next("peer.accept", `{}`), func(m *wire.Message) { m.ID = first.ID })
	_, err := s.SignMessages([][]byte{payload, mustEncode(t, second)})
	wantFault(t, err, fault.Conflict, "id")
	if peers := s.Peers(); len(peers) != 0 {
		t.Errorf("messages were signed to %v", peers)
	}
	if seq, _ := s.LastMessage(tokyo); seq != 0 {
		t.Fatalf("a refused batch left %d messages", seq)
	}
	if _, err := s.SignMessage(payload); err != nil {
		t.Fatal(err)
	}
	_, err = s.SignMessage(mustEncode(t, second))
	wantFault(t, err, fault.Conflict, "id")
}

func TestPromisesDoNotContradict(t *testing.T) {
	body := func(extra string) string { return `{"transferId":"trf_1"` + extra + `}` }
	for _, pair := range []struct {
		first, second string
		refused       bool
	}{
		{"transfer.reject", "transfer.fulfil", true},
		{"transfer.cancel", "transfer.fulfil", true},
		{"transfer.fulfil", "transfer.reject", true},
		{"transfer.fulfil", "transfer.cancel", true},
		{"transfer.reject", "transfer.accept", true},
		{"transfer.accept", "transfer.reject", true},
		{"transfer.reject", "transfer.cancel", true},
		{"transfer.ack", "transfer.voided", true},
		{"transfer.voided", "transfer.ack", true},
		{"transfer.accept", "transfer.cancel", false},
		{"transfer.accept", "transfer.fulfil", false},
		{"transfer.ack", "transfer.query", false},
	} {
		for _, sameBatch := range []bool{false, true} {
			t.Run(fmt.Sprint(pair.first, " ", pair.second, sameBatch), func(t *testing.T) {
				s := newParts(t, seoul, 1).mustOpen(t)
				c := newChain(seoul, tokyo)
				batch := [][]byte{c.add(t, pair.first, body("")), c.add(t, pair.second, body(""))}
				var err error
				if sameBatch {
					_, err = s.SignMessages(batch)
				} else {
					if _, err := s.SignMessage(batch[0]); err != nil {
						t.Fatal(err)
					}
					_, err = s.SignMessage(batch[1])
				}
				if pair.refused {
					wantFault(t, err, fault.Conflict, "body.transferId")
				} else if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func TestPromiseHasOneBody(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	c := newChain(seoul, tokyo)
	if _, err := s.SignMessage(
		c.add(t, "transfer.ack", `{"clearSeq":1,"transferId":"trf_1"}`)); err != nil {
		t.Fatal(err)
	}
	other := mustEncode(t, c.next("transfer.ack", `{"clearSeq":2,"transferId":"trf_1"}`))
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		_, err := s.SignMessage(other)
		wantFault(t, err, fault.Conflict, "body.transferId")
	}
	for _, body := range []string{
		`{}`, `{"TRANSFERID":"trf_1"}`, `{"transferId":7}`,
		`{"transferId":""}`, `{"transferId":"` + strings.Repeat("x", 65) + `"}`,
	} {
		_, err := s.SignMessage(mustEncode(t, c.next("transfer.ack", body)))
		wantFault(t, err, fault.Invalid, "body.transferId")
	}
	// A new message may repeat what was said; to another peer the id is another transfer.
	if _, err := s.SignMessage(
		c.add(t, "transfer.ack", `{"clearSeq":1,"transferId":"trf_1"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignMessage(newChain(seoul, busan).add(t, "transfer.ack",
		`{"clearSeq":9,"transferId":"trf_1"}`)); err != nil {
		t.Fatal(err)
	}
}

func TestCrashAroundTheJournalWrite(t *testing.T) {
	c := newChain(seoul, tokyo)
	before := c.add(t, "peer.propose", `{}`)
	lost := mustEncode(t, c.next("peer.accept", `{"which":"lost"}`))
	other := mustEncode(t, c.next("peer.accept", `{"which":"other"}`))
	for kept := 0; ; kept += 50 {
		p := newParts(t, seoul, 1)
		s := p.mustOpen(t)
		if _, err := s.SignMessage(before); err != nil {
			t.Fatal(err)
		}
		size := len(p.journal.Bytes())
		p.journal.FailAppend(1, kept, errPower)
		if _, err := s.SignMessage(lost); !errors.Is(err, signer.ErrJournal) ||
			!errors.Is(err, errPower) {
			t.Fatalf("kept %d: %v", kept, err)
		}
		// The signer that saw the failure never signs again, not even what it signed before.
		if _, err := s.SignMessage(before); !errors.Is(err, signer.ErrJournal) {
			t.Fatalf("kept %d: %v", kept, err)
		}
		// The frame was cut off: nothing left, so the other message may be signed.
		s = p.crash(t)
		if seq, _ := s.LastMessage(tokyo); seq != 1 {
			break
		}
		if len(p.journal.Bytes()) != size {
			t.Fatalf("kept %d: the torn tail stayed", kept)
		}
		if _, err := s.SignMessage(other); err != nil {
			t.Fatalf("kept %d: %v", kept, err)
		}
	}
	// Written in full, the crash before the return: the journal stands.
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	if _, err := s.SignMessage(before); err != nil {
		t.Fatal(err)
	}
	p.journal.FailAppend(1, math.MaxInt, errPower)
	if _, err := s.SignMessage(lost); !errors.Is(err, errPower) {
		t.Fatal(err)
	}
	s = p.crash(t)
	_, err := s.SignMessage(other)
	wantFault(t, err, fault.Conflict, "seq")
	if _, err := s.SignMessage(lost); err != nil {
		t.Fatal(err)
	}
}

func TestBatchIsOneFrameInOrder(t *testing.T) {
	p := newParts(t, seoul, 1)
	s := p.mustOpen(t)
	a, b := newChain(seoul, tokyo), newChain(seoul, busan)
	one, two, three := a.add(t, "peer.propose", `{}`), a.add(t, "peer.accept", `{}`),
		b.add(t, "peer.propose", `{}`)
	p.journal.FailAppend(2, 0, errPower)
	signed, err := s.SignMessages([][]byte{one, three, two, one})
	if err != nil {
		t.Fatal(err)
	}
	if signed[3] != signed[0] {
		t.Fatal("a repeat inside the batch has other bytes")
	}
	if _, err := s.SignMessage(a.add(t, "peer.amend", `{}`)); !errors.Is(err, errPower) {
		t.Fatalf("the batch took another number of writes than one: %v", err)
	}
	s = p.crash(t)
	got, err := s.SignedMessages(tokyo, 1, signer.MessagesMax)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{signed[0], signed[2]}, got); diff != "" {
		t.Fatal(diff)
	}
	if got, err = s.SignedMessages(tokyo, 2, 1); err != nil || len(got) != 1 || got[0] != signed[2] {
		t.Fatal(got, err)
	}
	for _, from := range []uint64{0, 3, math.MaxUint64} {
		if got, err = s.SignedMessages(tokyo, from, 1); err != nil || len(got) != 0 {
			t.Fatal(from, got, err)
		}
	}
	_, err = s.SignedMessages(tokyo, 1, signer.MessagesMax+1)
	wantFault(t, err, fault.Invalid, "count")
	if peers := s.Peers(); len(peers) != 2 || !slices.Contains(peers, tokyo) {
		t.Errorf("messages were signed to %v", peers)
	}
	if seq, hash := s.LastMessage(tokyo); seq != 2 || hash != wire.MessageHash(two) {
		t.Fatal(seq, hash)
	}
}

func TestBatchLimits(t *testing.T) {
	s := newParts(t, seoul, 1).mustOpen(t)
	_, err := s.SignMessages(nil)
	wantFault(t, err, fault.TooLarge, "messages")
	c := newChain(seoul, tokyo)
	var payloads [][]byte
	for range signer.MessagesMax {
		payloads = append(payloads, c.add(t, "peer.propose", `{}`))
	}
	if _, err := s.SignMessages(payloads); err != nil {
		t.Fatal(err)
	}
	_, err = s.SignMessages(append(payloads, c.add(t, "peer.propose", `{}`)))
	wantFault(t, err, fault.TooLarge, "messages")

	// The largest batch in bytes fits into one frame; one byte more is refused.
	c = newChain(seoul, busan)
	fill := `{"x":"` + strings.Repeat("y", wire.BodyBytesMax-8) + `"}`
	payloads = nil
	size := 0
	for {
		payload := c.add(t, "peer.propose", fill)
		if size += len(payload); size > signer.MessagesBytesMax {
			_, err := s.SignMessages(append(payloads, payload))
			wantFault(t, err, fault.TooLarge, "messages")
			break
		}
		payloads = append(payloads, payload)
	}
	if _, err := s.SignMessages(payloads); err != nil {
		t.Fatal(err)
	}
}

func FuzzSignMessage(f *testing.F) {
	c := newChain(seoul, tokyo)
	f.Add(c.add(f, "peer.propose", `{}`))
	f.Add(c.add(f, "transfer.ack", `{"transferId":"trf_1"}`))
	f.Add([]byte(`{}`))
	keys := newParts(f, seoul, 1)
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := keys.fresh(t).mustOpen(t)
		signed, err := s.SignMessage(payload)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("bad input is not a fault: %v", err)
			}
			return
		}
		jws, err := wire.ParseJWS(signed)
		if err != nil || string(jws.Payload) != string(payload) || jws.Verify(s.Identity()) != nil {
			t.Fatalf("%q: %v", signed, err)
		}
	})
}
