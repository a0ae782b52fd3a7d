package core_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/proof"
)

// books are accounts of a node and of a company on it, and the instructions sent to them.
type books struct {
	*machine
	cash, till, fees ledger.AccountID // the node's: an asset, two liabilities
	shop             ledger.AccountID // the company's
	company          journal.Principal
}

func openBooks(m *machine) *books {
	m.t.Helper()
	b := &books{machine: m}
	company := id[companyKind](m)
	do[core.CompanyRow](m, core.KindAddCompany, operator(), core.AddCompany{
		ID: core.CompanyID(company), Name: "Books", Alias: "pay:Books", KeyHash: secret("books"),
	})
	b.company = principal(journal.Company, core.CompanyID(company).String(), "books")
	open := func(kind ledger.Kind, flags ledger.Flags) (a core.OpenAccount) {
		return core.OpenAccount{
			ID: id[ledger.AccountKind](m), Owner: core.OwnerNode, Code: 1000, Kind: kind,
			Currency: money.KRW, Flags: flags, Name: "an account",
		}
	}
	accounts := core.OpenAccounts{Accounts: []core.OpenAccount{
		open(ledger.Asset, 0), open(ledger.Liability, ledger.NoOverdraft),
		open(ledger.Income, 0),
	}}
	rows := do[[]core.AccountRow](m, core.KindOpenAccounts, operator(), accounts)
	b.cash, b.till, b.fees = rows[0].ID, rows[1].ID, rows[2].ID
	own := open(ledger.Liability, ledger.NoOverdraft)
	own.Owner, own.Metadata = b.company.ID, map[string]string{"shelf": "3"}
	rows = do[[]core.AccountRow](m, core.KindOpenAccounts, b.company,
		core.OpenAccounts{Accounts: []core.OpenAccount{own}})
	b.shop = rows[0].ID
	return b
}

// line makes an instruction with a new id.
func (b *books) line(action ledger.Action, debit, credit ledger.AccountID, amount uint64,
) ledger.Instruction {
	return ledger.Instruction{
		ID: id[ledger.TransferKind](b.machine), Debit: debit, Credit: credit, AmountLow: amount,
		Currency: money.KRW, Code: 7, Action: action,
	}
}

func (b *books) command(by journal.Principal, batch *ledger.Batch) journal.Command {
	return journal.Command{
		Kind: core.KindPost, Version: core.CommandVersion, Principal: by, Body: batch.Encode(),
	}
}

func batchOf(mode ledger.Mode, lines ...ledger.Instruction) *ledger.Batch {
	batch := ledger.NewBatch(mode, len(lines))
	for i := range lines {
		batch.Add(&lines[i])
	}
	return batch
}

// send applies a batch as one entry.
func (b *books) send(by journal.Principal, batch *ledger.Batch) ([]ledger.Outcome,
	map[uint32]*fault.Error, *fault.Error,
) {
	b.t.Helper()
	result := b.entry(b.command(by, batch))[0]
	if result.Fault != nil {
		return nil, nil, result.Fault
	}
	results, faults, err := ledger.Answer(result.Body).Read(batch.Len())
	if err != nil {
		b.t.Fatal(err)
	}
	byItem := map[uint32]*fault.Error{}
	for _, f := range faults {
		byItem[f.Item] = f.Fault
	}
	return results, byItem, nil
}

// must sends instructions that are all carried out.
func (b *books) must(lines ...ledger.Instruction) []ledger.Outcome {
	b.t.Helper()
	results, _, refused := b.send(operator(), batchOf(ledger.All, lines...))
	if refused != nil {
		b.t.Fatal(refused)
	}
	return results
}

// refuses sends one instruction that must be refused and leave nothing behind.
func (b *books) refuses(by journal.Principal, line ledger.Instruction, code fault.Code,
	field string,
) {
	b.t.Helper()
	f := b.refusedCommand(b.command(by, batchOf(ledger.All, line)))
	if f.Code != code || f.Field != "items[0]."+field {
		b.t.Errorf("refused with %v, want %s of %s", f, code, field)
	}
}

func (b *books) balance(of ledger.AccountID, want uint64) {
	b.t.Helper()
	account, _ := b.core.View().Balance(of)
	if got, negative := account.Balance(); negative || got != won(want) {
		b.t.Errorf("balance %v (negative: %v), want %d", got, negative, want)
	}
}

