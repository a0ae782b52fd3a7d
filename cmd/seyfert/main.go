// Command seyfert is the one program of the platform: a node, its test bed and the offline
// verifier, chosen by the first argument. Each subcommand has a file; this one only chooses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Seyfert: an open payments platform. One program, several uses:

  seyfert sandbox  [--dir DIR] [--listen ADDR] [--run SCENARIO] [--json FILE]
      the whole world on this machine: two nodes, a bank, a shop, a Bitcoin chain
  seyfert init     --config FILE
      make a node's keys and secrets; shows what to fund and where the keys are
  seyfert serve    --config FILE [--check] [--restore DIR [--at INDEX]] [--resume] [--alone]
      run a node; --check holds its state against its journal first, --restore
      shows a backup, only to be read, --resume makes what it shows the node again,
      --alone goes on with this replica when most of the others are lost for ever
  seyfert join     --dir DIR --listen ADDR --replica-listen ADDR [--replica-advertise ADDR]
                   --leader NAME@ADDR
      make this machine a replica of a node that runs elsewhere (docs/operations.md)
  seyfert replica  list | add NAME@ADDR | remove NAME | transfer   --config FILE
      show or change the replicas of a node; transfer hands leadership over
  seyfert backup   --config FILE --to DIR
      have the running node write a backup into a new directory
  seyfert export   postgres|csv --url NODE --key KEY --to DATABASE|DIR [--once]
      copy a node's books for other tools and keep the copy up to date (docs/export.md)
  seyfert chain    --listen ADDR --dir DIR
      run a regtest Bitcoin chain for nodes in other processes (JSON-RPC)
  seyfert verify   BUNDLE --headers FILE [--node THUMBPRINT|FILE] [--peer THUMBPRINT|FILE]
      check a proof offline and say what it proves
  seyfert simulate [--seed N] [--steps N]
      two nodes in one thread with a network that loses, repeats and reorders
  seyfert bench    ledger|http|bulk|replicas|replay|start [--callers N] [--batch N] [--json FILE]
      start a throw-away node and measure it (docs/performance.md)
  seyfert version
`

// errFailed ends the program with exit status 1 without another word: the subcommand has said
// what failed.
var errFailed = errors.New("failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errFailed):
		os.Exit(1)
	case errors.As(err, new(usageError)):
		fmt.Fprintf(os.Stderr, "seyfert: %v\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "seyfert: %v\n", err)
		os.Exit(1)
	}
}

// usageError is a mistake on the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(errOut, usage)
		return usageError("which use? name one of the above")
	}
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"sandbox":  runSandbox,
		"init":     runInit,
		"serve":    runServe,
		"join":     runJoin,
		"replica":  runReplica,
		"backup":   runBackup,
		"export":   runExport,
		"chain":    runChain,
		"verify":   runVerify,
		"simulate": runSimulate,
		"bench":    runBench,
		"version":  runVersion,
	}
	command, known := commands[args[0]]
	switch {
	case args[0] == "help" || args[0] == "-h" || args[0] == "--help":
		fmt.Fprint(out, usage)
		return nil
	case !known:
		fmt.Fprint(errOut, usage)
		return usageError(fmt.Sprintf("%q is not one of the above", args[0]))
	}
	return command(ctx, args[1:], out, errOut)
}

// parse reads a subcommand's flags and refuses stray arguments.
func parse(flags *flag.FlagSet, args []string, errOut io.Writer) error {
	flags.SetOutput(errOut)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError(err.Error())
	}
	if flags.NArg() > 0 {
		return usageError(fmt.Sprintf("%q is not expected here", flags.Arg(0)))
	}
	return nil
}

// newLog writes what operators need to know; a test bed says only what went wrong.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
