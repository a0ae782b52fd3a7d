package node_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/table"
	"seyfert/wire"
)

// full is history on a disk that refuses a write.
type full struct {
	table.Records
	err error
}

func (f *full) AppendMany(records []byte) error {
	if f.err != nil {
		return fmt.Errorf("write records: %w", f.err)
	}
	return f.Records.AppendMany(records)
}

// TestEndBy: a state that the machine has no room for ends the process by the given way, and
// not by a panic, before anyone can read what half an entry left. Anything else panics.
func TestEndBy(t *testing.T) {
	for _, test := range []struct {
		err  error
		ends bool
	}{
		{syscall.ENOSPC, true},
		{syscall.EDQUOT, true},
		{syscall.EMFILE, true},
		{syscall.EIO, false},
	} {
		memory := core.NewMemory()
		stores, history := memory.Stores(), &full{Records: memory.History}
		stores.History = history
		c, err := core.Open(stores, ledger.NewBook())
		must(t, err)
		state := node.NewState(c, nil)
		var ended error
		state.EndBy(func(err error) {
			ended = err
			panic("ended") // it must not return
		})
		apply := func(index uint64, kind uint16, by journal.Principal, body any) (said any) {
			defer func() { said = recover() }()
			results := state.Apply(index, journal.Entry{
				Header: journal.Header{
					Format: journal.Format, Node: "did:web:a.example", Rule: 1, Time: int64(index),
				},
				Commands: []journal.Command{{
					Kind: kind, Version: 1, Principal: by, Body: wire.MustMarshal(body),
				}},
			})
			if results[0].Fault != nil {
				t.Fatal(results[0].Fault)
			}
			return nil
		}
		apply(1, core.KindConfigure, journal.Principal{
			Kind: journal.System, ID: core.OwnerNode,
		}, core.Configure{
			DID: "did:web:a.example", Network: "regtest", Currencies: []money.Currency{money.KRW},
			Thresholds: []money.Amount{},
		})
		history.err = test.err
		said := apply(2, core.KindDeposit, journal.Principal{Kind: journal.Rail, ID: "bank"},
			core.Deposit{
				Rail: "bank", Notice: "n", Bank: "hana", Number: "1",
				Amount: money.New(money.KRW, 7),
			})
		if test.ends != errors.Is(ended, test.err) || test.ends != (said == "ended") || said == nil {
			t.Errorf("%v: it ended with %v and panicked with %v", test.err, ended, said)
		}
	}
}