// keepBooks has one of everything, for the golden journal.
func keepBooks(m *machine) *books {
	b := openBooks(m)
	fund := b.line(ledger.ActPost, b.cash, b.till, 1000)
	batch := batchOf(ledger.All, fund)
	batch.Attachments = []ledger.Attachment{{
		Reference: "opening", Metadata: map[string]string{"by": "hand"},
	}}
	if _, _, refused := b.send(operator(), batch); refused != nil {
		b.t.Fatal(refused)
	}
	hold := b.line(ledger.ActHold, b.till, b.shop, 100)
	part := b.line(ledger.ActCapture, ledger.AccountID{}, ledger.AccountID{}, 30)
	part.Related, part.Options = hold.ID, ledger.More
	rest := part
	rest.ID, rest.Options, rest.AmountLow = id[ledger.TransferKind](m), 0, 0
	other := b.line(ledger.ActHold, b.till, b.shop, 50)
	void := b.line(ledger.ActVoid, ledger.AccountID{}, ledger.AccountID{}, 0)
	void.Related = other.ID
	undo := b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0)
	undo.Related = rest.ID
	b.must(hold, part, rest, other, void, undo)
	flags := ledger.FrozenIn
	do[core.AccountRow](m, core.KindSetAccount, operator(),
		core.SetAccount{ID: b.fees, Flags: &flags})
	do[core.MetadataRow](m, core.KindAnnotate, operator(), core.Annotate{
		Subject:  ledger.TransferID(fund.ID).String(),
		Metadata: map[string]string{"by": "machine"},
	})
	return b
}

func TestBooks(t *testing.T) {
	s := newScript(t)
	b := keepBooks(s.seoul)
	b.balance(b.shop, 30)
	b.balance(b.till, 970)
	v := b.core.View()
	rows := v.ByReference(core.OwnerNode, "opening", 0, 10)
	if len(rows) != 1 {
		t.Fatalf("%d rows under the reference", len(rows))
	}
	versions := v.Metadata(rows[0].Subject, 10)
	if len(versions) != 2 || versions[0].Metadata["by"] != "machine" ||
		versions[1].Metadata["by"] != "hand" {
		t.Errorf("metadata %v", versions)
	}
	if again := b.replay(); again.core.StateHash() != b.core.StateHash() {
		t.Error("a replay leads to another state")
	}
}

// TestPostTwice: the same id asks for the same thing for ever, across entries and cuts.
func TestPostTwice(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	pay := b.line(ledger.ActPost, b.cash, b.till, 1000)
	legs := []ledger.Instruction{
		b.line(ledger.ActPost, b.till, b.shop, 90), b.line(ledger.ActPost, b.till, b.fees, 10),
	}
	legs[1].ID, legs[0].Options = legs[0].ID, ledger.FurtherLeg
	hold := b.line(ledger.ActHold, b.till, b.shop, 50)
	take := b.line(ledger.ActCapture, ledger.AccountID{}, ledger.AccountID{}, 40)
	take.Related = hold.ID
	undo := b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0)
	undo.Related = legs[0].ID
	all := []ledger.Instruction{pay, legs[0], legs[1], hold, take, undo}
	first := b.must(all...)
	image := string(b.core.BookImage())
	check := func(when string) {
		t.Helper()
		again := b.must(all...)
		for i := range again {
			again[i].Status -= ledger.Exists
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
		if string(b.core.BookImage()) != image {
			t.Errorf("%s: the repeat moved money", when)
		}
	}
	check("in the next entry")
	both := batchOf(ledger.All, append(slices.Clone(all), all...)...)
	if results, _, refused := b.send(operator(), both); refused != nil || len(results) != 12 {
		t.Errorf("twice in one batch: %v", refused)
	}
	b.stores.Cut(b.core)
	check("after a cut")
	for field, change := range map[string]func(i *ledger.Instruction){
		"debit":        func(i *ledger.Instruction) { i.Debit = b.fees },
		"credit":       func(i *ledger.Instruction) { i.Credit = b.shop },
		"amount":       func(i *ledger.Instruction) { i.AmountLow++ },
		"currency":     func(i *ledger.Instruction) { i.Currency = money.JPY },
		"code":         func(i *ledger.Instruction) { i.Code++ },
		"effective_at": func(i *ledger.Instruction) { i.Effective = start },
		"action":       func(i *ledger.Instruction) { i.Action = ledger.ActHold },
	} {
		other := pay
		change(&other)
		b.refuses(operator(), other, fault.Conflict, field)
	}
	short := legs[0] // without its second leg
	short.Options = 0
	b.refuses(operator(), short, fault.Conflict, "legs")
	later := hold
	later.Expires = start * 2
	b.refuses(operator(), later, fault.Conflict, "expires_at")
	take.AmountLow--
	b.refuses(operator(), take, fault.Conflict, "amount")
	undo.Related = pay.ID
	b.refuses(operator(), undo, fault.Conflict, "transfer")
}

