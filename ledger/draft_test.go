package ledger_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// panics checks that fn stops on a fault of its caller.
func panics(tb testing.TB, name string, fn func()) {
	tb.Helper()
	defer func() {
		if recover() == nil {
			tb.Errorf("%s did not panic", name)
		}
	}()
	fn()
}

func TestOpenRefusals(t *testing.T) {
	cases := []struct {
		name  string
		spec  ledger.Spec
		code  fault.Code
		field string
	}{
		{"no id", ledger.Spec{Currency: money.KRW, Kind: 1}, fault.Invalid, "account"},
		{"no currency", ledger.Spec{ID: account(9), Kind: 1}, fault.Invalid, "currency"},
		{
			"unknown currency",
			ledger.Spec{ID: account(9), Currency: 7, Kind: 1},
			fault.Invalid, "currency",
		},
		{"no kind", ledger.Spec{ID: account(9), Currency: money.KRW}, fault.Invalid, "kind"},
		{
			"unknown kind",
			ledger.Spec{ID: account(9), Currency: money.KRW, Kind: 6},
			fault.Invalid, "kind",
		},
		{
			"unknown flag",
			ledger.Spec{ID: account(9), Currency: money.KRW, Kind: 1, Flags: 1 << 7},
			fault.Invalid, "flags",
		},
		{
			"born closed",
			ledger.Spec{ID: account(9), Currency: money.KRW, Kind: 1, Flags: ledger.Closed},
			fault.Invalid, "flags",
		},
		{
			"taken",
			ledger.Spec{ID: alice, Currency: money.KRW, Kind: 1},
			fault.Conflict, "account",
		},
	}
	b := mustOpenBook(t)
	d := b.Begin(entryTime)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { refused(t, d.Open(c.spec), c.code, c.field) })
	}
	must(t, d.Open(ledger.Spec{ID: account(9), Currency: money.JPY, Kind: ledger.Equity}))
	refused(t, d.Open(ledger.Spec{ID: account(9), Currency: money.JPY, Kind: ledger.Equity}),
		fault.Conflict, "account")
	d.Discard()
	if accounts, _ := b.Len(); accounts != 5 {
		t.Errorf("%d accounts", accounts)
	}
}

func TestFlags(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	refused(t, d.SetFlags(account(9), 0), fault.NotFound, "account")
	refused(t, d.SetFlags(alice, 1<<6), fault.Invalid, "flags")
	refused(t, d.SetFlags(alice, ledger.Closed), fault.Refused, "flags")

	must(t, d.SetFlags(alice, ledger.NoOverdraft|ledger.FrozenOut))
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(1)))),
		fault.Refused, "debit")
	must(t, d.Post(move(transfer(2), 1, leg(bank, alice, won(1)))))
	must(t, d.SetFlags(alice, ledger.NoOverdraft|ledger.FrozenIn))
	refused(t, d.Post(move(transfer(3), 1, leg(bank, alice, won(1)))),
		fault.Refused, "credit")
	must(t, d.Post(move(transfer(3), 1, leg(alice, shop, won(101)))))

	// On an asset a debit is what comes in.
	must(t, d.SetFlags(bank, ledger.FrozenIn))
	refused(t, d.Post(move(transfer(4), 1, leg(bank, shop, won(1)))),
		fault.Refused, "debit")
	must(t, d.SetFlags(bank, ledger.FrozenOut))
	refused(t, d.Post(move(transfer(4), 1, leg(shop, bank, won(1)))),
		fault.Refused, "credit")

	// Empty again, it can be closed, and stays so.
	must(t, d.SetFlags(alice, ledger.Closed))
	refused(t, d.SetFlags(alice, 0), fault.Refused, "flags")
	refused(t, d.Post(move(transfer(5), 1, leg(alice, shop, won(1)))),
		fault.Refused, "debit")
	refused(t, d.Hold(ledger.Hold{ID: hold(1), Debit: shop, Credit: alice, Amount: won(1)}),
		fault.Refused, "credit")
	d.Commit(3, 2)
}

