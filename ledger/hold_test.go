package ledger_test

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// payment is a hold of an amount from alice to the shop that may expire at 5000.
func payment(minor uint64) ledger.Hold {
	return ledger.Hold{
		ID: hold(1), Debit: alice, Credit: shop, Amount: won(minor), Expires: 5000,
	}
}

// mustHold returns a funded book in which the payment is held.
func mustHold(tb testing.TB, funds, held uint64) *ledger.Book {
	tb.Helper()
	b := mustFund(tb, funds)
	d := b.Begin(entryTime)
	must(tb, d.Hold(payment(held)))
	d.Commit(3, 2)
	return b
}

func TestHoldReservesAndCaptureTakes(t *testing.T) {
	b := mustHold(t, 100, 60)
	d := b.Begin(entryTime)
	if balance(t, d, alice) != 100 || available(t, d, alice) != 40 {
		t.Errorf("alice has %d, %d available", balance(t, d, alice), available(t, d, alice))
	}
	refused(t, d.Post(move(transfer(2), 1, leg(alice, shop, won(41)))),
		fault.Refused, "amount")
	second := payment(41)
	second.ID = hold(2)
	refused(t, d.Hold(second), fault.Refused, "amount")

	// 50 of the 60 are taken, 2 of them are a fee, and the rest is free again.
	must(t, d.Capture(hold(1), move(transfer(2), 9, leg(shop, fees, won(2))), won(50), false))
	if available(t, d, alice) != 50 || balance(t, d, shop) != 48 || balance(t, d, fees) != 2 {
		t.Errorf("after the capture %d, %d, %d",
			available(t, d, alice), balance(t, d, shop), balance(t, d, fees))
	}
	h, ok := d.FindHold(hold(1))
	if !ok || h.State != ledger.Captured || h.Captured != won(50) || h.Amount != won(60) {
		t.Errorf("hold %+v", h)
	}
	refused(t, d.Capture(hold(1), move(transfer(3), 9), won(1), false), fault.NotFound, "hold")
	refused(t, d.Hold(payment(1)), fault.Conflict, "hold")

	records := d.Commit(4, 3)
	if len(records) != 2 || records[0].Kind != ledger.RecordCaptured ||
		records[0].Hold != hold(1) || records[0].Transfer != transfer(2) ||
		records[1].Kind != ledger.RecordPosted || records[1].Leg != 1 ||
		records[1].Transfer != transfer(2) || records[0].PreviousDebit != 2 {
		t.Errorf("records %+v", records)
	}
	if _, ok := b.Hold(hold(1)); ok {
		t.Error("an ended hold is remembered")
	}
}

func TestCaptureRefusals(t *testing.T) {
	cases := []struct {
		name     string
		hold     ledger.HoldID
		transfer ledger.TransferID
		amount   money.Amount
		further  []ledger.Leg
		code     fault.Code
		field    string
	}{
		{"unknown", hold(9), transfer(2), won(1), nil, fault.NotFound, "hold"},
		{"no transfer", hold(1), transfer(0), won(1), nil, fault.Invalid, "transfer"},
		{"nothing", hold(1), transfer(2), won(0), nil, fault.Invalid, "amount"},
		{"too much", hold(1), transfer(2), won(61), nil, fault.Refused, "hold"},
		{
			"another currency", hold(1), transfer(2), money.New(money.USD, 1), nil,
			fault.Invalid, "currency",
		},
		{
			"too many legs", hold(1), transfer(2), won(1), make([]ledger.Leg, ledger.LegsMax),
			fault.TooLarge, "legs",
		},
		{
			"further leg not covered", hold(1), transfer(2), won(60),
			[]ledger.Leg{leg(shop, fees, won(61))},
			fault.Refused, "amount",
		},
		{
			"further leg invalid", hold(1), transfer(2), won(60),
			[]ledger.Leg{leg(shop, shop, won(1))},
			fault.Invalid, "account",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := mustHold(t, 100, 60)
			before := b.Encode()
			d := b.Begin(entryTime)
			err := d.Capture(c.hold, move(c.transfer, 1, c.further...), c.amount, false)
			refused(t, err, c.code, c.field)
			d.Commit(4, 3)
			if !bytes.Equal(before, b.Encode()) {
				t.Error("a refused capture changed the book")
			}
		})
	}
}

