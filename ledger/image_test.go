package ledger_test

import (
	"bytes"
	"math"
	"testing"

	"seyfert/ledger"
	"seyfert/money"
)

// The layout of an image, as Book.Encode says it.
const (
	headSize    = 20
	accountSize = 110
	limitsSize  = 94
	holdSize    = 68
)

// anImage is the image of a book with five accounts, of which alice and the shop have limits, and
// two live holds.
func anImage(tb testing.TB) []byte {
	tb.Helper()
	b := mustHold(tb, 100, 60)
	d := b.Begin(entryTime)
	h := payment(10)
	h.ID, h.Expires = hold(2), 0
	must(tb, d.Hold(h))
	must(tb, d.Bind(hold(2)))
	must(tb, d.SetFlags(fees, ledger.Closed))
	must(tb, d.SetLimits(alice, ledger.Limits{
		Floor:    ledger.Bound{Set: true, Negative: true, Amount: won(10)},
		Velocity: ledger.Velocity{Period: 1000, Amount: won(50), Count: 4},
	}))
	must(tb, d.SetLimits(shop, ledger.Limits{
		Ceiling: ledger.Bound{Set: true, Amount: won(80)},
	}))
	h.ID, h.Amount = hold(3), won(3)
	must(tb, d.Hold(h))
	must(tb, d.Capture(hold(3), move(transfer(9), 1), won(1), true))
	must(tb, d.Void(hold(3)))
	d.Commit(4, 3)
	return b.Encode()
}

func TestImageGivesTheBookBack(t *testing.T) {
	image := anImage(t)
	b, err := ledger.DecodeBook(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Encode(), image) {
		t.Error("the decoded book has another image")
	}
	if want := headSize + 5*accountSize + 2*limitsSize + 2*holdSize; len(image) != want {
		t.Errorf("image of %d bytes, want %d", len(image), want)
	}
	a, _ := b.Account(alice)
	if a.Available() != won(29) || a.LastRecord != 7 {
		t.Errorf("alice %+v", a)
	}
	if next, ok := b.NextDue(); next != 5000 || !ok {
		t.Errorf("next due %d, %v", next, ok)
	}
	// It goes on as the book would have gone on.
	d := b.Begin(entryTime)
	must(t, d.Capture(hold(1), move(transfer(2), 1), won(60), false))
	must(t, d.Open(ledger.Spec{ID: account(6), Currency: money.KRW, Kind: ledger.Equity}))
	must(t, d.Post(move(transfer(3), 1, leg(shop, account(6), won(60)))))
	if records := d.Commit(5, 8); records[0].PreviousDebit != 7 {
		t.Errorf("records %+v", records)
	}
}

func TestEmptyImage(t *testing.T) {
	image := ledger.NewBook().Encode()
	b, err := ledger.DecodeBook(image)
	if err != nil || !bytes.Equal(b.Encode(), image) {
		t.Errorf("%x, %v", image, err)
	}
}

