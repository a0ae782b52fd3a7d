package server_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seyfert/node"
	"seyfert/server"
)

// withKeys is the same node with another directory, to which keys and secrets were brought.
func (l *lone) withKeys() *lone {
	l.t.Helper()
	other := l.elsewhere()
	must(l.t, os.CopyFS(filepath.Join(other.cfg.Dir, "keys"),
		os.DirFS(filepath.Join(l.cfg.Dir, "keys"))))
	for _, name := range []string{"operator.key", "bank.secret"} {
		data, err := os.ReadFile(filepath.Join(l.cfg.Dir, name))
		must(l.t, err)
		must(l.t, os.WriteFile(filepath.Join(other.cfg.Dir, name), data, 0o600))
	}
	must(l.t, filepath.WalkDir(other.cfg.Dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return errors.Join(err, os.Chmod(path, 0o600))
	}))
	return other
}

// closeDay has a checkpoint signed.
func (l *lone) closeDay(day string) {
	l.t.Helper()
	code := l.call(http.MethodPost, "/v1/days/close", `{"day":"`+day+`"}`, nil)
	if code != http.StatusOK && code != http.StatusCreated {
		l.t.Fatalf("close %s: %d", day, code)
	}
	until(l.t, func() bool {
		var s struct {
			LastDay struct {
				Checkpoint string `json:"checkpoint"`
			} `json:"last_day"`
		}
		l.call(http.MethodGet, "/v1/status", "", &s)
		return s.LastDay.Checkpoint != ""
	})
}

// TestResume: a copy of all that the node signed goes on as the node, through starts and checks,
// with the copy's entries before its own.
func TestResume(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	member := l.work("110-1")
	l.closeDay("2026-01-01")
	early := l.status()
	l.work("110-2")
	late := l.status()
	to := filepath.Join(t.TempDir(), "backup")
	l.backup(to)
	l.close()
	for at, want := range map[uint64]status{0: late, early.Index: early} {
		other := l.withKeys()
		must(t, other.start(server.Parts{Restore: &server.Restore{From: to, At: at}}))
		if got := other.status(); got != want {
			t.Errorf("the copy is at %+v, want %+v", got, want)
		}
		other.close()
		must(t, other.start(server.Parts{Resume: true}))
		if got := other.status(); got.Index <= want.Index {
			t.Errorf("the node is at %+v after %+v", got, want)
		}
		other.work("110-3")
		if code := other.call(http.MethodGet, "/v1/wallets/"+member.ID, "", nil); code != 200 {
			t.Errorf("the member's wallet: %d", code)
		}
		before := other.status()
		other.close()
		_, err := os.Stat(filepath.Join(other.cfg.Dir, "restored"))
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the copy is still there: %v", err)
		}
		var said string
		must(t, other.start(server.Parts{Check: func(step string) { said += step }}))
		if got := other.status(); got.Index < before.Index || !strings.Contains(said, "passed") {
			t.Errorf("after a start the node is at %+v, it was at %+v: %s", got, before, said)
		}
		other.closeDay("2026-01-02")
		if err := other.start(server.Parts{Resume: true}); err == nil {
			t.Error("a node that is none was resumed")
		}
	}
}

// TestResumeRefused: a copy that does not know all that was signed stays a copy; so does one
// without the keys, or with a journal beside it.
func TestResumeRefused(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	to := filepath.Join(t.TempDir(), "backup")
	made := l.backup(to)
	l.closeDay("2026-01-01")
	l.close()
	refused := func(other *lone, want ...string) {
		t.Helper()
		must(t, other.start(server.Parts{Restore: &server.Restore{From: to}}))
		other.close()
		err := other.start(server.Parts{Resume: true})
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("it says %v, want %q", err, text)
			}
		}
		must(t, other.start(server.Parts{}))
		if got := other.status(); got.Index != made.Index {
			t.Errorf("the copy is at %+v", got)
		}
		other.takesNothing()
		other.close()
	}
	other := l.withKeys()
	refused(other, "the checkpoint of", "leaves of the journal tree, of which the copy has",
		"RECOVERY is needed")
	refused(l.elsewhere(), "the node's keys and its newest signer journal are needed")
	other = l.withKeys()
	must(t, os.Remove(filepath.Join(other.cfg.Dir, "keys", "signer.journal")))
	refused(other, "signer journal is lost")
}

