package web

import (
	"net/http"
	"net/url"
	"strings"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
)

// addressMax bounds each address that a visitor sends, in bytes.
const addressMax = 2048

// showSignIn shows the door. A code in the link is only filled in: opening a link, which mail
// programs and previews do by themselves, must not spend it.
func (p *NodePages) showSignIn(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v := p.door(r, returnPath(query.Get("return")))
	v.Code = query.Get("code")
	if len(v.Code) > auth.TokenMax {
		return fault.New(fault.Invalid, "code", "A code has at most %d bytes.", auth.TokenMax)
	}
	if _, ok, err := p.visitor(r); err != nil {
		return err
	} else if ok && v.Code == "" {
		http.Redirect(w, r, v.Return, http.StatusSeeOther)
		return nil
	}
	return p.pages.Render(w, r, http.StatusOK, v)
}

// door is the page that asks for a code and goes on to a path of the wallet.
func (p *NodePages) door(r *http.Request, to string) *SignIn {
	v := &SignIn{
		Frame: p.frame(), Action: signInPath, Return: to, Passkey: p.doors(r, to),
	}
	if p.cfg.Sandbox != "" {
		v.Door = p.cfg.Sandbox + walletPath + "?" + url.Values{
			"return": {to}, langParam: {string(RequestLang(r))},
		}.Encode()
	}
	return v
}

// signIn spends a code for a session. Wrong codes count against the visitor's address: whoever
// sent too many waits, and what it sends meanwhile is not looked at.
func (p *NodePages) signIn(w http.ResponseWriter, r *http.Request) error {
	client := auth.ClientKey(r, p.cfg.Proxies)
	if wait, ok := p.signIns.Check(client, p.cfg.Now()); !ok {
		return trouble{
			status: http.StatusTooManyRequests, title: "toomany", retry: wait, back: signInPath,
		}
	}
	to := returnPath(r.PostForm.Get("return"))
	code := strings.TrimSpace(r.PostForm.Get("code"))
	session, _, err := p.cfg.Node.SignIn(r.Context(), code)
	refused, isFault := fault.Of(err)
	switch {
	case err == nil:
	case isFault && refused.Code != fault.TooMany && refused.Code != fault.Unavailable:
		p.signIns.Take(client, p.cfg.Now())
		v := p.door(r, to)
		v.Refused = true
		return p.pages.Render(w, r, http.StatusForbidden, v)
	default:
		return err
	}
	auth.SetCookie(w, p.cfg.Secure, session, node.SessionLife)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// signOut ends the session at the node and in the browser.
func (p *NodePages) signOut(w http.ResponseWriter, r *http.Request) error {
	who, ok, err := p.visitor(r)
	if err != nil {
		return err
	}
	if ok {
		if err := p.cfg.Node.SignOut(r.Context(), who.Caller); err != nil {
			return err
		}
	}
	auth.ClearCookie(w, p.cfg.Secure)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
	return nil
}

// returnPath is where a visitor goes after signing in: a page of this wallet and nowhere else,
// whatever the request says.
func returnPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > 2*addressMax || u.Scheme != "" || u.Host != "" || u.Opaque != "" {
		return walletPath
	}
	inside := u.Path == walletPath || strings.HasPrefix(u.Path, walletPath+"/")
	if !inside || u.Path == signInPath || strings.Contains(u.Path, "..") {
		return walletPath
	}
	return u.RequestURI()
}
