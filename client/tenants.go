package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// NewCompany is a company at its creation. APIKey is shown this once.
type NewCompany struct {
	Company Company `json:"company"`
	APIKey  string  `json:"api_key"`
}

// CreateCompany opens a company and makes its first API key. For the operator. When a lost
// answer made the client ask again, the key may be missing: it is shown only once.
func (c *Client) CreateCompany(ctx context.Context, name string) (NewCompany, error) {
	var made NewCompany
	err := c.create(ctx, "/v1/companies", map[string]string{"name": name}, &made)
	return made, err
}

// Companies lists the companies of the node. For the operator.
func (c *Client) Companies(ctx context.Context) ([]Company, error) {
	return rows[Company](ctx, c, "/v1/companies", nil)
}

// CreateMember opens a member. For the operator.
func (c *Client) CreateMember(ctx context.Context, name string) (Member, error) {
	var made Member
	err := c.create(ctx, "/v1/members", map[string]string{"name": name}, &made)
	return made, err
}

// Members lists the members of the node. For the operator.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	return rows[Member](ctx, c, "/v1/members", nil)
}

// SignInCode signs a member in once, until it expires.
type SignInCode struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires_at"`
	URL     string    `json:"url"`
}

// CreateSignIn makes a one-time code for a member. For the operator.
func (c *Client) CreateSignIn(ctx context.Context, member string) (SignInCode, error) {
	var code SignInCode
	err := c.post(ctx, "/v1/members/"+url.PathEscape(member)+"/sign-in", nil, &code)
	return code, err
}

// Session is a member's session; its text is the Key of a Client.
type Session struct {
	Session string    `json:"session"`
	Expires time.Time `json:"expires_at"`
}

// SignIn turns a one-time code into a session. It is sent only once, since it spends the code.
func (c *Client) SignIn(ctx context.Context, code string) (Session, error) {
	var session Session
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/v1/sessions", once: true,
		body: map[string]string{"code": code},
	}, &session)
	return session, err
}

// SignOut ends the session that the client uses.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/v1/sessions", once: true}, nil)
}

// OpenVirtualAccount binds a number that a bank issued to the wallet of its owner, a company or
// a member, or to the account of a company's books that Account names. Created is not sent. For
// the operator.
func (c *Client) OpenVirtualAccount(ctx context.Context, a VirtualAccount) (
	VirtualAccount, error,
) {
	body := map[string]string{
		"rail": a.Rail, "bank": a.Bank, "number": a.Number, "currency": a.Currency,
		"owner": a.Owner,
	}
	if a.Account != "" {
		body["account"] = a.Account
	}
	var made VirtualAccount
	err := c.create(ctx, "/v1/virtual-accounts", body, &made)
	return made, err
}
