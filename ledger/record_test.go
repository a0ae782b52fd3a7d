package ledger_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/ledger"
	"seyfert/money"
)

const aNumber = 0x112233445566

// aRecord is a record in which every field has a value of its own.
func aRecord() *ledger.Record {
	return &ledger.Record{
		Number: aNumber, Index: 0x010203040506, Time: 0x018bcfe56800,
		Effective: 0x018bcfe56801, More: true,
		Kind: ledger.RecordCaptured, Code: 0x0909, Transfer: transfer(3), Hold: hold(4),
		Debit: alice, Credit: shop, Amount: money.FromWords(money.KRW, 5, 6),
		PreviousDebit: 7, PreviousCredit: 8,
		DebitBalance: won(9), DebitNegative: true, CreditBalance: won(10),
	}
}

// TestRecordLayout pins the bytes: history that was written is read for ever.
func TestRecordLayout(t *testing.T) {
	const want = "0205" + "0909" + "0000" + "019a" +
		"010203040506" + "018bcfe56800" + "018bcfe56801" + "000000000007" + "000000000008" +
		"00000000000000000000000000000003" + "00000000000000000000000000000004" +
		"00000000000000000000000000000002" + "00000000000000000000000000000003" +
		"0000000000000005" + "0000000000000006" +
		"0000000000000000" + "0000000000000009" + "0000000000000000" + "000000000000000a"
	data := aRecord().Encode()
	if got := hex.EncodeToString(data); got != want || len(data) != ledger.RecordSize {
		t.Errorf("%d bytes\n%s, want\n%s", len(data), got, want)
	}
	back, err := ledger.DecodeRecord(aNumber, data)
	if diff := cmp.Diff(*aRecord(), back, cmpAmounts); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeRecordRefusals(t *testing.T) {
	cases := map[string]func(*ledger.Record){
		"no number":        func(r *ledger.Record) { r.Number = 0 },
		"no kind":          func(r *ledger.Record) { r.Kind = 0 },
		"unknown kind":     func(r *ledger.Record) { r.Kind = ledger.RecordReversed + 1 },
		"no transfer":      func(r *ledger.Record) { r.Transfer = transfer(0) },
		"no hold":          func(r *ledger.Record) { r.Hold = hold(0) },
		"needless more":    func(r *ledger.Record) { r.Kind = ledger.RecordHeld },
		"reverses nothing": func(r *ledger.Record) { r.Kind, r.More = ledger.RecordReversed, false },
		"reverses itself": func(r *ledger.Record) {
			r.Kind, r.More, r.Reverses = ledger.RecordReversed, false, r.Transfer
		},
		"needless relation": func(r *ledger.Record) {
			r.Kind, r.More, r.Reverses = ledger.RecordPosted, false, transfer(9)
		},
		"needless time":    func(r *ledger.Record) { r.Kind, r.More = ledger.RecordVoided, false },
		"number too high":  func(r *ledger.Record) { r.Number = 1 << 48 },
		"leg of a capture": func(r *ledger.Record) { r.Leg = 1 },
		"leg too high": func(r *ledger.Record) {
			r.Kind, r.More, r.Leg = ledger.RecordPosted, false, ledger.LegsMax
		},
		"no debit":         func(r *ledger.Record) { r.Debit = account(0) },
		"no credit":        func(r *ledger.Record) { r.Credit = account(0) },
		"to itself":        func(r *ledger.Record) { r.Credit = r.Debit },
		"nothing":          func(r *ledger.Record) { r.Amount = won(0) },
		"no currency":      func(r *ledger.Record) { r.Amount = money.New(7, 1) },
		"negative nothing": func(r *ledger.Record) { r.DebitBalance = won(0) },
		"forward":          func(r *ledger.Record) { r.PreviousCredit = r.Number },
	}
	for name, change := range cases {
		r := aRecord()
		change(r)
		if _, err := ledger.DecodeRecord(r.Number, r.Encode()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	data := aRecord().Encode()
	for _, size := range []int{0, 1, ledger.RecordSize - 1} {
		if _, err := ledger.DecodeRecord(aNumber, data[:size]); err == nil {
			t.Errorf("%d bytes accepted", size)
		}
	}
	if _, err := ledger.DecodeRecord(aNumber, append(data, 0)); err == nil {
		t.Error("a byte too many accepted")
	}
	data[1] |= 8
	if _, err := ledger.DecodeRecord(aNumber, data); err == nil {
		t.Error("an unknown sign accepted")
	}
}

func TestRecordOf(t *testing.T) {
	r := aRecord()
	balance, negative, previous, ok := r.Of(alice)
	if balance != won(9) || !negative || previous != 7 || !ok {
		t.Errorf("debit side: %v, %v, %d, %v", balance, negative, previous, ok)
	}
	balance, negative, previous, ok = r.Of(shop)
	if balance != won(10) || negative || previous != 8 || !ok {
		t.Errorf("credit side: %v, %v, %d, %v", balance, negative, previous, ok)
	}
	if _, _, _, ok := r.Of(fees); ok {
		t.Error("a record has a third side")
	}
}

func TestHistoryStopsAtWhatIsWrong(t *testing.T) {
	b := mustFund(t, 100)
	var history [][]byte
	d := b.Begin(entryTime)
	for n := range uint64(3) {
		must(t, d.Post(move(transfer(2+n), 1, leg(alice, shop, won(1)))))
	}
	for _, r := range d.Commit(3, 2) {
		history = append(history, r.Encode())
	}
	read := func(number uint64) ([]byte, error) {
		if number < 2 {
			return nil, errors.New("not kept")
		}
		return history[number-2], nil
	}
	steps := 0
	count := func(ledger.Record) bool { steps++; return steps < 2 }
	if err := ledger.History(shop, 4, read, count); err != nil || steps != 2 {
		t.Errorf("%d steps, %v", steps, err)
	}
	all := func(ledger.Record) bool { return true }
	if err := ledger.History(shop, 4, read, all); err != nil {
		t.Errorf("shop's history: %v", err)
	}
	if err := ledger.History(alice, 4, read, all); err == nil {
		t.Error("a record that cannot be read was passed over")
	}
	if err := ledger.History(fees, 4, read, all); err == nil {
		t.Error("another account's history was read")
	}
	if err := ledger.History(shop, 0, read, all); err != nil {
		t.Errorf("an empty history: %v", err)
	}
	history[1][0] = 0
	if err := ledger.History(shop, 4, read, all); err == nil {
		t.Error("a damaged record was passed over")
	}
	copy(history[0], history[2])
	if err := ledger.History(shop, 2, read, all); err == nil {
		t.Error("a later record in an earlier one's place was passed over")
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(aRecord().Encode())
	d := mustFund(f, 100).Begin(entryTime)
	must(f, d.Post(move(transfer(2), 1, leg(alice, shop, won(5)), leg(shop, fees, won(1)))))
	must(f, d.Hold(payment(3)))
	must(f, d.Bind(hold(1)))
	must(f, d.Void(hold(1)))
	for _, r := range d.Commit(3, 2) {
		f.Add(r.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ledger.DecodeRecord(aNumber, data)
		if err != nil {
			return
		}
		if back := r.Encode(); string(back) != string(data) {
			t.Fatalf("%x reads as %+v, written %x", data, r, back)
		}
	})
}
