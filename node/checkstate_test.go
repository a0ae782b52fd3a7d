package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/node"
	"seyfert/table"
	"seyfert/wire"
)

// shortened is a journal that holds nothing before an entry.
type shortened struct {
	*journal.Raft
	first uint64
}

func (s shortened) FirstIndex() uint64 { return s.first }

func (s shortened) Read(from uint64, fn func(index uint64, e journal.Entry) bool) error {
	if from < s.first {
		return fmt.Errorf("entry %d is gone", from)
	}
	return s.Raft.Read(from, fn)
}

// shortening is a journal that is shortened while it is read for the first time.
type shortening struct {
	*journal.Raft
	first, then uint64
}

func (s *shortening) FirstIndex() uint64 { return s.first }

func (s *shortening) Read(from uint64, fn func(index uint64, e journal.Entry) bool) error {
	if s.first < s.then {
		s.first = s.then
	}
	if from < s.first {
		return fmt.Errorf("entry %d is gone", from)
	}
	return s.Raft.Read(from, fn)
}

// check opens a node's state and holds it against its journal, which begins at an entry; 0 is
// the first one.
func check(t *testing.T, dir string, first uint64) (done node.Checked, steps []string, err error) {
	t.Helper()
	d := openDisk(t, dir)
	defer d.close()
	var entries node.Journaled = d.journal
	if first > 0 {
		entries = shortened{d.journal, first}
	}
	done, err = node.Check{
		State: d.state, Store: d.store, Journal: entries, Scratch: filepath.Join(dir, "check"),
		Told: func(step string) { steps = append(steps, step) },
		Log:  slog.New(slog.DiscardHandler),
	}.Run(t.Context())
	if _, stat := os.Stat(filepath.Join(dir, "check")); !errors.Is(stat, os.ErrNotExist) {
		t.Errorf("the scratch state is still there: %v", stat)
	}
	return done, steps, err
}

// written is a node's directory with two cuts and entries after each.
type written struct {
	dir string
	// old and young are the entries of the cuts; records those of history at the old one.
	old, young, records uint64
	// wrong are ledgers at the cuts, and at the end, that moved other amounts.
	wrong map[uint64][]byte
}

func writeBooks(t *testing.T) written {
	t.Helper()
	w := written{wrong: map[uint64][]byte{}}
	for more := range uint64(2) {
		w.dir = t.TempDir()
		b := keepBooks(openDisk(t, w.dir))
		b.more = 1 - more
		must(t, b.post(6))
		b.cut()
		w.old, w.records = b.core.Applied(), b.core.Records()
		w.note(b)
		must(t, b.post(6))
		b.cut()
		w.young = b.core.Applied()
		w.note(b)
		must(t, b.post(4))
		w.note(b)
		b.close()
	}
	return w
}

func (w written) note(b *bookkeeper) {
	if b.more > 0 {
		w.wrong[b.core.Applied()] = b.core.BookImage()
	}
}

// copied is another copy of the directory, whose sorted tables are files of their own.
func (w written) copied(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, withoutLocks{os.DirFS(w.dir)}))
	return to
}

func cutPath(dir string, index uint64) string {
	return filepath.Join(dir, "state", "cuts", fmt.Sprintf("%020d", index))
}

// changeRecord changes a record of a growing file and its checksum.
func changeRecord(t *testing.T, path string, size int, number uint64) {
	t.Helper()
	probe, err := os.Stat(path)
	must(t, err)
	count := uint64(probe.Size()-16) / uint64(size+4)
	was, err := table.OpenRecords(path, size, count)
	must(t, err)
	made, err := table.OpenRecords(path+".new", size, 0)
	must(t, err)
	for n := uint64(1); n <= count; n++ {
		record, err := was.At(n)
		must(t, err)
		if n == number {
			record[size-1] ^= 1
		}
		must(t, made.Append(record))
	}
	must(t, errors.Join(made.Sync(), made.Close(), was.Close()))
	must(t, os.Rename(path+".new", path))
}

// changeRows changes rows of a cut's tables, with all checksums of the tables right.
func changeRows(t *testing.T, cut string, change func(w *table.Writes, key, value []byte)) {
	t.Helper()
	tables, work := filepath.Join(cut, "tables"), filepath.Join(t.TempDir(), "work")
	must(t, table.CloneCheckpoint(tables, work))
	store, err := table.OpenPebble(work)
	must(t, err)
	tx := table.Begin(store)
	must(t, store.Scan(nil, nil, func(key, value []byte) bool {
		change(tx.Writes(), bytes.Clone(key), bytes.Clone(value))
		return true
	}))
	must(t, store.Apply(tx.Writes()))
	must(t, os.RemoveAll(tables))
	must(t, errors.Join(store.Checkpoint(tables), store.Close()))
}

