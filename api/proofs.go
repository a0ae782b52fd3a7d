package api

import (
	"context"
	"net/http"
	"strconv"
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
	g.mountTransfer()
	register(g, operation{
		id: "getProof", method: http.MethodGet, path: "/v1/transfers/{id}/proof",
		tag: tagProofs, summary: "Export the offline proof of a cleared transfer",
		roles: []role{operator, company, member},
	}, g.getProof)
	register(g, operation{
		id: "getEntryProof", method: http.MethodGet, path: "/v1/entries/{number}/proof",
		tag: tagProofs, summary: "Export the offline proof of an entry of history: a leg that " +
			"was posted or a change of a hold",
		roles: []role{operator, company, member},
	}, g.getEntryProof)
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
	return proofFile(in.ID, bundle), nil
}

func (g *gate) getEntryProof(ctx context.Context, in *struct {
	Number string `path:"number" doc:"its place in history, from 1"`
},
) (*file, error) {
	number, err := strconv.ParseUint(in.Number, 10, 64)
	if err != nil || strconv.FormatUint(number, 10) != in.Number {
		number = 0 // which no entry has
	}
	bundle, err := g.node.EntryBundle(ctx, callerOf(ctx), number)
	if err != nil {
		return nil, renamed(err, map[string]string{"entry": "number"})
	}
	return proofFile("entry-"+in.Number, bundle), nil
}

// proofFile is a bundle under the name of what it proves.
func proofFile(name string, bundle []byte) *file {
	return &file{
		Type:        "application/json",
		Disposition: `attachment; filename="` + name + `.proof.json"`,
		Body:        bundle,
	}
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
