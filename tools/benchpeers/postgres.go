package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scale is pgbench's: 100,000 accounts for each step.
const scale = 20

// startMax is how long a cluster may take to answer, stopMax how long to end.
const (
	startMax = 30 * time.Second
	stopMax  = 30 * time.Second
)

// cluster is a PostgreSQL of its own in one directory. It listens on a socket there and on no
// port; the directory belongs to the user that it runs as and nobody else may enter.
type cluster struct {
	bin, dir string
	version  string
	user     *syscall.Credential // nil: this process's own
	server   *exec.Cmd
	ended    chan error
}

// startCluster makes a cluster with PostgreSQL's own defaults, starts it and loads pgbench's
// tables.
func startCluster(ctx context.Context, dir string) (_ *cluster, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, dir: dir, ended: make(chan error, 1)}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if c.user, err = servant(); err != nil {
		return nil, err
	}
	if c.user != nil {
		if err := os.Chown(dir, int(c.user.Uid), int(c.user.Gid)); err != nil {
			return nil, err
		}
	}
	if c.version, err = c.run(ctx, "postgres", "--version"); err != nil {
		return nil, err
	}
	c.version = strings.TrimSpace(c.version)
	_, err = c.run(ctx, "initdb", "-D", c.data(), "-U", "bench", "--auth=trust", "--locale=C",
		"--encoding=UTF8")
	if err != nil {
		return nil, err
	}
	if err := c.serve(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	_, err = c.run(ctx, "pgbench", "-h", c.dir, "-U", "bench", "-i", "-q",
		"-s", strconv.Itoa(scale), "postgres")
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// programs finds the folder with PostgreSQL's server programs: Debian puts them in no PATH.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "pgbench")); err == nil {
				return filepath.Dir(path), nil
			}
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err != nil || len(found) == 0 {
		return "", errors.New("no initdb and pgbench here: install postgresql and " +
			"postgresql-contrib")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// servant is the user that PostgreSQL runs as: it refuses to be root.
func servant() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres " +
		"or nobody to run it as")
}

// command is a program of PostgreSQL, run as the cluster's user with nothing of our settings.
func (c *cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	command.Dir = c.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + c.dir}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	return command
}

func (c *cluster) run(ctx context.Context, name string, args ...string) (string, error) {
	text, err := c.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return string(text), nil
}

// serve starts the server and waits until it answers. It ends by close, not by ctx, or with
// this process, however that ends.
func (c *cluster) serve(ctx context.Context) error {
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.server = c.command(context.WithoutCancel(ctx), "postgres", "-D", c.data(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+c.dir)
	c.server.Stdout, c.server.Stderr = log, log
	c.server.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	// An interrupt of the terminal shall reach the server through close alone.
	c.server.SysProcAttr.Setpgid = true
	if err := c.server.Start(); err != nil {
		c.server = nil
		return err
	}
	go func() { c.ended <- c.server.Wait() }()
	deadline := time.Now().Add(startMax)
	for {
		_, err := c.run(ctx, "pg_isready", "-q", "-h", c.dir)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL does not answer after %v: %w%s", startMax, err, c.log())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// log is what the server had to say.
func (c *cluster) log() string {
	file, err := os.Open(filepath.Join(c.dir, "log"))
	if err != nil {
		return ""
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, 4<<10))
	return "\n" + string(text)
}

// bench is the command of one T.
func (c *cluster) bench(seconds int) []string {
	return []string{
		"pgbench", "-c", "16", "-j", "2", "-T", strconv.Itoa(seconds), "-M", "prepared",
		"postgres",
	}
}

var tpsLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// tps measures T: transactions per second of TPC-B.
func (c *cluster) tps(ctx context.Context, seconds int) (float64, error) {
	args := append([]string{"-h", c.dir, "-U", "bench"}, c.bench(seconds)[1:]...)
	text, err := c.run(ctx, "pgbench", args...)
	if err != nil {
		return 0, err
	}
	found := tpsLine.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("pgbench tells no tps:\n%s", text)
	}
	return strconv.ParseFloat(found[1], 64)
}

// close ends the server as pg_ctl's fast mode does.
func (c *cluster) close() error {
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server = nil
	if err := server.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case err := <-c.ended:
		return err
	case <-time.After(stopMax):
		return errors.Join(fmt.Errorf("PostgreSQL does not end in %v", stopMax),
			server.Process.Kill())
	}
}
