package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"
)

const (
	seoul = "did:web:seoul.localhost%3A8443"
	tokyo = "did:web:tokyo.localhost%3A8444"
)

// lead lets a replica lead a new term until rest or until it cannot.
func (w *world) lead(r *replica) {
	w.rest(r)
	w.term++
	ctx, cancel := context.WithCancel(context.Background())
	r.stop, r.done = cancel, make(chan struct{})
	work := rand.New(rand.NewPCG(w.random.Uint64(), w.term))
	term, done, m, s := w.term, r.done, r.mirror, r.signer
	go func() {
		defer close(done)
		for range 3 { // the same term again after an Append that failed
			if m.Lead(ctx, term) == nil && s.Wake() == nil {
				w.awake(r.id, term, s)
				for ctx.Err() == nil && w.work(s, term, work) == nil {
					time.Sleep(time.Duration(1+work.IntN(40)) * time.Millisecond)
				}
			}
			m.Follow()
			s.Rest()
			if ctx.Err() != nil {
				return
			}
		}
	}()
}

// awake checks that a signer which begins to sign knows all that ever left in terms before its
// own. A later leader may have been at work already: then this one can sign nothing.
func (w *world) awake(id string, term uint64, s *signer.Signer) {
	w.mu.Lock()
	known := make(map[uint64]string, len(w.signed))
	for seq, jws := range w.signed {
		if w.terms[seq] <= term {
			known[seq] = jws
		}
	}
	sealed := map[string][][]byte{}
	for member, texts := range w.sealed {
		sealed[member] = texts
	}
	w.mu.Unlock()
	for seq, jws := range known {
		got, err := s.SignedMessages(tokyo, seq, 1)
		if errors.Is(err, errDead) {
			return
		}
		if err != nil || len(got) != 1 || got[0] != jws {
			w.fail("%s wakes and does not know message %d (%v)", id, seq, err)
			return
		}
	}
	for member, texts := range sealed {
		for _, text := range texts {
			w.opens(id, term, s, member, text)
		}
	}
}

// opens checks that a text in the books can be read as long as its member's keys live.
func (w *world) opens(id string, term uint64, s *signer.Signer, member string, text []byte) {
	w.mu.Lock()
	gone := w.gone[member] > 0 && w.gone[member] <= term
	w.mu.Unlock()
	plain, err := s.OpenName(member, text)
	code := fault.Code("")
	if f, ok := fault.Of(err); ok {
		code = f.Code
	}
	switch {
	case code == fault.Unavailable || errors.Is(err, errDead):
	case gone && err == nil:
		w.fail("%s reads a text of %s, who was forgotten", id, member)
	case !gone && err != nil:
		w.mu.Lock()
		ending := w.ending[member]
		w.mu.Unlock()
		if !ending {
			w.fail("%s cannot read a text of %s: %v", id, member, err)
		}
	case err == nil && plain != "text of "+member:
		w.fail("%s reads another text of %s", id, member)
	}
}

// work does one thing that a leader does.
func (w *world) work(s *signer.Signer, term uint64, random *rand.Rand) error {
	member := fmt.Sprintf("mem_%d", random.IntN(6))
	switch random.IntN(8) {
	case 0, 1:
		text, err := s.SealName(member, "text of "+member)
		if f, ok := fault.Of(err); ok && f.Code == fault.Refused {
			return nil
		}
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.sealed[member] = append(w.sealed[member], text)
		w.mu.Unlock()
		return nil
	case 2:
		if random.IntN(5) > 0 {
			return nil
		}
		w.mu.Lock()
		w.ending[member] = true
		w.mu.Unlock()
		if err := s.DestroyName(member); err != nil {
			return err
		}
		w.mu.Lock()
		w.gone[member] = term
		w.mu.Unlock()
		return nil
	}
	seq, hash := s.LastMessage(tokyo)
	jws, err := s.SignMessage(message(seq+1, hash, random, w.heavy))
	if err != nil {
		return err
	}
	w.leaves(seq+1, jws, term)
	return nil
}

// leaves notes a signature that the outside sees, made in a term or in none that is known.
func (w *world) leaves(seq uint64, jws string, term uint64) {
	w.mu.Lock()
	before, ok := w.signed[seq]
	w.signed[seq] = jws
	if !ok {
		w.terms[seq] = term
	}
	w.mu.Unlock()
	if ok && before != jws {
		w.fail("two signatures for message %d left", seq)
	}
}

// message is one that no other attempt makes again.
func message(seq uint64, prev [32]byte, random *rand.Rand, bytes int) []byte {
	uuid := func() wire.UUID {
		var chance [10]byte
		for i := range chance {
			chance[i] = byte(random.Uint32())
		}
		return wire.NewUUID(1_760_000_000_000, chance)
	}
	m := wire.Message{
		Version: wire.MessageVersion, Type: "note", ID: uuid(), From: seoul, To: tokyo,
		Thread: uuid(), Seq: seq, Prev: prev, Epoch: 1, CreatedAt: 1_760_000_000_000,
		ExpiresAt: 1_760_000_060_000,
		Body: json.RawMessage(fmt.Sprintf(`{"chance":"%x%s"}`, random.Uint64(),
			strings.Repeat("0", bytes))),
	}
	payload, err := m.Encode()
	if err != nil {
		panic(err)
	}
	return payload
}
