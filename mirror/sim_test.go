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
	seedsFlag = flag.Int("seeds", 200, "how many worlds of each size TestWorlds runs")
	firstFlag = flag.Uint64("first", 1, "the seed of the first")
)

// run lives one world and returns what is wrong with it.
func run(t *testing.T, seed uint64, count, steps int, f mistake) (signed int, verdict error) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, count, f)
		w.weigh()
		for _, r := range w.replicas {
			w.start(r)
		}
		for i := 0; i < steps && w.failed() == nil; i++ {
			w.step()
		}
		if w.failed() == nil {
			w.heal()
		}
		for _, r := range w.replicas {
			if r.mirror != nil {
				w.crash(r)
			}
		}
		verdict, signed = w.failed(), len(w.signed)
	})
	return signed, verdict
}

// step lets one thing happen.
func (w *world) step() {
	w.sort()
	w.check()
	r := w.replicas[w.random.IntN(len(w.replicas))]
	switch w.draw() {
	case deliver:
		if calls := w.waiting(); len(calls) > 0 {
			w.deliver(calls[w.random.IntN(len(calls))], true)
			return
		}
		time.Sleep(time.Duration(1+w.random.IntN(300)) * time.Millisecond)
	case wait:
		time.Sleep(time.Duration(1+w.random.IntN(300)) * time.Millisecond)
	case waitLong:
		time.Sleep(6 * time.Second)
	case repeat:
		if len(w.late) > 0 {
			w.carry(w.late[w.random.IntN(len(w.late))])
		}
	case elect:
		if r.up() {
			w.lead(r)
		}
	case crash:
		if r.up() {
			w.crash(r)
		}
	case fuse:
		if r.up() {
			r.handle.light(1 + w.random.IntN(8))
		}
	case restart:
		if r.mirror == nil {
			w.start(r)
		}
	case part:
		pair := [2]string{r.id, w.replicas[w.random.IntN(len(w.replicas))].id}
		w.cut[pair] = !w.cut[pair]
	case join:
		clear(w.cut)
	case rest:
		if r.up() {
			w.rest(r)
		}
	case peek:
		if r.up() && r.stop == nil {
			w.peek(r)
		}
	case mislead:
		w.mu.Lock()
		w.small = w.random.IntN(4) == 0
		w.mu.Unlock()
	}
}

// What can happen in a step.
const (
	deliver = iota
	wait
	waitLong
	repeat
	elect
	crash
	fuse
	restart
	part
	join
	rest
	peek
	mislead
	kinds
)

// weigh draws how likely each thing is in a world, so that each has a character of its own.
func (w *world) weigh() {
	usual := [kinds]int{
		deliver: 640, wait: 140, waitLong: 10, repeat: 40, elect: 30, crash: 10, fuse: 20,
		restart: 50, part: 10, join: 10, rest: 10, peek: 20, mislead: 10,
	}
	for i, weight := range usual {
		w.weights[i] = weight * []int{1, 1, 1, 3, 10, 0}[w.random.IntN(6)]
	}
	w.weights[deliver] = usual[deliver] * (1 + w.random.IntN(8)) / 2
	w.weights[restart] = max(w.weights[restart], w.weights[crash], usual[restart])
	w.weights[elect] = max(w.weights[elect], usual[elect])
	w.loss = w.random.IntN(1 + w.random.IntN(30))
	w.echo = w.random.IntN(30)
	if w.random.IntN(10) == 0 {
		w.heavy = 50_000
	}
}

func (w *world) draw() int {
	total := 0
	for _, weight := range w.weights {
		total += weight
	}
	at := w.random.IntN(total)
	for i, weight := range w.weights {
		if at -= weight; at < 0 {
			return i
		}
	}
	return deliver
}

// deliver brings a request and perhaps its answer.
func (w *world) deliver(c *call, faults bool) {
	if faults && w.random.IntN(100) < w.echo {
		w.late = append(w.late, c.packet)
	}
	if w.cut[[2]string{c.from, c.to}] || faults && w.random.IntN(100) < w.loss {
		w.end(c, nil)
		return
	}
	answer := w.carry(c.packet)
	if w.cut[[2]string{c.to, c.from}] || faults && w.random.IntN(100) < w.loss {
		answer = nil
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
	if err := r.signer.Refresh(); err != nil && !r.handle.off() {
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
		if r.mirror != nil && r.handle.off() {
			w.crash(r)
		}
		if r.mirror == nil {
			continue
		}
		file := r.handle.file()
		end := r.mirror.Journal().Settled()
		if end > int64(len(file)) {
			w.fail("%s lost what is settled", r.id)
			return
		}
		if end < r.seen {
			w.fail("%s unsettles bytes", r.id)
		}
		known := min(end, int64(len(w.canon)))
		if r.seen < known && !bytes.Equal(file[r.seen:known], w.canon[r.seen:known]) {
			w.fail("%s has other bytes than what is settled", r.id)
			return
		}
		w.canon = append(w.canon, file[known:end]...)
		r.seen = end
	}
}

// heal ends all trouble and waits until every replica is level.
func (w *world) heal() {
	clear(w.cut)
	w.late = nil
	w.mu.Lock()
	w.small = false
	w.mu.Unlock()
	w.sort()
	for _, r := range w.replicas {
		if r.mirror != nil {
			r.handle.light(0)
			w.rest(r)
		}
	}
	w.check()
	for _, r := range w.replicas {
		if r.mirror == nil {
			w.start(r)
		}
	}
	if w.failed() != nil {
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
		if calls := w.waiting(); len(calls) > 0 {
			w.deliver(calls[w.random.IntN(len(calls))], false)
		} else {
			time.Sleep(10 * time.Millisecond)
		}
		if w.failed() != nil {
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
	for _, count := range []int{3, 4, 5} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			total := 0
			if testing.Short() {
				*seedsFlag = min(*seedsFlag, 40)
			}
			for i := range uint64(*seedsFlag) {
				seed := *firstFlag + i
				signed, verdict := run(t, seed, count, 400, mistakeNone)
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

// TestWorldRepeats: a seed gives the same world again.
func TestWorldRepeats(t *testing.T) {
	for seed := range uint64(30) {
		first, _ := run(t, seed, 3, 400, mistakeNone)
		if second, _ := run(t, seed, 3, 400, mistakeNone); first != second {
			t.Errorf("seed %d: %d signatures, then %d", seed, first, second)
		}
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
				if _, verdict := run(t, seed+1, 3, 400, f); verdict != nil {
					t.Logf("seed %d: %v", seed+1, verdict)
					return
				}
			}
			t.Errorf("not seen in %d worlds", most)
		})
	}
}
