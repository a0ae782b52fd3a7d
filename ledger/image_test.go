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
	holdSize    = 68
)

// anImage is the image of a book with five accounts and two live holds.
func anImage(tb testing.TB) []byte {
	tb.Helper()
	b := mustHold(tb, 100, 60)
	d := b.Begin(entryTime)
	h := payment(10)
	h.ID, h.Expires = hold(2), 0
	must(tb, d.Hold(h))
	must(tb, d.Bind(hold(2)))
	must(tb, d.SetFlags(fees, ledger.Closed))
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
	if want := headSize + 5*accountSize + 2*holdSize; len(image) != want {
		t.Errorf("image of %d bytes, want %d", len(image), want)
	}
	a, _ := b.Account(alice)
	if a.Available() != won(30) || a.LastRecord != 4 {
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
	if records := d.Commit(5, 5); records[0].PreviousDebit != 4 {
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
	held := func(n, offset int) int { return headSize + 5*accountSize + n*holdSize + offset }
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
		"captured all":        func(i []byte) { i[held(0, 57)] = 60 },
		"captured some":       func(i []byte) { i[held(0, 57)] = 1 },
		"expires before 1970": func(i []byte) { i[held(0, 58)] = 128 },
		"bound twice":         func(i []byte) { i[held(0, 66)] = 2 },
		"hold ended":          func(i []byte) { i[held(0, 67)] = byte(ledger.Voided) },
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
