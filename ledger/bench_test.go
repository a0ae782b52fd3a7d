package ledger_test

import (
	"testing"

	"seyfert/ledger"
	"seyfert/money"
)

// benchmarkPost posts entries of single-leg transfers, each with its savepoint as core does it,
// and encodes the records.
func benchmarkPost(b *testing.B, pick func(n uint64) (from, to ledger.AccountID)) {
	const accounts, entry = 1 << 16, 256
	book := ledger.NewBook()
	d := book.Begin(entryTime)
	for n := uint64(1); n <= accounts; n++ {
		must(b, d.Open(ledger.Spec{ID: account(n), Currency: money.KRW, Kind: ledger.Asset}))
	}
	d.Commit(1, 1)
	var buf []byte
	number := uint64(1)
	b.ReportAllocs()
	b.ResetTimer()
	for n := uint64(0); n < uint64(b.N); {
		d := book.Begin(entryTime)
		for range entry {
			n++
			from, to := pick(n * 0x9e3779b97f4a7c15 >> 48)
			d.Savepoint()
			if err := d.Post(move(transfer(n), 1, leg(from, to, won(1)))); err != nil {
				b.Fatal(err)
			}
		}
		buf = d.Append(buf[:0])
		for _, r := range d.Commit(n, number) {
			buf = r.Append(buf)
			number++
		}
	}
}

// BenchmarkPostCold moves money between random accounts of 65,536.
func BenchmarkPostCold(b *testing.B) {
	benchmarkPost(b, func(n uint64) (from, to ledger.AccountID) {
		return account(1 + n), account(1 + (n+7)%(1<<16))
	})
}

// BenchmarkPostHot moves money from one account to random others.
func BenchmarkPostHot(b *testing.B) {
	benchmarkPost(b, func(n uint64) (from, to ledger.AccountID) {
		return account(1), account(2 + n%(1<<16-1))
	})
}
