package verify

import (
	"encoding/binary"
	"fmt"
	"time"

	"seyfert/ledger"
	"seyfert/money"
	"seyfert/proof"
)

// numberSize is the length of the history number before a ledger record, in bytes.
const numberSize = 8

// ofOneNode says that the record is of what happened inside one node, so that the bundle has no
// other node and no statements. Bundles of kinds that this program does not know are such too.
func (i *inspection) ofOneNode() bool { return i.bundle.Record.Kind != proof.KindCleared }

// checkEntry reads a line of the node's history: a leg that was posted or a change of a hold.
func (i *inspection) checkEntry(data []byte) Step {
	if len(data) != numberSize+ledger.RecordSize {
		return failed("The record is not a number and a ledger record: %d bytes, not %d.",
			len(data), numberSize+ledger.RecordSize)
	}
	r, err := ledger.DecodeRecord(binary.BigEndian.Uint64(data), data[numberSize:])
	if err != nil {
		return failed("The record can't be read: %v.", err)
	}
	// A transfer is in the records that moved money and in no others.
	if isHold := r.Transfer.IsZero(); isHold != (i.bundle.Record.Kind == proof.KindHold) {
		return failed("The record is one of a ledger line that was %s, which is not of kind %d.",
			r.Kind, i.bundle.Record.Kind)
	}
	i.entry = r
	return held("The record says: %s.", i.line())
}

// line is the record in words.
func (i *inspection) line() string {
	r := i.entry
	return fmt.Sprintf("number %d of the node's history, from its journal index %d: %s; "+
		"recorded at %s%s; after it the balance of %s was %s and that of %s was %s",
		r.Number, r.Index, told(r), instant(r.Time), counts(r),
		r.Debit, money.Signed{Amount: r.DebitBalance, Negative: r.DebitNegative},
		r.Credit, money.Signed{Amount: r.CreditBalance, Negative: r.CreditNegative})
}

// told is what the line tells of, without its time and the balances after it.
func told(r ledger.Record) string {
	switch r.Kind {
	case ledger.RecordHeld:
		until := "without an end"
		if r.Effective != 0 {
			until = "until " + instant(r.Effective)
		}
		return fmt.Sprintf("hold %s, for reason %d, reserved %s to move %s later, %s",
			r.Hold, r.Code, r.Amount, sidesOf(r), until)
	case ledger.RecordBound:
		return fmt.Sprintf("hold %s over %s, to move %s, no longer ends by itself",
			r.Hold, r.Amount, sidesOf(r))
	case ledger.RecordVoided:
		return fmt.Sprintf("hold %s was voided, which freed the %s left of what was to move %s",
			r.Hold, r.Amount, sidesOf(r))
	case ledger.RecordExpired:
		return fmt.Sprintf("hold %s expired, which freed the %s left of what was to move %s",
			r.Hold, r.Amount, sidesOf(r))
	}
	text := fmt.Sprintf("leg %d of transfer %s, for reason %d, moved %s from %s (debited) to %s "+
		"(credited)", r.Leg+1, r.Transfer, r.Code, r.Amount, r.Debit, r.Credit)
	switch {
	case r.Kind == ledger.RecordReversed:
		text += fmt.Sprintf("; the transfer reverses %s", r.Reverses)
	case r.Kind == ledger.RecordCaptured && r.More:
		text += fmt.Sprintf("; it captured a part of hold %s, whose rest stayed held", r.Hold)
	case r.Kind == ledger.RecordCaptured:
		text += fmt.Sprintf("; it captured hold %s, which ended", r.Hold)
	}
	return text
}

// sidesOf names the accounts of a hold.
func sidesOf(r ledger.Record) string { return fmt.Sprintf("from %s to %s", r.Debit, r.Credit) }

// counts says from when what moved counts.
func counts(r ledger.Record) string {
	switch {
	case r.Transfer.IsZero():
		return ""
	case r.Effective == 0:
		return " and effective then"
	}
	return " and effective " + instant(r.Effective)
}

// instant writes a time in Unix milliseconds.
func instant(milli int64) string {
	return time.UnixMilli(milli).UTC().Format("2006-01-02 15:04:05.000") + " UTC"
}

// nobodyElse is what the step of the statements says of a record that has none.
func (i *inspection) nobodyElse() Step {
	what := "A posting"
	if i.bundle.Record.Kind == proof.KindHold {
		what = "A change of a hold"
	}
	return held("%s inside one node: nobody else signed it; the node alone answers for it.", what)
}

// entryLimits are what a line of one node's history can't show.
func (i *inspection) entryLimits() []Limit {
	rest := "The other legs of the transfer, whether it was reversed since"
	if i.bundle.Record.Kind == proof.KindHold {
		rest = "What else happened to the hold before and since"
	}
	return []Limit{
		{LimitAccounts, "Whose accounts these are: the record names them by their ids only."},
		{
			LimitBooks, "That the node does not keep other books beside this journal: nobody " +
				"else signed the record.",
		},
		{
			LimitRest, rest + ", and what else the journal holds: each of its records has a " +
				"bundle of its own.",
		},
	}
}