// TestPostModes: all or nothing, or each for itself with linked ones together.
func TestPostModes(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	fund := b.line(ledger.ActPost, b.cash, b.till, 100)
	tooMuch := b.line(ledger.ActPost, b.till, b.shop, 101)
	f := b.refusedCommand(b.command(operator(), batchOf(ledger.All, fund, tooMuch)))
	if f.Code != fault.Refused || f.Field != "items[1].amount" {
		t.Errorf("refused with %v", f)
	}
	linked := b.line(ledger.ActPost, b.till, b.fees, 5)
	linked.Options = ledger.Linked
	alone := b.line(ledger.ActPost, b.till, b.fees, 1)
	results, faults, refused := b.send(operator(),
		batchOf(ledger.Each, fund, linked, tooMuch, alone))
	if refused != nil {
		t.Fatal(refused)
	}
	var outcomes []uint8
	for _, r := range results {
		outcomes = append(outcomes, r.Status)
	}
	want := []uint8{ledger.Created, ledger.Refused, ledger.Refused, ledger.Created}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	if len(faults) != 1 || faults[2] == nil || faults[2].Field != "amount" {
		t.Errorf("faults %v", slices.Collect(maps.Keys(faults)))
	}
	b.balance(b.till, 99)
	// What was taken back is not known: its id may be used.
	linked.Options = 0
	b.must(linked)
	b.balance(b.till, 94)
}

func TestPostRights(t *testing.T) {
	s := newScript(t)
	b := openBooks(s.seoul)
	b.must(b.line(ledger.ActPost, b.cash, b.shop, 100))
	own := b.line(ledger.ActPost, b.shop, b.till, 1)
	b.refuses(b.company, own, fault.NotFound, "credit")
	b.refuses(b.company, b.line(ledger.ActPost, b.till, b.shop, 1), fault.NotFound, "debit")
	wallet := s.wallet().ID
	b.refuses(operator(), b.line(ledger.ActPost, wallet, b.till, 1), fault.Forbidden, "debit")
	rows := do[[]core.AccountRow](b.machine, core.KindOpenAccounts, operator(),
		core.OpenAccounts{Accounts: []core.OpenAccount{{
			ID: id[ledger.AccountKind](b.machine), Owner: b.company.ID, Kind: ledger.Expense,
			Currency: money.KRW,
		}}})
	move := b.line(ledger.ActPost, rows[0].ID, b.shop, 5)
	if _, _, refused := b.send(b.company, batchOf(ledger.All, move)); refused != nil {
		t.Error(refused)
	}
	hold := b.line(ledger.ActHold, b.till, b.fees, 1)
	b.must(b.line(ledger.ActPost, b.cash, b.till, 10), hold)
	void := b.line(ledger.ActVoid, ledger.AccountID{}, ledger.AccountID{}, 0)
	void.Related = hold.ID
	b.refuses(b.company, void, fault.NotFound, "hold")
	if f := b.refusedCommand(b.command(s.customer(), batchOf(ledger.All, move))); f.Code !=
		fault.Forbidden {
		t.Errorf("a member's batch: %v", f)
	}
}

