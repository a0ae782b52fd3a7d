package web_test

import (
	"strings"
	"testing"

	"seyfert/web"
)

// TestCommands: the commands fetch every page of headers that the proof needs.
func TestCommands(t *testing.T) {
	for tip, want := range map[int64]string{
		0:       "curl -fsS https://n.example/h > headers.bin\n",
		9_999:   "curl -fsS https://n.example/h > headers.bin\n",
		10_000:  "curl -fsS 'https://n.example/h?from=[0-10000:10000]' > headers.bin\n",
		917_432: "curl -fsS 'https://n.example/h?from=[0-917432:10000]' > headers.bin\n",
	} {
		f := web.VerifyFacts{
			File: "p.json", Headers: "https://n.example/h", Page: 10_000, Tip: tip, Thumbprint: "T",
		}
		if got := f.Commands(); !strings.HasPrefix(got, want) {
			t.Errorf("tip %d: %q", tip, got)
		}
	}
}