// TestImageWithRulesBroken changes single fields so that the image still parses and checks that
// it is not taken for a ledger.
func TestImageWithRulesBroken(t *testing.T) {
	at := func(ordinal, offset int) int { return headSize + ordinal*accountSize + offset }
	yen := []byte{392 >> 8, 392 & 255}
	limit := func(n, offset int) int { return headSize + 5*accountSize + n*limitsSize + offset }
	held := func(n, offset int) int { return limit(2, n*holdSize+offset) }
	cases := map[string]func(image []byte){
		"magic":               func(i []byte) { i[0]++ },
		"format":              func(i []byte) { i[7]++ },
		"more accounts":       func(i []byte) { i[11]++ },
		"more limits":         func(i []byte) { i[15]++ },
		"more holds":          func(i []byte) { i[19]++ },
		"accounts for holds":  func(i []byte) { i[11]++; i[19]-- },
		"account without id":  func(i []byte) { i[at(1, 15)] = 0 },
		"account twice":       func(i []byte) { i[at(1, 15)] = 1 },
		"unknown currency":    func(i []byte) { i[at(3, 33)]++ },
		"another currency":    func(i []byte) { copy(i[at(2, 32):], yen) },
		"no kind":             func(i []byte) { i[at(1, 36)] = 0 },
		"another normal side": func(i []byte) { i[at(1, 36)] = byte(ledger.Asset) },
		"unknown flag":        func(i []byte) { i[at(1, 37)] |= 128 },
		"closed with money":   func(i []byte) { i[at(1, 37)] |= byte(ledger.Closed) },
		"overdrawn": func(i []byte) {
			i[at(0, 36)], i[at(0, 37)] = byte(ledger.Liability), byte(ledger.NoOverdraft)
		},
		"money from nothing":       func(i []byte) { i[at(1, 38+2*16+15)]++ },
		"pending without hold":     func(i []byte) { i[at(2, 38+3*16+15)]++ },
		"hold without id":          func(i []byte) { i[held(0, 15)] = 0 },
		"holds out of order":       func(i []byte) { i[held(0, 15)] = 3 },
		"hold of unknown account":  func(i []byte) { i[held(0, 19)] = 9 },
		"hold to unknown account":  func(i []byte) { i[held(0, 23)] = 9 },
		"hold to itself":           func(i []byte) { i[held(0, 23)] = 1 },
		"hold of another currency": func(i []byte) { i[held(0, 23)] = 4 },
		"hold of another amount":   func(i []byte) { i[held(0, 41)]++ },
		"hold of nothing":          func(i []byte) { i[held(0, 41)] = 0 },
		"hold of too much": func(i []byte) {
			copy(i[held(1, 26):], bytes.Repeat([]byte{255}, 16))
		},
		"limits of nobody":         func(i []byte) { i[limit(1, 3)] = 5 },
		"limits out of order":      func(i []byte) { i[limit(1, 3)] = 0 },
		"limits twice":             func(i []byte) { i[limit(1, 3)] = 1 },
		"limits that are none":     func(i []byte) { i[limit(1, 21)], i[limit(1, 37)] = 0, 0 },
		"unknown form of a floor":  func(i []byte) { i[limit(0, 4)] = 3 },
		"no floor with an amount":  func(i []byte) { i[limit(0, 4)] = 0 },
		"floor below nothing":      func(i []byte) { i[limit(0, 20)] = 0 },
		"under the floor":          func(i []byte) { i[limit(0, 4)], i[limit(0, 20)] = 1, 60 },
		"over the ceiling":         func(i []byte) { i[limit(1, 37)] = 70 },
		"no period":                func(i []byte) { copy(i[limit(0, 38):], make([]byte, 8)) },
		"endless period":           func(i []byte) { i[limit(0, 38)] = 128 },
		"window within a window":   func(i []byte) { i[limit(0, 73)]++ },
		"window without a period":  func(i []byte) { i[limit(1, 73)] = 1 },
		"window in the far future": func(i []byte) { i[limit(0, 66)] = 127 },
		"outflow without a bound":  func(i []byte) { i[limit(1, 89)] = 1 },
		"captured all":             func(i []byte) { i[held(0, 57)] = 60 },
		"captured some":            func(i []byte) { i[held(0, 57)] = 1 },
		"expires before 1970":      func(i []byte) { i[held(0, 58)] = 128 },
		"bound twice":              func(i []byte) { i[held(0, 66)] = 2 },
		"hold ended":               func(i []byte) { i[held(0, 67)] = byte(ledger.Voided) },
	}
	for name, change := range cases {
		image := anImage(t)
		change(image)
		if _, err := ledger.DecodeBook(image); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	image := anImage(t)
	for size := range image {
		if _, err := ledger.DecodeBook(image[:size]); err == nil {
			t.Errorf("%d of %d bytes accepted", size, len(image))
		}
	}
	if _, err := ledger.DecodeBook(append(image, 0)); err == nil {
		t.Error("a byte too many accepted")
	}
}

// TestImageWithAHoldTwice renames one of two equal holds to the other: all sums still fit.
func TestImageWithAHoldTwice(t *testing.T) {
	b := mustHold(t, 200, 60)
	d := b.Begin(entryTime)
	h := payment(60)
	h.ID = hold(2)
	must(t, d.Hold(h))
	d.Commit(4, 3)
	image := b.Encode()
	image[len(image)-holdSize+15] = 1
	if _, err := ledger.DecodeBook(image); err == nil {
		t.Error("one hold was counted twice")
	}
}

// TestImageOfHugeSums adds up accounts whose sums fit one by one and not together.
func TestImageOfHugeSums(t *testing.T) {
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	b := mustOpenBook(t)
	d := b.Begin(entryTime)
	must(t, d.Post(move(transfer(1), 1, leg(bank, fees, top))))
	d.Commit(2, 1)
	image := b.Encode()
	if _, err := ledger.DecodeBook(image); err != nil {
		t.Fatal(err)
	}
	debits := image[headSize+38 : headSize+54]
	copy(image[headSize+3*accountSize+38:], debits) // fees was debited as much
	copy(image[headSize+2*accountSize+70:], debits) // shop was credited as much
	if _, err := ledger.DecodeBook(image); err == nil {
		t.Error("totals of more than 128 bits accepted")
	}
}

func FuzzDecodeBook(f *testing.F) {
	f.Add(ledger.NewBook().Encode())
	f.Add(mustFund(f, 100).Encode())
	f.Add(anImage(f))
	f.Fuzz(func(t *testing.T, image []byte) {
		b, err := ledger.DecodeBook(image)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Encode(), image) {
			t.Fatalf("%x was read and is written as %x", image, b.Encode())
		}
		for _, total := range b.Totals() {
			if total.Debits != total.Credits {
				t.Fatalf("%v debits differ from credits", total.Currency)
			}
		}
		// Whatever was accepted can be worked on.
		d := b.Begin(entryTime)
		for _, id := range b.Due(math.MaxInt64, 10) {
			if err := d.Expire(id, math.MaxInt64); err != nil {
				t.Fatal(err)
			}
		}
		d.Commit(1, 1<<47)
	})
}
