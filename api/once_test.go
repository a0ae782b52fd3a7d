package api_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestKeysRefused holds that a POST that remembers no key refuses one, before it does anything,
// and that the document tells which those are.
func TestKeysRefused(t *testing.T) {
	p := newPeople(t)
	text, err := os.ReadFile(documentFile)
	must(t, err)
	_, said, _ := strings.Cut(string(text), "take an Idempotency-Key: ")
	said, _, _ = strings.Cut(said, ". ")
	var refused []string
	for _, e := range p.doc.endpoints() {
		if e.method != "POST" {
			continue
		}
		takes := slices.ContainsFunc(e.parameters, func(q parameter) bool {
			return q.Name == "Idempotency-Key"
		})
		if takes != strings.Contains(said, e.id) {
			t.Errorf("the document says %q, %s takes a key: %v", said, e.id, takes)
		}
		if takes {
			continue
		}
		refused = append(refused, e.id)
		p.mustRefuse(try{
			what: "key", method: "POST", url: e.url("x"), key: p.key(e), body: "{}",
			header: http.Header{"Idempotency-Key": {"k"}}, status: 400, code: "invalid",
			field: "Idempotency-Key",
		})
	}
	want := []string{
		"addPeer", "closeDay", "createClaim", "createSession", "createSignIn", "readOffer",
	}
	if !slices.Equal(refused, want) {
		t.Errorf("a key is refused by %v", refused)
	}
}
