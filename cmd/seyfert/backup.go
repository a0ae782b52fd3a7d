package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"seyfert/server"
)

// runBackup asks the running node for a backup.
func runBackup(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("backup", flag.ContinueOnError)
	config := flags.String("config", "", "the node's configuration file")
	to := flags.String("to", "", "the directory to make, on the machine of the node")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	cfg, err := readConfig(*config)
	if err != nil {
		return err
	}
	if *to == "" {
		return usageError("--to DIR is needed")
	}
	dir, err := filepath.Abs(*to)
	if err != nil {
		return err
	}
	made, err := server.Backup(ctx, cfg, dir, func(step string) {
		fmt.Fprintf(out, "backup: %s\n", step)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "backup: done: %s holds %s from entry %d to entry %d, state hash %s\n",
		dir, made.Node, made.Cut, made.Index, made.StateHash)
	return nil
}
