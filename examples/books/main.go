// Command books shows how a program keeps books with the Go SDK: accounts, a transfer, a hold, a
// bulk in the binary form, and how a refusal is told apart.
//
//	books -url http://localhost:7401 -key sk_test_...
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"seyfert/client"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

func main() {
	url := flag.String("url", "http://localhost:7401", "the node")
	key := flag.String("key", "", "the company's API key")
	flag.Parse()
	shop := client.New(client.Config{URL: *url, Key: *key})
	if err := run(context.Background(), shop); err != nil {
		fmt.Fprintln(os.Stderr, "books:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c *client.Client) error {
	accounts, err := c.OpenAccounts(ctx, []client.NewAccount{
		{Code: 1000, Kind: client.KindAsset, Currency: "KRW", Name: "Money at the bank"},
		{
			Code: 2000, Kind: client.KindLiability, Currency: "KRW",
			Flags: []string{client.FlagNoOverdraft},
		},
		{Code: 2100, Kind: client.KindLiability, Currency: "KRW"},
	})
	if err != nil {
		return err
	}
	cash, alice, shop := accounts[0].ID, accounts[1].ID, accounts[2].ID

	// Once names the request: sent again, by this process or the next, it happens once.
	deposit, err := c.Once("deposit-1001-1").Post(ctx, client.TransferRequest{
		Legs:      []client.Leg{{Debit: cash, Credit: alice, Amount: money.New(money.KRW, 100_000)}},
		Reference: "deposit 1001-1",
	})
	if err != nil {
		return err
	}
	fmt.Println("posted:", deposit.Legs[0].Amount, "balance:", deposit.Legs[0].CreditBalance)

	hold, err := c.Hold(ctx, client.HoldRequest{
		Debit: alice, Credit: shop, Amount: money.New(money.KRW, 30_000),
	})
	if err != nil {
		return err
	}
	part := money.New(money.KRW, 25_000)
	if _, err := c.Capture(ctx, hold.ID, client.CaptureRequest{Amount: &part}); err != nil {
		return err
	}

	_, err = c.Post(ctx, client.TransferRequest{
		Legs: []client.Leg{{Debit: alice, Credit: shop, Amount: money.New(money.KRW, 80_000)}},
	})
	problem, told := errors.AsType[*client.Problem](err)
	if !told {
		return fmt.Errorf("80,000 of 75,000 won were paid: %w", err)
	}
	fmt.Println("refused:", problem.Reason, "at", problem.Field)

	if err := batch(ctx, c, alice, shop); err != nil {
		return err
	}
	now, err := c.BookAccount(ctx, alice)
	if err != nil {
		return err
	}
	fmt.Println("left:", now.Balance)
	return nil
}

// batch sends 1,000 transfers in the binary form.
func batch(ctx context.Context, c *client.Client, from, to string) error {
	debit, err := wire.ParseID[ledger.AccountKind](from)
	if err != nil {
		return err
	}
	credit, err := wire.ParseID[ledger.AccountKind](to)
	if err != nil {
		return err
	}
	b := ledger.NewBatch(ledger.Each, 1000)
	for range 1000 {
		var random [10]byte
		_, _ = rand.Read(random[:]) // never fails
		b.Add(&ledger.Instruction{
			ID: wire.NewUUID(time.Now().UnixMilli(), random), Action: ledger.ActPost,
			Debit: debit, Credit: credit, AmountLow: 5, Currency: money.KRW,
		})
	}
	outcomes, refusals, err := c.PostBatch(ctx, b)
	if err != nil {
		return err
	}
	fmt.Println("batch:", len(outcomes), "transfers,", len(refusals), "refused")
	return nil
}
