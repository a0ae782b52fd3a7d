package api

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"seyfert/fault"
)

// walker reads what the scanner gave up at, token by token, and names the field at which
// something is wrong. The text was found to be JSON in the one way that it can be read before.
type walker struct{ d *jsontext.Decoder }

// wholeJSON checks that a body is one JSON text, no name twice in an object, and nowhere null.
func wholeJSON(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	_, err := d.ReadValue()
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			return newProblem(codeMalformed, "body", "Something follows the JSON text.")
		}
	}
	if err != nil {
		field, why := "body", "The body is not JSON."
		if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			field = fieldOf(e.JSONPointer)
			if errors.Is(err, jsontext.ErrDuplicateName) {
				why = "This field came twice."
			}
		}
		return newProblem(codeMalformed, field, why)
	}
	d = jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil // the end: that it is JSON was checked before
		}
		if token.Kind() == 'n' {
			return newProblem(string(fault.Invalid), fieldOf(d.StackPointer()), nullText)
		}
	}
}

// unfit says that a value is not of the kind that its field takes.
func unfit(field string) error {
	return newProblem(string(fault.Invalid), field, "The value does not fit this field.")
}

// under names a member of a field; the body itself has no name.
func under(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// open reads the start of an object or list, which field must be.
func (w walker) open(field string, kind jsontext.Kind) error {
	if w.d.PeekKind() != kind {
		if field == "" {
			field = "body"
		}
		return unfit(field)
	}
	_, err := w.d.ReadToken()
	return err
}

// members calls fn with the name of each member of an object; fn reads its value.
func (w walker) members(field string, fn func(name string) error) error {
	if err := w.open(field, '{'); err != nil {
		return err
	}
	for w.d.PeekKind() != '}' {
		token, err := w.d.ReadToken()
		if err != nil {
			return err
		}
		if err := fn(token.String()); err != nil {
			return err
		}
	}
	_, err := w.d.ReadToken()
	return err
}

// text reads a text.
func (w walker) text(field string) ([]byte, error) {
	if w.d.PeekKind() != '"' {
		return nil, unfit(field)
	}
	token, err := w.d.ReadToken()
	return []byte(token.String()), err
}

func (w walker) boolean(field string) (bool, error) {
	if kind := w.d.PeekKind(); kind != 't' && kind != 'f' {
		return false, unfit(field)
	}
	token, err := w.d.ReadToken()
	return token.Bool(), err
}

func (w walker) code(field string) (uint16, error) {
	if w.d.PeekKind() != '0' {
		return 0, unfit(field)
	}
	token, err := w.d.ReadToken()
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseUint(token.String(), 10, 16)
	if err != nil {
		return 0, newProblem(string(fault.Invalid), field, "A code is a whole number up to 65535.")
	}
	return uint16(value), nil
}

// object reads an object whose members are all allowed. A name that is none of them is refused.
func (w walker) object(field string, to *words, allowed partSet) error {
	return w.members(field, func(name string) error {
		m, known := partOf([]byte(name))
		if !known || !allowed.has(m) {
			return newProblem(string(fault.Invalid), under(field, name),
				"This field is not known.")
		}
		to.has |= 1 << m
		return w.value(under(field, name), to, m)
	})
}

func (w walker) value(field string, to *words, m part) (err error) {
	switch m {
	case mAmount:
		if err := w.object(field, to, amountParts); err != nil {
			return err
		}
		for _, piece := range []part{mCurrency, mValue} {
			if !to.has.has(piece) {
				return missingField(under(field, names()[piece]))
			}
		}
		return nil
	case mCode:
		to.code, err = w.code(field)
	case mLinked:
		to.linked, err = w.boolean(field)
	case mMore:
		to.more, err = w.boolean(field)
	case mLegs:
		return w.legs(field, to)
	case mMetadata:
		to.metadata = map[string]string{}
		return w.members(field, func(name string) error {
			value, err := w.text(under(field, name))
			if len(to.metadata) <= pairsMax { // one too many is told later
				to.metadata[name] = string(value)
			}
			return err
		})
	default:
		to.text[m], err = w.text(field)
	}
	return err
}

func (w walker) legs(field string, to *words) error {
	return w.list(field, func(at int) error {
		if at == legsMax {
			return tooManyLegs(field)
		}
		to.legs = append(to.legs, words{})
		return w.object(placed(field, at), &to.legs[at], legParts)
	})
}

// list calls fn at each element of a list; fn reads it.
func (w walker) list(field string, fn func(at int) error) error {
	if err := w.open(field, '['); err != nil {
		return err
	}
	for at := 0; w.d.PeekKind() != ']'; at++ {
		if err := fn(at); err != nil {
			return err
		}
	}
	_, err := w.d.ReadToken()
	return err
}

// placed names an element of a list.
func placed(list string, at int) string { return list + "[" + strconv.Itoa(at) + "]" }

func missingField(field string) *Problem {
	return newProblem(string(fault.Invalid), field, "This field is required.")
}

func tooManyLegs(field string) *Problem {
	return problemBecause(fault.New(fault.TooLarge, field,
		"A transfer has at most %d legs.", legsMax).Because(fault.TooManyLegs))
}
