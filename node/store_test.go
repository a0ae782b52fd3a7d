package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// disk is a node's state and journal in a directory, without the node around them.
type disk struct {
	t       *testing.T
	dir     string
	store   *node.Store
	state   *node.State
	core    *core.Core
	cuts    *node.Cuts
	journal *journal.Raft
	// first is the first entry that was replayed, 0 if none was.
	first uint64
}

// Apply implements journal.Machine.
func (d *disk) Apply(index uint64, e journal.Entry) []journal.Result {
	if d.first == 0 {
		d.first = index
	}
	return d.state.Apply(index, e)
}

func openDisk(t *testing.T, dir string) *disk {
	t.Helper()
	return openDiskAs(t, dir, true)
}

// openDiskAs opens a disk whose journal keeps every entry, or is shortened behind cuts.
func openDiskAs(t *testing.T, dir string, keepJournal bool) *disk {
	t.Helper()
	d := &disk{t: t, dir: dir}
	var err error
	d.store, d.core, err = node.OpenStore(filepath.Join(dir, "state"), slog.New(slog.DiscardHandler))
	must(t, err)
	d.state = node.NewState(d.core, d.store.Keep)
	d.cuts = node.NewCuts(d.state, d.store)
	var shorten journal.Cuts
	if !keepJournal {
		shorten = d.cuts
	}
	clock := int64(1_795_000_000_000)
	d.journal, err = journal.Open(journal.RaftConfig{
		Dir: filepath.Join(dir, "journal"), Machine: d, Cuts: shorten, SegmentBytes: 64 << 10,
		Settings: journal.Settings{
			Node: "did:web:seoul.localhost", Rule: core.RuleVersion,
			Now:     func() int64 { clock++; return clock },
			Seed:    func() [32]byte { return wire.Hash("seed", fmt.Append(nil, clock)) },
			Applied: d.core.Applied,
		},
	})
	must(t, err)
	return d
}

func (d *disk) close() {
	d.t.Helper()
	must(d.t, d.journal.Close())
	must(d.t, d.store.Close())
}

// crash copies the directory as it stands, with everything open, and opens the copy.
func (d *disk) crash() *disk {
	d.t.Helper()
	to := d.t.TempDir()
	must(d.t, os.CopyFS(to, withoutLocks{os.DirFS(d.dir)}))
	return openDisk(d.t, to)
}

// withoutLocks leaves out the lock of the open tables.
type withoutLocks struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (w withoutLocks) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(w.FS, name)
	var kept []fs.DirEntry
	for _, entry := range all {
		if entry.Name() != "LOCK" {
			kept = append(kept, entry)
		}
	}
	return kept, err
}

func (d *disk) do(kind uint16, by journal.Principal, body any) journal.Result {
	d.t.Helper()
	result, err := d.journal.Propose(context.Background(), journal.Command{
		Kind: kind, Version: core.CommandVersion, Principal: by, Body: wire.MustMarshal(body),
	})
	must(d.t, err)
	return result
}

// TestHinderedOpen opens the state while the process may open no more than a few files: whatever
// fails, the newest cut stays and is opened once there are files again.
func TestHinderedOpen(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	d.work(10)
	must(t, d.store.Cut(d.core))
	d.work(1)
	cut := d.core.Applied()
	must(t, d.store.Cut(d.core))
	d.close()
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	next, err := os.Open(dir)
	must(t, err)
	fd := next.Fd() // the lowest that is free
	must(t, next.Close())
	// Manifest and book need one file at a time, the copy of the tables two, the tables more.
	for more := range uint64(3) {
		few := syscall.Rlimit{Cur: uint64(fd) + more, Max: was.Max}
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
		var said bytes.Buffer
		_, _, err := node.OpenStore(filepath.Join(dir, "state"),
			slog.New(slog.NewTextHandler(&said, nil)))
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was))
		if !errors.Is(err, syscall.EMFILE) || said.Len() > 0 {
			t.Errorf("with %d more files the state opens with %v: %s", more, err, said.String())
		}
	}
	d = openDisk(t, dir)
	defer d.close()
	if d.first != 0 || d.core.Applied() != cut {
		t.Errorf("the state was opened at %d and entry %d replayed, the cut is at %d",
			d.core.Applied(), d.first, cut)
	}
}

// work configures the node the first time and takes in deposits n times.
func (d *disk) work(n int) {
	d.t.Helper()
	system := journal.Principal{Kind: journal.System, ID: core.OwnerNode}
	result := d.do(core.KindConfigure, system, core.Configure{
		DID: "did:web:seoul.localhost", Network: "regtest",
		Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
	})
	if result.Fault != nil {
		d.t.Fatal(result.Fault)
	}
	bank := journal.Principal{Kind: journal.Rail, ID: "bank"}
	for range n {
		result := d.do(core.KindDeposit, bank, core.Deposit{
			Rail: "bank", Notice: fmt.Sprintf("n%d", d.core.Applied()), Bank: "hana",
			Number: "1", Amount: money.New(money.KRW, 7),
		})
		if result.Fault != nil {
			d.t.Fatal(result.Fault)
		}
	}
}

