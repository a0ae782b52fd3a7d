package core_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/table"
	"seyfert/wire"
)

// diskStores are stores in files, as a node has them.
func diskStores(b *testing.B) core.Stores {
	b.Helper()
	dir := b.TempDir()
	tables, err := table.OpenPebble(filepath.Join(dir, "tables"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tables.Close() })
	open := func(name string, size int) *table.RecordsFile {
		file, err := table.OpenRecords(filepath.Join(dir, name), size, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = file.Close() })
		return file
	}
	return core.Stores{
		Tables: tables, History: open("history", ledger.RecordSize),
		Hashes: open("tree", merkle.HashSize), Lines: open("lines", core.LineSize),
	}
}

// BenchmarkPost is the work of core alone: batches of 100 transfers, 16 in an entry, between
// 100,000 accounts or from one to all others.
func BenchmarkPost(b *testing.B) {
	b.Run("cold", func(b *testing.B) { benchmarkPost(b, false, false) })
	b.Run("hot", func(b *testing.B) { benchmarkPost(b, true, false) })
	b.Run("sealed beside", func(b *testing.B) { benchmarkPost(b, false, true) })
}

func benchmarkPost(b *testing.B, hot, beside bool) {
	const accounts, batches, size = 100_000, 16, 100
	m := newMachine(b, "seoul")
	var err error
	if m.core, err = core.Open(diskStores(b), ledger.NewBook()); err != nil {
		b.Fatal(err)
	}
	do[core.NodeRow](m, core.KindConfigure, system(), core.Configure{
		DID: m.did, Network: "regtest", Currencies: []money.Currency{money.KRW},
		Descriptor: "first", OperatorKey: secret("operator"),
	})
	ids := make([]ledger.AccountID, 0, accounts)
	for len(ids) < accounts {
		var open core.OpenAccounts
		for range core.AccountsMax {
			ids = append(ids, id[ledger.AccountKind](m))
			open.Accounts = append(open.Accounts, core.OpenAccount{
				ID: ids[len(ids)-1], Owner: core.OwnerNode, Kind: ledger.Asset,
				Currency: money.KRW,
			})
		}
		do[[]core.AccountRow](m, core.KindOpenAccounts, operator(), open)
	}
	b.Cleanup(m.core.Settle)
	random := rand.New(rand.NewPCG(1, 2))
	by := operator()
	index, transfers := uint64(len(m.entries)), uint64(0)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		e := journal.Entry{Header: journal.Header{
			Format: journal.Format, Node: m.did, Time: m.now + int64(index), Rule: 1,
			Seed: sha256.Sum256(binary.BigEndian.AppendUint64(nil, index)),
		}}
		for range batches {
			batch := ledger.NewBatch(ledger.Each, size)
			for range size {
				transfers++
				var tail [10]byte
				binary.BigEndian.PutUint64(tail[2:], transfers)
				line := ledger.Instruction{
					ID:    wire.NewUUID(m.now+int64(index), tail),
					Debit: ids[0], Credit: ids[1+random.IntN(accounts-1)], AmountLow: 5,
					Currency: money.KRW, Action: ledger.ActPost,
				}
				for !hot && (line.Debit == ids[0] || line.Debit == line.Credit) {
					line.Debit = ids[random.IntN(accounts)]
				}
				batch.Add(&line)
			}
			e.Commands = append(e.Commands, journal.Command{
				Kind: core.KindPost, Version: core.CommandVersion, Principal: by,
				Body: batch.Encode(),
			})
		}
		index++
		b.StartTimer()
		results, seal := m.core.Decide(index, e)
		if beside {
			go seal.Run()
		} else {
			seal.Run()
		}
		for _, r := range results {
			if r.Fault != nil {
				b.Fatal(r.Fault)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(transfers), "ns/transfer")
}
