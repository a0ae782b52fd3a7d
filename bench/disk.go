package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Folders below a node's directory. They are written here and nowhere exported: how a node
// keeps its state is its own, and only these figures look at it from outside.
const (
	journalDir = "journal/log"
	stateDir   = "state"
	cutsDir    = "state/cuts"
)

// sizes are the bytes of a state on disk, by what they hold.
type sizes struct{ history, tables, tiles int64 }

// measureState adds up a node's state. The node must be closed: what it keeps in memory, or
// writes out behind its answers, is then in its files.
func measureState(dir string) (s sizes, err error) {
	for _, part := range []struct {
		name string
		size *int64
	}{{"history", &s.history}, {"tree", &s.tiles}} {
		if *part.size, err = sizeOf(filepath.Join(dir, stateDir, part.name)); err != nil {
			return s, err
		}
	}
	all, err := sizeOf(filepath.Join(dir, stateDir))
	s.tables = all - s.history - s.tiles
	return s, err
}

// watcher looks at a running node's files: segments of the journal come and go, and so do cuts.
type watcher struct {
	dir  string
	stop chan struct{}
	done sync.WaitGroup

	// The following belong to the watching goroutine from begin to end.
	segments map[string]int64
	cuts     map[string]bool
	err      error
}

// watchEvery is how often a watcher looks: no segment or cut lives for a shorter time.
const watchEvery = 50 * time.Millisecond

// watch looks at what there is now; begin goes on with it.
func watch(dir string) (*watcher, error) {
	w := &watcher{
		dir: dir, stop: make(chan struct{}), segments: map[string]int64{}, cuts: map[string]bool{},
	}
	return w, w.look()
}

// begin keeps looking until end.
func (w *watcher) begin() {
	w.done.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for w.err == nil {
			select {
			case <-tick.C:
				w.err = w.look()
			case <-w.stop:
				return
			}
		}
	})
}

func (w *watcher) look() error {
	entries, err := os.ReadDir(filepath.Join(w.dir, journalDir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".wal" {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		w.segments[entry.Name()] = max(info.Size(), w.segments[entry.Name()])
	}
	entries, err = os.ReadDir(filepath.Join(w.dir, cutsDir))
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == "" {
			w.cuts[entry.Name()] = true
		}
	}
	return err
}

// end stops watching; nothing is watched twice.
func (w *watcher) end() error {
	close(w.stop)
	w.done.Wait()
	return errors.Join(w.err, w.look())
}

// journalBytes is how much was ever written to the journal's segments. Files are reserved ahead,
// so that in the newest ones only what is before the last byte that is not zero counts.
func (w *watcher) journalBytes() (total int64, err error) {
	for name, size := range w.segments {
		used, err := usedOf(filepath.Join(w.dir, journalDir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			used = size // it was full, or it would be there
		case err != nil:
			return 0, err
		}
		total += used
	}
	return total, nil
}

// usedOf is the place behind the last byte of a file that is not zero.
func usedOf(path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 1<<20)
	for end := info.Size(); end > 0; {
		start := max(end-int64(len(block)), 0)
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for at, b := range slices.Backward(part) {
			if b != 0 {
				return start + int64(at) + 1, nil
			}
		}
		end = start
	}
	return 0, nil
}

// dropNewestCut removes the newest cut of a stopped node, as if the machine had failed before it
// was whole, and returns how many history records the one before it holds.
func dropNewestCut(dir string) (held uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	if len(entries) < 2 {
		return 0, fmt.Errorf("%d cuts where two are needed", len(entries))
	}
	newest, before := entries[len(entries)-1].Name(), entries[len(entries)-2].Name()
	if err := os.RemoveAll(filepath.Join(dir, newest)); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(dir, before, "manifest.json"))
	if err != nil {
		return 0, err
	}
	var manifest struct {
		Records uint64 `json:"records"`
	}
	err = json.Unmarshal(text, &manifest)
	return manifest.Records, err
}
