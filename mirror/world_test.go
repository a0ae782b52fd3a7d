package mirror_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"

	"seyfert/mirror"
	"seyfert/signer"
)

// world is a few replicas, their network and what must hold. One goroutine at a time does
// something in it: the world moves on only when all others wait (testing/synctest), and what
// happens next is drawn from its seed.
type world struct {
	random   *rand.Rand
	keys     signer.Keys
	replicas []*replica
	term     uint64
	calls    []*call  // requests that no answer came to
	late     []packet // copies of requests that may come at any time
	cut      map[[2]string]bool
	mistake  mistake
	canon    []byte // what is settled, for ever

	// weights, loss and echo say how likely each thing is that can happen, and of a hundred
	// packets how many are lost or come once more.
	weights    [kinds]int
	loss, echo int
	heavy      int // bytes of a message, so that some journals are brought in several chunks

	mu      sync.Mutex          // guards the rest, and calls
	small   bool                // for mistakeMajority
	signed  map[uint64]string   // the signature that left, by sequence number
	sealed  map[string][][]byte // texts that may be in the books, by member
	terms   map[uint64]uint64   // and the term in which it did
	gone    map[string]uint64   // members whose destruction was acknowledged, in which term
	ending  map[string]bool     // and asked for
	verdict error
}

// mistake is a deliberate mistake that the simulation must find.
type mistake int

const (
	mistakeNone     mistake = iota
	mistakePromise          // promises are given and not kept
	mistakeSync             // a disk says "durable" too early
	mistakeMajority         // one's own replica is a majority
	mistakeTruth            // a network that answers "taken" by itself
	mistakeTerms            // terms are lost with the power
)

// packet is a request on its way.
type packet struct {
	from, to string
	body     []byte
}

// call is a packet that somebody waits for the answer of.
type call struct {
	packet
	ctx    context.Context
	answer chan []byte // nil is an error
}

// replica is a machine and the process on it.
type replica struct {
	id     string
	disk   *disk
	handle *handle
	mirror *mirror.Mirror
	signer *signer.Signer
	// stop ends the process's work as a leader; done is closed when it has ended.
	stop context.CancelFunc
	done chan struct{}
	rng  *rand.ChaCha8
	old  []byte // terms as they were at the start, for mistakeTerms
	seen int64  // up to where the journal was compared with canon
}

func newWorld(seed uint64, count int, f mistake) *world {
	var root [32]byte
	for i := range 8 {
		root[i] = byte(seed >> (8 * i))
	}
	source := rand.NewChaCha8(root)
	keys, err := signer.NewKeys(source, seoul, "regtest")
	if err != nil {
		panic(err)
	}
	w := &world{
		random: rand.New(source), keys: keys, cut: map[[2]string]bool{}, mistake: f,
		signed: map[uint64]string{}, sealed: map[string][][]byte{},
		terms: map[uint64]uint64{}, gone: map[string]uint64{}, ending: map[string]bool{},
	}
	for i := range count {
		w.add(fmt.Sprintf("r%d", i))
	}
	return w
}

// add makes a machine with a fresh copy of the node's files.
func (w *world) add(id string) *replica {
	memory := signer.NewMemory(nil)
	if err := signer.Begin(w.keys, memory); err != nil {
		panic(err)
	}
	var seed [32]byte
	copy(seed[:], id)
	r := &replica{
		id: id, disk: &disk{file: memory.Bytes(), names: signer.NewNameMemory()},
		rng: rand.NewChaCha8(seed),
	}
	if err := mirror.Begin(termFile{&handle{disk: r.disk}}); err != nil {
		panic(err)
	}
	w.replicas = append(w.replicas, r)
	return r
}

func (w *world) find(id string) *replica {
	return w.replicas[slices.IndexFunc(w.replicas, func(r *replica) bool { return r.id == id })]
}

