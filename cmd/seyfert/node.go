package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/server"
)

func runInit(_ context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	config := flags.String("config", "", "the node's configuration file")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	cfg, err := readConfig(*config)
	if err != nil {
		return err
	}
	made, err := server.Init(cfg, rand.Reader)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "node          %s\nthumbprint    %s\noperator key  %s\nbank secret   %s\n",
		made.DID, made.Thumbprint, made.OperatorFile, made.BankFile)
	for n, script := range made.Scripts {
		fmt.Fprintf(out, "lane %d        fund a coin to script %s\n", n, script)
	}
	if len(cfg.Lanes) == 0 {
		fmt.Fprintln(out, "\nFund lane 0 and write its coin into the configuration's \"lanes\": "+
			"until then the node runs, but anchors nothing.")
	}
	return nil
}

func readConfig(path string) (server.Config, error) {
	if path == "" {
		return server.Config{}, usageError("--config FILE is needed")
	}
	return server.ReadConfig(path)
}

func runServe(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	config := flags.String("config", "", "the node's configuration file")
	check := flags.Bool("check", false, "hold the state against the journal before serving")
	from := flags.String("restore", "", "a backup's directory, to be read in a new directory")
	at := flags.Uint64("at", 0, "with --restore: the journal entry to stand behind; 0 is the last")
	resume := flags.Bool("resume", false, "make the restored copy the node again")
	alone := flags.Bool("alone", false, "go on without the other replicas, lost for ever")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	cfg, err := readConfig(*config)
	if err != nil {
		return err
	}
	parts := server.Parts{Resume: *resume, Alone: *alone, End: func(err error) {
		advice := ": make room and start it again; what was answered is safe"
		if _, halted := errors.AsType[*core.Halt](err); halted {
			advice = "" // it says itself what is to be done
		}
		fmt.Fprintf(errOut, "seyfert: the node stops: %v%s\n", err, advice)
		os.Exit(1)
	}}
	if *check {
		parts.Check = func(step string) { fmt.Fprintf(out, "check: %s\n", step) }
	}
	if *from != "" {
		parts.Restore = &server.Restore{From: *from, At: *at}
	} else if *at != 0 {
		return usageError("--at INDEX goes with --restore DIR")
	}
	node, err := server.Start(ctx, cfg, parts, newLog(errOut, slog.LevelInfo))
	if err != nil {
		return err
	}
	serves := "serves"
	if entry, is := node.Copy(); is {
		serves = fmt.Sprintf("as it stood after journal entry %d, only to be read: serves", entry)
	}
	fmt.Fprintf(out, "%s %s %s on %s\n", cfg.DID, serves, cfg.Origin, node.Address())
	select {
	case <-ctx.Done():
		return node.Close()
	case failed := <-node.Failed():
		return errors.Join(fmt.Errorf("the node stops: %w", failed), node.Close())
	}
}

// runChain serves a regtest chain, so that nodes in processes of their own can share one.
func runChain(ctx context.Context, args []string, out, errOut io.Writer) (err error) {
	flags := flag.NewFlagSet("chain", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:7400", "address to listen on; loopback alone")
	dir := flags.String("dir", "", "directory of the chain")
	if err := parse(flags, args, errOut); err != nil {
		return err
	}
	if *dir == "" {
		return usageError("--dir DIR is needed")
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	token, err := chainToken(filepath.Join(*dir, "rpc.token"))
	if err != nil {
		return err
	}
	regtest, err := chain.OpenRegtest(filepath.Join(*dir, "blocks"), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, regtest.Close()) }()
	handler, err := chain.NewRPCServer(regtest, chain.RPCAuth{Token: token},
		newLog(errOut, slog.LevelWarn))
	if err != nil {
		return err
	}
	return serveChain(ctx, *listen, *dir, handler, out)
}

func serveChain(ctx context.Context, listen, dir string, handler http.Handler,
	out io.Writer,
) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return errors.Join(listener.Close(),
			usageError("a regtest chain listens on loopback alone"))
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out, "regtest chain on http://%s, token in %s\n",
		listener.Addr(), filepath.Join(dir, "rpc.token"))
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- s.Shutdown(closing)
	}()
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// chainToken makes the secret that clients of the chain must send, once.
func chainToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand)
	token := hex.EncodeToString(secret[:])
	return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
}

func runVersion(_ context.Context, _ []string, out, _ io.Writer) error {
	version := "(built from a checkout)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	fmt.Fprintf(out, "seyfert %s, rules %d, %s\n", version, core.RuleVersion, runtime.Version())
	return nil
}
