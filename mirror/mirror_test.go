package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seyfert/mirror"
	"seyfert/signer"

	"github.com/google/go-cmp/cmp"
)

// node is replicas on a network without faults.
type node struct {
	tb       testing.TB
	world    *world // makes machines and keys
	mu       sync.Mutex
	voters   []string
	others   []string
	away     map[string]bool
	requests int
}

func newNode(tb testing.TB, voters ...string) *node {
	tb.Helper()
	n := &node{tb: tb, world: newWorld(1, 0, mistakeNone), voters: voters, away: map[string]bool{}}
	for _, id := range voters {
		n.add(id)
	}
	return n
}

// add starts one more machine.
func (n *node) add(id string) *replica {
	n.tb.Helper()
	r := n.world.add(id)
	n.open(r)
	return r
}

func (n *node) open(r *replica) {
	n.tb.Helper()
	r.handle = &handle{disk: r.disk, random: rand.New(rand.NewPCG(1, 1))}
	var err error
	r.mirror, err = mirror.Open(mirror.Config{
		Journal: journal{r.handle}, Names: memberKeys{r.handle}, Terms: termFile{r.handle},
		Transport: direct{n, r.id}, Members: func() mirror.Membership {
			n.mu.Lock()
			defer n.mu.Unlock()
			return mirror.Membership{
				Self: r.id, Voters: slices.Clone(n.voters), Others: slices.Clone(n.others),
			}
		},
	})
	must(n.tb, err)
	r.signer, err = signer.New(signer.Config{
		Keys: n.world.keys, Journal: r.mirror.Journal(), Names: r.mirror.Names(),
		Sealing: signer.SeededHPKE{}, Random: r.rng,
	})
	must(n.tb, err)
}

func (n *node) close() {
	for _, r := range n.world.replicas {
		r.mirror.Close()
	}
}

// set changes who votes, who does not and who cannot be reached.
func (n *node) set(voters, others, away []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.voters, n.others, n.away = voters, others, map[string]bool{}
	for _, id := range away {
		n.away[id] = true
	}
}

// lead lets a replica lead and sign.
func (n *node) lead(r *replica, term uint64) {
	n.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(n.tb, r.mirror.Lead(ctx, term))
	must(n.tb, r.signer.Wake())
}

// sign signs count messages and returns them.
func (n *node) sign(r *replica, count int) []string {
	n.tb.Helper()
	var signed []string
	for range count {
		seq, hash := r.signer.LastMessage(tokyo)
		jws, err := r.signer.SignMessage(message(seq+1, hash, n.world.random, 2000))
		must(n.tb, err)
		signed = append(signed, jws)
	}
	return signed
}

// direct is a replica's connections.
type direct struct {
	n    *node
	from string
}

