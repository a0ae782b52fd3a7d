package sandbox_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"seyfert/sandbox"
)

// TestExplorerKeys: each node of the world fills in a key that works there, and only for a request
// by the node's own name. Under a name of its own a page of the internet could read it.
func TestExplorerKeys(t *testing.T) {
	w := mustOpen(t, sandbox.Config{})
	visitor := newVisitor(t)
	get := func(url, host, key string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Host = host; key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		answer, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	for url, use := range map[string]string{
		w.Seoul.URL: "/v1/status", w.Tokyo.URL: "/v1/wallet",
	} {
		_, page := get(url+"/docs", "", "")
		_, rest, _ := strings.Cut(page, `data-key="`)
		key, _, _ := strings.Cut(rest, `"`)
		if status, body := get(url+use, "", key); status != http.StatusOK {
			t.Errorf("%s with the key %q: %d %s", use, key, status, body)
		}
		status, page := get(url+"/docs", "evil.example", "")
		if status == http.StatusOK && !strings.Contains(page, `data-key=""`) {
			t.Errorf("a page of another name reads %s", page)
		}
	}
}
