package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
)

// Paths of sign-up, sign-in by passkey, and recovery. Where a form posts, its question is fetched
// from the path with beginSuffix.
const (
	signUpPath    = "/wallet/sign-up"
	passkeyPath   = "/wallet/sign-in/passkey"
	recoverPath   = "/wallet/recover"
	makePath      = "/wallet/recover/passkey"
	beginSuffix   = "/begin"
	answerField   = "answer"
	ceremonyField = "ceremony"
)

// signUpLimit is for one address, and counts new members alone.
func signUpLimit() auth.Limit {
	return auth.Limit{Burst: 10, Every: time.Minute, Keys: throttleKeys}
}

// ceremonyLimit is for one address: each is kept in memory until it is answered.
func ceremonyLimit() auth.Limit {
	return auth.Limit{Burst: 60, Every: time.Second, Keys: throttleKeys}
}

// mountPasskeys adds the pages that need passkeys, where browsers make them.
func (p *NodePages) mountPasskeys(mux *http.ServeMux) {
	if p.passkeys == nil {
		return
	}
	mux.HandleFunc("GET "+signUpPath, p.open(p.showSignUp))
	mux.HandleFunc("POST "+signUpPath+beginSuffix, p.open(p.form(p.beginSignUp)))
	mux.HandleFunc("POST "+signUpPath, p.open(p.form(p.signUp)))
	mux.HandleFunc("POST "+passkeyPath+beginSuffix, p.open(p.form(p.beginPasskey)))
	mux.HandleFunc("POST "+passkeyPath, p.open(p.form(p.passkeySignIn)))
	mux.HandleFunc("GET "+recoverPath, p.open(p.showRecover))
	mux.HandleFunc("POST "+recoverPath, p.open(p.form(p.recover)))
	mux.HandleFunc("POST "+makePath+beginSuffix, p.open(p.form(p.beginRecovered)))
	mux.HandleFunc("POST "+makePath, p.open(p.form(p.recovered)))
	mux.HandleFunc("POST "+securityPath+"/add"+beginSuffix, p.signed(p.beginAdd))
	mux.HandleFunc("POST "+securityPath+"/add", p.signed(p.addPasskey))
	mux.HandleFunc("POST "+approvePath+beginSuffix, p.signed(p.beginApprove))
}

// doors are where a passkey leads in; nil where browsers make none.
func (p *NodePages) doors(r *http.Request, to string) *Doors {
	if p.passkeys == nil {
		return nil
	}
	query := "?" + url.Values{
		"return": {to}, langParam: {string(RequestLang(r))},
	}.Encode()
	return &Doors{
		Action: passkeyPath, Begin: passkeyPath + beginSuffix,
		SignUp: signUpPath + query, Recover: recoverPath + query,
	}
}

// asked answers with the question of a ceremony.
func asked(w http.ResponseWriter, c node.Ceremony, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(text) // the reader may be gone, which is no fault
	return nil
}

// answered is what a form brings back from a ceremony.
func answered(r *http.Request) (id string, answer []byte) {
	return r.PostForm.Get(ceremonyField), []byte(r.PostForm.Get(answerField))
}

// paced counts one ceremony against the visitor's address.
func (p *NodePages) paced(r *http.Request) error {
	client := auth.ClientKey(r, p.cfg.Proxies)
	if wait, ok := p.ceremonies.Take(client, p.cfg.Now()); !ok {
		return trouble{status: http.StatusTooManyRequests, title: "toomany", retry: wait}
	}
	return nil
}

// dismissed says whether an answer was looked at and refused: the page is shown again. A node
// that is busy or away is another thing.
func dismissed(err error) bool {
	refused, ok := fault.Of(err)
	return ok && refused.Code != fault.TooMany && refused.Code != fault.Unavailable
}

func (p *NodePages) showSignUp(w http.ResponseWriter, r *http.Request) error {
	return p.pages.Render(w, r, http.StatusOK, p.signUpPage(r, r.URL.Query().Get("return")))
}

func (p *NodePages) signUpPage(r *http.Request, to string) *SignUp {
	to = returnPath(to)
	return &SignUp{
		Frame: p.frame(), Action: signUpPath, Begin: signUpPath + beginSuffix, Return: to,
		SignIn: signInPath + "?" + url.Values{
			"return": {to}, langParam: {string(RequestLang(r))},
		}.Encode(),
	}
}

func (p *NodePages) beginSignUp(w http.ResponseWriter, r *http.Request) error {
	if err := p.paced(r); err != nil {
		return err
	}
	c, err := p.passkeys.BeginSignUp(r.PostForm.Get("name"))
	return asked(w, c, err)
}

