package main_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"seyfert/client"
	"seyfert/egress"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/table"
)

// lone is one node, with a chain, in processes of their own.
type lone struct {
	hosted
	program string
	chain   [2]string // the chain's address and its token's file
	out     *egress.Client
	// pair are two accounts, once they are opened.
	pair [2]string
}

func newLone(t *testing.T, program, dir string) *lone {
	t.Helper()
	port := freePort(t)
	start(t, program, "chain", "--listen", "127.0.0.1:"+port, "--dir", filepath.Join(dir, "chain"))
	l := &lone{
		program: program, out: egress.New(egress.Policy{Loopback: true}),
		chain: [2]string{"http://127.0.0.1:" + port, filepath.Join(dir, "chain", "rpc.token")},
	}
	t.Cleanup(l.out.Close)
	l.hosted = initNode(t, program, dir, "seoul", l.chain[0], l.chain[1], nil)
	return l
}

// elsewhere is the same node's configuration with another directory and port.
func (l *lone) elsewhere(t *testing.T, dir string) *lone {
	t.Helper()
	other := *l
	other.dir, other.config = filepath.Join(dir, "other"), filepath.Join(dir, "other.json")
	other.url = "http://seoul.localhost:" + freePort(t)
	other.write(t, l.chain[0], l.chain[1], nil)
	return &other
}

// at is the operator's client of a node that serves here, with the key of where it was made.
func (l *lone) at(t *testing.T, made hosted) *client.Client {
	t.Helper()
	return client.New(client.Config{
		URL: l.url, Key: made.secret(t, "operator.key"), HTTP: l.out.HTTP(),
	})
}

func (l *lone) openPair(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	for i, kind := range []string{client.KindAsset, client.KindIncome} {
		a, err := c.OpenAccount(ctx, client.NewAccount{Kind: kind, Currency: "KRW"})
		if err != nil {
			t.Fatal(err)
		}
		l.pair[i] = a.ID
	}
}

// post moves one won and returns the transfer's id.
func (l *lone) post(ctx context.Context, c *client.Client) (string, error) {
	posted, err := c.Post(ctx, client.TransferRequest{Legs: []client.Leg{{
		Debit: l.pair[0], Credit: l.pair[1], Amount: money.New(money.KRW, 1),
	}}})
	return posted.ID, err
}

// output runs the program to its end.
func (l *lone) output(args ...string) (string, error) {
	out, err := exec.Command(l.program, args...).CombinedOutput()
	return string(out), err
}

// TestBackupProcess: `seyfert backup` while a customer posts, `serve --restore` elsewhere, at the
// end and at an entry before it, and `serve --check`, all as an operator runs them.
func TestBackupProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	program, dir := build(t), t.TempDir()
	l := newLone(t, program, dir)
	to := filepath.Join(dir, "backup")
	if out, err := l.output("backup", "--config", l.config, "--to", to); err == nil ||
		!strings.Contains(out, "is it running") {
		t.Errorf("a backup of a node that does not run: %v: %s", err, out)
	}
	node := newProcess(t, filepath.Join(dir, "seoul.log"), program, "serve", "--config", l.config)
	own := l.at(t, l.hosted)
	l.openPair(ctx, t, own)
	early, err := own.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var known []string // posted before the backup began
	for range 20 {
		id, err := l.post(ctx, own)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, id)
	}
	posting, stop := context.WithCancel(ctx)
	var customer sync.WaitGroup
	customer.Go(func() {
		for posting.Err() == nil {
			if _, err := l.post(ctx, own); err != nil {
				t.Errorf("post beside the backup: %v", err)
				return
			}
		}
	})
	out, err := l.output("backup", "--config", l.config, "--to", to)
	stop()
	customer.Wait()
	if err != nil || !strings.Contains(out, "backup: done: "+to+" holds did:web:seoul.localhost") {
		t.Fatalf("backup: %v: %s", err, out)
	}
	checkNoSecrets(t, l.dir, to)

	l.checkCopy(ctx, t, known, "--restore", to)
	l.checkCopy(ctx, t, nil, "--restore", to, "--at", strconv.FormatUint(early.Index, 10))

	node.end(t)
	said, err := l.serveCheck(t)
	if err != nil || !strings.Contains(said, "check: replays the entries 1 to ") ||
		!strings.Contains(said, "check: passed: the journal was replayed from the journal's first") {
		t.Errorf("a sound node: %v: %s", err, said)
	}
	changeHistory(t, filepath.Join(l.dir, "state", "history"), 7)
	said, err = l.serveCheck(t)
	if err == nil || !strings.Contains(said, "differs from the journal: history record 7:") ||
		!strings.Contains(said, "Stop the node, move "+filepath.Join(l.dir, "state")+" away") {
		t.Errorf("a changed history: %v: %s", err, said)
	}
	if err := os.Rename(filepath.Join(l.dir, "state"), filepath.Join(l.dir, "away")); err != nil {
		t.Fatal(err)
	}
	if said, err = l.serveCheck(t); err != nil || !strings.Contains(said, "check: passed") {
		t.Errorf("after what it said was done: %v: %s", err, said)
	}
}