// Call implements mirror.Transport.
func (d direct) Call(ctx context.Context, to string, q mirror.Request) (mirror.Answer, error) {
	d.n.mu.Lock()
	d.n.requests++
	away := d.n.away[to] || d.n.away[d.from]
	d.n.mu.Unlock()
	if away {
		return mirror.Answer{}, errors.New("no route")
	}
	data, err := q.Encode()
	must(d.n.tb, err)
	q, err = mirror.DecodeRequest(data)
	must(d.n.tb, err)
	a, err := d.n.world.find(to).mirror.Handle(ctx, d.from, q)
	if err != nil {
		return mirror.Answer{}, err
	}
	data, err = a.Encode()
	must(d.n.tb, err)
	return mirror.DecodeAnswer(data)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// soon waits for what comes by itself.
func soon(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Fatalf("not %s", what)
}

// TestOneBecomesThree: a node that was alone gets two replicas, which have all that it signed
// and all its members' keys before they vote, and go on when it is gone.
func TestOneBecomesThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a")
		defer n.close()
		a := n.world.find("a")
		n.lead(a, 1)
		signed := n.sign(a, 700) // more than one chunk
		const members = 2*mirror.NamesMax + 7
		for i := range members {
			must(t, a.disk.names.Save(fmt.Sprintf("mem_%05d", i), [32]byte{byte(i), byte(i >> 8), 1}))
		}
		sealed, err := a.signer.SealName("mem_00003", "Kim Hana")
		must(t, err)
		voters := []string{"a"}
		for _, id := range []string{"b", "c"} {
			r := n.add(id)
			n.set(voters, []string{id}, nil)
			if a.mirror.Level(id) {
				t.Fatal("level before anything was sent")
			}
			soon(t, "level", func() bool { return a.mirror.Level(id) })
			if !bytes.Equal(r.disk.file, a.disk.file) {
				t.Fatal("level and not equal")
			}
			if have, _ := r.disk.names.List(); len(have) != members {
				t.Fatalf("%d members' keys of %d", len(have), members)
			}
			must(t, a.mirror.Settle(t.Context()))
			voters = append(voters, id)
			n.set(voters, nil, nil)
		}
		signed = append(signed, n.sign(a, 3)...)
		n.set(voters, nil, []string{"a"})
		b := n.world.find("b")
		n.lead(b, 2)
		signed = append(signed, n.sign(b, 3)...)
		for from := 0; from < len(signed); from += signer.MessagesMax {
			got, err := b.signer.SignedMessages(tokyo, uint64(from)+1, signer.MessagesMax)
			must(t, err)
			want := signed[from:min(len(signed), from+signer.MessagesMax)]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
		if text, err := b.signer.OpenName("mem_00003", sealed); err != nil || text != "Kim Hana" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// TestWithoutMajority: what is on one replica alone never leaves, and the next leader says what
// became of it.
func TestWithoutMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a", "b", "c")
		defer n.close()
		a, b := n.world.find("a"), n.world.find("b")
		n.lead(a, 1)
		n.sign(a, 2)
		all := []string{"a", "b", "c"}
		n.set(all, nil, []string{"a"})
		seq, hash := a.signer.LastMessage(tokyo)
		lost := message(seq+1, hash, n.world.random, 0)
		for range 2 {
			if _, err := a.signer.SignMessage(lost); !errors.Is(err, signer.ErrResting) {
				t.Fatalf("signed alone: %v", err)
			}
		}
		if _, err := a.signer.SealName("mem_1", "x"); !errors.Is(err, signer.ErrResting) {
			t.Fatalf("sealed alone: %v", err)
		}
		if err := a.signer.Wake(); !errors.Is(err, signer.ErrResting) {
			t.Fatalf("woken alone: %v", err)
		}
		if got, _ := a.signer.LastMessage(tokyo); got != seq {
			t.Errorf("it takes message %d for signed", got)
		}
		n.lead(b, 2)
		n.sign(b, 1)
		n.set(all, nil, nil)
		soon(t, "level", func() bool { return b.mirror.Level("a") })
		must(t, a.signer.Refresh())
		if got, _ := a.signer.LastMessage(tokyo); got != seq+1 || !bytes.Equal(a.disk.file, b.disk.file) {
			t.Errorf("the old leader knows message %d", got)
		}
		if err := a.mirror.Lead(t.Context(), 2); !errors.Is(err, mirror.ErrSuperseded) {
			t.Errorf("a term of another's: %v", err)
		}
		a.signer.Rest()
		n.lead(a, 3)
		n.sign(a, 1)
	})
}

// TestSameTermAgain: a leader that lost its majority for a while leads on in its term, with what
// it wrote meanwhile.
func TestSameTermAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a", "b", "c")
		defer n.close()
		a := n.world.find("a")
		n.lead(a, 1)
		n.set([]string{"a", "b", "c"}, nil, []string{"a"})
		payload := message(1, [32]byte{}, n.world.random, 0)
		if _, err := a.signer.SignMessage(payload); !errors.Is(err, signer.ErrResting) {
			t.Fatal(err)
		}
		n.set([]string{"a", "b", "c"}, nil, nil)
		a.mirror.Follow()
		a.signer.Rest()
		n.lead(a, 1)
		if _, err := a.signer.SignMessage(payload); err != nil {
			t.Error(err)
		}
		if _, err := a.signer.SignMessage(message(1, [32]byte{}, n.world.random, 0)); err == nil {
			t.Error("another message 1")
		}
		// A new process knows nothing of what it sent in the term.
		a.mirror.Close()
		n.open(a)
		if err := a.mirror.Lead(t.Context(), 1); !errors.Is(err, mirror.ErrSuperseded) {
			t.Errorf("led on after a start: %v", err)
		}
	})
}

