package ledger_test

import (
	"bytes"
	"math"
	"testing"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// above and below are bounds of won on either side of zero.
func above(minor uint64) ledger.Bound { return ledger.Bound{Set: true, Amount: won(minor)} }

func below(minor uint64) ledger.Bound {
	return ledger.Bound{Set: true, Negative: true, Amount: won(minor)}
}

// mustLimit returns a funded book in which fees, an income account without other rules, and
// alice have limits.
func mustLimit(tb testing.TB, funds uint64, limits ledger.Limits) *ledger.Book {
	tb.Helper()
	b := mustFund(tb, funds)
	d := b.Begin(entryTime)
	must(tb, d.SetLimits(fees, limits))
	must(tb, d.SetLimits(alice, limits))
	d.Commit(3, 2)
	return b
}

func TestFloor(t *testing.T) {
	d := mustLimit(t, 100, ledger.Limits{}).Begin(entryTime)
	must(t, d.SetLimits(fees, ledger.Limits{Floor: below(30)}))
	must(t, d.SetLimits(alice, ledger.Limits{Floor: above(20)}))

	refused(t, d.Post(move(transfer(2), 1, leg(fees, bank, won(31)))), fault.Refused, "floor")
	must(t, d.Post(move(transfer(2), 1, leg(fees, bank, won(30)))))
	refused(t, d.Post(move(transfer(3), 1, leg(alice, shop, won(81)))), fault.Refused, "floor")
	must(t, d.Hold(payment(50)))
	refused(t, d.Post(move(transfer(3), 1, leg(alice, shop, won(31)))), fault.Refused, "floor")
	must(t, d.Post(move(transfer(3), 1, leg(alice, shop, won(30)))))
	// What was held may be taken, and a floor that is passed already can't be set.
	must(t, d.Capture(hold(1), move(transfer(4), 1), won(50), false))
	refused(t, d.SetLimits(alice, ledger.Limits{Floor: above(21)}), fault.Refused, "floor")
	must(t, d.SetLimits(alice, ledger.Limits{}))
	must(t, d.Post(move(transfer(5), 1, leg(alice, shop, won(20)))))
}

func TestCeiling(t *testing.T) {
	d := mustLimit(t, 100, ledger.Limits{}).Begin(entryTime)
	must(t, d.SetLimits(shop, ledger.Limits{Ceiling: above(60)}))
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(61)))), fault.Refused, "ceiling")
	must(t, d.Hold(payment(40)))
	// What is held for the shop counts, so that a capture always fits.
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(21)))), fault.Refused, "ceiling")
	refused(t, d.Hold(ledger.Hold{ID: hold(2), Debit: bank, Credit: shop, Amount: won(21)}),
		fault.Refused, "ceiling")
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(20)))))
	must(t, d.Capture(hold(1), move(transfer(3), 1), won(40), false))
	refused(t, d.SetLimits(shop, ledger.Limits{Ceiling: above(59)}), fault.Refused, "ceiling")
	refused(t, d.SetLimits(shop, ledger.Limits{Ceiling: below(1)}), fault.Refused, "ceiling")
	must(t, d.Post(move(transfer(4), 1, leg(shop, fees, won(60)))))
	// An asset rises by debits.
	must(t, d.SetLimits(bank, ledger.Limits{Ceiling: above(150)}))
	refused(t, d.Post(move(transfer(5), 1, leg(bank, alice, won(51)))), fault.Refused, "ceiling")
	must(t, d.Post(move(transfer(5), 1, leg(bank, alice, won(50)))))
}

