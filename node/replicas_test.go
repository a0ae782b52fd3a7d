package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// posters post batches of ten until they are acknowledged.
type posters struct {
	*replicas
	by       *bookkeeper
	stop     atomic.Bool
	running  sync.WaitGroup
	batches  atomic.Uint64
	amount   atomic.Uint64
	repeated atomic.Uint64
}

// postFrom starts posters. Each answer must name the records of its own batch.
func (c *replicas) postFrom(count int) *posters {
	c.t.Helper()
	p := &posters{replicas: c, by: keepBooks(&disk{t: c.t, journal: c.lead().journal})}
	for place := range count {
		p.running.Go(func() {
			for n := uint64(0); !p.stop.Load(); n++ {
				if err := p.post(uint64(place+1)<<32 | n<<8); err != nil {
					c.t.Errorf("batch %d of %d: %v", n, place, err)
					return
				}
			}
		})
	}
	return p
}

func (p *posters) post(first uint64) error {
	batch := ledger.NewBatch(ledger.All, 10)
	sum := uint64(0)
	for n := first; n < first+10; n++ {
		sum += n&0xffff + 1
		batch.Add(&ledger.Instruction{
			ID: transferAt(n), Debit: p.by.from, Credit: p.by.to, AmountLow: n&0xffff + 1,
			Currency: money.KRW, Code: 7, Action: ledger.ActPost,
		})
	}
	result, err := p.propose(journal.Command{
		Kind: core.KindPost, Version: core.CommandVersion, Principal: p.by.operator,
		Body: batch.Encode(),
	})
	if err != nil {
		return err
	}
	if result.Fault != nil {
		return result.Fault
	}
	outcomes, refusals, err := ledger.Answer(result.Body).Read(10)
	if err != nil || len(refusals) > 0 {
		return errors.Join(err, fmt.Errorf("refused: %v", refusals))
	}
	if outcomes[0].Status == ledger.Exists {
		p.repeated.Add(1)
	}
	p.batches.Add(1)
	p.amount.Add(sum)
	return nil
}

func transferAt(n uint64) [16]byte {
	return wire.NewUUID(1_795_000_000_000, [10]byte(fmt.Appendf(nil, "%010x", n)))
}

// wait waits until so many more batches are acknowledged.
func (p *posters) wait(more uint64) {
	p.t.Helper()
	until := p.batches.Load() + more
	eventually(p.t, "batches", func() bool { return p.batches.Load() >= until })
}

// end stops the posters, waits until all replicas have applied everything, and holds that they
// are the same to the last byte and have each batch once.
func (p *posters) end() {
	t := p.t
	t.Helper()
	p.stop.Store(true)
	p.running.Wait()
	var last uint64
	eventually(t, "an index", func() (ok bool) {
		index, err := p.lead().journal.Barrier(t.Context())
		last = index
		return err == nil
	})
	var want string
	for i, r := range p.all {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := r.journal.WaitApplied(ctx, last)
		cancel()
		must(t, err)
		eventually(t, "the same entry", func() bool { return r.state.Applied() >= last })
		must(t, r.cuts.Cut())
		cut, err := os.ReadFile(filepath.Join(r.dir, "state", "cuts",
			fmt.Sprintf("%020d", last), "manifest.json"))
		must(t, err)
		// Its index, state hash, lengths and the hash of the ledger's image; and all history.
		image := string(cut) + r.image()
		if i == 0 {
			want = image
		}
		if image != want || r.stopped.Load() != nil {
			t.Errorf("replica %d differs", i)
		}
		p.holds(r)
	}
	t.Logf("%d batches, %d of them asked twice, %d entries", p.batches.Load(), p.repeated.Load(),
		last)
}

// holds holds a replica's books against what was acknowledged.
func (p *posters) holds(r *replica) {
	p.t.Helper()
	r.state.Read(func(v core.View) {
		if records := v.Cursor().Records; records != 10*p.batches.Load() {
			p.t.Errorf("%d transfers were acknowledged, %d are there", 10*p.batches.Load(), records)
		}
		for _, id := range []ledger.AccountID{p.by.from, p.by.to} {
			account, ok := v.Balance(id)
			moved := account.DebitsPosted
			if id == p.by.to {
				moved = account.CreditsPosted
			}
			if !ok || moved != money.New(money.KRW, p.amount.Load()) {
				p.t.Errorf("%v moved, %d was acknowledged", moved, p.amount.Load())
			}
		}
	})
}

// TestReplicas: three replicas of a whole state go through two deaths of the leader, and a
// follower that has fallen behind gets a cut; nothing that was acknowledged is lost or there twice.
func TestReplicas(t *testing.T) {
	c := newReplicas(t, 3)
	p := c.postFrom(4)
	p.wait(20)
	behind := c.follow()
	behind.wire.tear()
	at := behind.journal.LastIndex()
	eventually(t, "a journal without the follower's next entry", func() bool {
		return c.lead().journal.FirstIndex() > at+1
	})
	behind.wire.mend()
	eventually(t, "a cut", func() bool { return behind.installs.Load() > 0 })
	for range 2 {
		p.wait(20)
		leader := c.lead()
		leader.kill()
		p.wait(20)
		leader.start()
	}
	p.wait(20)
	p.end()
	c.close()
}

// TestDiverged: a replica whose ledger was changed behind its back stops with a message that says
// so, when the leader compares; the others go on.
func TestDiverged(t *testing.T) {
	c := newReplicas(t, 3)
	p := c.postFrom(1)
	wrong := c.follow()
	eventually(t, "a cut", func() bool { return len(wrong.cuts.Kept()) > 0 })
	wrong.kill()
	cuts := wrong.cutPaths()
	p.bend(cuts[len(cuts)-1])
	wrong.start()
	comparing, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for comparing.Err() == nil {
			if leader := c.leads(); leader != nil && leader != wrong {
				// It returns when another leads.
				_ = node.CompareReplicas(comparing, leader.state, leader.journal,
					20*time.Millisecond, agreed)
			}
		}
	}()
	eventually(t, "the replica to stop", func() bool { return wrong.stopped.Load() != nil })
	stop()
	<-ended
	if said := *wrong.stopped.Load(); !strings.Contains(said, "this replica has diverged") {
		t.Errorf("it says %q", said)
	}
	p.wait(5)
	p.stop.Store(true)
	p.running.Wait()
	for _, r := range c.all {
		if r != wrong && r.stopped.Load() != nil {
			t.Errorf("another one says %q", *r.stopped.Load())
		}
	}
	c.close()
}

// agreed lets every comparison be written.
func agreed(context.Context, uint64, [32]byte) (bool, error) { return true, nil }

// bend changes an account in a cut, and all that would tell: what it may do from then on.
func (p *posters) bend(cut string) {
	p.t.Helper()
	image, err := os.ReadFile(filepath.Join(cut, "book"))
	must(p.t, err)
	book, err := ledger.DecodeBook(image)
	must(p.t, err)
	draft := book.Begin(1_795_000_000_000)
	must(p.t, draft.SetFlags(p.by.from, ledger.NoOverdraft))
	draft.Commit(1, 1)
	changeBook(p.t, cut, book.Encode())
}
