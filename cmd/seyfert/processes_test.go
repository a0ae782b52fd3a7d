package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/client"
	"seyfert/egress"
	"seyfert/money"
	"seyfert/rail/banksim"
	"seyfert/sandbox"
)

// program is the compiled program, which all tests of this package share.
type program struct {
	once sync.Once
	dir  string
	err  error
}

var compiled program

// TestMain removes the program in the end.
func TestMain(m *testing.M) {
	m.Run()
	_ = os.RemoveAll(compiled.dir)
}

// build compiles the program once for the tests of this package.
func build(t *testing.T) string {
	t.Helper()
	compiled.once.Do(func() {
		if compiled.dir, compiled.err = os.MkdirTemp("", "seyfert"); compiled.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", compiled.dir, ".").CombinedOutput()
		if err != nil {
			compiled.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if compiled.err != nil {
		t.Fatal(compiled.err)
	}
	return filepath.Join(compiled.dir, "seyfert")
}

// start runs the program until the test ends and returns when it has printed its first line.
// It ends with SIGTERM and must exit with status 0.
func start(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		reader := bufio.NewReader(out)
		line, _ := reader.ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, reader)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s %v: %v\n%s", args[0], args, err, errOut.String())
		}
	})
	select {
	case line := <-lines:
		if line == "" {
			t.Fatalf("%v printed nothing:\n%s", args, errOut.String())
		}
		return line
	case <-time.After(30 * time.Second):
		t.Fatalf("%v did not start:\n%s", args, errOut.String())
		return ""
	}
}

// freePort finds a port that is free now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// hosted is one node in a process of its own.
type hosted struct {
	name, url, dir, config string
	thumbprint             string
	scripts                []string
	// listen is where it listens, if its url is that of a proxy; replica where other replicas
	// reach it, if it may have some.
	listen, replica string
}

// initNode writes a configuration and runs `seyfert init`, as an operator does.
func initNode(t *testing.T, program, dir, name, chainURL, token string, lanes []string) hosted {
	t.Helper()
	h := hosted{
		name: name, dir: filepath.Join(dir, name), config: filepath.Join(dir, name+".json"),
	}
	h.url = "http://" + name + ".localhost:" + freePort(t)
	h.init(t, program, chainURL, token, lanes)
	return h
}

// init makes the node of which the fields above are known.
func (h *hosted) init(t *testing.T, program, chainURL, token string, lanes []string) {
	t.Helper()
	h.write(t, chainURL, token, lanes)
	out, err := exec.Command(program, "init", "--config", h.config).CombinedOutput()
	if err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "thumbprint" {
			h.thumbprint = fields[1]
		}
		if len(fields) > 2 && fields[0] == "lane" {
			h.scripts = append(h.scripts, fields[len(fields)-1])
		}
	}
	if h.thumbprint == "" || len(h.scripts) != 2 {
		t.Fatalf("init told no thumbprint or lanes:\n%s", out)
	}
}

