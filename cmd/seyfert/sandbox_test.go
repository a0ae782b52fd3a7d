package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/sandbox"
)

// TestSandboxResult plays the checkout in the program: the result's file has a step for each
// line that was printed, the world's start first.
func TestSandboxResult(t *testing.T) {
	file := filepath.Join(t.TempDir(), "result.json")
	out, err := exec.Command(build(t), "sandbox", "--run", "checkout", "--json", file).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result sandbox.Result
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	var printed []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok ") {
			printed = append(printed, line)
		}
	}
	if !result.OK || len(printed) != len(result.Steps) || result.Steps[0].Name != "world" {
		t.Fatalf("%d lines for %d steps\n%s", len(printed), len(result.Steps), text)
	}
	for i, step := range result.Steps {
		if !strings.Contains(printed[i], " "+step.Name+" ") ||
			!strings.Contains(printed[i], step.Detail) {
			t.Errorf("step %+v is printed as %q", step, printed[i])
		}
	}
}
