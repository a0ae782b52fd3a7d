package simtest

import (
	"fmt"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// books is one node's accounts of one currency, summed by purpose. Positions and flights are
// by peer.
type books struct {
	customers, nostro, suspense  money.Amount
	payable, receivable          map[string]money.Amount
	flightIn, flightOut, flights map[string]money.Amount
}

func newBooks(c money.Currency) books {
	none := money.New(c, 0)
	return books{
		customers: none, nostro: none, suspense: none,
		payable: map[string]money.Amount{}, receivable: map[string]money.Amount{},
		flightIn: map[string]money.Amount{}, flightOut: map[string]money.Amount{},
		flights: map[string]money.Amount{},
	}
}

// check holds after every step.
func (w *world) check() error {
	if w.broken != nil {
		return w.broken
	}
	all := make(map[string]map[money.Currency]books, len(w.hosts))
	for _, h := range w.hosts {
		read, err := w.readBooks(h)
		if err != nil {
			return fmt.Errorf("%s: %w", h.did, err)
		}
		all[h.did] = read
	}
	for _, c := range w.people.clerks {
		if err := checkClerk(c); err != nil {
			return fmt.Errorf("%s: %w", c.shop.host.did, err)
		}
	}
	for _, currency := range currencies() {
		if err := w.checkBetween(currency, all); err != nil {
			return err
		}
	}
	return nil
}

// readBooks sums a node's accounts and checks them by themselves. The sums of a state that was
// read before are kept.
func (w *world) readBooks(h *host) (map[money.Currency]books, error) {
	if applied := h.process.core.Applied(); h.read != nil && h.readAt == applied {
		return h.read, nil
	}
	all, v := map[money.Currency]books{}, h.view()
	for _, currency := range currencies() {
		all[currency] = newBooks(currency)
	}
	for _, owner := range w.owners(h) {
		for _, row := range v.AccountsOf(owner, "") {
			if isBook(row) {
				continue
			}
			account, exists := v.Balance(row.ID)
			if !exists {
				return nil, fmt.Errorf("account %s of %s is not in the ledger", row.ID, owner)
			}
			balance, negative := account.Balance()
			if negative {
				return nil, fmt.Errorf("%s of %s is below zero: %s", row.Purpose, owner, balance)
			}
			b := all[row.Currency]
			b.add(row, account, balance)
			all[row.Currency] = b
		}
	}
	for _, currency := range currencies() {
		if err := all[currency].conserved(); err != nil {
			return nil, err
		}
	}
	for _, total := range v.Totals() {
		if total.Debits != total.Credits {
			return nil, fmt.Errorf("%s debited, %s credited", total.Debits, total.Credits)
		}
	}
	if now := h.process.core.Time(); now < h.time {
		return nil, fmt.Errorf("time ran back from %d to %d", h.time, now)
	}
	h.read, h.readAt, h.time = all, h.process.core.Applied(), h.process.core.Time()
	return all, nil
}

// owners lists who has accounts on a node.
func (w *world) owners(h *host) []string {
	owners := []string{core.OwnerNode}
	for _, s := range w.people.shops {
		if s.host == h {
			owners = append(owners, s.id)
		}
	}
	for _, c := range w.people.customers {
		if c.host == h {
			owners = append(owners, c.id)
		}
	}
	return owners
}

func (b *books) add(row core.AccountRow, account ledger.Account, balance money.Amount) {
	switch row.Purpose {
	case core.PurposeWallet:
		b.customers = plus(b.customers, balance)
	case core.PurposeNostro:
		b.nostro = plus(b.nostro, balance)
	case core.PurposeSuspense:
		b.suspense = plus(b.suspense, balance)
	case core.PurposePayable:
		b.payable[row.Detail] = balance
	case core.PurposeReceivable:
		b.receivable[row.Detail] = balance
		b.flightIn[row.Detail] = account.DebitsPending
	case core.PurposeInFlight:
		b.flights[row.Detail] = balance
		b.flightOut[row.Detail] = account.CreditsPending
	}
}

// conserved checks one node: what it has at banks and with peers is what it owes to customers
// and peers, and nothing rests in flight.
func (b books) conserved() error {
	assets, owed := b.nostro, plus(b.customers, b.suspense)
	for _, amount := range b.receivable {
		assets = plus(assets, amount)
	}
	for _, amount := range b.payable {
		owed = plus(owed, amount)
	}
	if assets != owed {
		return fmt.Errorf("the node has %s and owes %s", assets, owed)
	}
	for peer, amount := range b.flights {
		if !amount.IsZero() {
			return fmt.Errorf("%s rest in flight to %s between two entries", amount, peer)
		}
	}
	return nil
}

// checkBetween checks all nodes together: the books of each two differ by exactly the acks
// under way, and what customers hold everywhere is what was ever paid in, less those acks.
func (w *world) checkBetween(currency money.Currency,
	all map[string]map[money.Currency]books,
) error {
	held := money.New(currency, 0)
	for _, payer := range w.hosts {
		mine := all[payer.did][currency]
		held = plus(held, plus(mine.customers, mine.suspense))
		for _, payee := range w.hosts {
			if payer == payee {
				continue
			}
			acks, err := acksUnderWay(payer, payee, currency)
			if err != nil {
				return err
			}
			held = plus(held, acks)
			owes := of(mine.payable, payee.did, currency)
			due := of(all[payee.did][currency].receivable, payer.did, currency)
			if owes != plus(due, acks) {
				return fmt.Errorf("%s owes %s %s, which counts %s with %s of acks under way",
					payer.did, payee.did, owes, due, acks)
			}
		}
	}
	if held != w.deposited[currency] {
		return fmt.Errorf("%s came in and %s are held", w.deposited[currency], held)
	}
	return nil
}

// acksUnderWay sums the transfers whose ack the payer has decided and the payee has not taken.
func acksUnderWay(payer, payee *host, currency money.Currency) (money.Amount, error) {
	sum := money.New(currency, 0)
	from, to := payer.view(), payee.view()
	sent, _ := from.Channel(payee.did)
	got, _ := to.Channel(payer.did)
	if got.RecvSeq > sent.SendSeq {
		return sum, fmt.Errorf("%s took %d messages of %s, which made %d", payee.did, got.RecvSeq,
			payer.did, sent.SendSeq)
	}
	for seq := got.RecvSeq + 1; seq <= sent.SendSeq; seq++ {
		row, exists := from.Sent(payee.did, seq)
		if !exists {
			return sum, fmt.Errorf("%s lost its message %d to %s", payer.did, seq, payee.did)
		}
		if row.Type != core.TypeAck {
			continue
		}
		m, err := wire.ParseMessage(row.Payload)
		if err != nil {
			return sum, err
		}
		var ack clearing.Ack
		if err := wire.UnmarshalJCS(m.Body, &ack); err != nil {
			return sum, err
		}
		transfer, _ := from.Transfer(ack.Transfer)
		if transfer.Amount.Currency() == currency {
			sum = plus(sum, transfer.Amount)
		}
	}
	return sum, nil
}

// checkRest holds when every message has arrived: books are equal, no claim waits, and every
// sale came to one end.
func (w *world) checkRest() error {
	for _, h := range w.hosts {
		for _, other := range w.hosts {
			if h == other {
				continue
			}
			channel, _ := h.view().Channel(other.did)
			got, _ := other.view().Channel(h.did)
			if channel.SendSeq != got.RecvSeq || channel.SendHash != got.RecvHash {
				return fmt.Errorf("%s made %d messages, %s has %d", h.did, channel.SendSeq,
					other.did, got.RecvSeq)
			}
		}
	}
	for _, s := range w.people.sales {
		if s.settled {
			continue
		}
		if err := w.checkSale(s); err != nil {
			return fmt.Errorf("offer %s: %w", s.offer.ID, err)
		}
	}
	return nil
}

// checkSale checks one sale at rest: at most one claim was paid, it was a fair one, and the
// order is paid exactly then.
func (w *world) checkSale(s *sale) error {
	if s.order.ID == "" {
		s.settled = s.offer.ID != "" && s.offer.Expires.UnixMilli()+skewMax < w.now
		return nil
	}
	paid := 0
	for i := range s.claims {
		c := &s.claims[i]
		got, err := c.by.host.process.node.Claim(c.by.caller, c.request.ID)
		if err != nil {
			return err
		}
		c.state = got.State
		switch {
		case got.State == core.ClaimPending:
			return fmt.Errorf("claim %s still waits", got.ID)
		case got.State == core.ClaimPaid && !c.fair:
			return fmt.Errorf("foul claim %s was paid", got.ID)
		case got.State == core.ClaimConflict && !c.keyed:
			return fmt.Errorf("claim %s without the bound key was told of a conflict", got.ID)
		case got.State == core.ClaimPaid:
			paid++
		}
	}
	order, err := s.buyer.host.process.node.Order(s.buyer.host.operator, s.order.ID)
	if err != nil {
		return err
	}
	if paid > 1 || (paid == 1) != (order.State == core.OrderPaid) {
		return fmt.Errorf("%d claims were paid and the order is %s", paid, order.State)
	}
	if order.State == core.OrderBound {
		return fmt.Errorf("order %s is bound and nothing is under way", order.ID)
	}
	if order.State != core.OrderHeld {
		w.settle(s, order)
	}
	return nil
}

// settle counts a sale that came to its end. Claims that are made later change nothing.
func (w *world) settle(s *sale, order node.Order) {
	s.settled = true
	switch order.State {
	case core.OrderPaid:
		w.counts.Paid++
	case core.OrderExpired:
		w.counts.Expired++
	case core.OrderVoid:
		w.counts.Void++
	}
	for _, c := range s.claims {
		switch c.state {
		case core.ClaimRefused:
			w.counts.Refused++
		case core.ClaimConflict:
			w.counts.Conflicts++
		}
	}
}

func plus(a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	if err != nil {
		panic("simtest: " + err.Error())
	}
	return sum
}

func of(m map[string]money.Amount, peer string, currency money.Currency) money.Amount {
	if amount, ok := m[peer]; ok {
		return amount
	}
	return money.New(currency, 0)
}
