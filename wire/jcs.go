package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

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
//
// A struct whose fields stand in the order of their JSON names is written about three times as
// fast as another.
func JCS(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	data := bytes.TrimSuffix(text.Bytes(), []byte{'\n'})
	if checkCanonical(data) == nil {
		return data, nil
	}
	if len(data) > JCSBytesMax {
		return nil, fmt.Errorf("jcs: %d bytes, more than %d", len(data), JCSBytesMax)
	}
	canonical, err := jcs.Transform(data)
	if err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	if err := checkCanonical(canonical); err != nil {
		return nil, fmt.Errorf("jcs: %w", err)
	}
	return canonical, nil
}

// IsJCS says whether data is canonical JSON that JCS could have written.
func IsJCS(data []byte) bool { return checkCanonical(data) == nil }

// UnmarshalJCS reads exactly what JCS writes for a value of v's type: data must be canonical,
// and unknown, repeated, misspelt or missing members are refused.
func UnmarshalJCS(data []byte, v any) error {
	if err := checkCanonical(data); err != nil {
		return fmt.Errorf("jcs: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("jcs: %w", err)
	}
	again, err := JCS(v) // unknown members are gone from it
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("jcs: members unknown, missing or misspelt: %w", ErrNotCanonical)
	}
	return nil
}
