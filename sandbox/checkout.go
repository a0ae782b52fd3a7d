package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/verify"
)

// play is the checkout as it goes on: who takes part, and what they hold.
type play struct {
	stage  Stage
	out    io.Writer
	result Result

	customer *client.Client // a member of seoul
	shop     *client.Client // a company of tokyo
	member   client.Member
	company  client.Company
	number   string
	key      ed25519.PrivateKey // the key that the shop's claims are bound to
	offer    client.Offer
	order    client.Order
	request  client.ClaimRequest
	claim    client.Claim
	refusal  client.Claim // the first answer to a refused claim, without what differs
	bundles  [2][]byte
	headers  []byte
}

// The amounts of the scenario.
var (
	depositAmount = money.New(money.KRW, DepositKRW)
	priceAmount   = money.New(money.KRW, 15_000)
	restAmount    = money.New(money.KRW, DepositKRW-15_000)
)

// shortOffer is the life of offers that are meant to expire.
const shortOffer = 2 * time.Second

// confirmations is how many blocks the anchor gets.
const confirmations = 6

// checkout lists the steps: the whole path of a push payment, then every way to get money that
// is not owed.
func (p *play) checkout() []step {
	return []step{
		{"people", p.people},
		{"deposit", p.deposit},
		{"offer", p.makeOffer},
		{"order and hold", p.approve},
		{"receipt is sealed", p.sealed},
		{"claim", p.pay},
		{"both ledgers", p.ledgers},
		{"books are equal", p.books},
		{"same claim again", p.again},
		{"receipt claimed twice", p.twice},
		{"false claims refused", p.falseClaims},
		{"unclaimed hold released", p.expiry},
		{"no money moved", p.unmoved},
		{"close the day", p.closeDay},
		{"record and anchor", p.anchored},
		{"proofs exported", p.export},
		{"proofs verified offline", p.verified},
	}
}

// people opens a company on tokyo and a member on seoul, and signs the member in.
func (p *play) people(ctx context.Context) (string, error) {
	company, err := p.stage.Tokyo.Operator.CreateCompany(ctx, "Kanda Paper")
	if err != nil {
		return "", err
	}
	p.company = company.Company
	p.shop = p.stage.Tokyo.Operator.With(company.APIKey)
	if p.member, err = p.stage.Seoul.Operator.CreateMember(ctx, "Kim Minji"); err != nil {
		return "", err
	}
	if p.customer, err = signIn(ctx, p.stage.Seoul, p.member.ID); err != nil {
		return "", err
	}
	bank, number, err := p.stage.Issue()
	if err != nil {
		return "", err
	}
	p.number = number
	_, err = p.stage.Seoul.Operator.OpenVirtualAccount(ctx, client.VirtualAccount{
		Rail: "bank", Bank: bank, Number: number, Currency: "KRW", Owner: p.member.ID,
	})
	if err != nil {
		return "", err
	}
	_, p.key, err = ed25519.GenerateKey(rand.Reader)
	return "a shop on tokyo, a customer of seoul with account " + number, err
}

// signIn makes a one-time code as the operator and redeems it as the member.
func signIn(ctx context.Context, at Actor, member string) (*client.Client, error) {
	code, err := at.Operator.CreateSignIn(ctx, member)
	if err != nil {
		return nil, err
	}
	session, err := at.Operator.With("").SignIn(ctx, code.Code)
	if err != nil {
		return nil, err
	}
	return at.Operator.With(session.Session), nil
}

// deposit lets the bank announce money and waits until it is in the wallet.
func (p *play) deposit(ctx context.Context) (string, error) {
	if err := p.stage.Pay(ctx, p.number, depositAmount); err != nil {
		return "", err
	}
	err := poll(ctx, func() (bool, error) {
		available, err := p.available(ctx, p.customer, money.KRW)
		return available == depositAmount, err
	})
	return "the customer's wallet has " + depositAmount.String(), err
}

func (p *play) available(ctx context.Context, c *client.Client, currency money.Currency) (
	money.Amount, error,
) {
	wallet, err := c.Wallet(ctx)
	if err != nil {
		return money.Amount{}, err
	}
	available, ok := wallet.Available(currency)
	if !ok {
		return money.Amount{}, fmt.Errorf("no wallet in %s", currency)
	}
	return available, nil
}