func TestHoldRefusals(t *testing.T) {
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	cases := []struct {
		name   string
		change func(*ledger.Hold)
		code   fault.Code
		field  string
	}{
		{"no id", func(h *ledger.Hold) { h.ID = hold(0) }, fault.Invalid, "hold"},
		{"bound", func(h *ledger.Hold) { h.Bound = true }, fault.Invalid, "hold"},
		{"ended", func(h *ledger.Hold) { h.State = ledger.Voided }, fault.Invalid, "hold"},
		{"captured", func(h *ledger.Hold) { h.Captured = won(1) }, fault.Invalid, "hold"},
		{"before 1970", func(h *ledger.Hold) { h.Expires = -1 }, fault.Invalid, "expires"},
		{"nothing", func(h *ledger.Hold) { h.Amount = won(0) }, fault.Invalid, "amount"},
		{"not covered", func(h *ledger.Hold) { h.Amount = won(101) }, fault.Refused, "amount"},
		{"uncountable", func(h *ledger.Hold) { h.Amount = top }, fault.Refused, "amount"},
		{"late", func(h *ledger.Hold) { h.Expires = entryTime }, fault.Refused, "expires"},
		{"after all time", func(h *ledger.Hold) { h.Expires = 1 << 48 }, fault.Invalid, "expires"},
		{"to itself", func(h *ledger.Hold) { h.Credit = alice }, fault.Invalid, "account"},
		{"unknown", func(h *ledger.Hold) { h.Credit = account(9) }, fault.NotFound, "credit"},
		{"currency", func(h *ledger.Hold) { h.Credit = dollar }, fault.Invalid, "currency"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := mustFund(t, 100)
			before := b.Encode()
			d := b.Begin(entryTime)
			h := payment(60)
			c.change(&h)
			refused(t, d.Hold(h), c.code, c.field)
			d.Commit(3, 2)
			if !bytes.Equal(before, b.Encode()) {
				t.Error("a refused hold changed the book")
			}
		})
	}
}

// TestPendingNeverWraps holds more than 128 bits from an account that may be overdrawn.
func TestPendingNeverWraps(t *testing.T) {
	b := mustOpenBook(t)
	d := b.Begin(entryTime)
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	must(t, d.Hold(ledger.Hold{ID: hold(1), Debit: bank, Credit: shop, Amount: top}))
	refused(t, d.Hold(ledger.Hold{ID: hold(2), Debit: bank, Credit: fees, Amount: won(1)}),
		fault.TooLarge, "amount")
	refused(t, d.Hold(ledger.Hold{ID: hold(2), Debit: fees, Credit: shop, Amount: won(1)}),
		fault.TooLarge, "amount")
	// Two holds of different accounts may exceed 128 bits together.
	must(t, d.Hold(ledger.Hold{ID: hold(2), Debit: fees, Credit: alice, Amount: top}))
	d.Commit(2, 1)
	if _, err := ledger.DecodeBook(b.Encode()); err != nil {
		t.Error(err)
	}
}

func TestBoundHoldsOutliveTheClock(t *testing.T) {
	b := mustHold(t, 100, 60)
	if next, ok := b.NextDue(); next != 5000 || !ok {
		t.Errorf("next due %d, %v", next, ok)
	}
	d := b.Begin(entryTime)
	refused(t, d.Expire(hold(1), 4999), fault.Refused, "hold")
	must(t, d.Bind(hold(1)))
	refused(t, d.Bind(hold(1)), fault.Conflict, "hold")
	refused(t, d.Expire(hold(1), math.MaxInt64), fault.Refused, "hold")
	records := d.Commit(4, 3)
	if len(records) != 1 || records[0].Kind != ledger.RecordBound {
		t.Errorf("records %+v", records)
	}
	if _, ok := b.NextDue(); ok || len(b.Due(math.MaxInt64, 10)) != 0 {
		t.Error("a bound hold is due")
	}
	d = b.Begin(entryTime)
	must(t, d.Void(hold(1)))
	if available(t, d, alice) != 100 {
		t.Errorf("%d available", available(t, d, alice))
	}
	for _, err := range []error{
		d.Void(hold(1)), d.Bind(hold(1)), d.Expire(hold(1), 9000), d.Void(hold(7)),
	} {
		refused(t, err, fault.NotFound, "hold")
	}
	if records := d.Commit(5, 4); records[0].Kind != ledger.RecordVoided {
		t.Errorf("records %+v", records)
	}
}

