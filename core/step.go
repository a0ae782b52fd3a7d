package core

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/table"
	"seyfert/wire"
)

// step is the one transaction in which an entry is applied: an overlay over tables and ledger,
// and the leaves and events that go with it.
type step struct {
	core    *Core
	tables  *schema
	tx      *table.Tx
	draft   *ledger.Draft
	index   uint64
	now     int64 // Unix milliseconds, never before an earlier entry's
	seed    [32]byte
	ordinal uint64 // counts what was derived from seed
	leaves  []LeafRow
	// known are the ids that this entry added.
	known [][16]byte
	// node is the row about the node, before what it was when the entry began.
	node, before NodeRow
	// rule is the rule version in force when the entry began.
	rule uint16
	// newest is the newest rule version that the proposer of the entry knew.
	newest uint16
	// credentialsChanged says that the entry wrote a credential.
	credentialsChanged bool
}

func (c *Core) begin(index uint64, e journal.Entry) *step {
	s := &step{
		core: c, tables: &c.tables, tx: table.Begin(c.store),
		index: index, now: max(e.Header.Time, c.at.time), seed: e.Header.Seed,
		newest: e.Header.Rule,
	}
	s.draft = c.book.Begin(s.now)
	s.node, s.before = c.node, c.node
	if s.rule = s.node.Rule; s.rule > RuleVersion {
		panic(fmt.Sprintf("core: rule version %d is in force at entry %d, this program knows up "+
			"to %d: run the version that wrote it", s.rule, index, RuleVersion))
	}
	return s
}

// run decides one command. What a refused command did is rolled back.
func (s *step) run(c journal.Command) journal.Result {
	replayID, isNamed := replayKey(c)
	bound := false
	if isNamed {
		var old replayRow
		old, bound = get(s, s.tables.replays, replayID)
		if bound && (c.Kind != KindPost || old.Kind != c.Kind || old.Hash != c.RequestHash) {
			return s.replay(old, c)
		}
	}
	start := s.mark()
	undo := func(refused *fault.Error) journal.Result {
		s.undo(start)
		return journal.Result{Fault: refused}
	}
	decide, known := s.core.handlers[c.Kind]
	if !known {
		return undo(fault.New(fault.Invalid, "", "Command kind %d is not known.", c.Kind))
	}
	if s.node.DID == "" && c.Kind != KindConfigure {
		return undo(fault.New(fault.Unavailable, "", "The node is not configured yet."))
	}
	answer, refused := decide(s, c)
	if refused != nil {
		return undo(refused)
	}
	if posted, raw := answer.(PostAnswer); raw {
		// Its ids are what make it happen once, and history has the answer: a row of its own only
		// binds a key to the batch.
		if isNamed && !bound && s.rule >= RuleKeysBind {
			put(s, s.tables.replays, replayID, replayRow{Kind: c.Kind, Hash: c.RequestHash})
		}
		return journal.Result{Body: posted}
	}
	body := wire.MustMarshal(answer)
	if isNamed {
		put(s, s.tables.replays, replayID, replayRow{c.Kind, c.RequestHash, body})
	}
	return journal.Result{Body: body}
}

// mark is a place to come back to within a step.
type mark struct {
	rows     table.Savepoint
	postings ledger.Savepoint
	leaves   int
	known    int
	node     NodeRow
}

func (s *step) mark() mark {
	return mark{
		s.tx.Savepoint(), s.draft.Savepoint(), len(s.leaves), len(s.known), s.node,
	}
}

// undo takes back everything since a mark, so that a refusal leaves nothing behind.
func (s *step) undo(to mark) {
	s.tx.Rollback(to.rows)
	s.draft.RollbackTo(to.postings)
	s.leaves, s.node = s.leaves[:to.leaves], to.node
	for _, id := range s.known[to.known:] {
		s.core.ids.take(id)
	}
	s.known = s.known[:to.known]
}

// replayKey is the scope of an idempotency id: the same principal's same id.
func replayKey(c journal.Command) ([32]byte, bool) {
	if c.ID == [16]byte{} {
		return [32]byte{}, false
	}
	kind := []byte{byte(c.Principal.Kind)}
	return wire.Hash("idempotency", kind, []byte(c.Principal.ID), c.ID[:]), true
}

// replay gives the first answer again, or says that the id was used for something else. A key
// or session that has ended gets neither.
func (s *step) replay(old replayRow, c journal.Command) journal.Result {
	switch c.Principal.Kind {
	case journal.Operator, journal.Company, journal.Member:
		if refused := s.alive(c); refused != nil {
			return journal.Result{Fault: refused}
		}
	}
	if old.Kind != c.Kind || old.Hash != c.RequestHash {
		return journal.Result{Fault: fault.New(fault.Conflict, "Idempotency-Key",
			"This key was used for another request.")}
	}
	return journal.Result{Body: old.Answer, Replayed: true}
}

// derive makes 32 bytes that are new to the node and equal on every replay.
func (s *step) derive(use string) [32]byte {
	s.ordinal++
	info := use + string(binary.BigEndian.AppendUint64(nil, s.ordinal))
	out, err := hkdf.Expand(sha256.New, s.seed[:], info, 32)
	check(err)
	return [32]byte(out)
}

// newID makes an id of the entry's time.
func newID[ID ~[16]byte](s *step) ID {
	random := s.derive("id")
	return ID(wire.NewUUID(s.now, [10]byte(random[:10])))
}

// leaf adds an audit leaf and returns the index that it will have in the tree.
func (s *step) leaf(kind uint16, record []byte) int64 {
	s.core.Settle()
	s.leaves = append(s.leaves, LeafRow{Kind: kind, Salt: s.derive("salt"), Data: record})
	return s.core.tree.Size() + int64(len(s.leaves)) - 1
}

// event adds a line to the stream of what happened.
func (s *step) event(e EventRow) {
	s.node.LastSeq++
	e.Seq, e.At = s.node.LastSeq, s.now
	put(s, s.tables.events, e.Seq, e)
}

// sum adds two amounts of one currency; node-wide sums fit 128 bits by far.
func sum(a, b money.Amount) money.Amount {
	total, err := a.Add(b)
	check(err)
	return total
}

// get reads a row through the overlay. Storage that cannot be read stops the node.
func get[K, V any](s *step, t table.Table[K, V], key K) (V, bool) {
	v, ok, err := t.Get(s.tx, key)
	check(err)
	return v, ok
}

// put writes a row into the overlay.
func put[K, V any](s *step, t table.Table[K, V], key K, v V) { check(t.Put(s.tx, key, v)) }

// check stops the node on what must not happen: a broken invariant or storage that fails. It
// panics with an error that wraps err, so that the node can tell a full disk from a fault.
func check(err error) {
	if err != nil {
		panic(fmt.Errorf("core: %w", err))
	}
}

// never is check for refusals that the checks before have ruled out.
func never(refused *fault.Error) {
	if refused != nil {
		panic("core: " + refused.Error())
	}
}

// refusal turns an error of the pure rooms into what the caller is told; anything that is not a
// domain error is ours and stops the node.
func refusal(err error) *fault.Error {
	if err == nil {
		return nil
	}
	refused, ok := fault.Of(err)
	if !ok {
		panic("core: " + err.Error())
	}
	return refused
}
