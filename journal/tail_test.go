package journal_test

import (
	"encoding/binary"
	"errors"
	"fmt"
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
// changed, nothing that was answered is dropped without a word; only of the last write nobody
// can say whether a crash interrupted it.
func TestDamageIsNoInterruptedWrite(t *testing.T) {
	dir, bodies := t.TempDir(), []string{"a", "b", "c", "d", "e"}
	path, image := writtenSegment(t, dir, bodies)
	places := placesOf(image)
	last := 0 // where the last write begins
	for _, p := range places[:len(places)-1] {
		if p.kind == commitFrame {
			last = p.at + p.size
		}
	}
	refused := 0
	for _, p := range places {
		for _, changed := range []int{0, 4, 5, 7} {
			damaged := append([]byte(nil), image...)
			damaged[p.at+changed] ^= 1 << 3
			m := &tape{}
			err := reopen(t, dir, path, damaged, m)
			what := fmt.Sprintf("byte %d of the frame of type %d at %d", changed, p.kind, p.at)
			switch {
			case errors.Is(err, journal.ErrDamaged):
				refused++
			case err == nil && p.at < last:
				wantBodies(t, m, bodies...)
			case err == nil:
				wantBodies(t, m, bodies[:len(m.bodies())]...)
			}
			if p.at < last && p.kind == entryFrame && !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("%s: %v, want ErrDamaged", what, err)
			}
			if t.Failed() {
				t.Fatal(what)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
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
