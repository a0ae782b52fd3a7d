package money_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"seyfert/money"
)

func TestCurrencyTable(t *testing.T) {
	cases := []struct {
		code    string
		numeric uint16
		digits  int
	}{
		{"KRW", 410, 0},
		{"JPY", 392, 0},
		{"USD", 840, 2},
		{"EUR", 978, 2},
		{"BTC", 1000, 8},
		{"ALL", 8, 2},
		{"BHD", 48, 3},
		{"CLF", 990, 4},
		{"ISK", 352, 0},
		{"XCG", 532, 2},
		{"ZWG", 924, 2},
	}
	for _, c := range cases {
		byCode, err := money.ParseCurrency(c.code)
		if err != nil || uint16(byCode) != c.numeric || byCode.Digits() != c.digits {
			t.Errorf("%s: %d with %d digits, %v", c.code, byCode, byCode.Digits(), err)
		}
		byNumber, err := money.CurrencyOf(c.numeric)
		if err != nil || byNumber.Code() != c.code || byNumber.String() != c.code {
			t.Errorf("%d: %s, %v", c.numeric, byNumber, err)
		}
	}
}

func TestCurrenciesAreOrderedAndComplete(t *testing.T) {
	all := money.Currencies()
	if len(all) != 166 {
		t.Errorf("%d currencies", len(all))
	}
	codes := make([]string, 0, len(all))
	for _, c := range all {
		codes = append(codes, c.Code())
		back, err := money.ParseCurrency(c.Code())
		if err != nil || back != c {
			t.Errorf("%v reads as %v, %v", c, back, err)
		}
		if c.Digits() > 8 {
			t.Errorf("%v has %d digits", c, c.Digits())
		}
	}
	if !slices.IsSorted(codes) || len(slices.Compact(codes)) != len(all) {
		t.Error("codes are not in order or stand twice")
	}
}

func TestUnknownCurrencies(t *testing.T) {
	for _, code := range []string{"", "krw", "KR", "KRWW", "XAU", "XXX", "BGN", "WON", "ZZZ"} {
		if c, err := money.ParseCurrency(code); !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%q: %v, %v", code, c, err)
		}
	}
	for _, numeric := range []uint16{0, 7, 959, 999, 1001, 65535} {
		if c, err := money.CurrencyOf(numeric); !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%d: %v, %v", numeric, c, err)
		}
	}
	if c := money.Currency(7); c.Code() != "" || c.Digits() != 0 || c.String() != "currency(7)" {
		t.Errorf("currency 7 is %q with %d digits", c, c.Digits())
	}
}

func TestCurrencyText(t *testing.T) {
	text, err := json.Marshal(map[string]money.Currency{"in": money.KRW})
	if err != nil || string(text) != `{"in":"KRW"}` {
		t.Errorf("%s, %v", text, err)
	}
	var read struct{ In money.Currency }
	if err := json.Unmarshal([]byte(`{"In":"JPY"}`), &read); err != nil || read.In != money.JPY {
		t.Errorf("%v, %v", read, err)
	}
	if err := json.Unmarshal([]byte(`{"In":"yen"}`), &read); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("yen: %v", err)
	}
	if _, err := money.Currency(7).MarshalText(); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("currency 7: %v", err)
	}
}
