package api

import (
	"context"
	"net/http"
	"time"

	"seyfert/fault"
	"seyfert/node"
)

const tagProofs = "proofs"

// file is an answer of bytes that are sent as they are.
type file struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (g *gate) mountProofs() {
	register(g, operation{
		id: "getTransfer", method: http.MethodGet, path: "/v1/transfers/{id}", tag: tagProofs,
		summary: "Read a transfer between two nodes", roles: []role{operator, company, member},
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[node.Transfer], error) {
		transfer, err := g.node.Transfer(callerOf(ctx), in.ID)
		return respond(transfer, renamed(err, map[string]string{"transfer": "id"}))
	})
	register(g, operation{
		id: "getProof", method: http.MethodGet, path: "/v1/transfers/{id}/proof",
		tag: tagProofs, summary: "Export the offline proof of a cleared transfer",
		roles: []role{operator, company, member},
	}, g.getProof)
	register(g, operation{
		id: "closeDay", method: http.MethodPost, path: "/v1/days/close", tag: tagProofs,
		summary: "Close a day: its checkpoint is fixed and anchored", roles: []role{operator},
	}, g.closeDay)
	register(g, operation{
		id: "listDays", method: http.MethodGet, path: "/v1/days", tag: tagProofs,
		summary: "List the closed days, oldest first",
	}, func(context.Context, *struct{}) (*answer[list[node.Day]], error) {
		return respondList(g.node.Days(), nil)
	})
	register(g, operation{
		id: "listChainRows", method: http.MethodGet, path: "/v1/chain/rows", tag: tagProofs,
		summary: "List what the node wrote on the chain, oldest first", roles: []role{operator},
	}, func(ctx context.Context, _ *struct{}) (*answer[list[node.ChainRow]], error) {
		return respondList(g.node.ChainRows(callerOf(ctx)))
	})
	register(g, operation{
		id: "getHeaders", method: http.MethodGet, path: "/v1/chain/headers", tag: tagProofs,
		summary: "Get the chain's headers from a height on, 80 bytes each, as the node checked " +
			"them; a page shorter than asked for is the last one",
	}, g.getHeaders)
}

func (g *gate) getHeaders(_ context.Context, in *struct {
	From  int64 `query:"from" minimum:"0" doc:"height of the first header; 0 is genesis"`
	Count int   `query:"count" minimum:"1" maximum:"10000" default:"10000" doc:"headers at most"`
},
) (*file, error) {
	headers, err := g.node.Headers(in.From, in.Count)
	if err != nil {
		return nil, err
	}
	return &file{
		Type: "application/octet-stream", Disposition: `attachment; filename="headers.bin"`,
		Body: headers,
	}, nil
}

func (g *gate) getProof(ctx context.Context, in *struct {
	ID string `path:"id"`
},
) (*file, error) {
	bundle, err := g.node.Bundle(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, renamed(err, map[string]string{"transfer": "id"})
	}
	return &file{
		Type:        "application/json",
		Disposition: `attachment; filename="` + in.ID + `.proof.json"`,
		Body:        bundle,
	}, nil
}

// whichDay is the body of POST /v1/days/close.
type whichDay struct {
	Day string `json:"day,omitempty" format:"date" maxLength:"10"`
}

func (g *gate) closeDay(ctx context.Context, in *struct {
	Body *whichDay
},
) (*answer[node.Day], error) {
	number := uint32(0)
	if in.Body != nil && in.Body.Day != "" {
		day, err := time.Parse(time.DateOnly, in.Body.Day)
		if err != nil || day.Unix() <= 0 {
			return nil, fault.New(fault.Invalid, "day", "The day is not a date since 1970.")
		}
		number = uint32(day.Unix() / (24 * 60 * 60))
	}
	return respond(g.node.CloseDay(ctx, callerOf(ctx), number))
}
