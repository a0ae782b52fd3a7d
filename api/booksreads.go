package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"seyfert/fault"
	"seyfert/node"
)

// Times are the times that bound a listing.
type Times struct {
	From string `query:"from" format:"date-time" doc:"recorded then or later"`
	To   string `query:"to" format:"date-time" doc:"recorded before"`
}

// span reads the times.
func (t Times) span() (from, to time.Time, err error) {
	if from, err = queryTime("from", t.From); err != nil {
		return from, to, err
	}
	to, err = queryTime("to", t.To)
	return from, to, err
}

// queryTime reads a time of a query; an absent one is zero.
func queryTime(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, refused := timeOf(field, []byte(text))
	if refused != nil {
		return time.Time{}, refused
	}
	return time.UnixMilli(at).UTC(), nil
}

// Cursor is the part of an input that says where a listing goes on.
type Cursor struct {
	Cursor uint64 `query:"cursor" doc:"next of the page before"`
}

// page is a listing with the cursor of the page after it; 0 is the last one.
func page[T any](rows []T, next uint64, err error) (*answer[list[T]], error) {
	if err != nil {
		return nil, err
	}
	body := list[T]{Data: rows}
	if next != 0 {
		body.Next = strconv.FormatUint(next, 10)
	}
	return respond(body, nil)
}

// LooksFor is what searches for transfers and for holds have in common.
type LooksFor struct {
	Page
	Cursor
	Times
	Account string `query:"account" doc:"one that it names"`
	Company string `query:"company" doc:"one whose accounts it names; for the operator"`
	State   string `query:"state"`
}

func (q LooksFor) search(reference string) (node.Search, error) {
	from, to, err := q.span()
	return node.Search{
		Account: q.Account, Company: q.Company, From: from, To: to, State: q.State,
		Reference: reference, Cursor: q.Cursor.Cursor, Limit: q.Limit,
	}, err
}

// mountBookReads mounts what is read of accounts, transfers and holds.
func (g *gate) mountBookReads() {
	all := []role{operator, company, member}
	register(g, operation{
		id: "getAccount", method: http.MethodGet, path: "/v1/accounts/{id}", tag: tagBooks,
		summary: "Read an account with its four balances", roles: all,
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[node.BookAccount], error) {
		account, err := g.node.BookAccount(callerOf(ctx), in.ID)
		return respond(account, renamed(err, map[string]string{"account": "id"}))
	})
	register(g, operation{
		id: "getBalance", method: http.MethodGet, path: "/v1/accounts/{id}/balance",
		tag: tagBooks, summary: "Read the posted balance of an account as of a time",
		roles: all,
	}, g.getBalance)
	register(g, operation{
		id: "listEntries", method: http.MethodGet, path: "/v1/accounts/{id}/entries",
		tag: tagBooks, summary: "List an account's history, newest first", roles: all,
	}, g.listEntries)
	register(g, operation{
		id: "listAccounts", method: http.MethodGet, path: "/v1/accounts", tag: tagBooks,
		summary: "List accounts of the books in the order of their ids", roles: keepers(),
	}, g.listAccounts)
	register(g, operation{
		id: "listTransfers", method: http.MethodGet, path: "/v1/transfers", tag: tagBooks,
		summary: "Search transfers of the books, newest first; those under a reference come " +
			"oldest first. A page may be short and still have a next one",
		roles: keepers(),
	}, func(ctx context.Context, in *struct {
		LooksFor
		Reference string `query:"reference" maxLength:"128" doc:"with state, and nothing else"`
	},
	) (*answer[list[node.BookTransfer]], error) {
		q, err := in.search(in.Reference)
		if err != nil {
			return nil, err
		}
		if q.Reference != "" && (q.Account != "" || in.From != "" || in.To != "") {
			return nil, fault.New(fault.Invalid, "reference",
				"A reference is searched for by itself, or with a state.")
		}
		return page(g.node.BookTransfers(callerOf(ctx), q))
	})
	register(g, operation{
		id: "listHolds", method: http.MethodGet, path: "/v1/holds", tag: tagBooks,
		summary: "Search holds of the books, newest first. A page may be short and still have " +
			"a next one",
		roles: keepers(),
	}, func(ctx context.Context, in *LooksFor) (*answer[list[node.BookHold]], error) {
		q, err := in.search("")
		if err != nil {
			return nil, err
		}
		return page(g.node.BookHolds(callerOf(ctx), q))
	})
	register(g, operation{
		id: "getHold", method: http.MethodGet, path: "/v1/holds/{id}", tag: tagBooks,
		summary: "Read a hold as it stands", roles: all,
	}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*answer[node.BookHold], error) {
		hold, err := g.node.BookHold(callerOf(ctx), in.ID)
		return respond(hold, renamed(err, map[string]string{"hold": "id"}))
	})
}

