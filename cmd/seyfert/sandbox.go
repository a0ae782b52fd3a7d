package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"seyfert/sandbox"
)

func runSandbox(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	dir := flags.String("dir", "", "keep the world here and go on with it at the next start")
	listen := flags.String("listen", "127.0.0.1:7400",
		"address of the world's page; the nodes take the two ports above it; port 0: any")
	scenario := flags.String("run", "", "play a scenario instead of waiting: checkout")
	result := flags.String("json", "", "write the scenario's result to this file")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	if *result != "" && *scenario == "" {
		return usageError("--json goes with --run")
	}
	if *scenario != "" && !slices.Contains(sandbox.Scenarios(), *scenario) {
		return usageError(fmt.Sprintf("there is no scenario %q; there are %q", *scenario,
			sandbox.Scenarios()))
	}
	if *scenario != "" {
		return playScenario(ctx, *scenario, *dir, *result, out, errOut)
	}
	return keepWorld(ctx, *dir, *listen, out, errOut)
}

// keepWorld runs the world until it is interrupted.
func keepWorld(ctx context.Context, dir, listen string, out, errOut io.Writer) (err error) {
	kept := dir != ""
	if !kept {
		if dir, err = os.MkdirTemp("", "seyfert-sandbox-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	start := time.Now()
	w, err := sandbox.Open(ctx, sandbox.Config{
		Dir: dir, Listen: listen, Log: newLog(errOut, slog.LevelWarn),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	fmt.Fprintf(out, "The world is up after %d ms. Open\n\n  %s\n\n",
		time.Since(start).Milliseconds(), w.URL)
	fmt.Fprintf(out, "  shop    %s\n  seoul   %s   operator key in %s\n"+
		"  tokyo   %s   operator key in %s\n\n", w.Shop.URL,
		w.Seoul.URL, filepath.Join(w.Seoul.Dir, "operator.key"),
		w.Tokyo.URL, filepath.Join(w.Tokyo.Dir, "operator.key"))
	if kept {
		fmt.Fprintf(out, "It lives in %s. Press Ctrl-C to stop it; the next start goes on.\n", dir)
	} else {
		fmt.Fprintln(out, "It lives in a temporary directory and ends with Ctrl-C; "+
			"--dir DIR keeps it.")
	}
	select {
	case <-ctx.Done():
		return nil
	case failed := <-w.Failed():
		return fmt.Errorf("the world stops: %w", failed)
	}
}

// playScenario plays a scenario in a world of its own. The proofs stay: beside the result file,
// or in a directory that is told.
func playScenario(ctx context.Context, name, dir, result string, out, errOut io.Writer) (
	err error,
) {
	world, proofs := dir, filepath.Dir(result)
	if dir == "" {
		if world, err = os.MkdirTemp("", "seyfert-"+name+"-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(world)) }()
	}
	if result == "" {
		if proofs, err = os.MkdirTemp("", "seyfert-proofs-"); err != nil {
			return err
		}
	}
	start := time.Now()
	w, err := sandbox.Open(ctx, sandbox.Config{
		Dir: world, Listen: "127.0.0.1:0", Bare: true, Log: newLog(errOut, slog.LevelWarn),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	opened := sandbox.StepResult{
		Name: "world", OK: true, MS: time.Since(start).Milliseconds(),
		Detail: "two nodes, a chain, a bank",
	}
	fmt.Fprintf(out, "ok   %6d ms  %-22s %s\n", opened.MS, opened.Name, opened.Detail)
	played, err := sandbox.Play(ctx, name, w.Stage(proofs), out)
	if err != nil {
		return usageError(err.Error())
	}
	played.Steps = slices.Insert(played.Steps, 0, opened)
	if result != "" {
		if err := sandbox.WriteResult(result, played); err != nil {
			return err
		}
	}
	if !played.OK {
		return errFailed
	}
	fmt.Fprintf(out, "\nThe payment is proven. Check it yourself:\n  go run ./cmd/seyfert verify %s --headers %s\n",
		played.Bundle, played.Headers)
	return nil
}
