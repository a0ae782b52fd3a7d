package client

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The codes of problems that a caller may branch on.
const (
	CodeMalformed       = "malformed"
	CodeInvalid         = "invalid"
	CodeUnauthenticated = "unauthenticated"
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeConflict        = "conflict"
	CodeRefused         = "refused"
	CodeTooLarge        = "too_large"
	CodeTooMany         = "too_many"
	CodeUnavailable     = "unavailable"
	CodeInternal        = "internal"
)

// Problem is what a node answers instead of a success (RFC 9457). Get it from any error of this
// package with errors.As.
type Problem struct {
	// Status is the HTTP status code.
	Status int `json:"status"`
	// Type is the stable URI of the kind of problem, and Code its class.
	Type string `json:"type"`
	Code string `json:"code"`
	// Reason is the stable cause within the code; Type then ends in it.
	Reason string `json:"reason"`
	// Title says what kind it is, Detail what happened now.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Field names the field, parameter or header at fault, if it is one.
	Field string `json:"field"`
	// RequestID names the request for the node's operator.
	RequestID string `json:"request_id"`
	// Errors lists all fields at fault, if there are several.
	Errors []FieldError `json:"errors"`
	// RetryAfter is how long the node asks to wait; zero if it does not.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one of several fields at fault.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *Problem) Error() string {
	text := "client: " + strconv.Itoa(p.Status) + " " + p.Code
	if p.Field != "" {
		text += ": " + p.Field
	}
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	return text
}

// problemOf reads the answer of a failed request. What stands between may answer too, with no
// problem document; then the status alone is known.
func problemOf(answer *http.Response, body []byte) *Problem {
	p := &Problem{}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if media != "application/problem+json" || json.Unmarshal(body, p) != nil {
		p = &Problem{Title: http.StatusText(answer.StatusCode)}
	}
	p.Status = answer.StatusCode
	if p.RequestID == "" {
		p.RequestID = answer.Header.Get("X-Request-Id")
	}
	seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 31)
	if err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}