// TestLateChunk: a request that comes again late takes nothing back.
func TestLateChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a")
		defer n.close()
		a := n.world.find("a")
		begin := int64(len(a.disk.file))
		n.lead(a, 1)
		n.sign(a, 4)
		whole := a.disk.file
		middle := begin
		for range 2 { // two frames
			middle += frame(whole, middle)
		}
		b := n.world.add("b")
		n.open(b)
		request := func(at, end int64) mirror.Request {
			return mirror.Request{
				Kind: mirror.AskAppend, Term: 9, At: at, Bytes: whole[at:end], Size: int64(len(whole)),
				Spans: []mirror.Span{{}, {Term: 1, Start: begin}, {Term: 9, Start: int64(len(whole))}},
			}
		}
		first, second := request(begin, middle), request(middle, int64(len(whole)))
		second.Size, second.Spans[2].Start = second.Size+100, second.Spans[2].Start+50
		first.Size, first.Spans[2].Start = second.Size, second.Spans[2].Start
		for _, q := range []mirror.Request{first, second, first, first} {
			answer, err := b.mirror.Handle(t.Context(), "l", q)
			if err != nil || !answer.Taken || answer.Marked {
				t.Fatalf("%+v, %v", answer, err)
			}
		}
		if !bytes.Equal(b.disk.file, whole) {
			t.Errorf("%d bytes of %d", len(b.disk.file), len(whole))
		}
		// A gap is told, a leader without the promise refused, other bytes than frames too.
		gap := second
		gap.At = int64(len(whole)) + 20
		gap.Bytes = nil
		if a, err := b.mirror.Handle(t.Context(), "l", gap); err != nil || a.Taken || len(a.Spans) == 0 {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := b.mirror.Handle(t.Context(), "x", first); err != nil || a.Taken || a.Promised != 9 {
			t.Errorf("%+v, %v", a, err)
		}
		torn := second
		torn.At, torn.Bytes = int64(len(whole)), []byte("no frame")
		if a, err := b.mirror.Handle(t.Context(), "l", torn); err == nil {
			t.Errorf("%+v", a)
		}
	})
}

// frame is how long the frame at offset is.
func frame(file []byte, offset int64) int64 {
	for end := offset + 1; end <= int64(len(file)); end++ {
		if count, _ := signer.Frames(file[offset:end], offset); count == 1 {
			return end - offset
		}
	}
	return 0
}

// TestSettledIsNeverCut: a leader whose journal lacks what is settled here is refused.
func TestSettledIsNeverCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a")
		defer n.close()
		a := n.world.find("a")
		begin := int64(len(a.disk.file))
		n.lead(a, 1)
		n.sign(a, 2)
		before := slices.Clone(a.disk.file)
		_, err := a.mirror.Handle(t.Context(), "l", mirror.Request{
			Kind: mirror.AskAppend, Term: 7, At: begin, Size: begin,
			Spans: []mirror.Span{{}, {Term: 7, Start: begin}},
		})
		if err == nil || !bytes.Equal(a.disk.file, before) {
			t.Errorf("cut: %v", err)
		}
	})
}

// TestBrokenDisk: after a write that failed a replica takes nothing more, and says so.
func TestBrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, "a", "b", "c")
		defer n.close()
		a := n.world.find("a")
		n.lead(a, 1)
		n.sign(a, 1)
		a.handle.light(1)
		_, hash := a.signer.LastMessage(tokyo)
		_, err := a.signer.SignMessage(message(2, hash, n.world.random, 0))
		if !errors.Is(err, signer.ErrJournal) || !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		<-a.mirror.Broken()
		if err := a.mirror.Reason(); !errors.Is(err, mirror.ErrBroken) {
			t.Error(err)
		}
		if err := a.mirror.Lead(t.Context(), 2); !errors.Is(err, mirror.ErrBroken) {
			t.Error(err)
		}
		n.lead(n.world.find("b"), 3)
	})
}
