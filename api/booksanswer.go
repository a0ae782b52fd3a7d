package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"seyfert/money"
	"seyfert/node"
)

// This file writes the answers of the books that are given most often. What encoding/json would
// make of them is what stands here; a test holds the two together.

// transferBytes is what the answer of a transfer of one leg takes, at least.
const transferBytes = 640

// replyOnce answers 201 for what was done now and 200 for what was done before.
func replyOnce(body any, created bool, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	text, err := encode(body)
	return once(text, created), err
}

// replyTransfer is replyOnce for a transfer.
func replyTransfer(t node.BookTransfer, created bool, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	text, err := appendTransfer(make([]byte, 0, transferBytes), &t)
	return once(append(text, '\n'), created), err
}

func once(body []byte, created bool) reply {
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply{status: status, media: typeJSON, body: body}
}

// encode writes any answer as JSON, and a line's end.
func encode(body any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return out.Bytes(), err
}

// appendTransfer writes a transfer.
func appendTransfer(out []byte, t *node.BookTransfer) (_ []byte, err error) {
	out = appendMember(out, `{"id":`, t.ID)
	out = append(out, `,"code":`...)
	out = strconv.AppendUint(out, uint64(t.Code), 10)
	out = append(out, `,"legs":[`...)
	for i := range t.Legs {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendLeg(out, &t.Legs[i]); err != nil {
			return out, err
		}
	}
	out = append(out, ']')
	out = appendIf(out, `,"hold":`, t.Hold)
	out = appendIf(out, `,"reverses":`, t.Reverses)
	out = appendIf(out, `,"state":`, t.State)
	out = appendIf(out, `,"reversed_by":`, t.ReversedBy)
	if out, err = appendTime(out, `,"effective_at":"`, t.Effective); err != nil {
		return out, err
	}
	if out, err = appendTime(out, `,"recorded_at":"`, t.Recorded); err != nil {
		return out, err
	}
	out = appendIf(out, `,"reference":`, t.Reference)
	if len(t.Metadata) > 0 {
		opening := `,"metadata":{`
		for _, name := range slices.Sorted(maps.Keys(t.Metadata)) {
			out = appendMember(out, opening, name)
			out = appendMember(out, ":", t.Metadata[name])
			opening = ","
		}
		out = append(out, '}')
	}
	return append(out, '}'), nil
}

func appendLeg(out []byte, leg *node.BookLeg) (_ []byte, err error) {
	out = append(out, `{"number":`...)
	out = strconv.AppendUint(out, leg.Number, 10)
	out = appendIf(out, `,"debit":`, leg.Debit)
	out = appendIf(out, `,"credit":`, leg.Credit)
	out = append(out, `,"amount":`...)
	if out, err = appendAmount(out, leg.Amount, false); err != nil {
		return out, err
	}
	if s := leg.DebitBalance; s != nil {
		out = append(out, `,"debit_balance":`...)
		if out, err = appendAmount(out, s.Amount, s.Negative); err != nil {
			return out, err
		}
	}
	if s := leg.CreditBalance; s != nil {
		out = append(out, `,"credit_balance":`...)
		if out, err = appendAmount(out, s.Amount, s.Negative); err != nil {
			return out, err
		}
	}
	return append(out, '}'), nil
}

// appendIf writes a member unless its text is empty.
func appendIf(out []byte, opening, text string) []byte {
	if text == "" {
		return out
	}
	return appendMember(out, opening, text)
}

// appendMember writes a text behind what opens it.
func appendMember(out []byte, opening, text string) []byte {
	out = append(out, opening...)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := encode(text) // a text can always be written
			return append(out, bytes.TrimSuffix(quoted, []byte("\n"))...)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}

func appendTime(out []byte, opening string, at time.Time) ([]byte, error) {
	out, err := at.AppendText(append(out, opening...))
	return append(out, '"'), err
}

// appendAmount writes an amount, below zero if it says so and is not zero.
func appendAmount(out []byte, a money.Amount, negative bool) ([]byte, error) {
	currency := a.Currency()
	units, short := a.Uint64()
	if !short || currency.Code() == "" {
		text, err := money.Signed{Amount: a, Negative: negative}.MarshalJSON()
		return append(out, text...), err
	}
	out = append(out, `{"currency":"`...)
	out = append(out, currency.Code()...)
	out = append(out, `","value":"`...)
	if negative && units > 0 {
		out = append(out, '-')
	}
	if currency.Digits() == 0 {
		out = strconv.AppendUint(out, units, 10)
	} else {
		out = append(out, a.Decimal()...)
	}
	return append(out, `"}`...), nil
}
