package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

const (
	// JCSBytesMax bounds one canonical JSON text.
	JCSBytesMax = 4 << 20
	// JCSDepthMax bounds how deep its arrays and objects nest.
	JCSDepthMax = 32
	// JCSIntegerMax is the largest number in one (I-JSON, RFC 7493 section 2.2).
	JCSIntegerMax = 1<<53 - 1
)

// JCS writes v as canonical JSON (RFC 8785). Numbers must be integers between -JCSIntegerMax and
// JCSIntegerMax: RFC 8785 would round others to a double, and a signed text must say exactly
// what its signer meant. Amounts are strings.
func JCS(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	return transform(data)
}

// IsJCS says whether data is canonical JSON that JCS could have written.
func IsJCS(data []byte) bool {
	canonical, err := transform(data)
	return err == nil && bytes.Equal(canonical, data)
}

// UnmarshalJCS reads exactly what JCS writes for a value of v's type: data must be canonical,
// and unknown, repeated, misspelt or missing members are refused. ErrNotCanonical is wrapped
// where data is readable JSON in another form.
func UnmarshalJCS(data []byte, v any) error {
	if !IsJCS(data) {
		return fmt.Errorf("jcs: %w", ErrNotCanonical)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("jcs: %w", err)
	}
	again, err := JCS(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("jcs: members missing or misspelt: %w", ErrNotCanonical)
	}
	return nil
}

func transform(data []byte) ([]byte, error) {
	if len(data) > JCSBytesMax {
		return nil, fmt.Errorf("jcs: %d bytes, more than %d", len(data), JCSBytesMax)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("jcs: text is not UTF-8")
	}
	if err := checkNumbers(data); err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	canonical, err := jcs.Transform(data)
	if err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	return canonical, nil
}

// checkNumbers reads data's tokens and refuses numbers that JCS does not write, and nesting
// deeper than JCSDepthMax.
func checkNumbers(data []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	depth := 0
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Number:
			if !isInteger(token.String()) {
				return fmt.Errorf("number %.24s is not an exact integer", token)
			}
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			if depth > JCSDepthMax {
				return fmt.Errorf("nested deeper than %d", JCSDepthMax)
			}
		}
	}
}

// isInteger accepts the canonical text of an integer within JCSIntegerMax. JSON's grammar has
// refused plus signs and leading zeros already.
func isInteger(text string) bool {
	if text == "-0" || strings.ContainsAny(text, ".eE") {
		return false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= -JCSIntegerMax && n <= JCSIntegerMax
}
