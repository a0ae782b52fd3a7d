package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/node"
)

// eventually waits for what other goroutines do.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestShortened: the journal loses what two whole cuts hold, and nothing that is needed: starts,
// a damaged cut, a check and a backup go by what is left.
func TestShortened(t *testing.T) {
	dir := t.TempDir()
	b := keepBooks(openDiskAs(t, dir, false))
	must(t, b.post(30))
	must(t, b.cuts.Cut())
	old := b.core.Applied()
	must(t, b.post(30))
	must(t, b.cuts.Cut())
	eventually(t, "a shorter journal", func() bool { return b.journal.FirstIndex() == old })
	must(t, b.post(3))
	end := [2]any{b.state.Applied(), b.state.StateHash()}
	b.close()
	must(t, os.Remove(filepath.Join(b.cutPaths()[1], "book")))

	again := openDiskAs(t, dir, false)
	if again.first != old+1 || [2]any{again.state.Applied(), again.state.StateHash()} != end {
		t.Errorf("from the older cut the replay began at %d and led to %d", again.first,
			again.state.Applied())
	}
	if kept := again.cuts.Kept(); !slices.Equal(kept, []uint64{old}) {
		t.Errorf("kept are %v, the damaged cut too", kept)
	}
	checked, err := node.Check{
		State: again.state, Store: again.store, Journal: again.journal,
		Scratch: filepath.Join(dir, "check"), Told: func(string) {},
		Log: slog.New(slog.DiscardHandler),
	}.Run(t.Context())
	if err != nil || checked.From != old {
		t.Errorf("a check began behind %d: %v", checked.From, err)
	}
	made := again.backup(filepath.Join(t.TempDir(), "backup"))
	if made.Cut != old || made.Index != again.state.Applied() {
		t.Errorf("the backup goes from %d to %d", made.Cut, made.Index)
	}
	must(t, again.cuts.Cut())
	if paths := again.cutPaths(); len(paths) != 2 || paths[0] != cutPath(dir, old) {
		t.Errorf("the cuts are %v: the damaged one gives way before a whole one", paths)
	}
	again.close()
}

// TestKeepJournal: without cuts to go by the journal keeps every entry.
func TestKeepJournal(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	for range 3 {
		must(t, b.post(5))
		must(t, b.cuts.Cut())
	}
	time.Sleep(500 * time.Millisecond) // longer than a journal waits that is shortened
	if first := b.journal.FirstIndex(); first != 1 {
		t.Errorf("the journal begins at %d", first)
	}
	b.close()
}

// TestHeldCut: a cut that is read stays, and the journal behind it, until it is released.
func TestHeldCut(t *testing.T) {
	b := keepBooks(openDiskAs(t, t.TempDir(), false))
	must(t, b.cuts.Cut())
	held := b.core.Applied()
	files, release, err := b.cuts.Open(held)
	must(t, err)
	first := read(t, files)
	for range 3 {
		must(t, b.post(5))
		must(t, b.cuts.Cut())
	}
	if kept := b.cuts.Kept(); len(kept) != 3 || kept[0] != held {
		t.Errorf("kept are %v while %d is read", kept, held)
	}
	if again := read(t, files); !slices.Equal(first, again) {
		t.Error("the files of a cut that is read have changed")
	}
	release()
	release() // it counts once
	must(t, b.post(1))
	must(t, b.cuts.Cut())
	if kept := b.cuts.Kept(); len(kept) != 2 || kept[0] == held || len(b.cutPaths()) != 2 {
		t.Errorf("kept are %v after the release", kept)
	}
	for _, gone := range []uint64{0, held, b.core.Applied() + 1} {
		if _, _, err := b.cuts.Open(gone); err == nil {
			t.Errorf("a cut at %d was opened", gone)
		}
	}
	b.close()
}

// read returns the bytes of a cut's files.
func read(t *testing.T, files []journal.CutFile) (all []string) {
	t.Helper()
	for _, f := range files {
		file, err := os.Open(f.Path)
		must(t, err)
		data := make([]byte, f.Size)
		_, err = io.ReadFull(file, data)
		must(t, errors.Join(err, file.Close()))
		all = append(all, f.Name+string(data))
	}
	return all
}

// send puts the newest cut of a disk into a directory, as the journal does.
func send(t *testing.T, from *disk, dir string) (index uint64) {
	t.Helper()
	kept := from.cuts.Kept()
	index = kept[len(kept)-1]
	files, release, err := from.cuts.Open(index)
	must(t, err)
	defer release()
	data := read(t, files)
	for i, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(data[i][len(f.Name):]), 0o600))
	}
	return index
}

// follower is a state that was given the entries of a disk up to one, with two cuts of its own.
func follower(t *testing.T, of *disk, last uint64) *disk {
	t.Helper()
	f := &disk{t: t, dir: t.TempDir()}
	f.open()
	must(t, of.journal.Read(1, func(index uint64, e journal.Entry) bool {
		f.state.Apply(index, e)
		if index == last/2 || index == last-1 {
			must(t, f.cuts.Cut())
		}
		return index < last
	}))
	return f
}

// open opens the state alone.
func (d *disk) open() {
	d.t.Helper()
	var err error
	d.store, d.core, err = node.OpenStore(filepath.Join(d.dir, "state"),
		slog.New(slog.DiscardHandler))
	must(d.t, err)
	d.state = node.NewState(d.core, d.store.Keep)
	d.cuts = node.NewCuts(d.state, d.store)
}

// image is where a state stands, and all its history.
func (d *disk) image() string {
	var image bytes.Buffer
	d.state.Read(func(v core.View) {
		at := v.Cursor()
		fmt.Fprint(&image, at)
		for number := uint64(1); number <= at.Records; number++ {
			record := v.Record(number)
			image.Write(record.Encode())
		}
	})
	return image.String()
}

