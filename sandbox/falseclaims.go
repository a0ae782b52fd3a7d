package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"seyfert/client"
	"seyfert/money"
)

// again sends the same claim once more: the answer is the same and nothing happens.
func (p *play) again(ctx context.Context) (string, error) {
	claim, err := p.shop.Claim(ctx, p.claim.ID)
	if err != nil {
		return "", err
	}
	repeated, err := p.shop.SubmitClaim(ctx, p.request)
	return "the same answer", all(err, expect("the claim", claim, p.claim),
		expect("the repeated claim", repeated, p.claim))
}

// twice claims the paid receipt under other claim ids: with the bound key the shop is told that
// it has been claimed, with another key it is told nothing.
func (p *play) twice(ctx context.Context) (string, error) {
	request, err := p.claimOf(p.order.Receipt, p.offer)
	if err != nil {
		return "", err
	}
	bound, err := p.shop.SubmitClaim(ctx, request)
	if err != nil {
		return "", err
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	if request, err = client.SignClaim(stranger, rand.Reader, time.Now(), p.offer.JWS,
		p.order.Receipt, priceAmount); err != nil {
		return "", err
	}
	return "conflict for the bound key, refused for another", all(
		expect("the second claim", bound.State, "conflict"), p.refused(ctx, p.shop, request))
}

// falseClaims tries to get money for an order that stands, in every wrong way. Each is refused
// with one and the same answer, and the hold stays as it was.
func (p *play) falseClaims(ctx context.Context) (string, error) {
	offer, err := p.newOffer(ctx, priceAmount, time.Minute)
	if err != nil {
		return "", err
	}
	order, err := p.customer.Approve(ctx, offer.JWS)
	if err != nil {
		return "", err
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	more := money.New(money.KRW, 15_001)
	tried := 0
	for _, wrong := range []struct {
		what    string
		key     ed25519.PrivateKey
		receipt string
		amount  money.Amount
	}{
		{"another amount", p.key, order.Receipt, more},
		{"another key", stranger, order.Receipt, priceAmount},
		{"a flipped bit", p.key, flip(order.Receipt, len(order.Receipt)-8), priceAmount},
		{
			"a flipped bit in the key id", p.key, flip(order.Receipt, len(order.Receipt)/3),
			priceAmount,
		},
	} {
		request, err := client.SignClaim(wrong.key, rand.Reader, time.Now(), offer.JWS, wrong.receipt,
			wrong.amount)
		if err != nil {
			return "", fmt.Errorf("%s: %w", wrong.what, err)
		}
		if err := p.refused(ctx, p.shop, request); err != nil {
			return "", fmt.Errorf("%s: %w", wrong.what, err)
		}
		tried++
	}
	if err := p.elsewhere(ctx, offer, order); err != nil {
		return "", err
	}
	now, err := p.customer.Order(ctx, order.ID)
	return fmt.Sprintf("%d wrong claims refused alike, the hold stands", tried+2),
		all(err, expect("the order's state", now.State, "held"))
}

// elsewhere presents the right claim as another company and through another node.
func (p *play) elsewhere(ctx context.Context, offer client.Offer, order client.Order) error {
	for _, at := range []Actor{p.stage.Tokyo, p.stage.Seoul} {
		company, err := at.Operator.CreateCompany(ctx, "Another shop")
		if err != nil {
			return err
		}
		request, err := p.claimOf(order.Receipt, offer)
		if err != nil {
			return err
		}
		if err := p.refused(ctx, at.Operator.With(company.APIKey), request); err != nil {
			return fmt.Errorf("another company at %s: %w", at.URL, err)
		}
	}
	return nil
}

// refused submits a claim that must be refused, with an answer that tells nothing: but for what
// the claim itself says and the times, it is the answer that every refused claim gets.
func (p *play) refused(ctx context.Context, shop *client.Client,
	request client.ClaimRequest,
) error {
	claim, err := shop.SubmitClaim(ctx, request)
	if err != nil {
		return err
	}
	if claim.State != "refused" || claim.Transfer != "" {
		return fmt.Errorf("the claim is %s", claim.State)
	}
	return p.alike(claim, request)
}

// alike holds the answer to a refused claim against the first of the scenario.
func (p *play) alike(claim client.Claim, request client.ClaimRequest) error {
	answer := claim
	answer.ID, answer.Offer, answer.Amount = "", "", money.Amount{}
	answer.Created, answer.Changed = time.Time{}, time.Time{}
	if p.refusal == (client.Claim{}) {
		p.refusal = answer
	}
	return all(expect("the answer", answer, p.refusal),
		expect("the answer's claim", claim.ID, request.ID),
		expect("the answer's amount", claim.Amount, request.Amount))
}

// flip changes one character of a text to another of the base64url alphabet.
func flip(text string, at int) string {
	b := []byte(text)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

// expiry lets an order pass its time: the hold is given back, and a claim that comes late is
// refused.
func (p *play) expiry(ctx context.Context) (string, error) {
	before, err := p.available(ctx, p.customer, money.KRW)
	if err != nil {
		return "", err
	}
	offer, err := p.newOffer(ctx, priceAmount, shortOffer)
	if err != nil {
		return "", err
	}
	order, err := p.customer.Approve(ctx, offer.JWS)
	if err != nil {
		return "", err
	}
	err = poll(ctx, func() (bool, error) {
		now, err := p.customer.Order(ctx, order.ID)
		return now.State == "expired", err
	})
	if err != nil {
		return "", err
	}
	request, err := p.claimOf(order.Receipt, offer)
	if err != nil {
		return "", err
	}
	if err := p.refused(ctx, p.shop, request); err != nil {
		return "", fmt.Errorf("a late claim: %w", err)
	}
	after, err := p.available(ctx, p.customer, money.KRW)
	if err != nil {
		return "", err
	}
	if less, err := after.Less(before); err != nil || less {
		return "", errors.New("the expired hold was not given back")
	}
	return "given back after the offer's time; the late claim is refused", nil
}

// unmoved checks that after all attempts only the one payment has moved money.
func (p *play) unmoved(ctx context.Context) (string, error) {
	shop, err := p.available(ctx, p.shop, money.KRW)
	if err != nil {
		return "", err
	}
	wallet, err := p.customer.Wallet(ctx)
	if err != nil {
		return "", err
	}
	for _, balance := range wallet.Balances {
		p.result.Balances["customer "+balance.Posted.Currency().Code()] = balance.Posted.Decimal()
		if balance.Posted.Currency() == money.KRW {
			err = expect("the customer's balance", balance.Posted, restAmount)
		}
	}
	p.result.Balances["shop KRW"] = shop.Decimal()
	return fmt.Sprintf("customer %v, shop %v", restAmount, shop), all(err,
		expect("the shop's balance", shop, priceAmount))
}
