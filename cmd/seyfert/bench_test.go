package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBench runs one short case in the program and finds the figures in its file that
// tools/benchpeers reads.
func TestBench(t *testing.T) {
	program, dir := build(t), t.TempDir()
	file, profile := filepath.Join(dir, "figures.json"), filepath.Join(dir, "cpu.prof")
	out, err := exec.Command(program, "bench", "bulk", "--callers", "2", "--batch", "10",
		"--accounts", "100", "--seconds", "1", "--dir", dir, "--json", file,
		"--cpuprofile", profile).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Cases []map[string]any }
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Cases) != 1 || !strings.HasPrefix(string(out), "bulk, 2 x 10, cold\n") {
		t.Fatalf("%s\n%s", out, text)
	}
	for _, figure := range []string{
		"transfers", "transfers_per_second", "p50_us", "p99_us", "fdatasync_p50_us", "pause_us",
		"cpu_us_per_transfer",
	} {
		if value, ok := report.Cases[0][figure].(float64); !ok || value <= 0 {
			t.Errorf("%s is %v in %s", figure, report.Cases[0][figure], text)
		}
	}
	disk, ok := report.Cases[0]["bytes_per_transfer"].(map[string]any)
	for _, part := range []string{"journal", "history", "tables", "tiles"} {
		if _, told := disk[part]; !ok || !told {
			t.Errorf("no bytes of %s in %s", part, text)
		}
	}
	if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "seyfert-bench-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestBenchRefuses names what cannot be measured; nothing is started for it.
func TestBenchRefuses(t *testing.T) {
	program := build(t)
	for _, args := range [][]string{
		{},
		{"speed"},
		{"ledger", "now"},
		{"ledger", "--binary"},
		{"http", "--ids", "5"},
		{"ledger", "--cpuprofile", "x"},
	} {
		out, err := exec.Command(program, append([]string{"bench"}, args...)...).CombinedOutput()
		exit, ended := err.(*exec.ExitError)
		if !ended || exit.ExitCode() != 2 {
			t.Errorf("bench %q: %v\n%s", args, err, out)
		}
	}
}
