package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/money"
	"seyfert/sandbox"
	"seyfert/verify"
)

// clock is a clock that tests move; it runs by itself as well.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time             { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(step time.Duration) { c.ahead.Add(int64(step)) }

// world is a world that ends with the test, if the test does not end it before.
type world struct {
	*sandbox.World
	closed bool
}

func (w *world) mustClose(t *testing.T) {
	t.Helper()
	if w.closed {
		return
	}
	w.closed = true
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func mustOpen(t *testing.T, cfg sandbox.Config) *world {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	opened, err := sandbox.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: opened}
	t.Cleanup(func() { w.mustClose(t) })
	return w
}

// mustFreePorts finds an address with two free ports above it, as a world that is opened again
// under the same addresses needs.
func mustFreePorts(t *testing.T) string {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		free := true
		for _, next := range []int{port + 1, port + 2} {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(next))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		first.Close()
		if free {
			return "127.0.0.1:" + strconv.Itoa(port)
		}
	}
	t.Fatal("no three free ports in a row")
	return ""
}

// newVisitor is a browser without scripts: it keeps cookies and finds *.localhost.
func newVisitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}}
}

// TestPlayCheckout plays the whole path and every false claim in one process.
func TestPlayCheckout(t *testing.T) {
	w, proofs := mustOpen(t, sandbox.Config{Bare: true}), t.TempDir()
	var out bytes.Buffer
	result, err := sandbox.Play(t.Context(), "checkout", w.Stage(proofs), &out)
	if err != nil || !result.OK {
		t.Fatalf("%v\n%s", err, &out)
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(result.Steps) || lines < 15 {
		t.Errorf("%d lines for %d steps", lines, len(result.Steps))
	}
	for _, step := range result.Steps {
		if !step.OK || step.Name == "" || step.Detail == "" || step.MS < 0 {
			t.Errorf("step %+v", step)
		}
	}
	if p := result.Payment; p == nil || p.State != "paid" || p.Amount != money.New(money.KRW, 15_000) {
		t.Errorf("payment %+v", result.Payment)
	}
	if a := result.Anchor; a == nil || a.Network != "regtest" || a.Confirmations < 6 || a.TxID == "" {
		t.Errorf("anchor %+v", result.Anchor)
	}
	bundle, headers := mustRead(t, result.Bundle), mustRead(t, result.Headers)
	report := verify.Check(bundle, verify.Options{
		Headers: headers, Pin: w.Seoul.Thumbprint, PeerPin: w.Tokyo.Thumbprint, Confirmations: 6,
	})
	if !report.OK {
		t.Error(report.Text())
	}
	checkResultFile(t, result)
}

// checkResultFile holds the result's file against its documented shape.
func checkResultFile(t *testing.T, result sandbox.Result) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "result.json")
	if err := sandbox.WriteResult(path, result); err != nil {
		t.Fatal(err)
	}
	var shape map[string]any
	if err := json.Unmarshal(mustRead(t, path), &shape); err != nil {
		t.Fatal(err)
	}
	keys := func(v any) (names []string) {
		for name := range v.(map[string]any) {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	have := map[string][]string{
		"": keys(shape), "payment": keys(shape["payment"]), "anchor": keys(shape["anchor"]),
		"steps": keys(shape["steps"].([]any)[0]), "balances": keys(shape["balances"]),
	}
	want := map[string][]string{
		"": {
			"anchor", "balances", "bundle", "headers", "ok", "payment", "scenario", "steps",
		},
		"payment":  {"amount", "claim", "offer", "order", "state", "transfer"},
		"anchor":   {"confirmations", "height", "network", "txid"},
		"steps":    {"detail", "ms", "name", "ok"},
		"balances": {"customer BTC", "customer JPY", "customer KRW", "customer USD", "shop KRW"},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("result.json (-want +have):\n%s", diff)
	}
	if shape["ok"] != true || shape["scenario"] != "checkout" {
		t.Errorf("ok %v, scenario %v", shape["ok"], shape["scenario"])
	}
}

// TestPlayTells reports a scenario that nobody knows, and a step that fails, in the result.
func TestPlayTells(t *testing.T) {
	w := mustOpen(t, sandbox.Config{Bare: true})
	_, err := sandbox.Play(t.Context(), "heist", w.Stage(t.TempDir()), new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), `"heist"`) ||
		!strings.Contains(err.Error(), "checkout") {
		t.Errorf("an unknown scenario: %v", err)
	}
	stage := w.Stage(t.TempDir())
	stage.Tokyo = stage.Seoul // a shop on the customer's own node is not what is played
	stage.Pay = func(context.Context, string, money.Amount) error { return os.ErrDeadlineExceeded }
	var out bytes.Buffer
	result, err := sandbox.Play(t.Context(), "checkout", stage, &out)
	if err != nil || result.OK {
		t.Fatalf("%v, %+v", err, result)
	}
	last := result.Steps[len(result.Steps)-1]
	if last.OK || last.Name != "deposit" || !strings.Contains(out.String(), "FAIL") {
		t.Errorf("the failed step is %+v\n%s", last, &out)
	}
}

// TestOpenPortBusy names what to do when another program has a port of the world.
func TestOpenPortBusy(t *testing.T) {
	address := mustFreePorts(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for offset, what := range []string{"the world's page", "start seoul", "start tokyo"} {
		taken, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number+offset)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := sandbox.Open(t.Context(), sandbox.Config{
			Dir: t.TempDir(), Listen: address, Log: slog.New(slog.DiscardHandler),
		})
		taken.Close()
		if err == nil {
			t.Fatal(what, w.Close())
		}
		for _, want := range []string{what, strconv.Itoa(number + offset), "--listen"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("port %d is taken: %v does not say %q", number+offset, err, want)
			}
		}
	}
}

// TestOpenTwice refuses a directory that another world lives in, and leaves that one alone.
func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	w := mustOpen(t, sandbox.Config{Dir: dir, Bare: true})
	_, err := sandbox.Open(t.Context(), sandbox.Config{
		Dir: dir, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), "another sandbox uses "+dir) {
		t.Errorf("the second world: %v", err)
	}
	if err := w.CloseDay(t.Context()); err != nil {
		t.Error(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
