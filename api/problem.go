package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/fault"
)

// Codes of problems that have no fault.Code, because they are about HTTP or about ourselves.
const (
	codeMalformed = "malformed"
	codeMethod    = "method_not_allowed"
	codeMediaType = "unsupported_media_type"
	codeTimeout   = "timeout"
	codeInternal  = "internal"
	typeProblem   = "application/problem+json"
	problemPath   = "/problems/"

	// fieldBytesMax bounds texts of the request that a problem repeats.
	fieldBytesMax = 128
	// problemErrsMax bounds the fields that one problem lists.
	problemErrsMax = 16
)

// kind is the stable part of a problem: what its type URI stands for.
type kind struct {
	status int
	title  string
	text   string
}

// kinds is the table of all problem types, by code. A code may be added; none may change.
func kinds() map[string]kind {
	return map[string]kind{
		codeMalformed: {
			http.StatusBadRequest, "Malformed request",
			"The request is not well-formed HTTP or JSON.",
		},
		string(fault.Invalid): {
			http.StatusBadRequest, "Invalid value",
			"A value in the request is missing, of the wrong form or out of range. The " +
				"member field names it.",
		},
		string(fault.Unauthenticated): {
			http.StatusUnauthorized, "Not authenticated",
			"No valid key, session, code or signature came with the request.",
		},
		string(fault.Forbidden): {
			http.StatusForbidden, "Not allowed",
			"The caller is known and may not do this.",
		},
		string(fault.NotFound): {
			http.StatusNotFound, "Not found",
			"There is nothing here that the caller may see.",
		},
		codeMethod: {
			http.StatusMethodNotAllowed, "Method not allowed",
			"The path exists, but not with this method; the Allow header lists those it has.",
		},
		codeTimeout: {
			http.StatusRequestTimeout, "Request timeout",
			"The request did not arrive in time.",
		},
		string(fault.Conflict): {
			http.StatusConflict, "Conflict",
			"The request contradicts something already decided, such as the same " +
				"Idempotency-Key with another body.",
		},
		string(fault.TooLarge): {
			http.StatusRequestEntityTooLarge, "Too large",
			"The request or a part of it is over its limit.",
		},
		codeMediaType: {
			http.StatusUnsupportedMediaType, "Unsupported media type",
			"Bodies are application/json.",
		},
		string(fault.Refused): {
			http.StatusUnprocessableEntity, "Refused",
			"The request is well formed and a rule forbids it now, such as too small a balance.",
		},
		string(fault.TooMany): {
			http.StatusTooManyRequests, "Too many requests",
			"Wait as the Retry-After header says; the same request may then be sent again.",
		},
		codeInternal: {
			http.StatusInternalServerError, "Internal fault",
			"The node has a fault of its own. Quote the request id to its operator.",
		},
		string(fault.Unavailable): {
			http.StatusServiceUnavailable, "Unavailable",
			"The node can't decide now; the same request may be sent again.",
		},
	}
}

// Problem is the body of every answer that is not a success (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"stable URI of the kind of problem"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"one sentence about this occurrence"`
	Code      string         `json:"code" doc:"the class of the problem; one of few"`
	Reason    string         `json:"reason,omitempty" doc:"within the class; type ends in it"`
	Field     string         `json:"field,omitempty" doc:"the field, parameter or header at fault"`
	RequestID string         `json:"request_id"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"all fields at fault, if several"`

	// retry is the Retry-After header in seconds.
	retry int64
	allow string
}

// ProblemField is one of several things at fault.
type ProblemField struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// newProblem makes a problem of a known code.
func newProblem(code, field, detail string) *Problem {
	k, known := kinds()[code]
	if !known {
		panic("api: no problem " + code)
	}
	p := &Problem{
		Type: problemPath + code, Title: k.title, Status: k.status, Detail: detail, Code: code,
		Field: short(field),
	}
	if code == string(fault.Unavailable) || code == string(fault.TooMany) {
		p.retry = 1
	}
	return p
}

// problemBecause makes the problem of a fault. One with a reason is of a type of its own.
func problemBecause(f *fault.Error) *Problem {
	p := newProblem(string(f.Code), f.Field, sentence(f.Message))
	if f.Reason != "" {
		p.Type, p.Reason = problemPath+string(f.Reason), string(f.Reason)
		p.Title = reasons()[f.Reason].title
	}
	if f.Reason == fault.OutcomeUnknown {
		p.Status = http.StatusBadGateway
	}
	return p
}

