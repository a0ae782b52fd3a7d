package verify_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"seyfert/ledger"
	"seyfert/money"
	"seyfert/proof"
	"seyfert/verify"
	"seyfert/wire"
)

// booksDay is the day, from 0, on which the payer's node has lines in its books.
const booksDay = 1

// The lines of the books that tests name.
const (
	lineDeposit = iota
	lineFee
	lineHeld
	linePart
	lineBound
	lineRest
	lineForever
	lineVoided
	lineExpired
	lineReversed
)

// bookID is an id that is the same in every run.
func bookID(n byte) wire.UUID { return wire.NewUUID(startDay*dayMilli, [10]byte{n}) }

func account(n byte) ledger.AccountID { return ledger.AccountID(bookID(n)) }

// books is one line of each kind, in the order of the constants.
func books() []ledger.Record {
	const at = (startDay+booksDay)*dayMilli + 9*60*60*1000
	cash, customer, shop, fees := account(1), account(2), account(3), account(4)
	won := func(units uint64) money.Amount { return money.New(money.KRW, units) }
	moved, part, rest := ledger.TransferID(bookID(11)), ledger.TransferID(bookID(12)),
		ledger.TransferID(bookID(13))
	order, forever, late := ledger.HoldID(bookID(21)), ledger.HoldID(bookID(22)),
		ledger.HoldID(bookID(23))
	lines := []ledger.Record{
		lineDeposit: {
			Kind: ledger.RecordPosted, Transfer: moved, Code: 1, Debit: cash, Credit: customer,
			Amount: won(100_000), DebitBalance: won(100_000), CreditBalance: won(100_000),
		},
		lineFee: {
			Kind: ledger.RecordPosted, Transfer: moved, Code: 1, Leg: 1, Debit: customer,
			Credit: fees, Amount: won(500), DebitBalance: won(99_500), CreditBalance: won(500),
			Effective: startDay * dayMilli, PreviousDebit: 1,
		},
		lineHeld: {
			Kind: ledger.RecordHeld, Hold: order, Code: 7, Debit: customer, Credit: shop,
			Amount: won(15_000), DebitBalance: won(99_500), CreditBalance: won(0),
			Effective: at + 60_000, PreviousDebit: 2,
		},
		linePart: {
			Kind: ledger.RecordCaptured, Transfer: part, Hold: order, Code: 8, More: true,
			Debit: customer, Credit: shop, Amount: won(5_000), DebitBalance: won(94_500),
			CreditBalance: won(5_000), PreviousDebit: 3, PreviousCredit: 3,
		},
		lineBound: {
			Kind: ledger.RecordBound, Hold: order, Debit: customer, Credit: shop,
			Amount: won(10_000), DebitBalance: won(94_500), CreditBalance: won(5_000),
			PreviousDebit: 4, PreviousCredit: 4,
		},
		lineRest: {
			Kind: ledger.RecordCaptured, Transfer: rest, Hold: order, Code: 8,
			Debit: customer, Credit: shop, Amount: won(10_000), DebitBalance: won(84_500),
			CreditBalance: won(15_000), PreviousDebit: 5, PreviousCredit: 5,
		},
		lineForever: {
			Kind: ledger.RecordHeld, Hold: forever, Code: 7, Debit: customer, Credit: shop,
			Amount: won(1), DebitBalance: won(84_500), CreditBalance: won(15_000),
			PreviousDebit: 6, PreviousCredit: 6,
		},
		lineVoided: {
			Kind: ledger.RecordVoided, Hold: forever, Debit: customer, Credit: shop,
			Amount: won(1), DebitBalance: won(84_500), CreditBalance: won(15_000),
			PreviousDebit: 7, PreviousCredit: 7,
		},
		lineExpired: {
			Kind: ledger.RecordExpired, Hold: late, Debit: customer, Credit: shop,
			Amount: won(2), DebitBalance: won(84_500), CreditBalance: won(15_000),
			PreviousDebit: 8, PreviousCredit: 8,
		},
		lineReversed: {
			Kind: ledger.RecordReversed, Transfer: ledger.TransferID(bookID(14)), Code: 9,
			Reverses: moved, Debit: customer, Credit: cash, Amount: won(100_000),
			DebitBalance: won(15_500), DebitNegative: true, CreditBalance: won(0),
			PreviousDebit: 9, PreviousCredit: 1,
		},
	}
	for i := range lines {
		lines[i].Number, lines[i].Index = uint64(i+1), uint64(40+i)
		lines[i].Time = at + int64(i)
	}
	return lines
}

