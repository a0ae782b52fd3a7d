package bench

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// BatchMax is the largest number of transfers in one batch.
const BatchMax = ledger.BatchItemsMax

// currency is that of all accounts and transfers here.
const currency = money.KRW

// amountMax is the largest amount of a transfer, in minor units.
const amountMax = 100_000

// codeBench is the code of the accounts and transfers.
const codeBench = 1000

// accountAt is the id of an account by its place, the same in each run.
func accountAt(place int) ledger.AccountID {
	var random [10]byte
	binary.BigEndian.PutUint64(random[2:], uint64(place))
	return ledger.AccountID(wire.NewUUID(1, random))
}

// mint makes one caller's transfers: ids of now, as a program that keeps to the documentation
// makes them, and accounts and amounts at random, the same in each run.
type mint struct {
	random   *rand.Rand
	accounts int
	hot      bool
	now      func() time.Time
	next     ledger.Instruction
}

// newMint makes the mint of a caller by its place among the callers.
func newMint(c Case, place int, now func() time.Time) *mint {
	return &mint{
		random: rand.New(rand.NewPCG(uint64(place), 20_240_601)), accounts: c.Accounts,
		hot: c.Hot, now: now,
	}
}

// transfer makes the next one; it is good until the call after.
func (m *mint) transfer(unixMilli int64) *ledger.Instruction {
	var random [10]byte
	binary.BigEndian.PutUint64(random[:], m.random.Uint64())
	binary.BigEndian.PutUint16(random[8:], uint16(m.random.Uint32()))
	debit := m.random.IntN(m.accounts)
	credit := m.random.IntN(m.accounts - 1)
	if m.hot {
		debit, credit = 1+debit%(m.accounts-1), 0
	} else if credit >= debit {
		credit++
	}
	m.next = ledger.Instruction{
		ID: wire.NewUUID(unixMilli, random), Debit: accountAt(debit), Credit: accountAt(credit),
		AmountLow: 1 + m.random.Uint64N(amountMax), Currency: currency, Code: codeBench,
		Action: ledger.ActPost,
	}
	return &m.next
}

// batch makes the next batch.
func (m *mint) batch(count int) *ledger.Batch {
	b := ledger.NewBatch(ledger.All, count)
	now := m.now().UnixMilli()
	for range count {
		b.Add(m.transfer(now))
	}
	return b
}
