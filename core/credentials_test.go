package core_test

import (
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/ledger"
)

// TestKeyEndsAtOnce: a key that was used a moment ago is worth nothing after the command that
// ends it, within the same entry and later; an end that is refused ends nothing.
func TestKeyEndsAtOnce(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	b.must(b.line(ledger.ActPost, b.cash, b.shop, 100))
	rows := do[[]core.AccountRow](b.machine, core.KindOpenAccounts, b.company,
		core.OpenAccounts{Accounts: []core.OpenAccount{{
			ID: id[ledger.AccountKind](b.machine), Owner: b.company.ID, Kind: ledger.Expense,
			Currency: won(0).Currency(),
		}}})
	pay := func() *ledger.Batch {
		return batchOf(ledger.All, b.line(ledger.ActPost, rows[0].ID, b.shop, 5))
	}
	end := func() core.EndCredential { return core.EndCredential{Hash: secret("books")} }
	stranger := b.company
	stranger.Key = operator().Key
	results := b.entry(
		b.command(b.company, pay()),
		command(core.KindEndCredential, stranger, end()),
		b.command(b.company, pay()),
		command(core.KindEndCredential, operator(), end()),
		b.command(b.company, pay()),
	)
	for i, refused := range []bool{false, true, false, false, true} {
		if (results[i].Fault != nil) != refused {
			t.Errorf("command %d: %v", i, results[i].Fault)
		}
	}
	if f := b.refusedCommand(b.command(b.company, pay())); f.Code != fault.Unauthenticated {
		t.Errorf("a batch with an ended key: %v", f)
	}
}