func TestDraftsComeOneAfterAnother(t *testing.T) {
	b := mustFund(t, 100)
	before := b.Encode()
	d := b.Begin(entryTime)
	panics(t, "a second draft", func() { b.Begin(entryTime) })
	panics(t, "an image of a drafted book", func() { b.Encode() })
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(1)))))
	must(t, d.Hold(ledger.Hold{ID: hold(1), Debit: alice, Credit: shop, Amount: won(1)}))
	d.Discard()
	if !bytes.Equal(before, b.Encode()) {
		t.Error("a discarded draft changed the book")
	}
	panics(t, "a post after the end", func() { _ = d.Post(move(transfer(1), 1)) })
	panics(t, "a read after the end", func() { d.Account(alice) })
	panics(t, "a rollback after the end", func() { d.RollbackTo(ledger.Savepoint{}) })
	panics(t, "a second end", func() { d.Discard() })
	panics(t, "a commit after the end", func() { d.Commit(3, 2) })
}

func TestCommitPanicsOnBadNumbers(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	panics(t, "history from 0", func() { d.Commit(3, 0) })
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(1)))))
	panics(t, "a number given twice", func() { d.Commit(3, 1) })
}

func TestRollbackPanicsOnWhatIsGone(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	early := d.Savepoint()
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(1)))))
	late := d.Savepoint()
	d.RollbackTo(late)
	d.RollbackTo(early)
	panics(t, "a savepoint that was passed", func() { d.RollbackTo(late) })
}

// TestRollbackOfAHoldChangedTwice goes back to a hold as an earlier command of the draft left it.
func TestRollbackOfAHoldChangedTwice(t *testing.T) {
	b := mustHold(t, 100, 60)
	d := b.Begin(entryTime)
	must(t, d.Bind(hold(1)))
	bound := d.Savepoint()
	must(t, d.Capture(hold(1), move(transfer(2), 1), won(60), false))
	d.RollbackTo(bound)
	if h, ok := d.FindHold(hold(1)); !ok || h.State != ledger.Held || !h.Bound {
		t.Errorf("hold %+v", h)
	}
	must(t, d.Void(hold(1)))
	d.RollbackTo(bound)
	must(t, d.Capture(hold(1), move(transfer(2), 1), won(60), false))
	if records := d.Commit(4, 3); len(records) != 2 {
		t.Errorf("records %+v", records)
	}
}

// TestCurrencyThatWasRolledBack leaves no total of a currency that no account has.
func TestCurrencyThatWasRolledBack(t *testing.T) {
	b := mustFund(t, 100)
	before := b.Totals()
	d := b.Begin(entryTime)
	start := d.Savepoint()
	for n := uint64(8); n <= 9; n++ {
		must(t, d.Open(ledger.Spec{ID: account(n), Currency: money.JPY, Kind: ledger.Asset}))
	}
	yen := money.New(money.JPY, 5)
	must(t, d.Post(move(transfer(2), 1, leg(account(8), account(9), yen))))
	d.RollbackTo(start)
	d.Commit(3, 2)
	if after := b.Totals(); !slices.Equal(before, after) {
		t.Errorf("totals %v, before %v", after, before)
	}
}

func TestReadersSeeTheLastCommit(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(60)))))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			if a, _ := b.Account(alice); a.Available() != won(100) {
				t.Errorf("a reader saw %v", a.Available())
			}
		}
	}()
	for n := range uint64(40) {
		must(t, d.Post(move(transfer(3+n), 1, leg(alice, shop, won(1)))))
	}
	<-done
	d.Commit(3, 2)
	if a, _ := b.Account(alice); !a.Available().IsZero() {
		t.Errorf("after the commit %v", a.Available())
	}
}

// command is one change that a draft may refuse.
type command func(*ledger.Draft) error