// changeManifest changes a cut's manifest.
func changeManifest(t *testing.T, cut string, change func(fields map[string]any)) {
	t.Helper()
	path := filepath.Join(cut, "manifest.json")
	text, err := os.ReadFile(path)
	must(t, err)
	fields := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	must(t, decoder.Decode(&fields))
	change(fields)
	text, err = json.Marshal(fields)
	must(t, err)
	must(t, os.WriteFile(path, text, 0o600))
}

// changeBook puts another ledger into a cut, with the right hash in its manifest.
func changeBook(t *testing.T, cut string, image []byte) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(cut, "book"), image, 0o600))
	changeManifest(t, cut, func(fields map[string]any) {
		fields["book_sha256"] = wire.Digest(sha256.Sum256(image)).String()
	})
}

func renameAccounts(w *table.Writes, key, value []byte) {
	if key[0] == 7 { // accounts (core/schema.go)
		w.Put(key, bytes.Replace(value, []byte("an account"), []byte("no account"), 1))
	}
}

// TestCheck: a sound state passes, whether the journal is whole or begins after the oldest cut,
// and the words say how much was compared.
func TestCheck(t *testing.T) {
	w := writeBooks(t)
	must(t, os.Mkdir(filepath.Join(w.dir, "check"), 0o700)) // of a check that was interrupted
	for _, first := range []uint64{0, w.old + 1} {
		done, steps, err := check(t, w.dir, first)
		must(t, err)
		if done.From != max(first, 1)-1 || done.Index != w.young+4 || done.Records != 160 ||
			done.Leaves < 160 || done.Lines != 16 || done.Rows < 160 || done.Accounts < 2 {
			t.Errorf("it compared %+v", done)
		}
		if said := strings.Join(steps, "; "); !strings.Contains(said, "replays the entries") ||
			!strings.Contains(said, "compares the rows") {
			t.Errorf("it told %q", said)
		}
		for _, part := range []string{
			"160 history records", done.StateHash.String(),
			fmt.Sprintf("to entry %d", done.Index),
		} {
			if !strings.Contains(done.String(), part) {
				t.Errorf("%q is not in %q", part, done.String())
			}
		}
	}
}

// damagedState is one way in which a state is wrong, and what a check says about it.
type damagedState struct {
	name  string
	first uint64 // of the journal
	do    func(t *testing.T, dir string)
	what  string
	must  string // what is to be done
}

func inState(dir, name string) string { return filepath.Join(dir, "state", name) }

// damages are found by a replay from the first entry.
func (w written) damages() []damagedState {
	return []damagedState{
		{"history", 0, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "history"), ledger.RecordSize, 30)
		}, "history record 30:", "away and start it"},
		{"tree", 0, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "tree"), merkle.HashSize, 3)
		}, "tree hash 3:", "away and start it"},
		{"lines", 0, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "lines"), core.LineSize, 2)
		}, "entry line 2:", "away and start it"},
		{"a row", 0, func(t *testing.T, dir string) {
			changeRows(t, cutPath(dir, w.young), renameAccounts)
		}, "the row of table 7 with key", "away and start it"},
		{"a row lost", 0, func(t *testing.T, dir string) {
			changeRows(t, cutPath(dir, w.young), func(w *table.Writes, key, _ []byte) {
				if key[0] == 8 { // accounts by owner
					w.Delete(key)
				}
			})
		}, "the row of table 8 with key", "away and start it"},
		{"a row too many", 0, func(t *testing.T, dir string) {
			changeRows(t, cutPath(dir, w.young), func(w *table.Writes, key, value []byte) {
				if key[0] == 8 {
					w.Put(append(key, 1), value)
				}
			})
		}, "the row of table 8 with key", "away and start it"},
		{"an id", 0, func(t *testing.T, dir string) {
			changeRows(t, cutPath(dir, w.young), func(w *table.Writes, key, value []byte) {
				if key[0] == 45 { // ids
					value[7] ^= 1
					w.Put(key, value)
				}
			})
		}, "the row of table 45 with key", "away and start it"},
		{"the state hash", 0, func(t *testing.T, dir string) {
			cut := cutPath(dir, w.young)
			changeRows(t, cut, func(w *table.Writes, key, value []byte) {
				if key[0] != 2 { // the cursor
					return
				}
				var at core.Cursor
				must(t, wire.Unmarshal(value, &at))
				at.StateHash[0] ^= 1
				w.Put(key, wire.MustMarshal(at))
				changeManifest(t, cut, func(fields map[string]any) {
					fields["state_hash"] = wire.Digest(at.StateHash).String()
				})
			})
		}, "the state hash:", "away and start it"},
		{"the ledger", 0, func(t *testing.T, dir string) {
			changeBook(t, cutPath(dir, w.young), w.wrong[w.young])
		}, "account acc_", "away and start it"},
	}
}

