package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/chain"
	"seyfert/client"
	"seyfert/egress"
	"seyfert/journal"
	"seyfert/server"
)

// trio is one node of three replicas, each a process of its own, behind a proxy that knows them.
type trio struct {
	hosted  // the first replica, which was there before the others joined
	program string
	home    string
	key     string // the operator's
	front   *front
	members []*member
	rpc     *chain.RPC
	chain   [2]string // the chain's address and its token's file
	out     *egress.Client
}

// member is one replica.
type member struct {
	*process
	hosted
	id journal.ReplicaID
}

// newTrio makes a node with init and serve, and gives it two more replicas with join and serve.
func newTrio(ctx context.Context, t *testing.T, program, dir string) *trio {
	t.Helper()
	n := &trio{program: program, home: dir, front: newFront(t)}
	n.out = egress.New(egress.Policy{Loopback: true, Timeout: 40 * time.Second})
	t.Cleanup(n.out.Close)
	_, n.rpc, n.chain[0], n.chain[1] = newChain(t, program, dir)
	n.found(ctx, t)
	n.grow(ctx, t, 2)
	return n
}

// found makes the first replica.
func (n *trio) found(ctx context.Context, t *testing.T) {
	t.Helper()
	n.hosted = hosted{
		name: "seoul", dir: filepath.Join(n.home, "seoul"),
		config: filepath.Join(n.home, "seoul.json"),
		url:    "http://seoul.localhost:" + n.front.port(t),
		listen: "127.0.0.1:" + freePort(t), replica: "127.0.0.1:" + freePort(t),
	}
	n.init(t, n.program, n.chain[0], n.chain[1], nil)
	n.write(t, n.chain[0], n.chain[1], fund(ctx, t, n.rpc, n.scripts))
	if _, err := n.rpc.Mine(ctx, 1, []byte{0x51}); err != nil {
		t.Fatal(err)
	}
	n.key = n.secret(t, "operator.key")
	first := &member{hosted: n.hosted}
	first.process = newProcess(t, filepath.Join(n.home, "seoul.log"), n.program, "serve",
		"--config", first.config)
	n.front.add(first.listen)
	for _, r := range n.list(ctx, t, first).Replicas {
		first.id = r.ID
	}
	n.members = append(n.members, first)
}

// grow adds replicas side by side, and waits until they vote.
func (n *trio) grow(ctx context.Context, t *testing.T, count int) {
	t.Helper()
	var joining []*joining
	for range count {
		joining = append(joining, n.join(ctx, t))
	}
	for _, j := range joining {
		n.members = append(n.members, j.end(t))
	}
	n.wait(ctx, t, "votes of all", func() bool {
		votes := 0
		for _, r := range n.list(ctx, t, n.alive()).Replicas {
			if r.Votes && r.Answers {
				votes++
			}
		}
		return votes == len(n.members)
	})
}

// alive is a replica that runs.
func (n *trio) alive() *member {
	return n.members[slices.IndexFunc(n.members, func(m *member) bool { return m.cmd != nil })]
}

// joining is `seyfert join` while it runs.
type joining struct {
	*trio
	to   *member
	log  string
	cmd  *exec.Cmd
	said *watched
}

// join starts a new replica, as an operator does: join on its machine, and what join asks for on
// the machine of another.
func (n *trio) join(ctx context.Context, t *testing.T) *joining {
	t.Helper()
	dir := filepath.Join(n.home, "replica"+freePort(t))
	j := &joining{trio: n, said: &watched{}, log: dir + ".log", to: &member{hosted: hosted{
		name: n.name, dir: dir, config: filepath.Join(dir, "seyfert.json"),
		listen: "127.0.0.1:" + freePort(t), replica: "127.0.0.1:" + freePort(t),
	}}}
	asks := n.alive()
	j.cmd = exec.Command(n.program, "join", "--dir", dir, "--listen", j.to.listen,
		"--replica-listen", j.to.replica, "--leader", string(asks.id)+"@"+asks.replica)
	j.cmd.Stderr = j.said
	out, err := j.cmd.StdoutPipe()
	if err == nil {
		err = j.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.cmd.Process.Kill() })
	lines := bufio.NewScanner(io.TeeReader(out, j.said))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		for i := range fields {
			if fields[i] == "add" && i+1 < len(fields) {
				j.add(ctx, t, asks, fields[i+1])
				go func() {
					for lines.Scan() {
					}
				}()
				return j
			}
		}
	}
	t.Fatalf("join did not say what to do: %s", j.said)
	return nil
}

