package mirror_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"seyfert/mirror"
	"seyfert/signer"
)

var (
	seedsFlag = flag.Int("seeds", 300, "how many worlds of each size TestWorlds runs")
	firstFlag = flag.Uint64("first", 1, "the seed of the first")
)

// run lives one world and returns what is wrong with it.
func run(t *testing.T, seed uint64, count, steps int, f mistake) (verdict error, signed int) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, count, f)
		for _, r := range w.replicas {
			w.start(r)
		}
		for i := 0; i < steps && w.verdict == nil; i++ {
			w.step()
		}
		if w.verdict == nil {
			w.heal()
		}
		for _, r := range w.replicas {
			if r.mirror != nil {
				w.crash(r)
			}
		}
		verdict, signed = w.verdict, len(w.signed)
	})
	return verdict, signed
}

// step lets one thing happen.
func (w *world) step() {
	w.sort()
	w.check()
	r := w.replicas[w.random.IntN(len(w.replicas))]
	switch dice := w.random.IntN(100); {
	case dice < 64 && len(w.calls) > 0:
		w.deliver(w.calls[w.random.IntN(len(w.calls))], true)
	case dice < 78:
		time.Sleep(time.Duration(1+w.random.IntN(300)) * time.Millisecond)
	case dice < 79:
		time.Sleep(6 * time.Second)
	case dice < 83 && len(w.late) > 0:
		at := w.random.IntN(len(w.late))
		w.carry(w.late[at])
		w.late = append(w.late[:at], w.late[at+1:]...)
	case dice < 86 && r.up():
		w.lead(r)
	case dice < 87 && r.up():
		w.crash(r)
	case dice < 89 && r.up():
		r.handle.fuse = 1 + w.random.IntN(8)
	case dice < 94 && r.mirror == nil:
		w.start(r)
	case dice < 95:
		pair := [2]string{r.id, w.replicas[w.random.IntN(len(w.replicas))].id}
		w.cut[pair] = !w.cut[pair]
	case dice < 96:
		clear(w.cut)
	case dice < 97 && r.up():
		w.rest(r)
	case dice < 99 && r.up() && r.stop == nil:
		w.peek(r)
	default:
		w.mu.Lock()
		w.small = w.random.IntN(4) == 0
		w.mu.Unlock()
	}
}

// deliver brings a request and perhaps its answer.
func (w *world) deliver(c *call, faults bool) {
	dice := 50
	if faults {
		dice = w.random.IntN(100)
	}
	if w.cut[[2]string{c.from, c.to}] || dice < 5 {
		w.end(c, nil)
		return
	}
	answer := w.carry(c.packet)
	switch {
	case dice < 12 || w.cut[[2]string{c.to, c.from}]:
		answer = nil
	case dice < 22:
		w.late = append(w.late, c.packet)
	}
	w.end(c, answer)
}

// carry hands a request in and returns the answer, or nil.
func (w *world) carry(p packet) []byte {
	r := w.find(p.to)
	if !r.up() {
		return nil
	}
	q, err := mirror.DecodeRequest(p.body)
	if err != nil {
		w.fail("a request: %v", err)
		return nil
	}
	var a mirror.Answer
	switch {
	case w.mistake == mistakePromise && q.Kind == mirror.AskPromise:
		a, err = w.forget(r, p.from, q)
	case w.mistake == mistakeTruth && q.Kind == mirror.AskAppend && w.random.IntN(8) == 0:
		a = mirror.Answer{
			Taken: true, Promised: q.Term, Marked: true, Size: q.At + int64(len(q.Bytes)),
		}
	default:
		a, err = r.mirror.Handle(context.Background(), p.from, q)
	}
	if err != nil {
		return nil
	}
	data, err := a.Encode()
	if err != nil {
		w.fail("an answer: %v", err)
	}
	return data
}

// forget answers as a replica does that keeps no promise.
func (w *world) forget(r *replica, from string, q mirror.Request) (mirror.Answer, error) {
	copied := *r.disk
	other := &handle{disk: &copied, random: rand.New(rand.NewPCG(1, 1))}
	m, err := mirror.Open(mirror.Config{
		Journal: journal{other}, Names: memberKeys{other}, Terms: termFile{other},
		Transport: wires{w, r.id}, Members: func() mirror.Membership { return mirror.Membership{} },
	})
	if err != nil {
		return mirror.Answer{}, err
	}
	return m.Handle(context.Background(), from, q)
}