var someCommand = rapid.Custom(func(t *rapid.T) command {
	id, leg := someHold.Draw(t, "hold"), someLeg.Draw(t, "leg")
	legs := rapid.SliceOfN(someLeg, 1, 3).Draw(t, "legs")
	flags, limits := someFlags.Draw(t, "flags"), someLimits.Draw(t, "limits")
	more := rapid.Bool().Draw(t, "more")
	return rapid.SampledFrom([]command{
		func(d *ledger.Draft) error { return d.Post(move(transfer(1), 1, legs...)) },
		func(d *ledger.Draft) error {
			h := ledger.Hold{ID: id, Debit: leg.Debit, Credit: leg.Credit, Amount: leg.Amount}
			return d.Hold(h)
		},
		func(d *ledger.Draft) error { return d.Bind(id) },
		func(d *ledger.Draft) error { return d.Void(id) },
		func(d *ledger.Draft) error {
			return d.Capture(id, move(transfer(2), 2, legs[1:]...), leg.Amount, more)
		},
		func(d *ledger.Draft) error { return d.SetFlags(leg.Debit, flags) },
		func(d *ledger.Draft) error { return d.SetLimits(leg.Debit, limits) },
		func(d *ledger.Draft) error {
			return d.Open(ledger.Spec{
				ID: leg.Debit, Currency: leg.Amount.Currency(), Kind: ledger.Liability,
				Limits: limits,
			})
		},
	}).Draw(t, "command")
})

// TestRefusedCommandsLeaveNothing runs one book with refused and rolled back commands between
// the others and one with only those that stay: write-set, records and image are the same bytes.
func TestFailedLeg(t *testing.T) {
	d := ledger.NewBook().Begin(0)
	for id, flags := range map[ledger.AccountID]ledger.Flags{
		bank: 0, alice: ledger.NoOverdraft, shop: 0,
	} {
		must(t, d.Open(ledger.Spec{
			ID: id, Currency: money.KRW, Kind: ledger.Liability, Flags: flags,
		}))
	}
	good := leg(bank, shop, won(1))
	for _, c := range []struct {
		legs []ledger.Leg
		want int
	}{
		{[]ledger.Leg{good, good, leg(bank, account(9), won(1))}, 2},
		{[]ledger.Leg{good, leg(bank, bank, won(1)), good}, 1},
		{[]ledger.Leg{leg(bank, account(9), won(1))}, 0},
		{[]ledger.Leg{good, leg(alice, shop, won(1)), good}, 1},
		{nil, 0},
	} {
		if err := d.Post(move(transfer(1), 1, c.legs...)); err == nil || d.FailedLeg() != c.want {
			t.Errorf("%v: %v at leg %d, want %d", c.legs, err, d.FailedLeg(), c.want)
		}
	}
}

func TestRefusedCommandsLeaveNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := ledger.NewBook(), ledger.NewBook()
		next := uint64(1)
		for index := range uint64(3) {
			mixed, clean := one.Begin(entryTime), two.Begin(entryTime)
			for _, c := range rapid.SliceOfN(someCommand, 0, 30).Draw(t, "commands") {
				start := mixed.Savepoint()
				err := c(mixed)
				if rapid.IntRange(0, 3).Draw(t, "take back") == 0 {
					mixed.RollbackTo(start)
				} else if err == nil && c(clean) != nil {
					t.Fatal("a command that one book takes the other refuses")
				}
			}
			if !bytes.Equal(mixed.Append(nil), clean.Append(nil)) {
				t.Fatal("the write-sets differ")
			}
			records := mixed.Commit(index, next)
			if want := clean.Commit(index, next); !slices.Equal(records, want) {
				t.Fatalf("records %+v, want %+v", records, want)
			}
			if !bytes.Equal(one.Encode(), two.Encode()) {
				t.Fatal("the books differ")
			}
			if !slices.Equal(one.Totals(), two.Totals()) {
				t.Fatalf("totals %v and %v", one.Totals(), two.Totals())
			}
			next += uint64(len(records))
		}
	})
}

