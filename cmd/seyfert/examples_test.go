package main_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exampleMax is how long the requests of examples/checkout.sh may take together.
const exampleMax = 2 * time.Minute

// TestExample plays examples/checkout.sh, which the README shows, against a sandbox.
func TestExample(t *testing.T) {
	mustCurl(t)
	program, world := build(t), t.TempDir()
	port := freePorts(t, 3)
	start(t, program, "sandbox", "--dir", world, "--listen", "127.0.0.1:"+strconv.Itoa(port))
	ctx, stop := context.WithTimeout(t.Context(), exampleMax)
	defer stop()
	script := exec.CommandContext(ctx, "sh", "examples/checkout.sh", world, strconv.Itoa(port))
	script.Dir = filepath.Join("..", "..")
	script.WaitDelay = time.Second
	script.Env = append(os.Environ(), "no_proxy=localhost,.localhost")
	out, err := script.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"v1.", `"state":"paid"`, `"value":"15000"`, "anchor"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the script does not show %s:\n%s", want, out)
		}
	}
	if proof, err := os.ReadFile(filepath.Join(world, "proof.json")); err != nil ||
		!strings.Contains(string(proof), `"format":"seyfert-proof/1"`) {
		t.Errorf("the proof is %.200s (%v)", proof, err)
	}
}

// TestBooksExamples plays examples/books.sh and examples/books, which docs/books.md shows.
func TestBooksExamples(t *testing.T) {
	mustCurl(t)
	program, world := build(t), t.TempDir()
	port := freePorts(t, 3)
	start(t, program, "sandbox", "--dir", world, "--listen", "127.0.0.1:"+strconv.Itoa(port))
	ctx, stop := context.WithTimeout(t.Context(), exampleMax)
	defer stop()
	play := func(name string, args ...string) string {
		t.Helper()
		script := exec.CommandContext(ctx, name, args...)
		script.Dir = filepath.Join("..", "..")
		script.WaitDelay = time.Second
		script.Env = append(os.Environ(), "no_proxy=localhost,.localhost")
		out, err := script.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	out := play("sh", "examples/books.sh", world, strconv.Itoa(port))
	for _, want := range []string{
		"id_reused", "insufficient_funds", "velocity_exceeded", `"exchange.rate":"JPY/KRW 9.125"`,
		`"state":"captured"`, `"state":"reversed"`, `"ticket":"42"`, `"status":"refused"`,
		`"balance":{"currency":"KRW","value":"500"},"recorded_at"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the script does not show %s:\n%s", want, out)
		}
	}
	key, err := os.ReadFile(filepath.Join(world, "seoul", "operator.key"))
	if err != nil {
		t.Fatal(err)
	}
	out = play("go", "run", "./examples/books", "-url", "http://127.0.0.1:"+strconv.Itoa(port+1),
		"-key", strings.TrimSpace(string(key)))
	want := "posted: KRW 100000 balance: KRW 100000\nrefused: insufficient_funds at legs[0].amount\n" +
		"batch: 1000 transfers, 0 refused\nleft: KRW 70000\n"
	if out != want {
		t.Errorf("the program says %q, want %q", out, want)
	}
}

// freePorts finds the first of some ports in a row that are free now.
func freePorts(t *testing.T, count int) int {
	t.Helper()
	for range 20 {
		first, err := strconv.Atoi(freePort(t))
		if err != nil {
			t.Fatal(err)
		}
		free := first+count < 1<<16
		for port := first; free && port < first+count; port++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if free = err == nil; free {
				_ = l.Close()
			}
		}
		if free {
			return first
		}
	}
	t.Fatal("no ports in a row are free")
	return 0
}

// mustCurl skips a test where there is no curl.
func mustCurl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no curl, and nothing may be skipped here")
	}
	t.Skip("there is no curl; make test installs it, as root")
}