// newOffer makes an offer of the shop, bound to its key.
func (p *play) newOffer(ctx context.Context, amount money.Amount, life time.Duration) (
	client.Offer, error,
) {
	return p.shop.CreateOffer(ctx, client.OfferRequest{
		Amount: amount, PayeeKey: client.PayeeKey(p.key.Public().(ed25519.PublicKey)),
		Basket:    []client.Line{{Text: "Washi notebook A5", Amount: amount}},
		ExpiresIn: int(life / time.Second),
	})
}

func (p *play) makeOffer(ctx context.Context) (_ string, err error) {
	p.offer, err = p.newOffer(ctx, priceAmount, 3*time.Minute)
	return fmt.Sprintf("the shop asks for %v: %s", p.offer.Amount, p.offer.ID), err
}

func (p *play) approve(ctx context.Context) (_ string, err error) {
	if p.order, err = p.customer.Approve(ctx, p.offer.JWS); err != nil {
		return "", err
	}
	available, err := p.available(ctx, p.customer, money.KRW)
	return fmt.Sprintf("%v held, %v left", p.order.Amount, available), all(err,
		expect("the order's state", p.order.State, "held"),
		expect("what is left", available, restAmount))
}

// sealed checks that nothing about the payer stands in what the shop gets.
func (p *play) sealed(ctx context.Context) (string, error) {
	for _, secret := range []string{p.member.ID, p.member.Name, p.number, "15000", p.offer.ID} {
		if strings.Contains(p.order.Receipt, secret) {
			return "", fmt.Errorf("the receipt shows %q", secret)
		}
	}
	other, err := p.newOffer(ctx, priceAmount, shortOffer)
	if err != nil {
		return "", err
	}
	second, err := p.customer.Approve(ctx, other.JWS)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d characters, nothing to read or to link in them",
			len(p.order.Receipt)),
		expect("two receipts' sealed part", sharedTail(p.order.Receipt, second.Receipt), 0)
}

// sharedTail counts the characters that the sealed parts of two receipts share at their start.
func sharedTail(a, b string) int {
	a, b = a[strings.LastIndex(a, ".")+1:], b[strings.LastIndex(b, ".")+1:]
	shared := 0
	for shared < min(len(a), len(b)) && a[shared] == b[shared] {
		shared++
	}
	if shared < 4 {
		return 0 // equal by chance
	}
	return shared
}

// claimOf makes the right claim of a receipt.
func (p *play) claimOf(receipt string, offer client.Offer) (client.ClaimRequest, error) {
	return client.SignClaim(p.key, rand.Reader, time.Now(), offer.JWS, receipt, priceAmount)
}

func (p *play) pay(ctx context.Context) (_ string, err error) {
	request, err := p.claimOf(p.order.Receipt, p.offer)
	if err != nil {
		return "", err
	}
	p.request = request
	if p.claim, err = p.shop.SubmitClaim(ctx, request); err != nil {
		return "", err
	}
	p.result.Payment = &PaymentResult{
		Offer: p.offer.ID, Order: p.order.ID, Claim: p.claim.ID, Transfer: p.claim.Transfer,
		Amount: p.claim.Amount, State: p.claim.State,
	}
	return fmt.Sprintf("the shop is told %q, transfer %s", p.claim.State, p.claim.Transfer),
		expect("the claim's state", p.claim.State, "paid")
}

// ledgers looks for the payment's lines in both nodes' ledgers.
func (p *play) ledgers(ctx context.Context) (string, error) {
	paid, err := p.hasLine(ctx, p.customer, "debit", priceAmount)
	if err != nil {
		return "", err
	}
	received, err := p.hasLine(ctx, p.shop, "credit", priceAmount)
	if err != nil {
		return "", err
	}
	order, err := p.customer.Order(ctx, p.order.ID)
	if err != nil {
		return "", err
	}
	return "debited at seoul, credited at tokyo", all(expect("the order", order.State, "paid"),
		expect("the debit's line", paid, true), expect("the credit's line", received, true))
}

func (p *play) hasLine(ctx context.Context, c *client.Client, side string,
	amount money.Amount,
) (bool, error) {
	wallet, err := c.Wallet(ctx)
	if err != nil {
		return false, err
	}
	for _, balance := range wallet.Balances {
		lines, err := c.Entries(ctx, balance.Account, 0, 50)
		if err != nil {
			return false, err
		}
		for _, line := range lines {
			if line.Side == side && line.Amount == amount && line.Transfer != "" {
				return true, nil
			}
		}
	}
	return false, nil
}

