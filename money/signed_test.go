package money_test

import (
	"encoding/json"
	"testing"

	"seyfert/money"
)

func TestSignedAmounts(t *testing.T) {
	for text, want := range map[string]money.Signed{
		`{"currency":"KRW","value":"-15000"}`: {Amount: money.New(money.KRW, 15000), Negative: true},
		`{"currency":"KRW","value":"15000"}`:  {Amount: money.New(money.KRW, 15000)},
		`{"currency":"KRW","value":"0"}`:      {Amount: money.New(money.KRW, 0)},
	} {
		var got money.Signed
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		back, err := json.Marshal(want)
		if err != nil || string(back) != text {
			t.Errorf("%v is written as %s, %v", want, back, err)
		}
	}
	owed := money.Signed{Amount: money.New(money.KRW, 7), Negative: true}
	if owed.String() != "KRW -7" {
		t.Error(owed)
	}
	for _, text := range []string{
		`{"currency":"KRW","value":"-0"}`, `{"currency":"KRW","value":"--1"}`,
		`{"currency":"KRW","value":"-"}`, `{"currency":"KRW","value":"+1"}`, `"-1"`,
		`{"currency":"KRW","value":"-1.5"}`, `{"value":"-1"}`, `{"currency":"KRW"}`, `null`,
		`{"currency":"KRW","value":"-1","value":"1"}`, `{"currency":"krw","value":"1"}`,
	} {
		var got money.Signed
		if err := json.Unmarshal([]byte(text), &got); err == nil && text != "null" {
			t.Errorf("%s was read as %v", text, got)
		}
	}
}
