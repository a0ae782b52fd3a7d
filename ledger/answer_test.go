package ledger_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/wire"
)

func TestAnswers(t *testing.T) {
	outcomes := []ledger.Outcome{
		{Status: ledger.Created, Number: 1, AmountHigh: 2, AmountLow: 3},
		{Status: ledger.Refused},
		{Status: ledger.Exists, Number: 1 << 40, AmountLow: 1},
	}
	refusals := []ledger.Refusal{{
		Item: 1, Fault: fault.New(fault.Refused, "amount", "No.").Because(fault.UnderFloor),
	}}
	var answer ledger.Answer
	for i, o := range outcomes {
		answer = o.Append(answer)
		if len(answer) != (i+1)*ledger.OutcomeSize {
			t.Fatalf("%d bytes after %d outcomes", len(answer), i+1)
		}
	}
	plain := bytes.Clone(answer)
	answer = append(answer, wire.MustMarshal(refusals)...)
	got, why, err := answer.Read(len(outcomes))
	if err != nil || !cmp.Equal(got, outcomes) || !cmp.Equal(why, refusals) {
		t.Errorf("%v, %v, %v", got, why, err)
	}
	if got, why, err := ledger.Answer(plain).Read(3); err != nil || len(why) != 0 || len(got) != 3 {
		t.Errorf("%v, %v, %v", got, why, err)
	}
	for what, bad := range map[string]struct {
		answer ledger.Answer
		count  int
	}{
		"too short":  {plain[:95], 3},
		"too few":    {answer, 4},
		"none":       {answer, -1},
		"no CBOR":    {append(bytes.Clone(plain), 0xff), 3},
		"too many":   {make(ledger.Answer, 32*10_001), 10_001},
		"no such":    {append(bytes.Clone(plain), wire.MustMarshal([]ledger.Refusal{{Item: 3}})...), 3},
		"no refusal": {append(bytes.Clone(plain), wire.MustMarshal([]ledger.Refusal{{Item: 1}})...), 3},
	} {
		if _, _, err := bad.answer.Read(bad.count); err == nil {
			t.Errorf("an answer with %s was read", what)
		}
	}
}