func TestHoldsExpireAtTheirTime(t *testing.T) {
	b := mustHold(t, 100, 60)
	if due := b.Due(4999, 10); len(due) != 0 {
		t.Errorf("due early: %v", due)
	}
	if due := b.Due(5000, 10); !slices.Equal(due, []ledger.HoldID{hold(1)}) {
		t.Errorf("due %v", due)
	}
	d := b.Begin(entryTime)
	must(t, d.Expire(hold(1), 5000))
	if due := d.Due(5000, 10); len(due) != 0 {
		t.Errorf("due after it expired: %v", due)
	}
	h, _ := d.FindHold(hold(1))
	if h.State != ledger.Expired || available(t, d, alice) != 100 {
		t.Errorf("hold %+v, %d available", h, available(t, d, alice))
	}
	if records := d.Commit(4, 3); records[0].Kind != ledger.RecordExpired {
		t.Errorf("records %+v", records)
	}
	// A hold without an expiry never does.
	d = b.Begin(entryTime)
	h = payment(60)
	h.Expires = 0
	must(t, d.Hold(h))
	refused(t, d.Expire(h.ID, math.MaxInt64), fault.Refused, "hold")
	d.Commit(5, 4)
	if _, ok := b.NextDue(); ok {
		t.Error("a hold without expiry is due")
	}
}

// TestDueOfADraft asks for fewer than there are, of which the draft ended the first.
func TestDueOfADraft(t *testing.T) {
	b := mustFund(t, 100)
	d := b.Begin(entryTime)
	for n := uint64(1); n <= 3; n++ {
		h := payment(1)
		h.ID = hold(n)
		must(t, d.Hold(h))
	}
	d.Commit(3, 2)
	d = b.Begin(entryTime)
	must(t, d.Void(hold(1)))
	must(t, d.Bind(hold(2)))
	early := payment(1)
	early.ID, early.Expires = hold(4), 4000
	must(t, d.Hold(early))
	for limit, want := range [][]ledger.HoldID{
		{}, {hold(4)}, {hold(4), hold(3)}, {hold(4), hold(3)},
	} {
		if due := d.Due(5000, limit); !slices.Equal(due, want) {
			t.Errorf("first %d due: %v, want %v", limit, due, want)
		}
	}
	for _, limit := range []int{-1, math.MaxInt} {
		if due := d.Due(5000, limit); len(due) != max(0, min(2, limit)) {
			t.Errorf("limit %d: %v", limit, due)
		}
	}
	d.Discard()
}

// TestCaptureInParts takes a hold three times; the last takes all that is left of it.
func TestCaptureInParts(t *testing.T) {
	b := mustHold(t, 100, 60)
	d := b.Begin(entryTime)
	must(t, d.Capture(hold(1), move(transfer(2), 9), won(20), true))
	must(t, d.Capture(hold(1), move(transfer(3), 9, leg(shop, fees, won(1))), won(25), true))
	h, _ := d.FindHold(hold(1))
	if h.State != ledger.Held || h.Captured != won(45) || h.Left() != won(15) {
		t.Errorf("hold %+v, left %v", h, h.Left())
	}
	refused(t, d.Capture(hold(1), move(transfer(4), 9), won(16), true), fault.Refused, "hold")
	if available(t, d, alice) != 40 || balance(t, d, shop) != 44 {
		t.Errorf("%d available, the shop has %d", available(t, d, alice), balance(t, d, shop))
	}
	records := d.Commit(4, 3)
	if !records[0].More || records[0].Amount != won(20) || !records[1].More || records[2].More {
		t.Errorf("records %+v", records)
	}
	b = mustDecode(t, b)
	d = b.Begin(entryTime)
	start := d.Savepoint()
	must(t, d.Capture(hold(1), move(transfer(4), 9), won(15), true))
	h, _ = d.FindHold(hold(1))
	if h.State != ledger.Captured || !h.Left().IsZero() || d.Records(start)[0].More {
		t.Errorf("hold %+v after the last of it", h)
	}
	d.RollbackTo(start)
	// What is left is freed at the end, and no more.
	must(t, d.Void(hold(1)))
	if r := d.Records(start)[0]; r.Amount != won(15) || r.Kind != ledger.RecordVoided {
		t.Errorf("record %+v", r)
	}
	if available(t, d, alice) != 55 {
		t.Errorf("%d available", available(t, d, alice))
	}
	d.Commit(5, 6)
	if _, holds := b.Len(); holds != 0 {
		t.Errorf("%d live holds", holds)
	}
}