// checkNoSecrets looks for the content of each of a node's secrets in every file of a backup.
func checkNoSecrets(t *testing.T, dir, backup string) {
	t.Helper()
	var secrets [][]byte
	paths, err := filepath.Glob(filepath.Join(dir, "keys", "*.*"))
	if err != nil || len(paths) < 5 {
		t.Fatal(paths, err)
	}
	paths = append(paths, filepath.Join(dir, "operator.key"), filepath.Join(dir, "bank.secret"))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, bytes.TrimSpace(data))
	}
	err = filepath.WalkDir(backup, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for i := range secrets {
			if bytes.Contains(data, secrets[i]) {
				t.Errorf("%s holds a secret", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkCopy serves a backup in a new directory and looks at it from outside, before and after a
// second start.
func (l *lone) checkCopy(
	ctx context.Context, t *testing.T, known []string, args ...string,
) {
	t.Helper()
	other := l.elsewhere(t, t.TempDir())
	p := newProcess(t, filepath.Join(t.TempDir(), "other.log"), l.program,
		append([]string{"serve", "--config", other.config}, args...)...)
	copied := other.at(t, l.hosted)
	for i := range 2 {
		for _, id := range known {
			if _, err := copied.BookTransfer(ctx, id); err != nil {
				t.Errorf("the copy does not have %s: %v", id, err)
			}
		}
		pair, err := copied.BookAccount(ctx, l.pair[0])
		if err != nil || known == nil && pair.LastEntry != 0 ||
			known != nil && pair.LastEntry < uint64(len(known)) {
			t.Errorf("the account in the copy is %+v (%v)", pair, err)
		}
		if i == 0 {
			_, err := other.post(ctx, copied)
			if err == nil || !strings.Contains(err.Error(), "restored copy") {
				t.Errorf("the copy answers a transfer with %v", err)
			}
		}
		p.end(t)
		p.args = []string{"serve", "--config", other.config}
		p.start(t)
	}
	p.end(t)
}

// serveCheck runs `serve --check` until it serves, or ends, and returns what it wrote.
func (l *lone) serveCheck(t *testing.T) (string, error) {
	t.Helper()
	cmd := exec.Command(l.program, "serve", "--config", l.config, "--check")
	var said watched
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range 600 {
		select {
		case err := <-ended:
			return said.String(), err
		case <-time.After(50 * time.Millisecond):
		}
		if strings.Contains(said.String(), " serves ") {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			return said.String(), <-ended
		}
	}
	_ = cmd.Process.Kill()
	t.Fatalf("neither served nor ended in 30 s:\n%s", said.String())
	return "", nil
}

// watched is what a process wrote, read while it writes.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// changeHistory changes a record, with its checksum.
func changeHistory(t *testing.T, path string, number uint64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	count := uint64(info.Size()-16) / (ledger.RecordSize + 4)
	was, err := table.OpenRecords(path, ledger.RecordSize, count)
	if err != nil {
		t.Fatal(err)
	}
	made, err := table.OpenRecords(path+".new", ledger.RecordSize, 0)
	for n := uint64(1); n <= count && err == nil; n++ {
		var record []byte
		if record, err = was.At(n); n == number {
			record[len(record)-1] ^= 1
		}
		err = errors.Join(err, made.Append(record))
	}
	err = errors.Join(err, made.Sync(), made.Close(), was.Close(), os.Rename(path+".new", path))
	if err != nil {
		t.Fatal(err)
	}
}
