package simtest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
)

// Sizes of the little world.
const (
	customersPerNode = 3
	shopsPerNode     = 2
	// creditFirst is the credit that nodes begin with, in minor units; creditMore is what is
	// added at most at a time. It is little, so that payments fail for want of credit too.
	creditFirst = 40_000
	creditMore  = 4_000
	// salesMax is how many sales are remembered; the oldest final ones are forgotten.
	salesMax = 64
)

// people is who uses the nodes.
type people struct {
	customers []*customer
	shops     []*shop
	clerks    []*clerk
	sales     []*sale
	credit    uint64
	serial    int // numbers bank notices and idempotency keys
}

// customer is a member of a node with a session.
type customer struct {
	host    *host
	id      string
	caller  node.Caller
	expires time.Time
}

// shop is a company of a node and the key that its claims are signed with.
type shop struct {
	host   *host
	id     string
	caller node.Caller
	key    ed25519.PrivateKey
}

// sale is one offer and what became of it.
type sale struct {
	shop    *shop
	offer   node.Offer
	buyer   *customer
	order   node.Order
	claims  []claim
	settled bool // nothing about it can change any more
}

// settlePeople opens companies, members, virtual accounts and sessions.
func (w *world) settlePeople() error {
	ctx := context.Background()
	for _, h := range w.hosts {
		for i := range shopsPerNode {
			name := fmt.Sprintf("shop %d", i)
			c, secret, err := h.process.node.CreateCompany(ctx, h.operator, node.Request{}, name)
			if err != nil {
				return err
			}
			caller, err := h.process.node.Authenticate(string(secret))
			if err != nil {
				return err
			}
			seed := w.derive("shop " + c.ID)
			w.people.shops = append(w.people.shops, &shop{
				host: h, id: c.ID, caller: caller, key: ed25519.NewKeyFromSeed(seed[:]),
			})
		}
		for i := range customersPerNode {
			if err := w.settleCustomer(h, i); err != nil {
				return err
			}
		}
	}
	w.people.credit = creditFirst
	return w.settleClerks()
}

func (w *world) settleCustomer(h *host, number int) error {
	ctx := context.Background()
	name := fmt.Sprintf("customer %d", number)
	m, err := h.process.node.CreateMember(ctx, h.operator, node.Request{}, name)
	if err != nil {
		return err
	}
	for _, currency := range currencies() {
		_, err := h.process.node.OpenVirtualAccount(ctx, h.operator, node.Request{},
			node.VirtualAccount{
				Rail: rail, Bank: "hana", Number: fmt.Sprintf("%d-%s", number, currency.Code()),
				Currency: currency.Code(), Owner: m.ID,
			})
		if err != nil {
			return err
		}
	}
	c := &customer{host: h, id: m.ID}
	w.people.customers = append(w.people.customers, c)
	return w.signIn(c)
}

// signIn gives a customer a session, as often as the last one has run out.
func (w *world) signIn(c *customer) error {
	if now := time.UnixMilli(w.now + 2*skewMax); now.Before(c.expires) {
		return nil
	}
	ctx := context.Background()
	code, _, err := c.host.process.node.CreateSignIn(ctx, c.host.operator, c.id)
	if err != nil {
		return err
	}
	session, expires, err := c.host.process.node.SignIn(ctx, string(code))
	if err != nil {
		return err
	}
	caller, err := c.host.process.node.Authenticate(string(session))
	if err != nil {
		return err
	}
	c.caller, c.expires = caller, expires
	return nil
}

// pick draws one of many.
func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

// number draws the next number of notices and idempotency keys.
func (w *world) number() int {
	w.people.serial++
	return w.people.serial
}

// sale draws one of the sales, or an empty one if there is none.
func (w *world) sale() *sale {
	if len(w.people.sales) == 0 {
		return &sale{}
	}
	// Mostly a recent one: the older have run out.
	if recent := len(w.people.sales) - 6; recent > 0 && w.random.IntN(5) > 0 {
		return pick(w, w.people.sales[recent:])
	}
	return pick(w, w.people.sales)
}

