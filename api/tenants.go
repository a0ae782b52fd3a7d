package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"seyfert/fault"
	"seyfert/node"
)

const tagTenants = "companies and members"

// newCompany is the body of POST /v1/companies.
type newCompany struct {
	Name string `json:"name" minLength:"1" maxLength:"256"`
}

// companyWithKey is a company at its creation. The key is shown this once.
type companyWithKey struct {
	Company node.Company `json:"company"`
	APIKey  string       `json:"api_key,omitempty"`
}

// newMember is the body of POST /v1/members.
type newMember struct {
	Name string `json:"name" minLength:"1" maxLength:"256"`
}

// signIn is a one-time code for a member.
type signIn struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires_at"`
	URL     string    `json:"url" doc:"page on which the code signs the member in"`
}

// newSession is the body of POST /v1/sessions.
type newSession struct {
	Code string `json:"code" minLength:"1" maxLength:"128"`
}

// session is a member's session.
type session struct {
	Session string    `json:"session" doc:"bearer token"`
	Expires time.Time `json:"expires_at"`
}

// newVirtualAccount is the body of POST /v1/virtual-accounts.
type newVirtualAccount struct {
	Rail     string `json:"rail" minLength:"1" maxLength:"32" doc:"how the money comes, such as bank"`
	Bank     string `json:"bank" minLength:"1" maxLength:"32"`
	Number   string `json:"number" minLength:"1" maxLength:"34"`
	Currency string `json:"currency" minLength:"3" maxLength:"3"`
	Owner    string `json:"owner" minLength:"1" maxLength:"64" doc:"a company or member"`
	Account  string `json:"account,omitempty" maxLength:"30" doc:"a liability of the owner's books; absent is its wallet"`
}

func (g *gate) mountTenants() {
	register(g, operation{
		id: "createCompany", method: http.MethodPost, path: "/v1/companies", tag: tagTenants,
		summary: "Open a company and make its first API key", status: http.StatusCreated,
		roles: []role{operator},
	}, g.createCompany)
	register(g, operation{
		id: "listCompanies", method: http.MethodGet, path: "/v1/companies", tag: tagTenants,
		summary: "List the companies of the node", roles: []role{operator},
	}, func(ctx context.Context, _ *struct{}) (*answer[list[node.Company]], error) {
		return respondList(g.node.Companies(callerOf(ctx)))
	})
	register(g, operation{
		id: "createMember", method: http.MethodPost, path: "/v1/members", tag: tagTenants,
		summary: "Open a member", status: http.StatusCreated, roles: []role{operator},
	}, g.createMember)
	register(g, operation{
		id: "listMembers", method: http.MethodGet, path: "/v1/members", tag: tagTenants,
		summary: "List the members of the node", roles: []role{operator},
	}, func(ctx context.Context, _ *struct{}) (*answer[list[node.Member]], error) {
		return respondList(g.node.Members(callerOf(ctx)))
	})
	register(g, operation{
		id: "createSignIn", method: http.MethodPost, path: "/v1/members/{id}/sign-in",
		tag: tagTenants, summary: "Make a one-time code that signs a member in",
		status: http.StatusCreated, roles: []role{operator},
	}, g.createSignIn)
	register(g, operation{
		id: "createSession", method: http.MethodPost, path: "/v1/sessions", tag: tagTenants,
		summary: "Turn a one-time code into a session", status: http.StatusCreated,
	}, g.createSession)
	register(g, operation{
		id: "endSession", method: http.MethodDelete, path: "/v1/sessions", tag: tagTenants,
		summary: "End the session that the request is made with",
		status:  http.StatusNoContent, roles: []role{member},
	}, func(ctx context.Context, _ *struct{}) (*nothing, error) {
		return nil, g.node.SignOut(ctx, callerOf(ctx))
	})
	register(g, operation{
		id: "createVirtualAccount", method: http.MethodPost, path: "/v1/virtual-accounts",
		tag: tagTenants, summary: "Bind a number that a bank issued to a wallet",
		status: http.StatusCreated, roles: []role{operator},
	}, g.createVirtualAccount)
}

func (g *gate) createCompany(ctx context.Context, in *struct {
	Idempotent
	Body newCompany
},
) (*answer[companyWithKey], error) {
	request, err := in.request("createCompany", in.Body)
	if err != nil {
		return nil, err
	}
	made, key, err := g.node.CreateCompany(ctx, callerOf(ctx), request, in.Body.Name)
	return respond(companyWithKey{Company: made, APIKey: string(key)}, err)
}

func (g *gate) createMember(ctx context.Context, in *struct {
	Idempotent
	Body newMember
},
) (*answer[node.Member], error) {
	request, err := in.request("createMember", in.Body)
	if err != nil {
		return nil, err
	}
	return respond(g.node.CreateMember(ctx, callerOf(ctx), request, in.Body.Name))
}

func (g *gate) createSignIn(ctx context.Context, in *struct {
	ID string `path:"id"`
},
) (*answer[signIn], error) {
	code, expires, err := g.node.CreateSignIn(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, renamed(err, map[string]string{"subject": "id", "member": "id"})
	}
	return respond(signIn{
		Code: string(code), Expires: expires, URL: g.signInURL(string(code)),
	}, nil)
}

func (g *gate) signInURL(code string) string {
	if g.cfg.SignInURL != nil {
		return g.cfg.SignInURL(code)
	}
	return g.cfg.Origin + "/signin?code=" + url.QueryEscape(code)
}

func (g *gate) createSession(ctx context.Context, in *struct{ Body newSession }) (
	*answer[session], error,
) {
	if err := check(g.guess, aboutOf(ctx).address, g.cfg.Now()); err != nil {
		return nil, err
	}
	token, expires, err := g.node.SignIn(ctx, in.Body.Code)
	if refused, ok := fault.Of(err); ok && refused.Code == fault.Unauthenticated {
		err = g.guessed(ctx, err)
	}
	return respond(session{Session: string(token), Expires: expires}, err)
}

func (g *gate) createVirtualAccount(ctx context.Context, in *struct {
	Idempotent
	Body newVirtualAccount
},
) (*answer[node.VirtualAccount], error) {
	request, err := in.request("createVirtualAccount", in.Body)
	if err != nil {
		return nil, err
	}
	return respond(g.node.OpenVirtualAccount(ctx, callerOf(ctx), request, node.VirtualAccount{
		Rail: in.Body.Rail, Bank: in.Body.Bank, Number: in.Body.Number,
		Currency: in.Body.Currency, Owner: in.Body.Owner, Account: in.Body.Account,
	}))
}