// leafOf is what the journal holds of a line of the books.
func leafOf(r ledger.Record) (kind uint16, data []byte) {
	kind = proof.KindPosted
	if r.Transfer.IsZero() {
		kind = proof.KindHold
	}
	return kind, r.Append(binary.BigEndian.AppendUint64(nil, r.Number))
}

// keepBooks writes the lines into the payer's journal.
func (w *world) keepBooks(t testing.TB) {
	t.Helper()
	for _, r := range books() {
		kind, data := leafOf(r)
		w.lines = append(w.lines, w.payer.write(t, kind, data))
	}
}

// line is the proof of a line of the payer's books.
func (w *world) line(t testing.TB, number int) proof.Bundle {
	t.Helper()
	return prove(t, w.payer, w.days[booksDay][0], w.lines[number])
}

// TestLines has a proof of every kind of line, and what each says.
func TestLines(t *testing.T) {
	w := newWorld(t, "")
	customer, shop := account(2).String(), account(3).String()
	moved, order := ledger.TransferID(bookID(11)).String(), ledger.HoldID(bookID(21)).String()
	const posting, hold = "A posting inside one node: ", "A change of a hold inside one node: "
	for line, words := range map[int][]string{
		lineDeposit: {
			posting, "number 1 of the node's history, from its journal index 40: leg 1 of " +
				"transfer " + moved + ", for reason 1, moved KRW 100000 from " +
				account(1).String() + " (debited) to " + customer + " (credited); recorded at " +
				"2026-10-02 09:00:00.000 UTC and effective then; after it the balance of " +
				account(1).String() + " was KRW 100000 and that of " + customer +
				" was KRW 100000.",
			"The other legs of the transfer, whether it was reversed since",
		},
		lineFee: {
			posting, "leg 2 of transfer " + moved, "moved KRW 500 from " + customer,
			"recorded at 2026-10-02 09:00:00.001 UTC and effective 2026-10-01 00:00:00.000 UTC;",
		},
		lineHeld: {
			hold, "hold " + order + ", for reason 7, reserved KRW 15000 to move from " +
				customer + " to " + shop + " later, until 2026-10-02 09:01:00.000 UTC; recorded",
			"What else happened to the hold before and since",
		},
		linePart: {
			posting, "leg 1 of transfer", "it captured a part of hold " + order +
				", whose rest stayed held;",
		},
		lineBound: {
			hold, "hold " + order + " over KRW 10000, to move from " + customer + " to " + shop +
				", no longer ends by itself;",
		},
		lineRest:    {posting, "moved KRW 10000", "it captured hold " + order + ", which ended;"},
		lineForever: {hold, "later, without an end;"},
		lineVoided:  {hold, "was voided, which freed the KRW 1 left"},
		lineExpired: {hold, "expired, which freed the KRW 2 left"},
		lineReversed: {
			posting, "; the transfer reverses " + moved + ";",
			"the balance of " + customer + " was KRW -15500 and that of " +
				account(1).String() + " was KRW 0.",
		},
	} {
		o := verify.Options{Headers: w.chain.bytes()}
		r := verify.Check(mustEncode(t, w.line(t, line)), o)
		if got := limits(r); !r.OK || got != "owner demo accounts books rest" {
			t.Errorf("line %d: %v, not proven: %s\n%s", line, r.OK, got, r.Text())
		}
		has(t, r.Text(), append(words, "nobody else signed it; the node alone answers for it.",
			payerDID+" describes itself under its own signature.")...)
		if strings.Contains(r.Text(), payeeDID) || strings.Contains(r.Text(), "ther node:") {
			t.Errorf("line %d speaks of another node:\n%s", line, r.Text())
		}
		o.Pin = w.payer.descriptor
		if got := limits(verify.Check(mustEncode(t, w.line(t, line)), o)); got !=
			"demo accounts books rest" {
			t.Errorf("line %d, pinned: not proven: %s", line, got)
		}
	}
}

// TestLineHasNoPeer refuses a pin of another node, which would be compared with nothing.
func TestLineHasNoPeer(t *testing.T) {
	w := newWorld(t, "")
	for _, line := range []int{lineFee, lineHeld} {
		for _, pin := range []string{w.payee.keyID, w.payee.descriptor, w.payer.keyID, "x"} {
			for _, node := range []string{"", w.payer.keyID} {
				r := verify.Check(mustEncode(t, w.line(t, line)), verify.Options{
					Headers: w.chain.bytes(), Pin: node, PeerPin: pin,
				})
				if r.Failed() != verify.StepNode {
					t.Errorf("fails at %q:\n%s", r.Failed(), r.Text())
				}
				has(t, r.Text(), "A pin of the other node (--peer) was given",
					"of "+payerDID+" alone and has no other node.")
			}
		}
	}
}

