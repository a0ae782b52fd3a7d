package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"seyfert/ledger"
	"seyfert/wire"
)

// TestKeyBindsWhatItCameWith: an Idempotency-Key that was used for one bulk, or for one item with
// an id of its own, is a conflict with another, and moves nothing. The same request again is none.
func TestKeyBindsWhatItCameWith(t *testing.T) {
	b := alone(t, settings{}).mustKeepBooks("Corner shop")
	item := func(id, amount string) string {
		if id != "" {
			id = fmt.Sprintf(`"id":%q,`, id)
		}
		return fmt.Sprintf(`{%s%s}`, id, leg(b.cash, b.sale, amount))
	}
	bulk := func(items string) string { return `{"mode":"each","items":[` + items + `]}` }
	ids := []string{
		wire.NewID[ledger.TransferKind](1_000, [10]byte{1}).String(),
		wire.NewID[ledger.TransferKind](1_000, [10]byte{2}).String(),
	}
	for name, c := range map[string]struct{ path, body, other string }{
		"a bulk that grows": {
			"/v1/transfers/bulk", bulk(item("", "10")), bulk(item("", "10") + "," + item("", "20")),
		},
		"a bulk that shrinks": {
			"/v1/transfers/bulk", bulk(item("", "1") + "," + item("", "2")), bulk(item("", "1")),
		},
		"a bulk of own ids": {
			"/v1/transfers/bulk", bulk(item(ids[0], "3")), bulk(item(ids[1], "3")),
		},
		"a transfer with an own id": {"/v1/transfers", item(ids[0], "3"), item(ids[1], "3")},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			key := strings.ReplaceAll(name, " ", "-")
			for range 2 {
				if status, answer := b.post(c.path, c.body, key); status > http.StatusCreated {
					t.Fatalf("%d %v", status, answer)
				}
			}
			before := fmt.Sprint(b.mustGet("/v1/accounts/" + b.sale)["balance"])
			status, answer := b.post(c.path, c.other, key)
			if status != http.StatusConflict || answer["field"] != "Idempotency-Key" {
				t.Errorf("%d %v", status, answer)
			}
			if after := fmt.Sprint(b.mustGet("/v1/accounts/" + b.sale)["balance"]); after != before {
				t.Errorf("the balance went from %v to %v", before, after)
			}
		})
	}
}