// members is what every replica knows of the others.
func (w *world) members(self string) mirror.Membership {
	now := mirror.Membership{Self: self}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mistake == mistakeMajority && w.small {
		now.Voters = []string{self}
		return now
	}
	for _, r := range w.replicas {
		now.Voters = append(now.Voters, r.id)
	}
	return now
}

// start starts the process of a machine.
func (w *world) start(r *replica) {
	own := rand.New(rand.NewPCG(w.random.Uint64(), w.random.Uint64()))
	r.handle = &handle{disk: r.disk, random: own, lies: w.mistake == mistakeSync}
	r.seen = 0
	r.handle.synced = len(r.disk.file)
	r.old = r.disk.terms
	var err error
	r.mirror, err = mirror.Open(mirror.Config{
		Journal: journal{r.handle}, Names: memberKeys{r.handle}, Terms: termFile{r.handle},
		Transport: wires{w, r.id}, Members: func() mirror.Membership { return w.members(r.id) },
	})
	if err == nil {
		r.signer, err = signer.New(signer.Config{
			Keys: w.keys, Journal: r.mirror.Journal(), Names: r.mirror.Names(),
			Sealing: signer.SeededHPKE{}, Random: r.rng,
		})
	}
	if err != nil {
		w.fail("%s does not open: %v", r.id, err)
		r.mirror = nil
	}
}

// up tells whether a replica's process runs.
func (r *replica) up() bool { return r.mirror != nil && !r.handle.off() }

// crash ends a process by a loss of power.
func (w *world) crash(r *replica) {
	r.handle.mu.Lock()
	r.handle.dead = true
	r.handle.mu.Unlock()
	for _, c := range w.waiting() {
		if c.from == r.id {
			w.end(c, nil)
		}
	}
	w.rest(r)
	r.mirror.Close()
	r.mirror, r.signer = nil, nil
	if w.mistake == mistakeSync {
		r.disk.file = r.disk.file[:min(len(r.disk.file), max(r.handle.synced, len(r.disk.file)-700))]
	}
	if w.mistake == mistakeTerms {
		r.disk.terms = r.old
	}
}

// rest ends a replica's leading, if it does.
func (w *world) rest(r *replica) {
	if r.stop == nil {
		return
	}
	r.stop()
	r.mirror.Follow()
	<-r.done
	r.stop = nil
}

// failed returns what is wrong.
func (w *world) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verdict
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.verdict == nil {
		w.verdict = fmt.Errorf(format, args...)
	}
}

// wires are a replica's connections.
type wires struct {
	w    *world
	from string
}

// Call implements mirror.Transport.
func (n wires) Call(ctx context.Context, to string, q mirror.Request) (mirror.Answer, error) {
	body, err := q.Encode()
	if err != nil {
		n.w.fail("encode: %v", err)
	}
	c := &call{packet{n.from, to, body}, ctx, make(chan []byte, 1)}
	n.w.mu.Lock()
	n.w.calls = append(n.w.calls, c)
	n.w.mu.Unlock()
	select {
	case data := <-c.answer:
		if data == nil {
			return mirror.Answer{}, errors.New("the connection broke")
		}
		return mirror.DecodeAnswer(data)
	case <-ctx.Done():
		return mirror.Answer{}, ctx.Err()
	}
}

// waiting returns the calls that nobody answered.
func (w *world) waiting() []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// end answers a call.
func (w *world) end(c *call, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = slices.DeleteFunc(w.calls, func(x *call) bool { return x == c })
	c.answer <- data
}

// sort brings the calls into an order that does not depend on which goroutine ran first, and
// forgets those that nobody waits for.
func (w *world) sort() {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.calls, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to),
			bytes.Compare(a.body, b.body))
	})
	w.calls = slices.DeleteFunc(w.calls, func(c *call) bool {
		if c.ctx.Err() != nil && w.random.IntN(2) == 0 {
			w.late = append(w.late, c.packet)
		}
		return c.ctx.Err() != nil
	})
}
