package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"seyfert/proof"
	"seyfert/simtest"
	"seyfert/verify"
)

// headersBytesMax bounds the headers file: two million headers.
const headersBytesMax = 80 * 2_000_000

func runVerify(_ context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	headers := flags.String("headers", "", "file of 80-byte block headers from genesis on")
	pin := flags.String("node", "", "the node's key thumbprint, or a file with its descriptor")
	peer := flags.String("peer", "", "the same for the other node of the transfer")
	bundle := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		bundle, args = args[0], args[1:]
	}
	flags.SetOutput(errOut)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError(err.Error())
	}
	if bundle == "" && flags.NArg() == 1 {
		bundle = flags.Arg(0)
	} else if flags.NArg() > 0 {
		return usageError(fmt.Sprintf("%q is not expected here", flags.Arg(0)))
	}
	if bundle == "" || *headers == "" {
		return usageError("a bundle and --headers FILE are needed")
	}
	data, err := readBounded(bundle, proof.BundleBytesMax)
	if err != nil {
		return err
	}
	var options verify.Options
	if options.Headers, err = readBounded(*headers, headersBytesMax); err != nil {
		return err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if options.Pin, err = readPin("--node", *pin, given["node"]); err != nil {
		return err
	}
	if options.PeerPin, err = readPin("--peer", *peer, given["peer"]); err != nil {
		return err
	}
	report := verify.Check(data, options)
	fmt.Fprint(out, report.Text())
	if !report.OK {
		return errFailed
	}
	return nil
}

// readPin takes a thumbprint as it is, or the descriptor in a file. A pin that was asked for and
// is empty would check nothing without a word, so it is refused.
func readPin(name, pin string, given bool) (string, error) {
	if !given {
		return "", nil
	}
	if text, err := readBounded(pin, 1<<20); err == nil {
		pin = strings.TrimSpace(string(text))
	}
	if pin == "" {
		return "", usageError(name + " is empty: a thumbprint or a descriptor's file is needed")
	}
	return pin, nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is over %d bytes", path, limit)
	}
	return data, nil
}

func runSimulate(_ context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "the run's seed; the same seed gives the same run")
	steps := flags.Int("steps", 10_000, "how many steps")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	fmt.Fprintf(out, "seed %d, %d steps\n", *seed, *steps)
	report, err := simtest.Run(simtest.Config{Seed: *seed, Steps: *steps})
	if err != nil {
		return fmt.Errorf("seed %d: %w", *seed, err)
	}
	fmt.Fprintf(out, "trace %x\n", report.Trace)
	for _, n := range report.Nodes {
		fmt.Fprintf(out, "%s: %d entries, state %x\n", n.DID, n.Entries, n.StateHash)
	}
	fmt.Fprintf(out, "%+v\n", report.Counts)
	return nil
}
