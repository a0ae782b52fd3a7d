package auth

import (
	"net/http"
	"strings"
	"time"
)

// The names of the session cookie. Under https the "__Host-" prefix makes browsers refuse it
// from any other host, path or plain connection (RFC 6265bis section 4.1.3.2); plain http,
// which exists on loopback only, cannot have it.
const (
	CookieSecure   = "__Host-seyfert"
	CookieLoopback = "seyfert"
)

// Bearer returns the token of a request's Authorization header (RFC 6750 section 2.1). It is
// not there when the header is missing, sent twice, of another scheme, longer than TokenMax or
// written in other characters than a token's.
func Bearer(r *http.Request) (token string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || !isToken(token) {
		return "", false
	}
	return token, true
}

// SetCookie puts a session token into the answer. It lives for age, on the whole host, out of
// reach of scripts, and does not travel with other sites' posts.
func SetCookie(w http.ResponseWriter, secure bool, token Secret, age time.Duration) {
	seconds := int(age / time.Second)
	if seconds <= 0 {
		panic("auth: cookie without a life") // Zero would mean "until the browser closes".
	}
	setCookie(w, secure, string(token), seconds)
}

// ClearCookie makes the browser forget the session.
func ClearCookie(w http.ResponseWriter, secure bool) {
	setCookie(w, secure, "", -1)
}

// setCookie writes the Set-Cookie header, and keeps the answer out of shared caches.
func setCookie(w http.ResponseWriter, secure bool, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name:     cookieName(secure),
		Value:    value,
		Path:     "/",
		MaxAge:   age,
		Secure:   secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Cache-Control", "no-store")
}

// Cookie returns the session token of a request. It is not there when the cookie is missing,
// longer than TokenMax, or sent twice: then someone else set one of the two.
func Cookie(r *http.Request, secure bool) (token string, ok bool) {
	cookies := r.CookiesNamed(cookieName(secure))
	if len(cookies) != 1 || !isToken(cookies[0].Value) {
		return "", false
	}
	return cookies[0].Value, true
}

// cookieName chooses the cookie's name.
func cookieName(secure bool) string {
	if secure {
		return CookieSecure
	}
	return CookieLoopback
}

// isToken says whether a text has a credential's characters and length.
func isToken(text string) bool {
	if text == "" || len(text) > TokenMax {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && !('0' <= c && c <= '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
