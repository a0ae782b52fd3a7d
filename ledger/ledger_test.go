package ledger_test

import (
	"encoding/binary"
	"math"
	"testing"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// The accounts of most tests: a bank's money, two wallets that cannot be overdrawn, a fee income
// and a wallet in another currency.
var (
	bank   = account(1)
	alice  = account(2)
	shop   = account(3)
	fees   = account(4)
	dollar = account(5)
)

func account(n uint64) (id ledger.AccountID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

func transfer(n uint64) (id ledger.TransferID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

func hold(n uint64) (id ledger.HoldID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// entryTime is the journal's time of most drafts.
const entryTime = 3000

// leg is a leg that moves just its amount.
func leg(debit, credit ledger.AccountID, amount money.Amount) ledger.Leg {
	return ledger.Leg{Debit: debit, Credit: credit, Amount: amount}
}

// move is a transfer of legs.
func move(id ledger.TransferID, code uint16, legs ...ledger.Leg) *ledger.Transfer {
	return &ledger.Transfer{ID: id, Code: code, Legs: legs}
}

func won(minor uint64) money.Amount { return money.New(money.KRW, minor) }

// mustOpenBook returns a book with the accounts above, all empty.
func mustOpenBook(tb testing.TB) *ledger.Book {
	tb.Helper()
	b := ledger.NewBook()
	d := b.Begin(entryTime)
	for _, s := range []ledger.Spec{
		{ID: bank, Currency: money.KRW, Kind: ledger.Asset},
		{ID: alice, Currency: money.KRW, Kind: ledger.Liability, Flags: ledger.NoOverdraft},
		{ID: shop, Currency: money.KRW, Kind: ledger.Liability, Flags: ledger.NoOverdraft},
		{ID: fees, Currency: money.KRW, Kind: ledger.Income},
		{ID: dollar, Currency: money.USD, Kind: ledger.Liability},
	} {
		must(tb, d.Open(s))
	}
	d.Commit(1, 1)
	return b
}

// mustFund returns such a book in which alice has an amount and history has one record.
func mustFund(tb testing.TB, minor uint64) *ledger.Book {
	tb.Helper()
	b := mustOpenBook(tb)
	d := b.Begin(entryTime)
	must(tb, d.Post(move(transfer(1), 7, leg(bank, alice, won(minor)))))
	d.Commit(2, 1)
	return b
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// refused checks that err is a domain error with a code and a field.
func refused(tb testing.TB, err error, code fault.Code, field string) {
	tb.Helper()
	if f, ok := fault.Of(err); !ok || f.Code != code || f.Field != field {
		tb.Errorf("error %v, want %s: %s", err, code, field)
	}
}

// balance returns the posted balance of an account as the draft has it, negative below zero.
func balance(tb testing.TB, d *ledger.Draft, id ledger.AccountID) int64 {
	tb.Helper()
	a, ok := d.Account(id)
	if !ok {
		tb.Fatalf("no account %v", id)
	}
	amount, negative := a.Balance()
	minor, fits := amount.Uint64()
	if !fits || minor > math.MaxInt64 {
		tb.Fatalf("balance %v", amount)
	}
	if negative {
		return -int64(minor)
	}
	return int64(minor)
}

// available returns what an account can still give, as the draft has it.
func available(tb testing.TB, d *ledger.Draft, id ledger.AccountID) uint64 {
	tb.Helper()
	a, ok := d.Account(id)
	if !ok {
		tb.Fatalf("no account %v", id)
	}
	minor, _ := a.Available().Uint64()
	return minor
}

func TestPostMovesMoney(t *testing.T) {
	b := mustFund(t, 100_000)
	d := b.Begin(entryTime)
	must(t, d.Post(move(transfer(2), 9, leg(alice, shop, won(15_000)),
		leg(shop, fees, won(375)))))
	if got := balance(t, d, alice); got != 85_000 {
		t.Errorf("alice has %d", got)
	}
	if a, _ := b.Account(alice); a.CreditsPosted != won(100_000) || !a.DebitsPosted.IsZero() {
		t.Errorf("the book shows what is not committed: %+v", a)
	}
	records := d.Commit(3, 2)
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	second := ledger.Record{
		Number: 3, Index: 3, Time: 3000, Kind: ledger.RecordPosted, Code: 9, Leg: 1,
		Transfer: transfer(2), Debit: shop, Credit: fees, Amount: won(375),
		PreviousDebit: 2, PreviousCredit: 0, DebitBalance: won(14_625), CreditBalance: won(375),
	}
	if records[1] != second {
		t.Errorf("record %+v, want %+v", records[1], second)
	}
	a, _ := b.Account(shop)
	if got, negative := a.Balance(); got != won(14_625) || negative || a.LastRecord != 3 {
		t.Errorf("shop %+v", a)
	}
	totals := b.Totals()
	want := ledger.Total{Currency: money.KRW, Debits: won(115_375), Credits: won(115_375)}
	if len(totals) != 2 || totals[0] != want {
		t.Errorf("totals %+v", totals)
	}
}

func TestPostRefusals(t *testing.T) {
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	cases := []struct {
		name  string
		id    ledger.TransferID
		legs  []ledger.Leg
		code  fault.Code
		field string
	}{
		{"no id", transfer(0), []ledger.Leg{leg(alice, shop, won(1))}, fault.Invalid, "transfer"},
		{"no legs", transfer(2), nil, fault.Invalid, "legs"},
		{
			"too many legs", transfer(2), make([]ledger.Leg, ledger.LegsMax+1),
			fault.TooLarge, "legs",
		},
		{"nothing", transfer(2), []ledger.Leg{leg(alice, shop, won(0))}, fault.Invalid, "amount"},
		{"to itself", transfer(2), []ledger.Leg{leg(alice, alice, won(1))}, fault.Invalid, "account"},
		{
			"unknown debit", transfer(2),
			[]ledger.Leg{leg(account(9), shop, won(1))},
			fault.NotFound, "debit",
		},
		{
			"unknown credit", transfer(2),
			[]ledger.Leg{leg(alice, account(9), won(1))},
			fault.NotFound, "credit",
		},
		{
			"other currency", transfer(2),
			[]ledger.Leg{leg(alice, dollar, won(1))},
			fault.Invalid, "currency",
		},
		{
			"amount of another currency", transfer(2),
			[]ledger.Leg{leg(alice, shop, money.New(money.JPY, 1))},
			fault.Invalid, "currency",
		},
		{
			"not covered", transfer(2),
			[]ledger.Leg{leg(alice, shop, won(100_001))},
			fault.Refused, "amount",
		},
		{
			"second leg not covered", transfer(2),
			[]ledger.Leg{leg(alice, shop, won(5)), leg(shop, fees, won(6))},
			fault.Refused, "amount",
		},
		{
			"second leg invalid", transfer(2),
			[]ledger.Leg{leg(alice, shop, won(5)), leg(shop, shop, won(6))},
			fault.Invalid, "account",
		},
		{
			"more than can be counted", transfer(2),
			[]ledger.Leg{leg(bank, fees, top)},
			fault.TooLarge, "amount",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := mustFund(t, 100_000)
			before := b.Encode()
			d := b.Begin(entryTime)
			refused(t, d.Post(move(c.id, 1, c.legs...)), c.code, c.field)
			if records := d.Commit(3, 2); len(records) != 0 {
				t.Errorf("records of a refused transfer: %+v", records)
			}
			if string(b.Encode()) != string(before) {
				t.Error("a refused transfer changed the book")
			}
		})
	}
}

func TestLegsMay(t *testing.T) {
	b := mustFund(t, 2*ledger.LegsMax)
	d := b.Begin(entryTime)
	// A wallet without money passes on what it gets later in the same transfer.
	must(t, d.Post(move(transfer(2), 1, leg(shop, fees, won(3)), leg(alice, shop, won(3)))))
	full := make([]ledger.Leg, ledger.LegsMax)
	for i := range full {
		full[i] = ledger.Leg{Debit: alice, Credit: shop, Amount: won(1)}
	}
	must(t, d.Post(move(transfer(3), 1, full...)))
	if records := d.Commit(3, 2); len(records) != 2+ledger.LegsMax {
		t.Errorf("%d records", len(records))
	}
}

// TestReversal posts the counter-entry of a transfer: it says of which, and is judged as any
// other.
func TestReversal(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	must(t, d.Post(&ledger.Transfer{
		ID: transfer(2), Code: 3, Effective: 1000,
		Legs: []ledger.Leg{leg(alice, shop, won(60)), leg(shop, fees, won(2))},
	}))
	back := &ledger.Transfer{
		ID: transfer(3), Code: 4, Reverses: transfer(2),
		Legs: []ledger.Leg{leg(shop, alice, won(60)), leg(fees, shop, won(2))},
	}
	start := d.Savepoint()
	must(t, d.Post(back))
	if balance(t, d, alice) != 100 || balance(t, d, shop) != 0 || balance(t, d, fees) != 0 {
		t.Error("the counter-entry does not bring the balances back")
	}
	for i, r := range d.Records(start) {
		if r.Kind != ledger.RecordReversed || r.Reverses != transfer(2) || int(r.Leg) != i ||
			r.Effective != 0 || r.Time != entryTime {
			t.Errorf("record %+v", r)
		}
	}
	back.ID = transfer(4)
	refused(t, d.Post(back), fault.Refused, "amount")
	back.Reverses = back.ID
	refused(t, d.Post(back), fault.Invalid, "reverses")
	must(t, d.Hold(payment(5)))
	back.Reverses, back.Legs = transfer(2), nil
	refused(t, d.Capture(hold(1), back, won(5), false), fault.Invalid, "reverses")
	for _, effective := range []int64{-1, 1 << 48} {
		late := move(transfer(5), 1, leg(alice, shop, won(1)))
		late.Effective = effective
		refused(t, d.Post(late), fault.Invalid, "effective")
	}
	if records := d.Commit(3, 2); records[0].Effective != 1000 {
		t.Errorf("records %+v", records)
	}
}

// TestLegsAddUpTo128Bits posts all that can be counted, and no more.
func TestLegsAddUpTo128Bits(t *testing.T) {
	half := money.FromWords(money.KRW, 1<<63, 0)
	b := mustOpenBook(t)
	d := b.Begin(entryTime)
	must(t, d.Post(move(transfer(1), 1, leg(bank, fees, half))))
	refused(t, d.Post(move(transfer(2), 1, leg(fees, bank, half))), fault.TooLarge, "amount")
	// Another currency has a total of its own.
	must(t, d.Open(ledger.Spec{ID: account(9), Currency: money.USD, Kind: ledger.Asset}))
	dollars := money.FromWords(money.USD, 1<<63, 0)
	must(t, d.Post(move(transfer(2), 1, leg(account(9), dollar, dollars))))
	must(t, d.Hold(ledger.Hold{ID: hold(1), Debit: bank, Credit: fees, Amount: half}))
	refused(t, d.Capture(hold(1), move(transfer(3), 1), half, false), fault.TooLarge, "amount")
	d.Commit(2, 1)
	mustDecode(t, b)
}

func TestNormalSides(t *testing.T) {
	b := mustOpenBook(t)
	d := b.Begin(entryTime)
	must(t, d.Post(move(transfer(1), 1, leg(fees, bank, won(40)))))
	if got := balance(t, d, bank); got != -40 {
		t.Errorf("an asset credited by 40 stands at %d", got)
	}
	if got := balance(t, d, fees); got != -40 {
		t.Errorf("an income debited by 40 stands at %d", got)
	}
	records := d.Commit(2, 1)
	if !records[0].DebitNegative || !records[0].CreditNegative {
		t.Errorf("record %+v", records[0])
	}
	d = b.Begin(entryTime)
	refused(t, d.SetFlags(bank, ledger.NoOverdraft), fault.Refused, "flags")
	must(t, d.Post(move(transfer(2), 1, leg(bank, fees, won(40)))))
	must(t, d.SetFlags(bank, ledger.NoOverdraft))
	refused(t, d.Post(move(transfer(3), 1, leg(fees, bank, won(1)))), fault.Refused, "amount")
	d.Discard()
}
