package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/ledger"
	"seyfert/node"
)

// bookPrefix opens the ids of transfers of the books; those between nodes have another one.
func bookPrefix() string { return ledger.TransferKind{}.Prefix() + "_" }

// mountTransfer reads transfers of both kinds: what their ids open with tells them apart.
func (g *gate) mountTransfer() {
	const path = "/v1/transfers/{id}"
	register(g, operation{
		id: "getTransfer", method: http.MethodGet, path: path, tag: tagBooks,
		summary: "Read a transfer of the books, or one between two nodes",
		roles:   []role{operator, company, member},
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[any], error) {
		var body any
		var err error
		if strings.HasPrefix(in.ID, bookPrefix()) {
			body, err = g.node.BookTransfer(callerOf(ctx), in.ID)
		} else {
			body, err = g.node.Transfer(callerOf(ctx), in.ID)
		}
		return respond(body, renamed(err, map[string]string{"transfer": "id"}))
	})
	document := g.huma.OpenAPI()
	either := &huma.Schema{}
	for _, t := range []reflect.Type{
		reflect.TypeFor[node.BookTransfer](), reflect.TypeFor[node.Transfer](),
	} {
		either.OneOf = append(either.OneOf,
			document.Components.Schemas.Schema(t, true, huma.DefaultSchemaNamer(t, "")))
	}
	document.Paths[path].Get.Responses["200"].Content[typeJSON].Schema = either
}
