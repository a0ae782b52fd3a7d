package money

import (
	"bytes"
	"fmt"
)

// Signed is an amount that may be below zero, such as a balance. It is only said, never counted
// with: a ledger keeps a sum for each direction.
type Signed struct {
	Amount Amount
	// Negative is false where Amount is zero.
	Negative bool
}

// valueMark is what stands before the digits in the JSON of an amount.
const valueMark = `"value":"`

// MarshalJSON writes the form of Amount, with a minus sign before the digits if the amount is
// below zero.
func (s Signed) MarshalJSON() ([]byte, error) {
	text, err := s.Amount.MarshalJSON()
	if s.Negative && !s.Amount.IsZero() {
		text = bytes.Replace(text, []byte(valueMark), []byte(valueMark+"-"), 1)
	}
	return text, err
}

// UnmarshalJSON reads what MarshalJSON writes, members in any order, as strictly as that of
// Amount. A zero has no sign.
func (s *Signed) UnmarshalJSON(data []byte) error {
	if len(data) > JSONMax {
		return fmt.Errorf("amount of %d bytes, limit %d: %w", len(data), JSONMax, ErrSyntax)
	}
	members, err := stringMembers(data)
	if err != nil {
		return err
	}
	value, negative := members["value"], false
	if len(value) > 1 && value[0] == '-' {
		value, negative = value[1:], true
	}
	code, hasCode := members["currency"]
	if !hasCode || len(members) != 2 {
		return fmt.Errorf("amount needs exactly currency and value: %w", ErrSyntax)
	}
	currency, err := ParseCurrency(code)
	if err != nil {
		return err
	}
	amount, err := Parse(currency, value)
	if err != nil {
		return err
	}
	if negative && amount.IsZero() {
		return fmt.Errorf("a zero has no sign: %w", ErrSyntax)
	}
	*s = Signed{Amount: amount, Negative: negative}
	return nil
}

// String returns the form for people and logs, "KRW -15000".
func (s Signed) String() string {
	if !s.Negative {
		return s.Amount.String()
	}
	return s.Amount.currency.String() + " -" + s.Amount.Decimal()
}
