package api_test

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"
)

// TestHeaderPages: anyone gets headers in pages of a bounded size, from any height on.
func TestHeaderPages(t *testing.T) {
	p := newWorld(t).seoul
	get := func(query string) (int, []byte) {
		answer, body := p.send(http.MethodGet, "/v1/chain/headers"+query, nil, nil)
		return answer.StatusCode, body
	}
	all, err := p.operator().Headers(t.Context())
	must(t, err)
	if len(all) < 10*80 || len(all)%80 != 0 {
		t.Fatalf("%d bytes of headers", len(all))
	}
	for query, want := range map[string][]byte{
		"": all, "?from=0": all, "?from=2&count=3": all[160:400], "?count=10000": all,
		"?from=" + strconv.Itoa(len(all)/80-1): all[len(all)-80:],
		"?from=" + strconv.Itoa(len(all)/80):   {}, "?from=9223372036854775807": {},
	} {
		if status, body := get(query); status != http.StatusOK || !bytes.Equal(body, want) {
			t.Errorf("%q: %d with %d bytes, want %d", query, status, len(body), len(want))
		}
	}
	for _, query := range []string{
		"?from=-1", "?from=x", "?from=1.5", "?from=99999999999999999999", "?count=0", "?count=-1",
		"?count=10001",
	} {
		if status, _ := get(query); status != http.StatusBadRequest {
			t.Errorf("%q: %d, want 400", query, status)
		}
	}
}
