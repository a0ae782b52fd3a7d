package main_test

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"errors"
	"fmt"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/rail/banksim"
)

// Sizes of what a payer does.
const (
	// deposited is what each payer has at the start, in KRW.
	deposited = 1_000_000_000
	// unclaimedEvery leaves each so manieth order without a claim, so that its hold stays.
	unclaimedEvery = 8
	// recordPrice is over the threshold of chain records, plainPrice under it.
	recordPrice, plainPrice = 12_000, 700
)

func krw(won uint64) money.Amount { return money.New(money.KRW, won) }

func plainOf(a money.Amount) uint64 {
	won, _ := a.Uint64()
	return won
}

// payer is a customer of one node who buys from a shop of the other, again and again. What a
// node has acknowledged to it stands in paid and open.
type payer struct {
	customer, shop *client.Client
	key            ed25519.PrivateKey
	paid           map[string]client.Claim // by the order's id
	open           map[string]client.Order // held and never claimed
	spent, held    uint64
}

// movePayerIn makes a customer of node i with money, and a shop of the other node.
func (w *killed) movePayerIn(ctx context.Context, bank *banksim.Bank, i int, p *payer) error {
	company, err := w.at[1-i].CreateCompany(ctx, "Kanda Paper")
	if err != nil {
		return err
	}
	p.shop = w.at[1-i].With(company.APIKey)
	member, err := w.at[i].CreateMember(ctx, "Kim Minji")
	if err != nil {
		return err
	}
	code, err := w.at[i].CreateSignIn(ctx, member.ID)
	if err != nil {
		return err
	}
	session, err := w.at[i].With("").SignIn(ctx, code.Code)
	if err != nil {
		return err
	}
	p.customer = w.at[i].With(session.Session)
	number, err := bank.Issue()
	if err != nil {
		return err
	}
	_, err = w.at[i].OpenVirtualAccount(ctx, client.VirtualAccount{
		Rail: "bank", Bank: "hangang", Number: number, Currency: "KRW", Owner: member.ID,
	})
	if err != nil {
		return err
	}
	if _, p.key, err = ed25519.GenerateKey(crand.Reader); err != nil {
		return err
	}
	return bank.Deposit(ctx, number, krw(deposited))
}

// payOn pays until paying ends. A call whose answer was lost is made again with the same ids.
func (p *payer) payOn(ctx, paying context.Context) error {
	for n := 1; paying.Err() == nil; n++ {
		price := uint64(plainPrice)
		if n%10 == 0 {
			price = recordPrice
		}
		if err := p.pay(ctx, krw(price), n%unclaimedEvery != 0); err != nil {
			return fmt.Errorf("payment %d: %w", n, err)
		}
	}
	return nil
}

func (p *payer) pay(ctx context.Context, price money.Amount, claimed bool) error {
	name := crand.Text()
	offer, err := again(ctx, func() (client.Offer, error) {
		return p.shop.Once("offer-"+name).CreateOffer(ctx, client.OfferRequest{
			Amount: price, ExpiresIn: 24 * 60 * 60,
			PayeeKey: client.PayeeKey(p.key.Public().(ed25519.PublicKey)),
		})
	})
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	approve := func() (client.Order, error) {
		return p.customer.Once("order-"+name).Approve(ctx, offer.JWS)
	}
	order, err := again(ctx, approve)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	if !claimed {
		p.open[order.ID], p.held = order, p.held+plainOf(price)
		return nil
	}
	request, err := client.SignClaim(p.key, crand.Reader, time.Now(), offer.JWS, order.Receipt, price)
	if err != nil {
		return err
	}
	claim, err := again(ctx, func() (client.Claim, error) {
		return p.shop.SubmitClaim(ctx, request)
	})
	if err == nil && claim.State == client.ClaimPending {
		claim, err = again(ctx, func() (client.Claim, error) {
			return p.shop.WaitClaim(ctx, claim.ID)
		})
	}
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if claim.State != client.ClaimPaid {
		return fmt.Errorf("claim %s of order %s is %s", claim.ID, order.ID, claim.State)
	}
	p.paid[order.ID], p.spent = claim, p.spent+plainOf(price)
	repeated, err := again(ctx, approve)
	if err == nil && repeated.ID != order.ID {
		err = fmt.Errorf("order %s came again as %s", order.ID, repeated.ID)
	}
	return err
}

