package payment_test

import (
	"slices"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// validBasket is what an offer of 15000 won may be for.
func validBasket() []payment.Line {
	return []payment.Line{
		{Text: "Washi, white", Value: "12000"}, {Text: "이음 풀", Value: "3000"},
	}
}

func TestCheckBasketRefuses(t *testing.T) {
	line := payment.Line{Text: "one", Value: "1"}
	tests := []struct {
		name   string
		code   fault.Code
		won    uint64
		change func(lines []payment.Line) []payment.Line
	}{
		{"many lines", fault.TooLarge, payment.BasketMax + 1, func([]payment.Line) []payment.Line {
			return slices.Repeat([]payment.Line{line}, payment.BasketMax+1)
		}},
		{"many bytes", fault.TooLarge, 17, func([]payment.Line) []payment.Line {
			long := payment.Line{Text: strings.Repeat("x", payment.BasketBytesMax/16), Value: "1"}
			return append(slices.Repeat([]payment.Line{long}, 16), line)
		}},
		{"line without text", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[0].Text = ""
			return lines
		}},
		{"long line", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[1].Text = strings.Repeat("x", payment.TextMax+1)
			return lines
		}},
		{"line that is no text", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[1].Text = "Wash\xff"
			return lines
		}},
		{"line with a sign", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[0].Value = "-1"
			return lines
		}},
		{"line with decimals", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[0].Value = "12000.0"
			return lines
		}},
		{"lines below the total", fault.Invalid, 15_001, func(lines []payment.Line) []payment.Line {
			return lines
		}},
		{"lines above the total", fault.Invalid, 14_999, func(lines []payment.Line) []payment.Line {
			return lines
		}},
		{"lines over 128 bits", fault.Invalid, 15_000, func(lines []payment.Line) []payment.Line {
			lines[0].Value = "340282366920938463463374607431768211455"
			return lines
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := payment.CheckBasket(money.New(money.KRW, test.won), test.change(validBasket()))
			if f, ok := fault.Of(err); !ok || f.Field != "basket" || f.Code != test.code {
				t.Errorf("%v, want a fault of the basket", err)
			}
		})
	}
}

func TestCheckBasketAtItsLimits(t *testing.T) {
	full := payment.Line{
		Text: strings.Repeat("x", payment.BasketBytesMax/payment.BasketMax), Value: "1",
	}
	for name, test := range map[string]struct {
		won   uint64
		lines []payment.Line
	}{
		"a basket":      {15_000, validBasket()},
		"nothing said":  {15_000, nil},
		"an empty list": {15_000, []payment.Line{}},
		"all lines, all bytes": {
			payment.BasketMax, slices.Repeat([]payment.Line{full}, payment.BasketMax),
		},
		"a gift in it": {15_000, append(validBasket(), payment.Line{Text: "Card", Value: "0"})},
		"the longest text": {1, []payment.Line{
			{Text: strings.Repeat("x", payment.TextMax), Value: "1"},
		}},
	} {
		if err := payment.CheckBasket(money.New(money.KRW, test.won), test.lines); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBasketHash puts the hash together here from its parts: whoever has lines and salt can
// show that an offer was for them, and nothing else gives the same hash.
func TestBasketHash(t *testing.T) {
	salt := [16]byte{1}
	got := payment.BasketHash(salt, validBasket())
	if want := wire.Hash("basket", salt[:], []byte(`[{"text":"Washi, white","value":"12000"},`+
		`{"text":"이음 풀","value":"3000"}]`)); got != want {
		t.Errorf("%x, want %x", got, want)
	}
	other := validBasket()
	other[1].Text += "x"
	for what, hash := range map[string][32]byte{
		"another salt":  payment.BasketHash([16]byte{2}, validBasket()),
		"fewer lines":   payment.BasketHash(salt, validBasket()[:1]),
		"another text":  payment.BasketHash(salt, other),
		"another order": payment.BasketHash(salt, []payment.Line{validBasket()[1], validBasket()[0]}),
	} {
		if hash == got {
			t.Errorf("%s changes nothing", what)
		}
	}
}
