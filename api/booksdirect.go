package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/fault"
	"seyfert/node"
)

// Media types of requests and answers.
const (
	typeJSON    = "application/json"
	typeBatch   = "application/vnd.seyfert.transfers"
	typeResults = "application/vnd.seyfert.results"
)

// direct is an endpoint of the books that is served without reflection: its body is read by a
// decoder of its own. It is described in the document and guarded as any other.
type direct struct {
	operation
	// body and answer are the JSON forms, for the document; body nil takes none.
	body, answer reflect.Type
	// optional says that the body may be left out.
	optional bool
	// binary says that the endpoint takes batches and gives results in their binary form too.
	binary bool
	handle func(c order) (reply, error)
}

// order is a request to a direct endpoint whose caller is known.
type order struct {
	ctx  context.Context
	by   node.Caller
	path func(name string) string
	// key is the Idempotency-Key, if any.
	key  string
	body []byte
	// isBinary says that the body is a batch in its binary form.
	isBinary bool
}

// reply is a success.
type reply struct {
	status int
	media  string
	body   []byte
}

// direct mounts an endpoint and describes it.
func (g *gate) direct(d direct) {
	g.describe(d)
	g.mux.HandleFunc(d.method+" "+d.path, func(w http.ResponseWriter, r *http.Request) {
		answer, err := g.carryOut(d, r)
		if err != nil {
			g.write(w, r, err)
			return
		}
		w.Header()["Content-Type"] = []string{answer.media}
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body) // a connection that breaks here is the caller's loss only
	})
}

// carryOut does what holds for every direct endpoint and hands the request on.
func (g *gate) carryOut(d direct, r *http.Request) (reply, error) {
	a := aboutOf(r.Context())
	if !a.known {
		var err error
		if a.by, err = g.known(r, d.roles); err != nil {
			return reply{}, err
		}
		a.known = true
	}
	if err := noQuery(r.URL); err != nil {
		return reply{}, err
	}
	c := order{ctx: r.Context(), by: a.by, path: r.PathValue, key: r.Header.Get(headerKey)}
	if d.body == nil {
		return d.handle(c)
	}
	var err error
	if c.body, err = bodyOf(r); err != nil {
		return reply{}, err
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == typeBatch && d.binary:
		c.isBinary = true
	case media != "" && media != typeJSON:
		return reply{}, newProblem(codeMediaType, "Content-Type", "Bodies are "+d.media()+".")
	}
	return d.handle(c)
}

// media lists the content types that the endpoint takes.
func (d direct) media() string {
	if d.binary {
		return typeJSON + " or " + typeBatch
	}
	return typeJSON
}

// known finds the caller and checks the role.
func (g *gate) known(r *http.Request, roles []role) (node.Caller, error) {
	by, err := g.authenticate(r)
	if err == nil && !slices.Contains(roles, roleOf(by)) {
		err = fault.New(fault.Forbidden, "Authorization", "This is for %s only.", spell(roles))
	}
	return by, err
}

// noQuery refuses parameters where there are none.
func noQuery(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	name, _, _ := strings.Cut(u.RawQuery, "&")
	name, _, _ = strings.Cut(name, "=")
	if text, err := url.QueryUnescape(name); err == nil {
		name = strings.ToValidUTF8(text, "")
	}
	return newProblem(string(fault.Invalid), name, "This parameter is not known.")
}

// wholeBody is a body that was read before.
type wholeBody struct {
	*bytes.Reader
	data []byte
}

func newWholeBody(data []byte) *wholeBody { return &wholeBody{bytes.NewReader(data), data} }

// Close implements io.Closer.
func (*wholeBody) Close() error { return nil }

// bodyOf gives the bytes of a request's body.
func bodyOf(r *http.Request) ([]byte, error) {
	if whole, ok := r.Body.(*wholeBody); ok {
		return whole.data, nil
	}
	return io.ReadAll(io.LimitReader(r.Body, BulkBytesMax))
}

// describe puts the endpoint into the document.
func (g *gate) describe(d direct) {
	document := g.huma.OpenAPI()
	schema := func(t reflect.Type) map[string]*huma.MediaType {
		s := document.Components.Schemas.Schema(t, true, huma.DefaultSchemaNamer(t, ""))
		return map[string]*huma.MediaType{typeJSON: {Schema: s}}
	}
	bytes := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	success := &huma.Response{Description: "OK", Content: schema(d.answer)}
	op := &huma.Operation{
		OperationID: d.id, Method: d.method, Path: d.path, Summary: d.summary,
		Tags: []string{d.tag}, Security: []map[string][]string{{"bearer": {}}},
		Description: "For " + spell(d.roles) + ".",
		Responses:   map[string]*huma.Response{"200": success, "default": problemResponse()},
		Parameters: []*huma.Param{{
			Name: headerKey, In: "header",
			Schema: &huma.Schema{
				Type: huma.TypeString, MinLength: new(1), MaxLength: new(KeyBytesMax),
			},
		}},
	}
	if d.status == http.StatusCreated {
		op.Responses["201"] = &huma.Response{Description: "Created", Content: success.Content}
		success.Description = "It was done before: the same answer again"
	}
	for _, part := range strings.Split(d.path, "/") {
		if name, isParam := strings.CutPrefix(part, "{"); isParam {
			op.Parameters = append(op.Parameters, pathParam(strings.TrimSuffix(name, "}"), ""))
		}
	}
	if d.body != nil {
		op.RequestBody = &huma.RequestBody{Required: !d.optional, Content: schema(d.body)}
		if d.binary {
			op.RequestBody.Content[typeBatch] = bytes
			success.Content[typeResults] = bytes
		}
	}
	document.AddOperation(op)
}