// TestWarmChangesNothing gives the hint more ids than it looks at, and unknown ones.
func TestWarmChangesNothing(t *testing.T) {
	b := mustFund(t, 100)
	before := b.Encode()
	d := b.Begin(entryTime)
	must(t, d.Open(ledger.Spec{ID: account(6), Currency: money.KRW, Kind: ledger.Asset}))
	ids := make([]ledger.AccountID, ledger.WarmMax+1)
	for i := range ids {
		ids[i] = account(uint64(i))
	}
	d.Warm(ids)
	d.Warm(nil)
	d.Discard()
	if !bytes.Equal(before, b.Encode()) {
		t.Error("a hint changed the book")
	}
	panics(t, "a hint after the end", func() { d.Warm(ids) })
}

func TestWriteSetIsInOrderOfIDs(t *testing.T) {
	forward, backward := mustFund(t, 100), mustFund(t, 100)
	one, two := forward.Begin(entryTime), backward.Begin(entryTime)
	transferOne := []ledger.Leg{leg(alice, shop, won(10))}
	transferTwo := []ledger.Leg{leg(bank, fees, won(10))}
	must(t, one.Post(move(transfer(2), 1, transferOne...)))
	must(t, one.Post(move(transfer(3), 1, transferTwo...)))
	must(t, two.Post(move(transfer(3), 1, transferTwo...)))
	must(t, two.Post(move(transfer(2), 1, transferOne...)))
	changes := one.Append(nil)
	if !bytes.Equal(changes, two.Append(nil)) {
		t.Error("the order of commands shows in the write-set")
	}
	if got := one.Append([]byte("before")); !bytes.Equal(got, append([]byte("before"), changes...)) {
		t.Error("Append does not append")
	}
}

func TestAccountsAreInOrderOfOpening(t *testing.T) {
	const many = 1000 // several pages
	b := ledger.NewBook()
	for first := uint64(many); first > 0; first -= 100 {
		d := b.Begin(entryTime)
		for n := first; n > first-100; n-- {
			must(t, d.Open(ledger.Spec{ID: account(n), Currency: money.KRW, Kind: ledger.Asset}))
		}
		d.Commit(1, 1)
	}
	want := uint64(many)
	b.Accounts(func(a ledger.Account) bool {
		if a.ID != account(want) {
			t.Fatalf("%v, want %v", a.ID, account(want))
		}
		want--
		return want > 0
	})
	if a, ok := b.Account(account(many / 2)); !ok || a.ID != account(many/2) {
		t.Errorf("%+v, %v", a, ok)
	}
	if totals := b.Totals(); len(totals) != 1 || !totals[0].Debits.IsZero() {
		t.Errorf("totals %v", totals)
	}
	seen := 0
	b.Accounts(func(ledger.Account) bool { seen++; return false })
	if seen != 1 {
		t.Errorf("a walk that was stopped saw %d", seen)
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"asset": ledger.Asset.String(), "liability": ledger.Liability.String(),
		"equity": ledger.Equity.String(), "income": ledger.Income.String(),
		"expense": ledger.Expense.String(), "held": ledger.Held.String(),
		"captured": ledger.Captured.String(), "voided": ledger.Voided.String(),
		"expired": ledger.Expired.String(), "posted": ledger.RecordPosted.String(),
		"bound": ledger.RecordBound.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, got := range []string{
		ledger.Kind(math.MaxUint8).String(), ledger.State(math.MaxUint8).String(),
		ledger.RecordKind(math.MaxUint8).String(), ledger.Kind(0).String(),
	} {
		if got != "unknown" {
			t.Errorf("%q of no name", got)
		}
	}
	prefixes := alice.String()[:4] + transfer(1).String()[:4] + hold(1).String()[:4]
	if prefixes != "acc_txn_hld_" {
		t.Error(prefixes)
	}
}
