package export_test

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a PostgreSQL of its own that ends with the test. It listens on a socket in its
// directory and on no port, and does not sync: no test takes its power away.
type cluster struct {
	t        *testing.T
	bin, dir string
	user     *syscall.Credential // nil: this process's own
	server   *exec.Cmd
	ended    chan error
}

// mustCluster starts PostgreSQL, or skips the test where there is none; make test fetches it.
func mustCluster(t *testing.T) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("a database takes too long for -short")
	}
	bin := serverPrograms()
	if bin == "" && os.Getenv("CI") == "true" {
		t.Fatal("no PostgreSQL, and with CI=true nothing is skipped")
	}
	if bin == "" {
		t.Skip("no PostgreSQL: apt-get install postgresql")
	}
	// A socket's path is short, and t.TempDir may not be.
	dir, err := os.MkdirTemp("", "pg")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cluster{t: t, bin: bin, dir: dir, user: mustServant(t)}
	if c.user != nil {
		must(t, os.Chown(dir, int(c.user.Uid), int(c.user.Gid)))
	}
	initdb := c.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "test",
		"--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.start()
	t.Cleanup(c.stop)
	return c
}

// serverPrograms finds the folder of PostgreSQL's server: Debian puts it in no PATH.
func serverPrograms() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// mustServant is the user that PostgreSQL runs as: it refuses to be root.
func mustServant(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		must(t, err)
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		must(t, err)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("PostgreSQL does not run as root, and there is no user to run it as")
	return nil
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, name), args...)
	command.Dir = c.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + c.dir}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	return command
}

// start starts the server and waits until it answers.
func (c *cluster) start() {
	c.t.Helper()
	c.server = c.command("postgres", "-D", filepath.Join(c.dir, "data"), "-c", "fsync=off",
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+c.dir)
	// It ends with this process, however that ends.
	c.server.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	must(c.t, c.server.Start())
	c.ended = make(chan error, 1)
	go func() { c.ended <- c.server.Wait() }()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), c.url("postgres"))
		if err == nil {
			must(c.t, conn.Close(context.Background()))
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("PostgreSQL does not answer: %v", err)
		}
	}
}

// stop ends the server and everyone's connections.
func (c *cluster) stop() {
	if c.server == nil {
		return
	}
	_ = c.server.Process.Signal(syscall.SIGINT)
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		_ = c.server.Process.Kill()
		<-c.ended
	}
	c.server = nil
}

// url is how a database is reached.
func (c *cluster) url(database string) string {
	return "host=" + c.dir + " user=test dbname=" + database
}

// mustConnect is a connection for the test's own questions, to schema seyfert.
func (c *cluster) mustConnect() *pgx.Conn {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url("postgres"))
	must(c.t, err)
	c.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(c.t.Context(), "SET search_path TO seyfert")
	must(c.t, err)
	return conn
}

// mustAsk reads one row.
func mustAsk(t *testing.T, conn *pgx.Conn, question string, into ...any) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), question).Scan(into...); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
