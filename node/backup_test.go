package node_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// bookkeeper posts to two accounts of a node, with new ids each time.
type bookkeeper struct {
	*disk
	operator journal.Principal
	from, to ledger.AccountID
	posted   uint64
	// more is added to each amount.
	more uint64
}

func keepBooks(d *disk) *bookkeeper {
	d.t.Helper()
	key := wire.Hash("operator")
	b := &bookkeeper{disk: d, operator: journal.Principal{
		Kind: journal.Operator, ID: core.OwnerNode, Key: hex.EncodeToString(key[:]),
	}}
	b.must(core.KindConfigure, journal.Principal{Kind: journal.System, ID: core.OwnerNode},
		core.Configure{
			DID: "did:web:seoul.localhost", Network: "regtest", OperatorKey: key,
			Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
		})
	open := func(kind ledger.Kind) core.OpenAccount {
		b.posted++
		return core.OpenAccount{
			ID: ledger.AccountID(b.id()), Owner: core.OwnerNode, Code: 1, Kind: kind,
			Currency: money.KRW, Name: "an account",
		}
	}
	accounts := []core.OpenAccount{open(ledger.Asset), open(ledger.Income)}
	b.must(core.KindOpenAccounts, b.operator, core.OpenAccounts{Accounts: accounts})
	b.from, b.to = accounts[0].ID, accounts[1].ID
	return b
}

func (b *bookkeeper) must(kind uint16, by journal.Principal, body any) {
	b.t.Helper()
	if result := b.do(kind, by, body); result.Fault != nil {
		b.t.Fatal(result.Fault)
	}
}

func (b *bookkeeper) id() [16]byte {
	return wire.NewUUID(1_795_000_000_000, [10]byte(fmt.Appendf(nil, "%010d", b.posted)))
}

// post makes entries of a batch of ten transfers each. It may be called from any goroutine.
func (b *bookkeeper) post(entries int) error {
	for range entries {
		batch := ledger.NewBatch(ledger.All, 10)
		for range 10 {
			b.posted++
			batch.Add(&ledger.Instruction{
				ID: b.id(), Debit: b.from, Credit: b.to, AmountLow: b.posted + b.more,
				Currency: money.KRW, Code: 7, Action: ledger.ActPost,
			})
		}
		result, err := b.journal.Propose(context.Background(), journal.Command{
			Kind: core.KindPost, Version: core.CommandVersion, Principal: b.operator,
			Body: batch.Encode(),
		})
		if err != nil {
			return err
		}
		if result.Fault != nil {
			return result.Fault
		}
	}
	return nil
}

// cut makes a cut as the server does, which holds the state still meanwhile.
func (b *bookkeeper) cut() {
	b.t.Helper()
	must(b.t, b.store.Cut(b.core))
}

func (d *disk) source() node.BackupSource {
	return node.BackupSource{
		State: d.state, Store: d.store, Journal: d.journal, Config: []byte("{}\n"),
		Now: time.Now, Told: func(string) {},
	}
}

func (d *disk) backup(to string) node.Backup {
	d.t.Helper()
	made, err := d.source().Write(context.Background(), to)
	must(d.t, err)
	read, err := node.ReadBackup(to)
	must(d.t, err)
	if fmt.Sprint(read) != fmt.Sprint(made) {
		d.t.Errorf("the manifest reads %v, it was %v", read, made)
	}
	return made
}

// restored opens a backup at an entry, 0 for its end.
func restored(t *testing.T, backup string, at uint64) (*node.State, *node.Store, error) {
	t.Helper()
	into := filepath.Join(t.TempDir(), "restored")
	b, err := node.ReadBackup(backup)
	if err != nil {
		return nil, nil, err
	}
	if err := b.Unpack(t.Context(), backup, into, at); err != nil {
		return nil, nil, err
	}
	r, ok, err := node.FindRestored(into)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	store, state, err := r.Open(t.Context(), slog.New(slog.DiscardHandler))
	return state, store, err
}

// sight is a state as the read gateway sees it.
func sight(s *node.State) (text string) {
	s.Read(func(v core.View) {
		at := v.Cursor()
		text = fmt.Sprint(at, v.Totals())
		for number := uint64(1); number <= at.Records; number++ {
			record := v.Record(number)
			row, leaf := v.RecordLeaf(number)
			text += fmt.Sprintf("\n%x %x %d", record.Encode(), row, leaf)
		}
		root, err := v.Root(at.Leaves)
		text += fmt.Sprintf("\n%x %v", root, err)
	})
	return text
}

