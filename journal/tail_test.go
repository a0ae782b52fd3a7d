package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/journal"
)

// place is a frame of a segment: where it begins, its type and its length with all.
type place struct {
	at, size int
	kind     byte
}

const (
	entryFrame  = 1
	commitFrame = 3
)

// placesOf walks the frames of a segment that is whole.
func placesOf(segment []byte) (places []place) {
	for at := 32; segment[at] != 0; {
		p := place{at: at, size: 8, kind: segment[at]}
		if p.kind != commitFrame {
			length := int(binary.LittleEndian.Uint32(segment[at+4:]))
			p.size += (length + 7) / 8 * 8
		}
		places = append(places, p)
		at += p.size
	}
	return places
}

// TestDamageIsNoInterruptedWrite flips bits of the frames in the newest segment. Whatever is
// changed, nothing that was answered is dropped without a word.
func TestDamageIsNoInterruptedWrite(t *testing.T) {
	dir, bodies := t.TempDir(), []string{"a", "b", "c", "d", strings.Repeat("x", 3000)}
	path, image := writtenSegment(t, dir, bodies)
	places := placesOf(image)
	for i, p := range places {
		for _, changed := range []int{0, 4, 5, 7} {
			damaged := append([]byte(nil), image...)
			damaged[p.at+changed] ^= 1 << 3
			m := &tape{}
			err := reopen(t, dir, path, damaged, m)
			switch {
			case errors.Is(err, journal.ErrDamaged):
				continue
			case err == nil:
				wantBodies(t, m, bodies...)
			}
			if p.kind == entryFrame || i == len(places)-1 || changed == 0 || t.Failed() {
				t.Fatalf("byte %d of the frame of type %d at %d: %v, want ErrDamaged",
					changed, p.kind, p.at, err)
			}
		}
	}
	damaged := append([]byte(nil), image...)
	damaged[places[len(places)-1].at-1500] ^= 1
	if err := reopen(t, dir, path, damaged, &tape{}); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("a bit of the last entry: %v, want ErrDamaged", err)
	}
}

// TestInterruptedWriteIsCut takes sectors out of the last write, as a power cut may: those from
// one on, or one in the middle. The journal opens with all that was answered before.
func TestInterruptedWriteIsCut(t *testing.T) {
	const sector = 512
	dir, bodies := t.TempDir(), []string{"a", "b", strings.Repeat("x", 3000)}
	path, image := writtenSegment(t, dir, bodies)
	places := placesOf(image)
	begin, end := places[len(places)-2].at, places[len(places)-1].at
	for from := begin; from < end; from = (from/sector + 1) * sector {
		for _, to := range []int{len(image), (from/sector + 1) * sector} {
			torn := append([]byte(nil), image...)
			clear(torn[from:to])
			m := &tape{}
			if err := reopen(t, dir, path, torn, m); err != nil {
				t.Fatalf("%d to %d of %d to %d: %v", from, to, begin, end, err)
			}
			wantBodies(t, m, bodies[:2]...)
		}
	}
}

// TestInterruptedWriteLeavesNothing: what an interrupted write left behind is zeros again before
// anything is written over it.
func TestInterruptedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path, image := writtenSegment(t, dir, []string{"a", strings.Repeat("x", 3000)})
	places := placesOf(image)
	commit := places[len(places)-1].at
	clear(image[commit-2000 : commit-1000])
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	m := &tape{}
	mustClose(t, mustOpenRaft(t, raftConfig(dir, m)))
	wantBodies(t, m, "a")
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(image, []byte("xxxxxxxx")) {
		t.Error("the interrupted write is still there")
	}
}

// writtenSegment writes a journal whose last write is the last body, and returns the path and
// the bytes of its one segment.
func writtenSegment(t *testing.T, dir string, bodies []string) (path string, image []byte) {
	t.Helper()
	cfg := raftConfig(dir, &tape{})
	cfg.SegmentBytes = 64 << 10
	j := mustOpenRaft(t, cfg)
	mustPropose(t, j, bodies...)
	mustClose(t, j)
	paths, err := filepath.Glob(filepath.Join(dir, "log", "*.wal"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("segments %v: %v", paths, err)
	}
	if image, err = os.ReadFile(paths[0]); err != nil {
		t.Fatal(err)
	}
	return paths[0], image
}

// reopen opens a copy of a journal whose one segment is another.
func reopen(t *testing.T, dir, path string, segment []byte, m *tape) error {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "log", filepath.Base(path)), segment, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := raftConfig(to, m)
	cfg.SegmentBytes = 64 << 10
	j, err := journal.Open(cfg)
	if err != nil {
		return err
	}
	mustClose(t, j)
	return nil
}