// write writes the node's configuration file.
func (h hosted) write(t *testing.T, chainURL, token string, lanes []string) {
	t.Helper()
	type lane struct {
		Outpoint string `json:"outpoint"`
		Value    uint64 `json:"value"`
	}
	coins := []lane{}
	for _, outpoint := range lanes {
		coins = append(coins, lane{outpoint, 10_000_000})
	}
	if h.listen == "" {
		h.listen = "127.0.0.1:" + h.url[strings.LastIndex(h.url, ":")+1:]
	}
	config := map[string]any{
		"did": "did:web:" + h.name + ".localhost", "dir": h.dir, "origin": h.url,
		"listen": h.listen, "network": "regtest",
		"chain":             map[string]string{"url": chainURL, "token_file": token},
		"currencies":        []string{"KRW", "JPY", "USD", "BTC"},
		"record_thresholds": []map[string]string{{"currency": "KRW", "value": "10000"}},
		"lanes":             coins,
		"keep_journal":      true, // tests replay it from its first entry
	}
	if h.replica != "" {
		config["replica"] = map[string]string{"listen": h.replica}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h hosted) secret(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (h hosted) actor(t *testing.T, out *egress.Client) sandbox.Actor {
	t.Helper()
	operator := client.New(client.Config{
		URL: h.url, Key: h.secret(t, "operator.key"), HTTP: out.HTTP(),
	})
	return sandbox.Actor{URL: h.url, Thumbprint: h.thumbprint, Operator: operator}
}

// newChain runs a regtest chain, and returns its process, a client of it, and what nodes are told
// of it: its address and the file of its token.
func newChain(t *testing.T, program, dir string) (
	p *process, rpc *chain.RPC, url, token string,
) {
	t.Helper()
	port := freePort(t)
	p = newProcess(t, filepath.Join(dir, "chain.log"), program, "chain",
		"--listen", "127.0.0.1:"+port, "--dir", filepath.Join(dir, "chain"))
	url, token = "http://127.0.0.1:"+port, filepath.Join(dir, "chain", "rpc.token")
	text, err := os.ReadFile(token)
	if err != nil {
		t.Fatal(err)
	}
	rpc, err = chain.NewRPC(chain.RPCConfig{
		URL: url, Network: "regtest", Auth: chain.RPCAuth{Token: strings.TrimSpace(string(text))},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rpc.Close() })
	return p, rpc, url, token
}

// TestCheckoutOverProcesses plays the checkout on two nodes and a chain that are three
// processes, made with init and serve alone.
func TestCheckoutOverProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	program, dir := build(t), t.TempDir()
	chainPort := freePort(t)
	start(t, program, "chain", "--listen", "127.0.0.1:"+chainPort, "--dir", filepath.Join(dir, "chain"))
	chainURL, token := "http://127.0.0.1:"+chainPort, filepath.Join(dir, "chain", "rpc.token")
	text, err := os.ReadFile(token)
	if err != nil {
		t.Fatal(err)
	}
	rpc, err := chain.NewRPC(chain.RPCConfig{
		URL: chainURL, Network: "regtest", Auth: chain.RPCAuth{Token: strings.TrimSpace(string(text))},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()

	var nodes []hosted
	for _, name := range []string{"seoul", "tokyo"} {
		node := initNode(t, program, dir, name, chainURL, token, nil)
		node.write(t, chainURL, token, fund(ctx, t, rpc, node.scripts))
		nodes = append(nodes, node)
	}
	if _, err := rpc.Mine(ctx, 1, []byte{0x51}); err != nil {
		t.Fatal(err)
	}
	out := egress.New(egress.Policy{Loopback: true, Timeout: 40 * time.Second})
	for _, node := range nodes {
		start(t, program, "serve", "--config", node.config)
	}
	stage := newStage(ctx, t, nodes, out, rpc)
	var told bytes.Buffer
	result, err := sandbox.Play(ctx, "checkout", stage, &told)
	if err != nil {
		t.Fatal(err)
	}
	if !result.OK {
		t.Fatalf("the checkout failed:\n%s", told.String())
	}
	checkVerify(t, program, result, nodes[0].thumbprint)
}

func fund(ctx context.Context, t *testing.T, rpc *chain.RPC, scripts []string) []string {
	t.Helper()
	var lanes []string
	for _, text := range scripts {
		script, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		coin, err := rpc.Fund(ctx, script, 10_000_000)
		if err != nil {
			t.Fatal(err)
		}
		txid := make([]byte, 32)
		for i := range txid {
			txid[i] = coin[31-i]
		}
		lanes = append(lanes, fmt.Sprintf("%x:%d", txid, coin[32]))
	}
	return lanes
}

func newStage(ctx context.Context, t *testing.T, nodes []hosted, out *egress.Client,
	rpc *chain.RPC,
) sandbox.Stage {
	t.Helper()
	seoul, tokyo := nodes[0].actor(t, out), nodes[1].actor(t, out)
	for _, pair := range [][2]sandbox.Actor{{seoul, tokyo}, {tokyo, seoul}} {
		_, err := pair[0].Operator.AddPeer(ctx, client.PeerTerms{
			URL: pair[1].URL, Thumbprint: pair[1].Thumbprint,
			Credit: []money.Amount{money.New(money.KRW, 1_000_000)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	secret, err := hex.DecodeString(nodes[0].secret(t, "bank.secret"))
	if err != nil {
		t.Fatal(err)
	}
	bank, err := banksim.New(banksim.Config{
		Name: "hangang", URL: seoul.URL + "/rail/bank/notices", Secret: secret,
		File: filepath.Join(t.TempDir(), "bank.json"), HTTP: out.HTTP(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); bank.Run(running) }()
	t.Cleanup(func() { stop(); <-done })
	return sandbox.Stage{
		Seoul: seoul, Tokyo: tokyo, Dir: t.TempDir(),
		Issue: func() (string, string, error) {
			number, err := bank.Issue()
			return "hangang", number, err
		},
		Pay: bank.Deposit,
		Mine: func(ctx context.Context, blocks int) error {
			_, err := rpc.Mine(ctx, blocks, []byte{0x51})
			return err
		},
	}
}

// checkVerify runs `seyfert verify` on the exported proof: it holds with and without the pin,
// and fails under another node's.
func checkVerify(t *testing.T, program string, result sandbox.Result, thumbprint string) {
	t.Helper()
	verify := func(args ...string) (string, error) {
		args = append([]string{"verify", result.Bundle, "--headers", result.Headers}, args...)
		out, err := exec.Command(program, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := verify("--node", thumbprint); err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	out, err := verify()
	if err != nil || !strings.Contains(out, "whose owner was not checked") {
		t.Fatalf("verify without a pin: %v\n%s", err, out)
	}
	other := strings.Repeat("A", len(thumbprint))
	if out, err := verify("--node", other); err == nil {
		t.Fatalf("verify held for another node's pin:\n%s", out)
	}
	for name, words := range map[string]string{"posted": "moved KRW 500", "held": "reserved KRW"} {
		const kept = "../../verify/testdata/"
		args := []string{"verify", kept + name + ".json", "--headers", kept + "headers.bin"}
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), words) {
			t.Fatalf("verify of an entry: %v\n%s", err, out)
		}
		out, err = exec.Command(program, append(args, "--peer", other)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "A pin of the other node (--peer)") {
			t.Fatalf("verify of an entry with another node: %v\n%s", err, out)
		}
	}
}
