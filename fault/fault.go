// Package fault is the one error that callers of a node are told: a stable code, the field
// that caused it and a sentence for a person.
//
// Every room returns a *Error for what a caller did or could change; any other error is a
// fault of our own and its text never reaches a caller. The package knows no HTTP: the api
// room maps codes to statuses and RFC 9457 problem types.
package fault

import (
	"errors"
	"fmt"
)

// Code is the stable, machine-readable class of an Error. Codes are part of the public API:
// one may be added, none may change its meaning.
type Code string

// The codes. Each maps to one HTTP status in the api room.
const (
	// Invalid says that the request is malformed or a value in it is out of range.
	Invalid Code = "invalid"
	// Unauthenticated says that no valid key, session or signature came with the request.
	Unauthenticated Code = "unauthenticated"
	// Forbidden says that the caller is known and may not do this.
	Forbidden Code = "forbidden"
	// NotFound says that nothing the caller may see has this id.
	NotFound Code = "not_found"
	// Conflict says that the request contradicts something already decided, such as the same
	// idempotency key with another body.
	Conflict Code = "conflict"
	// Refused says that the request is well formed and a rule of the domain forbids it now,
	// such as too small a balance.
	Refused Code = "refused"
	// TooLarge says that a body or a batch is over its named limit.
	TooLarge Code = "too_large"
	// TooMany says that a queue or a rate limit is full; the same request may be sent again.
	TooMany Code = "too_many"
	// Unavailable says that the node cannot decide now, such as during start or shutdown.
	Unavailable Code = "unavailable"
)

// Error is a domain error. It is immutable after New and safe to share.
type Error struct {
	// Code is the stable class.
	Code Code `cbor:"1,keyasint" json:"code"`
	// Field names the request field at fault in the request's own words, or is empty.
	Field string `cbor:"2,keyasint,omitempty" json:"field,omitempty"`
	// Message is one English sentence without personal data or secrets.
	Message string `cbor:"3,keyasint" json:"message"`
	// Reason tells apart what callers branch on within a code, or is empty.
	Reason Reason `cbor:"4,keyasint,omitempty" json:"reason,omitempty"`
}

// New makes an Error; field may be empty.
func New(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Because returns the same error with a reason.
func (e *Error) Because(r Reason) *Error {
	same := *e
	same.Reason = r
	return &same
}

// At returns the same error about another field, where a room says a field in its own words.
func (e *Error) At(field string) *Error {
	same := *e
	same.Field = field
	return &same
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field == "" {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Field + ": " + e.Message
}

// Of returns the domain error that err is or wraps.
func Of(err error) (*Error, bool) {
	e, ok := errors.AsType[*Error](err)
	return e, ok
}
