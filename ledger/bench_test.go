package ledger_test

import (
	"bytes"
	"io"
	"testing"

	"seyfert/ledger"
	"seyfert/money"
)

// manyBook returns a book of as many accounts.
func manyBook(tb testing.TB, accounts uint64) *ledger.Book {
	tb.Helper()
	book := ledger.NewBook()
	for first := uint64(1); first <= accounts; {
		d := book.Begin(entryTime)
		for range min(10_000, accounts-first+1) {
			s := ledger.Spec{ID: account(first), Currency: money.KRW, Kind: ledger.Asset}
			must(tb, d.Open(s))
			first++
		}
		d.Commit(1, 1)
	}
	return book
}

// load posts entries of single-leg transfers, each with its savepoint as core does it, and
// encodes the write-set and the records.
type load struct {
	accounts uint64
	entry    uint64 // transfers in one commit
	isHot    bool   // all debits are of one account
	ahead    uint64 // accounts of so many transfers are warmed at a time; 0 for none

	book   *ledger.Book
	n      uint64 // transfers so far
	legs   [1]ledger.Leg
	ids    []ledger.AccountID
	buf    []byte
	number uint64
}

// leg is what the transfer with a number moves.
func (l *load) leg(n uint64) ledger.Leg {
	random := n * 0x9e3779b97f4a7c15 >> 20
	debit := random % l.accounts
	credit := (debit + 1 + random>>20%(l.accounts-1)) % l.accounts
	if l.isHot {
		debit, credit = 0, 1+random%(l.accounts-1)
	}
	return leg(account(1+debit), account(1+credit), won(1))
}

func (l *load) warm(d *ledger.Draft) {
	l.ids = l.ids[:0]
	for k := range l.ahead {
		next := l.leg(l.n + k)
		l.ids = append(l.ids, next.Debit, next.Credit)
	}
	d.Warm(l.ids)
}

func (l *load) post(tb testing.TB) {
	d := l.book.Begin(entryTime)
	for k := range l.entry {
		if l.ahead > 0 && k%l.ahead == 0 {
			l.warm(d)
		}
		l.legs[0] = l.leg(l.n)
		l.n++
		d.Savepoint()
		t := ledger.Transfer{ID: transfer(l.n), Code: 1, Legs: l.legs[:]}
		if err := d.Post(&t); err != nil {
			tb.Fatal(err)
		}
	}
	l.buf = d.Append(l.buf[:0])
	records := d.Commit(l.n, l.number)
	for i := range records {
		if i%256 == 0 {
			l.buf = l.buf[:0]
		}
		l.buf = records[i].Append(l.buf)
	}
	l.number += uint64(len(records))
}

func (l load) run(b *testing.B) {
	l.book, l.number = manyBook(b, l.accounts), 1
	l.post(b) // The memory that drafts use again.
	l.post(b)
	b.ReportAllocs()
	b.ResetTimer()
	for end := l.n + uint64(b.N); l.n < end; {
		l.post(b)
	}
}

// BenchmarkPost tells what one transfer costs, with its part of the commit.
func BenchmarkPost(b *testing.B) {
	b.Run("64Ki/cold", load{accounts: 1 << 16, entry: 256}.run)
	b.Run("64Ki/hot", load{accounts: 1 << 16, entry: 256, isHot: true}.run)
	b.Run("1Mi/cold", load{accounts: 1 << 20, entry: 8000}.run)
	b.Run("1Mi/warm", load{accounts: 1 << 20, entry: 8000, ahead: 32}.run)
	b.Run("1Mi/hot", load{accounts: 1 << 20, entry: 8000, isHot: true}.run)
	b.Run("1Mi/hotwarm", load{accounts: 1 << 20, entry: 8000, isHot: true, ahead: 32}.run)
	b.Run("1Mi/single", load{accounts: 1 << 20, entry: 1}.run)
}

// BenchmarkFrozenPost is BenchmarkPost with an image that never ends: each commit copies the
// pages that it is the first to change.
func BenchmarkFrozenPost(b *testing.B) {
	l := load{accounts: 1 << 20, entry: 8000, ahead: 32, book: manyBook(b, 1<<20), number: 1}
	l.post(b)
	for b.ResetTimer(); b.Loop(); {
		image := l.book.Freeze()
		l.post(b)
		image.Release()
	}
}

// BenchmarkFreeze takes an image of 1,048,576 accounts and releases it.
func BenchmarkFreeze(b *testing.B) {
	book := manyBook(b, 1<<20)
	for b.Loop() {
		book.Freeze().Release()
	}
}

func BenchmarkWriteImage(b *testing.B) {
	image := manyBook(b, 1<<20).Freeze()
	for b.Loop() {
		size, err := image.WriteTo(io.Discard)
		must(b, err)
		b.SetBytes(size)
	}
}

func BenchmarkReadBook(b *testing.B) {
	image := manyBook(b, 1<<20).Encode()
	b.SetBytes(int64(len(image)))
	for b.Loop() {
		_, err := ledger.ReadBook(bytes.NewReader(image))
		must(b, err)
	}
}