// TestResumeInterrupted: a resume that ended at any of its steps is ended by the next one, and
// nothing else starts until then.
func TestResumeInterrupted(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	to := filepath.Join(t.TempDir(), "backup")
	made := l.backup(to)
	l.close()
	full := l.withKeys()
	must(t, full.start(server.Parts{Restore: &server.Restore{From: to}}))
	full.close()
	must(t, full.start(server.Parts{Resume: true}))
	full.close()
	dir := func(l *lone, name ...string) string {
		return filepath.Join(append([]string{l.cfg.Dir}, name...)...)
	}
	for moved := range 3 {
		other := l.withKeys()
		must(t, other.start(server.Parts{Restore: &server.Restore{From: to}}))
		other.close()
		// As resume leaves it behind after moving so many of its parts.
		must(t, os.WriteFile(dir(other, "restored", "resuming"), nil, 0o600))
		at := dir(other, "restored", "journal")
		if moved > 0 {
			at = dir(other, "journal")
		}
		must(t, os.CopyFS(at, os.DirFS(dir(full, "journal"))))
		must(t, os.RemoveAll(dir(other, "restored", "state")))
		at = dir(other, "restored", "state")
		if moved > 1 {
			at = dir(other, "state")
		}
		must(t, os.CopyFS(at, os.DirFS(dir(full, "state"))))
		err := other.start(server.Parts{})
		if err == nil || !strings.Contains(err.Error(), "start with --resume again") {
			t.Errorf("%d moved: an ordinary start: %v", moved, err)
		}
		must(t, other.start(server.Parts{Resume: true}))
		if got := other.status(); got.Index <= made.Index {
			t.Errorf("%d moved: the node is at %+v", moved, got)
		}
		other.close()
	}
	other := l.withKeys()
	must(t, other.start(server.Parts{Restore: &server.Restore{From: to}}))
	other.close()
	must(t, os.Mkdir(dir(other, "journal"), 0o700))
	err := other.start(server.Parts{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "is there beside the copy") {
		t.Errorf("with a journal beside the copy: %v", err)
	}
}

// TestResumeMessages: what was signed to a peer and onto the chain since the backup is named.
func TestResumeMessages(t *testing.T) {
	w := newWorld(t)
	to := filepath.Join(t.TempDir(), "backup")
	_, err := server.Backup(t.Context(), w.seoul.cfg, to, func(string) {})
	must(t, err)
	member, err := w.seoul.node.Authenticate(w.session())
	must(t, err)
	offer := w.offer("")
	order, err := w.seoul.node.Approve(t.Context(), member, node.Request{}, offer.JWS)
	must(t, err)
	if claim := w.claim(offer, order.Receipt); claim.State != "paid" {
		t.Fatalf("the claim is %+v", claim)
	}
	l := &lone{t: t, cfg: w.seoul.cfg, chain: w.chain, log: slog.New(slog.DiscardHandler)}
	key, err := os.ReadFile(filepath.Join(l.cfg.Dir, "operator.key"))
	must(t, err)
	l.key = strings.TrimSpace(string(key))
	other := l.withKeys()
	other.cfg.Listen = "127.0.0.1:0"
	must(t, other.start(server.Parts{Restore: &server.Restore{From: to}}))
	other.close()
	err = other.start(server.Parts{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "messages 1 to ") ||
		!strings.Contains(err.Error(), " to did:web:tokyo.localhost") ||
		!strings.Contains(err.Error(), "RECOVERY is needed") {
		t.Errorf("it says %v", err)
	}
}

// session signs the member in.
func (w *world) session() string {
	w.t.Helper()
	token, _, err := w.seoul.node.SignIn(w.t.Context(), w.seoul.code(w.member.ID))
	must(w.t, err)
	return string(token)
}

// TestResumeWithKeysOfReplica: what one replica has for itself is no other node's.
func TestResumeWithKeysOfReplica(t *testing.T) {
	l := newLone(t)
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	want := l.status()
	to := filepath.Join(t.TempDir(), "backup")
	l.backup(to)
	l.close()
	other := l.withKeys()
	must(t, other.start(server.Parts{Restore: &server.Restore{From: to}}))
	other.close()
	keys := filepath.Join(other.cfg.Dir, "keys")
	for _, name := range []string{"mirror.terms", "replica.key"} {
		must(t, os.WriteFile(filepath.Join(keys, name), []byte("of another"), 0o600))
	}
	wantSaid(t, other.start(server.Parts{Resume: true}), "resume: "+keys+" holds replica.key and "+
		"mirror.terms of a replica; they belong to that replica alone. Remove both, and start "+
		"again. Nothing was changed")
	must(t, other.start(server.Parts{})) // still the copy
	if got := other.status(); got != want {
		t.Errorf("the copy is at %+v, want %+v", got, want)
	}
	other.close()
	must(t, os.Remove(filepath.Join(keys, "replica.key")))
	wantSaid(t, other.start(server.Parts{Resume: true}), "holds mirror.terms of a replica; it "+
		"belongs to that replica alone. Remove it, and")
	must(t, os.Remove(filepath.Join(keys, "mirror.terms")))
	must(t, other.start(server.Parts{Resume: true}))
}