// picture is a whole state, to its last line of history.
type picture struct {
	applied uint64
	hash    [32]byte
	book    string
	lines   string
}

func (d *disk) picture() picture {
	d.t.Helper()
	p := picture{
		applied: d.core.Applied(), hash: d.core.StateHash(), book: string(d.core.BookImage()),
	}
	suspense := d.core.View().AccountsOf(core.OwnerNode, core.PurposeSuspense)[0].ID
	for _, line := range d.core.View().History(suspense, 0, 1000) {
		p.lines += string(line.Record.Encode())
	}
	return p
}

// like checks that the state is the one that a picture was taken of.
func (d *disk) like(want picture) {
	d.t.Helper()
	switch got := d.picture(); {
	case got.applied != want.applied || got.hash != want.hash:
		d.t.Fatalf("state %x at %d, want %x at %d", got.hash, got.applied, want.hash, want.applied)
	case got.book != want.book:
		d.t.Fatal("the ledger differs")
	case got.lines != want.lines || len(got.lines) < ledger.RecordSize:
		d.t.Fatalf("%d bytes of history, want %d", len(got.lines), len(want.lines))
	}
}

// cutPaths names the cuts on the disk, oldest first.
func (d *disk) cutPaths() (paths []string) {
	d.t.Helper()
	entries, err := os.ReadDir(filepath.Join(d.dir, "state", "cuts"))
	must(d.t, err)
	for _, entry := range entries {
		paths = append(paths, filepath.Join(d.dir, "state", "cuts", entry.Name()))
	}
	return paths
}

// TestReplayFromCut: after a crash the newest cut is opened and the journal replayed from
// there; a clean end changes nothing about that.
func TestReplayFromCut(t *testing.T) {
	d := openDisk(t, t.TempDir())
	d.work(10)
	must(t, d.store.Cut(d.core))
	d.work(10)
	again := d.crash()
	again.like(d.picture())
	if again.first != 12 {
		t.Errorf("the replay began at entry %d, the cut holds 11", again.first)
	}
	again.work(5) // and the state goes on
	d.work(5)
	end := d.picture()
	d.close()
	third := openDisk(t, d.dir)
	third.like(end)
	third.close()
	again.close()
}

// TestReplayWithoutCut: a journal alone gives the state.
func TestReplayWithoutCut(t *testing.T) {
	d := openDisk(t, t.TempDir())
	d.work(10)
	again := d.crash()
	again.like(d.picture())
	if again.first != 1 {
		t.Errorf("the replay began at entry %d", again.first)
	}
	again.close()
	d.close()
}

// TestDamagedCut: a cut that is not whole is skipped, whatever of it is damaged, and its place
// can be taken by a whole one.
func TestDamagedCut(t *testing.T) {
	overwrite := func(name, text string) func(t *testing.T, cut string) {
		return func(t *testing.T, cut string) {
			must(t, os.WriteFile(filepath.Join(cut, name), []byte(text), 0o600))
		}
	}
	remove := func(name string) func(t *testing.T, cut string) {
		return func(t *testing.T, cut string) { must(t, os.RemoveAll(filepath.Join(cut, name))) }
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, cut string)
	}{
		{"no manifest", remove("manifest.json")},
		{"an empty manifest", overwrite("manifest.json", "")},
		{"a manifest of another format", overwrite("manifest.json", `{"format":9}`)},
		{"no book", remove("book")},
		{"another book", overwrite("book", "x")},
		{"a flipped bit in the book", func(t *testing.T, cut string) {
			image, err := os.ReadFile(filepath.Join(cut, "book"))
			must(t, err)
			image[len(image)/2] ^= 1
			must(t, os.WriteFile(filepath.Join(cut, "book"), image, 0o600))
		}},
		{"no tables", remove("tables")},
		{"a flipped bit in each table", func(t *testing.T, cut string) {
			tables, err := filepath.Glob(filepath.Join(cut, "tables", "*.sst"))
			must(t, err)
			for _, path := range tables {
				image, err := os.ReadFile(path)
				must(t, err)
				image[len(image)/3] ^= 1
				must(t, os.Remove(path)) // the older cut has a link to it
				must(t, os.WriteFile(path, image, 0o600))
			}
		}},
		{"tables without their list of files", func(t *testing.T, cut string) {
			lists, err := filepath.Glob(filepath.Join(cut, "tables", "MANIFEST-*"))
			must(t, err)
			for _, list := range lists {
				must(t, os.Remove(list))
			}
		}},
	}
	d := openDisk(t, t.TempDir())
	d.work(10)
	must(t, d.store.Cut(d.core)) // holds 11 entries
	d.work(10)
	must(t, d.store.Cut(d.core)) // holds 22
	d.work(3)
	defer d.close()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			to := t.TempDir()
			must(t, os.CopyFS(to, withoutLocks{os.DirFS(d.dir)}))
			broken := &disk{t: t, dir: to}
			test.damage(t, broken.cutPaths()[1])
			again := openDisk(t, to)
			again.like(d.picture())
			if again.first != 12 {
				t.Errorf("the replay began at entry %d, the older cut holds 11", again.first)
			}
			again.work(1)
			must(t, again.store.Cut(again.core))
			again.close()
		})
	}
}

