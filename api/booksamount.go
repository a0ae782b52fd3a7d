package api

import (
	"errors"
	"strings"

	"seyfert/fault"
	"seyfert/money"
)

// unitsOf reads the value of an amount, or says what of it is wrong.
func unitsOf(text []byte, c money.Currency) (high, low uint64, refused *fault.Error) {
	value := string(text)
	amount, err := money.Parse(c, value)
	if err == nil {
		high, low = amount.Words()
		return high, low, nil
	}
	return 0, 0, amountFault(value, c, err)
}

// amountFault says why a value is none of a currency, so that a program can tell what to mend.
func amountFault(value string, c money.Currency, err error) *fault.Error {
	const field = "amount.value"
	if errors.Is(err, money.ErrOverflow) {
		return fault.New(fault.TooLarge, field, "The amount needs more than 128 bits.").
			Because(fault.AmountOverflow)
	}
	if positive, signed := strings.CutPrefix(value, "-"); signed {
		if decimal(positive) {
			return invalid(field, "An amount is not below zero.").Because(fault.NegativeAmount)
		}
	}
	_, part, pointed := strings.Cut(value, ".")
	if pointed && decimal(value) && len(part) > c.Digits() {
		return fault.New(fault.Invalid, field, "%s has %d decimals.", c, c.Digits()).
			Because(fault.AmountPrecision)
	}
	if decimal(value) && len(value) > money.TextMax {
		return fault.New(fault.TooLarge, field, "The amount needs more than 128 bits.").
			Because(fault.AmountOverflow)
	}
	return invalid(field, "The value is no exact decimal number such as 15000 or 1240.50.")
}

// decimal says whether a text is digits with at most one point between digits, and no needless
// zero before them.
func decimal(text string) bool {
	whole, part, pointed := strings.Cut(text, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!pointed || digits(part)) && (len(whole) == 1 || whole[0] != '0')
}