// TestBackup: a backup that is made while the node posts leads to a state that the node had, at
// each entry that it goes to.
func TestBackup(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	defer b.close()
	must(t, b.post(5))
	b.cut()
	at := map[uint64]string{b.core.Applied(): sight(b.state)}
	for range 5 {
		must(t, b.post(1))
		at[b.core.Applied()] = sight(b.state)
	}
	cut, last := b.core.Applied()-5, b.core.Applied()
	posting := make(chan error, 1)
	go func() { posting <- b.post(50) }()
	to := filepath.Join(t.TempDir(), "backup")
	made := b.backup(to)
	must(t, <-posting)
	if made.Cut != cut || made.Index < last || made.Node != "did:web:seoul.localhost" {
		t.Errorf("the backup is %+v, the cut is at %d", made, cut)
	}
	for index, want := range at {
		state, store, err := restored(t, to, index)
		must(t, err)
		if got := sight(state); got != want {
			t.Errorf("at entry %d the backup leads to\n%.400s\nwant\n%.400s", index, got, want)
		}
		must(t, store.Close())
	}
	state, store, err := restored(t, to, 0)
	must(t, err)
	if state.Applied() != made.Index || wire.Digest(state.StateHash()) != made.StateHash {
		t.Errorf("the backup leads to entry %d", state.Applied())
	}
	must(t, store.Close())
	for _, index := range []uint64{cut - 1, made.Index + 1} {
		if _, _, err := restored(t, to, index); err == nil ||
			!strings.Contains(err.Error(), "is not in it") {
			t.Errorf("at entry %d: %v", index, err)
		}
	}
}

// TestBackupWithoutCut: a young node has no cut; its backup is its journal.
func TestBackupWithoutCut(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	defer b.close()
	must(t, b.post(3))
	to := filepath.Join(t.TempDir(), "backup")
	if made := b.backup(to); made.Cut != 0 || len(made.Files) != 2 {
		t.Errorf("the backup is %+v", made)
	}
	state, store, err := restored(t, to, 0)
	must(t, err)
	if got, want := sight(state), sight(b.state); got != want {
		t.Errorf("the backup leads to\n%s\nwant\n%s", got, want)
	}
	must(t, store.Close())
}