// TestBoundsOfHugeSums judges sums that need more than 128 bits together.
func TestBoundsOfHugeSums(t *testing.T) {
	half := money.FromWords(money.KRW, 1<<63, 0)
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	d := mustOpenBook(t).Begin(entryTime)
	must(t, d.SetLimits(fees, ledger.Limits{
		Floor:   ledger.Bound{Set: true, Negative: true, Amount: half},
		Ceiling: ledger.Bound{Set: true, Amount: top},
	}))
	must(t, d.Post(move(transfer(1), 1, leg(bank, fees, half))))
	must(t, d.Hold(ledger.Hold{ID: hold(1), Debit: fees, Credit: bank, Amount: top}))
	refused(t, d.Hold(ledger.Hold{ID: hold(2), Debit: bank, Credit: fees, Amount: top}),
		fault.Refused, "ceiling")
	must(t, d.Void(hold(1)))
	must(t, d.SetLimits(fees, ledger.Limits{Floor: ledger.Bound{Set: true, Amount: half}}))
	refused(t, d.Hold(ledger.Hold{ID: hold(3), Debit: fees, Credit: bank, Amount: won(1)}),
		fault.Refused, "floor")
}

func TestVelocity(t *testing.T) {
	limits := ledger.Limits{Velocity: ledger.Velocity{Period: 1000, Amount: won(50), Count: 3}}
	b := mustLimit(t, 1000, limits)
	d := b.Begin(3100)
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(51)))), fault.Refused, "velocity")
	must(t, d.Hold(payment(30)))
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(21)))), fault.Refused, "velocity")
	must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(5)))))
	// What comes in, what is captured and what is freed does not count.
	must(t, d.Post(move(transfer(3), 1, leg(bank, alice, won(500)))))
	must(t, d.Capture(hold(1), move(transfer(4), 1), won(10), false))
	// A refused leg does not count either, here the second of two.
	refused(t, d.Post(move(transfer(5), 1, leg(alice, shop, won(5)), leg(alice, shop, won(11)))),
		fault.Refused, "velocity")
	must(t, d.Post(move(transfer(5), 1, leg(alice, shop, won(5)))))
	refused(t, d.Post(move(transfer(6), 1, leg(alice, shop, won(1)))), fault.Refused, "velocity")
	a, _ := d.Account(alice)
	if want := (ledger.Outflow{Since: 3000, Amount: won(40), Count: 3}); a.Outflow != want {
		t.Errorf("outflow %+v, want %+v", a.Outflow, want)
	}
	d.Commit(4, 3)
	b = mustDecode(t, b)
	d = b.Begin(3999)
	refused(t, d.Post(move(transfer(7), 1, leg(alice, shop, won(1)))), fault.Refused, "velocity")
	d.Discard()
	d = b.Begin(4000) // the next window
	must(t, d.Post(move(transfer(7), 1, leg(alice, shop, won(50)))))
	a, _ = d.Account(alice)
	if want := (ledger.Outflow{Since: 4000, Amount: won(50), Count: 1}); a.Outflow != want {
		t.Errorf("outflow %+v, want %+v", a.Outflow, want)
	}
	d.Discard()
	// The time of the journal counts, not the order of drafts.
	d = b.Begin(2000)
	must(t, d.Post(move(transfer(8), 1, leg(alice, shop, won(1)))))
}

// mustDecode returns the book that its image gives.
func mustDecode(tb testing.TB, b *ledger.Book) *ledger.Book {
	tb.Helper()
	back, err := ledger.DecodeBook(b.Encode())
	must(tb, err)
	return back
}

// TestVelocityOfAnAsset counts credits, which lower an asset.
func TestVelocityOfAnAsset(t *testing.T) {
	d := mustFund(t, 100).Begin(entryTime)
	must(t, d.SetLimits(bank, ledger.Limits{
		Velocity: ledger.Velocity{Period: 1000, Amount: won(10)},
	}))
	must(t, d.Post(move(transfer(2), 1, leg(bank, fees, won(90)))))
	must(t, d.Post(move(transfer(3), 1, leg(alice, bank, won(10)))))
	refused(t, d.Post(move(transfer(4), 1, leg(alice, bank, won(1)))), fault.Refused, "velocity")
	// 128 bits of outflow do not wrap.
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	must(t, d.SetLimits(fees, ledger.Limits{
		Velocity: ledger.Velocity{Period: 1000, Amount: top},
	}))
	must(t, d.Hold(ledger.Hold{ID: hold(1), Debit: fees, Credit: shop, Amount: top}))
	refused(t, d.Hold(ledger.Hold{ID: hold(2), Debit: fees, Credit: alice, Amount: won(1)}),
		fault.Refused, "velocity")
}

