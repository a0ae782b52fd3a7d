package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads canonical JSON in one pass and without allocation, since every message and
// every signed text that arrives goes through it. That it accepts exactly the fixed points of
// an independent RFC 8785 transformation is a fuzz target.

var errEndsEarly = errors.New("ends too early")

// checkCanonical accepts one canonical JSON value of integers, strings, literals, arrays and
// objects within the limits of JCS.
func checkCanonical(data []byte) error {
	if len(data) > JCSBytesMax {
		return fmt.Errorf("%d bytes, more than %d", len(data), JCSBytesMax)
	}
	rest, err := checkValue(data, 0)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("bytes after the end: %w", ErrNotCanonical)
	}
	return nil
}

// checkValue accepts one value at the start of data and returns what follows it.
func checkValue(data []byte, depth int) ([]byte, error) {
	if len(data) == 0 {
		return nil, errEndsEarly
	}
	switch c := data[0]; {
	case c == '"':
		_, rest, err := checkString(data)
		return rest, err
	case c == '{' || c == '[':
		if depth >= JCSDepthMax {
			return nil, fmt.Errorf("nested deeper than %d", JCSDepthMax)
		}
		if c == '{' {
			return checkObject(data[1:], depth+1)
		}
		return checkArray(data[1:], depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return checkInteger(data)
	}
	for _, literal := range [...]string{"true", "false", "null"} {
		if len(data) >= len(literal) && string(data[:len(literal)]) == literal {
			return data[len(literal):], nil
		}
	}
	return nil, fmt.Errorf("byte %#x where a value begins: %w", data[0], ErrNotCanonical)
}

func checkArray(data []byte, depth int) ([]byte, error) {
	if len(data) > 0 && data[0] == ']' {
		return data[1:], nil
	}
	for {
		rest, err := checkValue(data, depth)
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			return nil, errEndsEarly
		}
		if rest[0] == ']' {
			return rest[1:], nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("no comma in an array: %w", ErrNotCanonical)
		}
		data = rest[1:]
	}
}

// checkObject accepts members whose names rise strictly (RFC 8785 section 3.2.3).
func checkObject(data []byte, depth int) ([]byte, error) {
	if len(data) > 0 && data[0] == '}' {
		return data[1:], nil
	}
	var before []byte
	for {
		name, rest, err := checkString(data)
		if err != nil {
			return nil, err
		}
		if before != nil && !namesRise(before, name) {
			return nil, fmt.Errorf("names repeated or out of order: %w", ErrNotCanonical)
		}
		before = name
		if len(rest) == 0 || rest[0] != ':' {
			return nil, fmt.Errorf("no colon after a name: %w", ErrNotCanonical)
		}
		if rest, err = checkValue(rest[1:], depth); err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			return nil, errEndsEarly
		}
		if rest[0] == '}' {
			return rest[1:], nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("no comma in an object: %w", ErrNotCanonical)
		}
		data = rest[1:]
	}
}

// checkString accepts a string with quotes and returns what is between them, escapes and all.
func checkString(data []byte) (text, rest []byte, err error) {
	if len(data) == 0 || data[0] != '"' {
		return nil, nil, fmt.Errorf("no string: %w", ErrNotCanonical)
	}
	for i := 1; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			return data[1:i], data[i+1:], nil
		case c == '\\':
			size, err := checkEscape(data[i:])
			if err != nil {
				return nil, nil, err
			}
			i += size
		case c < ' ':
			return nil, nil, fmt.Errorf("control character: %w", ErrNotCanonical)
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				return nil, nil, errors.New("text is not UTF-8")
			}
			i += size
		}
	}
	return nil, nil, errEndsEarly
}

// checkEscape accepts the escapes of RFC 8785 section 3.2.2.2 and returns their length: two
// characters where JSON has such a form, else six for a control character.
func checkEscape(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, errEndsEarly
	}
	switch data[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		if len(data) < 6 {
			return 0, errEndsEarly
		}
		code, short := controlCode(data)
		if code < ' ' && !short {
			return 6, nil
		}
	}
	return 0, fmt.Errorf("needless escape: %w", ErrNotCanonical)
}

// controlCode reads \u00xx in lower case; anything else is a code that needs no escape. short
// says that JSON has a form of two characters for the code.
func controlCode(data []byte) (code byte, short bool) {
	high, low := data[4]-'0', data[5]
	if string(data[2:4]) != "00" || high > 1 {
		return ' ', false
	}
	switch {
	case low >= '0' && low <= '9':
		code = high<<4 | (low - '0')
	case low >= 'a' && low <= 'f':
		code = high<<4 | (low - 'a' + 10)
	default:
		return ' ', false
	}
	switch code {
	case '\b', '\t', '\n', '\f', '\r':
		return code, true
	}
	return code, false
}

// checkInteger accepts an integer within JCSIntegerMax in its only form.
func checkInteger(data []byte) ([]byte, error) {
	size := 0
	if data[0] == '-' {
		size = 1
	}
	for size < len(data) && data[size] >= '0' && data[size] <= '9' {
		size++
	}
	text := string(data[:min(size, 20)])
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size > len(text) || n > JCSIntegerMax || n < -JCSIntegerMax {
		return nil, errors.New("number is not an exact integer")
	}
	if strconv.FormatInt(n, 10) != text {
		return nil, fmt.Errorf("number: %w", ErrNotCanonical)
	}
	if size < len(data) && (data[size] == '.' || data[size] == 'e' || data[size] == 'E') {
		return nil, errors.New("number is not an exact integer")
	}
	return data[size:], nil
}

// namesRise says whether a comes before b by UTF-16 code units.
func namesRise(a, b []byte) bool {
	if isPlain(a) && isPlain(b) {
		return string(a) < string(b)
	}
	return slices.Compare(unescape(a), unescape(b)) < 0
}

// isPlain says whether a string's text has neither escapes nor characters beyond ASCII.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unescape is the UTF-16 form of a string that checkString has accepted.
func unescape(text []byte) []uint16 {
	var units []uint16
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			r, size := utf8.DecodeRune(text[i:])
			units = utf16.AppendRune(units, r)
			i += size
			continue
		}
		switch text[i+1] {
		case 'u':
			code, _ := controlCode(text[i:])
			units = append(units, uint16(code))
			i += 4
		case 'b':
			units = append(units, '\b')
		case 'f':
			units = append(units, '\f')
		case 'n':
			units = append(units, '\n')
		case 'r':
			units = append(units, '\r')
		case 't':
			units = append(units, '\t')
		default:
			units = append(units, uint16(text[i+1]))
		}
		i += 2
	}
	return units
}
