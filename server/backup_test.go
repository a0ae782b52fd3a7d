package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/node"
	"seyfert/server"
	"seyfert/table"
)

// lone is a node without lanes and peers that can be started again, also on another directory.
type lone struct {
	t        *testing.T
	cfg      server.Config
	key      string
	chain    chain.Backend
	running  *server.Server
	operator node.Caller
	log      *slog.Logger
}

func newLone(t *testing.T) *lone {
	t.Helper()
	blocks, err := chain.NewMemory(time.Now)
	must(t, err)
	silent := slog.New(slog.DiscardHandler)
	l := &lone{t: t, chain: blocks, log: silent, cfg: server.Config{
		DID: "did:web:seoul.localhost", Dir: filepath.Join(t.TempDir(), "seoul"),
		Listen: "127.0.0.1:0", Origin: "http://seoul.localhost:7401", Network: "regtest",
		Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
	}}
	made, err := server.Init(l.cfg, rand.Reader)
	must(t, err)
	key, err := os.ReadFile(made.OperatorFile)
	must(t, err)
	l.key = strings.TrimSpace(string(key))
	return l
}

// elsewhere is the same node with another directory, without keys.
func (l *lone) elsewhere() *lone {
	l.t.Helper()
	other := *l
	other.running, other.cfg.Dir = nil, filepath.Join(l.t.TempDir(), "other")
	return &other
}

func (l *lone) start(parts server.Parts) error {
	l.t.Helper()
	if parts.Chain == nil {
		parts.Chain = l.chain
	}
	var err error
	l.running, err = server.Start(l.t.Context(), l.cfg, parts, l.log)
	if err != nil {
		return err
	}
	l.t.Cleanup(l.close)
	l.operator, err = l.running.Node().Authenticate(l.key)
	return err
}

func (l *lone) close() {
	if l.running != nil {
		must(l.t, l.running.Close())
		l.running = nil
	}
}

// work gives the node a member with a deposit.
func (l *lone) work(number string) node.Member {
	l.t.Helper()
	p := &place{t: l.t, node: l.running.Node(), operator: l.operator}
	return p.addMember("Kim "+number, number)
}