// TestVelocityChanged keeps what left where the period stays and starts anew where it changes.
func TestVelocityChanged(t *testing.T) {
	velocity := func(period int64, minor uint64, count uint32) ledger.Limits {
		v := ledger.Velocity{Period: period, Count: count}
		if minor != 0 {
			v.Amount = won(minor)
		}
		return ledger.Limits{Velocity: v}
	}
	for _, c := range []struct {
		set  ledger.Limits
		want ledger.Outflow
	}{
		{velocity(1000, 10, 9), ledger.Outflow{Since: 3000, Amount: won(30), Count: 1}},
		{velocity(1000, 10, 0), ledger.Outflow{Since: 3000, Amount: won(30)}},
		{velocity(1000, 0, 9), ledger.Outflow{Since: 3000, Amount: won(0), Count: 1}},
		{velocity(500, 10, 9), ledger.Outflow{Amount: won(0)}},
		{ledger.Limits{}, ledger.Outflow{}},
	} {
		b := mustLimit(t, 100, velocity(1000, 50, 3))
		d := b.Begin(entryTime)
		must(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(30)))))
		must(t, d.SetLimits(alice, c.set))
		d.Commit(4, 3)
		a, _ := mustDecode(t, b).Account(alice)
		if a.Outflow != c.want || a.Limits != c.set {
			t.Errorf("%+v after %+v, want %+v", a.Outflow, c.set, c.want)
		}
	}
}

func TestLimitsRefusals(t *testing.T) {
	yen := money.New(money.JPY, 5)
	cases := []struct {
		name   string
		limits ledger.Limits
		code   fault.Code
		field  string
	}{
		{
			"floor of another currency",
			ledger.Limits{Floor: ledger.Bound{Set: true, Amount: yen}},
			fault.Invalid, "floor",
		},
		{
			"floor not set",
			ledger.Limits{Floor: ledger.Bound{Amount: won(5)}},
			fault.Invalid, "floor",
		},
		{"floor of less than zero", ledger.Limits{Floor: below(0)}, fault.Invalid, "floor"},
		{
			"ceiling of another currency",
			ledger.Limits{Ceiling: ledger.Bound{Set: true, Amount: yen}},
			fault.Invalid, "ceiling",
		},
		{
			"ceiling not set",
			ledger.Limits{Ceiling: ledger.Bound{Negative: true}},
			fault.Invalid, "ceiling",
		},
		{
			"no period",
			ledger.Limits{Velocity: ledger.Velocity{Amount: won(5)}},
			fault.Invalid, "velocity",
		},
		{
			"nothing in a period",
			ledger.Limits{Velocity: ledger.Velocity{Period: 1}},
			fault.Invalid, "velocity",
		},
		{
			"negative period",
			ledger.Limits{Velocity: ledger.Velocity{Period: -1, Count: 1}},
			fault.Invalid, "velocity",
		},
		{
			"endless period",
			ledger.Limits{Velocity: ledger.Velocity{Period: 1 << 48, Count: 1}},
			fault.Invalid, "velocity",
		},
		{
			"velocity of another currency",
			ledger.Limits{Velocity: ledger.Velocity{Period: 1, Amount: yen}},
			fault.Invalid, "velocity",
		},
		{
			"zero of a currency",
			ledger.Limits{Velocity: ledger.Velocity{Period: 1, Amount: won(0), Count: 1}},
			fault.Invalid, "velocity",
		},
		{"too high a floor", ledger.Limits{Floor: above(1)}, fault.Refused, "floor"},
		{"too low a ceiling", ledger.Limits{Ceiling: below(1)}, fault.Refused, "ceiling"},
	}
	b := mustOpenBook(t)
	before := b.Encode()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := b.Begin(entryTime)
			refused(t, d.SetLimits(shop, c.limits), c.code, c.field)
			spec := ledger.Spec{
				ID: account(9), Currency: money.KRW, Kind: ledger.Equity, Limits: c.limits,
			}
			refused(t, d.Open(spec), c.code, c.field)
			d.Commit(2, 1)
			if !bytes.Equal(before, b.Encode()) {
				t.Error("refused limits changed the book")
			}
		})
	}
	d := b.Begin(entryTime)
	refused(t, d.SetLimits(account(9), ledger.Limits{}), fault.NotFound, "account")
	must(t, d.SetFlags(shop, ledger.Closed))
	refused(t, d.SetLimits(shop, ledger.Limits{}), fault.Refused, "account")
}

