package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// CompanyRequest asks for a new company.
type CompanyRequest struct {
	Name string `json:"name"`
	// IdempotencyKey makes the call happen once; empty makes a new key for each call.
	IdempotencyKey string `json:"-"`
}

// NewCompany is a company at its creation. APIKey is shown this once.
type NewCompany struct {
	Company Company `json:"company"`
	APIKey  string  `json:"api_key"`
}

// CreateCompany opens a company and makes its first API key. For the operator. When a lost
// answer made the client ask again, the key may be missing: it is shown only once.
func (c *Client) CreateCompany(ctx context.Context, r CompanyRequest) (NewCompany, error) {
	var made NewCompany
	err := c.create(ctx, "/v1/companies", r.IdempotencyKey, r, &made)
	return made, err
}

// Companies lists the companies of the node. For the operator.
func (c *Client) Companies(ctx context.Context) ([]Company, error) {
	return rows[Company](ctx, c, "/v1/companies", nil)
}

// MemberRequest asks for a new member.
type MemberRequest struct {
	Name string `json:"name"`
	// IdempotencyKey makes the call happen once; empty makes a new key for each call.
	IdempotencyKey string `json:"-"`
}

// CreateMember opens a member. For the operator.
func (c *Client) CreateMember(ctx context.Context, r MemberRequest) (Member, error) {
	var made Member
	err := c.create(ctx, "/v1/members", r.IdempotencyKey, r, &made)
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

// VirtualAccountRequest asks to bind a number that a bank issued to a wallet.
type VirtualAccountRequest struct {
	Rail     string `json:"rail"`
	Bank     string `json:"bank"`
	Number   string `json:"number"`
	Currency string `json:"currency"`
	// Owner is the company or member.
	Owner string `json:"owner"`
	// IdempotencyKey makes the call happen once; empty makes a new key for each call.
	IdempotencyKey string `json:"-"`
}

// CreateVirtualAccount binds a number that a bank issued to a wallet. For the operator.
func (c *Client) CreateVirtualAccount(ctx context.Context, r VirtualAccountRequest) (
	VirtualAccount, error,
) {
	var made VirtualAccount
	err := c.create(ctx, "/v1/virtual-accounts", r.IdempotencyKey, r, &made)
	return made, err
}
