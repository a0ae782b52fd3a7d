package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"seyfert/money"
)

// fieldMark stands between a field and what is wrong with it in errors of readJSON, since huma
// carries nothing of an error but its text.
const fieldMark = "\x00"

// nullText is what is wrong with a null.
const nullText = "This field is null; leave it out instead."

// formats are what the API reads and writes: JSON, read strictly. The second name is the one
// that huma looks for when a type ends in "+json".
func formats() map[string]huma.Format {
	format := huma.Format{Marshal: writeJSON, Unmarshal: readJSON}
	return map[string]huma.Format{"application/json": format, "json": format}
}

// writeJSON writes an answer. A connection that breaks here is the caller's loss only; huma
// would panic at the error.
func writeJSON(w io.Writer, v any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	w.Write(out.Bytes())
	return nil
}

// readJSON reads a body in the one way that it can be read: no member twice, none that is
// unknown or in another case, valid UTF-8. The standard decoder would let the last of two equal
// members win, and what a signature or a log covers would differ from what was done.
func readJSON(data []byte, v any) error {
	err := strict.Unmarshal(data, v, strict.RejectUnknownMembers(true))
	if err == nil {
		return refuseNull(data)
	}
	field, why := "body", "The body is not JSON."
	if e, ok := errors.AsType[*strict.SemanticError](err); ok {
		field, why = fieldOf(e.JSONPointer), "The value does not fit this field."
		if errors.Is(err, strict.ErrUnknownName) {
			why = "This field is not known."
		}
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		field = fieldOf(e.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			why = "This field came twice."
		}
	}
	for _, known := range []error{money.ErrCurrency, money.ErrSyntax, money.ErrOverflow} {
		if errors.Is(err, known) {
			why = "An amount is a known currency and a decimal value that fits it."
		}
	}
	return errors.New(field + fieldMark + why)
}

// refuseNull says where a null stands in valid JSON: no request has one, and "not said" and
// "said to be nothing" are not to be told apart by guessing.
func refuseNull(data []byte) error {
	for d := jsontext.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.ReadToken()
		if err != nil {
			return nil // the end: that it is JSON was checked before
		}
		if token.Kind() == 'n' {
			return errors.New(fieldOf(d.StackPointer()) + fieldMark + nullText)
		}
	}
}

// fieldOf writes a JSON pointer the way that the API writes fields: "basket[0].amount".
func fieldOf(pointer jsontext.Pointer) string {
	var field strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case strings.Trim(token, "0123456789") == "" && token != "":
			field.WriteString("[" + token + "]")
		case field.Len() == 0:
			field.WriteString(token)
		default:
			field.WriteString("." + token)
		}
	}
	if field.Len() == 0 {
		return "body"
	}
	return field.String()
}