// lateDamages are found although the journal begins behind the oldest cut.
func (w written) lateDamages() []damagedState {
	return []damagedState{
		{"the ledger of the newest cut", w.old + 1, func(t *testing.T, dir string) {
			changeBook(t, cutPath(dir, w.young), w.wrong[w.young])
		}, "account acc_", "newer than " + fmt.Sprintf("%020d", w.old)},
		{"history since the oldest cut", w.old + 1, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "history"), ledger.RecordSize, w.records+5)
		}, fmt.Sprintf("history record %d:", w.records+5), "newer than"},
		{"history before the oldest cut", w.old + 1, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "history"), ledger.RecordSize, 30)
		}, "of the journal tree", "restore a backup"},
		{"the tree before the oldest cut", w.old + 1, func(t *testing.T, dir string) {
			changeRecord(t, inState(dir, "tree"), merkle.HashSize, 3)
		}, "or its hash 3,", "restore a backup"},
		{"the ledger of both cuts", w.old + 1, func(t *testing.T, dir string) {
			changeBook(t, cutPath(dir, w.old), w.wrong[w.old])
			changeBook(t, cutPath(dir, w.young), w.wrong[w.young])
		}, "account acc_", "newer than"},
	}
}

// TestCheckDamaged: what somebody changed who made every checksum right again is found and
// named, with what to do about it.
func TestCheckDamaged(t *testing.T) {
	w := writeBooks(t)
	for _, test := range append(w.damages(), w.lateDamages()...) {
		t.Run(test.name, func(t *testing.T) {
			dir := w.copied(t)
			test.do(t, dir)
			_, _, err := check(t, dir, test.first)
			if found, ok := errors.AsType[*node.Difference](err); !ok ||
				!strings.Contains(found.Error(), test.what) || !strings.Contains(found.Do, test.must) {
				t.Errorf("it says %v, want %q and %q", err, test.what, test.must)
			}
		})
	}
}

// TestCheckBalance: a ledger that is wrong in every cut alike is found by the history.
func TestCheckBalance(t *testing.T) {
	w := writeBooks(t)
	// Without entries after the cuts the replay changes nothing: the same wrong ledger is in
	// both states.
	b := openDisk(t, w.dir)
	must(t, b.store.Cut(b.core))
	last := b.core.Applied()
	b.close()
	must(t, os.RemoveAll(cutPath(w.dir, w.young)))
	changeBook(t, cutPath(w.dir, last), w.wrong[last])
	_, _, err := check(t, w.dir, last+1)
	if err == nil || !strings.Contains(err.Error(), "beside its last history record") {
		t.Errorf("it says %v", err)
	}
}

// TestCheckShortened: a journal that is being shortened when a check begins does not make it fail;
// later it is not shortened until the check has passed, and not at all after one that found a
// difference, which is mended by the journal.
func TestCheckShortened(t *testing.T) {
	w := writeBooks(t)
	for _, sound := range []bool{true, false} {
		if !sound {
			changeRecord(t, inState(w.dir, "history"), ledger.RecordSize, w.records+5)
		}
		d := openDisk(t, w.dir)
		cuts := node.NewCuts(d.state, d.store)
		done, err := node.Check{
			State: d.state, Store: d.store,
			Journal: &shortening{Raft: d.journal, first: 1, then: w.old + 1},
			Scratch: filepath.Join(w.dir, "check"), Log: slog.New(slog.DiscardHandler),
			Told: func(string) {
				if kept := cuts.Kept(); len(kept) > 0 {
					t.Errorf("the journal may be shortened behind %v", kept)
				}
			},
		}.Run(t.Context())
		if (err == nil) != sound || done.From != w.old {
			t.Errorf("sound %v: it compared from %d on: %v", sound, done.From, err)
		}
		if kept := cuts.Kept(); (len(kept) > 0) != sound {
			t.Errorf("sound %v: the journal may be shortened behind %v", sound, kept)
		}
		d.close()
	}
}

// TestCheckEnds: one who goes away ends the check, and nothing is left.
func TestCheckEnds(t *testing.T) {
	w := writeBooks(t)
	d := openDisk(t, w.dir)
	defer d.close()
	gone, cancel := context.WithCancel(t.Context())
	_, err := node.Check{
		State: d.state, Store: d.store, Journal: d.journal,
		Scratch: filepath.Join(w.dir, "check"), Told: func(string) { cancel() },
		Log: slog.New(slog.DiscardHandler),
	}.Run(gone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "check")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch state is still there: %v", err)
	}
}
