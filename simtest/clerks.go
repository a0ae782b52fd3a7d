package simtest

import (
	"context"
	"fmt"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// Sizes of a clerk's little books.
const (
	clerkAccounts = 4  // per currency
	clerkBatchMax = 12 // instructions in a batch
	clerkMemory   = 24 // batches that may be sent once more
	clerkHoldsMax = 16 // live holds that are remembered
	clerkDoneMax  = 32 // transfers that may be reversed
)

// clerk keeps a company's own books by batches of instructions, and beside them by a model that
// knows nothing but what was answered: each acknowledged instruction counts once, whatever
// crashed and however often it was sent.
type clerk struct {
	shop     *shop
	accounts map[money.Currency][]ledger.AccountID
	sums     map[ledger.AccountID]*clerkSums
	holds    []*clerkHold
	done     []clerkPost
	sent     []*clerkBatch
}

// clerkSums is what the model has of an account, in minor units.
type clerkSums struct{ debits, credits, debitsPending, creditsPending uint64 }

type clerkHold struct {
	id            [16]byte
	debit, credit ledger.AccountID
	currency      money.Currency
	left          uint64
}

// clerkPost is a transfer of one leg.
type clerkPost struct {
	id            [16]byte
	debit, credit ledger.AccountID
	amount        uint64
}

// clerkBatch is a batch that was sent; numbers are those of the history records of the
// instructions that were carried out, 0 where one was refused, once it was answered.
type clerkBatch struct {
	items   []clerkItem
	text    []byte
	numbers []uint64
}

// clerkItem is one instruction, and what it does to the model if it is carried out.
type clerkItem struct {
	ledger.Instruction
	hold *clerkHold // of a capture or void
	post clerkPost  // what a reversal undoes
}

// settleClerks opens the books of the first shop of each node. Half of the accounts may not go
// below zero, so that instructions are refused too.
func (w *world) settleClerks() error {
	for _, s := range w.people.shops {
		if len(w.people.clerks) > 0 && w.people.clerks[len(w.people.clerks)-1].shop.host == s.host {
			continue
		}
		c := &clerk{
			shop: s, accounts: map[money.Currency][]ledger.AccountID{},
			sums: map[ledger.AccountID]*clerkSums{},
		}
		var open []node.NewAccount
		for _, currency := range currencies() {
			for n := range clerkAccounts {
				a := node.NewAccount{
					ID: ledger.AccountID(w.newID()), Kind: "asset", Currency: currency.Code(),
				}
				if n%2 == 1 {
					a.Flags = []string{"no_overdraft"}
				}
				c.accounts[currency] = append(c.accounts[currency], a.ID)
				c.sums[a.ID] = &clerkSums{}
				open = append(open, a)
			}
		}
		_, err := s.host.process.node.OpenAccounts(context.Background(), s.caller,
			node.Request{}, open)
		if err != nil {
			return err
		}
		w.people.clerks = append(w.people.clerks, c)
	}
	return nil
}

// newID draws an id of a transfer, a hold or an account.
func (w *world) newID() wire.UUID {
	var random [10]byte
	for i := range random {
		random[i] = byte(w.random.Uint32())
	}
	return wire.NewUUID(w.now-skewMax, random)
}

// keepBooks sends a batch of instructions, or one that was sent before.
func (w *world) keepBooks() error {
	c := pick(w, w.people.clerks)
	b := w.batch(c)
	if len(c.sent) > 0 && w.random.IntN(4) == 0 {
		b = pick(w, c.sent)
	}
	return w.ask(c.shop.host, func() error {
		answer, err := c.shop.host.process.node.Post(context.Background(), c.shop.caller, "",
			b.text)
		if f, ok := fault.Of(err); ok && f.Code == fault.Unavailable {
			return err
		}
		return w.answered(c, b, answer, err)
	})
}

// batch makes the next batch of a clerk.
func (w *world) batch(c *clerk) *clerkBatch {
	mode := pick(w, []ledger.Mode{ledger.All, ledger.Each})
	b := &clerkBatch{}
	out := ledger.NewBatch(mode, clerkBatchMax)
	for n := 1 + w.random.IntN(clerkBatchMax); n > 0; n-- {
		item := w.instruction(c)
		if n > 1 && w.random.IntN(5) == 0 {
			item.Options |= ledger.Linked
		}
		b.items = append(b.items, item)
		out.Add(&b.items[len(b.items)-1].Instruction)
	}
	b.text = out.Encode()
	return b
}

// instruction draws one line.
func (w *world) instruction(c *clerk) clerkItem {
	currency := pick(w, currencies())
	from, to := pick(w, c.accounts[currency]), pick(w, c.accounts[currency])
	item := clerkItem{Instruction: ledger.Instruction{
		ID: w.newID(), Currency: currency, Debit: to, Credit: from, Code: 7,
		AmountLow: 1 + w.random.Uint64N(5_000), Action: ledger.ActPost,
	}}
	switch draw := w.random.IntN(10); {
	case draw < 2:
		item.Action = ledger.ActHold
	case draw < 4 && len(c.holds) > 0:
		item.hold = pick(w, c.holds)
		item.Related, item.Debit, item.Credit = item.hold.id, ledger.AccountID{}, ledger.AccountID{}
		item.Action, item.Currency = ledger.ActCapture, item.hold.currency
		item.AmountLow = 1 + w.random.Uint64N(item.hold.left)
		if w.random.IntN(2) == 0 {
			item.Options |= ledger.More
		}
		if w.random.IntN(3) == 0 {
			item.Action, item.Options, item.AmountLow = ledger.ActVoid, 0, 0
			item.Currency, item.Code = 0, 0
		}
	case draw < 5 && len(c.done) > 0:
		item.post = pick(w, c.done)
		item.Instruction = ledger.Instruction{
			ID: item.ID, Related: item.post.id, Action: ledger.ActReverse, Code: 7,
		}
	case draw < 6:
		item.Options |= ledger.BalanceCredit
	}
	return item
}

// answered takes an answer into the model, or holds it against the first one to the same batch.
func (w *world) answered(c *clerk, b *clerkBatch, answer ledger.Answer, err error) error {
	outcomes := make([]ledger.Outcome, len(b.items))
	if err != nil {
		if _, ok := fault.Of(err); !ok {
			return err
		}
		for i := range outcomes {
			outcomes[i].Status = ledger.Refused
		}
	} else if outcomes, _, err = answer.Read(len(b.items)); err != nil {
		return err
	}
	if b.numbers == nil {
		b.numbers = make([]uint64, len(b.items))
		c.sent = append(c.sent, b)
		c.sent = c.sent[max(0, len(c.sent)-clerkMemory):]
	}
	w.counts.Batches++
	for i, outcome := range outcomes {
		switch known := b.numbers[i]; {
		case known != 0 && outcome.Status != ledger.Refused && outcome.Number != known:
			return fmt.Errorf("item %d of a batch was record %d, now it is record %d", i, known,
				outcome.Number)
		case known != 0 && outcome.Status == ledger.Created:
			return fmt.Errorf("item %d of a batch was carried out twice", i)
		case known != 0 && outcome.Status == ledger.Exists:
			w.counts.Again++
		case known != 0:
			// Linked to one that is refused now, or within a batch that is: nothing changed.
		case outcome.Status == ledger.Refused:
			w.counts.Denied++
		default: // Exists is the answer to who asks again after a crash
			b.numbers[i] = outcome.Number
			w.counts.Posted++
			c.take(&b.items[i], outcome.AmountLow)
		}
	}
	return nil
}

// take does to the model what an instruction did.
func (c *clerk) take(i *clerkItem, amount uint64) {
	switch i.Action {
	case ledger.ActPost:
		c.move(clerkPost{i.ID, i.Debit, i.Credit, amount})
	case ledger.ActHold:
		c.holds = append(c.holds, &clerkHold{i.ID, i.Debit, i.Credit, i.Currency, amount})
		c.sums[i.Debit].debitsPending += amount
		c.sums[i.Credit].creditsPending += amount
		c.holds = c.holds[max(0, len(c.holds)-clerkHoldsMax):]
	case ledger.ActCapture:
		h := i.hold
		c.move(clerkPost{i.ID, h.debit, h.credit, amount})
		freed := h.left
		if i.Options&ledger.More != 0 && amount < h.left {
			freed = amount
		}
		c.free(h, freed)
	case ledger.ActVoid:
		c.free(i.hold, i.hold.left)
	case ledger.ActReverse:
		p := i.post
		c.move(clerkPost{i.ID, p.credit, p.debit, p.amount})
	}
}

func (c *clerk) move(p clerkPost) {
	c.sums[p.debit].debits += p.amount
	c.sums[p.credit].credits += p.amount
	if p.amount > 0 {
		c.done = append(c.done, p)
		c.done = c.done[max(0, len(c.done)-clerkDoneMax):]
	}
}

func (c *clerk) free(h *clerkHold, amount uint64) {
	h.left -= amount
	c.sums[h.debit].debitsPending -= amount
	c.sums[h.credit].creditsPending -= amount
	for i, live := range c.holds {
		if live == h && h.left == 0 {
			c.holds = append(c.holds[:i:i], c.holds[i+1:]...)
			return
		}
	}
}

// checkClerk compares the four sums of each account with the model's. An answer that a crash kept
// back is not in the model until it was asked for again, as it is before each check.
func checkClerk(c *clerk) error {
	v := c.shop.host.view()
	for _, ids := range c.accounts {
		for _, id := range ids {
			a, exists := v.Balance(id)
			if !exists {
				return fmt.Errorf("account %s of the books is not in the ledger", id)
			}
			_, debits := a.DebitsPosted.Words()
			_, credits := a.CreditsPosted.Words()
			_, debitsPending := a.DebitsPending.Words()
			_, creditsPending := a.CreditsPending.Words()
			got := clerkSums{debits, credits, debitsPending, creditsPending}
			if got != *c.sums[id] {
				return fmt.Errorf("account %s has %+v, what was acknowledged makes %+v", id, got,
					*c.sums[id])
			}
			if below := a.Spec.Flags&ledger.NoOverdraft != 0; below && credits > debits {
				return fmt.Errorf("account %s is below zero", id)
			}
		}
	}
	return nil
}

// isBook says whether an account is one that a company keeps for itself, which no rule of
// payments covers.
func isBook(row core.AccountRow) bool { return row.Purpose == core.PurposeBook }
