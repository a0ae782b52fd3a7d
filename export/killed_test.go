package export_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/sandbox"
)

// kills is how often TestKilled kills an exporter: go test ./export -run Killed -args -kills 500.
var kills = flag.Int("kills", 30, "kills in TestKilled")

// TestKilled kills the exporter's process at random moments while books are kept, as often as it
// starts; then one is left to finish. Nothing is missing and nothing is there twice, in the
// database and in the files.
func TestKilled(t *testing.T) {
	c := mustCluster(t)
	w := mustWorld(t, sandbox.Config{})
	defer func() { must(t, w.Close()) }()
	program := filepath.Join(t.TempDir(), "seyfert")
	build := exec.Command("go", "build", "-o", program, "../cmd/seyfert")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	key := filepath.Join(w.Tokyo.Dir, "operator.key")
	for _, wrong := range []string{
		"", "oracle", "postgres --url x --key k --to d", "postgres --url http://a --to d",
		"postgres --url http://a --key k --key-file f --to d", "csv --url http://a --key k",
		"csv --url http://a --key k --to d more",
	} {
		var exit *exec.ExitError
		err := exec.Command(program, append([]string{"export"}, strings.Fields(wrong)...)...).Run()
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("export %s: %v", wrong, err)
		}
	}
	files := filepath.Join(t.TempDir(), "files")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	keeping, stop := context.WithCancel(t.Context())
	var keepers sync.WaitGroup
	for n := range 3 {
		k := mustKeeper(t, w.Tokyo.Operator, "Keeper", seed+uint64(n))
		keepers.Go(func() {
			for keeping.Err() == nil {
				if err := k.act(keeping); err != nil && keeping.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	postgres := []string{"postgres", "--to", c.url("postgres")}
	csv := []string{"csv", "--to", files}
	for n := range *kills {
		to := postgres
		if n%3 == 2 {
			to = csv
		}
		args := append([]string{"export", to[0], "--url", w.Tokyo.URL, "--key-file", key}, to[1:]...)
		process := exec.Command(program, args...)
		var said strings.Builder
		process.Stderr = &said
		must(t, process.Start())
		time.Sleep(time.Duration(20+random.IntN(230)) * time.Millisecond)
		must(t, process.Process.Kill())
		if err := process.Wait(); err == nil && to[0] == "postgres" {
			t.Errorf("it ended by itself")
		}
		if strings.Contains(said.String(), "panic") {
			t.Fatal(said.String())
		}
	}
	stop()
	keepers.Wait()
	time.Sleep(expiryMax)
	for _, to := range [][]string{append(postgres, "--once"), csv} {
		args := append([]string{"export", to[0], "--url", w.Tokyo.URL, "--key-file", key}, to[1:]...)
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	mustEqual(t, c.mustConnect(), w.Tokyo.Operator)
	mustEqualFiles(t, files, w.Tokyo.Operator)
	if entries, err := os.ReadDir(files); err != nil || len(entries) != 5 {
		t.Errorf("files: %v, %v", entries, err)
	}
	t.Logf("%d entries, %d kills", len(history(t, w.Tokyo.Operator)), *kills)
}