// TestCutAgain: a cut at the index of a damaged one takes its place.
func TestCutAgain(t *testing.T) {
	d := openDisk(t, t.TempDir())
	d.work(10)
	must(t, d.store.Cut(d.core))
	end := d.picture()
	d.close()
	must(t, os.Remove(filepath.Join(d.cutPaths()[0], "manifest.json")))
	again := openDisk(t, d.dir)
	again.like(end)
	must(t, again.store.Cut(again.core))
	again.close()
	third := openDisk(t, d.dir)
	third.like(end)
	if third.first != 0 {
		t.Errorf("entry %d was replayed", third.first)
	}
	third.close()
}

// TestUnfinishedCut: what a crash left of a cut is removed.
func TestUnfinishedCut(t *testing.T) {
	d := openDisk(t, t.TempDir())
	d.work(10)
	must(t, d.store.Cut(d.core))
	d.work(1)
	end := d.picture()
	d.close()
	making := filepath.Join(d.dir, "state", "cuts", fmt.Sprintf("%020d.making", 13))
	must(t, os.Mkdir(making, 0o700))
	again := openDisk(t, d.dir)
	again.like(end)
	if cuts := again.cutPaths(); len(cuts) != 1 {
		t.Errorf("cuts %v", cuts)
	}
	again.close()
}

// TestCutsKept: the newest cuts are kept and no others.
func TestCutsKept(t *testing.T) {
	d := openDisk(t, t.TempDir())
	for range node.CutsKept + 2 {
		d.work(1)
		must(t, d.store.Cut(d.core))
		must(t, d.store.Cut(d.core)) // at one index there is one cut
	}
	if cuts := d.cutPaths(); len(cuts) != node.CutsKept ||
		filepath.Base(cuts[1]) != fmt.Sprintf("%020d", d.core.Applied()) {
		t.Errorf("cuts %v at entry %d", cuts, d.core.Applied())
	}
	d.close()
}

// TestCutEvery: a cut is made by itself after so many entries.
func TestCutEvery(t *testing.T) {
	dir := t.TempDir()
	store, c, err := node.OpenStore(dir, slog.New(slog.DiscardHandler))
	must(t, err)
	state := node.NewState(c, store.Keep)
	system := journal.Principal{Kind: journal.System, ID: core.OwnerNode}
	e := journal.Entry{
		Header: journal.Header{Format: journal.Format, Node: "did:web:a.example", Rule: 1},
		Commands: []journal.Command{{
			Kind: core.KindTick, Version: 1, Principal: system, Body: wire.MustMarshal(struct{}{}),
		}},
	}
	for index := uint64(1); index <= node.CutEvery+1; index++ {
		if index == node.CutEvery {
			if cuts, err := os.ReadDir(filepath.Join(dir, "cuts")); err != nil || len(cuts) != 0 {
				t.Fatalf("a cut before its time: %v", err)
			}
		}
		state.Apply(index, e)
	}
	must(t, store.Close())
	again, c, err := node.OpenStore(dir, slog.New(slog.DiscardHandler))
	must(t, err)
	if c.Applied() != node.CutEvery {
		t.Errorf("the cut holds %d entries", c.Applied())
	}
	must(t, again.Close())
}

// TestMemoryAndDisk: the same entries give the same state over files and over memory.
func TestMemoryAndDisk(t *testing.T) {
	d := openDisk(t, t.TempDir())
	d.work(20)
	c, err := core.Open(core.NewMemory().Stores(), ledger.NewBook())
	must(t, err)
	must(t, d.journal.Read(1, func(index uint64, e journal.Entry) bool {
		c.Apply(index, e)
		return true
	}))
	if c.StateHash() != d.core.StateHash() || string(c.BookImage()) != string(d.core.BookImage()) {
		t.Error("the states differ")
	}
	d.close()
}
