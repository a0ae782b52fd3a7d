package api_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"testing"
)

// documentFile is the published OpenAPI document.
const documentFile = "../openapi/openapi.json"

// update is a flag of the test binary: `make openapi` writes the document again.
var update = flag.Bool("update", false, "write openapi/openapi.json again")

// TestOpenAPI fails when the published document is not what the code serves.
func TestOpenAPI(t *testing.T) {
	p := alone(t, settings{})
	answer, served := p.send(http.MethodGet, "/openapi.json", nil, nil)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	if *update {
		must(t, os.WriteFile(documentFile, served, 0o644))
	}
	published, err := os.ReadFile(documentFile)
	must(t, err)
	if !bytes.Equal(published, served) {
		t.Error("openapi/openapi.json is stale: run `make openapi` and read the difference")
	}
}