func (g *gate) getBalance(ctx context.Context, in *struct {
	ID        string `path:"id"`
	Recorded  string `query:"recorded_at" format:"date-time" doc:"up to when it was recorded"`
	Effective string `query:"effective_at" format:"date-time" doc:"up to when it counts"`
},
) (*answer[node.PastBalance], error) {
	var at node.Moment
	var err error
	if at.Recorded, err = queryTime("recorded_at", in.Recorded); err != nil {
		return nil, err
	}
	if at.Effective, err = queryTime("effective_at", in.Effective); err != nil {
		return nil, err
	}
	balance, err := g.node.BalanceAt(callerOf(ctx), in.ID, at)
	return respond(balance, renamed(err, map[string]string{"account": "id"}))
}

func (g *gate) listEntries(ctx context.Context, in *struct {
	Page
	Times
	ID     string `path:"id"`
	Before uint64 `query:"before" doc:"only lines below this number: next of the page before"`
},
) (*answer[list[node.Entry]], error) {
	from, to, err := in.span()
	if err != nil {
		return nil, err
	}
	rows, err := g.node.Statement(callerOf(ctx), in.ID, node.Span{From: from, To: to},
		in.Before, in.Limit)
	if err != nil {
		return nil, renamed(err, map[string]string{"account": "id"})
	}
	next := uint64(0)
	if len(rows) == in.Limit {
		next = rows[len(rows)-1].Number
	}
	return page(rows, next, nil)
}

func (g *gate) listAccounts(ctx context.Context, in *struct {
	Page
	Owner    string `query:"owner" doc:"a company, or node; for the operator"`
	Code     int    `query:"code" minimum:"0" maximum:"65535" default:"0" doc:"0 is any"`
	Currency string `query:"currency" maxLength:"3"`
	After    string `query:"after" doc:"next of the page before"`
},
) (*answer[list[node.BookAccount]], error) {
	q := node.AccountSearch{
		Owner: in.Owner, Currency: in.Currency, After: in.After, Limit: in.Limit,
	}
	if in.Code != 0 {
		code := uint16(in.Code)
		q.Code = &code
	}
	rows, next, err := g.node.BookAccounts(callerOf(ctx), q)
	return respond(list[node.BookAccount]{Data: rows, Next: next}, err)
}

// newMetadata is the body of PUT /v1/metadata/{id}.
type newMetadata struct {
	Metadata map[string]string `json:"metadata"`
}

func (g *gate) mountMetadata() {
	const path = "/v1/metadata/{id}"
	register(g, operation{
		id: "setMetadata", method: http.MethodPut, path: path, tag: tagBooks,
		summary: "Set the metadata of an account, transfer or hold; what it was stays readable",
		roles:   keepers(),
	}, func(ctx context.Context, in *struct {
		ID   string `path:"id"`
		Body newMetadata
	},
	) (*answer[node.Annotation], error) {
		set, err := g.node.Annotate(ctx, callerOf(ctx), in.ID, in.Body.Metadata)
		return respond(set, renamed(err, map[string]string{"subject": "id"}))
	})
	register(g, operation{
		id: "listMetadata", method: http.MethodGet, path: path, tag: tagBooks,
		summary: "List the versions of the metadata of an account, transfer or hold, newest first",
		roles:   keepers(),
	}, func(ctx context.Context, in *struct {
		Page
		ID    string `path:"id"`
		Below uint64 `query:"below" doc:"only versions below this one: next of the page before"`
	},
	) (*answer[list[node.Annotation]], error) {
		rows, err := g.node.Annotations(callerOf(ctx), in.ID, in.Below, in.Limit)
		next := uint64(0)
		if len(rows) > 0 && len(rows) == in.Limit && rows[len(rows)-1].Version > 1 {
			next = rows[len(rows)-1].Version
		}
		return page(rows, next, renamed(err, map[string]string{"subject": "id"}))
	})
}
