package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// Limits of one CBOR text. Marshal holds them as Unmarshal does, so that nothing can be written
// that cannot be read again.
const (
	// EncodedBytesMax bounds the whole text.
	EncodedBytesMax = 16 << 20
	// EncodedItemsMax bounds the elements of one array and the pairs of one map.
	EncodedItemsMax = 1 << 17
	// EncodedDepthMax bounds how deep arrays and maps nest.
	EncodedDepthMax = 32
)

// ErrNotCanonical says that bytes are readable but are not the one form that this package
// writes for their value.
var ErrNotCanonical = errors.New("not in canonical form")

// encoder and decoder are constants in all but name: made once from fixed options, immutable,
// safe for concurrent use.
var (
	encoder = newEncoder()
	decoder = newDecoder()
)

func newEncoder() cbor.EncMode {
	options := cbor.CoreDetEncOptions()
	options.TagsMd = cbor.TagsForbidden
	options.ByteArray = cbor.ByteArrayToByteSlice
	mode, err := options.EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}

func newDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxArrayElements:  EncodedItemsMax,
		MaxMapPairs:       EncodedItemsMax,
		MaxNestedLevels:   EncodedDepthMax,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}

// Marshal writes v as core deterministic CBOR (RFC 8949 section 4.2.1): shortest heads, definite
// lengths, map keys in byte order. Fixed byte arrays become byte strings. A value with a
// float, a tag or text that is not UTF-8 anywhere in it, or over a limit, is an error.
func Marshal(v any) ([]byte, error) {
	data, err := encoder.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if err := checkDeterministic(data); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return data, nil
}

// MustMarshal is Marshal for values that are known to have an encoding; an error is a
// programmer error and panics.
func MustMarshal(v any) []byte {
	data, err := Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// Unmarshal reads exactly what Marshal writes for a value of v's type, and nothing else:
// unknown and repeated keys, indefinite lengths, trailing bytes, longer heads, keys out of
// order, a field left out or written where Marshal omits it are all refused.
func Unmarshal(data []byte, v any) error {
	if err := checkDeterministic(data); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := decoder.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	again, err := encoder.Marshal(v)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !bytes.Equal(data, again) {
		return fmt.Errorf("decode: %w", ErrNotCanonical)
	}
	return nil
}

// checkDeterministic walks data without a Go type and accepts one core deterministic item made
// of integers, byte and text strings, arrays, maps, booleans and null.
func checkDeterministic(data []byte) error {
	if len(data) > EncodedBytesMax {
		return fmt.Errorf("%d bytes, more than %d", len(data), EncodedBytesMax)
	}
	rest, err := checkItem(data, 0)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("bytes after the end")
	}
	return nil
}

// CBOR major types (RFC 8949 section 3.1).
const (
	majorUnsigned = 0
	majorNegative = 1
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorMap      = 5
	majorSimple   = 7
)

// checkItem accepts one item at the start of data and returns what follows it.
func checkItem(data []byte, depth int) ([]byte, error) {
	major, value, rest, err := checkHead(data)
	if err != nil {
		return nil, err
	}
	switch major {
	case majorUnsigned, majorNegative, majorSimple:
		return rest, nil
	case majorBytes, majorText:
		if value > uint64(len(rest)) {
			return nil, errors.New("string runs past the end")
		}
		if major == majorText && !utf8.Valid(rest[:value]) {
			return nil, errors.New("text is not UTF-8")
		}
		return rest[value:], nil
	}
	if value > EncodedItemsMax {
		return nil, fmt.Errorf("%d items, more than %d", value, EncodedItemsMax)
	}
	if depth >= EncodedDepthMax {
		return nil, fmt.Errorf("nested deeper than %d", EncodedDepthMax)
	}
	if major == majorArray {
		for range value {
			if rest, err = checkItem(rest, depth+1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	}
	return checkPairs(rest, value, depth)
}

// checkPairs accepts count pairs of a map whose keys rise strictly in byte order.
func checkPairs(rest []byte, count uint64, depth int) ([]byte, error) {
	var before []byte
	for i := range count {
		after, err := checkItem(rest, depth+1)
		if err != nil {
			return nil, err
		}
		key := rest[:len(rest)-len(after)]
		if i > 0 && bytes.Compare(before, key) >= 0 {
			return nil, fmt.Errorf("map key repeated or out of order: %w", ErrNotCanonical)
		}
		before = key
		if rest, err = checkItem(after, depth+1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// checkHead reads an item's head (RFC 8949 section 3) and refuses tags, floats, undefined,
// indefinite lengths and any head longer than its value needs.
func checkHead(data []byte) (major byte, value uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, errEndsEarly
	}
	major, info, rest := data[0]>>5, data[0]&0x1f, data[1:]
	if major == majorSimple {
		if info < 20 || info > 22 { // false, true, null
			return 0, 0, nil, errors.New("float or simple value")
		}
		return major, 0, rest, nil
	}
	if major > majorMap {
		return 0, 0, nil, errors.New("tag")
	}
	if info < 24 {
		return major, uint64(info), rest, nil
	}
	if info > 27 {
		return 0, 0, nil, errors.New("indefinite or reserved length")
	}
	width := 1 << (info - 24)
	if len(rest) < width {
		return 0, 0, nil, errEndsEarly
	}
	var word [8]byte
	copy(word[8-width:], rest[:width])
	value = binary.BigEndian.Uint64(word[:])
	least := uint64(24)
	if width > 1 {
		least = 1 << (4 * width)
	}
	if value < least {
		return 0, 0, nil, fmt.Errorf("head longer than needed: %w", ErrNotCanonical)
	}
	return major, value, rest[width:], nil
}
