package journal_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/journal/wal"
)

// crashDirEnv tells a run of the test binary that it is the child of the crash test and where
// its journal is; crashLifeEnv says which life of it this is.
const (
	crashDirEnv  = "SEYFERT_JOURNAL_CRASH_DIR"
	crashLifeEnv = "SEYFERT_JOURNAL_CRASH_LIFE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		fmt.Fprintln(os.Stderr, proposeForEver(dir, os.Getenv(crashLifeEnv)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// proposeForEver writes numbered commands from several goroutines and prints each one after
// it is acknowledged, until the process is killed.
func proposeForEver(dir, life string) error {
	j, err := journal.Open(raftConfig(dir, &tape{}))
	if err != nil {
		return err
	}
	const callers = 4
	errs := make(chan error)
	for caller := range callers {
		go func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf("%s/%d/%d", life, caller, n)
				c := command(body + strings.Repeat(".", rand.IntN(5000)))
				if _, err := j.Propose(context.Background(), c); err != nil {
					errs <- err
					return
				}
				// One write call for a line, so a kill cannot tear it apart.
				if _, err := os.Stdout.WriteString(body + "\n"); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// TestKilledProcessKeepsWhatItAcknowledged kills a process that proposes, again and again on
// one directory, and looks for every acknowledged command: present, once.
func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	var acknowledged []string
	const lives = 8
	for life := range lives {
		acknowledged = append(acknowledged, liveAndDie(t, dir, fmt.Sprint(life))...)
		m := &tape{}
		mustClose(t, mustOpenRaft(t, raftConfig(dir, m)))
		count := make(map[string]int)
		for _, body := range m.bodies() {
			name, _, _ := strings.Cut(body, ".")
			count[name]++
		}
		for _, body := range acknowledged {
			if count[body] != 1 {
				t.Fatalf("life %d: %s was acknowledged and is there %d times",
					life, body, count[body])
			}
		}
	}
	if len(acknowledged) < lives {
		t.Fatalf("only %d commands were acknowledged", len(acknowledged))
	}
	t.Logf("%d acknowledged commands survived %d kills", len(acknowledged), lives)
}

// liveAndDie runs a child until some of its commands are acknowledged, kills it at a moment of
// its own and returns what it acknowledged.
func liveAndDie(t *testing.T, dir, life string) []string {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDirEnv+"="+dir, crashLifeEnv+"="+life)
	var complaint bytes.Buffer
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the child acknowledged nothing: %s", complaint.String())
	}
	acknowledged := []string{lines.Text()}
	kill := time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() {
		_ = child.Process.Kill()
	})
	defer kill.Stop()
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
	}
	_ = child.Wait() // killed
	return acknowledged
}

var errDisk = errors.New("disk is gone")

func TestFailedDiskStopsTheJournal(t *testing.T) {
	faults := map[string]func(op wal.Op) wal.Fault{
		"sync fails": func(op wal.Op) wal.Fault {
			if op.Length > 0 {
				return wal.Fault{}
			}
			return wal.Fault{Err: errDisk}
		},
		"write is torn": func(op wal.Op) wal.Fault {
			return wal.Fault{Err: errDisk, Written: op.Length / 2}
		},
	}
	for name, breakage := range faults {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			disk := wal.NewDisk()
			cfg := raftConfig(dir, &tape{})
			cfg.Files = disk
			j := mustOpenRaft(t, cfg)
			mustPropose(t, j, "a", "b")
			disk.Break(breakage)
			failTogether(t, j)
			disk.Break(nil)
			// A disk that works again changes nothing for this process.
			_, err := j.Propose(t.Context(), command("x"))
			wantFault(t, err, fault.Unavailable, "")
			mustClose(t, j)

			m := &tape{}
			cfg.Machine = m
			j = mustOpenRaft(t, cfg)
			if b := m.bodies(); len(b) < 2 || b[0] != "a" || b[1] != "b" {
				t.Fatalf("acknowledged commands are gone: %q", b)
			}
			mustPropose(t, j, "after")
			mustClose(t, j)
		})
	}
}

// failTogether proposes from many callers over a broken disk: every one is told, and so is
// whoever owns the journal.
func failTogether(t *testing.T, j *journal.Raft) {
	t.Helper()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := j.Propose(t.Context(), command("lost or not"))
			if f, ok := fault.Of(err); !ok || f.Code != fault.Unavailable {
				t.Errorf("answered with %v", err)
			}
		})
	}
	group.Wait()
	select {
	case err := <-j.Failed():
		if !errors.Is(err, errDisk) {
			t.Fatalf("failed with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
}

// TestFailedSyncDuringOpen fails each of the first syncs of a start in turn.
func TestFailedSyncDuringOpen(t *testing.T) {
	dir, disk := t.TempDir(), wal.NewDisk()
	cfg := raftConfig(dir, &tape{})
	cfg.Files = disk
	j := mustOpenRaft(t, cfg)
	mustPropose(t, j, "a")
	mustClose(t, j)
	for syncs := range 10 {
		left := syncs
		disk.Break(func(op wal.Op) wal.Fault {
			if left--; op.Length == 0 && left < 0 {
				return wal.Fault{Err: errDisk}
			}
			return wal.Fault{}
		})
		cfg.Machine = &tape{}
		j, err := journal.Open(cfg)
		if err == nil {
			mustClose(t, j)
			if syncs == 0 {
				t.Fatal("opened without a single sync")
			}
			break
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d syncs: %v", syncs, err)
		}
	}
	disk.Break(nil)
	m := &tape{}
	cfg.Machine = m
	mustClose(t, mustOpenRaft(t, cfg))
	wantBodies(t, m, "a")
}

// TestDamagedJournalIsNotOpened flips a bit inside a kept entry, and one in the last.
func TestDamagedJournalIsNotOpened(t *testing.T) {
	for _, text := range []string{"to be damaged", "never reached"} {
		dir := t.TempDir()
		j := mustOpenRaft(t, raftConfig(dir, &tape{}))
		mustPropose(t, j, "good", "to be damaged", "never reached")
		files, err := filepath.Glob(filepath.Join(dir, "log", "*1.wal"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%q, %v", files, err)
		}
		flip(t, files[0], []byte(text))
		if err := j.Read(1, func(uint64, journal.Entry) bool { return true }); err == nil {
			t.Fatal("a damaged entry was read")
		}
		mustClose(t, j)

		m := &tape{}
		_, err = journal.Open(raftConfig(dir, m))
		if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), files[0][len(dir)+5:]) ||
			!strings.Contains(err.Error(), "restore a backup") {
			t.Fatalf("opened with %v", err)
		}
		if len(m.bodies()) > 0 {
			t.Fatalf("applied from a damaged journal: %q", m.bodies())
		}
	}
}

// flip changes one bit of the first place where text stands in a file.
func flip(tb testing.TB, path string, text []byte) {
	tb.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		tb.Fatal(err)
	}
	at := bytes.Index(data, text)
	if at < 0 {
		tb.Fatalf("%q is not in %s", text, path)
	}
	if _, err := file.WriteAt([]byte{text[0] ^ 1}, int64(at)); err != nil {
		tb.Fatal(err)
	}
}

func mustMkdir(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
}