func TestPostRefusals(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	b.must(b.line(ledger.ActPost, b.cash, b.till, 100))
	hold := b.line(ledger.ActHold, b.till, b.shop, 10)
	hold.Expires = b.now + 5000
	b.must(hold)
	capture := b.line(ledger.ActCapture, ledger.AccountID{}, ledger.AccountID{}, 11)
	capture.Related = hold.ID
	b.refuses(operator(), capture, fault.Refused, "hold")
	b.now += 10_000
	do[int64](b.machine, core.KindTick, system(), struct{}{})
	b.refuses(operator(), capture, fault.Refused, "hold")
	capture.Related = [16]byte{1}
	b.refuses(operator(), capture, fault.NotFound, "hold")
	pay := b.line(ledger.ActPost, b.till, b.shop, 1)
	for _, c := range []struct {
		field  string
		code   fault.Code
		change func(i *ledger.Instruction)
	}{
		{"id", fault.Invalid, func(i *ledger.Instruction) { i.ID = [16]byte{} }},
		{"id", fault.Invalid, func(i *ledger.Instruction) { i.ID[6] = 0x40 }},
		{"id", fault.Invalid, func(i *ledger.Instruction) { i.ID[0] = 0xff }},
		{"amount", fault.Invalid, func(i *ledger.Instruction) { i.AmountLow = 0 }},
		{"currency", fault.Invalid, func(i *ledger.Instruction) { i.Currency = money.JPY }},
		{"action", fault.Invalid, func(i *ledger.Instruction) { i.Action = 9 }},
		{"options", fault.Invalid, func(i *ledger.Instruction) { i.Options = 0x80 }},
		{"options", fault.Invalid, func(i *ledger.Instruction) { i.Options = ledger.FurtherLeg }},
		{"debit", fault.NotFound, func(i *ledger.Instruction) { i.Debit[15]++ }},
		{"account", fault.Invalid, func(i *ledger.Instruction) { i.Credit = i.Debit }},
		{"amount", fault.Refused, func(i *ledger.Instruction) { i.AmountHigh = 1 }},
		{"transfer", fault.NotFound, func(i *ledger.Instruction) {
			i.Action, i.Related = ledger.ActReverse, [16]byte{1}
		}},
	} {
		other := pay
		c.change(&other)
		b.refuses(operator(), other, c.code, c.field)
	}
	undo := b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0)
	undo.Related = pay.ID
	b.must(pay, undo)
	twice := b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0)
	twice.Related = pay.ID
	b.refuses(operator(), twice, fault.Refused, "transfer")
	twice.Related = undo.ID
	b.refuses(operator(), twice, fault.Refused, "transfer")
}

// TestBatchLimits reaches the bounds of a batch.
func TestBatchLimits(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	many := ledger.NewBatch(ledger.All, ledger.BatchItemsMax+1)
	for range ledger.BatchItemsMax {
		line := b.line(ledger.ActPost, b.cash, b.till, 1)
		many.Add(&line)
	}
	if _, _, refused := b.send(operator(), many); refused != nil {
		t.Error(refused)
	}
	line := b.line(ledger.ActPost, b.cash, b.till, 1)
	many.Add(&line)
	f := b.refusedCommand(b.command(operator(), many))
	if f.Code != fault.TooLarge || f.Field != "items" {
		t.Errorf("a batch over the limit: %v", f)
	}
	long := batchOf(ledger.All, line)
	long.Attachments = []ledger.Attachment{{
		Reference: strings.Repeat("x", ledger.ReferenceBytesMax+1),
	}}
	if f := b.refusedCommand(b.command(operator(), long)); f.Field != "reference" {
		t.Errorf("a long reference: %v", f)
	}
}

// TestRecordLeaves: every history record is a leaf of the journal tree, also from before a cut.
func TestRecordLeaves(t *testing.T) {
	b := keepBooks(newScript(t).seoul)
	v := b.core.View()
	tree := v.Cursor().Leaves
	for number := uint64(1); number <= v.Cursor().Records; number++ {
		row, leaf := v.RecordLeaf(number)
		data := proof.LeafData(row.Kind, row.Salt, row.Data)
		path, err := v.Prove(leaf, tree)
		if err != nil {
			t.Fatal(err)
		}
		root, err := v.Root(tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.CheckInclusion(path, tree, leaf, merkle.LeafHash(data[:]), root); err != nil {
			t.Errorf("record %d: %v", number, err)
		}
	}
	if v.NumberAt(0) != 1 || v.NumberAt(b.now+1) != v.Cursor().Records+1 {
		t.Errorf("records by time: %d, %d", v.NumberAt(0), v.NumberAt(b.now+1))
	}
}
