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

// benchmarkPost posts entries of single-leg transfers, each with its savepoint as core does it,
// and encodes the write-set and the records. entry is how many transfers share a commit.
func benchmarkPost(b *testing.B, accounts uint64, entry int, from func(random uint64) uint64) {
	book := manyBook(b, accounts)
	var buf []byte
	legs := make([]ledger.Leg, 1)
	number := uint64(1)
	post := func(n uint64) uint64 {
		d := book.Begin(entryTime)
		for range entry {
			n++
			random := n * 0x9e3779b97f4a7c15 >> 20
			debit := from(random) % accounts
			credit := (debit + 1 + random>>20%(accounts-1)) % accounts
			legs[0] = leg(account(1+debit), account(1+credit), won(1))
			d.Savepoint()
			t := ledger.Transfer{ID: transfer(n), Code: 1, Legs: legs}
			if err := d.Post(&t); err != nil {
				b.Fatal(err)
			}
		}
		buf = d.Append(buf[:0])
		records := d.Commit(n, number)
		for i := range records {
			if i%256 == 0 {
				buf = buf[:0]
			}
			buf = records[i].Append(buf)
		}
		number += uint64(len(records))
		return n
	}
	n := post(post(0)) // The memory that drafts use again.
	end := n + uint64(b.N)
	b.ReportAllocs()
	for b.ResetTimer(); n < end; {
		n = post(n)
	}
}

func cold(random uint64) uint64 { return random }
func hot(uint64) uint64         { return 0 }

func BenchmarkPost(b *testing.B) {
	b.Run("cold/64Ki/256", func(b *testing.B) { benchmarkPost(b, 1<<16, 256, cold) })
	b.Run("hot/64Ki/256", func(b *testing.B) { benchmarkPost(b, 1<<16, 256, hot) })
	b.Run("cold/1Mi/8000", func(b *testing.B) { benchmarkPost(b, 1<<20, 8000, cold) })
	b.Run("hot/1Mi/8000", func(b *testing.B) { benchmarkPost(b, 1<<20, 8000, hot) })
	b.Run("cold/1Mi/64", func(b *testing.B) { benchmarkPost(b, 1<<20, 64, cold) })
	b.Run("cold/1Mi/1", func(b *testing.B) { benchmarkPost(b, 1<<20, 1, cold) })
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