// TestInstall: a cut of another replica takes the place of a state and of its cuts, while the
// state is read; entries follow, and the next start opens it.
func TestInstall(t *testing.T) {
	lead := keepBooks(openDisk(t, t.TempDir()))
	must(t, lead.post(40))
	must(t, lead.cuts.Cut())
	at := lead.image()
	f := follower(t, lead.disk, 20)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				f.image()
			}
		}
	}()
	// On another file system than the state's, where there is one.
	incoming := filepath.Join(t.TempDir(), "incoming")
	if dir, err := os.MkdirTemp("/dev/shm", "cut"); err == nil {
		defer os.RemoveAll(dir)
		incoming = filepath.Join(dir, "incoming")
	}
	index := send(t, lead.disk, incoming)
	changed := f.state.Changed()
	must(t, f.cuts.Install(index, incoming))
	select {
	case <-changed:
	default:
		t.Error("who waits for a change is not told")
	}
	close(done)
	<-ended
	if f.image() != at || f.state.Applied() != index {
		t.Errorf("after the cut the state is at %d, want %d", f.state.Applied(), index)
	}
	if kept := f.cuts.Kept(); !slices.Equal(kept, []uint64{index}) || len(f.cutPaths()) != 1 {
		t.Errorf("kept are %v", kept)
	}
	must(t, lead.post(5))
	must(t, lead.journal.Read(index+1, func(index uint64, e journal.Entry) bool {
		f.state.Apply(index, e)
		return true
	}))
	if f.image() != lead.image() || f.state.StateHash() != lead.state.StateHash() {
		t.Error("the states differ after further entries")
	}
	must(t, f.store.Close())
	f.open()
	if f.image() != at {
		t.Errorf("after a start the state is at %d", f.state.Applied())
	}
	must(t, f.store.Close())
	lead.close()
}

// TestInstallRefused: a cut that is not whole, or another than was told, changes nothing.
func TestInstallRefused(t *testing.T) {
	lead := keepBooks(openDisk(t, t.TempDir()))
	must(t, lead.post(40))
	must(t, lead.cuts.Cut())
	f := follower(t, lead.disk, 20)
	was, cuts := f.image(), f.cuts.Kept()
	damage := map[string]func(dir string) error{
		"no history": func(dir string) error { return os.Remove(dir + "/history") },
		"no manifest": func(dir string) error {
			return os.Remove(dir + "/cut/manifest.json")
		},
		"a short tree": func(dir string) error {
			return os.Truncate(filepath.Join(dir, "tree"), 1000)
		},
		"an old record": func(dir string) error {
			file, err := os.OpenFile(filepath.Join(dir, "history"), os.O_RDWR, 0)
			if err == nil {
				_, err = file.WriteAt([]byte{0xff}, 300)
			}
			return errors.Join(err, file.Close())
		},
		"another book": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "cut/book"), nil, 0o600)
		},
	}
	for name, do := range damage {
		dir := filepath.Join(t.TempDir(), "incoming")
		index := send(t, lead.disk, dir)
		must(t, do(dir))
		if err := f.cuts.Install(index, dir); err == nil || f.image() != was ||
			!slices.Equal(f.cuts.Kept(), cuts) {
			t.Errorf("%s: %v, the state is at %d", name, err, f.state.Applied())
		}
	}
	dir := filepath.Join(t.TempDir(), "incoming")
	index := send(t, lead.disk, dir)
	err := f.cuts.Install(index+1, dir)
	if err == nil || !strings.Contains(err.Error(), "it is one at") {
		t.Errorf("a cut of another entry: %v", err)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "state", "incoming.making")); err == nil {
		t.Error("a refused cut takes room")
	}
	must(t, f.store.Close())
	lead.close()
}

// TestInstallCrash: wherever the process ends while a cut is put into its place, the next start
// opens the old state or the new one. The steps are those of node/cuts.go.
func TestInstallCrash(t *testing.T) {
	lead := keepBooks(openDisk(t, t.TempDir()))
	must(t, lead.post(40))
	must(t, lead.cuts.Cut())
	end := lead.image()
	f := follower(t, lead.disk, 20)
	must(t, f.cuts.Cut())
	old := f.image()
	must(t, f.store.Close())
	state := filepath.Join(f.dir, "state")
	making, incoming := filepath.Join(state, "incoming.making"), filepath.Join(state, "incoming")
	index := send(t, lead.disk, making)
	steps := []func() error{
		func() error { return nil },
		func() error { return os.Rename(making, incoming) },
		func() error { return os.Rename(incoming+"/history", state+"/history") },
		func() error { return os.Rename(incoming+"/tree", state+"/tree") },
		func() error { return os.Rename(incoming+"/lines", state+"/lines") },
		func() error { return os.RemoveAll(f.cutPaths()[0]) },
		func() error { return os.RemoveAll(f.cutPaths()[0]) },
		func() error { return os.Rename(incoming+"/cut", cutPath(f.dir, index)) },
		func() error { return os.RemoveAll(incoming) },
	}
	for i, step := range steps {
		must(t, step())
		crashed := &disk{t: t, dir: t.TempDir()}
		must(t, os.CopyFS(crashed.dir, os.DirFS(f.dir)))
		crashed.open()
		want := end
		if i == 0 {
			want = old
		}
		if crashed.image() != want {
			t.Errorf("after step %d the state is at %d", i, crashed.state.Applied())
		}
		left, err := filepath.Glob(filepath.Join(crashed.dir, "state", "incoming*"))
		if err != nil || len(left) > 0 {
			t.Errorf("after step %d %v is left: %v", i, left, err)
		}
		must(t, crashed.store.Close())
	}
	lead.close()
}