// TestTamperedLines changes each byte of every kind of line: one that no ledger would write is
// found in the record, any other where the record has to be the one in the journal, or signed.
func TestTamperedLines(t *testing.T) {
	w := newWorld(t, "")
	o := verify.Options{Headers: w.chain.bytes()}
	for number := range w.lines {
		genuine := w.line(t, number)
		data, err := genuine.Record.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			b := genuine
			changed := flip(data, i, 1<<(i%8))
			b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, changed)
			raw, recomputed := verify.StepRecord, verify.StepRecord
			r, err := ledger.DecodeRecord(binary.BigEndian.Uint64(changed), changed[8:])
			if kind, _ := leafOf(r); err == nil && kind == b.Record.Kind {
				raw, recomputed = verify.StepPosition, verify.StepCheckpoint
			}
			if got := verify.Check(mustEncode(t, b), o); got.Failed() != raw {
				t.Errorf("line %d, byte %d: fails at %q, want %q", number, i, got.Failed(), raw)
			}
			got := verify.Check(mustEncode(t, recompute(b)), o)
			if got.Failed() != recomputed {
				t.Errorf("line %d, byte %d, recomputed: fails at %q, want %q", number, i,
					got.Failed(), recomputed)
			}
		}
	}
}

// TestLineFalsified has what a person would change, and where it is found.
func TestLineFalsified(t *testing.T) {
	w := newWorld(t, "")
	o := verify.Options{Headers: w.chain.bytes(), Pin: w.payer.keyID}
	for name, change := range map[string]func(*ledger.Record){
		"amount":   func(r *ledger.Record) { r.Amount = money.New(money.KRW, 15_001) },
		"currency": func(r *ledger.Record) { r.Amount = money.New(money.JPY, 15_000) },
		"payee":    func(r *ledger.Record) { r.Credit = account(4) },
		"direction": func(r *ledger.Record) {
			r.Debit, r.Credit = r.Credit, r.Debit
		},
		"balance": func(r *ledger.Record) { r.DebitBalance = money.New(money.KRW, 1) },
		"time":    func(r *ledger.Record) { r.Time -= dayMilli },
		"number":  func(r *ledger.Record) { r.Number++ },
	} {
		for _, number := range []int{lineHeld, lineRest} {
			b, r := w.line(t, number), books()[number]
			change(&r)
			kind, data := leafOf(r)
			b.Record = proof.NewRecord(kind, b.Record.Salt, data)
			if got := verify.Check(mustEncode(t, b), o).Failed(); got != verify.StepPosition {
				t.Errorf("%s: fails at %q", name, got)
			}
			got := verify.Check(mustEncode(t, recompute(b)), o).Failed()
			if got != verify.StepCheckpoint {
				t.Errorf("%s, recomputed: fails at %q", name, got)
			}
		}
	}
}

// TestNoLine has records that are not those of their kind.
func TestNoLine(t *testing.T) {
	w := newWorld(t, "")
	b := w.line(t, lineFee)
	_, posting := leafOf(books()[lineFee])
	_, hold := leafOf(books()[lineHeld])
	for name, c := range map[string]struct {
		kind  uint16
		data  []byte
		words string
	}{
		"a hold as a posting":    {proof.KindPosted, hold, "that was held, which is not of kind 2"},
		"a posting as a hold":    {proof.KindHold, posting, "that was posted, which is not of kind 3"},
		"no number":              {proof.KindPosted, posting[8:], "150 bytes, not 158"},
		"a byte more":            {proof.KindPosted, append(posting, 0), "159 bytes, not 158"},
		"line 0":                 {proof.KindPosted, append(make([]byte, 8), posting[8:]...), "forward"},
		"a state":                {proof.KindState, posting, "does not know records of kind 4"},
		"a kind yet to be known": {99, posting, "does not know records of kind 99"},
	} {
		b.Record = proof.NewRecord(c.kind, b.Record.Salt, c.data)
		r := verify.Check(mustEncode(t, b), verify.Options{Headers: w.chain.bytes()})
		if r.Failed() != verify.StepRecord {
			t.Errorf("%s: fails at %q", name, r.Failed())
		}
		has(t, r.Text(), c.words)
	}
}
