package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// exchangeBody is an exchange of won for yen at 9.125 won a yen.
func exchangeBody(b books, wonIn, yenOut, sell, buy, fixed, rounding string) string {
	amount := func(currency, value string) string {
		if value == "" {
			return ""
		}
		return `,"amount":{"currency":"` + currency + `","value":"` + value + `"}`
	}
	return fmt.Sprintf(`{"sell":{"debit":"%s","credit":"%s"%s},"buy":{"debit":"%s","credit":"%s"%s},`+
		`"rate":{"base":"JPY","quote":"KRW","value":"9.125","rounding":"%s"},"fixed":"%s"}`,
		b.position, b.safe, amount("KRW", sell), yenOut, wonIn, amount("JPY", buy), rounding, fixed)
}

func TestExchanges(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	b.mustPost("/v1/transfers", "{"+leg(b.safe, b.sale, "100000")+"}", "", http.StatusCreated)
	b.position = b.mustOpen(`{"kind":"asset","currency":"KRW","name":"position"}`)
	yen := b.mustOpen(`{"kind":"asset","currency":"JPY","name":"position"}`)
	till := b.mustOpen(`{"kind":"asset","currency":"JPY"}`)
	for _, c := range []struct{ sell, buy, fixed, rounding, sold, bought string }{
		{"1000", "", "sell", "floor", "1000", "109"}, // 109.589
		{"1000", "110", "sell", "half_even", "1000", "110"},
		{"", "100", "buy", "ceil", "913", "100"}, // 912.5
		{"912", "100", "buy", "half_even", "912", "100"},
		{"913", "100", "buy", "half_up", "913", "100"},
	} {
		body := exchangeBody(b, yen, till, c.sell, c.buy, c.fixed, c.rounding)
		key := "k" + c.sell + c.buy + c.rounding
		first := b.mustPost("/v1/exchanges", body, key, http.StatusCreated)
		legs := first["legs"].([]any)
		sold := legs[0].(map[string]any)["amount"].(map[string]any)
		bought := legs[1].(map[string]any)["amount"].(map[string]any)
		if sold["value"] != c.sold || sold["currency"] != "KRW" || bought["value"] != c.bought ||
			bought["currency"] != "JPY" {
			t.Errorf("%+v: sold %v, bought %v", c, sold, bought)
		}
		pairs := first["metadata"].(map[string]any)
		if pairs["exchange.rate"] != "JPY/KRW 9.125" || pairs["exchange.fixed"] != c.fixed ||
			pairs["exchange.rounding"] != c.rounding {
			t.Errorf("%+v: recorded %v", c, pairs)
		}
		again := b.mustPost("/v1/exchanges", body, key, http.StatusOK)
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("the same exchange got %v and %v", first, again)
		}
	}
	good := exchangeBody(b, yen, till, "1000", "109", "sell", "floor")
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	b.mustPost("/v1/exchanges", good, "x", http.StatusCreated)
	for _, r := range []refusal{
		{
			"mismatch", "", change(`"109"`, `"110"`), "",
			422, "refused", "rate_mismatch", "buy.amount",
		},
		{
			"rounding", "", change("floor", "ceil"), "",
			422, "refused", "rate_mismatch", "buy.amount",
		},
		{
			"a currency", "", change(`"base":"JPY"`, `"base":"USD"`), "",
			422, "refused", "rate_mismatch", "buy.amount",
		},
		{"both", "", change(`"base":"JPY"`, `"base":"KRW"`), "", 400, "invalid", "", "rate.quote"},
		{"no rate", "", change("9.125", "0"), "", 400, "invalid", "", "rate.value"},
		{"a rate", "", change("9.125", "9,1"), "", 400, "invalid", "", "rate.value"},
		{
			"digits", "", change("9.125", "9."+strings.Repeat("1", 30)), "",
			413, "too_large", "", "rate.value",
		},
		{
			"not of it", "", change(`"quote":"KRW"`, `"quote":"USD"`), "",
			400, "invalid", "mixed_currencies", "sell.amount.currency",
		},
		{
			"nothing", "", change(`"value":"1000"`, `"value":"1"`), "",
			400, "invalid", "zero_amount", "buy.amount",
		},
		{
			"poor", "", strings.NewReplacer(`"1000"`, `"1000000"`, `"109"`, `"109589"`).Replace(good), "",
			422, "refused", "insufficient_funds", "sell.amount",
		},
		{
			"no account", "", change(till, "acc_01M7Q5CQG0EG494N32ME2JRC65"), "",
			404, "not_found", "unknown_account", "buy.debit",
		},
		{
			"won for yen", "", change(till, b.cash), "",
			400, "invalid", "mixed_currencies", "buy.amount.currency",
		},
		{
			"a reserved key", "", strings.TrimSuffix(good, "}") + `,"metadata":{"exchange.rate":"x"}}`, "",
			400, "invalid", "", "metadata",
		},
		{
			"another rate", "", change("9.125", "9.13"), "x",
			409, "conflict", "id_reused", "metadata",
		},
	} {
		r.path = "/v1/exchanges"
		b.mustRefuse(r)
	}
}