// TestCaptureAfterTheHour refuses a hold whose time has come and that no clock ended yet, unless
// it is bound.
func TestCaptureAfterTheHour(t *testing.T) {
	b := mustHold(t, 100, 60)
	d := b.Begin(4999)
	must(t, d.Capture(hold(1), move(transfer(2), 1), won(1), true))
	d.Commit(4, 3)
	d = b.Begin(5000)
	refused(t, d.Capture(hold(1), move(transfer(3), 1), won(1), true), fault.Refused, "expires")
	must(t, d.Bind(hold(1)))
	must(t, d.Capture(hold(1), move(transfer(3), 1), won(1), true))
	d.Commit(5, 4)
}

// TestFreezingKeepsPromises captures a hold between accounts that were frozen after it was made.
func TestFreezingKeepsPromises(t *testing.T) {
	b := mustHold(t, 100, 60)
	d := b.Begin(entryTime)
	must(t, d.SetFlags(alice, ledger.NoOverdraft|ledger.FrozenOut))
	must(t, d.SetFlags(shop, ledger.NoOverdraft|ledger.FrozenIn))
	refused(t, d.SetFlags(shop, ledger.Closed), fault.Refused, "flags")
	must(t, d.Capture(hold(1), move(transfer(2), 1), won(60), false))
	d.Commit(4, 3)
}

// TestDueIsOrdered keeps many expiring holds, ends some, and compares with a sorted list.
func TestDueIsOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := ledger.NewBook()
		d := b.Begin(0)
		for n := uint64(1); n <= 2; n++ {
			s := ledger.Spec{ID: account(n), Currency: money.KRW, Kind: ledger.Asset}
			if err := d.Open(s); err != nil {
				t.Fatal(err)
			}
		}
		d.Commit(1, 1)
		type entry struct {
			expires int64
			id      uint64
		}
		var want []entry
		span := rapid.SampledFrom([]int64{3, 300, 1 << 40}).Draw(t, "span")
		count := rapid.SampledFrom([]int{0, 1, 256, 257, 700}).Draw(t, "count")
		times := rapid.SliceOfN(rapid.Int64Range(1, span), count, count).Draw(t, "expires")
		isRising := rapid.Bool().Draw(t, "rising")
		if isRising {
			slices.Sort(times)
		}
		d, number := b.Begin(0), uint64(1)
		for i, expires := range times {
			id := uint64(i + 1)
			err := d.Hold(ledger.Hold{
				ID: hold(id), Debit: account(1), Credit: account(2), Amount: won(1),
				Expires: expires,
			})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, entry{expires, id})
		}
		number += uint64(len(d.Commit(2, number)))
		ended := rapid.Uint64Range(1, 5).Draw(t, "ended")
		d = b.Begin(0)
		want = slices.DeleteFunc(want, func(e entry) bool {
			return e.id%5 < ended && d.Void(hold(e.id)) == nil
		})
		d.Commit(3, number)
		slices.SortStableFunc(want, func(x, y entry) int {
			return cmp.Compare(x.expires, y.expires)
		})
		now := rapid.Int64Range(0, span+1).Draw(t, "now")
		limit := rapid.IntRange(0, 800).Draw(t, "limit")
		var ids []ledger.HoldID
		for _, e := range want {
			if e.expires <= now && len(ids) < limit {
				ids = append(ids, hold(e.id))
			}
		}
		if got := b.Due(now, limit); !slices.Equal(got, ids) {
			t.Fatalf("due %v, want %v", got, ids)
		}
		if next, ok := b.NextDue(); ok != (len(want) > 0) || ok && next != want[0].expires {
			t.Fatalf("next due %d, %v", next, ok)
		}
		if _, holds := b.Len(); holds != len(want) {
			t.Fatalf("%d holds, want %d", holds, len(want))
		}
	})
}
