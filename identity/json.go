package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"seyfert/wire"
)

// readJSON reads one JSON value of whoever wrote it: objects as map[string]any, arrays as []any,
// numbers as json.Number. Repeated names, text that is not UTF-8, lone surrogates, what follows
// the value, and nesting beyond DepthMax are refused: two readers of such a text could
// understand two things.
func readJSON(data []byte) (any, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(data))
	value, err := readValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

// readObject is readJSON for a text that must be an object.
func readObject(data []byte) (map[string]any, error) {
	value, err := readJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

func readValue(decoder *jsontext.Decoder, depth int) (any, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	}
	if depth >= DepthMax {
		return nil, fmt.Errorf("nested deeper than %d", DepthMax)
	}
	if token.Kind() == '{' {
		return readMembers(decoder, depth+1)
	}
	list := []any{}
	for decoder.PeekKind() != ']' {
		value, err := readValue(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err = decoder.ReadToken()
	return list, err
}

func readMembers(decoder *jsontext.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		text := name.String() // the token lives until the next is read
		value, err := readValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		object[text] = value
	}
	_, err := decoder.ReadToken()
	return object, err
}

// readInteger reads a whole number from 0 to wire.JCSIntegerMax; ok is false for anything else.
// A NumericDate with a fraction (RFC 7519 section 2) is refused as well.
func readInteger(value any) (n int64, ok bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := number.Int64()
	return n, err == nil && n >= 0 && n <= wire.JCSIntegerMax
}
