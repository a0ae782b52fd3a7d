package core

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/table"
	"seyfert/wire"
)

// Seal is what an entry leaves to be written once it is decided: history, the journal tree's
// leaves, the state hash, rows. None of it decides anything, so that a shell may run it on another
// goroutine while the next entry is decided: hashing costs as much as deciding.
//
// An entry that does more than post, or that finds expired holds, is decided only after the one
// before it is sealed, and seals itself: it reads what seals write. Whatever else reads that
// waits in Settle.
type Seal struct {
	core *Core
	// at is where the core stands after the entry, first the number of its first record.
	at      position
	first   uint64
	seed    [32]byte
	rule    uint16
	records []ledger.Record
	leaves  []LeafRow
	changes []byte
	tx      *table.Tx
	done    chan struct{}
}

// Decide decides one entry. The seal, nil if nothing is left to be written, must be run, on any
// goroutine, and once: the next Decide waits for its end, as do readers. The results are final
// before. index is the journal's count and must follow the last one.
func (c *Core) Decide(index uint64, e journal.Entry) ([]journal.Result, *Seal) {
	if index != c.at.index+1 {
		panic(fmt.Sprintf("core: entry %d after %d", index, c.at.index))
	}
	if e.Header.Format != journal.Format {
		panic(fmt.Sprintf("core: entry %d has format %d, which this program does not know: run "+
			"the version that wrote it", index, e.Header.Format))
	}
	alone := !c.onlyPosts(e)
	if alone {
		c.Settle()
	}
	s := c.begin(index, e)
	s.expireHolds()
	results := make([]journal.Result, len(e.Commands))
	for i, command := range e.Commands {
		results[i] = s.run(command)
	}
	seal := s.close()
	if alone || seal.tx.Writes().Len() > 0 {
		seal.Run()
		return results, nil
	}
	return results, seal
}

// onlyPosts says whether an entry does nothing but post, which reads nothing that a seal writes
// without waiting for it.
func (c *Core) onlyPosts(e journal.Entry) bool {
	for i := range e.Commands {
		if e.Commands[i].Kind != KindPost {
			return false
		}
	}
	due, ok := c.book.NextDue()
	return !ok || due > max(e.Header.Time, c.at.time)
}

// Settle waits until the entry that was decided last is sealed.
func (c *Core) Settle() {
	if c.under != nil {
		<-c.under.done
	}
}

// close ends the deciding of an entry. The seal before this one is done when it returns.
func (s *step) close() *Seal {
	c := s.core
	// Also where every command was refused: holds may have expired, which numbers events. Most
	// entries change nothing of the node itself.
	if !s.node.same(s.before) {
		put(s, s.tables.node, struct{}{}, s.node)
	}
	seal := &c.seals[s.index%uint64(len(c.seals))]
	*seal = Seal{
		core: c, first: c.at.records + 1, seed: s.seed, rule: s.rule, leaves: s.leaves,
		changes: s.draft.Append(seal.changes[:0]), tx: s.tx, done: make(chan struct{}),
	}
	seal.records = s.draft.Commit(s.index, seal.first)
	s.date(seal.first, seal.records)
	seal.at = position{s.index, c.at.records + uint64(len(seal.records)), s.now}
	c.Settle()
	c.at, c.node, c.under = seal.at, s.node, seal
	return seal
}

// Run writes what the entry left.
func (x *Seal) Run() {
	c := x.core
	x.appendLeaves()
	next := Cursor{
		Index: x.at.index, Time: x.at.time, Records: x.at.records, Lines: c.cursor.Lines,
	}
	if len(x.records) > 0 {
		x.keep()
		next.Lines++
	}
	check(c.stores.Hashes.AppendMany(c.scratch.hashes))
	c.scratch.hashes = c.scratch.hashes[:0]
	next.Leaves, next.StateHash = c.tree.Size(), x.stateHash()
	check(c.tables.cursor.Put(x.tx, struct{}{}, next))
	check(c.store.Apply(x.tx.Writes()))
	c.cursor = next
	c.hashes[next.Index%HashesKept] = next.StateHash
	close(x.done)
}

// stateHash chains the entry's logical write-set: every row put or deleted, in key order, and
// every account and hold changed.
func (x *Seal) stateHash() [32]byte {
	rows := sha256.New()
	x.tx.Writes().All(func(key, value []byte, deleted bool) {
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
	binary.BigEndian.PutUint64(number[:8], x.at.index)
	binary.BigEndian.PutUint64(number[8:], uint64(x.at.time))
	before := x.core.cursor.StateHash[:]
	if x.rule < RuleTreeInHash {
		return wire.Hash("state", before, number[:], rows.Sum(nil), x.changes)
	}
	root := x.core.tree.Root()
	return wire.Hash("state", before, number[:], rows.Sum(nil), x.changes, root[:])
}

// appendLeaves puts the entry's leaves into the journal tree and keeps the new hashes.
func (x *Seal) appendLeaves() {
	c := x.core
	for _, leaf := range x.leaves {
		check(c.tables.leaves.Put(x.tx, uint64(c.tree.Size()), leaf))
		x.grow(proof.LeafData(leaf.Kind, leaf.Salt, leaf.Data))
	}
}

// grow appends a leaf to the journal tree; its new hashes wait in the scratch memory for the
// end of the entry.
func (x *Seal) grow(data [32]byte) {
	var err error
	c := x.core
	c.scratch.hashes, err = c.tree.AppendTo(c.scratch.hashes, merkle.LeafHash(data[:]))
	check(err)
}

// keep writes the entry's history: its line, each record and the record's leaf.
func (x *Seal) keep() {
	c := x.core
	line := Line{
		Index: x.at.index, Time: x.at.time, Seed: x.seed, FirstRecord: x.first, FirstLeaf: c.tree.Size(),
	}
	var room [LineSize]byte
	check(c.stores.Lines.Append(line.append(room[:0])))
	history, leaf := c.scratch.history[:0], c.scratch.leaf
	for i := range x.records {
		number := line.FirstRecord + uint64(i)
		start := len(history)
		history = x.records[i].Append(history)
		leaf = binary.BigEndian.AppendUint64(leaf[:0], number)
		leaf = append(leaf, history[start:]...)
		x.grow(proof.LeafData(leafKind(&x.records[i]), line.salt(number), leaf))
	}
	check(c.stores.History.AppendMany(history))
	c.scratch.history, c.scratch.leaf = history, leaf
}