// call calls the API as the operator, and reads the answer into got unless that is nil.
func (l *lone) call(method, path, body string, got any) int {
	l.t.Helper()
	request, err := http.NewRequest(method, "http://"+l.running.Address().String()+path,
		strings.NewReader(body))
	must(l.t, err)
	request.Header.Set("Authorization", "Bearer "+l.key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	must(l.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(l.t, err)
	if got != nil {
		must(l.t, json.Unmarshal(text, got))
	}
	return answer.StatusCode
}

type status struct {
	Index     uint64 `json:"index"`
	StateHash string `json:"state_hash"`
}

func (l *lone) status() (s status) {
	l.t.Helper()
	if code := l.call(http.MethodGet, "/v1/status", "", &s); code != http.StatusOK {
		l.t.Fatalf("status: %d", code)
	}
	return s
}

func (l *lone) backup(to string) node.Backup {
	l.t.Helper()
	made, err := server.Backup(l.t.Context(), l.cfg, to, func(string) {})
	must(l.t, err)
	return made
}

type problem struct {
	Type, Code, Reason, Detail string
}

// TestRestore: a backup of a running node is served from another directory to be read, at its
// end and at an earlier entry, over and over, and takes no change.
func TestRestore(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	member := l.work("110-1")
	l.close() // makes a cut
	must(t, l.start(server.Parts{}))
	early := l.status()
	l.work("110-2")
	late := l.status()
	to := filepath.Join(t.TempDir(), "backup")
	if made := l.backup(to); made.Index != late.Index || made.StateHash.String() != late.StateHash {
		t.Errorf("the backup ends at %+v, the node is at %+v", made, late)
	}
	l.work("110-3")
	for want, at := range map[status]uint64{late: 0, early: early.Index} {
		other := l.elsewhere()
		must(t, other.start(server.Parts{Restore: &server.Restore{From: to, At: at}}))
		other.reads(member, want)
		other.takesNothing()
		other.close()
		must(t, other.start(server.Parts{}))
		other.reads(member, want)
		other.takesNothing()
		again := *other
		if err := again.start(server.Parts{}); err == nil ||
			!strings.Contains(err.Error(), "another process serves") {
			t.Errorf("a second process on one copy: %v", err)
		}
	}
}

// reads looks at what a copy shows.
func (l *lone) reads(member node.Member, want status) {
	l.t.Helper()
	if got := l.status(); got != want {
		l.t.Errorf("the copy is at %+v, want %+v", got, want)
	}
	var wallet struct {
		Balances []struct {
			Posted money.Amount `json:"posted"`
		} `json:"balances"`
	}
	l.call(http.MethodGet, "/v1/wallets/"+member.ID, "", &wallet)
	if len(wallet.Balances) == 0 || wallet.Balances[0].Posted != money.New(money.KRW, deposit) {
		l.t.Errorf("the member's wallet is %+v", wallet)
	}
	var members struct {
		Data []struct{ ID, Name string }
	}
	l.call(http.MethodGet, "/v1/members", "", &members)
	if len(members.Data) == 0 || members.Data[0].ID != member.ID || members.Data[0].Name != "" {
		l.t.Errorf("the members are %+v: a copy has no names", members)
	}
}

// takesNothing tries to change a copy.
func (l *lone) takesNothing() {
	l.t.Helper()
	for _, call := range [][2]string{
		{"/v1/companies", `{"name":"Late"}`},
		{"/v1/members", `{"name":"Late"}`},
		{"/v1/days/close", `{}`},
		{"/snp/v1/messages", `{}`},
		{"/rail/bank/notices", `{}`},
	} {
		var p problem
		code := l.call(http.MethodPost, call[0], call[1], &p)
		if code != http.StatusServiceUnavailable || p.Type != "/problems/read_only" ||
			p.Reason != "read_only" || !strings.Contains(p.Detail, "restored copy") {
			l.t.Errorf("%s answers %d %+v", call[0], code, p)
		}
	}
}

// TestRestoreRefused: where a copy would overwrite a node, or be another's.
func TestRestoreRefused(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	to := filepath.Join(t.TempDir(), "backup")
	made := l.backup(to)
	refused := func(l *lone, r server.Restore, want string) {
		t.Helper()
		err := l.start(server.Parts{Restore: &r})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
	refused(l.elsewhere(), server.Restore{From: to, At: made.Index + 1}, "is not in it")
	refused(l.elsewhere(), server.Restore{From: t.TempDir()}, "is no backup")
	other := l.elsewhere()
	other.cfg.DID = "did:web:tokyo.localhost"
	refused(other, server.Restore{From: to}, "the configuration names did:web:tokyo.localhost")
	for _, dir := range []string{"state", "journal", "restored"} {
		other := l.elsewhere()
		must(t, os.MkdirAll(filepath.Join(other.cfg.Dir, dir), 0o700))
		refused(other, server.Restore{From: to}, "into a new directory")
	}
	changed := filepath.Join(to, "entries")
	data, err := os.ReadFile(changed)
	must(t, err)
	data[len(data)-1] ^= 1
	must(t, os.WriteFile(changed, data, 0o600))
	refused(l.elsewhere(), server.Restore{From: to}, "entries of the backup has")
}

// TestBackupOrders: what the control socket refuses, and that it goes with the node.
func TestBackupOrders(t *testing.T) {
	l := newLone(t)
	l.cfg.Chain.URL = "http://user:secret-word@127.0.0.1:1"
	refused := func(to, want string) {
		t.Helper()
		_, err := server.Backup(t.Context(), l.cfg, to, func(string) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to %q it says %v, want %q", to, err, want)
		}
	}
	dir := t.TempDir()
	refused(filepath.Join(dir, "backup"), "is it running")
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	refused("backup", "is not an absolute path")
	refused(filepath.Join(l.cfg.Dir, "backup"), "in the node's own directory")
	refused(filepath.Join(l.cfg.Dir, "state", "..", "keys", "x"), "in the node's own directory")
	must(t, os.Symlink(l.cfg.Dir, filepath.Join(dir, "link")))
	refused(filepath.Join(dir, "link", "backup"), "in the node's own directory")
	refused(filepath.Join(dir, "none", "backup"), "no such file")
	refused(dir, "exists: name a new directory")
	to := filepath.Join(dir, "backup")
	l.backup(to)
	config, err := os.ReadFile(filepath.Join(to, "config.json"))
	must(t, err)
	if bytes.Contains(config, []byte("secret-word")) || !bytes.Contains(config, []byte(l.cfg.DID)) {
		t.Errorf("the configuration in the backup is %s", config)
	}
	socket := filepath.Join(l.cfg.Dir, "control.sock")
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	l.close()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	// What a killed process leaves does not keep the next one from starting.
	left, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	must(t, os.Rename(filepath.Join(dir, "s"), socket))
	defer left.Close()
	must(t, l.start(server.Parts{}))
	l.backup(filepath.Join(dir, "another"))
}

// TestBackupEnds: a node that closes ends a backup, and one is made at a time.
func TestBackupEnds(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := server.Backup(ctx, l.cfg, filepath.Join(dir, "a"), func(string) {}); err == nil {
		t.Error("one who went away has a backup")
	}
	running := make(chan error, 1)
	began := make(chan bool)
	go func() {
		first := true
		_, err := server.Backup(t.Context(), l.cfg, filepath.Join(dir, "b"), func(string) {
			if first {
				first = false
				close(began)
			}
		})
		running <- err
	}()
	<-began
	_, err := server.Backup(t.Context(), l.cfg, filepath.Join(dir, "c"), func(string) {})
	if err != nil && !strings.Contains(err.Error(), "another backup is under way") {
		t.Error(err)
	}
	l.close()
	if err := <-running; err != nil && !strings.Contains(err.Error(), "broke off") &&
		!strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range left {
		if strings.HasSuffix(entry.Name(), ".making") {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
}

// TestCheckAtStart: a sound node starts and says what was compared; one whose state is not what
// its journal leads to does not, and keeps the cuts that it has.
func TestCheckAtStart(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	l.close()
	var said []string
	parts := server.Parts{Check: func(step string) { said = append(said, step) }}
	must(t, l.start(parts))
	if all := strings.Join(said, "\n"); !strings.Contains(all, "passed: the journal was replayed") ||
		!strings.Contains(all, "history records") {
		t.Errorf("it said %s", all)
	}
	l.work("110-2")
	l.close()
	cuts, err := filepath.Glob(filepath.Join(l.cfg.Dir, "state", "cuts", "*"))
	if err != nil || len(cuts) == 0 {
		t.Fatal(cuts, err)
	}
	changeHash(t, filepath.Join(l.cfg.Dir, "state", "tree"), 2)
	err = l.start(parts)
	if err == nil || !strings.Contains(err.Error(), "tree hash 2") ||
		!strings.Contains(err.Error(), "away and start it") {
		t.Errorf("it says %v", err)
	}
	left, err := filepath.Glob(filepath.Join(l.cfg.Dir, "state", "cuts", "*"))
	if err != nil || strings.Join(left, " ") != strings.Join(cuts, " ") {
		t.Errorf("cuts %v, there were %v", left, cuts)
	}
	must(t, os.RemoveAll(filepath.Join(l.cfg.Dir, "state")))
	must(t, l.start(parts))
}

// changeHash changes a hash of a tree, with its checksum.
func changeHash(t *testing.T, path string, number uint64) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	count := uint64(info.Size()-16) / (merkle.HashSize + 4)
	was, err := table.OpenRecords(path, merkle.HashSize, count)
	must(t, err)
	made, err := table.OpenRecords(path+".new", merkle.HashSize, 0)
	must(t, err)
	for n := uint64(1); n <= count; n++ {
		hash, err := was.At(n)
		must(t, err)
		if n == number {
			hash[0] ^= 1
		}
		must(t, made.Append(hash))
	}
	must(t, errors.Join(made.Sync(), made.Close(), was.Close(), os.Rename(path+".new", path)))
}