func (j *joining) add(ctx context.Context, t *testing.T, asks *member, who string) {
	t.Helper()
	id, _, _ := strings.Cut(who, "@")
	j.to.id = journal.ReplicaID(id)
	out, err := exec.CommandContext(ctx, j.program, "replica", "add", who, "--config",
		asks.config).CombinedOutput()
	if err != nil || !strings.Contains(string(out), id) {
		t.Fatalf("replica add: %v: %s", err, out)
	}
}

// end waits until the machine has joined, and serves there.
func (j *joining) end(t *testing.T) *member {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = j.cmd.Process.Kill() })
	defer late.Stop()
	if err := j.cmd.Wait(); err != nil {
		t.Fatalf("join: %v: %s", err, j.said)
	}
	j.to.process = newProcess(t, j.log, j.program, "serve", "--config", j.to.config)
	j.front.add(j.to.listen)
	return j.to
}

// list has a member say who the replicas are.
func (n *trio) list(ctx context.Context, t *testing.T, of *member) server.ReplicaAnswer {
	t.Helper()
	answer, err := n.order(ctx, of, server.ReplicaOrder{Do: server.ReplicaList})
	if err != nil {
		t.Fatalf("replica list: %v", err)
	}
	return answer
}

func (n *trio) order(ctx context.Context, of *member, order server.ReplicaOrder) (
	server.ReplicaAnswer, error,
) {
	cfg, err := server.ReadConfig(of.config)
	if err != nil {
		return server.ReplicaAnswer{}, err
	}
	return server.OrderReplicas(ctx, cfg, order)
}

// leader waits until one of the members that run leads, and returns it and the others.
func (n *trio) leader(ctx context.Context, t *testing.T) (leader *member, others []*member) {
	t.Helper()
	n.wait(ctx, t, "a leader", func() bool {
		leader, others = nil, nil
		for _, m := range n.members {
			if m.cmd != nil && leader == nil && n.leads(ctx, m) {
				leader = m
				continue
			}
			others = append(others, m)
		}
		return leader != nil
	})
	return leader, others
}

func (n *trio) leads(ctx context.Context, m *member) bool {
	answer, err := n.order(ctx, m, server.ReplicaOrder{Do: server.ReplicaList})
	for _, r := range answer.Replicas {
		if err == nil && r.ID == m.id && r.Leads {
			return true
		}
	}
	return false
}

// wait waits until something holds.
func (n *trio) wait(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// client is an operator's client that begins with one replica and goes on with the others.
func (n *trio) client(first int, through *http.Client) *client.Client {
	c := client.Config{Key: n.key, HTTP: through}
	for i := range n.members {
		url := "http://" + n.members[(first+i)%len(n.members)].listen
		if i == 0 {
			c.URL = url
		} else {
			c.Others = append(c.Others, url)
		}
	}
	return client.New(c)
}

// newest is a client that asks for what is newest in whatever it reads.
func (n *trio) newest(timeout time.Duration) *http.Client {
	return &http.Client{Transport: newest{n.out.HTTP().Transport}, Timeout: timeout}
}

type newest struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (n newest) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		r = r.Clone(r.Context())
		r.Header.Set(api.HeaderAtLeast, "now")
	}
	return n.RoundTripper.RoundTrip(r)
}

// same waits until all replicas show the same entry, and compares their states.
func (n *trio) same(ctx context.Context, t *testing.T) {
	t.Helper()
	var states []string
	n.wait(ctx, t, "the same state everywhere", func() bool {
		states = nil
		for _, m := range n.members {
			at := client.New(client.Config{
				URL: "http://" + m.listen, Key: n.key, HTTP: n.out.HTTP(),
			})
			status, err := at.Status(ctx)
			if err != nil {
				return false
			}
			states = append(states, fmt.Sprint(status.Index, " ", status.StateHash))
		}
		for _, s := range states {
			if s != states[0] {
				return false
			}
		}
		return true
	})
	t.Logf("all replicas are at entry %.60s", states[0])
}

// front is a proxy that brings each connection to a replica that takes it.
type front struct {
	listener net.Listener
	mu       sync.Mutex // guards the following
	next     int
	backends []string
}

func newFront(t *testing.T) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{listener: listener}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go f.carry(conn)
		}
	}()
	return f
}

func (f *front) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(f.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (f *front) add(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backends = append(f.backends, address)
}

// dial reaches the next backend that takes a connection.
func (f *front) dial() (net.Conn, error) {
	f.mu.Lock()
	backends := append([]string{}, f.backends...)
	f.next++
	first := f.next
	f.mu.Unlock()
	for i := range backends {
		to, err := net.DialTimeout("tcp", backends[(first+i)%len(backends)], time.Second)
		if err == nil {
			return to, nil
		}
	}
	return nil, errors.New("no backend")
}

func (f *front) carry(from net.Conn) {
	defer from.Close()
	to, err := f.dial()
	if err != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done // either end is gone
}