// books compares what seoul says it owes with what tokyo says it is owed.
func (p *play) books(ctx context.Context) (string, error) {
	var owes, owed client.Position
	err := poll(ctx, func() (bool, error) {
		var err error
		if owes, err = position(ctx, p.stage.Seoul.Operator, "KRW"); err != nil {
			return false, err
		}
		owed, err = position(ctx, p.stage.Tokyo.Operator, "KRW")
		return owes.Payable == owed.Receivable && owed.InFlight.IsZero(), err
	})
	return fmt.Sprintf("seoul owes %v, tokyo is owed %v", owes.Payable, owed.Receivable), all(err,
		expect("what seoul owes", owes.Payable, priceAmount),
		expect("what tokyo is owed", owed.Receivable, priceAmount),
		expect("what tokyo owes", owed.Payable.IsZero(), true))
}

// position reads where an operator's node stands with its one peer.
func position(ctx context.Context, operator *client.Client, currency string) (
	client.Position, error,
) {
	peers, err := operator.Peers(ctx)
	if err != nil {
		return client.Position{}, err
	}
	for _, peer := range peers {
		for _, books := range peer.Books {
			if books.Currency == currency {
				return books, nil
			}
		}
	}
	return client.Position{}, errors.New("there are no books in " + currency)
}

// closeDay closes the day on both nodes and mines over their anchors.
func (p *play) closeDay(ctx context.Context) (string, error) {
	for _, at := range []Actor{p.stage.Seoul, p.stage.Tokyo} {
		if _, err := at.Operator.CloseDay(ctx, ""); err != nil {
			return "", err
		}
		err := poll(ctx, func() (bool, error) {
			days, err := at.Operator.Days(ctx)
			return err == nil && len(days) > 0 && days[0].Checkpoint != "" &&
				days[0].Anchor.TxID != "", err
		})
		if err != nil {
			return "", err
		}
	}
	return "checkpoints signed, anchors sent", p.stage.Mine(ctx, confirmations)
}

// anchored waits until both nodes have read their transactions in blocks.
func (p *play) anchored(ctx context.Context) (string, error) {
	var transfer client.Transfer
	err := poll(ctx, func() (bool, error) {
		for _, at := range []Actor{p.stage.Tokyo, p.stage.Seoul} {
			var err error
			transfer, err = at.Operator.Transfer(ctx, p.claim.Transfer)
			if err != nil || transfer.Proof != "confirmed" {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return "", err
	}
	if transfer.Record == nil || transfer.Anchor == nil {
		return "", errors.New("the transfer has no record or no anchor")
	}
	p.result.Anchor = &AnchorResult{
		Network: transfer.Anchor.Network, TxID: transfer.Anchor.TxID,
		Height: transfer.Anchor.Height, Confirmations: transfer.Anchor.Confirmations,
	}
	return fmt.Sprintf("record in block %d, anchor in block %d with %d confirmations",
			transfer.Record.Height, transfer.Anchor.Height, transfer.Anchor.Confirmations),
		expect("the record's state", transfer.Record.State, "confirmed")
}

// export takes the proof of the payment from both nodes, and the headers.
func (p *play) export(ctx context.Context) (_ string, err error) {
	for i, at := range []Actor{p.stage.Seoul, p.stage.Tokyo} {
		if p.bundles[i], err = at.Operator.Proof(ctx, p.claim.Transfer); err != nil {
			return "", err
		}
	}
	if p.headers, err = p.stage.Seoul.Operator.Headers(ctx); err != nil {
		return "", err
	}
	if p.result.Bundle, err = p.keep("checkout.seoul.bundle.json", p.bundles[0]); err != nil {
		return "", err
	}
	if _, err = p.keep("checkout.tokyo.bundle.json", p.bundles[1]); err != nil {
		return "", err
	}
	p.result.Headers, err = p.keep("checkout.headers", p.headers)
	return fmt.Sprintf("two bundles of %d and %d bytes, %d headers", len(p.bundles[0]),
		len(p.bundles[1]), len(p.headers)/80), err
}

// verified checks both proofs with nothing but the files.
func (p *play) verified(context.Context) (string, error) {
	for i, at := range []Actor{p.stage.Seoul, p.stage.Tokyo} {
		report := verify.Check(p.bundles[i], verify.Options{
			Headers: p.headers, Pin: at.Thumbprint,
		})
		if !report.OK {
			return "", errors.New(report.Text())
		}
	}
	return "record, signatures, position, checkpoint, anchor, block and work hold", nil
}
