package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seyfert/client"
	"seyfert/export"
)

// keyBytesMax bounds a file with an API key.
const keyBytesMax = 4 << 10

// runExport copies a node's books to where other tools read them.
func runExport(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "postgres" && args[0] != "csv" {
		return usageError("export where to? postgres or csv")
	}
	flags := flag.NewFlagSet("export "+args[0], flag.ContinueOnError)
	node := flags.String("url", "", "the node's origin, such as https://seoul.example")
	key := flags.String("key", "", "API key of the operator, or of the company whose books it is")
	keyFile := flags.String("key-file", "", "file with the key, which others can't see then")
	to := flags.String("to", "", "connection string or URL of the database; or directory of files")
	schema := flags.String("schema", export.SchemaDefault, "schema that the tables are in (postgres)")
	once := flags.Bool("once", false, "end when everything of now is copied (csv always does)")
	if err := parse(flags, args[1:], errOut); err != nil {
		return err
	}
	if *to == "" {
		return usageError("--to is needed")
	}
	c, err := exporter(*node, *key, *keyFile)
	if err != nil {
		return err
	}
	if args[0] == "csv" {
		return exportFiles(ctx, c, *to, out)
	}
	cfg := export.Config{
		Node: c, Database: *to, Schema: *schema, Log: newLog(errOut, slog.LevelInfo),
	}
	if !*once {
		return export.Run(ctx, cfg)
	}
	copied, err := export.Open(ctx, cfg)
	if err != nil {
		return err
	}
	at, err := copied.CatchUp(ctx)
	if err := errors.Join(err, copied.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "copied to entry %d\n", at.Entries)
	return nil
}

func exportFiles(ctx context.Context, c *client.Client, dir string, out io.Writer) error {
	copied, err := export.OpenFiles(ctx, c, dir)
	if err != nil {
		return err
	}
	at, err := copied.CatchUp(ctx)
	if err := errors.Join(err, copied.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "copied to entry %d\n", at.Entries)
	return nil
}

// exporter is a client of a node for whoever has the key.
func exporter(node, key, keyFile string) (*client.Client, error) {
	u, err := url.Parse(node)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, usageError("--url is needed: scheme and host of the node")
	}
	if (key == "") == (keyFile == "") {
		return nil, usageError("--key or --key-file is needed")
	}
	if keyFile != "" {
		text, err := readBounded(keyFile, keyBytesMax)
		if err != nil {
			return nil, err
		}
		key = strings.TrimSpace(string(text))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		// Names below localhost are this machine (RFC 6761), whatever the resolver says.
		if host, port, err := net.SplitHostPort(address); err == nil &&
			strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return client.New(client.Config{
		URL: node, Key: key,
		HTTP: &http.Client{Transport: transport, Timeout: client.WaitMax + 20*time.Second},
	}), nil
}
