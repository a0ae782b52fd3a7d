package money

import (
	"fmt"
	"slices"
	"strings"
)

// Currency is the numeric code of ISO 4217, or 1000 for bitcoin, which ISO has not numbered
// (protocol.md B7). The zero value is no currency.
type Currency uint16

// The currencies that code names; the others are reached by ParseCurrency and CurrencyOf.
const (
	// JPY is the yen, without decimals.
	JPY Currency = 392
	// KRW is the won, without decimals.
	KRW Currency = 410
	// USD is the US dollar, in cents.
	USD Currency = 840
	// BTC is bitcoin, in satoshis, eight decimals.
	BTC Currency = 1000
)

// numericMax is the largest numeric code in the table.
const numericMax = BTC

// currency is one line of the table.
type currency struct {
	code    string
	numeric Currency
	digits  uint8
}

// ParseCurrency returns the currency with the alphabetic code, upper case, or ErrCurrency.
func ParseCurrency(code string) (Currency, error) {
	at, ok := slices.BinarySearchFunc(table[:], code, func(c currency, code string) int {
		return strings.Compare(c.code, code)
	})
	if !ok {
		return 0, fmt.Errorf("currency code %.16q: %w", code, ErrCurrency)
	}
	return table[at].numeric, nil
}

// CurrencyOf returns the currency with the numeric code, or ErrCurrency.
func CurrencyOf(numeric uint16) (Currency, error) {
	if c := Currency(numeric); c.known() {
		return c, nil
	}
	return 0, fmt.Errorf("currency number %d: %w", numeric, ErrCurrency)
}

// Currencies returns every known currency in the order of their codes, as a fresh slice.
func Currencies() []Currency {
	all := make([]Currency, len(table))
	for i, c := range table {
		all[i] = c.numeric
	}
	return all
}

// known says whether c stands in the table.
func (c Currency) known() bool { return c <= numericMax && byNumeric[c] != nil }

// Code returns the alphabetic code, such as "KRW", or "" for a currency that is not known.
func (c Currency) Code() string {
	if !c.known() {
		return ""
	}
	return byNumeric[c].code
}

// Digits returns the number of decimals between the major and the minor unit: 0 for KRW, 2 for
// USD, 8 for BTC, and 0 for a currency that is not known.
func (c Currency) Digits() int {
	if !c.known() {
		return 0
	}
	return int(byNumeric[c].digits)
}

// String returns the code, or "currency(7)" for a number that is not known.
func (c Currency) String() string {
	if code := c.Code(); code != "" {
		return code
	}
	return fmt.Sprintf("currency(%d)", uint16(c))
}

// MarshalText returns the code, or ErrCurrency for a currency that is not known.
func (c Currency) MarshalText() ([]byte, error) {
	if !c.known() {
		return nil, fmt.Errorf("write %v: %w", c, ErrCurrency)
	}
	return []byte(c.Code()), nil
}

// UnmarshalText reads what MarshalText writes, or fails with ErrCurrency.
func (c *Currency) UnmarshalText(text []byte) error {
	parsed, err := ParseCurrency(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