func (w *world) amount() money.Amount {
	return money.New(pick(w, currencies()), 1+w.random.Uint64N(30_000))
}

// ask does something for somebody who wants it done: if the process ends meanwhile, they ask
// the next one the same thing.
func (w *world) ask(h *host, what func() error) error {
	err := what()
	if h.crashed() {
		h.again = append(h.again, what)
		return errCrashed
	}
	return err
}

// deposit lets the bank announce money, now and then the same once more.
func (w *world) deposit() error {
	to := pick(w, w.people.customers)
	notice := node.Notice{
		Rail: rail, ID: fmt.Sprintf("notice %d", w.number()), Bank: "hana", Amount: w.amount(),
	}
	notice.Number = fmt.Sprintf("%d-%s", w.random.IntN(customersPerNode),
		notice.Amount.Currency().Code())
	if w.random.IntN(10) == 0 {
		notice.Number = "0-XXX" // a number that nobody has: the money waits in suspense
	}
	first := true
	done := func() error {
		deposit, err := to.host.process.node.TakeNotice(context.Background(), notice)
		if err != nil {
			return err
		}
		if deposit.Amount != notice.Amount {
			return fmt.Errorf("a deposit of %s became %s", notice.Amount, deposit.Amount)
		}
		if first {
			first = false
			w.counts.Deposits++
			total := w.deposited[notice.Amount.Currency()]
			w.deposited[notice.Amount.Currency()], err = total.Add(notice.Amount)
		}
		return err
	}
	if err := w.ask(to.host, done); err != nil || w.random.IntN(4) > 0 {
		return err
	}
	return w.ask(to.host, done)
}

// sell makes an offer.
func (w *world) sell() error {
	s := &sale{shop: pick(w, w.people.shops)}
	if len(w.people.sales) >= salesMax && !w.forget() {
		return nil
	}
	price := w.amount()
	request := node.OfferRequest{
		Amount: price, Life: time.Duration(1+w.random.IntN(1800)) * time.Second,
		Basket:   []node.Line{{Text: "A ream of paper", Amount: price}},
		PayeeKey: base64.RawURLEncoding.EncodeToString(s.shop.key.Public().(ed25519.PublicKey)),
	}
	key, err := node.NewRequest(fmt.Sprintf("offer %d", w.number()), request)
	if err != nil {
		return err
	}
	w.people.sales = append(w.people.sales, s)
	return w.ask(s.shop.host, func() (err error) {
		s.offer, err = s.shop.host.process.node.CreateOffer(context.Background(), s.shop.caller,
			key, request)
		w.counts.Offers++
		return err
	})
}

// forget drops the oldest sale that is final.
func (w *world) forget() bool {
	for i, s := range w.people.sales {
		if s.settled {
			w.people.sales = append(w.people.sales[:i:i], w.people.sales[i+1:]...)
			return true
		}
	}
	return false
}

// buy lets a customer of any node approve an open offer.
func (w *world) buy() error {
	s, c := w.sale(), pick(w, w.people.customers)
	if s.order.ID != "" || s.offer.ID == "" {
		return nil
	}
	key, err := node.NewRequest(fmt.Sprintf("order %d", w.number()), s.offer.ID)
	if err != nil {
		return err
	}
	return w.ask(c.host, func() error {
		if err := w.signIn(c); err != nil {
			return err
		}
		order, err := c.host.process.node.Approve(context.Background(), c.caller, key,
			s.offer.JWS)
		if f, ok := fault.Of(err); ok && f.Code == fault.Refused {
			return nil // too little money, or too late
		}
		if err != nil {
			return err
		}
		w.counts.Orders++
		s.buyer, s.order = c, order
		return nil
	})
}
