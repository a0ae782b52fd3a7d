package money_test

import (
	"errors"
	"testing"

	"seyfert/money"
)

func TestParseRate(t *testing.T) {
	for _, c := range []struct {
		from, to money.Currency
		text     string
		num, den uint64
	}{
		{money.USD, money.KRW, "1391.25", 1113, 80}, // 139125 won for 10000 cents
		{money.USD, money.KRW, "1391", 1391, 100},
		{money.KRW, money.USD, "0.00072", 9, 125}, // 72 cents for 1000 won
		{money.KRW, money.JPY, "0.1", 1, 10},
		{money.BTC, money.KRW, "150000000", 3, 2}, // won for satoshi
		{money.KRW, money.BTC, "0.00000001", 1, 1},
		{money.USD, money.KRW, "18446744073709551615", 18446744073709551615 / 5, 20},
	} {
		rate, err := money.ParseRate(c.from, c.to, c.text)
		num, den := rate.Ratio()
		if err != nil || num != c.num || den != c.den || rate.From() != c.from || rate.To() != c.to {
			t.Errorf("%s: %v, %v, want %d/%d", c.text, rate, err, c.num, c.den)
		}
	}
	for text, want := range map[string]error{
		"": money.ErrSyntax, "0": money.ErrSyntax, "0.00": money.ErrSyntax, "-1": money.ErrSyntax,
		"1e3": money.ErrSyntax, "01": money.ErrSyntax, "1.": money.ErrSyntax,
		".5": money.ErrSyntax, "1.5.5": money.ErrSyntax, "1,5": money.ErrSyntax,
		"18446744073709551616":  money.ErrOverflow,
		"0.0000000000000000001": money.ErrOverflow,
	} {
		if rate, err := money.ParseRate(money.USD, money.KRW, text); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v", text, rate, err)
		}
	}
	for _, pair := range [][2]money.Currency{{money.KRW, money.KRW}, {0, money.KRW}} {
		if _, err := money.ParseRate(pair[0], pair[1], "1"); !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

func TestParseRounding(t *testing.T) {
	for r := money.Floor; r <= money.HalfUp; r++ {
		if parsed, err := money.ParseRounding(r.String()); err != nil || parsed != r {
			t.Errorf("%v: %v, %v", r, parsed, err)
		}
	}
	for _, name := range []string{"", "up", "Floor", "rounding(0)"} {
		if _, err := money.ParseRounding(name); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
