package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
)

// role is what kind of caller a key or session belongs to.
type role string

const (
	operator role = "operator"
	company  role = "company"
	member   role = "member"
)

// roleOf reads a caller's role off the id that the node gave it.
func roleOf(by node.Caller) role {
	switch kind, _, _ := strings.Cut(by.ID, "_"); kind {
	case "com":
		return company
	case "mem":
		return member
	}
	return operator
}

// operation describes one endpoint of /v1. Roles says who may call it; without roles it is
// public.
type operation struct {
	id, method, path string
	summary          string
	tag              string
	status           int
	roles            []role
}

// register adds an endpoint whose handler answers with one of our types or an error.
func register[I, O any](g *gate, op operation,
	handle func(ctx context.Context, in *I) (*O, error),
) {
	described := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary,
		Tags: []string{op.tag}, DefaultStatus: op.status, MaxBodyBytes: bodyMax(op.path) + 1,
		BodyReadTimeout: -1, // the body was read before, in its own time
		Responses:       map[string]*huma.Response{"default": problemResponse()},
	}
	if len(op.roles) > 0 {
		described.Security = []map[string][]string{{"bearer": {}}}
		described.Description = "For " + spell(op.roles) + "."
		described.Middlewares = huma.Middlewares{g.admit(op.roles)}
	}
	if op.method == http.MethodPost && !takesKey(reflect.TypeFor[I]()) {
		described.Middlewares = append(described.Middlewares, g.refuseKey)
	}
	// The last one, so that huma answers through it.
	described.Middlewares = append(described.Middlewares, wrap)
	huma.Register(g.huma, described, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, g.problemOf(ctx, err)
		}
		return out, nil
	})
}

// spell lists roles in words.
func spell(roles []role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// wrap puts our hands on the status that huma answers with.
func wrap(ctx huma.Context, next func(huma.Context)) {
	next(&exchange{inner: ctx})
}

// admit lets a request through whose key or session is valid and of one of the roles. It runs
// before the request is parsed, so that a stranger learns nothing from what is wrong with it.
func (g *gate) admit(roles []role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if a := aboutOf(r.Context()); !a.known {
			by, err := g.known(r, roles)
			if err != nil {
				g.write(w, r, err)
				return
			}
			a.by, a.known = by, true
		}
		next(ctx)
	}
}

// takesKey says whether an input names a request that must happen once.
func takesKey(input reflect.Type) bool {
	_, ok := input.FieldByName("IdempotencyKey")
	return ok
}

// refuseKey refuses the header that promises one answer where nothing remembers it. Whoever sends
// it counts on being able to repeat the request.
func (g *gate) refuseKey(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if len(r.Header.Values(headerKey)) > 0 {
		g.write(w, r, newProblem(string(fault.Invalid), headerKey,
			"This request takes no Idempotency-Key."))
		return
	}
	next(ctx)
}

// authenticate finds who sent a request. Wrong secrets are counted by address, so that nobody
// can go through many of them.
func (g *gate) authenticate(r *http.Request) (node.Caller, error) {
	token, ok := auth.Bearer(r)
	if !ok {
		return node.Caller{}, fault.New(fault.Unauthenticated, "Authorization",
			"The request needs one header Authorization: Bearer with a key or session.")
	}
	by, err := g.node.Authenticate(token)
	if err != nil {
		return node.Caller{}, g.guessed(r.Context(), err)
	}
	return by, take(g.caller, by.Key, g.cfg.Now())
}

// guessed counts a wrong secret; one too many is told instead of the refusal.
func (g *gate) guessed(ctx context.Context, refusal error) error {
	if err := take(g.guess, aboutOf(ctx).address, g.cfg.Now()); err != nil {
		return err
	}
	return refusal
}

// Idempotent is the part of an input that names a request that must happen once.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255"`
}

// request binds the caller's key to the operation and its content.
func (i Idempotent) request(operation string, content any) (node.Request, error) {
	return node.NewRequest(i.IdempotencyKey, struct {
		Operation string `json:"operation"`
		Content   any    `json:"content"`
	}{operation, content})
}

// Waiting is the part of an input that says how long to wait for something.
type Waiting struct {
	Wait int `query:"wait" minimum:"0" maximum:"20" default:"10" doc:"seconds to wait"`
}

// within gives a context that ends when the wait is over.
func (w Waiting) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(w.Wait)*time.Second)
}

// Page is the part of an input that bounds a listing.
type Page struct {
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"rows of one page"`
}
