package core

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/proof"
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
		index: index, now: max(e.Header.Time, c.cursor.Time), seed: e.Header.Seed,
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
	if isNamed {
		if old, ok := get(s, s.tables.replays, replayID); ok {
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
		return journal.Result{Body: posted} // its ids are what make it idempotent
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

// commit writes everything the entry did, in one step, and moves the cursor.
func (s *step) commit() {
	c := s.core
	// Also where every command was refused: holds may have expired, which numbers events. Most
	// entries change nothing of the node itself.
	if !s.node.same(s.before) {
		put(s, s.tables.node, struct{}{}, s.node)
	}
	s.appendLeaves()
	changes := s.draft.Append(c.scratch.changes[:0])
	c.scratch.changes = changes
	records := s.draft.Commit(s.index, c.cursor.Records+1)
	next := Cursor{
		Index: s.index, Time: s.now, Records: c.cursor.Records + uint64(len(records)),
		Lines: c.cursor.Lines,
	}
	if len(records) > 0 {
		s.date(c.cursor.Records+1, records)
		s.keep(records)
		next.Lines++
	}
	check(c.stores.Hashes.AppendMany(c.scratch.hashes))
	c.scratch.hashes = c.scratch.hashes[:0]
	next.Leaves, next.StateHash = c.tree.Size(), s.stateHash(changes)
	put(s, s.tables.cursor, struct{}{}, next)
	check(c.store.Apply(s.tx.Writes()))
	c.cursor, c.node = next, s.node
	c.hashes[next.Index%HashesKept] = next.StateHash
}

// stateHash chains the entry's logical write-set: every row put or deleted, in key order, and
// every account and hold changed.
func (s *step) stateHash(ledgerChanges []byte) [32]byte {
	rows := sha256.New()
	s.tx.Writes().All(func(key, value []byte, deleted bool) {
		head := make([]byte, 0, 13)
		head = binary.BigEndian.AppendUint32(head, uint32(len(key)))
		head = binary.BigEndian.AppendUint32(head, uint32(len(value)))
		if deleted {
			head = append(head, 1)
		} else {
			head = append(head, 0)
		}
		rows.Write(head)
		rows.Write(key)
		rows.Write(value)
	})
	var number [16]byte
	binary.BigEndian.PutUint64(number[:8], s.index)
	binary.BigEndian.PutUint64(number[8:], uint64(s.now))
	before := s.core.cursor.StateHash[:]
	if s.rule < RuleTreeInHash {
		return wire.Hash("state", before, number[:], rows.Sum(nil), ledgerChanges)
	}
	root := s.core.tree.Root()
	return wire.Hash("state", before, number[:], rows.Sum(nil), ledgerChanges, root[:])
}

// appendLeaves puts the entry's leaves into the journal tree and keeps the new hashes.
func (s *step) appendLeaves() {
	tree := s.core.tree
	for _, leaf := range s.leaves {
		index := tree.Size()
		put(s, s.tables.leaves, uint64(index), leaf)
		data := proof.LeafData(leaf.Kind, leaf.Salt, leaf.Data)
		s.grow(data)
	}
}

// grow appends a leaf to the journal tree; its new hashes wait in the scratch memory for the
// end of the entry.
func (s *step) grow(data [32]byte) {
	var err error
	c := s.core
	c.scratch.hashes, err = c.tree.AppendTo(c.scratch.hashes, merkle.LeafHash(data[:]))
	check(err)
}

// keep writes the entry's history: its line, each record and the record's leaf.
func (s *step) keep(records []ledger.Record) {
	c := s.core
	line := Line{
		Index: s.index, Time: s.now, Seed: s.seed, FirstRecord: c.cursor.Records + 1,
		FirstLeaf: c.tree.Size(),
	}
	var room [LineSize]byte
	check(c.stores.Lines.Append(line.append(room[:0])))
	history, leaf := c.scratch.history[:0], c.scratch.leaf
	for i := range records {
		number := line.FirstRecord + uint64(i)
		start := len(history)
		history = records[i].Append(history)
		leaf = binary.BigEndian.AppendUint64(leaf[:0], number)
		leaf = append(leaf, history[start:]...)
		s.grow(proof.LeafData(leafKind(&records[i]), line.salt(number), leaf))
	}
	check(c.stores.History.AppendMany(history))
	c.scratch.history, c.scratch.leaf = history, leaf
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
