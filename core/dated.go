package core

import (
	"encoding/binary"

	"seyfert/ledger"
	"seyfert/table"
)

// datedKey finds a posting of an account that counts from another time than it was recorded.
// They are kept apart because they are few: without them the balance at an effective time is
// that at the same recorded time.
type datedKey struct {
	account ledger.AccountID
	number  uint64
}

func (k datedKey) bytes() []byte { return table.Key{}.Fixed(k.account[:]).Uint64(k.number) }

// date notes the entry's postings that count from another time.
func (s *step) date(first uint64, records []ledger.Record) {
	for i := range records {
		r := &records[i]
		if r.Effective == 0 || r.Effective == s.now || !r.Kind.Moves() {
			continue
		}
		for _, id := range [...]ledger.AccountID{r.Debit, r.Credit} {
			put(s, s.tables.dated, datedKey{id, first + uint64(i)}, r.Effective)
		}
	}
}

// Dated calls fn with the postings of an account that count from another time than they were
// recorded, from a history number on in order, until it returns false.
func (v View) Dated(id ledger.AccountID, from uint64,
	fn func(number uint64, effective int64) bool,
) {
	prefix := table.Key{}.Fixed(id[:])
	check(v.c.tables.dated.ScanFrom(v.c.store, prefix, datedKey{id, from}.bytes(),
		func(key []byte, effective int64) bool {
			return fn(binary.BigEndian.Uint64(key[len(key)-8:]), effective)
		}))
}
