package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// smallDisk is a file system in memory, in a mount of its own that needs no rights.
type smallDisk struct {
	pid string
	// at is where the processes inside see it, seen where the test does.
	at, seen string
}

// newSmallDisk mounts one of some MiB, as long as the test runs.
func newSmallDisk(t *testing.T, mib int) *smallDisk {
	t.Helper()
	at := t.TempDir()
	mount := fmt.Sprintf("mount -t tmpfs -o size=%dm none %s && echo mounted && exec sleep 600",
		mib, at)
	holder := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount)
	out, err := holder.StdoutPipe()
	if err == nil {
		err = holder.Start()
	}
	if err == nil {
		t.Cleanup(func() {
			_ = holder.Process.Kill()
			_ = holder.Wait()
		})
		_, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no disk can be mounted, and nothing may be skipped here: %v", err)
		}
		t.Skipf("this machine mounts no disk for a user: %v", err)
	}
	pid := fmt.Sprint(holder.Process.Pid)
	return &smallDisk{pid: pid, at: at, seen: filepath.Join("/proc", pid, "root", at)}
}

// within is a command line that runs where the disk is mounted.
func (d *smallDisk) within(args ...string) []string {
	return append([]string{
		"-t", d.pid, "--user", "--mount", "--preserve-credentials",
	}, args...)
}

// fill writes a file until all but some MiB of the disk are taken.
func (d *smallDisk) fill(t *testing.T, leave int) {
	t.Helper()
	file, err := os.Create(filepath.Join(d.seen, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(file, zeros{}) // ends when the disk is full
	if err == nil {
		t.Fatal("the disk is endless")
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Truncate(info.Size() - int64(leave)<<20)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}

func (d *smallDisk) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.seen, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// reserve writes the reserve into a node's configuration.
func (h hosted) reserve(t *testing.T, mib int) {
	t.Helper()
	text, err := os.ReadFile(h.config)
	fields := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	fields["reserve_mib"] = mib
	if err == nil {
		text, err = json.Marshal(fields)
	}
	if err == nil {
		err = os.WriteFile(h.config, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull fills the disk of a node up to its reserve, and then to the last byte: it refuses
// writes, shows what it has, does not start when it was killed there and says why, and goes on
// when there is room. What was answered is there.
func TestDiskFull(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	program, dir := build(t), t.TempDir()
	disk := newSmallDisk(t, 400)
	l := newLone(t, program, dir)
	l.dir = filepath.Join(disk.at, "seoul")
	l.write(t, l.chain[0], l.chain[1], nil)
	l.reserve(t, 64)
	if out, err := exec.Command("nsenter",
		disk.within(program, "init", "--config", l.config)...).CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	serve := disk.within(program, "serve", "--config", l.config)
	node := newProcess(t, filepath.Join(dir, "seoul.log"), "nsenter", serve...)
	c := l.at(t, hosted{dir: filepath.Join(disk.seen, "seoul")})
	l.openPair(ctx, t, c)
	var answered []string
	posts := func(when string, taken bool) {
		t.Helper()
		id, err := l.post(ctx, c)
		if err == nil {
			answered = append(answered, id)
		}
		refused := err != nil && strings.Contains(err.Error(), "disk is full")
		if refused == taken || taken && err != nil {
			t.Errorf("%s: %v", when, err)
		}
		for _, id := range answered {
			if _, err := c.BookTransfer(ctx, id); err != nil {
				t.Errorf("%s: %s was answered and can't be read: %v", when, id, err)
			}
		}
	}
	posts("with room", true)
	for _, leave := range []int{32, 0} {
		disk.fill(t, leave)
		node.waitFor(t, "the disk is full up to the reserve")
		posts(fmt.Sprintf("with %d MiB", leave), false)
		disk.free(t)
		node.waitFor(t, "there is room on the disk again")
		posts("with room again", true)
		node.forget(t)
	}
	disk.fill(t, 0)
	node.waitFor(t, "the disk is full up to the reserve")
	node.kill()
	out, err := exec.Command("nsenter", serve...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "room for 0 MiB, the node needs 8 MiB") {
		t.Errorf("a start without room: %v: %s", err, out)
	}
	disk.free(t)
	node.start(t)
	posts("after a new start", true)
	if said := node.said(t); strings.Contains(said, "goroutine ") {
		t.Errorf("it wrote a trace:\n%s", said)
	}
	node.end(t)
}

// waitFor waits until a process has written a text on standard error.
func (p *process) waitFor(t *testing.T, text string) {
	t.Helper()
	for range 200 {
		if strings.Contains(p.said(t), text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it did not say %q in 10 s", text)
}

// forget empties what a process wrote.
func (p *process) forget(t *testing.T) {
	t.Helper()
	if err := os.Truncate(p.log.Name(), 0); err != nil {
		t.Fatal(err)
	}
}