// TestBalancing takes what is there, or what fits.
func TestBalancing(t *testing.T) {
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	both := ledger.UpToDebit | ledger.UpToCredit
	for _, c := range []struct {
		name        string
		alice, shop ledger.Limits
		leg         ledger.Leg
		want        uint64 // 0 is refused
	}{
		{"all there is", ledger.Limits{}, ledger.Limits{}, up(alice, shop, top, 1), 70},
		{"less than there is", ledger.Limits{}, ledger.Limits{}, up(alice, shop, won(7), both), 7},
		{
			"down to the floor",
			ledger.Limits{Floor: above(60)},
			ledger.Limits{},
			up(alice, shop, top, both), 10,
		},
		{
			"not down to a debt",
			ledger.Limits{Floor: below(60)},
			ledger.Limits{},
			up(alice, shop, top, both), 70,
		},
		{
			"up to the ceiling",
			ledger.Limits{},
			ledger.Limits{Ceiling: above(50)},
			up(alice, shop, top, both), 20,
		},
		{
			"the ceiling is not asked",
			ledger.Limits{},
			ledger.Limits{Ceiling: above(50)},
			up(alice, shop, won(15), ledger.UpToDebit), 15,
		},
		{
			"no room",
			ledger.Limits{},
			ledger.Limits{Ceiling: above(30)},
			up(alice, shop, top, both), 0,
		},
		{"from nothing", ledger.Limits{}, ledger.Limits{}, up(fees, shop, top, both), 0},
		{"from an asset", ledger.Limits{}, ledger.Limits{}, up(shop, bank, won(500), both), 0},
		{
			"to an asset",
			ledger.Limits{},
			ledger.Limits{},
			up(bank, fees, won(500), ledger.UpToDebit), 500,
		},
		{
			"off an asset",
			ledger.Limits{},
			ledger.Limits{},
			up(alice, bank, top, ledger.UpToDebit|ledger.UpToCredit), 70,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			// alice has 100, of which 30 are held for the shop.
			d := mustHold(t, 100, 30).Begin(entryTime)
			must(t, d.SetLimits(alice, c.alice))
			must(t, d.SetLimits(shop, c.shop))
			start := d.Savepoint()
			err := d.Post(move(transfer(2), 1, c.leg))
			if c.want == 0 {
				refused(t, err, fault.Refused, "amount")
				return
			}
			must(t, err)
			if moved := d.Records(start)[0].Amount; moved != won(c.want) {
				t.Errorf("moved %v, want %d", moved, c.want)
			}
		})
	}
	d := mustFund(t, 10).Begin(entryTime)
	refused(t, d.Post(move(transfer(2), 1, up(alice, shop, won(1), 4))),
		fault.Invalid, "balancing")
}

// up is a leg that moves at most its amount.
func up(debit, credit ledger.AccountID, most money.Amount, b ledger.Balancing) ledger.Leg {
	return ledger.Leg{Debit: debit, Credit: credit, Amount: most, Balancing: b}
}
