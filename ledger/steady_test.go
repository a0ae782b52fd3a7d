package ledger_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"seyfert/ledger"
	"seyfert/money"
)

// steady posts transfers and makes, takes from and ends holds, the same in every round.
type steady struct {
	book      *ledger.Book
	n, number uint64
	legs      [1]ledger.Leg
	live      []ledger.HoldID
	buf       []byte
}

func (s *steady) round(tb testing.TB) {
	d := s.book.Begin(entryTime)
	for range 2000 {
		s.n++
		from, to := account(1+s.n%1000), account(1+(s.n+1+s.n*7%999)%1000)
		s.legs[0] = leg(from, to, won(1))
		d.Savepoint()
		must(tb, d.Hold(ledger.Hold{ID: hold(s.n), Debit: from, Credit: to, Amount: won(2)}))
		must(tb, d.Post(&ledger.Transfer{ID: transfer(s.n), Legs: s.legs[:]}))
		if s.n%2 == 0 {
			s.live = append(s.live, hold(s.n))
			continue
		}
		must(tb, d.Capture(hold(s.n), &ledger.Transfer{ID: transfer(s.n)}, won(1), true))
		must(tb, d.Void(hold(s.n)))
	}
	s.commit(d)
	d = s.book.Begin(entryTime)
	for _, id := range s.live {
		must(tb, d.Void(id))
	}
	s.live = s.live[:0]
	s.commit(d)
}

func (s *steady) commit(d *ledger.Draft) {
	s.buf = d.Append(s.buf[:0])
	s.number += uint64(len(d.Commit(1, s.number)))
}

// TestSteadyWorkAllocatesNothing runs rounds after the book has grown to what they need: only
// the two drafts of a round are new, and nothing is kept of the holds that ended.
func TestSteadyWorkAllocatesNothing(t *testing.T) {
	s := &steady{book: manyBook(t, 1000), number: 1}
	for range 20 {
		s.round(t)
	}
	if got := testing.AllocsPerRun(50, func() { s.round(t) }); got > 2 {
		t.Errorf("%v allocations in a round", got)
	}
	if _, holds := s.book.Len(); holds != 0 {
		t.Errorf("%d holds are left", holds)
	}
}

// TestManyHoldsAreFound keeps enough holds for some doublings of their index and ends them in
// another order, with ids that differ in few bits.
func TestManyHoldsAreFound(t *testing.T) {
	const many = 5000
	b := manyBook(t, 2)
	d := b.Begin(entryTime)
	for n := uint64(1); n <= many; n++ {
		id := hold(n << 40)
		must(t, d.Hold(ledger.Hold{ID: id, Debit: account(1), Credit: account(2), Amount: won(n)}))
	}
	d.Commit(1, 1)
	seen := uint64(0)
	b.Holds(func(h ledger.Hold) bool { // in the order of ids
		seen++
		return h.ID == hold(seen<<40) && seen < 100
	})
	if seen != 100 {
		t.Errorf("a walk over the first 100 holds ended at %d", seen)
	}
	number := uint64(many + 1)
	for _, part := range []uint64{1, 0, 2} {
		d = b.Begin(entryTime)
		for n := uint64(1); n <= many; n++ {
			h, ok := b.Hold(hold(n << 40))
			if isGone := n%3 == 1 && part != 1 || n%3 == 0 && part == 2; ok == isGone {
				t.Fatalf("hold %d is there: %v", n, ok)
			} else if ok && h.Amount != won(n) {
				t.Fatalf("hold %d is of %v", n, h.Amount)
			}
			if n%3 == part {
				must(t, d.Void(hold(n<<40)))
			}
		}
		number += uint64(len(d.Commit(1, number)))
	}
	if _, holds := b.Len(); holds != 0 {
		t.Errorf("%d holds are left", holds)
	}
}

// TestWriteSetOfMany changes many accounts in an order of chance: the write-set has them in the
// order in which they were opened, with sums of every length.
func TestWriteSetOfMany(t *testing.T) {
	const many = 3000
	b := manyBook(t, many)
	amount := func(n uint64) money.Amount {
		if n%7 == 0 {
			return money.FromWords(money.KRW, n%7000<<40, math.MaxUint64)
		}
		return money.FromWords(money.KRW, 0, 1<<(n%64))
	}
	two := mustDecode(t, b).Begin(entryTime)
	one := b.Begin(entryTime)
	for n := range uint64(many / 2) {
		k := n * 1009 % (many / 2)
		must(t, one.Post(move(transfer(1), 1, leg(account(1+2*n), account(2+2*n), amount(n)))))
		must(t, two.Post(move(transfer(1), 1, leg(account(1+2*k), account(2+2*k), amount(k)))))
	}
	set := one.Append(nil)
	if !slices.Equal(set, two.Append(nil)) {
		t.Fatal("the order of transfers shows in the write-set")
	}
	if count := binary.BigEndian.Uint32(set); count != many {
		t.Errorf("%d accounts in the write-set", count)
	}
	at := set[4:]
	for n := range uint32(many) {
		if place := binary.BigEndian.Uint32(at); place != n {
			t.Fatalf("account %d in the place of %d", place, n)
		}
		at = at[6:]
		for range 4 {
			at = at[1+at[0]:]
		}
	}
	if !slices.Equal(at, []byte{0, 0, 0, 0}) {
		t.Errorf("%x after the accounts", at)
	}
}
