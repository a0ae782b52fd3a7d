package client_test

import (
	"context"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/ledger"
	"seyfert/money"
)

// bookCalls runs every method for the books once, but for PostBatch, whose body is not JSON.
func bookCalls(ctx context.Context, c *client.Client) {
	won := money.New(money.KRW, 1)
	c.OpenAccount(ctx, client.NewAccount{Kind: client.KindAsset, Currency: "KRW"})
	c.OpenAccounts(ctx, []client.NewAccount{{Kind: client.KindAsset, Currency: "KRW"}})
	c.BookAccount(ctx, "acc_1")
	c.ChangeAccount(ctx, "acc_1", client.AccountChange{})
	c.Post(ctx, client.TransferRequest{Legs: []client.Leg{{Amount: won}}})
	c.BookTransfer(ctx, "txn_1")
	c.Reverse(ctx, "txn_1", client.Reversal{})
	c.Exchange(ctx, client.ExchangeRequest{})
	c.Hold(ctx, client.HoldRequest{Amount: won})
	c.BookHold(ctx, "hld_1")
	c.Capture(ctx, "hld_1", client.CaptureRequest{})
	c.Void(ctx, "hld_1")
	c.PostItems(ctx, "all", []client.Item{{Amount: &won}})
	at := time.UnixMilli(1_795_000_000_000)
	every := client.Search{
		Account: "acc_1", Company: "com_1", From: at, To: at, State: "held", Reference: "r",
		Cursor: "7", Limit: 5,
	}
	c.BookTransfers(ctx, every)
	c.BookHolds(ctx, every)
	c.BookAccounts(ctx, client.AccountSearch{
		Owner: "node", Code: 7, Currency: "KRW", After: "acc_1", Limit: 5,
	})
	c.Statement(ctx, "acc_1", at, at, 7, 5)
	c.BalanceAt(ctx, "acc_1", at, at)
	c.SetMetadata(ctx, "acc_1", nil)
	c.Metadata(ctx, "acc_1", 7, 5)
}

// TestPostBatch holds that a batch travels as its bytes and its answer is read back.
func TestPostBatch(t *testing.T) {
	batch := ledger.NewBatch(ledger.Each, 2)
	batch.Add(&ledger.Instruction{ID: [16]byte{1}, Action: ledger.ActPost})
	batch.Add(&ledger.Instruction{ID: [16]byte{2}, Action: ledger.ActPost})
	first := ledger.Outcome{Status: ledger.Exists, Number: 7, AmountLow: 9}
	answer := first.Append(nil)
	answer = ledger.Outcome{Status: ledger.Created, Number: 8}.Append(answer)
	n := newNode(t, say(200, string(answer)))
	c := client.New(client.Config{URL: n.url, Key: "k"})
	outcomes, refusals, err := c.PostBatch(t.Context(), batch)
	if err != nil || len(outcomes) != 2 || outcomes[0] != first || len(refusals) != 0 {
		t.Fatalf("%v, %v, %v", outcomes, refusals, err)
	}
	asked := n.requests()[0]
	if asked.path != "/v1/transfers/bulk" || asked.body != string(batch.Encode()) ||
		asked.media != "application/vnd.seyfert.transfers" || asked.key != "" {
		t.Errorf("asked %+v", asked)
	}
}
