package web

import (
	"encoding/json"
	"net/url"
	"strings"

	"seyfert/egress"
	"seyfert/fault"
)

// nodeOrigin reads the address of a wallet's node as a person types it: a host, or an origin.
// It is https, and in a test bed http where the host is on this machine.
func nodeOrigin(text string, demo bool) (*url.URL, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "/")
	refused := fault.New(fault.Invalid, "node", "This is not the address of a node.")
	if text == "" || len(text) > addressMax {
		return nil, refused
	}
	candidates := []string{text}
	if !strings.Contains(text, "://") {
		candidates = []string{"https://" + text}
		if demo {
			candidates = []string{"http://" + text, "https://" + text} // http: loopback alone
		}
	}
	for _, candidate := range candidates {
		if egress.CheckURL(candidate, demo) != nil {
			continue
		}
		u, err := url.Parse(candidate)
		if err != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery {
			continue
		}
		u.Host = strings.ToLower(u.Host)
		return u, nil
	}
	return nil, refused
}

// offerAddress reads the address of an offer at another node and returns the offer's id. Any
// other address is refused, so that a wallet can't be made to call arbitrary pages.
func offerAddress(text string, demo bool) (id string, err error) {
	refused := fault.New(fault.Invalid, "offer", "This is not the address of an offer.")
	if len(text) > addressMax || egress.CheckURL(text, demo) != nil {
		return "", refused
	}
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.ForceQuery || u.RawPath != "" {
		return "", refused
	}
	id, found := strings.CutPrefix(u.Path, offersPath)
	if !found || id == "" || strings.Contains(id, "/") {
		return "", refused
	}
	return id, nil
}

// offerJWS takes the signed offer out of a node's answer. Whatever else the answer says does
// not matter: only what is signed is believed.
func offerJWS(body []byte) (string, error) {
	var answer struct {
		Offer string `json:"offer"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Offer == "" {
		return "", fault.New(fault.Invalid, "offer", "The node's answer holds no offer.")
	}
	return answer.Offer, nil
}