// TestBackupDamaged: whatever bit of a backup changes, it is found before anything is opened,
// and nothing is left of the try.
func TestBackupDamaged(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	defer b.close()
	must(t, b.post(5))
	b.cut()
	must(t, b.post(5))
	dir := t.TempDir()
	to := filepath.Join(dir, "backup")
	made := b.backup(to)
	refused := func(name, want string) {
		t.Helper()
		into := filepath.Join(t.TempDir(), "restored")
		backup, err := node.ReadBackup(to)
		if err == nil {
			err = backup.Unpack(t.Context(), to, into, 0)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		left, err := os.ReadDir(filepath.Dir(into))
		if err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
	for _, f := range made.Files {
		path := filepath.Join(to, f.Path)
		was, err := os.ReadFile(path)
		must(t, err)
		if changed := bytes.Clone(was); len(changed) > 0 {
			changed[len(changed)/2] ^= 1
			must(t, os.WriteFile(path, changed, 0o600))
			refused(f.Path, f.Path+" of the backup has")
		}
		must(t, os.WriteFile(path, append(was, 0), 0o600))
		refused(f.Path, f.Path+" of the backup has")
		must(t, os.Remove(path))
		refused(f.Path, "no such file")
		must(t, os.WriteFile(path, was, 0o600))
	}
	manifest := filepath.Join(to, "manifest.json")
	was, err := os.ReadFile(manifest)
	must(t, err)
	for _, change := range [][2]string{
		{`"cut": `, `"cut": 1`}, {`"index": `, `"index": 1`}, {
			made.StateHash.String(),
			wire.Digest{}.String(),
		}, {`"format": 1`, `"format": 9`}, {"{", "["},
	} {
		text := strings.Replace(string(was), change[0], change[1], 1)
		must(t, os.WriteFile(manifest, []byte(text), 0o600))
		refused(change[1], "the manifest of the backup")
	}
	must(t, os.Remove(manifest))
	refused("no manifest", "is no backup")
}

// TestBackupOfDamage: what is damaged in the node's own files is found when the backup is made,
// which then is none.
func TestBackupOfDamage(t *testing.T) {
	for _, pattern := range []string{
		"history", "tree", "lines", "cuts/*/book",
		"cuts/*/tables/*.sst",
	} {
		b := keepBooks(openDisk(t, t.TempDir()))
		must(t, b.post(5))
		b.cut()
		paths, err := filepath.Glob(filepath.Join(b.dir, "state", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			one := make([]byte, 1)
			_, err = file.ReadAt(one, 60)
			must(t, err)
			one[0] ^= 1
			_, err = file.WriteAt(one, 60)
			must(t, errors.Join(err, file.Close()))
		}
		dir := t.TempDir()
		_, err = b.source().Write(t.Context(), filepath.Join(dir, "backup"))
		if err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", pattern, err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v, %v", pattern, left, err)
		}
		must(t, b.journal.Close())
		_ = b.store.Close() // its tables may be damaged
	}
}

// TestBackupHoldsCut: the cut that is copied stays until it is copied, however many newer ones
// are made meanwhile; then it goes like any other.
func TestBackupHoldsCut(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	defer b.close()
	must(t, b.post(1))
	b.cut()
	first := b.core.Applied()
	more := func() {
		for range node.CutsKept + 1 {
			must(t, b.post(1))
			b.cut()
		}
	}
	source := b.source()
	made := false
	source.Told = func(string) {
		if !made {
			made = true
			more()
			if kept := node.NewCuts(b.state, b.store).Kept(); kept[0] != first {
				t.Errorf("the journal may be shortened behind %v, the backup is of %d", kept, first)
			}
		}
	}
	to := filepath.Join(t.TempDir(), "backup")
	m, err := source.Write(t.Context(), to)
	must(t, err)
	if m.Cut != first || len(b.cutPaths()) != node.CutsKept+1 {
		t.Errorf("the backup is of cut %d, not %d; there are %v", m.Cut, first, b.cutPaths())
	}
	more()
	if len(b.cutPaths()) != node.CutsKept {
		t.Errorf("cuts %v", b.cutPaths())
	}
	state, store, err := restored(t, to, 0)
	must(t, err)
	if state.Applied() != m.Index {
		t.Errorf("the backup leads to entry %d, not %d", state.Applied(), m.Index)
	}
	must(t, store.Close())
}

// TestBackupRefused: a directory that is there, or cannot be made, and a caller who goes away.
func TestBackupRefused(t *testing.T) {
	b := keepBooks(openDisk(t, t.TempDir()))
	defer b.close()
	must(t, b.post(1))
	b.cut()
	dir := t.TempDir()
	if _, err := b.source().Write(t.Context(), dir); err == nil ||
		!strings.Contains(err.Error(), "exists") {
		t.Errorf("into a directory that is there: %v", err)
	}
	_, err := b.source().Write(t.Context(), filepath.Join(dir, "none", "backup"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.source().Write(gone, filepath.Join(dir, "backup"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("for one who went away: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

// FuzzEntries: no file of entries brings the reader down, and what it gives is in order.
func FuzzEntries(f *testing.F) {
	e := journal.Entry{
		Header: journal.Header{Format: journal.Format, Node: "did:web:a.example", Rule: 1},
		Commands: []journal.Command{{
			Kind: 1, Version: 1, Principal: journal.Principal{Kind: journal.System},
		}},
	}.Encode()
	head := []byte("seyfert entries 1\x00\x00\x00\x00\x00\x00\x00\x05")
	f.Add(head)
	f.Add(append(append(head, 0, 0, 0, byte(len(e)), 1, 2, 3, 4), e...))
	f.Add(append(head, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "entries")
		must(t, os.WriteFile(path, data, 0o600))
		next := uint64(0)
		_ = node.EntriesIn{Path: path}.Read(5, func(index uint64, _ journal.Entry) bool {
			if index < 5 || next != 0 && index != next {
				t.Errorf("entry %d where %d was due", index, next)
			}
			next = index + 1
			return true
		})
	})
}
