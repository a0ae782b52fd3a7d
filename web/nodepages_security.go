package web

import (
	"net/http"

	"seyfert/fault"
)

// securityPath is the page of passkeys, recovery codes and sessions.
const securityPath = "/wallet/security"

func (p *NodePages) mountSecurity(mux *http.ServeMux) {
	mux.HandleFunc("GET "+securityPath, p.members(p.security))
	mux.HandleFunc("POST "+securityPath+"/remove", p.signed(p.removePasskey))
	mux.HandleFunc("POST "+securityPath+"/codes", p.signed(p.newCodes))
	mux.HandleFunc("POST "+securityPath+"/sessions/end", p.signed(p.endSession))
	mux.HandleFunc("POST "+securityPath+"/sessions/others", p.signed(p.endOthers))
}

// signed serves what a form of a signed-in member posts.
func (p *NodePages) signed(serve memberPage) http.HandlerFunc {
	return p.open(p.form(func(w http.ResponseWriter, r *http.Request) error {
		who, ok, err := p.visitor(r)
		if err != nil {
			return err
		}
		if !ok {
			return trouble{status: http.StatusForbidden, title: "signin", back: signInPath}
		}
		return serve(w, r, who)
	}))
}

func (p *NodePages) security(w http.ResponseWriter, r *http.Request, who visitor) error {
	v, err := p.securityPage(r, who)
	if err != nil {
		return err
	}
	if to := r.URL.Query().Get("return"); to != "" {
		v.Return = returnPath(to)
	}
	return p.pages.Render(w, r, http.StatusOK, v)
}

func (p *NodePages) securityPage(r *http.Request, who visitor) (*Security, error) {
	means, err := p.cfg.Node.Means(who.Caller)
	if err != nil {
		return nil, err
	}
	v := &Security{
		Frame: p.memberFrame(), Action: securityPath, Doors: p.doors(r, securityPath),
		Recent: means.Recent, Codes: means.Codes,
	}
	for _, key := range means.Passkeys {
		v.Passkeys = append(v.Passkeys, PasskeyLine(key))
	}
	for _, s := range means.Sessions {
		v.Sessions = append(v.Sessions, SessionLine{
			ID: s.ID, How: s.How, Created: s.Created, Expires: s.Expires, Own: s.Own,
		})
	}
	return v, nil
}

// unconfirmed leads back to the page, which asks for a passkey, when that was too long ago.
func unconfirmed(w http.ResponseWriter, r *http.Request, err error) bool {
	refused, ok := fault.Of(err)
	if !ok || refused.Code != fault.Forbidden || refused.Field != "session" {
		return false
	}
	http.Redirect(w, r, securityPath, http.StatusSeeOther)
	return true
}

// done leads back to the page once a form is carried out.
func done(w http.ResponseWriter, r *http.Request, err error) error {
	if err != nil && !unconfirmed(w, r, err) {
		return err
	}
	if err == nil {
		http.Redirect(w, r, securityPath, http.StatusSeeOther)
	}
	return nil
}

func (p *NodePages) beginAdd(w http.ResponseWriter, r *http.Request, who visitor) error {
	if err := p.paced(r); err != nil {
		return err
	}
	c, err := p.passkeys.BeginAdd(who.Caller)
	return asked(w, c, err)
}

func (p *NodePages) addPasskey(w http.ResponseWriter, r *http.Request, who visitor) error {
	id, answer := answered(r)
	err := p.passkeys.Add(r.Context(), who.Caller, id, answer)
	switch to := r.PostForm.Get("return"); {
	case err == nil && to != "":
		http.Redirect(w, r, returnPath(to), http.StatusSeeOther)
		return nil
	case err == nil, !dismissed(err):
		return done(w, r, err)
	case unconfirmed(w, r, err):
		return nil
	}
	v, err := p.securityPage(r, who)
	if err != nil {
		return err
	}
	v.Wrong = true
	return p.pages.Render(w, r, http.StatusForbidden, v)
}

func (p *NodePages) removePasskey(w http.ResponseWriter, r *http.Request, who visitor) error {
	err := p.cfg.Node.RemovePasskey(r.Context(), who.Caller, r.PostForm.Get("passkey"))
	if refused, ok := fault.Of(err); ok && refused.Code == fault.Refused {
		return trouble{status: http.StatusConflict, title: "lastkey", back: securityPath}
	}
	return done(w, r, err)
}

// newCodes answers with the codes themselves: there is no address at which they could be seen
// again.
func (p *NodePages) newCodes(w http.ResponseWriter, r *http.Request, who visitor) error {
	codes, err := p.cfg.Node.NewRecoveryCodes(r.Context(), who.Caller)
	if err != nil {
		return done(w, r, err)
	}
	v := &Codes{Frame: p.memberFrame()}
	for _, code := range codes {
		v.Codes = append(v.Codes, string(code))
	}
	return p.pages.Render(w, r, http.StatusOK, v)
}

func (p *NodePages) endSession(w http.ResponseWriter, r *http.Request, who visitor) error {
	err := p.cfg.Node.EndSession(r.Context(), who.Caller, r.PostForm.Get("session"))
	return done(w, r, err)
}

func (p *NodePages) endOthers(w http.ResponseWriter, r *http.Request, who visitor) error {
	return done(w, r, p.cfg.Node.EndOtherSessions(r.Context(), who.Caller))
}
