package signer_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
)

func mustCreate(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "node", "keys")
	if err := signer.Create(dir, rand.Reader, seoul, "regtest"); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func mustOpenDir(tb testing.TB, dir string) *signer.Signer {
	tb.Helper()
	s, err := signer.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestDirectoryKeepsEverything(t *testing.T) {
	dir := mustCreate(t)
	s := mustOpenDir(t, dir)
	c := newChain(seoul, tokyo)
	payload := c.add(t, "peer.propose", `{}`)
	first, err := s.SignMessage(payload)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.SealName("mem_1", "이름")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SealName("mem_2", "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.DestroyName("mem_2"); err != nil {
		t.Fatal(err)
	}
	if err := s.DestroyName("mem_3"); err != nil {
		t.Fatal(err)
	}
	keyID, script := s.KeyID(), s.LaneScript(3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// The operator moves the recovery key offline: it is not needed.
	if err := os.Remove(filepath.Join(dir, "recovery.key")); err != nil {
		t.Fatal(err)
	}
	s = mustOpenDir(t, dir)
	defer s.Close()
	if s.DID() != seoul || s.Network() != "regtest" || s.KeyID() != keyID ||
		!bytes.Equal(s.LaneScript(3), script) {
		t.Fatal("the node is another one")
	}
	if again, err := s.SignMessage(payload); err != nil || again != first {
		t.Fatalf("again: %q, %v", again, err)
	}
	if name, err := s.OpenName("mem_1", sealed); err != nil || name != "이름" {
		t.Fatalf("%q, %v", name, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "names", "mem_2.key")); !os.IsNotExist(err) {
		t.Fatalf("a destroyed key is still there: %v", err)
	}
}

func TestEveryFileIsPrivate(t *testing.T) {
	dir := mustCreate(t)
	s := mustOpenDir(t, dir)
	if _, err := s.SealName("mem_1", "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checked := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		checked++
		return openWithMode(t, dir, path, want)
	})
	if err != nil || checked != 11 {
		t.Fatal(checked, err)
	}
}

// openWithMode checks that the directory is refused once others may read path.
func openWithMode(t *testing.T, dir, path string, mode fs.FileMode) error {
	if filepath.Base(path) == "mem_1.key" { // it is read when it is needed
		return nil
	}
	for _, wide := range []fs.FileMode{0o040, 0o004, 0o020, 0o002} {
		if err := os.Chmod(path, mode|wide); err != nil {
			return err
		}
		_, err := signer.Open(dir)
		wantText(t, err, path, "others may read or write it", "set mode")
	}
	return os.Chmod(path, mode)
}

func TestReadableMemberKeyIsRefused(t *testing.T) {
	dir := mustCreate(t)
	s := mustOpenDir(t, dir)
	defer s.Close()
	sealed, err := s.SealName("mem_1", "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "names", "mem_1.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = s.OpenName("mem_1", sealed)
	wantText(t, err, "others may read or write it")
}

func TestOneProcessAtATime(t *testing.T) {
	dir := mustCreate(t)
	s := mustOpenDir(t, dir)
	_, err := signer.Open(dir)
	wantText(t, err, "another process signs with these keys")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := mustOpenDir(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCreateRefusesWhatIsThere(t *testing.T) {
	dir := mustCreate(t)
	before, err := os.ReadFile(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	err = signer.Create(dir, rand.Reader, seoul, "regtest")
	wantText(t, err, "keys are already here")
	// An interrupted Create leaves no node.json, and the next one says what to do.
	if err := os.Remove(filepath.Join(dir, "node.json")); err != nil {
		t.Fatal(err)
	}
	err = signer.Create(dir, rand.Reader, seoul, "regtest")
	wantText(t, err, "remove the directory")
	_, err = signer.Open(dir)
	wantText(t, err, "run seyfert init")
	after, err := os.ReadFile(filepath.Join(dir, "identity.key"))
	if err != nil || !bytes.Equal(before, after) {
		t.Fatal("a key was overwritten", err)
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	wantText(t, signer.Create(open, rand.Reader, seoul, "regtest"), "others may read")
	err = signer.Create(t.TempDir(), bytes.NewReader(nil), seoul, "regtest")
	wantText(t, err, "make keys")
	err = signer.Create(t.TempDir(), rand.Reader, "did:key:z6Mk", "regtest")
	wantFault(t, err, fault.Invalid, "did")
}

func TestDamagedKeyFilesAreRefused(t *testing.T) {
	other := mustCreate(t)
	for _, name := range []string{
		"identity.key", "sealing.key", "anchor.seed", "preimage.key", "node.json",
	} {
		foreign, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			t.Fatal(err)
		}
		for what, data := range map[string][]byte{
			"foreign": foreign, "empty": {}, "cut": foreign[:len(foreign)-2],
			"long": append(bytes.Clone(foreign), bytes.Repeat([]byte("x"), 5000)...),
			"text": []byte("{\"format\":2}\n"),
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				dir := mustCreate(t)
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				s, err := signer.Open(dir)
				if err == nil {
					s.Close()
					t.Fatal("opened")
				}
			})
		}
		t.Run(name+" link", func(t *testing.T) {
			dir := mustCreate(t)
			path := filepath.Join(dir, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(other, name), path); err != nil {
				t.Fatal(err)
			}
			if _, err := signer.Open(dir); err == nil {
				t.Fatal("opened through a link")
			}
		})
	}
}

func TestMissingJournalIsRefused(t *testing.T) {
	dir := mustCreate(t)
	if err := os.Remove(filepath.Join(dir, "signer.journal")); err != nil {
		t.Fatal(err)
	}
	_, err := signer.Open(dir)
	wantText(t, err, "signer journal is lost", "keep the node stopped")
	if err := os.WriteFile(filepath.Join(dir, "signer.journal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = signer.Open(dir); !errors.Is(err, signer.ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestTornFileIsCut(t *testing.T) {
	dir := mustCreate(t)
	s := mustOpenDir(t, dir)
	c := newChain(seoul, tokyo)
	if _, err := s.SignMessage(c.add(t, "peer.propose", `{}`)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "signer.journal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fork := mustEncode(t, c.next("peer.accept", `{"fork":1}`))
	if _, err := s.SignMessage(c.add(t, "peer.accept", `{}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(whole))+100); err != nil {
		t.Fatal(err)
	}
	s = mustOpenDir(t, dir)
	defer s.Close()
	if _, err := s.SignMessage(fork); err != nil {
		t.Fatal(err)
	}
	cut, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(cut, whole) {
		t.Fatal("the durable part changed", err)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	p, s := openLane(t, coinValue)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			peer := "did:web:peer-" + string(rune('a'+i)) + ".example"
			c := newChain(seoul, peer)
			for range 5 {
				if _, err := s.SignMessage(c.add(t, "peer.propose", `{}`)); err != nil {
					t.Error(err)
				}
				if _, err := s.SpendLane(signer.AnchorRequest{
					Row: peer + string(rune('0'+c.seq)), Payload: daily(byte(i)),
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	again := p.crash(t)
	if seq, _ := again.LastMessage("did:web:peer-a.example"); seq != 5 {
		t.Fatal(seq)
	}
	if again.Lanes()[0] != s.Lanes()[0] {
		t.Fatal("a replay ends at another coin")
	}
}