// signUp opens a member and signs her in.
func (p *NodePages) signUp(w http.ResponseWriter, r *http.Request) error {
	client := auth.ClientKey(r, p.cfg.Proxies)
	if wait, ok := p.signUps.Take(client, p.cfg.Now()); !ok {
		return trouble{
			status: http.StatusTooManyRequests, title: "toomany", retry: wait, back: signUpPath,
		}
	}
	id, answer := answered(r)
	session, err := p.passkeys.SignUp(r.Context(), id, answer)
	if dismissed(err) {
		v := p.signUpPage(r, r.PostForm.Get("return"))
		v.Wrong = true
		return p.pages.Render(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, session)
}

// enter gives the browser its session and leads on. One that it had before ends.
func (p *NodePages) enter(w http.ResponseWriter, r *http.Request, session auth.Secret) error {
	if old, ok, err := p.visitor(r); err == nil && ok {
		if err := p.cfg.Node.SignOut(r.Context(), old.Caller); err != nil {
			return err
		}
	}
	auth.SetCookie(w, p.cfg.Secure, session, node.SessionLife)
	http.Redirect(w, r, returnPath(r.PostForm.Get("return")), http.StatusSeeOther)
	return nil
}

func (p *NodePages) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	if err := p.paced(r); err != nil {
		return err
	}
	c, err := p.passkeys.BeginSignIn()
	return asked(w, c, err)
}

// passkeySignIn signs in whoever the passkey belongs to. Answers that do not hold count like wrong
// codes.
func (p *NodePages) passkeySignIn(w http.ResponseWriter, r *http.Request) error {
	client := auth.ClientKey(r, p.cfg.Proxies)
	if wait, ok := p.signIns.Check(client, p.cfg.Now()); !ok {
		return trouble{
			status: http.StatusTooManyRequests, title: "toomany", retry: wait, back: signInPath,
		}
	}
	id, answer := answered(r)
	session, err := p.passkeys.SignIn(r.Context(), id, answer)
	if dismissed(err) {
		p.signIns.Take(client, p.cfg.Now())
		v := p.door(r, returnPath(r.PostForm.Get("return")))
		v.Wrong = true
		return p.pages.Render(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, session)
}

// recovering is who came with a recovery code, as the cookie says.
func (p *NodePages) recovering(r *http.Request) (node.Caller, bool) {
	token, ok := auth.Cookie(r, p.cfg.Secure)
	if !ok {
		return node.Caller{}, false
	}
	by, err := p.cfg.Node.Recovering(token)
	return by, err == nil
}

func (p *NodePages) recoverPage(r *http.Request) *Recover {
	v := &Recover{Frame: p.frame(), Action: recoverPath, SignIn: signInPath}
	if _, ok := p.recovering(r); ok {
		v.Action, v.Begin = makePath, makePath+beginSuffix
	}
	return v
}

func (p *NodePages) showRecover(w http.ResponseWriter, r *http.Request) error {
	return p.pages.Render(w, r, http.StatusOK, p.recoverPage(r))
}

// recover spends a recovery code. Wrong ones count like wrong codes of the operator's.
func (p *NodePages) recover(w http.ResponseWriter, r *http.Request) error {
	client := auth.ClientKey(r, p.cfg.Proxies)
	if wait, ok := p.signIns.Check(client, p.cfg.Now()); !ok {
		return trouble{
			status: http.StatusTooManyRequests, title: "toomany", retry: wait, back: recoverPath,
		}
	}
	session, err := p.cfg.Node.Recover(r.Context(), r.PostForm.Get("code"))
	if dismissed(err) {
		p.signIns.Take(client, p.cfg.Now())
		v := &Recover{Frame: p.frame(), Action: recoverPath, SignIn: signInPath, Wrong: true}
		return p.pages.Render(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	auth.SetCookie(w, p.cfg.Secure, session, node.RecoveryLife)
	http.Redirect(w, r, recoverPath, http.StatusSeeOther)
	return nil
}

func (p *NodePages) beginRecovered(w http.ResponseWriter, r *http.Request) error {
	by, ok := p.recovering(r)
	if !ok {
		return trouble{status: http.StatusForbidden, title: "signin", back: signInPath}
	}
	if err := p.paced(r); err != nil {
		return err
	}
	c, err := p.passkeys.BeginAdd(by)
	return asked(w, c, err)
}

// recovered takes the passkey that a recovery code was spent for; the member signs in with it.
func (p *NodePages) recovered(w http.ResponseWriter, r *http.Request) error {
	by, ok := p.recovering(r)
	if !ok {
		return trouble{status: http.StatusForbidden, title: "signin", back: signInPath}
	}
	id, answer := answered(r)
	err := p.passkeys.Add(r.Context(), by, id, answer)
	if dismissed(err) {
		v := p.recoverPage(r)
		v.Wrong = true
		return p.pages.Render(w, r, http.StatusForbidden, v)
	}
	if err != nil {
		return err
	}
	auth.ClearCookie(w, p.cfg.Secure)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
	return nil
}

// beginApprove asks for the member's passkey over the order that the page shows.
func (p *NodePages) beginApprove(w http.ResponseWriter, r *http.Request, who visitor) error {
	if wait, ok := p.offers.Take(who.ID, p.cfg.Now()); !ok {
		return trouble{status: http.StatusTooManyRequests, title: "toomany", retry: wait}
	}
	text := r.PostForm.Get("offer")
	if _, err := p.terms(text); err != nil {
		return err
	}
	c, err := p.passkeys.BeginApprove(who.Caller, text)
	return asked(w, c, err)
}
