package node

import (
	"bytes"
	"context"
	"fmt"

	"seyfert/core"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/table"
	"seyfert/wire"
)

// hashes compares what sums a state up: where it stands, its hash, the root of the tree.
func (c *comparison) hashes(context.Context) error {
	live, replayed := standingOf(c.live.core), standingOf(c.replayed.core)
	if live.Time != replayed.Time {
		return c.differs(false, live.Time, replayed.Time, "the node's time")
	}
	if live.StateHash != replayed.StateHash {
		return c.differs(false, live.StateHash, replayed.StateHash, "the state hash")
	}
	if live.Root != replayed.Root {
		return c.differs(false, live.Root, replayed.Root, "the root of the journal tree")
	}
	c.done.StateHash, c.done.Root = live.StateHash, live.Root
	return nil
}

func standingOf(c *core.Core) Backup { return standing(c.View()) }

// totals compares what was debited and credited in each currency: both are the same.
func (c *comparison) totals(context.Context) error {
	live, replayed := c.live.core.View().Totals(), c.replayed.core.View().Totals()
	if fmt.Sprint(live) != fmt.Sprint(replayed) {
		return c.differs(false, live, replayed, "the totals per currency")
	}
	for _, total := range live {
		if total.Debits != total.Credits {
			return c.differs(true, total.Debits, total.Credits, "the debits of %s beside its "+
				"credits", total.Currency)
		}
	}
	return nil
}

// balances compares each account of the ledger with its last history record, which says what
// was on it then. That ties the ledger to the history however the ledger was made.
func (c *comparison) balances(ctx context.Context) (err error) {
	c.told("compares the balances with the history")
	c.live.core.View().EachAccount(func(a ledger.Account) bool {
		err = c.balance(a)
		return err == nil && ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

func (c *comparison) balance(a ledger.Account) error {
	if a.LastRecord == 0 {
		return nil
	}
	raw, err := c.live.store.history.At(a.LastRecord)
	if err != nil {
		return fmt.Errorf("read history record %d: %w", a.LastRecord, err)
	}
	r, err := ledger.DecodeRecord(a.LastRecord, raw)
	if err != nil {
		return c.differs(true, err, "a record", "history record %d", a.LastRecord)
	}
	balance, below := a.Balance()
	want, wantBelow, _, ok := r.Of(a.ID)
	if !ok || balance != want || below != wantBelow {
		return c.differs(true, fmt.Sprintf("%v, below zero: %v", balance, below),
			fmt.Sprintf("%v, below zero: %v", want, wantBelow),
			"the balance of account %s beside its last history record, %d", a.ID, a.LastRecord)
	}
	return nil
}

// oldLeaves makes the journal tree of what the journal no longer holds anew from history and
// rows: the replay took it over from the cut that it began at.
func (c *comparison) oldLeaves(ctx context.Context) error {
	if c.from.Leaves == 0 {
		return nil
	}
	c.told(fmt.Sprintf("makes the first %d leaves of the journal tree anew", c.from.Leaves))
	tree, err := merkle.NewTree(&merkle.Memory{}, 0)
	if err != nil {
		return err
	}
	filed := filedHashes{records: c.live.store.hashes}
	var room []byte
	return c.live.core.View().Leaves(c.from.Leaves, func(leaf int64, hash merkle.Hash) error {
		stored, err := tree.AppendTo(room[:0], hash)
		if err != nil {
			return err
		}
		room = stored
		for ; len(stored) > 0; stored = stored[merkle.HashSize:] {
			got, err := filed.next()
			if err != nil {
				return err
			}
			if want := stored[:merkle.HashSize]; !bytes.Equal(got, want) {
				return c.differs(true, wire.Digest(got), wire.Digest(want),
					"leaf %d of the journal tree, or its hash %d, beside history and rows",
					leaf, filed.number)
			}
		}
		c.tell("leaf %d of %d", leaf, c.from.Leaves)
		return ctx.Err()
	})
}

// filedHashes reads the hashes of a tree from the first on, many at a time.
type filedHashes struct {
	records table.Records
	// number is that of the hash that was given last; ahead are those that were read beyond it.
	number uint64
	ahead  []byte
	memory []byte
}

func (f *filedHashes) next() ([]byte, error) {
	if len(f.ahead) == 0 {
		if f.memory == nil {
			f.memory = make([]byte, recordsCompared*merkle.HashSize)
		}
		count, err := f.records.Read(f.number+1, f.memory)
		if err != nil {
			return nil, err
		}
		f.ahead = f.memory[:count*merkle.HashSize]
	}
	hash := f.ahead[:merkle.HashSize]
	f.ahead = f.ahead[merkle.HashSize:]
	f.number++
	return hash, nil
}
