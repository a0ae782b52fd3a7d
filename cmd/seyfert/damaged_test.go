package main_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// damage is something that happens to the directory of a node that does not run.
type damage struct {
	name string
	do   func(t *testing.T, dir string)
	// says is what the node writes; refused says that it does not start then.
	says    string
	refused bool
}

// TestDamaged changes the files of a node, one after another, and starts it: it says what
// docs/operations.md tells of it, and where it starts its books are right.
func TestDamaged(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w := newKilled(ctx, t)
	node, dir := w.nodes[0], w.hosted[0].dir
	second, err := exec.Command(node.program, node.args...).CombinedOutput()
	if err == nil || !strings.Contains(string(second), "another process signs with these keys") {
		t.Errorf("a second process on one directory: %v: %s", err, second)
	}
	for range 2 { // two cuts, and then entries that no cut holds
		w.payAll(ctx, t)
		node.end(t)
		node.start(t)
	}
	w.payAll(ctx, t)
	node.kill()
	kept := dir + ".kept"
	copyTo(t, dir, kept)
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			if err := os.Truncate(node.log.Name(), 0); err != nil {
				t.Fatal(err)
			}
			d.do(t, dir)
			started := node.tryStart(t)
			said := node.said(t)
			if started == d.refused || !strings.Contains(said, d.says) ||
				strings.Contains(said, "panic") {
				t.Errorf("it started: %v; it says %q, want %q", started, said, d.says)
			}
			if started {
				w.check(ctx, t)
				node.kill()
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			copyTo(t, kept, dir)
		})
	}
	node.start(t)
	w.check(ctx, t)
}

// payAll lets each payer pay once.
func (w *killed) payAll(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, of := range w.payers {
		for _, p := range of {
			if err := p.pay(ctx, krw(plainPrice), true); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.settle(ctx, t)
}

// tryStart starts the program and says whether it serves.
func (p *process) tryStart(t *testing.T) bool {
	t.Helper()
	cmd := exec.Command(p.program, p.args...)
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if n, _ := out.Read(make([]byte, 1)); n == 1 {
		p.cmd = cmd
		return true
	}
	_ = cmd.Wait()
	return false
}

// copyTo copies a directory with its modes and links.
func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
}

// damages lists what may happen.
func damages() []damage {
	return []damage{
		{"nothing", func(*testing.T, string) {}, "", false},
		{"state lost", remove("state"), "", false},
		{"live tables", flip("state/live/*/*.sst", 1, 3), "", false},
		{"the newest cut's book", flipNewest("book"), "a cut is damaged and is skipped", false},
		{"the newest cut's manifest", flipNewest("manifest.json"), "a cut is damaged", false},
		{"the newest cut's tables", flipNewest("tables/*.sst"), "a cut is damaged", false},
		{"history", flip("state/history", 0, 1), "open history", true},
		{"an entry", func(t *testing.T, dir string) {
			changeFile(t, dir, "journal/log/*01.wal", flipEntry)
		}, "the journal is damaged", true},
		{"the last entry", func(t *testing.T, dir string) {
			changeFile(t, dir, "journal/log/*01.wal", flipLast)
		}, "the journal is damaged", true},
		{"the length of an entry", func(t *testing.T, dir string) {
			changeFile(t, dir, "journal/log/*01.wal", func(segment []byte) {
				binary.LittleEndian.PutUint32(segment[36:], 1<<20)
			})
		}, "the journal is damaged", true},
		{"journal lost", remove("journal"), "the journal ends", true},
		{"journal and state lost", func(t *testing.T, dir string) {
			remove("journal")(t, dir)
			remove("state")(t, dir)
		}, "the journal is older than the signer journal", true},
		{"signer journal", flip("keys/signer.journal", 1, 2), "signer journal is corrupt", true},
		{"signer journal lost", remove("keys/signer.journal"), "signer journal is lost", true},
		{"a key file", flip("keys/identity.key", 1, 2), "put back the backup", true},
		{"a key that others read", widen("keys/sealing.key"), "others may read", true},
		{"recovery key that others read", widen("keys/recovery.key"), "others may read", true},
		{"bank secret that others read", widen("bank.secret"), "may be read by others", true},
		{"another operator key", func(t *testing.T, dir string) {
			changeFile(t, dir, "operator.key", func(key []byte) { key[20]++ })
		}, "not the operator's key", true},
	}
}

func remove(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func widen(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes one bit of each file of a pattern, part/parts of the way through it.
func flip(pattern string, part, parts int) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		changeFile(t, dir, pattern, func(data []byte) { data[len(data)*part/parts] ^= 1 })
	}
}

// flipNewest changes one bit of files of the newest cut.
func flipNewest(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		cuts, err := filepath.Glob(filepath.Join(dir, "state", "cuts", "*"))
		if err != nil || len(cuts) != 2 {
			t.Fatal(cuts, err)
		}
		changeFile(t, cuts[1], name, func(data []byte) { data[len(data)-2] ^= 1 })
	}
}

// flipEntry changes one bit within a late entry of a journal segment, which is not in the last
// write; flipLast one in the last write. journal/tail.go describes the layout.
func flipEntry(segment []byte) {
	segment[len(bytes.TrimRight(segment, "\x00"))/2] ^= 1
}

func flipLast(segment []byte) {
	end := len(bytes.TrimRight(segment, "\x00"))
	segment[end-50] ^= 1
}

// changeFile changes files in place of which other names may be links.
func changeFile(t *testing.T, dir, pattern string, change func(data []byte)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatal(pattern, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		change(data)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(fmt.Errorf("change %s: %w", path, err))
		}
	}
}