// WriteFault answers with the problem of a fault, for who refuses a request before the handler
// has seen it.
func WriteFault(w http.ResponseWriter, f *fault.Error) { writeProblem(w, *problemBecause(f)) }

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return typeProblem }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(p.retry, 10))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="seyfert"`)
	}
	return h
}

// problemOf turns an error of the rooms below into what the caller is told. What is no domain
// error is our own fault: it is logged here, once, and its text goes no further.
func (g *gate) problemOf(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if refused, ok := fault.Of(err); ok {
		return problemBecause(refused)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return newProblem(string(fault.Unavailable), "", "The request ended before its answer.")
	}
	g.cfg.Log.Error("request failed by a fault of our own",
		slog.String("request", requestID(ctx)), slog.String("error", err.Error()))
	return newProblem(codeInternal, "", "The node has a fault of its own.")
}

// write sends a problem outside of huma's operations.
func (g *gate) write(w http.ResponseWriter, r *http.Request, err error) {
	p := *g.problemOf(r.Context(), err)
	p.RequestID = requestID(r.Context())
	writeProblem(w, p)
}

func writeProblem(w http.ResponseWriter, p Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("api: a problem of plain texts has no JSON form: " + err.Error())
	}
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", typeProblem)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n'))
}

// exchange is one request inside huma, whose own error documents are made ours on their way
// out: the status with which huma would answer is replaced as well.
type exchange struct {
	inner
	status int
}

// inner is huma.Context under a name that its own method does not have.
type inner huma.Context

// Unwrap lets the adapter find its own context.
func (e *exchange) Unwrap() huma.Context { return e.inner }

// SetStatus implements huma.Context.
func (e *exchange) SetStatus(code int) {
	if e.status != 0 {
		code = e.status
	}
	e.inner.SetStatus(code)
}

// translate is the huma.Transformer that turns huma's errors into problems and signs every
// problem with its request id.
func translate(ctx huma.Context, _ string, v any) (any, error) {
	p, ours := v.(*Problem)
	if !ours {
		model, isError := v.(*huma.ErrorModel)
		if !isError {
			return v, nil
		}
		p = problemOfModel(model)
	}
	if e, ok := ctx.(*exchange); ok {
		e.status = p.Status
	}
	signed := *p
	signed.RequestID = requestID(ctx.Context())
	return signed, nil
}

// problemOfModel reads what huma found wrong with a request before any handler ran. The values
// at fault are not repeated: they may be secrets.
func problemOfModel(model *huma.ErrorModel) *Problem {
	found := slices.DeleteFunc(slices.Clone(model.Errors), func(e *huma.ErrorDetail) bool {
		return e == nil
	})
	// Huma walks through maps: the order is made the same for the same request, with the
	// parameters before the body.
	slices.SortStableFunc(found, func(a, b *huma.ErrorDetail) int {
		return cmp.Or(-cmp.Compare(place(a), place(b)), cmp.Compare(a.Location, b.Location),
			cmp.Compare(a.Message, b.Message))
	})
	fields := make([]ProblemField, 0, len(found))
	for _, e := range found {
		fields = append(fields, problemField(e))
	}
	fields = slices.Compact(fields)
	fields = fields[:min(len(fields), problemErrsMax)]
	code := string(fault.Invalid)
	switch model.Status {
	case http.StatusUnprocessableEntity:
	case http.StatusBadRequest:
		code = codeMalformed
	case http.StatusUnsupportedMediaType:
		return newProblem(codeMediaType, "Content-Type", "Bodies are application/json.")
	case http.StatusRequestEntityTooLarge:
		code = string(fault.TooLarge)
	case http.StatusRequestTimeout:
		code = codeTimeout
	default:
		code = codeInternal
	}
	if len(fields) > 0 && fields[0].Detail == nullText {
		code = string(fault.Invalid) // it is JSON, but not what this field takes
	}
	p := newProblem(code, "body", sentence(model.Detail))
	if len(fields) > 0 {
		p.Field, p.Detail = fields[0].Field, fields[0].Detail
	}
	if len(fields) > 1 {
		p.Errors = fields
	}
	return p
}

// place is the part of the request that an error is about: body, header, path or query.
func place(e *huma.ErrorDetail) string {
	where, _, _ := strings.Cut(e.Location, ".")
	return where
}

// problemField names the field of one of huma's errors in the request's own words.
func problemField(e *huma.ErrorDetail) ProblemField {
	field := e.Location
	switch where := place(e); where {
	case "body", "query", "path", "header":
		field = strings.TrimPrefix(field, where+".")
	}
	detail := e.Message
	if name, ok := missing(e.Message); ok {
		field, detail = join(field, name), "This field is required."
	} else if at, why, ok := strings.Cut(e.Message, fieldMark); ok {
		field, detail = at, why
	}
	return ProblemField{Field: short(field), Detail: short(sentence(detail))}
}

// missing reads the one message in which huma names a field inside its text.
func missing(message string) (string, bool) {
	name, found := strings.CutPrefix(message, "expected required property ")
	if !found {
		return "", false
	}
	return strings.CutSuffix(name, " to be present")
}

func join(field, name string) string {
	if field == "" || field == "body" {
		return name
	}
	return field + "." + name
}

// sentence writes a text as a sentence.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// short keeps a text that a stranger may have chosen from filling an answer or a log.
func short(text string) string {
	if len(text) > fieldBytesMax {
		return strings.ToValidUTF8(text[:fieldBytesMax], "") + "…"
	}
	return text
}