// peek reads on a replica that does not lead.
func (w *world) peek(r *replica) {
	if err := r.signer.Refresh(); err != nil && !r.handle.dead {
		w.fail("%s cannot read on: %v", r.id, err)
		return
	}
	signed, err := r.signer.SignedMessages(tokyo, 1, signer.MessagesMax)
	if err != nil {
		return
	}
	for i, jws := range signed {
		w.leaves(uint64(i)+1, jws, math.MaxUint64)
	}
}

// check ends the processes whose machine lost power, and holds every replica to what is settled.
func (w *world) check() {
	for _, r := range w.replicas {
		if r.mirror != nil && r.handle.dead {
			w.crash(r)
		}
		if r.mirror == nil {
			continue
		}
		end := r.mirror.Journal().Settled()
		if end > int64(len(r.disk.file)) {
			w.fail("%s lost what is settled", r.id)
			return
		}
		if end < r.seen {
			w.fail("%s unsettles bytes", r.id)
		}
		known := min(end, int64(len(w.canon)))
		if r.seen < known && !bytes.Equal(r.disk.file[r.seen:known], w.canon[r.seen:known]) {
			w.fail("%s has other bytes than what is settled", r.id)
			return
		}
		w.canon = append(w.canon, r.disk.file[known:end]...)
		r.seen = end
	}
}

// heal ends all trouble and waits until every replica is level.
func (w *world) heal() {
	clear(w.cut)
	w.late, w.small = nil, false
	w.sort()
	for _, r := range w.replicas {
		if r.mirror != nil {
			r.handle.fuse = 0
			w.rest(r)
		}
	}
	w.check()
	for _, r := range w.replicas {
		if r.mirror == nil {
			w.start(r)
		}
	}
	if w.verdict != nil {
		return
	}
	leader := w.replicas[w.random.IntN(len(w.replicas))]
	w.lead(leader)
	level := func() bool {
		for _, r := range w.replicas {
			if r != leader && !leader.mirror.Level(r.id) {
				return false
			}
		}
		return leader.mirror.Settle(context.Background()) == nil
	}
	for i := 0; !level(); i++ {
		if i == 5_000 {
			w.fail("the replicas do not get level")
			return
		}
		w.sort()
		w.check()
		if len(w.calls) > 0 {
			w.deliver(w.calls[w.random.IntN(len(w.calls))], false)
		} else {
			time.Sleep(10 * time.Millisecond)
		}
		if w.verdict != nil {
			return
		}
	}
	w.rest(leader)
	w.check()
	for _, r := range w.replicas {
		if n := min(len(r.disk.file), len(w.canon)); !bytes.Equal(r.disk.file[:n], w.canon[:n]) {
			w.fail("%s has other bytes than what is settled", r.id)
		}
	}
	w.awake(leader.id, math.MaxUint64, leader.signer)
}

// TestWorlds lets replicas crash, part and be late from many seeds. The real signers work on
// them: no two signatures for one sequence number leave, each leader knows all that left, what
// is settled is the same everywhere for ever.
func TestWorlds(t *testing.T) {
	for _, count := range []int{3, 5} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			total := 0
			for i := range uint64(*seedsFlag) {
				seed := *firstFlag + i
				verdict, signed := run(t, seed, count, 400, mistakeNone)
				if verdict != nil {
					t.Fatalf("seed %d: %v", seed, verdict)
				}
				total += signed
			}
			t.Logf("%d signatures left", total)
			if total < *seedsFlag {
				t.Errorf("%d signatures left in %d worlds", total, *seedsFlag)
			}
		})
	}
}

// TestWorldsFindMistakes: the simulation sees each deliberate mistake.
func TestWorldsFindMistakes(t *testing.T) {
	for name, f := range map[string]mistake{
		"promises are not kept": mistakePromise, "a disk lies": mistakeSync,
		"a majority of one": mistakeMajority, "the network lies": mistakeTruth,
		"terms are lost": mistakeTerms,
	} {
		t.Run(name, func(t *testing.T) {
			const most = 300
			for seed := range uint64(most) {
				if verdict, _ := run(t, seed+1, 3, 400, f); verdict != nil {
					t.Logf("seed %d: %v", seed+1, verdict)
					return
				}
			}
			t.Errorf("not seen in %d worlds", most)
		})
	}
}
