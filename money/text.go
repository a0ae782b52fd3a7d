package money

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// TextMax is the longest decimal text that Parse reads, in bytes: 39 digits and a point.
	TextMax = decimalDigitsMax + 1
	// JSONMax is the longest JSON amount that is read, in bytes, white space included.
	JSONMax = 512
	// BinarySize is the length of MarshalBinary's form, in bytes.
	BinarySize = 18
)

// Parse reads a decimal number of major units, such as "1240.50" of USD. It accepts digits with
// at most one point between digits and at most as many decimals as the currency has; a sign, an
// exponent, a leading zero, a space or a separator is ErrSyntax, since what two readers could
// read differently is no amount. Too many units for 128 bits is ErrOverflow, an unknown
// currency ErrCurrency.
func Parse(c Currency, decimal string) (Amount, error) {
	if !c.known() {
		return Amount{}, fmt.Errorf("parse an amount of %v: %w", c, ErrCurrency)
	}
	whole, part, pointed := strings.Cut(decimal, ".")
	if len(decimal) > TextMax || pointed && part == "" || len(part) > c.Digits() {
		return Amount{}, syntax(c, decimal)
	}
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return Amount{}, syntax(c, decimal)
	}
	digits := whole + part + strings.Repeat("0", c.Digits()-len(part))
	return fromDigits(c, digits, decimal)
}

// ParseMinor reads a decimal integer of minor units, such as "124050" of USD, as strictly as
// Parse does. It is the form between nodes (protocol.md A3).
func ParseMinor(c Currency, digits string) (Amount, error) {
	if !c.known() {
		return Amount{}, fmt.Errorf("parse an amount of %v: %w", c, ErrCurrency)
	}
	if digits == "" || len(digits) > decimalDigitsMax || len(digits) > 1 && digits[0] == '0' {
		return Amount{}, syntax(c, digits)
	}
	return fromDigits(c, digits, digits)
}

// fromDigits reads the minor units that the decimal digits say; text is what the caller read them
// from, for the error. Digits are judged before size, so that no garbage is called too large.
func fromDigits(c Currency, digits, text string) (Amount, error) {
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return Amount{}, syntax(c, text)
		}
	}
	var units words
	for i := range len(digits) {
		var ok bool
		if units, ok = units.mulAdd10(digits[i] - '0'); !ok {
			return Amount{}, fmt.Errorf("parse %q of %v: %w", text, c, ErrOverflow)
		}
	}
	return Amount{units: units, currency: c}, nil
}

// syntax is the error of a text that is no amount; it quotes a bounded part of the text.
func syntax(c Currency, text string) error {
	return fmt.Errorf("parse %.48q of %v: %w", text, c, ErrSyntax)
}

// Decimal returns major units with all decimals of the currency: "1240.50", "15000",
// "0.10000000". Parse reads it back.
func (a Amount) Decimal() string {
	text := a.units.decimal()
	places := a.currency.Digits()
	if places == 0 {
		return text
	}
	if missing := places + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return text[:len(text)-places] + "." + text[len(text)-places:]
}

// Minor returns the decimal integer of minor units: "124050". ParseMinor reads it back.
func (a Amount) Minor() string { return a.units.decimal() }

// String returns the form for people and logs, "USD 1240.50", or "0" for the zero Amount.
func (a Amount) String() string {
	if a == (Amount{}) {
		return "0"
	}
	return a.currency.String() + " " + a.Decimal()
}

// MarshalJSON writes {"currency":"KRW","value":"15000"}: the PaymentCurrencyAmount of W3C
// Payment Request, members in the order of RFC 8785. An amount without a known currency is
// ErrCurrency.
func (a Amount) MarshalJSON() ([]byte, error) {
	if !a.currency.known() {
		return nil, fmt.Errorf("write %v as JSON: %w", a, ErrCurrency)
	}
	return []byte(`{"currency":"` + a.currency.Code() + `","value":"` + a.Decimal() + `"}`), nil
}

// UnmarshalJSON reads what MarshalJSON writes, members in any order. Another member, a member
// given twice or missing, a number in place of a string, null, and more than JSONMax bytes are
// ErrSyntax; then a stays as it was.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if len(data) > JSONMax {
		return fmt.Errorf("amount of %d bytes, limit %d: %w", len(data), JSONMax, ErrSyntax)
	}
	members, err := stringMembers(data)
	if err != nil {
		return err
	}
	code, hasCode := members["currency"]
	value, hasValue := members["value"]
	if !hasCode || !hasValue || len(members) != 2 {
		return fmt.Errorf("amount needs exactly currency and value: %w", ErrSyntax)
	}
	currency, err := ParseCurrency(code)
	if err != nil {
		return err
	}
	parsed, err := Parse(currency, value)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// stringMembers reads one JSON object whose members are all strings. encoding/json would take
// the last of two equal names and match names whatever their case; here each byte counts.
func stringMembers(data []byte) (map[string]string, error) {
	bad := func(what string) error {
		return fmt.Errorf("amount as JSON: %s: %w", what, ErrSyntax)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, bad("an object is needed")
	}
	members := make(map[string]string, 2)
	for dec.More() {
		token, err := dec.Token()
		name, isString := token.(string)
		if err != nil || !isString {
			return nil, bad("a member name is needed")
		}
		token, err = dec.Token()
		value, isString := token.(string)
		if err != nil || !isString {
			return nil, bad("a member must be a string")
		}
		if _, twice := members[name]; twice {
			return nil, bad("a member stands twice")
		}
		members[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad("the object does not end")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("something follows the object")
	}
	return members, nil
}

// AppendBinary appends 18 bytes: currency u16, minor units u128, both big-endian. It never
// fails; the error is there for encoding.BinaryAppender.
func (a Amount) AppendBinary(buf []byte) ([]byte, error) {
	buf = binary.BigEndian.AppendUint16(buf, uint16(a.currency))
	buf = binary.BigEndian.AppendUint64(buf, a.units.hi)
	return binary.BigEndian.AppendUint64(buf, a.units.lo), nil
}

// MarshalBinary returns AppendBinary's 18 bytes; CBOR writes them as a byte string. The zero
// Amount is 18 zero bytes.
func (a Amount) MarshalBinary() ([]byte, error) {
	return a.AppendBinary(make([]byte, 0, BinarySize))
}

// UnmarshalBinary reads what MarshalBinary writes. Another length is ErrSyntax; a currency that
// is unknown, or units without a currency, is ErrCurrency; then a stays as it was.
func (a *Amount) UnmarshalBinary(data []byte) error {
	if len(data) != BinarySize {
		return fmt.Errorf("amount of %d bytes, not %d: %w", len(data), BinarySize, ErrSyntax)
	}
	parsed := Amount{
		currency: Currency(binary.BigEndian.Uint16(data)),
		units: words{
			hi: binary.BigEndian.Uint64(data[2:]),
			lo: binary.BigEndian.Uint64(data[10:]),
		},
	}
	if !parsed.currency.known() && parsed != (Amount{}) {
		return fmt.Errorf("amount of currency %d: %w", parsed.currency, ErrCurrency)
	}
	*a = parsed
	return nil
}