// again makes a call until it is answered. A node that refuses ends it: every call here is
// right, and stays right however often it is made.
func again[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for {
		out, err := call()
		p, answered := errors.AsType[*client.Problem](err)
		refused := answered && p.Code != client.CodeUnavailable && p.Code != client.CodeTooMany
		if err == nil || refused || ctx.Err() != nil {
			return out, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// check compares both wallets and every order and claim with what was acknowledged.
func (p *payer) check(ctx context.Context) error {
	transfers := map[string]bool{}
	for id, claim := range p.paid {
		transfers[claim.Transfer] = true
		order, err := again(ctx, func() (client.Order, error) { return p.customer.Order(ctx, id) })
		if err != nil || order.State != client.OrderPaid || order.Transfer != claim.Transfer {
			return fmt.Errorf("order %s is %s by %q, its claim %s was paid by %s: %w",
				id, order.State, order.Transfer, claim.ID, claim.Transfer, err)
		}
		now, err := again(ctx, func() (client.Claim, error) { return p.shop.Claim(ctx, claim.ID) })
		if err != nil || now.State != client.ClaimPaid || now.Transfer != claim.Transfer {
			return fmt.Errorf("claim %s was paid by %s, now it is %s by %q: %w",
				claim.ID, claim.Transfer, now.State, now.Transfer, err)
		}
	}
	if len(transfers) != len(p.paid) {
		return fmt.Errorf("%d transfers pay %d claims", len(transfers), len(p.paid))
	}
	for id, was := range p.open {
		order, err := again(ctx, func() (client.Order, error) { return p.customer.Order(ctx, id) })
		if err != nil || order.State != client.OrderHeld || order.Receipt != was.Receipt {
			return fmt.Errorf("order %s was held, now it is %s: %w", id, order.State, err)
		}
	}
	return errors.Join(p.wallet(ctx, p.customer, "debit", deposited-p.spent, p.held),
		p.wallet(ctx, p.shop, "credit", p.spent, 0))
}

// wallet checks what a wallet has and holds, and that on that side of it money moved once for
// each payment and never else.
func (p *payer) wallet(ctx context.Context, c *client.Client, side string,
	posted, held uint64,
) error {
	wallet, err := again(ctx, func() (client.Wallet, error) { return c.Wallet(ctx) })
	if err != nil {
		return err
	}
	for _, own := range wallet.Balances {
		if own.Posted.Currency() != money.KRW {
			continue
		}
		moved, sum, err := movedIn(ctx, c, own.Account, side)
		if own.Posted != krw(posted) || own.Held != krw(held) || err != nil {
			return fmt.Errorf("the wallet has %v with %v held, not %v with %v: %w",
				own.Posted, own.Held, krw(posted), krw(held), err)
		}
		if moved != len(p.paid) || sum != p.spent {
			return fmt.Errorf("%d lines of the wallet move %d, %d payments %d",
				moved, sum, len(p.paid), p.spent)
		}
		return nil
	}
	return fmt.Errorf("no wallet for %d payments", len(p.paid))
}

// movedIn counts and adds up the lines of an account that moved money.
func movedIn(ctx context.Context, c *client.Client, account, side string) (
	count int, sum uint64, err error,
) {
	for before := uint64(0); ; {
		page, err := again(ctx, func() ([]client.Entry, error) {
			return c.Entries(ctx, account, before, 200)
		})
		if err != nil || len(page) == 0 {
			return count, sum, err
		}
		for _, line := range page {
			if line.Side == side && line.Transfer != "" {
				count, sum = count+1, sum+plainOf(line.Amount)
			}
		}
		before = page[len(page)-1].Number
	}
}
